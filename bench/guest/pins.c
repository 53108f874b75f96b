/* SPDX-License-Identifier: MIT */
/*
 * Making tables of pages and back, whole address spaces too, and changing
 * from one to another. The memory that a large one maps is a few frames over
 * and over: validation cannot know, and each entry costs it the same.
 */
#include "bench.h"

#define BASE 0x10000000000UL
#define MIB  0x100000UL

static struct mmuext_op pin, unpin, roots[2];
static pte_t *table;
static unsigned long frames[16];
static pte_t *root[2];
static unsigned int turn;

static long mmuext(struct mmuext_op *op, unsigned long n)
{
	return hypercall(__HYPERVISOR_mmuext_op, HV_ARG(op), n, 0, DOMID_SELF,
			 0);
}

static long pin_unpin(void)
{
	return mmuext(&pin, 1) | mmuext(&unpin, 1);
}

static void pin_table(unsigned int cmd)
{
	pin.cmd = cmd;
	pin.arg1.mfn = virt_to_mfn(table);
	unpin.cmd = MMUEXT_UNPIN_TABLE;
	unpin.arg1.mfn = virt_to_mfn(table);
}

static void setup_l1(unsigned long flags)
{
	unsigned int i;

	table = page_alloc();
	for (i = 0; flags && i < 512; i++)
		table[i] = pte_make(frames[i % 16], flags);
	TEST_RESULT(page_protect(table), 0);
	pin_table(MMUEXT_PIN_L1_TABLE);
}

static void setup_empty(void)
{
	setup_l1(0);
}

static void setup_full(void)
{
	setup_l1(PTE_RW);
}

static void setup_full_ro(void)
{
	setup_l1(PTE_RO);
}

static void cleanup_l1(void)
{
	TEST_RESULT(page_unprotect(table), 0);
	page_free(table);
}

static void setup_space(unsigned long bytes)
{
	unsigned long i;

	table = page_alloc();
	for (i = 0; i < bytes / PAGE_SIZE; i++)
		table_build(table, (void *)(BASE + i * PAGE_SIZE),
			    pte_make(frames[i % 16], PTE_RO));
	TEST_RESULT(table_seal(table), 0);
	pin_table(MMUEXT_PIN_L4_TABLE);
	TEST_RESULT(mmuext(&unpin, 1), 0);
}

static void setup_2(void)
{
	setup_space(2 * MIB);
}

static void setup_64(void)
{
	setup_space(64 * MIB);
}

static void setup_512(void)
{
	setup_space(512 * MIB);
}

static void cleanup_space(void)
{
	TEST_RESULT(mmuext(&pin, 1), 0);
	table_unseal(table);
}

/* --- two processes --- */

static void make_root(unsigned int n)
{
	unsigned int i;

	root[n] = page_alloc();
	for (i = 0; i < 512; i++)
		if (i < 256 || i >= 272)
			root[n][i] = table_root()[i];
	TEST_RESULT(page_protect(root[n]), 0);
	TEST_RESULT(table_ext(MMUEXT_PIN_L4_TABLE, virt_to_mfn(root[n])), 0);
}

static void setup_roots(void)
{
	make_root(0);
	make_root(1);
}

static void flip(void)
{
	turn ^= 1;
	roots[0].cmd = MMUEXT_NEW_BASEPTR;
	roots[0].arg1.mfn = virt_to_mfn(root[turn]);
	roots[1].cmd = MMUEXT_NEW_USER_BASEPTR;
	roots[1].arg1.mfn = virt_to_mfn(root[!turn]);
}

static long new_root(void)
{
	return mmuext(roots, 1);
}

static long new_roots(void)
{
	return mmuext(roots, 2);
}

static void cleanup_roots(void)
{
	unsigned int i;

	TEST_RESULT(table_ext(MMUEXT_NEW_BASEPTR, virt_to_mfn(table_root())),
		    0);
	TEST_RESULT(table_ext(MMUEXT_NEW_USER_BASEPTR, 0), 0);
	for (i = 0; i < 2; i++) {
		TEST_RESULT(table_ext(MMUEXT_UNPIN_TABLE, virt_to_mfn(root[i])),
			    0);
		TEST_RESULT(page_unprotect(root[i]), 0);
		page_free(root[i]);
	}
}

static const struct operation operations[] = {
	{ "pin_l1_empty", pin_unpin, .runs = 16, .setup = setup_empty,
	  .cleanup = cleanup_l1 },
	{ "pin_l1_full", pin_unpin, .runs = 16, .setup = setup_full,
	  .cleanup = cleanup_l1 },
	{ "pin_l1_full_ro", pin_unpin, .runs = 16, .setup = setup_full_ro,
	  .cleanup = cleanup_l1 },
	{ "pin_2m", pin_unpin, .runs = 8, .setup = setup_2,
	  .cleanup = cleanup_space },
	{ "pin_64m", pin_unpin, .runs = 3, .setup = setup_64,
	  .cleanup = cleanup_space },
	{ "pin_512m", pin_unpin, .runs = 3, .setup = setup_512,
	  .cleanup = cleanup_space },
	{ "new_baseptr", new_root, .setup = setup_roots, .before = flip,
	  .cleanup = cleanup_roots },
	{ "new_baseptr_pair", new_roots, .setup = setup_roots, .before = flip,
	  .cleanup = cleanup_roots }
};

void bench_pins(void)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		frames[i] = virt_to_mfn(page_alloc());
	measure(operations, ARRAY_SIZE(operations));
}
