/* SPDX-License-Identifier: MIT */
/*
 * Page tables. Every frame that is validated as a table is read entry by
 * entry, whether or not anything leads to it: each present entry must be one
 * that the laws allow, and holds a reference and perhaps a use.
 */
#include <string.h>

#include "parts.h"

static const uint64_t no_bits = PTE_G | (PTE_ADDR & ~0x0000fffffffff000UL);

static void data_entry(struct expected *e, const struct frame *table,
		       uint64_t m, unsigned int i, uint64_t pte)
{
	uint64_t to = pte_mfn(pte).v;
	const struct domain *d = domain_find(table->owner);
	const struct frame *f;

	if (to >= ARCH_FRAMES) {
		oracle_fault("L1 %#lx[%u]: dom%u maps frame %#lx, which does "
			     "not exist",
			     m, i, table->owner, to);
		return;
	}
	f = frame_of(mfn(to));
	if (frame_is_device(f)) {
		if (!d || !ranges_contain(&d->access.memory, to, to))
			oracle_fault("L1 %#lx[%u]: dom%u maps device %#lx", m,
				     i, table->owner, to);
		e[to].refs++;
		if (pte & PTE_RW)
			e[to].uses[FRAME_WRITABLE]++;
		return;
	}
	if (pte & PTE_CACHE)
		oracle_fault("L1 %#lx[%u]: RAM with cacheability %#lx", m, i,
			     pte);
	if (!oracle_allocated(f))
		oracle_fault("L1 %#lx[%u] maps frame %#lx, which is free", m, i,
			     to);
	if (f->owner != table->owner &&
	    (!d || (!d->privileged && !oracle_lent(d, to, pte & PTE_RW))))
		oracle_fault("L1 %#lx[%u]: dom%u maps frame %#lx of dom%u", m,
			     i, table->owner, to, f->owner);
	if ((pte & PTE_RW) && f->owner == DOMID_XEN)
		oracle_fault("L1 %#lx[%u] maps our frame %#lx writable", m, i,
			     to);
	if ((pte & PTE_RW) && oracle_type(f) != FRAME_WRITABLE)
		oracle_fault("L1 %#lx[%u] maps frame %#lx writable, which has "
			     "type %u",
			     m, i, to, oracle_type(f));
	e[to].refs++;
	if (pte & PTE_RW)
		e[to].uses[FRAME_WRITABLE]++;
}

/* A 32-bit domain's tables: three levels, the hypervisor's range in the table
 * that the root's entry 3 leads to and in no other. */
static bool narrow(const struct frame *table)
{
	const struct domain *d = domain_find(table->owner);

	return d && d->width == WIDTH_32;
}

static enum frame_type type_wanted(const struct frame *table,
				   unsigned int level, unsigned int i)
{
	if (level == 3 && narrow(table))
		return i == 3 ? FRAME_L2_HV : FRAME_L2;
	return (enum frame_type)(FRAME_L1 + level - 2);
}

static void table_entry(struct expected *e, const struct frame *table,
			uint64_t m, unsigned int level, unsigned int i,
			uint64_t pte)
{
	enum frame_type want = type_wanted(table, level, i);
	uint64_t to = pte_mfn(pte).v;
	const struct frame *f;

	if (to >= frame_limit) {
		oracle_fault("L%u %#lx[%u] leads out of memory: %#lx", level, m,
			     i, pte);
		return;
	}
	f = frame_of(mfn(to));
	if (pte & PTE_PSE)
		oracle_fault("L%u %#lx[%u] is a superpage", level, m, i);
	if (f->owner != table->owner)
		oracle_fault("L%u %#lx[%u] leads to frame %#lx of dom%u", level,
			     m, i, to, f->owner);
	if (oracle_type(f) != want || !(f->type.v & FRAME_VALIDATED))
		oracle_fault("L%u %#lx[%u] leads to frame %#lx, type word "
			     "%#lx",
			     level, m, i, to, f->type.v);
	e[to].refs++;
	e[to].uses[want]++;
}

/* Which slots are the hypervisor's, from first on, and what they hold. */
static unsigned int our_slots(enum frame_type t, unsigned int *first,
			      uint64_t ours[512])
{
	memset(ours, 0, 512 * sizeof(*ours));
	switch (t) {
	case FRAME_L4:
		arch_l4_fill(ours);
		*first = 256;
		return 16;
	case FRAME_L2_HV:
		arch_l2_fill(ours);
		*first = 428;
		return 84;
	case FRAME_L3_ROOT:
		*first = 4;
		return 508;
	default:
		*first = 0;
		return 0;
	}
}

/* Bits that each present entry has. */
static uint64_t bits_wanted(const struct frame *f)
{
	if (!narrow(f))
		return PTE_US;
	return oracle_type(f) == FRAME_L3_ROOT ? PTE_RW | PTE_US : 0;
}

static void check_table(struct expected *e, uint64_t m)
{
	const struct frame *f = frame_of(mfn(m));
	unsigned int level = oracle_level(oracle_type(f)), first;
	uint64_t ours[512], bits = bits_wanted(f);
	unsigned int nr_ours = our_slots(oracle_type(f), &first, ours);
	const uint64_t *table = frame_ptr(f);
	bool whole = f->type.v & FRAME_VALIDATED;
	unsigned int n = whole ? 512 : f->progress & 0x7fff;

	if (oracle_type(f) != FRAME_L1 && oracle_type(f) != FRAME_L2 &&
	    narrow(f) != (oracle_type(f) > FRAME_SEGDESC))
		oracle_fault("frame %#lx is a table of the other width, type "
			     "%u",
			     m, oracle_type(f));
	if (n > 512)
		oracle_fault("frame %#lx: progress %u", m, n);
	for (unsigned int i = 0; i < n && i < 512; i++) {
		uint64_t pte = table[i];

		if (i - first < nr_ours) {
			/* The first of an L4 may be hidden from user mode. */
			if (whole && pte != ours[i] &&
			    (pte || level != 4 || i != ABI_HV_SLOT_FIRST))
				oracle_fault("L%u %#lx[%u] is %#lx, not ours",
					     level, m, i, pte);
			continue;
		}
		if (!(pte & PTE_P))
			continue;
		if ((pte & no_bits) || (pte & bits) != bits)
			oracle_fault("L%u %#lx[%u] is %#lx", level, m, i, pte);
		if (level == 1)
			data_entry(e, f, m, i, pte);
		else
			table_entry(e, f, m, level, i, pte);
	}
}

/* What the guest runs on is the same, but for what is ours in it. */
static void check_companions(const struct frame *root)
{
	const uint64_t *l4 = frame_ptr(root);
	uint64_t ours[512] = { 0 };

	for (unsigned int cpu = 0; cpu < host_nr_cpus; cpu++) {
		uint64_t m = root->companion + cpu;
		const uint64_t *c;

		if (m < HOST_RESERVED_FRAMES || m >= frame_limit ||
		    !oracle_allocated(frame_of(mfn(m))) ||
		    frame_of(mfn(m))->owner != DOMID_XEN) {
			oracle_fault("L4 %#lx: companion %#lx is not ours",
				     frame_mfn(root).v, m);
			return;
		}
		c = arch_frame_ptr(mfn(m));
		arch_companion_fill(ours, cpu);
		arch_l4_m2p_show(ours, l4[ABI_HV_SLOT_FIRST]);
		for (unsigned int i = 0; i < 512; i++)
			if (c[i] != (i >= 256 && i <= 271 ? ours[i] : l4[i]))
				oracle_fault("L4 %#lx[%u] is %#lx, its "
					     "companion for cpu %u has %#lx",
					     frame_mfn(root).v, i, l4[i], cpu,
					     c[i]);
	}
}

static void count_companions(unsigned int *n, const struct frame *f)
{
	const struct domain *d = domain_find(f->owner);

	if (oracle_type(f) != FRAME_L4 || !(f->type.v & FRAME_VALIDATED) ||
	    !d || !d->mm.separated)
		return;
	check_companions(f);
	n[d->id]++;
}

static void oracle_companions(void)
{
	unsigned int n[DOMID_FIRST_RESERVED] = { 0 };

	for (uint64_t m = HOST_RESERVED_FRAMES; m < frame_limit; m++)
		count_companions(n, frame_of(mfn(m)));
	for (struct domain *d = domain_next(-1); d; d = domain_next(d->id))
		if (d->mm.companions != n[d->id])
			oracle_fault("dom%u has %u roots with companions, "
				     "counted are %u",
				     d->id, n[d->id], d->mm.companions);
}

/* Descriptors of a guest's: code and data of ring 3, or not present. */
static void check_segments(uint64_t m)
{
	const uint64_t *d = arch_frame_ptr(mfn(m));

	for (unsigned int i = 0; i < 512; i++) {
		bool present = d[i] >> 47 & 1;
		unsigned int s_and_dpl = d[i] >> 44 & 7;

		if (present && s_and_dpl != 7)
			oracle_fault("frame %#lx: descriptor %u is %#lx", m, i,
				     d[i]);
	}
}

void oracle_tables(struct expected *e)
{
	for (uint64_t m = HOST_RESERVED_FRAMES; m < frame_limit; m++) {
		const struct frame *f = frame_of(mfn(m));

		if (oracle_is_table(oracle_type(f)) &&
		    (f->type.v & (FRAME_VALIDATED | FRAME_PARTIAL)))
			check_table(e, m);
		else if (oracle_type(f) == FRAME_SEGDESC &&
			 (f->type.v & FRAME_VALIDATED))
			check_segments(m);
	}
	oracle_companions();
}
