/* SPDX-License-Identifier: MIT */
/*
 * What the width of a domain means for its page tables: one row for each.
 *
 *   64-bit   L4 -> L3 -> L2 -> L1     kernel and programs in ring 3
 *   32-bit   L3R -> L2 or L2H -> L1   kernel in ring 1, programs in ring 3
 *
 * L3R, the root of a 32-bit domain, has four entries; the processor sees it
 * as an L3 under a table of ours. L2H is what its last entry refers to: the
 * hypervisor's range is in it. Both are types of their own, so that an L2 in
 * use without that range can never come to where it must be.
 *
 * Ring 1 is the supervisor's for the processor: there the user bit is the
 * guest's, to keep its programs from its kernel's memory.
 */
#include "lib/string.h"
#include "mm/entry.h"

const struct mm_width mm_widths[] = {
	[WIDTH_64] = {
		.table = { FRAME_NONE, FRAME_L1, FRAME_L2, FRAME_L3, FRAME_L4 },
		.root = FRAME_L4,
		.ptwr_level = 1,
		.entry_bits = PTE_US,
		.decode = DECODE_64,
		.separates = true,
	},
	[WIDTH_32] = {
		.table = { FRAME_NONE, FRAME_L1, FRAME_L2, FRAME_L3_ROOT,
			   FRAME_NONE },
		.root = FRAME_L3_ROOT,
		.ptwr_level = 2,
		.decode = DECODE_32,
	},
};

/* Only these have any. */
static const struct {
	uint16_t first, n;
} ours[] = {
	[FRAME_L4] = { ABI_HV_SLOT_FIRST,
		       ABI_HV_SLOT_LAST - ABI_HV_SLOT_FIRST + 1 },
	[FRAME_L2_HV] = { ABI_HV32_SLOT_FIRST,
			  ABI_HV32_SLOT_LAST - ABI_HV32_SLOT_FIRST + 1 },
	[FRAME_L3_ROOT] = { L3_ROOT_ENTRIES, TABLE_ENTRIES - L3_ROOT_ENTRIES },
};

bool table_special_slot(enum frame_type t, unsigned int idx)
{
	return t < ARRAY_SIZE(ours) && idx - ours[t].first < ours[t].n;
}

void table_fill_ours(enum frame_type t, uint64_t *table)
{
	if (t == FRAME_L4)
		arch_l4_fill(table);
	else if (t == FRAME_L2_HV)
		arch_l2_fill(table);
	else if (t == FRAME_L3_ROOT)
		table_empty_ours(t, table);
}

void table_empty_ours(enum frame_type t, uint64_t *table)
{
	if (t < ARRAY_SIZE(ours))
		memset(&table[ours[t].first], 0, ours[t].n * sizeof(*table));
}

bool mm_va_is_guest(const struct domain *d, uint64_t va)
{
	return d->width == WIDTH_32 ? va < ABI_HV32_START : va_is_guest(va);
}

const uint64_t mm_assists = 1UL << VMASST_TYPE_4gb_segments |
			    1UL << VMASST_TYPE_4gb_segments_notify |
			    1UL << VMASST_TYPE_writable_pagetables |
			    1UL << VMASST_TYPE_pae_extended_cr3 |
			    1UL << VMASST_TYPE_architectural_iopl |
			    1UL << VMASST_TYPE_runstate_update_flag |
			    1UL << VMASST_TYPE_m2p_strict;
