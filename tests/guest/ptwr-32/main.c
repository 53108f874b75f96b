/* SPDX-License-Identifier: MIT */
/*
 * Writing to a page table as if it were memory, in 32-bit code.
 *
 * An entry has eight bytes and a register four, so that a kernel writes an
 * entry by halves: the upper one first when the entry becomes present, the
 * lower one first when it stops being so. Each half is a checked update of the
 * whole entry; what is between them is not present, so that it may be
 * anything. Kernels that want it in one step use CMPXCHG8B. Tables of level 2
 * may be written as well, but for the hypervisor's slots; a root may not. The
 * rest is as in ptwr. A segment with a base counts: the address is what the
 * processor would have computed.
 */
#include "lodger.h"

#define VA ((unsigned long *)0x10000000UL)

static unsigned long *data;
static volatile unsigned long *half; /* of the entry: low, high */
static pte_t *entry;
static pte_t good;

#define LOW  ((unsigned long)good)
#define HIGH ((unsigned long)(good >> 32))

static void halves(void)
{
	half[1] = HIGH;
	half[0] = LOW;
	TEST_RESULT(pte_mfn(*entry), virt_to_mfn(data));
	table_flush();
	TEST_RESULT(VA[0], 0xda7a);
	half[0] = 0;
	half[1] = 0;
	table_flush();
	TEST_RESULT(probe_write(VA + 1, 1), TRAP_PF);
	/* Not present: what is in it is the guest's. */
	half[1] = 0x000fff00;
	half[0] = 0x12345678 & ~1UL;
	TEST_RESULT(half[1], 0x000fff00);
	TEST_RESULT(half[0], 0x12345678 & ~1UL);
	/* Present with a frame that is not there: the second half is refused.
	 */
	TEST_RESULT(probe_write(entry, LOW), TRAP_PF);
	TEST_RESULT(probe_fault.error, PF_WRITE | PF_PRESENT);
	TEST_RESULT(probe_fault.cr2, entry);
	TEST_RESULT(half[0], 0x12345678 & ~1UL);
	half[0] = 0;
	half[1] = 0;
}

static unsigned char exchange8(pte_t *expect, pte_t value)
{
	unsigned char equal;

	__asm__ __volatile__("lock; cmpxchg8b (%2)\n\tsete %1"
			     : "+A"(*expect), "=q"(equal)
			     : "D"(entry), "b"((unsigned long)value),
			       "c"((unsigned long)(value >> 32))
			     : "memory", "cc");
	return equal;
}

static void whole(void)
{
	pte_t expect = 0x1000;

	TEST_RESULT(exchange8(&expect, good), 0);
	TEST_ASSERT(expect == 0 && *entry == 0, "it was %llx", expect);
	TEST_RESULT(exchange8(&expect, good), 1);
	TEST_RESULT(pte_mfn(*entry), virt_to_mfn(data));
	table_flush();
	TEST_RESULT(VA[0], 0xda7a);
	expect = *entry;
	TEST_RESULT(exchange8(&expect, 0), 1);
	TEST_ASSERT(*entry == 0, "entry %llx", *entry);
}

static void others(void)
{
	unsigned long v = LOW;
	unsigned char carry;

	half[1] = HIGH;
	__asm__ __volatile__("xchg %0, (%1)" : "+r"(v) : "r"(half) : "memory");
	TEST_RESULT(v, 0);
	TEST_RESULT(pte_mfn(*entry), virt_to_mfn(data));
	__asm__ __volatile__("lock; btrl $1, (%1)\n\tsetc %0"
			     : "=q"(carry)
			     : "r"(half)
			     : "memory", "cc");
	TEST_RESULT(carry, 1);
	TEST_RESULT(half[0] & (PTE_WRITE | PTE_PRESENT), PTE_PRESENT);
	__asm__ __volatile__("lock; andb $0xdf, (%0)"
			     :
			     : "r"(half)
			     : "memory", "cc");
	TEST_RESULT(half[0] & PTE_ACCESSED, 0);
	__asm__ __volatile__("lock; orl $2, (%0)"
			     :
			     : "r"(half)
			     : "memory", "cc");
	TEST_RESULT(half[0] & PTE_WRITE, PTE_WRITE);
	v = 0;
	__asm__ __volatile__("movw %w0, (%1)\n\tmovb %b0, 2(%1)\n\t"
			     "movb %b0, 3(%1)"
			     :
			     : "q"(v), "r"(half)
			     : "memory");
	TEST_RESULT(half[0], 0);
	half[1] = 0;
}

/* The write goes where the segment says. */
static void by_segment(void)
{
	unsigned long *gdt = page_alloc();
	unsigned long frame = virt_to_mfn(gdt);
	unsigned long base = (unsigned long)entry - 0x100;

	gdt[2] = base << 16 | 0xffff;
	gdt[3] = (base >> 16 & 0xff) | 0x00cfb200UL | (base & 0xff000000UL);
	TEST_RESULT(page_protect(gdt), 0);
	TEST_RESULT(HYPERVISOR_set_gdt(&frame, 2), 0);
	__asm__ __volatile__("mov %0, %%fs\n\tmov %1, %%fs:0x104\n\t"
			     "mov %2, %%fs:0x100"
			     :
			     : "r"(1 * 8 | 1), "r"(HIGH), "r"(LOW)
			     : "memory");
	TEST_RESULT(pte_mfn(*entry), virt_to_mfn(data));
	__asm__ __volatile__("movl $0, %%fs:0x100\n\tmov %0, %%fs"
			     :
			     : "r"(0)
			     : "memory");
	TEST_RESULT(HYPERVISOR_set_gdt(NULL, 0), 0);
	TEST_RESULT(page_unprotect(gdt), 0);
	page_free(gdt);
}

/* An L1 goes out of use, and comes back, by writes to the L2. */
static void level_2(void)
{
	volatile unsigned long *l2 =
		(volatile unsigned long *)table_entry(table_root(), VA, 2);
	unsigned long low = l2[0], high = l2[1], value;
	pte_t *hv = table_entry(table_root(), (void *)0xf5800000UL, 2);

	half[1] = HIGH;
	half[0] = LOW;
	l2[0] = 0;
	l2[1] = 0;
	table_flush();
	TEST_RESULT(probe_read(VA, &value), TRAP_PF);
	l2[1] = high;
	l2[0] = low;
	TEST_RESULT(probe_read(VA, &value), NO_FAULT);
	TEST_RESULT(value, 0xda7a);
	/* A page is no table; the hypervisor's slots are its own. */
	TEST_RESULT(probe_write(table_entry(table_root(), VA, 2), LOW),
		    TRAP_PF);
	TEST_RESULT(l2[0] & ~0xfffUL, low & ~0xfffUL);
	TEST_RESULT(probe_write(hv, 0), TRAP_PF);
	TEST_RESULT(probe_write(hv + 83, low), TRAP_PF);
	half[0] = 0;
	half[1] = 0;
}

static void refused(void)
{
	char *plain = page_alloc();

	half[1] = HIGH;
	half[0] = LOW;
	TEST_RESULT(probe_write((char *)entry + 6, 0), TRAP_PF);
	TEST_RESULT(probe_write(table_root() + 1, 0), TRAP_PF);
	TEST_RESULT(probe_write(table_root() + 4, 0), TRAP_PF);
	TEST_RESULT(
		probe_write(entry, (unsigned long)pte_make(
					   virt_to_mfn(table_root()), PTE_RW)),
		TRAP_PF);
	TEST_RESULT(page_protect(plain), 0);
	TEST_RESULT(probe_write(plain, 1), TRAP_PF);
	TEST_RESULT(page_unprotect(plain), 0);
	TEST_RESULT(pte_mfn(*entry), virt_to_mfn(data));
	half[0] = 0;
	half[1] = 0;
	page_free(plain);
}

void test_main(void)
{
	TEST_RESULT(HYPERVISOR_vm_assist(VMASST_CMD_enable,
					 VMASST_TYPE_writable_pagetables),
		    0);
	data = page_alloc();
	data[0] = 0xda7a;
	TEST_RESULT(table_map(VA, virt_to_mfn(data), PTE_RW), 0);
	entry = table_entry(table_root(), VA, 1);
	half = (volatile unsigned long *)entry;
	good = pte_make(virt_to_mfn(data), PTE_RW);
	half[0] = 0;
	half[1] = 0;
	halves();
	whole();
	others();
	by_segment();
	level_2();
	refused();
}
