/* SPDX-License-Identifier: MIT */
/*
 * Long hypercalls and the events that arrive meanwhile.
 *
 * No hypercall may keep the processor for long. A hypervisor interrupts the
 * long ones, lets pending events in, and goes on where it was; the guest sees
 * one call that took its time, with one result, each element done exactly
 * once, and the count of what was done right. The progress is kept where the
 * guest can reach it (registers, the multicall's entries), so it may also be
 * a lie: a count that says it was interrupted when it was not, or progress
 * beyond the end, is refused or harmless.
 *
 * A timer of 1 ms runs during all of it, so that there is something to let in.
 */
#include "lodger.h"

#define BATCH  4000
#define TABLES 96

static volatile unsigned int ticks;
static struct mmu_update updates[BATCH];
static multicall_entry_t calls[BATCH];

static void on_tick(unsigned int port, void *argument)
{
	(void)port;
	(void)argument;
	ticks++;
	timer_set(clock_now() + MILLISECOND, 0);
}

static pte_t *new_l1(void)
{
	pte_t *t = page_alloc();

	TEST_RESULT(page_protect(t), 0);
	TEST_RESULT(table_ext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(t)), 0);
	return t;
}

static void long_batch(pte_t *l1, unsigned long *data)
{
	unsigned int i, done = 0;

	for (i = 0; i < BATCH; i++) {
		updates[i].ptr = virt_to_machine(&l1[i % 512]);
		updates[i].val =
			pte_make(virt_to_mfn(data), PTE_RO | (i / 512) << 9);
	}
	TEST_RESULT(HYPERVISOR_mmu_update(updates, BATCH, &done, DOMID_SELF),
		    0);
	TEST_RESULT(done, BATCH);
	for (i = 0; i < 512; i++)
		TEST_RESULT((l1[i] >> 9) & 7, ((BATCH - 1 - i) / 512) & 7);
	/* A bad one near the end: all before it were done, and counted. */
	updates[BATCH - 10].val = pte_make(0xfffffffffUL, PTE_RO);
	TEST_REFUSED(HYPERVISOR_mmu_update(updates, BATCH, &done, DOMID_SELF));
	TEST_RESULT(done, BATCH - 10);
}

static void long_multicall(unsigned int port)
{
	unsigned int i;

	for (i = 0; i < BATCH; i++) {
		memset(&calls[i], 0, sizeof(calls[i]));
		calls[i].op = i % 2 ? __HYPERVISOR_xen_version : 63;
		calls[i].result = 0x77;
	}
	/* One of them raises an event at ourselves. */
	calls[100].op = __HYPERVISOR_event_channel_op;
	calls[100].args[0] = EVTCHNOP_send;
	calls[100].args[1] = (unsigned long)&port;
	TEST_RESULT(HYPERVISOR_multicall(calls, BATCH), 0);
	for (i = 0; i < BATCH; i++)
		TEST_RESULT(calls[i].result, i == 100 ? 0
					     : i % 2  ? (4 << 16 | 17)
						      : -XEN_ENOSYS);
}

/* mmu_update inside a multicall: both kinds of progress at once. */
static void nested(pte_t *l1, unsigned long *data)
{
	unsigned int done[8];
	unsigned int i;

	for (i = 0; i < BATCH; i++)
		updates[i].val = pte_make(virt_to_mfn(data), PTE_RO);
	memset(calls, 0, sizeof(calls));
	for (i = 0; i < 8; i++) {
		calls[i].op = __HYPERVISOR_mmu_update;
		calls[i].args[0] = (unsigned long)updates;
		calls[i].args[1] = BATCH / 2;
		calls[i].args[2] = (unsigned long)&done[i];
		calls[i].args[3] = DOMID_SELF;
	}
	TEST_RESULT(HYPERVISOR_multicall(calls, 8), 0);
	for (i = 0; i < 8; i++) {
		TEST_RESULT(calls[i].result, 0);
		TEST_RESULT(done[i], BATCH / 2);
	}
	TEST_RESULT(pte_mfn(l1[5]), virt_to_mfn(data));
}

/* A tree of tables, all of it full, validated and let go at once. */
static void big_tree(unsigned long *data)
{
	pte_t *root = page_alloc();
	unsigned long i, round;

	for (i = 0; i < TABLES * 512UL; i++)
		table_build(root, (void *)(i * PAGE_SIZE),
			    pte_make(virt_to_mfn(data), PTE_RW));
	for (round = 0; round < 3; round++) {
		TEST_RESULT(table_seal(root), 0);
		TEST_RESULT(
			table_ext(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(root)),
			0);
		TEST_RESULT(table_ext(MMUEXT_UNPIN_TABLE, virt_to_mfn(root)),
			    0);
		TEST_REFUSED(page_unprotect(root));
		TEST_RESULT(table_ext(MMUEXT_NEW_USER_BASEPTR, 0), 0);
	}
	TEST_RESULT(table_ext(MMUEXT_PIN_L4_TABLE, virt_to_mfn(root)), 0);
	table_unseal(root);
	/* data had 49152 writable references, and has none of them now. */
	TEST_RESULT(page_protect(data), 0);
	TEST_RESULT(table_ext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(data)), 0);
	TEST_RESULT(table_ext(MMUEXT_UNPIN_TABLE, virt_to_mfn(data)), 0);
	TEST_RESULT(page_unprotect(data), 0);
}

/* The bit by which progress is marked, with counts that make no sense. */
static void false_progress(void)
{
	static const unsigned int counts[] = { 0x80000000U, 0x80000001U,
					       0xffffffffU, 0x7fffffffU };
	struct mmu_update one[2];
	struct mmuext_op op;
	unsigned int i, done;

	memset(one, 0, sizeof(one));
	memset(&op, 0, sizeof(op));
	one[0].ptr = (0xfffffffffUL << 12);
	op.cmd = MMUEXT_UNPIN_TABLE;
	op.arg1.mfn = 0xfffffffffUL;
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		done = 0;
		HYPERVISOR_mmu_update(one, counts[i], &done, DOMID_SELF);
		TEST_ASSERT(done <= 1, "%u done of nothing", done);
		done = 0;
		HYPERVISOR_mmuext_op(&op, counts[i], &done, DOMID_SELF);
		TEST_ASSERT(done <= 1, "%u done of nothing", done);
		HYPERVISOR_mmu_update(one, counts[i], NULL, DOMID_SELF);
	}
}

void test_main(void)
{
	long timer = event_bind_virq(VIRQ_TIMER, 0);
	long ipi = event_bind_ipi(0);
	unsigned long *data = page_alloc();
	pte_t *l1 = new_l1();
	unsigned int before;

	TEST_ASSERT(timer > 0 && ipi > 0, "ports %ld %ld", timer, ipi);
	event_set_handler((unsigned int)timer, on_tick, NULL);
	TEST_RESULT(timer_set_period(0), 0);
	TEST_RESULT(event_unmask((unsigned int)timer), 0);
	TEST_RESULT(timer_set(clock_now() + MILLISECOND, 0), 0);
	before = ticks;
	long_batch(l1, data);
	long_multicall((unsigned int)ipi);
	nested(l1, data);
	TEST_RESULT(table_ext(MMUEXT_UNPIN_TABLE, virt_to_mfn(l1)), 0);
	TEST_RESULT(page_unprotect(l1), 0);
	big_tree(data);
	false_progress();
	clock_spin(5 * MILLISECOND);
	TEST_ASSERT(ticks > before + 1, "the timer stopped");
}
