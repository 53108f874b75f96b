/* SPDX-License-Identifier: MIT */
/*
 * Shadow tables, side by side with the tables that the guest wrote: whatever
 * is present in a shadow is the guest's own entry, with the same or fewer
 * rights, and a page that the shadow lets the guest write is dirty in the
 * guest's entry and noted in the log.
 */
#include "parts.h"

#define RIGHTS (PTE_RW | PTE_US | PTE_NX)

static void check_leaf(const struct domain *d, uint64_t va, uint64_t shadow,
		       uint64_t guest)
{
	uint64_t m = pte_mfn(shadow).v;

	if ((shadow ^ guest) & ~(PTE_RW | PTE_A | PTE_D))
		oracle_fault("dom%u at %#lx: shadow %#lx of entry %#lx", d->id,
			     va, shadow, guest);
	if (!(shadow & PTE_RW))
		return;
	if (!(guest & PTE_RW) || !(guest & PTE_D))
		oracle_fault("dom%u at %#lx: shadow %#lx is writable, entry "
			     "%#lx",
			     d->id, va, shadow, guest);
	if (d->frames.logging && m < frame_limit &&
	    !dirty_noted(d, frame_of(mfn(m))))
		oracle_fault("dom%u can write at %#lx frame %#lx unnoted",
			     d->id, va, m);
}

/* The hypervisor's: in an L4, and in a 32-bit guest's L2 for the last GiB. */
static bool is_ours(const struct domain *d, unsigned int level, uint64_t at)
{
	if (d->width == WIDTH_32)
		return level == 2 && at >= 0xf5800000;
	return level == 4 && (at >> 39 & 511) >= 256 && (at >> 39 & 511) <= 271;
}

static void check_table(const struct domain *d, uint64_t va, unsigned int level,
			uint64_t shadow_mfn, uint64_t guest_mfn_)
{
	const uint64_t *shadow = arch_frame_ptr(mfn(shadow_mfn));
	const uint64_t *guest = arch_frame_ptr(mfn(guest_mfn_));

	if (frame_of(mfn(shadow_mfn))->owner != DOMID_XEN)
		oracle_fault("dom%u at %#lx: shadow in frame %#lx of dom%u",
			     d->id, va, shadow_mfn,
			     frame_of(mfn(shadow_mfn))->owner);
	for (unsigned int i = 0; i < TABLE_ENTRIES; i++) {
		uint64_t at = va | (uint64_t)i
					   << (PAGE_SHIFT + 9 * (level - 1));

		if (!(shadow[i] & PTE_P) || is_ours(d, level, at))
			continue;
		if (!(guest[i] & PTE_P))
			oracle_fault("dom%u at %#lx, level %u: a shadow of "
				     "nothing",
				     d->id, at, level);
		else if (level == 1)
			check_leaf(d, at, shadow[i], guest[i]);
		else if ((shadow[i] ^ guest[i]) & RIGHTS)
			oracle_fault("dom%u at %#lx, level %u: shadow %#lx of "
				     "entry %#lx",
				     d->id, at, level, shadow[i], guest[i]);
		else
			check_table(d, at, level - 1, pte_mfn(shadow[i]).v,
				    pte_mfn(guest[i]).v);
	}
}

void oracle_shadow(const struct domain *d)
{
	for (uint32_t i = 0; i < d->max_vcpus; i++) {
		const struct vcpu_mm *mm = &d->vcpu[i]->mm;
		const struct frame *own[] = { mm->root_user, mm->root_kernel };

		for (unsigned int k = 0; k < 2; k++)
			if (mm->shadow_root[k] && own[k])
				check_table(d, 0, d->width == WIDTH_32 ? 3 : 4,
					    frame_mfn(mm->shadow_root[k]).v,
					    frame_mfn(own[k]).v);
	}
}
