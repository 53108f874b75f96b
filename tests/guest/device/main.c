/* SPDX-License-Identifier: MIT */
/*
 * The machine's devices.
 *
 * Numbers that are no RAM (devices, firmware, the first MiB) can stand in
 * entries of an L1 like frames, if the domain was given them: the initial
 * domain has all but the hypervisor's own, others have none. The owner named
 * may be the domain itself or DOMID_IO. Such an entry keeps its cacheability.
 *
 * DOMID_IO is no way to RAM, whoever's it is, and the machine-to-physical
 * table, which belongs to DOMID_XEN, can be mapped, but not to be written.
 *
 * Ports are the machine's where the domain has them. The configuration ports
 * of PCI keep an address for each domain, and the initial domain finds its
 * bus there.
 *
 * Tried with and without privilege.
 */
#include "lodger.h"

#define VIDEO_MFN  0xb8UL
#define BIOS_MFN   0xffUL
#define LAPIC_MFN  0xfee00UL
#define BEYOND_MFN 0x3fffffUL /* 16 GiB: no RAM, and no device */
#define PLACE	   ((void *)0x10000000000UL)
#define BYTES	   ((volatile unsigned char *)0x10000000000UL)
#define FAR_JUMP   0xea /* what each BIOS begins with */

#define PCI_ADDRESS 0xcf8
#define PCI_DATA    0xcfc
#define PCI_ENABLE  0x80000000U

static long map(unsigned long mfn, pte_t flags, unsigned int owner)
{
	struct mmu_update update;

	update.ptr = virt_to_machine(table_entry(table_root(), PLACE, 1)) |
		     MMU_NORMAL_PT_UPDATE;
	update.val = mfn || flags ? pte_make(mfn, flags) : 0;
	return HYPERVISOR_mmu_update(&update, 1, NULL, owner);
}

static pte_t entry(void)
{
	return *table_entry(table_root(), PLACE, 1);
}

static void unmap(void)
{
	TEST_RESULT(map(0, 0, DOMID_SELF), 0);
	table_flush();
}

static void memory(void)
{
	unsigned char was;

	TEST_RESULT(map(BIOS_MFN, PTE_RO, DOMID_SELF), 0);
	TEST_RESULT(BYTES[0xff0], FAR_JUMP);
	unmap();
	TEST_RESULT(map(VIDEO_MFN, PTE_RW | PTE_PCD | PTE_PWT, DOMID_SELF), 0);
	TEST_RESULT(entry() & (PTE_PCD | PTE_PWT), PTE_PCD | PTE_PWT);
	was = BYTES[0xffe];
	BYTES[0xffe] = (unsigned char)(was + 1);
	TEST_RESULT(BYTES[0xffe], (unsigned char)(was + 1));
	BYTES[0xffe] = was;
	/* Less, then more: the same frame with other rights. */
	TEST_RESULT(map(VIDEO_MFN, PTE_RO, DOMID_SELF), 0);
	TEST_RESULT(map(VIDEO_MFN, PTE_RW, DOMID_IO), 0);
	unmap();
	TEST_RESULT(map(VIDEO_MFN, PTE_RW, DOMID_IO), 0);
	TEST_RESULT(map(BEYOND_MFN, PTE_RO, DOMID_SELF), 0);
	unmap();
}

/* The table that all may read, by its frames. */
static void shown(void)
{
	struct xen_machphys_mfn_list l;
	unsigned long mfn;

	l.max_extents = 1;
	set_xen_guest_handle(l.extent_start, &mfn);
	TEST_RESULT(HYPERVISOR_memory_op(XENMEM_machphys_mfn_list, &l), 0);
	TEST_REFUSED(map(mfn, PTE_RW, DOMID_XEN));
	TEST_REFUSED(map(mfn, PTE_RO, DOMID_IO));
	TEST_REFUSED(map(mfn, PTE_RO, DOMID_SELF));
	TEST_RESULT(map(mfn, PTE_RO, DOMID_XEN), 0);
	TEST_RESULT(memcmp(PLACE, M2P, PAGE_SIZE), 0);
	TEST_REFUSED(map(mfn, PTE_RW, DOMID_XEN));
	unmap();
	TEST_REFUSED(map(virt_to_mfn(start_info), PTE_RO, DOMID_XEN));
	TEST_REFUSED(map(VIDEO_MFN, PTE_RO, DOMID_XEN));
}

/* RAM is no device: one's own, tables, what nobody may name. */
static void ram(void)
{
	unsigned long mfn;
	void *page = page_alloc();

	TEST_REFUSED(map(virt_to_mfn(page), PTE_RO, DOMID_IO));
	TEST_REFUSED(map(virt_to_mfn(page), PTE_RW, DOMID_IO));
	TEST_REFUSED(map(virt_to_mfn(table_root()), PTE_RO, DOMID_IO));
	/* All of the machine's first megabytes, whosever they are. */
	for (mfn = 0x100; mfn < 0x1000; mfn++)
		TEST_REFUSED(map(mfn, PTE_RW, DOMID_IO));
	page_free(page);
}

static void refused(void)
{
	TEST_REFUSED(map(LAPIC_MFN, PTE_RO, DOMID_SELF));
	TEST_REFUSED(map(LAPIC_MFN, PTE_RW, DOMID_IO));
	TEST_REFUSED(map(LAPIC_MFN + 0xff, PTE_RW, DOMID_IO));
	/* Beyond what the processor has, and the last number there is. */
	TEST_REFUSED(map(~0UL >> 24, PTE_RO, DOMID_SELF));
	TEST_REFUSED(map(PTE_FRAME >> 12, PTE_RO, DOMID_IO));
}

static void out4(unsigned int port, uint32_t value)
{
	__asm__ __volatile__("out %%eax, %%dx" : : "a"(value), "d"(port));
}

static uint32_t in4(unsigned int port)
{
	uint32_t value;

	__asm__ __volatile__("in %%dx, %%eax" : "=a"(value) : "d"(port));
	return value;
}

static unsigned int in2(unsigned int port)
{
	uint16_t value;

	__asm__ __volatile__("in %%dx, %%ax" : "=a"(value) : "d"(port));
	return value;
}

static unsigned int in1(unsigned int port)
{
	uint8_t value;

	__asm__ __volatile__("in %%dx, %%al" : "=a"(value) : "d"(port));
	return value;
}

static void configuration(void)
{
	uint32_t id;

	out4(PCI_ADDRESS, PCI_ENABLE);
	TEST_RESULT(in4(PCI_ADDRESS), PCI_ENABLE);
	id = in4(PCI_DATA);
	TEST_RESULT(id & 0xffff, 0x8086);
	TEST_RESULT(in2(PCI_DATA), id & 0xffff);
	TEST_RESULT(in2(PCI_DATA + 2), id >> 16);
	TEST_RESULT(in1(PCI_DATA + 3), id >> 24);
	/* Read-only: it stays, and the next word is another. */
	out4(PCI_DATA, 0);
	TEST_RESULT(in4(PCI_DATA), id);
	out4(PCI_ADDRESS, PCI_ENABLE | 8);
	TEST_RESULT(in4(PCI_DATA) >> 16, 0x0600); /* a host bridge */
	/* No device there. */
	out4(PCI_ADDRESS, PCI_ENABLE | 30 << 11 | 7 << 8);
	TEST_RESULT(in4(PCI_DATA), ~(uint32_t)0);
}

/* Ours stay ours, and say nothing. */
static void ports(void)
{
	static const unsigned int none[] = { 0x21, 0xa1, 0x40, 0x3fd };
	unsigned int i, seconds[4], *at = seconds;
	unsigned long count = 4;

	for (i = 0; i < ARRAY_SIZE(none); i++)
		TEST_RESULT(in1(none[i]), 0xff);
	/* The clock's seconds, in BCD, four times by one instruction. */
	__asm__ __volatile__("out %%al, %%dx" : : "a"(0), "d"(0x70));
	TEST_ASSERT(in1(0x71) < 0x60, "%x seconds", in1(0x71));
	memset(seconds, 0xff, sizeof(seconds));
	__asm__ __volatile__("rep insb"
			     : "+D"(at), "+c"(count)
			     : "d"(0x71)
			     : "memory");
	TEST_ASSERT((seconds[0] & 0xff) < 0x60 && seconds[0] >> 24 < 0x60,
		    "seconds %x", seconds[0]);
	TEST_RESULT(seconds[1], ~0U);
}

static void others(void)
{
	TEST_REFUSED(map(VIDEO_MFN, PTE_RO, DOMID_SELF));
	TEST_REFUSED(map(VIDEO_MFN, PTE_RO, DOMID_IO));
	TEST_REFUSED(map(BEYOND_MFN, PTE_RO, DOMID_IO));
	TEST_REFUSED(map(VIDEO_MFN, PTE_RO, DOMID_XEN));
	out4(PCI_ADDRESS, PCI_ENABLE);
	TEST_RESULT(in4(PCI_ADDRESS), ~(uint32_t)0);
	TEST_RESULT(in4(PCI_DATA), ~(uint32_t)0);
	TEST_RESULT(in1(0x71), 0xff);
}

void test_main(void)
{
	struct physdev_set_iopl set;

	set.iopl = 1;
	TEST_RESULT(HYPERVISOR_physdev_op(PHYSDEVOP_set_iopl, &set), 0);
	table_prepare(PLACE);
	refused();
	ram();
	if (!is_initial_domain()) {
		others();
		return;
	}
	memory();
	shown();
	configuration();
	ports();
}
