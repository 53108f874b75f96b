/* SPDX-License-Identifier: MIT */
/*
 * Page-type validation: what a guest may ask of its page tables. Each public
 * function takes what was copied in once, checks all of it, then acts.
 * Errors: -EINVAL for what breaks the laws, -EPERM, -ESRCH for another
 * domain's, -EBUSY for a table that is partly validated, -ERESTART when
 * there is more to do (progress is in the frames).
 */
#ifndef LODGE_MM_H
#define LODGE_MM_H

#include "domain/domain.h"
#include "frame/frame.h"
#include "mm/state.h"

/* A witness that d's mm lock is held. */
struct mm_locked {
	struct domain *d;
};
struct mm_locked mm_lock(struct domain *d);
void mm_unlock(struct mm_locked m);

/* ---- types of tables (validate.c) ---- */

/* A reference and a use of type t (FRAME_L1..L4, FRAME_SEGDESC), validated
 * if need be. -ERESTART: preempted, call again. */
[[nodiscard]] int mm_get_table(struct mm_locked m, struct frame *f,
			       enum frame_type t);
/* Drops both. -ERESTART: preempted while devalidating; the frame is partial
 * and holds its own reference, which mm_finish_partial() or a new get ends. */
[[nodiscard]] int mm_put_table(struct mm_locked m, struct frame *f);
/* Drops what a partial frame still holds. -ERESTART: call again. */
[[nodiscard]] int mm_finish_partial(struct mm_locked m, struct frame *f);

/* ---- entries (entry.c) ---- */

/*
 * Writes entry idx of a validated table f of domain m.d, where pt_owner's
 * frames may be referred to. keep_ad: accessed and dirty bits of the old
 * entry stay. expected: NULL, or the value that must be there (for emulated
 * compare-and-exchange): -EAGAIN when it is not.
 */
[[nodiscard]] int mm_entry_update(struct mm_locked m, struct frame *f,
				  unsigned int idx, uint64_t value,
				  struct domain *foreign, bool keep_ad,
				  const uint64_t *expected);

/* The one function that writes a validated page-table entry (store.c). */
[[nodiscard]] bool pt_store(struct frame *f, unsigned int idx, uint64_t *old,
			    uint64_t new_value);

/* ---- walking (walk.c) ---- */

/*
 * The L1 entry that maps va in the tables under v's active root, or NULL.
 * *table is the L1's frame, *idx the entry's place. mm lock held.
 */
uint64_t *mm_walk(struct mm_locked m, struct vcpu *v, uint64_t va,
		  struct frame **table, unsigned int *idx);

/* ---- operations (update.c, ext.c, segdesc.c, ptwr.c, roots.c) ---- */

[[nodiscard]] int mm_update_va(struct vcpu *v, uint64_t va, uint64_t value,
			       uint64_t flags);
/* One mmu_update entry, ptr and val as the interface has them. */
[[nodiscard]] int mm_update_one(struct vcpu *v, struct mm_locked pt,
				struct domain *foreign, uint64_t ptr,
				uint64_t val);
[[nodiscard]] int mm_ext_one(struct vcpu *v, struct domain *d,
			     const struct mmuext_op *op);
[[nodiscard]] int mm_gdt_set(struct vcpu *v, const uint64_t *frames,
			     unsigned int entries);
void mm_gdt_clear(struct vcpu *v);
[[nodiscard]] int mm_ldt_set(struct vcpu *v, uint64_t va, unsigned int entries);
[[nodiscard]] int mm_descriptor_update(struct vcpu *v, uint64_t maddr,
				       uint64_t descriptor);
/* True when the descriptor may stand in a guest's table. */
bool mm_descriptor_ok(uint64_t descriptor);
/* #PF in the LDT's window at that offset: map the page. True: retry. */
bool mm_ldt_fault(struct vcpu *v, uint64_t offset);
/* The m2p entry of a frame. */
void mm_m2p_set(struct frame *f, uint64_t pfn);

/*
 * A guest's #PF was a write to a present, read-only page: if that page is one
 * of its own L1s (or higher), decode the instruction at RIP and apply it.
 * True: done, or to be retried; false: a fault of the guest's own.
 */
bool mm_ptwr_fault(struct vcpu *v, uint64_t va);

/* The root that translates for v in the mode it is in, with NULL if none. */
struct frame *root_for(const struct vcpu *v, bool kernel_mode);
/* Switches the vcpu that runs here between its two roots, as its mode says. */
void mm_root_activate(struct vcpu *v);
[[nodiscard]] int mm_root_set(struct vcpu *v, bool user, guest_mfn_t root);

/* Before the guest runs again: do the flushes that operations asked for. */
#define VCPU_FLUSH_ALL 1

/* Takes apart all page tables and roots of a dying domain. -ERESTART. */
[[nodiscard]] int mm_domain_relinquish(struct domain *d);
void mm_domain_init(struct domain *d);

#endif
