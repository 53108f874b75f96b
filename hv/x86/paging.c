/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own address space: slots 256 to 271, the same in every
 * root. Their sixteen L3 tables are made here and never change, so that a
 * guest's L4 is filled once; below them things may come and go.
 *
 * Everything is global (kept over a change of roots) but the windows of a
 * CPU's area onto its guest's descriptors, and the m2p, which the user root
 * of a guest may not have (m2p_strict).
 *
 * The m2p table has two doors: slot 256 for guests (user, read-only) and slot
 * 259 for us (supervisor, writable) lead to the same L3; rights are the AND
 * of all levels.
 *
 * 32-bit guests, who cannot name these slots, have a table of 32-bit numbers
 * in slots of an L2 of theirs, for their kernel to read. Their root is of four
 * entries: the processor starts at an L4 of this CPU's, whose slot 0 is all
 * of the guest's address space.
 *
 * The frame table and the m2ps cover all frame numbers up to the last of RAM.
 * Where 2 MiB of a table describe no RAM at all (the hole below 4 GiB, and
 * larger ones), shared pages stand for all of them: of the m2ps read-only ones,
 * of the frame table one small page, whose entries count for all devices
 * together (frame_set_permanent()), also beyond RAM to the end of its slot.
 */
#include "abi.h"
#include "arch.h"
#include "frame/frame.h"
#include "lib/string.h"
#include "pte.h"
#include "x86/cpu.h"
#include "x86/entry.h"
#include "x86/map.h"
#include "x86/paging.h"

#define SLOTS (ABI_HV_SLOT_LAST - ABI_HV_SLOT_FIRST + 1)
#define MB2   0x200000UL
#define GB1   0x40000000UL

#define RW_DATA (PTE_P | PTE_RW | PTE_A | PTE_D | PTE_G | PTE_NX)
#define RO_DATA (PTE_P | PTE_A | PTE_D | PTE_G | PTE_NX)
#define RX_TEXT (PTE_P | PTE_A | PTE_D | PTE_G)
#define TABLE	(PTE_P | PTE_RW | PTE_US | PTE_A)

extern char image_start[], text_start[], text_end[], rodata_end[], data_end[],
	image_end[], trampoline_image[];

static struct memory_map *early; /* NULL once the allocator works */
static uint64_t hv_root;	 /* physical */
static uint64_t image_base;	 /* physical */
static uint64_t next_device = MAP_DEVICES;

/* Before paging_init() the boot tables map the first 4 GiB there too. */
static void *phys_ptr(uint64_t phys)
{
	return (void *)(MAP_DIRECT + phys);
}

static bool overlaps_used(const struct memory_map *map, uint64_t start,
			  uint64_t end, uint64_t *below)
{
	for (unsigned int i = 0; i < map->n_used; i++) {
		if (start < map->used[i].end && end > map->used[i].start) {
			*below = map->used[i].start;
			return true;
		}
	}
	return false;
}

/* Grows the last early allocation downwards when it can, to keep few. */
static void mark_used(struct memory_map *map, uint64_t start, uint64_t end)
{
	struct memory_range *last = &map->used[map->n_used - 1];

	if (map->n_used && last->start == end) {
		last->start = start;
		return;
	}
	if (map->n_used == MEMORY_RANGES)
		panic("the memory map has too many pieces");
	map->used[map->n_used++] = (struct memory_range){ start, end };
}

/* Frames for tables: from the top of RAM below 4 GiB, zeroed. */
static uint64_t early_alloc(uint64_t frames, uint64_t align)
{
	for (unsigned int i = early->n; i-- > 0;) {
		uint64_t top = MIN(early->ram[i].end, GB1 * 4 >> PAGE_SHIFT);
		uint64_t low = MAX(early->ram[i].start, 0x100UL);

		while (top >= low + frames) {
			uint64_t at = (top - frames) & ~(align - 1);

			if (at < low)
				break;
			if (overlaps_used(early, at, at + frames, &top))
				continue;
			mark_used(early, at, at + frames);
			memset(phys_ptr(at << PAGE_SHIFT), 0,
			       frames << PAGE_SHIFT);
			return at << PAGE_SHIFT;
		}
	}
	panic("no memory left for the hypervisor's own tables");
}

static uint64_t table_alloc(void)
{
	struct frame *f;

	if (early)
		return early_alloc(1, 1);
	f = frame_alloc_hv(0);
	return f ? frame_mfn(f).v << PAGE_SHIFT : 0;
}

/* The entry for va under that root, of that level; makes what lacks. */
static uint64_t *entry_in(uint64_t root, uint64_t va, unsigned int level)
{
	uint64_t *table = phys_ptr(root);

	for (unsigned int l = 4; l > level; l--) {
		uint64_t *e = &table[pte_index(va, l)];

		if (!(*e & PTE_P)) {
			uint64_t t = table_alloc();

			if (!t)
				return NULL;
			*e = t | TABLE;
		}
		table = phys_ptr(*e & PTE_ADDR);
	}
	return &table[pte_index(va, level)];
}

static uint64_t *entry_at(uint64_t va, unsigned int level)
{
	return entry_in(hv_root, va, level);
}

static bool map_page(uint64_t va, uint64_t phys, uint64_t bits)
{
	uint64_t *e = entry_at(va, 1);

	if (e)
		*e = phys | bits;
	return e != NULL;
}

/* Maps [phys, phys + bytes) with the largest pages that fit. */
static void map_range(uint64_t va, uint64_t phys, uint64_t bytes, uint64_t bits)
{
	while (bytes) {
		uint64_t step = PAGE_SIZE, both = va | phys;
		unsigned int level = 1;

		if (cpu_features.gbpages && !(both & (GB1 - 1)) &&
		    bytes >= GB1) {
			step = GB1;
			level = 3;
		} else if (!(both & (MB2 - 1)) && bytes >= MB2) {
			step = MB2;
			level = 2;
		}
		*entry_at(va, level) = phys | bits | (level > 1 ? PTE_PSE : 0);
		va += step;
		phys += step;
		bytes -= step;
	}
}

static void map_image(void)
{
	uint64_t va = (uint64_t)image_start;

	for (uint64_t off = 0; va + off < (uint64_t)image_end;
	     off += PAGE_SIZE) {
		uint64_t at = va + off, bits = RW_DATA;

		if (at >= (uint64_t)text_start && at < (uint64_t)text_end)
			bits = RX_TEXT;
		else if (at >= (uint64_t)text_end && at < (uint64_t)rodata_end)
			bits = RO_DATA;
		map_range(at, image_base + off, PAGE_SIZE, bits);
	}
	/* The same physical pages of entry text at their own address. */
	map_range(MAP_TRAMPOLINE, paging_image_phys(trampoline_image),
		  entry_points.bytes, RX_TEXT);
}

static bool range_has_ram(const struct memory_map *map, uint64_t start,
			  uint64_t end)
{
	for (unsigned int i = 0; i < map->n; i++)
		if (start < map->ram[i].end && end > map->ram[i].start)
			return true;
	return false;
}

/*
 * A table at va with entry_bytes for each frame, filled with the byte. bits
 * of its pages; hole: the L2 entry where there is no RAM, 0: made here. In
 * whole pieces of 2 MiB, as guests are told of the m2ps (arch_m2p_extent()).
 */
static void map_frame_table(uint64_t va, unsigned int entry_bytes, int fill,
			    uint64_t bits, uint64_t hole)
{
	uint64_t per_chunk = MB2 / entry_bytes, phys;

	for (uint64_t m = 0; m < frame_limit; m += per_chunk, va += MB2) {
		bool ram = range_has_ram(early, m, m + per_chunk);

		if (ram || !hole) {
			phys = early_alloc(MB2 >> PAGE_SHIFT, 512);
			memset(phys_ptr(phys), fill, MB2);
			phys |= bits | PTE_PSE;
			if (!ram)
				hole = phys & ~PTE_RW;
		}
		*entry_at(va, 2) = ram ? phys : hole;
	}
}

static uint64_t table_of(uint64_t entry)
{
	uint64_t table = early_alloc(1, 1), *e = phys_ptr(table);

	for (unsigned int i = 0; i < TABLE_ENTRIES; i++)
		e[i] = entry;
	return table | TABLE;
}

/* Entries of all numbers to the slot's end: what no RAM has leads to one page
 * over and over, by one table of each level. */
static void map_frames(void)
{
	uint64_t hole = table_of(early_alloc(1, 1) | RW_DATA);
	uint64_t holes = table_of(hole), *l3;

	map_frame_table(MAP_FRAMES, sizeof(struct frame), 0, RW_DATA, hole);
	l3 = entry_at(MAP_FRAMES, 3);
	for (unsigned int i = 0; i < TABLE_ENTRIES; i++) {
		uint64_t *l2 = phys_ptr(l3[i] & PTE_ADDR);

		for (unsigned int j = 0; (l3[i] & PTE_P) && j < TABLE_ENTRIES;
		     j++)
			l2[j] = l2[j] ? l2[j] : hole;
		l3[i] = l3[i] ? l3[i] : holes;
	}
}

/*
 * All RAM; and the first MiB with what is no RAM there: the screen's memory
 * has to be where it was on the boot tables. (Memory types come from the
 * MTRRs: ours only say "write-back if they agree".)
 */
static void map_direct(void)
{
	map_range(MAP_DIRECT, 0, 0x100000, RW_DATA);
	for (unsigned int i = 0; i < early->n; i++) {
		uint64_t start = early->ram[i].start << PAGE_SHIFT;
		uint64_t end = early->ram[i].end << PAGE_SHIFT;

		map_range(MAP_DIRECT + start, start, end - start, RW_DATA);
	}
}

static void cr3_load(uint64_t phys)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(phys) : "memory");
}

void paging_init(struct memory_map *map, uint64_t image_phys)
{
	uint64_t *l4;

	early = map;
	image_base = image_phys;
	hv_root = early_alloc(1, 1);
	l4 = phys_ptr(hv_root);
	for (unsigned int i = 0; i < SLOTS; i++)
		l4[ABI_HV_SLOT_FIRST + i] =
			early_alloc(1, 1) | PTE_P | PTE_RW | PTE_A;
	map_image();
	map_direct();
	map_frames();
	map_frame_table(MAP_M2P_RW, sizeof(uint64_t), 0xff,
			(RW_DATA | PTE_US) & ~PTE_G, 0);
	/* Guests of 32 bits see it at an address of theirs: not global. */
	map_frame_table(MAP_M2P32, sizeof(uint32_t), 0xff, RW_DATA & ~PTE_G, 0);
	/* The guests' door: same tables, user, read-only, not executable. */
	l4[pte_index(MAP_M2P_RO, 4)] =
		(l4[pte_index(MAP_M2P_RW, 4)] & PTE_ADDR) | PTE_P | PTE_US |
		PTE_A;
}

void paging_activate(void)
{
	cr3_load(hv_root);
}

void paging_early_done(void)
{
	early = NULL;
}

mfn_t paging_hv_root(void)
{
	return mfn(hv_root >> PAGE_SHIFT);
}

uint64_t paging_image_phys(const void *p)
{
	return (uint64_t)p - (uint64_t)image_start + image_base;
}

/* The L1 tables that hold the windows of each CPU's area; and the same in its
 * public root, if there is one. */
static uint64_t *window_tables[MAX_CPUS], *public_tables[MAX_CPUS];
/* What of ours a guest with separated roots runs with, on each CPU. */
static uint64_t public_roots[MAX_CPUS]; /* physical; 0: none */
static unsigned int areas;

void paging_window_set(uint64_t va, uint64_t pte)
{
	uint64_t *e = &window_tables[this_cpu()->id][pte_index(va, 1)];

	if (*e == pte)
		return;
	*e = pte;
	if (public_tables[this_cpu()->id])
		public_tables[this_cpu()->id][pte_index(va, 1)] = pte;
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

uint64_t paging_virt_phys(uint64_t va)
{
	return (*entry_at(va, 1) & PTE_ADDR) | (va & ~PAGE_MASK);
}

uint64_t arch_m2p_extent(enum domain_width width, unsigned int n)
{
	uint64_t va = width == WIDTH_32 ? MAP_M2P32 : MAP_M2P_RW;

	return (*entry_at(va + ((uint64_t)n << ARCH_M2P_SHIFT), 2) &
		PTE_ADDR) >>
	       PAGE_SHIFT;
}

void arch_l4_fill(uint64_t *l4)
{
	memcpy(&l4[ABI_HV_SLOT_FIRST],
	       (uint64_t *)phys_ptr(hv_root) + ABI_HV_SLOT_FIRST,
	       SLOTS * sizeof(uint64_t));
}

unsigned int arch_nr_cpus(void)
{
	return areas;
}

void arch_companion_fill(uint64_t *l4, unsigned int cpu)
{
	memcpy(&l4[ABI_HV_SLOT_FIRST],
	       (uint64_t *)phys_ptr(public_roots[cpu]) + ABI_HV_SLOT_FIRST,
	       SLOTS * sizeof(uint64_t));
}

static void make_public(uint64_t root, uint64_t va, uint64_t bytes)
{
	for (uint64_t end = va + bytes; va < end; va += PAGE_SIZE)
		*entry_in(root, va, 1) = *entry_at(va, 1);
}

/*
 * What the processor and entry text need before they have our root: no other
 * CPU's area, and of the stack block the last page and those of their own.
 */
static void make_public_root(unsigned int cpu)
{
	uint64_t area = CPU_AREA(cpu), stack = area + CPU_AREA_STACK;
	uint64_t root = table_alloc(), m2p = pte_index(MAP_M2P_RO, 4);

	((uint64_t *)phys_ptr(root))[m2p] =
		((uint64_t *)phys_ptr(hv_root))[m2p];
	make_public(root, MAP_TRAMPOLINE, entry_points.bytes);
	make_public(root, area, CPU_AREA_STUB + PAGE_SIZE);
	for (unsigned int ist = 1; ist <= 4; ist++)
		make_public(root, stack + CPU_STACK_IST_TOP(ist) - PAGE_SIZE,
			    PAGE_SIZE);
	make_public(root, stack + CPU_STACK_SIZE - PAGE_SIZE, PAGE_SIZE);
	public_tables[cpu] = entry_in(root, area, 1) - pte_index(area, 1);
	public_roots[cpu] = root;
}

void arch_l4_m2p_show(uint64_t *l4, bool shown)
{
	uint64_t *slot = &l4[pte_index(MAP_M2P_RO, 4)];
	const uint64_t *ours = phys_ptr(hv_root);
	uint64_t entry = shown ? ours[pte_index(MAP_M2P_RO, 4)] : 0;

	if (*slot != entry)
		*slot = entry;
}

void arch_l2_fill(uint64_t *l2)
{
	const uint64_t *own = entry_at(MAP_M2P32, 2);

	for (unsigned int i = ABI_HV32_SLOT_FIRST; i <= ABI_HV32_SLOT_LAST; i++)
		l2[i] = own[i - ABI_HV32_SLOT_FIRST] & ~(PTE_RW | PTE_US);
}

/* Each CPU's L4 for 32-bit guests: physical. */
static uint64_t roots32[MAX_CPUS];

void arch_root32_load(mfn_t l3)
{
	uint64_t root = roots32[this_cpu()->id];
	uint64_t *l4 = phys_ptr(root);

	l4[0] = mfn_to_maddr(l3).v | TABLE;
	cr3_load(root);
}

void paging_map_cpu_area(unsigned int cpu, uint64_t stack_phys)
{
	uint64_t area = CPU_AREA(cpu);

	roots32[cpu] = table_alloc();
	arch_l4_fill(phys_ptr(roots32[cpu]));

	for (uint64_t p = CPU_AREA_GDT; p <= CPU_AREA_TSS; p += PAGE_SIZE) {
		/* The windows onto guests' tables stay empty. */
		bool window = p < CPU_AREA_IDT && p != CPU_AREA_GDT_OWN;
		uint64_t *e = entry_at(area + p, 1);

		if (!window)
			*e = table_alloc() | RW_DATA;
	}
	window_tables[cpu] = entry_at(area, 1) - pte_index(area, 1);
	map_page(area + CPU_AREA_STUB, table_alloc(), RX_TEXT);
	for (uint64_t p = 0; p < CPU_STACK_SIZE; p += PAGE_SIZE)
		if (!(CPU_STACK_GUARDS >> (p >> PAGE_SHIFT) & 1))
			map_page(area + CPU_AREA_STACK + p, stack_phys + p,
				 RW_DATA);
	if (arch_separates_roots(false) || arch_separates_roots(true))
		make_public_root(cpu);
	areas = MAX(areas, cpu + 1);
}

static uint64_t map_devices(uint64_t phys, size_t bytes, uint64_t bits)
{
	uint64_t off = phys & ~PAGE_MASK;
	uint64_t pages = (off + bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;
	uint64_t va = next_device;

	if (va + (pages << PAGE_SHIFT) > MAP_M2P32 || bytes > GB1)
		return 0;
	for (uint64_t i = 0; i < pages; i++)
		if (!map_page(va + (i << PAGE_SHIFT),
			      (phys & PAGE_MASK) + (i << PAGE_SHIFT), bits))
			return 0;
	next_device += (pages + 1) << PAGE_SHIFT; /* and a gap */
	return va + off;
}

volatile void *paging_map_device(maddr_t phys, size_t bytes)
{
	return (volatile void *)map_devices(phys.v, bytes,
					    RW_DATA | PTE_PCD | PTE_PWT);
}

volatile uint32_t *arch_device_map(maddr_t page)
{
	return paging_map_device(page, PAGE_SIZE);
}

const void *paging_map_firmware(maddr_t phys, size_t bytes)
{
	return (const void *)map_devices(phys.v, bytes, RO_DATA);
}
