/* SPDX-License-Identifier: MIT */
/*
 * Messages of PCI functions: what is written into their configuration and
 * their tables, and what of a function that lies we believe.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "errno.h"
#include "event/event.h"
#include "host/host.h"
#include "irq/irq.h"
#include "sched/sched.h"
#include "time/time.h"

#define FUNCTION 0x0010 /* 00:02.0 */
#define ADDRESS	 (0x80000000U | FUNCTION << 8)
#define MSI	 0x50
#define MSIX	 0x70
#define TABLE	 (frame_limit << PAGE_SHIFT)

static struct domain *a;
static uint8_t *config;

static uint32_t word(unsigned int at)
{
	uint32_t v;

	memcpy(&v, config + at, sizeof(v));
	return v;
}

static uint16_t half(unsigned int at)
{
	return (uint16_t)(word(at & ~3U) >> 8 * (at & 2));
}

static void set(unsigned int at, unsigned int bytes, uint32_t v)
{
	memcpy(config + at, &v, bytes);
}

/* A function with both, MSI with the bits of control given. */
static void function(uint32_t msi_control)
{
	set(0, 4, 0x12345678);
	set(4, 2, 2);	 /* memory is on */
	set(6, 2, 0x10); /* it has a list */
	set(0x34, 1, MSI);
	set(MSI, 1, 0x05);
	set(MSI + 1, 1, MSIX);
	set(MSI + 2, 2, msi_control);
	set(MSIX, 1, 0x11);
	set(MSIX + 2, 2, 4); /* five entries */
	set(MSIX + 4, 4, 0x100 | 2);
}

static int setup(void **state)
{
	(void)state;
	host_init(256, 1);
	time_init();
	sched_init();
	irq_init();
	a = host_domain_make(8, 1, true);
	a->sched.weight = SCHED_WEIGHT_DEFAULT;
	assert_int_equal(event_domain_init(a), 0);
	assert_int_equal(timer_reserve(TIMERS_PER_VCPU + WATCHDOGS), 0);
	arch_access_give(a);
	time_vcpu_init(a->vcpu[0]);
	sched_vcpu_init(a->vcpu[0]);
	host_cpus[0].apic_id = 3;
	config = host_pci_add(ADDRESS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(host_locks_held(0), 0);
	host_cpus[0].apic_id = 0;
	host_fini();
	return 0;
}

static int map(unsigned int n, uint64_t table, uint32_t entry, int *pirq)
{
	struct irq_message m = {
		.function = FUNCTION, .n = n, .entry = entry, .table = table
	};

	*pirq = -1;
	return irq_map_message(a, a, &m, pirq);
}

/* The vector is written, and its event is raised. */
static void comes(uint32_t vector, uint32_t port)
{
	irq_note(vector);
	irq_run();
	assert_true(shared_clear_bit(a->shared->evtchn_pending, port));
}

static void msi_of_each_form(void **state)
{
	/* 64-bit addresses, mask bits: where data and mask lie. */
	static const struct {
		uint32_t control;
		unsigned int data, mask;
	} forms[] = { { 0, 8, 0 },
		      { 0x80, 12, 0 },
		      { 0x100, 8, 12 },
		      { 0x180, 12, 16 } };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(forms); i++) {
		uint32_t port, vector;
		int pirq;

		memset(config, 0, 256);
		function(forms[i].control);
		set(MSI + 8, 4, 0xffffffff); /* an upper half of old */
		assert_int_equal(map(1, 0, 0, &pirq), 0);
		assert_int_equal(pirq, EVENT_NR_PIRQS - 1);
		assert_int_equal(word(MSI + 4), 0xfee03000);
		if (forms[i].control & 0x80)
			assert_int_equal(word(MSI + 8), 0);
		vector = half(MSI + forms[i].data);
		assert_in_range(vector, ARCH_VECTOR_FIRST, ARCH_VECTOR_END - 1);
		/* Its switch is the driver's, masks are ours. */
		assert_int_equal(half(MSI + 2), forms[i].control);
		if (forms[i].mask)
			assert_int_equal(word(MSI + forms[i].mask), 1);
		assert_int_equal(irq_bind(a, (uint32_t)pirq, &port), 0);
		if (forms[i].mask)
			assert_int_equal(word(MSI + forms[i].mask), 0);
		else
			assert_int_equal(half(MSI + 2) & 1, 1);
		comes(vector, port);
		assert_int_equal(map(1, 0, 0, &pirq), -EEXIST);
		assert_int_equal(map(1, TABLE, 0, &pirq), -EEXIST);
		assert_int_equal(event_close(a, port), 0);
		irq_note(vector);
		irq_run(); /* nobody hears it: masked */
		if (forms[i].mask)
			assert_int_equal(word(MSI + forms[i].mask), 1);
		else
			assert_int_equal(half(MSI + 2) & 1, 0);
		assert_int_equal(irq_unmap(a, EVENT_NR_PIRQS - 1), 0);
		assert_int_equal(half(MSI + 2) & 1, 0);
	}
}

static void several(void **state)
{
	uint32_t port, vector;
	int pirq;

	(void)state;
	function(0x188 | 0x10); /* sixteen, two of them in use */
	assert_int_equal(map(17, 0, 0, &pirq), -EINVAL);
	assert_int_equal(map(5, 0, 0, &pirq), 0);
	assert_int_equal(pirq, EVENT_NR_PIRQS - 5);
	assert_int_equal(half(MSI + 2) >> 4 & 7, 3); /* eight */
	vector = half(MSI + 12);
	assert_int_equal(vector % 8, 0);
	assert_int_equal(word(MSI + 16), 0xff);
	assert_int_equal(irq_bind(a, (uint32_t)pirq + 2, &port), 0);
	assert_int_equal(word(MSI + 16), 0xfb);
	comes(vector + 2, port);
	irq_note(vector + 7); /* of the row, but nobody's */
	irq_run();
	assert_int_equal(irq_unmap(a, (uint32_t)pirq), 0); /* all */
	assert_int_equal(irq_unmap(a, (uint32_t)pirq + 4), -EINVAL);
	assert_int_equal(irq_bind(a, (uint32_t)pirq + 2, &port), -EPERM);
	assert_int_equal(map(1, 0, 0, &pirq), 0);
}

static void msix(void **state)
{
	volatile uint32_t *entry = &host_device_page[(0x100 + 3 * 16) / 4];
	uint32_t port;
	int pirq, other;

	(void)state;
	function(0);
	assert_int_equal(map(1, TABLE, 5, &pirq), -EINVAL);
	assert_int_equal(map(1, TABLE + 0xf00 - 0x40 + 8, 3, &pirq), -EINVAL);
	assert_int_equal(map(1, UINT64_MAX - 0x10, 0, &pirq), -EINVAL);
	assert_int_equal(map(1, UINT64_MAX >> 8, 0, &pirq), -EPERM);
	assert_int_equal(map(1, 16 << PAGE_SHIFT, 0, &pirq), -EPERM); /* RAM */
	set(4, 2, 0);
	assert_int_equal(map(1, TABLE, 3, &pirq), -ENXIO);
	set(4, 2, 2);
	assert_int_equal(domain_set_use(a, &a->access.memory, frame_limit,
					frame_limit, false),
			 0);
	assert_int_equal(map(1, TABLE, 3, &pirq), -EPERM);
	assert_int_equal(domain_set_use(a, &a->access.memory, frame_limit,
					frame_limit, true),
			 0);
	entry[1] = 77;
	assert_int_equal(map(1, TABLE, 3, &pirq), 0);
	assert_int_equal(entry[0], 0xfee03000);
	assert_int_equal(entry[1], 0);
	assert_in_range(entry[2], ARCH_VECTOR_FIRST, ARCH_VECTOR_END - 1);
	assert_int_equal(entry[3], 1);
	assert_int_equal(map(1, TABLE, 3, &other), -EEXIST);
	assert_int_equal(map(1, TABLE, 4, &other), 0);
	assert_int_equal(irq_bind(a, (uint32_t)pirq, &port), 0);
	assert_int_equal(entry[3], 0);
	comes(entry[2], port);
	/* A reset function gets all of it back. */
	entry[0] = entry[2] = 0;
	entry[3] = 1;
	irq_msi_restore(FUNCTION + 1);
	assert_int_equal(entry[0], 0);
	irq_msi_restore(FUNCTION);
	assert_int_equal(entry[0], 0xfee03000);
	assert_int_equal(entry[3], 0);
	assert_int_equal(entry[7], 1);
	comes(entry[2], port);
	irq_domain_exit(a);
	assert_int_equal(entry[3], 1);
	assert_int_equal(entry[7], 1);
}

static void vectors_run_out(void **state)
{
	unsigned int n = 0;
	int pirq, rc;

	(void)state;
	function(0x18a); /* 32 */
	set(MSIX + 2, 2, 0x7ff);
	set(MSIX + 4, 4, 0);
	while ((rc = map(1, TABLE, n, &pirq)) == 0)
		n++;
	assert_int_equal(rc, -ENOSPC);
	assert_int_equal(n, ARCH_VECTOR_END - ARCH_VECTOR_FIRST);
	irq_domain_exit(a);
	assert_int_equal(map(32, 0, 0, &pirq), 0);
}

static void no_such_thing(void **state)
{
	struct irq_message m = { .function = FUNCTION + 8, .n = 1 };
	int pirq = -1;

	(void)state;
	assert_int_equal(irq_map_message(a, a, &m, &pirq), -ENODEV);
	function(0);
	host_cpus[0].apic_id = 256;
	assert_int_equal(map(1, 0, 0, &pirq), -EOPNOTSUPP);
	host_cpus[0].apic_id = 3;
	set(6, 2, 0);
	assert_int_equal(map(1, 0, 0, &pirq), -ENODEV);
	set(6, 2, 0x10);
	set(0x34, 1, MSIX); /* whose list ends there */
	assert_int_equal(map(1, 0, 0, &pirq), -ENODEV);
	set(MSIX + 1, 1, MSIX); /* or never */
	assert_int_equal(map(1, 0, 0, &pirq), -ENODEV);
	set(MSIX + 1, 1, 0xf8); /* or where there is no room */
	set(0xf8, 1, 0x05);
	assert_int_equal(map(1, 0, 0, &pirq), -ENODEV);
}

/* Whatever a function says: no access outside of it, and an end. */
static void lies(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		uint32_t port;
		int pirq;

		for (unsigned int k = 0; k < 256; k++)
			config[k] = (uint8_t)host_random();
		set(0, 2, 0x1234);
		config[6] |= 0x10;
		config[0x34] = (uint8_t)(0x40 + host_random() % 4 * 4);
		for (unsigned int k = 0x40; k < 0x50; k += 4)
			config[k] = host_random() % 2 ? 0x05 : 0x11;
		if (map(1 + host_random() % 32, host_random() % 2 ? TABLE : 0,
			(uint32_t)(host_random() % 2048), &pirq))
			continue;
		assert_int_equal(irq_bind(a, (uint32_t)pirq, &port), 0);
		irq_msi_restore(FUNCTION);
		assert_int_equal(irq_unmap(a, (uint32_t)pirq), 0);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(msi_of_each_form), TEST(several),	     TEST(msix),
		TEST(vectors_run_out),	TEST(no_such_thing), TEST(lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
