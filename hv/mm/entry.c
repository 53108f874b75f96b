/* SPDX-License-Identifier: MIT */
/*
 * One page-table entry: the laws of DESIGN.md section 3 in code. entry_get()
 * is the only place that decides whether an entry may exist, for every way
 * in which a guest can make one: validation of a whole table, mmu_update,
 * update_va_mapping, an emulated write.
 *
 * What a hostile guest tries, and what stops it:
 *   - a superpage (its frames would be unchecked): PSE is refused above L1;
 *   - address bits beyond the processor's: refused, they fault as reserved;
 *   - a writable entry for a table, a descriptor page, a frame of ours or of
 *     another domain: needs a use as WRITABLE, or a reference, that is not
 *     to be had;
 *   - a table entry that refers to a table of another level, or of another
 *     domain: needs a use as that level, of the domain's own frames;
 *   - a table that refers to itself (linear tables): while it is being
 *     validated it has a use of its own level only, and a use as the level
 *     below is refused: so there are no cycles (docs/abi.md: policy);
 *   - cacheability that conflicts with ours: RAM is write-back, whatever a
 *     guest asks for (the bits are cleared); of devices we map nothing that a
 *     guest may, and there it has what it asks for;
 *   - a device, or RAM by calling it one: only numbers that are no RAM belong
 *     to DOMID_IO, and the domain's own set must have them, whoever asks;
 *   - the global bit, which would keep its translations past our flushes:
 *     cleared. The user bit is set at every level: the guest's kernel runs
 *     in ring 3 too, but for a 32-bit one (width.c), where only its root's
 *     entries have no such bits and get them. A guest reads back what we
 *     changed;
 *   - a non-present entry that names memory on a processor that follows it
 *     speculatively (L1TF): refused there.
 */
#include "mm/entry.h"

struct pte_rule entry_rule(const struct domain *d, unsigned int level)
{
	uint64_t set = mm_width(d)->entry_bits;

	/* The guest knows a root of four entries by hardware's rules, where
	 * they have no rights: the tables below decide. */
	if (mm_width(d)->table[level] == FRAME_L3_ROOT)
		set = PTE_RW | PTE_US;
	return (struct pte_rule){
		.forbidden = arch_pte_reserved | (level > 1 ? PTE_PSE : 0),
		.clear = PTE_G | (level > 1 ? PTE_PWT | PTE_PCD : PTE_CACHE),
		.set = set,
	};
}

/* Whether d may map f, a device's, by an entry that names owner's memory. */
static bool device_allowed(struct domain *d, const struct frame *f, uint64_t m,
			   const struct domain *owner)
{
	return frame_is_device(f) && (owner == d || owner == &domain_io) &&
	       domain_may_use(d, &d->access.memory, m, m);
}

uint64_t device_get(struct domain *d, const struct domain *owner, uint64_t pte)
{
	const struct pte_rule *rule = &d->mm.rule[0];
	uint64_t m = pte_mfn(pte).v;
	struct frame *f = frame_of(mfn(m));

	if (m >= ARCH_FRAMES || !device_allowed(d, f, m, owner) ||
	    !frame_ref(f))
		return 0;
	if ((pte & PTE_RW) && !frame_ref_type(f)) {
		frame_put(f);
		return 0;
	}
	return (pte & ~(rule->clear & ~PTE_CACHE)) | rule->set;
}

/* The narrowest addresses of caches there: bits above may be ignored. */
#define LEAKING_FRAMES (~0UL >> (64 - (44 - PAGE_SHIFT)))

int entry_absent_check(unsigned int level, uint64_t pte)
{
	uint64_t m = pte_mfn(pte).v & LEAKING_FRAMES;

	if (!arch_leaks_nonpresent())
		return 0;
	/* As a superpage it would name all memory around its frame. */
	if (level > 1 && (pte & PTE_PSE))
		return -EINVAL;
	return m != 0 && m < frame_limit ? -EINVAL : 0;
}

int entry_get(struct mm_locked m, enum frame_type t, unsigned int idx,
	      uint64_t *pte, struct domain *owner)
{
	unsigned int level = level_of(t);
	const struct pte_rule *rule = &m.d->mm.rule[level - 1];
	struct frame *f;
	int rc;

	if (level == 1)
		return data_get(rule, frame_usual(owner->id), m.d, owner, pte);
	if (!(*pte & PTE_P))
		return *pte ? entry_absent_check(level, *pte) : 0;
	if (*pte & rule->forbidden)
		return -EINVAL;
	f = frame_lookup(pte_mfn(*pte));
	rc = f ? mm_get_table(m, f, type_below(t, idx)) : -EINVAL;
	if (!rc)
		*pte = (*pte & ~rule->clear) | rule->set;
	return rc;
}

int entry_put(struct mm_locked m, unsigned int level, uint64_t pte)
{
	if (level > 1 && (pte & PTE_P))
		return mm_put_table(m, frame_lookup(pte_mfn(pte)));
	data_put(pte);
	return 0;
}

/*
 * The old entry's reference becomes the new one's: with the lock held nobody
 * else takes it away. A right to write that the old one had not is taken as
 * any other, of a frame that the owner owns: a frame that somebody lent for
 * reading does not become writable here.
 */
int entry_change_rights(struct mm_locked m, struct frame *table,
			uint64_t *entry, uint64_t old, uint64_t value,
			const struct domain *owner, bool keep_ad, bool exact)
{
	const struct pte_rule *rule = &m.d->mm.rule[0];
	uint64_t number = pte_mfn(old).v, clear = rule->clear;
	struct frame *f = frame_of(mfn(number));
	bool more = value & ~old & PTE_RW, less = old & ~value & PTE_RW;
	bool stored;

	if (value & rule->forbidden)
		return -EINVAL;
	if (more && !(frame_is_device(f) ? device_allowed(m.d, f, number, owner)
					 : f->owner == owner->id))
		return -EINVAL;
	if (more && frame_get_type(f, FRAME_WRITABLE))
		return -EINVAL;
	if (unlikely(value & PTE_CACHE) && frame_is_device(f))
		clear &= ~PTE_CACHE;
	value = (value & ~clear) | rule->set;
	stored = entry_store(m, table, entry, &old, value, keep_ad, exact);
	if (stored ? less : more) {
		bool last = frame_put_type(f);

		BUG_ON(last); /* a writable use */
	}
	return stored ? 0 : -EAGAIN;
}

/* An entry of a higher level, which refers to a table. */
static int table_replace(struct mm_locked m, struct frame *f, enum frame_type t,
			 uint64_t *entry, uint64_t value, struct domain *owner,
			 bool keep_ad, const uint64_t *expected)
{
	unsigned int level = level_of(t);
	bool both = unlikely(m.d->mm.separated) && level == 4;
	unsigned int idx = (unsigned int)((uint64_t)entry & ~PAGE_MASK) / 8;
	uint64_t old = shared_load64(entry);
	int rc;

	if (expected && old != *expected)
		return -EAGAIN;
	rc = entry_get(m, t, idx, &value, owner);
	if (rc)
		return rc;
	keep_ad = keep_ad && (value & PTE_P) && !both; /* it is always set */
	if (!entry_store(m, f, entry, &old, value, keep_ad, expected != NULL)) {
		mm_drop_entry(m, level, value);
		return -EAGAIN;
	}
	if (both)
		companion_store(f, entry, value);
	mm_drop_entry(m, level, old);
	return 0;
}

int mm_entry_update(struct mm_locked m, struct frame *f, unsigned int idx,
		    uint64_t value, struct domain *owner, bool keep_ad,
		    const uint64_t *expected)
{
	enum frame_type t = frame_type_of(f);
	uint64_t *entry = (uint64_t *)frame_ptr(f) + idx;

	if (t == FRAME_L1)
		return data_replace(m, f, entry, value, frame_usual(owner->id),
				    owner, keep_ad, expected);
	if (table_slot_is_ours(t, idx))
		return -EINVAL;
	return table_replace(m, f, t, entry, value, owner, keep_ad, expected);
}

/* Gives an entry's references back; what is interrupted is settled later. */
void mm_drop_entry(struct mm_locked m, unsigned int level, uint64_t pte)
{
	if (entry_put(m, level, pte) == -ERESTART)
		mm_orphan(m, frame_lookup(pte_mfn(pte)));
}
