/* SPDX-License-Identifier: MIT */
/*
 * Segments of a 32-bit guest: what differs from segments.
 *
 * Here a segment has a base and a limit that count. (The emulator that these
 * tests run in checks no limits.) Code and data of DPL 0
 * are raised to DPL 1, the ring of the guest's kernel; a higher one stays.
 * 64-bit code (L=1) is refused, for its addresses reach the hypervisor, and
 * ring 1 is the supervisor's. So are call gates and every other system
 * descriptor: a call gate in long mode leads to 64-bit code.
 *
 * The selectors 0xe0xx from entry 14 * 512 on are the hypervisor's.
 */
#include "lodger.h"

#define SELECTOR(index, table, rpl) ((index)*8 | (table)*4 | (rpl))
#define LDT			    1
#define GDT			    0

static uint64_t *gdt;

/* A segment of 4 KiB: access byte, flags (G D L AVL), then the base. */
static uint64_t descriptor(unsigned int access, unsigned int flags,
			   unsigned long base)
{
	return (uint64_t)(base >> 24) << 56 | (uint64_t)flags << 52 |
	       (uint64_t)access << 40 | (uint64_t)(base & 0xffffff) << 16 |
	       0x0fff;
}

static long set(unsigned int i, uint64_t value)
{
	return HYPERVISOR_update_descriptor(virt_to_machine(&gdt[i]), value);
}

static int load_fs(unsigned int selector)
{
	probe_begin();
	__asm__ __volatile__(PROBE("mov %0, %%fs")
			     :
			     : "r"(selector)
			     : "memory");
	return probe_end();
}

static int read_fs(unsigned long offset, unsigned long *value)
{
	unsigned long v = 0;

	probe_begin();
	__asm__ __volatile__(PROBE("mov %%fs:(%1), %0")
			     : "+r"(v)
			     : "r"(offset)
			     : "memory");
	*value = v;
	return probe_end();
}

static void bases(void)
{
	static unsigned long words[1024] = { 0xaaa, 0xbbb };
	unsigned long frame = virt_to_mfn(gdt), value;

	TEST_ASSERT(HYPERVISOR_set_gdt(&frame, 16) < 0, "a writable GDT");
	TEST_RESULT(page_protect(gdt), 0);
	TEST_RESULT(HYPERVISOR_set_gdt(&frame, 7169), -XEN_EINVAL);
	TEST_RESULT(HYPERVISOR_set_gdt(&frame, 16), 0);
	TEST_RESULT(set(3, descriptor(0xb3, 4, (unsigned long)words)), 0);
	TEST_RESULT(load_fs(SELECTOR(3, GDT, 1)), NO_FAULT);
	TEST_RESULT(read_fs(0, &value), NO_FAULT);
	TEST_RESULT(value, 0xaaa);
	TEST_RESULT(read_fs(4, &value), NO_FAULT);
	TEST_RESULT(value, 0xbbb);
	TEST_RESULT(read_fs(0xffc, &value), NO_FAULT);
	TEST_RESULT(load_fs(SELECTOR(4, GDT, 1)), TRAP_GP);
	TEST_RESULT(probe_fault.error, 4 * 8);
	TEST_RESULT(load_fs(0), NO_FAULT);
}

static void levels(void)
{
	unsigned int access, dpl;
	long error;

	for (access = 0x80; access < 0x100; access++) {
		error = set(5, descriptor(access, 4, 0));
		dpl = access >> 5 & 3;
		if (!(access & 0x10)) {
			TEST_ASSERT(error == -XEN_EINVAL, "access %x", access);
			continue;
		}
		TEST_ASSERT(!error, "access %x refused", access);
		TEST_RESULT(gdt[5] >> 45 & 3, dpl ? dpl : 1);
		/* 64-bit code: not at any level, nor with D besides. */
		error = set(5, descriptor(access, 2, 0));
		TEST_RESULT(error, access & 8 ? -XEN_EINVAL : 0);
		error = set(5, descriptor(access, 6, 0));
		TEST_RESULT(error, access & 8 ? -XEN_EINVAL : 0);
		TEST_RESULT(set(5, 0), 0);
	}
	TEST_RESULT(gdt[5] >> 32, 0);
}

/* Call gates to our code, to the guest's own, to nowhere: none. */
static void call_gates(void)
{
	static const unsigned int selectors[] = { 0xe008, 0xe019, 0xe02b,
						  0x0008, 0x001b };
	unsigned int i, dpl;

	for (i = 0; i < ARRAY_SIZE(selectors); i++)
		for (dpl = 0; dpl < 4; dpl++)
			TEST_RESULT(
				set(6, (uint64_t)(0x8c | dpl << 5) << 40 |
					       (uint64_t)selectors[i] << 16),
				-XEN_EINVAL);
	TEST_RESULT(set(6, 0), 0);
	TEST_RESULT(set(5, ~((uint64_t)1 << 47)), 0);
	TEST_RESULT(set(5, 0), 0);
	TEST_RESULT(HYPERVISOR_update_descriptor(virt_to_machine(gdt) + 4, 0),
		    -XEN_EINVAL);
	TEST_RESULT(
		HYPERVISOR_update_descriptor(virt_to_machine(table_root()), 0),
		-XEN_EINVAL);
}

/* A page with 64-bit code in it is no GDT. */
static void bad_pages(void)
{
	uint64_t *bad = page_alloc();
	unsigned long frame = virt_to_mfn(bad);

	bad[7] = descriptor(0x9b, 2, 0);
	TEST_RESULT(page_protect(bad), 0);
	TEST_REFUSED(HYPERVISOR_set_gdt(&frame, 16));
	TEST_RESULT(page_unprotect(bad), 0);
	bad[7] = descriptor(0x8c, 0, 0);
	TEST_RESULT(page_protect(bad), 0);
	TEST_REFUSED(HYPERVISOR_set_gdt(&frame, 16));
	TEST_RESULT(page_unprotect(bad), 0);
	bad[7] = descriptor(0x9b, 4, 0);
	TEST_RESULT(page_protect(bad), 0);
	TEST_RESULT(HYPERVISOR_set_gdt(&frame, 16), 0);
	TEST_RESULT(bad[7] >> 45 & 3, 1);
	frame = virt_to_mfn(gdt);
	TEST_RESULT(HYPERVISOR_set_gdt(&frame, 16), 0);
	TEST_RESULT(page_unprotect(bad), 0);
	page_free(bad);
}

static long set_ldt(const void *address, unsigned int entries)
{
	struct mmuext_op op;

	memset(&op, 0, sizeof(op));
	op.cmd = MMUEXT_SET_LDT;
	op.arg1.linear_addr = (unsigned long)address;
	op.arg2.nr_ents = entries;
	return HYPERVISOR_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

static void ldt(void)
{
	static unsigned long words[2] = { 0xccc, 0xddd };
	uint64_t *page = page_alloc();
	unsigned long value;

	page[3] = descriptor(0xb3, 4, (unsigned long)words);
	TEST_RESULT(set_ldt((void *)0xf5800000UL, 512), -XEN_EINVAL);
	TEST_RESULT(set_ldt((void *)0xf57ff000UL, 1024), -XEN_EINVAL);
	TEST_RESULT(set_ldt(page, 512), 0);
	TEST_RESULT(load_fs(SELECTOR(3, LDT, 1)), TRAP_PF);
	TEST_RESULT(probe_fault.cr2, page + 3);
	TEST_RESULT(page_protect(page), 0);
	TEST_RESULT(load_fs(SELECTOR(3, LDT, 1)), NO_FAULT);
	TEST_RESULT(read_fs(4, &value), NO_FAULT);
	TEST_RESULT(value, 0xddd);
	TEST_RESULT(load_fs(SELECTOR(4, LDT, 1)), TRAP_GP);
	TEST_ASSERT(page_unprotect(page) < 0, "the LDT became writable");
	TEST_RESULT(load_fs(0), NO_FAULT);
	TEST_RESULT(set_ldt(NULL, 0), 0);
	TEST_RESULT(page_unprotect(page), 0);
	page_free(page);
}

/* Code of our own in ring 1, and back. */
static void own_code(void)
{
	unsigned long was = 0, there = 0;

	TEST_RESULT(set(8, descriptor(0x9b, 12, 0) | (uint64_t)0xf << 48), 0);
	__asm__ __volatile__("mov %%cs, %0\n\tljmp $0x41, $1f\n"
			     "1:\tmov %%cs, %1\n\tpush %0\n\tpush $2f\n\tlret\n"
			     "2:"
			     : "=&r"(was), "=&r"(there)
			     :
			     : "memory");
	TEST_RESULT(was & 0xffff, FLAT_KERNEL_CS);
	TEST_RESULT(there & 0xffff, SELECTOR(8, GDT, 1));
}

void test_main(void)
{
	gdt = page_alloc();
	bases();
	levels();
	call_gates();
	bad_pages();
	ldt();
	own_code();
	TEST_RESULT(HYPERVISOR_set_gdt(NULL, 0), 0);
	TEST_RESULT(page_unprotect(gdt), 0);
}
