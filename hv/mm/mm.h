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

#include "decode/decode.h"
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

/* A reference and a use of type t (a table's, or FRAME_SEGDESC), validated
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
 * Writes entry idx of a validated table f of domain m.d, where owner's
 * frames may be referred to; mm_settle() came before f was looked at.
 * keep_ad: accessed and dirty bits of the old entry stay. expected: NULL, or
 * the value that must be there (for emulated compare-and-exchange): -EAGAIN
 * when it is not.
 */
[[nodiscard]] int mm_entry_update(struct mm_locked m, struct frame *f,
				  unsigned int idx, uint64_t value,
				  struct domain *owner, bool keep_ad,
				  const uint64_t *expected);

/* The one function that writes a validated page-table entry (store.c). */
[[nodiscard]] bool pt_store(struct mm_locked m, struct frame *table,
			    uint64_t *entry, uint64_t *old, uint64_t new_value);

/* ---- what the width of a domain means (width.c) ---- */

struct mm_width {
	uint8_t table[5];    /* enum frame_type, of a table of level 1 to 4 */
	uint8_t root;	     /* and of a root */
	uint8_t ptwr_level;  /* up to which tables may be written directly */
	uint64_t entry_bits; /* that each present entry has */
	enum decode_width decode;
	bool separates; /* its roots may have companions */
};
extern const struct mm_width mm_widths[];
static inline const struct mm_width *mm_width(const struct domain *d)
{
	return &mm_widths[d->width];
}
/* Bits VMASST_TYPE_*: the ways of behaving that a guest may choose. */
extern const uint64_t mm_assists;
/* An address that the guest's tables may translate: canonical, and outside the
 * hypervisor's range. */
bool mm_va_is_guest(const struct domain *d, uint64_t va);

/* ---- walking (walk.c) ---- */

/* Where an entry lies, and in which validated table. */
struct mm_place {
	struct frame *table;
	uint64_t *entry;
};
/*
 * The L1 entry that maps va in the tables under root (a guest's own, may be
 * NULL): false when there is no L1 for it, or it is not a guest's address.
 */
[[nodiscard]] bool mm_walk(struct mm_locked m, struct frame *root, uint64_t va,
			   struct mm_place *out);

/* ---- operations (update.c, ext.c, ptwr.c) ---- */

/*
 * update_va_mapping: the L1 entry that maps va becomes value, which refers
 * to a frame of owner; flags: UVMF_*. -EINVAL also when there is no L1.
 */
[[nodiscard]] int mm_update_va(struct vcpu *v, uint64_t va, uint64_t value,
			       uint64_t flags, struct domain *owner);
/*
 * n mmu_update requests, copied in, on tables of m.d; entries refer to frames
 * of owner. Stops at the first that fails, *done tells how many did not.
 */
[[nodiscard]] int mm_update(struct mm_locked m, struct domain *owner,
			    const struct mmu_update *req, unsigned int n,
			    unsigned int *done);
/* One mmuext_op on domain d's frames, copied in. */
[[nodiscard]] int mm_ext_one(struct vcpu *v, struct domain *d,
			     const struct mmuext_op *op);
/* Where an L1 entry of a guest's is: at a machine address, or where a virtual
 * one is mapped. */
struct mm_at {
	uint64_t addr;
	bool machine;
};
/*
 * That entry becomes value, which refers to a frame that owner has lent
 * (foreign.c). -EINVAL: no entry, or what entry_get() says; -ERESTART.
 */
[[nodiscard]] int mm_foreign_set(struct vcpu *v, struct mm_at at,
				 uint64_t value, struct domain *owner);
/*
 * That entry, if it maps f, writable or not as said, becomes empty; or what
 * maps the address instead, if it is not 0, moves there. The caller flushes.
 * -EINVAL: it does not map it so; -ERESTART.
 */
[[nodiscard]] int mm_foreign_clear(struct vcpu *v, struct mm_at at,
				   const struct frame *f, bool writable,
				   uint64_t instead);
/* Flushes all CPUs that run v's domain now. */
void mm_flush_all(struct vcpu *v);
/* The CPUs that run one of d's vcpus of the set (bit = vcpu id) now. */
uint64_t mm_cpus_running(const struct domain *d, uint64_t vcpus);
/* Reads a set of vcpus at a guest's address: only bytes that d's vcpus need. */
[[nodiscard]] int mm_vcpu_set_read(const struct domain *d, uint64_t va,
				   uint64_t *set);
/*
 * A guest's #PF was a write to a present, read-only page: if that page is
 * one of its own tables, decodes the instruction at RIP and applies it.
 * True: done, or to be tried again; false: a fault of the guest's own.
 */
[[nodiscard]] bool mm_ptwr_fault(struct vcpu *v, uint64_t va);
/* The m2p entry of a frame. */
static inline void mm_m2p_set(const struct frame *f, uint64_t pfn)
{
	frame_m2p_set(f, pfn);
}

/* ---- registers and code as the decoder wants them (ptwr.c) ---- */

/* The register of a hardware number (0-15), 64 bits wide. */
uint64_t *insn_gpr(const struct vcpu *v, unsigned int n);
/* Registers of the vcpu that runs here, those that insn uses. */
void insn_regs_load(struct vcpu *v, const struct insn *insn,
		    struct insn_regs *out);
#define INSN_BUFFER 16
/* The bytes of v's code at rip: how many could be had, 0 to 15. */
[[nodiscard]] size_t insn_fetch(const struct vcpu *v, uint64_t rip,
				uint8_t bytes[INSN_BUFFER]);

/* ---- descriptor tables (segdesc.c) ---- */

/*
 * Makes frames (of v's domain, n = entries / 512 rounded up) the vcpu's GDT.
 * Loaded at once when v runs here. -EINVAL: too many, or not to be had.
 */
[[nodiscard]] int mm_gdt_set(struct vcpu *v, const uint64_t *frames,
			     unsigned int entries);
void mm_gdt_clear(struct vcpu *v);
/* The vcpu's LDT is at va, with that many entries; 0: none. */
[[nodiscard]] int mm_ldt_set(struct vcpu *v, uint64_t va, unsigned int entries);
/* update_descriptor: 8 bytes at a machine address of d's. */
[[nodiscard]] int mm_descriptor_update(struct domain *d, uint64_t maddr,
				       uint64_t descriptor);
/*
 * True when the descriptor may stand in a table of d's; a code or data
 * segment's DPL is raised to where its kernel runs.
 */
[[nodiscard]] bool mm_descriptor_check(const struct domain *d,
				       uint64_t *descriptor);
/* The base of the segment that a 32-bit guest's selector loads; 0 for ours. */
uint64_t mm_segment_base(const struct vcpu *v, uint16_t selector);
/* #PF in the LDT's window at that offset: maps the page. True: retry. */
[[nodiscard]] bool mm_ldt_fault(struct vcpu *v, uint64_t offset);

/* ---- roots (roots.c) ---- */

/* What the processor is to walk for v in that mode; NULL when it has none. A
 * 32-bit guest has one for both, in both places. */
struct frame *root_for(const struct vcpu *v, bool kernel_mode);
/* The guest's own root in the mode that it is in, which mm_walk() takes. */
static inline struct frame *root_guest(const struct vcpu *v)
{
	return v->trap.kernel_mode ? v->mm.root_kernel : v->mm.root_user;
}
/*
 * Loads the root of the mode that v, which runs here, is in; activate notes
 * that this flushed, switch is for a 64-bit guest's. Where a guest goes to and
 * fro between its kernel and its programs that is not worth it: at worst a
 * flush is made that was not needed.
 */
void mm_root_activate(const struct vcpu *v);
void mm_root_switch(const struct vcpu *v);
/* Our memory that companions of a domain with that limit of pages may take. */
uint64_t mm_companion_pages(uint64_t max_pages);
/* The companion that CPU 0 would have v's guest run on, CPU n's is n further;
 * 0: none, the guest runs on the root itself (companion.c). */
mfn_t companion_of(const struct vcpu *v, const struct frame *root);
/* Gives v a new kernel or user root (user 0: none; a 32-bit guest has no user
 * root of its own). -ERESTART. */
[[nodiscard]] int mm_root_set(struct vcpu *v, bool user, guest_mfn_t root);

/* ---- shadow tables, and the log of written pages (shadow.c) ---- */

/*
 * Has the processor walk shadow tables of d from now on, and with log notes
 * which of its pages are written. No vcpu of d may be on a CPU: -EBUSY.
 * -EEXIST when it is so already; -ENOMEM; -ERESTART: call again.
 */
[[nodiscard]] int mm_shadow_start(struct domain *d, bool log);
/* Back to its own tables, if they are not in use. -EBUSY, -ERESTART. */
[[nodiscard]] int mm_shadow_stop(struct domain *d);
/* Pages that d has for shadow tables now. */
uint32_t mm_shadow_pages(const struct domain *d);
/*
 * Bits of written pages 32768 i and on (see dirty_take); with clear each
 * page's next write is noted anew from the moment of return. -EINVAL: no log.
 */
[[nodiscard]] int mm_dirty_take(struct domain *d, unsigned int i, uint64_t *out,
				bool clear);

/*
 * An access of v, which runs here, to va faulted with that error code, in its
 * own code or in a copy of ours. True: it was the shadow that lacked
 * something, try again. False: the guest's tables do not allow it; *error is
 * what they would have given.
 */
[[nodiscard]] bool mm_shadow_fault(struct vcpu *v, uint64_t va,
				   uint32_t *error);

/* ---- memory reservation (reservation.c) ---- */

/* Takes one extent of 2^order frames from d: -EINVAL if one is not its. */
[[nodiscard]] int mm_decrease(struct domain *d, guest_mfn_t start,
			      unsigned int order);

/*
 * Makes n ranges in memory of frame_alloc_bytes() the domain's map (0: none);
 * they are ours to free then. A dying domain gets none.
 */
void mm_memory_map_set(struct domain *d, struct memory_range_info *ranges,
		       unsigned int n);

/* ---- the end of a domain (teardown.c) ---- */

void mm_domain_init(struct domain *d);
/* A domain that has no memory yet has that width. -EACCES: it has some. */
[[nodiscard]] int mm_width_set(struct domain *d, enum domain_width width);
/* Takes apart all page tables, roots and memory of a dying domain none of
 * whose vcpus runs. -ERESTART: more to do, call again. */
[[nodiscard]] int mm_domain_teardown(struct domain *d);

#endif
