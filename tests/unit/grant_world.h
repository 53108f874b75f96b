/* SPDX-License-Identifier: MIT */
/*
 * Two domains with grant tables, for the tests of grant/: a privileged one
 * and another, each on its own CPU, with a page for arguments. The granter
 * writes its entries by their machine frames, as a guest would by a mapping
 * of them.
 */
#ifndef LODGE_GRANT_WORLD_H
#define LODGE_GRANT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "call/call.h"
#include "grant/grant.h"
#include "host/host.h"
#include "log/log.h"
#include "mm/mm.h"
#include "pte.h"
#include "model/oracle.h"

#define PAGES 40
#define ARG   host_guest_va(0)
#define LIST  host_guest_va(1)

static struct host_guest dom[2];

/* That CPU runs its guest now. */
static struct vcpu *on(unsigned int cpu)
{
	host_cpu_select(cpu);
	return dom[cpu].d->vcpu[0];
}

static int world_setup(void **state)
{
	(void)state;
	host_init(2048, 2);
	log_set_levels(LOG_ERROR, LOG_ERROR);
	for (unsigned int i = 0; i < 2; i++) {
		host_guest_make(&dom[i], PAGES, 2, i == 0);
		host_cpu_select(i);
		host_vcpu_enter(dom[i].d->vcpu[0]);
	}
	host_cpu_select(0);
	host_copy_scrambles = false;
	return 0;
}

static int world_teardown(void **state)
{
	(void)state;
	if (oracle_check())
		fail_msg("%s", oracle_report());
	host_fini();
	return 0;
}

/* The operation on n structures, which are copied to and from the guest. */
static long op(struct vcpu *v, unsigned int cmd, void *arg, size_t bytes,
	       unsigned int n)
{
	struct call_args args = { .a = { cmd, ARG, n } };
	long rc;

	if (host_guest_write(ARG, arg, bytes * n))
		fail_msg("no room for the argument");
	while ((rc = hc_grant_table_op(v, &args)) == -ERESTART)
		;
	if (host_guest_read(ARG, arg, bytes * n))
		fail_msg("no answer");
	return rc;
}

#define OP(v, cmd, arg) op(v, cmd, &(arg), sizeof(arg), 1)

#endif
