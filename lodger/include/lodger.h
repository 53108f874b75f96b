/* SPDX-License-Identifier: MIT */
/*
 * The guest kit: what a small paravirtual guest needs, and no more.
 * A guest is test_main() plus this. Each header is one service.
 */
#ifndef LODGER_H
#define LODGER_H

#include "hypercall.h"
#include "print.h"
#include "vectors.h"
#include "trap.h"
#include "console.h"
#include "page.h"
#include "table.h"
#include "event.h"
#include "grant.h"
#include "control.h"
#include "child.h"
#include "clock.h"
#include "peer.h"
#include "thread.h"
#include "user.h"
#include "test.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

extern const start_info_t *start_info;
extern shared_info_t *shared_info;
/* Where the hypervisor keeps this vCPU's event words and time. */
extern vcpu_info_t *vcpu_info;
/* The vCPU's event mask as the guest was started. */
extern int start_mask;

#define barrier() __asm__ __volatile__("" : : : "memory")

static __inline__ int is_initial_domain(void)
{
	return (start_info->flags & SIF_INITDOMAIN) != 0;
}

/* True when word stands alone in the guest's command line. */
int option(const char *word);

/* The decimal number behind key ("seed="), or otherwise. */
unsigned long option_number(const char *key, unsigned long otherwise);

/*
 * True on Lodge: XENVER_extraversion or compile_info names it, or the command
 * line has the word lodge. For tests of what only Lodge promises.
 */
int on_lodge(void);

#endif
