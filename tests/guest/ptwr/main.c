/* SPDX-License-Identifier: MIT */
/*
 * Writing to a page table as if it were memory.
 *
 * A kernel that has asked for VMASST_TYPE_writable_pagetables may store to its
 * L1 tables with ordinary instructions. The tables are mapped read-only, so
 * the store faults; the hypervisor sees that the page is an L1 table, decodes
 * the instruction, and does the store itself as a checked update of one entry.
 * Kernels written for hardware use atomic instructions on entries (XCHG to
 * take one, LOCK CMPXCHG and LOCK BTR to change one while the processor may
 * set accessed and dirty bits in it), and Linux cannot fork without them.
 *
 * So the emulation must be right in what an instruction leaves behind: the
 * old value for XCHG, ZF and RAX for CMPXCHG, CF for BTR, the other bytes of
 * the entry for a store that is narrower than it. The instruction is done once
 * and passed over. Accessed and dirty bits of a store are the guest's own.
 *
 * What the hypervisor would refuse to mmu_update it refuses here: the guest
 * gets the page fault of its store and the entry stays as it was. So too for a
 * store that is not within one aligned entry, for tables of level 2 and up,
 * for read-only pages that are no tables, and for user mode.
 */
#include "lodger.h"

#define VA ((unsigned long *)0x10000000000UL)
/*
 * An entry that is not present, and safe on processors that look into the
 * cache by its address nevertheless (L1TF): the address is beyond all memory.
 */
#define ABSENT(n) (0x000fff0000000000UL | (n))

static unsigned long *data;
static pte_t *entry;
static unsigned long good, alien;

static void mov(void)
{
	*(volatile pte_t *)entry = good;
	TEST_RESULT(pte_mfn(*entry), virt_to_mfn(data));
	table_flush();
	TEST_RESULT(VA[0], 0xda7a);
	TEST_RESULT(probe_write(VA + 1, 1), NO_FAULT);
	*(volatile pte_t *)entry = 0;
	TEST_RESULT(*entry, 0);
	table_flush();
	TEST_RESULT(probe_write(VA + 1, 1), TRAP_PF);
	/* Whatever addressing mode and register: r9, disp, index. */
	__asm__ __volatile__("mov %0, %%r9\n\tmov %1, %%r10\n\t"
			     "mov $2, %%ecx\n\tmov %%r9, -16(%%r10,%%rcx,8)"
			     :
			     : "r"(good), "r"(entry)
			     : "rcx", "r9", "r10", "memory");
	TEST_RESULT(pte_mfn(*entry), virt_to_mfn(data));
	__asm__ __volatile__("movq $-0x1000, (%0)" : : "r"(entry) : "memory");
	TEST_RESULT(*entry, -0x1000L);
}

static void exchange(void)
{
	unsigned long v = good;

	*(volatile pte_t *)entry = ABSENT(0x5550);
	__asm__ __volatile__("xchg %0, (%1)" : "+r"(v) : "r"(entry) : "memory");
	TEST_RESULT(v, ABSENT(0x5550));
	TEST_RESULT(pte_mfn(*entry), virt_to_mfn(data));
	v = 0;
	__asm__ __volatile__("xchg %0, (%1)" : "+r"(v) : "r"(entry) : "memory");
	TEST_RESULT(pte_mfn(v), virt_to_mfn(data));
	TEST_RESULT(*entry, 0);
}

static unsigned char compare_exchange(unsigned long *expect, pte_t value)
{
	unsigned char equal;

	__asm__ __volatile__("lock; cmpxchg %2, (%3)\n\tsete %1"
			     : "+a"(*expect), "=q"(equal)
			     : "r"(value), "r"(entry)
			     : "memory", "cc");
	return equal;
}

static void conditional(void)
{
	unsigned long expect = ABSENT(0x777000);

	*(volatile pte_t *)entry = ABSENT(0x888000);
	TEST_RESULT(compare_exchange(&expect, good), 0);
	TEST_RESULT(expect, ABSENT(0x888000));
	TEST_RESULT(*entry, ABSENT(0x888000));
	TEST_RESULT(compare_exchange(&expect, good), 1);
	TEST_RESULT(pte_mfn(*entry), virt_to_mfn(data));
}

static unsigned char bit_reset(unsigned long bit)
{
	unsigned char carry;

	__asm__ __volatile__("lock; btr %1, (%2)\n\tsetc %0"
			     : "=q"(carry)
			     : "r"(bit), "r"(entry)
			     : "memory", "cc");
	return carry;
}

static void bits_and_bytes(void)
{
	unsigned long before;

	*(volatile pte_t *)entry = good;
	TEST_RESULT(bit_reset(1), 1);
	TEST_RESULT(*entry & (PTE_WRITE | PTE_PRESENT), PTE_PRESENT);
	TEST_RESULT(bit_reset(1), 0);
	TEST_RESULT(bit_reset(5), 1);
	TEST_RESULT(*entry & PTE_ACCESSED, 0);
	before = *entry;
	__asm__ __volatile__("lock; orb $0x20, (%0)"
			     :
			     : "r"(entry)
			     : "memory", "cc");
	TEST_RESULT(*entry, before | PTE_ACCESSED);
	__asm__ __volatile__("lock; andb $0xdf, (%0)"
			     :
			     : "r"(entry)
			     : "memory", "cc");
	TEST_RESULT(*entry, before);
	__asm__ __volatile__("lock; andq $~0x400, (%0)"
			     :
			     : "r"(entry)
			     : "memory", "cc");
	TEST_RESULT(*entry, before);
	*(volatile pte_t *)entry = 0x112fff4455667788UL;
	*(volatile unsigned int *)entry = 0xaabbccd0;
	TEST_RESULT(*entry, 0x112fff44aabbccd0UL);
	((volatile unsigned char *)entry)[7] = 0x99;
	TEST_RESULT(*entry, 0x992fff44aabbccd0UL);
	((volatile unsigned short *)entry)[2] = 0x5fff;
	TEST_RESULT(*entry, 0x992f5fffaabbccd0UL);
	*(volatile pte_t *)entry = 0;
}

/* A bit number in a register reaches beyond the operand, both ways (XSA-195) */
static void bit_strings(void)
{
	volatile pte_t *e = entry;
	unsigned char carry;

	e[0] = e[3] = good;
	__asm__ __volatile__("lock; btr %1, (%2)\n\tsetc %0"
			     : "=q"(carry)
			     : "r"(3 * 64 + 1L), "r"(entry)
			     : "memory", "cc");
	TEST_RESULT(carry, 1);
	TEST_RESULT(e[3] & (PTE_WRITE | PTE_PRESENT), PTE_PRESENT);
	TEST_RESULT(e[0] & PTE_WRITE, PTE_WRITE);
	__asm__ __volatile__("lock; btr %1, (%2)\n\tsetc %0"
			     : "=q"(carry)
			     : "r"(1 - 3 * 64L), "r"(entry + 3)
			     : "memory", "cc");
	TEST_RESULT(carry, 1);
	TEST_RESULT(e[0] & (PTE_WRITE | PTE_PRESENT), PTE_PRESENT);
	__asm__ __volatile__("lock; bts %1, (%2)\n\tsetc %0"
			     : "=q"(carry)
			     : "r"(1L), "r"(entry)
			     : "memory", "cc");
	TEST_RESULT(carry, 0);
	TEST_RESULT(e[0] & PTE_WRITE, PTE_WRITE);
	e[0] = e[3] = 0;
}

static void arithmetic(void)
{
	volatile pte_t *e = entry;
	unsigned long v = 0x10;
	pte_t *to = entry;
	unsigned long n = 3;

	e[0] = ABSENT(0x1000);
	__asm__ __volatile__("lock; xadd %0, (%1)"
			     : "+r"(v)
			     : "r"(entry)
			     : "memory", "cc");
	TEST_RESULT(v, ABSENT(0x1000));
	TEST_RESULT(e[0], ABSENT(0x1010));
	__asm__ __volatile__("lock; orq $0x200, (%0)\n\t"
			     "lock; subq $0x10, (%0)\n\t"
			     "lock; xorq $0x400, (%0)"
			     :
			     : "r"(entry)
			     : "memory", "cc");
	TEST_RESULT(e[0], ABSENT(0x1600));
	__asm__ __volatile__("rep stosq"
			     : "+D"(to), "+c"(n)
			     : "a"(ABSENT(0x2000))
			     : "memory");
	TEST_RESULT(n, 0);
	TEST_RESULT(to, entry + 3);
	TEST_RESULT(e[0] & e[1] & e[2], ABSENT(0x2000));
	e[0] = e[1] = e[2] = 0;
}

#define REFUSED_AT(where, value) refused_at(__LINE__, where, value)

/* A fault at the instruction, the right CR2, and nothing changed. */
static void refused_at(int line, void *where, unsigned long value)
{
	pte_t before[2];

	before[0] = entry[0];
	before[1] = entry[1];
	TEST_ASSERT(probe_write(where, value) == TRAP_PF,
		    "line %d: the store of %lx was done", line, value);
	TEST_RESULT(probe_fault.cr2, where);
	TEST_RESULT(probe_fault.error, PF_WRITE | PF_PRESENT);
	TEST_RESULT(entry[0], before[0]);
	TEST_RESULT(entry[1], before[1]);
}

static void refused(void)
{
	pte_t *l1 = (pte_t *)((unsigned long)entry & PAGE_MASK);
	pte_t *l2 = table_entry(table_root(), VA, 2);
	char *plain = page_alloc();

	*(volatile pte_t *)entry = good;
	REFUSED_AT(entry, alien);
	REFUSED_AT(entry, pte_make(virt_to_mfn(l1), PTE_RW));
	REFUSED_AT(entry, pte_make(virt_to_mfn(table_root()), PTE_RW));
	REFUSED_AT((char *)entry + 4, 0);
	REFUSED_AT((char *)entry + 1, 0);
	TEST_ASSERT(pte_mfn(*l2) == virt_to_mfn(l1), "not the table");
	REFUSED_AT(l2, 0);
	REFUSED_AT(l2, *l2);
	REFUSED_AT(table_root() + 2, 0);
	TEST_RESULT(page_protect(plain), 0);
	REFUSED_AT(plain, 1);
	TEST_RESULT(page_unprotect(plain), 0);
	page_free(plain);
}

extern const char user_code[], user_code_end[];
__asm__(".section .rodata\n"
	"user_code:\n"
	"	movq	$0, (%rdi)\n"
	"	syscall\n"
	"user_code_end:\n"
	"	.previous");

/* The same table, mapped read-only in a user program: not emulated. */
static void user_mode(void)
{
	struct user program;
	pte_t *table = page_alloc();

	TEST_RESULT(page_protect(table), 0);
	TEST_RESULT(table_ext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(table)), 0);
	user_create(&program, user_code, user_code_end);
	TEST_RESULT(table_write(table_entry(program.root,
					    (void *)(USER_STACK_TOP -
						     2 * PAGE_SIZE),
					    1),
				pte_make(virt_to_mfn(table), PTE_RO)),
		    0);
	program.regs.rdi = USER_STACK_TOP - 2 * PAGE_SIZE;
	TEST_RESULT(user_run(&program), TRAP_PF);
	TEST_RESULT(program.cr2, USER_STACK_TOP - 2 * PAGE_SIZE);
	TEST_RESULT(program.regs.error, PF_USER | PF_WRITE | PF_PRESENT);
	user_destroy(&program);
	TEST_RESULT(table_ext(MMUEXT_UNPIN_TABLE, virt_to_mfn(table)), 0);
	TEST_RESULT(page_unprotect(table), 0);
	page_free(table);
}

/* Many entries, as fork and exit do it. */
static void sweep(void)
{
	pte_t *l1 = (pte_t *)((unsigned long)entry & PAGE_MASK);
	unsigned int i;

	for (i = 0; i < 512; i++)
		*(volatile pte_t *)&l1[i] = good;
	table_flush();
	for (i = 0; i < 512; i++)
		TEST_RESULT(VA[i * 512], 0xda7a);
	for (i = 0; i < 512; i++)
		*(volatile pte_t *)&l1[i] = 0;
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
	good = pte_make(virt_to_mfn(data), PTE_RW);
	alien = pte_make(0xfffffffffUL, PTE_RO);
	mov();
	exchange();
	conditional();
	bits_and_bytes();
	bit_strings();
	arithmetic();
	refused();
	user_mode();
	sweep();
}
