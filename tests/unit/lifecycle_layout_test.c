/* SPDX-License-Identifier: MIT */
/*
 * Where things lie in a guest's first memory: the promises of <xen/xen.h> for
 * every combination of what a kernel may ask for, the numbers that Debian's
 * kernel was measured with, and regions that do not fit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "abi.h"
#include "errno.h"
#include "lifecycle/layout.h"

#define BASE	  0xffffffff80000000UL
#define P2M_BASE  0x8000000000UL
#define GIB_PAGES (1UL << 18)

/* Debian 12's kernel, as its notes describe it. */
static struct kernel_image debian(void)
{
	return (struct kernel_image){
		.virt_base = BASE,
		.vstart = BASE + 0x1000000,
		.vend = BASE + 0x4a00000,
		.has_p2m_base = true,
		.p2m_base = P2M_BASE,
		.mod_start_pfn = true,
	};
}

static void assert_span(struct span s, uint64_t pfn, uint64_t pages)
{
	assert_int_equal(s.pfn, pfn);
	assert_int_equal(s.pages, pages);
}

/* The same addresses that Xen 4.17 gave it as domain 0 of 1 GiB. */
static void debian_as_measured(void **state)
{
	struct kernel_image k = debian();
	struct layout l;

	(void)state;
	assert_int_equal(layout_plan(&k, 0x900123, GIB_PAGES, false, &l), 0);
	assert_int_equal(l.v_start, BASE);
	assert_int_equal(l.v_last, BASE + 0x4bfffff);
	assert_span(l.start_info, 0x4a00, 1);
	assert_span(l.console, 0x4a01, 0);
	assert_span(l.tables, 0x4a01, 0x29);
	assert_span(l.stack, 0x4a2a, 1);
	assert_int_equal(l.mapped, 0x4c00);
	assert_int_equal(l.p2m_va, P2M_BASE);
	assert_span(l.p2m, 0x4c00, 512);
	assert_span(l.p2m_tables, 0x4e00, 3); /* L3, L2 and one L1 */
	assert_span(l.ramdisk, 0x4e03, 0x901);
	assert_int_equal(l.used, 0x4e03 + 0x901);
}

static void all_in_the_region(void **state)
{
	struct kernel_image k = debian();
	struct layout l;

	(void)state;
	k.has_p2m_base = false;
	k.mod_start_pfn = false;
	assert_int_equal(layout_plan(&k, 0x900123, 65536, true, &l), 0);
	assert_span(l.ramdisk, 0x4a00, 0x901);
	assert_span(l.p2m, 0x5301, 128);
	assert_int_equal(l.p2m_va, BASE + 0x5301000);
	assert_span(l.start_info, 0x5381, 1);
	assert_span(l.console, 0x5382, 1);
	assert_int_equal(l.tables.pfn, 0x5383);
	assert_int_equal(l.used, l.mapped);
	assert_false(l.p2m_apart);
	assert_false(l.ramdisk_apart);
}

/* What holds for every layout. */
static void check_laws(const struct kernel_image *k, const struct layout *l,
		       size_t ramdisk, uint64_t pages)
{
	const struct span order[] = {
		l->ramdisk_apart ? (struct span){ 0 } : l->ramdisk,
		l->p2m_apart ? (struct span){ 0 } : l->p2m,
		l->start_info,
		l->console,
		l->tables,
		l->stack
	};
	uint64_t at = (k->vend - k->virt_base + PAGE_SIZE - 1) / PAGE_SIZE;
	uint64_t apart = l->mapped;

	for (unsigned int i = 0; i < ARRAY_SIZE(order); i++) {
		if (!order[i].pages)
			continue;
		assert_int_equal(order[i].pfn, at); /* packed */
		at += order[i].pages;
	}
	assert_int_equal((l->v_last + 1) % (4UL << 20), 0);
	assert_true(l->mapped * PAGE_SIZE >= at * PAGE_SIZE + (512UL << 10));
	assert_int_equal(l->mapped, (l->v_last - l->v_start + 1) / PAGE_SIZE);
	if (l->p2m_apart) {
		assert_int_equal(l->p2m.pfn, apart);
		assert_int_equal(l->p2m_tables.pfn, apart + l->p2m.pages);
		apart += l->p2m.pages + l->p2m_tables.pages;
	}
	if (l->ramdisk_apart) {
		assert_int_equal(l->ramdisk.pfn, apart);
		apart += l->ramdisk.pages;
	}
	assert_int_equal(l->used, apart);
	assert_int_equal(l->p2m.pages, (pages * 8 + 4095) / 4096);
	assert_int_equal(l->ramdisk.pages, (ramdisk + 4095) / 4096);
}

/* L1s for each 2 MiB that is touched, and so on up to one L4. */
static uint64_t tables_counted(uint64_t first, uint64_t last)
{
	uint64_t n = 1;

	for (unsigned int shift = 21; shift <= 39; shift += 9)
		n += (last >> shift) - (first >> shift) + 1;
	return n;
}

static void laws_of_every_kind(void **state)
{
	static const uint64_t bases[] = { BASE,		  0,
					  0x100000000000, 0xffff880000000000,
					  0x7ffff0000000, 0x3000,
					  BASE + 0x201000 };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bases) * 4 * 300; i++) {
		struct kernel_image k = debian();
		size_t ramdisk = i % 3 ? (i * 7919UL) % 30000000 : 0;
		uint64_t pages = 1000 + i * 97;
		struct layout l;

		k.virt_base = bases[i / 1200];
		k.vstart = k.virt_base + 0x100000;
		k.vend = k.vstart + 1 + (i * 65537UL) % 50000000;
		k.has_p2m_base = i & 1;
		k.mod_start_pfn = i & 2;
		assert_int_equal(layout_plan(&k, ramdisk, pages, i & 4, &l), 0);
		check_laws(&k, &l, ramdisk, pages);
		assert_int_equal(l.tables.pages,
				 tables_counted(l.v_start, l.v_last));
	}
}

/* Each table that both ranges touch is counted once. */
static void p2m_shares_tables(void **state)
{
	struct kernel_image k = debian();
	struct layout l;

	(void)state;
	k.virt_base = 0x8000000000;
	k.vstart = k.virt_base;
	k.vend = k.virt_base + 0x100000;
	k.p2m_base = 0x8000000000 + (512UL << 30);
	assert_int_equal(layout_plan(&k, 0, GIB_PAGES, true, &l), 0);
	assert_int_equal(l.p2m_tables.pages, 3);
	k.p2m_base = 0x8000000000 + (256UL << 30); /* the L3 is there */
	assert_int_equal(layout_plan(&k, 0, GIB_PAGES, true, &l), 0);
	assert_int_equal(l.p2m_tables.pages, 2);
	k.p2m_base = 0x8000000000 + (512UL << 20); /* the L2, too */
	assert_int_equal(layout_plan(&k, 0, GIB_PAGES, true, &l), 0);
	assert_int_equal(l.p2m_tables.pages, 1);
	k.p2m_base = 0x8000000000 + (512UL << 20) + 0x1000;
	assert_int_equal(layout_plan(&k, 0, GIB_PAGES, true, &l), 0);
	assert_int_equal(l.p2m_tables.pages, 2); /* across two L1s */
}

static void refuses(const struct kernel_image *k, size_t ramdisk,
		    uint64_t pages)
{
	struct layout l;

	assert_int_equal(layout_plan(k, ramdisk, pages, true, &l), -EINVAL);
}

static void no_room_for_addresses(void **state)
{
	struct kernel_image k = debian();

	(void)state;
	k.mod_start_pfn = false;
	refuses(&k, 2UL << 30, GIB_PAGES); /* beyond the top */
	k = debian();
	k.virt_base = 0x7fffffc00000; /* up to the hole is not enough */
	k.vend = k.virt_base + 0x3f0000;
	refuses(&k, 0, 1024);
	k = debian();
	k.p2m_base = BASE + 0x4000000; /* inside the kernel */
	refuses(&k, 0, GIB_PAGES);
	k.p2m_base = BASE - 0x1000; /* runs into it */
	refuses(&k, 0, GIB_PAGES);
	k.p2m_base = 0xffff800000000000 - 0x1000;
	refuses(&k, 0, GIB_PAGES);
	k.p2m_base = 0xffff870000000000; /* ours */
	refuses(&k, 0, GIB_PAGES);
	k.p2m_base = 0xfffffffffffff000; /* wraps */
	refuses(&k, 0, GIB_PAGES);
	k.p2m_base = 0x7ffffffff000; /* ends in the hole */
	refuses(&k, 0, GIB_PAGES);
	k = debian();
	k.virt_base = 0; /* a kernel 2^64 bytes long */
	refuses(&k, 0, GIB_PAGES);
	k.virt_base = k.vend + PAGE_SIZE;
	refuses(&k, 0, GIB_PAGES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(debian_as_measured),
		cmocka_unit_test(all_in_the_region),
		cmocka_unit_test(laws_of_every_kind),
		cmocka_unit_test(p2m_shares_tables),
		cmocka_unit_test(no_room_for_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
