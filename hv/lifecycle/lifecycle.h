/* SPDX-License-Identifier: MIT */
/* A domain's life: created, built, run, shut down, taken apart. */
#ifndef LODGE_LIFECYCLE_H
#define LODGE_LIFECYCLE_H

#include "domain/domain.h"
#include "image/state.h"

struct domain_config {
	const char *name;
	uint16_t first_id;  /* lowest id it may have */
	uint64_t max_pages; /* limit of its memory */
	uint32_t vcpus;
	uint32_t weight;
	uint32_t boot_index; /* for boot/, LIFECYCLE_NO_INDEX: not its guest */
	bool privileged;
	uint8_t width; /* enum domain_width */
	struct grant_limits grants; /* version 0: the defaults */
};

#define LIFECYCLE_NO_INDEX UINT32_MAX

/* A domain with vcpus that are down, no memory, found by its id. -ENOMEM,
 * -ENFILE. */
[[nodiscard]] int lifecycle_create(const struct domain_config *config,
				   struct domain **out);

/* What build needs beside the domain. */
struct domain_image {
	const struct kernel_image *kernel;
	const void *ramdisk; /* NULL: none */
	size_t ramdisk_bytes;
	const char *cmdline;
	uint64_t pages; /* memory to give it now */
	bool initial;	/* domain 0: SIF_INITDOMAIN, console_io */
};

/*
 * Gives the domain memory, loads the kernel, makes its first page tables,
 * start_info and p2m, and sets its first vcpu to the kernel's entry. On
 * failure -ENOMEM or -EINVAL with a message in the log; destroy it then.
 */
[[nodiscard]] int lifecycle_build(struct domain *d,
				  const struct domain_image *image);
/* Lets a domain that was created paused run: after build, once. */
void lifecycle_unpause(struct domain *d);

/*
 * Fills a page with the code of all hypercalls: call n at byte n * 32, which
 * takes its arguments and gives its result in registers and keeps the others.
 */
void lifecycle_hypercall_page_fill(void *page, enum domain_width width);

/* VCPU_WORK_DYING, on the way back to the guest: the vcpu stops for good
 * and its domain is queued for the reaper. */
void lifecycle_work(struct vcpu *v);
/* SOFTIRQ_REAP: takes dead domains apart, some frames at a time. */
void lifecycle_reap(void);
/* Ends a domain at once (no vcpu of it runs after): queued for the reaper. */
void lifecycle_destroy(struct domain *d);

/*
 * What was a domain of boot/, whose memory is free again. Nothing is called:
 * boot/ asks on the way back to a guest, restarts or powers off. A guest of
 * boot/ runs once at a time, so one place for each is enough.
 */
#define LIFECYCLE_ENDS_MAX 64

struct domain_end {
	uint16_t id;
	uint32_t boot_index;
	uint32_t shutdown_code;
	char name[DOMAIN_NAME_MAX];
};
/* True when lifecycle_ended() has one; cheap. An idle CPU looks, too. */
bool lifecycle_ended_pending(void);
/* Takes the oldest end that nobody has acted on; false: none. */
[[nodiscard]] bool lifecycle_ended(struct domain_end *out);

/*
 * VCPUOP_initialise: a secondary vcpu's context, copied in. -EEXIST: it has
 * one; -EINVAL; -ERESTART: its page tables are half validated, call again.
 */
[[nodiscard]] int lifecycle_vcpu_initialise(struct vcpu *v,
					    const struct vcpu_guest_context *c);

#endif
