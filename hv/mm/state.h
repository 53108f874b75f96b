/* SPDX-License-Identifier: MIT */
/* Memory management state of a domain and of a vcpu. */
#ifndef LODGE_MM_STATE_H
#define LODGE_MM_STATE_H

#include "abi.h"
#include "lock.h"
#include "types.h"

struct frame;

struct domain_mm {
	struct spinlock lock; /* every validated page table of the domain, its
				 types, partial states and roots */
	uint32_t vm_assist;   /* bits VMASST_TYPE_*; a: set once each */
};

#define GDT_GUEST_PAGES 14 /* FIRST_RESERVED_GDT_PAGE */
#define LDT_PAGES 16

/* Only the CPU that runs the vcpu, or anyone while it is stopped. */
struct vcpu_mm {
	struct frame *root_kernel; /* validated L4, reference and type held */
	struct frame *root_user;   /* the same, or NULL */
	struct frame *gdt[GDT_GUEST_PAGES]; /* typed FRAME_SEGDESC */
	uint32_t gdt_entries;
	uint64_t ldt_va; /* guest address of the LDT */
	uint32_t ldt_entries;
	struct frame *ldt[LDT_PAGES]; /* mapped on demand, typed as above */
	uint32_t flush; /* VCPU_FLUSH_* wanted before the guest runs again */
};

#endif
