/* SPDX-License-Identifier: MIT */
/*
 * Domains and vcpus: data and references only. Each room keeps its part in a
 * struct of its own (its state.h), embedded here; a room touches only its
 * own part and this header's fields. Locks are written on each room's fields.
 *
 * A domain is found by id without a lock: domain_find() gives a pointer that
 * stays good until this CPU next returns to a guest or idles. The reaper
 * frees a domain only after every CPU has done so (lifecycle/end.c).
 */
#ifndef LODGE_DOMAIN_H
#define LODGE_DOMAIN_H

#include "abi.h"
#include "atomic.h"
#include "cpu.h"
#include "errno.h"
#include "list.h"
#include "lock.h"
#include "lib/ranges.h"
#include "types.h"

#include "console/state.h"
#include "event/state.h"
#include "frame/state.h"
#include "grant/state.h"
#include "irq/state.h"
#include "mm/state.h"
#include "sched/state.h"
#include "time/state.h"
#include "trap/state.h"

#define DOMAIN_MAX_VCPUS 32
#define DOMAIN_NAME_MAX	 32
#define DOMAIN_IDS	 4096 /* ids are below */

/* Work for the way back to the guest (call/return.c). */
enum vcpu_work {
	VCPU_WORK_DYING = 1 << 0,    /* its domain crashed or shut down */
	VCPU_WORK_RUNSTATE = 1 << 1, /* copy the runstate to the guest */
	VCPU_WORK_NMI = 1 << 2,	     /* deliver an NMI */
};

struct vcpu {
	uint32_t version; /* layout of this struct, for live update */
	/* First what each way back to the guest looks at (x86/entry.S). */
	atomic32_t work; /* VCPU_WORK_* */
	/* Where the guest and we talk: in shared_info or a guest's frame. */
	struct vcpu_info *info;
	/* The guest's registers: on the CPU's stack while it runs there,
	 * otherwise &saved. */
	struct cpu_user_regs *regs;
	struct domain *domain;
	struct vcpu_trap trap;
	uint32_t id;		  /* within the domain */
	uint8_t initialised;	  /* a: 1: it has a context */
	struct frame *info_frame; /* holds a writable reference; NULL: the
				     shared_info frame */
	struct cpu_user_regs saved;

	/* Machine state that the guest owns; saved when it does not run. */
	uint64_t fs_base, gs_base_kernel, gs_base_user;
	uint16_t gs_user_selector;
	uint64_t xcr0;
	void *xstate; /* extended registers, arch_vcpu_init() */

	struct vcpu_mm mm;
	struct vcpu_time time;
	struct vcpu_sched sched;
	struct vcpu_event event;
};

/* Why a domain no longer runs. */
enum domain_state {
	DOMAIN_BUILDING,
	DOMAIN_ALIVE,
	DOMAIN_SHUTDOWN, /* shutdown_code says why */
	DOMAIN_DYING,	 /* being taken apart */
};

/* What of the machine a domain may use itself: lock. */
struct domain_access {
	struct spinlock lock;
	struct ranges memory; /* frames that are no RAM of ours */
	struct ranges ports;
	struct ranges irqs; /* PIRQs */
	uint32_t pci_address; /* a: what a privileged one last chose */
};

struct domain {
	uint32_t version;
	uint16_t id;
	bool privileged; /* may ask for what domain 0 may */
	uint8_t width;	 /* enum domain_width; for good once it has memory */
	char name[DOMAIN_NAME_MAX];
	uint8_t handle[16];	  /* its UUID */
	atomic32_t state;	  /* enum domain_state */
	atomic32_t shutdown_code; /* SHUTDOWN_* once it has shut down */
	struct list link;	  /* on the reaper's list */
	uint8_t ending;		  /* how far the reaper is (lifecycle/end.c) */
	bool stays;		  /* when it has shut down, to be destroyed */
	bool is_xenstore;	  /* told to whoever asks */
	bool debugged;		  /* told as well */
	uint8_t tsc_mode;	  /* and these */
	uint32_t tsc_incarnation;
	bool msr_relaxed;	  /* unknown MSRs read as 0, writes vanish */
	struct timer reap;	  /* when taking it apart goes on */
	uint32_t boot_index;	  /* which boot description; see boot/ */
	uint32_t suspend_port;	  /* a: its own, told of its suspension */
	int64_t time_offset_ns;	  /* of its wallclock */
	uint64_t created_ns;

	struct shared_info *shared;
	struct frame *shared_frame;

	uint32_t max_vcpus;
	struct vcpu *vcpu[DOMAIN_MAX_VCPUS];

	struct domain_cpuid cpuid;

	struct domain_frames frames;
	struct domain_mm mm;
	struct domain_sched sched;
	struct domain_event event;
	struct domain_grant grant;
	struct domain_irqs irqs;
	struct domain_console console;
	struct domain_access access;
};

/* The vcpu that this CPU runs, NULL when idle. */
static inline struct vcpu *current_vcpu(void)
{
	return this_cpu()->current;
}

/* The domain of that id, or NULL; see above for how long it is good. */
struct domain *domain_find(uint16_t id);
/* The next domain after id (-1: the first) in order of ids, or NULL. */
struct domain *domain_next(int id);
/*
 * Enters a domain in the table under the lowest free id from first to last.
 * -ENFILE when there is none.
 */
[[nodiscard]] int domain_publish(struct domain *d, uint16_t first,
				 uint16_t last);
/* Takes it out: domain_find() no longer finds it. */
void domain_withdraw(struct domain *d);
/*
 * The domain that a DOMID argument of v's guest means: its own for
 * DOMID_SELF or its own id, another's only if it is privileged. On failure
 * NULL and *error is -ESRCH or -EPERM; else it is left alone.
 */
struct domain *domain_from_arg(const struct vcpu *v, uint16_t id, int *error);

/* No domains, but owners of frames (frame/state.h), named as others are. */
extern struct domain domain_io, domain_shown;

/*
 * Whether a domain may use all of first to last; set is one of d->access.
 * What it has already by then (a mapping, a bound interrupt) it keeps.
 */
bool domain_may_use(struct domain *d, const struct ranges *set, uint64_t first,
		    uint64_t last);
/* Allows or forbids it. -EINVAL: last is before first; -ENOSPC: too many. */
[[nodiscard]] int domain_set_use(struct domain *d, struct ranges *set,
				 uint64_t first, uint64_t last, bool allow);

/* True once the domain may never run again. */
static inline bool domain_is_dying(const struct domain *d)
{
	return atomic32_load(&d->state) == DOMAIN_DYING;
}

/*
 * The guest is beyond repair: logs the reason with its registers and stack,
 * marks the domain crashed; its vcpus never run again and the way back to
 * the guest takes it apart. Returns: the caller unwinds as after an error.
 */
void domain_crash(struct domain *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Marks the domain shut down for that reason (SHUTDOWN_*), as above. */
void domain_shutdown(struct domain *d, uint32_t reason);

#endif
