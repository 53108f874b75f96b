/* SPDX-License-Identifier: MIT */
/* Memory management state of a domain and of a vcpu. */
#ifndef LODGE_MM_STATE_H
#define LODGE_MM_STATE_H

#include "abi.h"
#include "lock.h"
#include "types.h"

struct frame;
struct memory_range_info;

/* What a domain's present entries of one level may be: its width decides. */
struct pte_rule {
	uint64_t forbidden; /* refused: reserved, or a superpage */
	uint64_t clear;	    /* what a guest may ask for and does not get */
	uint64_t set;	    /* what it gets without asking */
};
struct mm_shadow;

struct domain_mm {
	struct spinlock lock; /* every validated page table of the domain, its
				 types, partial states and roots */
	bool separated; /* its roots have companions; from its beginning on */
	uint32_t companions; /* lock: how many roots have */
	/* lock: of the root that ended last, for the next */
	struct frame *companion_spare;
	uint64_t vm_assist; /* bits VMASST_TYPE_*, by its own vcpus */
	/* lock: a table whose last use ended and whose devalidation was
	 * interrupted; the next operation on the domain's tables goes on
	 * with it first (mm_settle) */
	struct frame *orphan;
	/* lock: XENMEM_set_memory_map */
	struct memory_range_info *ranges;
	unsigned int nr_ranges;
	/* lock: what shadow.c has; shadowed (a): the processor walks it */
	struct mm_shadow *shadow;
	bool shadowed;
	/* lock: how far taking the domain apart has come (teardown.c) */
	uint32_t teardown_phase;
	struct frame *teardown_at; /* a reference is held */
	struct pte_rule rule[4];   /* of levels 1 to 4; constant */
};

#define GDT_GUEST_PAGES 14 /* FIRST_RESERVED_GDT_PAGE */
#define LDT_PAGES	16

/* Only the CPU that runs the vcpu, or anyone while it is stopped. */
struct vcpu_mm {
	struct frame *root_kernel; /* validated L4, reference and type held */
	struct frame *root_user;   /* the same, or NULL */
	/* What the processor has in their place: user, kernel; ours. Changed
	 * only while no CPU runs the vcpu, see shadow.c. */
	struct frame *shadow_root[2];
	struct frame *gdt[GDT_GUEST_PAGES]; /* typed FRAME_SEGDESC */
	uint32_t gdt_entries;
	uint64_t ldt_va; /* guest address of the LDT */
	uint32_t ldt_entries;
	struct frame *ldt[LDT_PAGES]; /* mapped on demand, typed as above */
};

#endif
