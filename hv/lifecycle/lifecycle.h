/* SPDX-License-Identifier: MIT */
/* A domain's life: created, built, run, shut down, taken apart. */
#ifndef LODGE_LIFECYCLE_H
#define LODGE_LIFECYCLE_H

#include "domain/domain.h"
#include "image/state.h"

struct domain_config {
	const char *name;   /* empty: one made of its id */
	uint16_t first_id;  /* lowest id it may have */
	uint16_t last_id;   /* highest; 0: any */
	uint64_t max_pages; /* limit of its memory */
	uint32_t vcpus;
	uint32_t weight;
	uint32_t boot_index; /* for boot/, LIFECYCLE_NO_INDEX: not its guest */
	uint32_t max_ports;  /* of event channels, exclusive; 0: as usual */
	bool privileged;
	bool stays; /* after it has shut down, for control software */
	bool is_xenstore;
	uint8_t width; /* enum domain_width */
	uint8_t handle[16];
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

/*
 * A domain without memory and contexts, never run, becomes one of that width.
 * -EACCES: it is too late. -ENOMEM: its shared_info lies
 * where such a guest cannot name it.
 */
[[nodiscard]] int lifecycle_width_set(struct domain *d,
				      enum domain_width width);

/* VCPU_WORK_DYING, on the way back to the guest: the vcpu stops for good, see
 * lifecycle_shut(). */
void lifecycle_work(struct vcpu *v);
/*
 * A domain was shut down, and is queued for the reaper; or it stays: its vcpus
 * stop, control software is told, and decides: destroyed, or resumed.
 */
void lifecycle_shut(struct domain *d);
/* One that has suspended itself runs on. -EINVAL: it has not. -ERESTART: a
 * vcpu of it has still to leave its CPU. */
[[nodiscard]] int lifecycle_resume(struct domain *d);
/* SOFTIRQ_REAP: takes dead domains apart, some frames at a time. */
void lifecycle_reap(void);
/* Ends a domain at once (no vcpu of it runs after): queued for the reaper. */
void lifecycle_destroy(struct domain *d);
/*
 * Does some of the reaper's work on a domain that was destroyed. -ERESTART:
 * there is more. 0: nothing is left but what others still use; the reaper
 * frees it without that, at the earliest on this CPU's way back to a guest.
 */
[[nodiscard]] int lifecycle_destroy_some(struct domain *d);

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
/* An initialised vcpu that is down runs from now on. */
void lifecycle_vcpu_up(struct vcpu *v);
/* The same by control software, for any vcpu that runs nowhere, also anew;
 * it is up afterwards if the context says so. */
[[nodiscard]] int lifecycle_vcpu_set(struct vcpu *v,
				     const struct vcpu_guest_context *c);
/* And back, into a context that is zero. */
void lifecycle_vcpu_get(struct vcpu *v, struct vcpu_guest_context *c);

#endif
