/* SPDX-License-Identifier: MIT */
/*
 * The two count words: each transition of the picture in frame/count.c, each
 * refusal, and that misuse by ourselves stops the machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/host.h"
#include "model/oracle.h"

#define LIMIT (1UL << 40)

static struct domain *d, *e;
static struct frame *f;

static int setup(void **state)
{
	(void)state;
	host_init(64, 2);
	/* Both have run guests: only such CPUs are asked to flush. */
	for (unsigned int i = 0; i < 2; i++) {
		host_cpu_select(1 - i);
		arch_flush_local();
	}
	d = host_domain_make(8, 0, false);
	e = host_domain_make(8, 0, false);
	return frame_alloc_domain(d, 0, &f);
}

static int teardown(void **state)
{
	(void)state;
	host_fini();
	return 0;
}

static uint64_t refs(void)
{
	return f->refs.v & FRAME_COUNT_MASK;
}

static uint64_t uses(void)
{
	return f->type.v & FRAME_COUNT_MASK;
}

static void new_frame_has_its_owners_reference(void **state)
{
	(void)state;
	assert_int_equal(refs(), 1);
	assert_int_equal(f->type.v, 0);
	assert_true(f->refs.v & FRAME_OWNED);
	assert_int_equal(oracle_check(), 0);
}

static void only_the_owners_frames_are_had(void **state)
{
	(void)state;
	assert_true(frame_get(f, d));
	assert_int_equal(refs(), 2);
	assert_false(frame_get(f, e));
	assert_int_equal(refs(), 2);
	frame_put(f);
	assert_int_equal(refs(), 1);
}

static void free_frames_are_not_had(void **state)
{
	(void)state;
	assert_true(frame_disown(f));
	assert_false(frame_get(f, d));
	assert_int_equal(oracle_check(), 0);
}

static void disowned_frame_lives_while_it_is_counted(void **state)
{
	(void)state;
	assert_true(frame_get(f, d));
	assert_true(frame_disown(f));
	assert_false(frame_disown(f));
	assert_int_equal(refs(), 1);
	assert_int_equal(d->frames.tot_pages, 1);
	assert_true(frame_ref(f));
	frame_put(f);
	frame_put(f);
	assert_int_equal(d->frames.tot_pages, 0);
	assert_true(f->refs.v == FRAME_FREE || f->refs.v == 0);
	assert_int_equal(oracle_check(), 0);
}

static void references_do_not_overflow(void **state)
{
	uint64_t flags = f->refs.v & ~FRAME_COUNT_MASK;

	(void)state;
	f->refs.v = flags | (LIMIT - 1);
	assert_true(frame_get(f, d));
	assert_false(frame_get(f, d));
	assert_false(frame_ref(f));
	assert_false(frame_get_data(f, frame_usual(d->id), d, false));
	assert_int_equal(f->refs.v, flags | LIMIT);
	f->refs.v = flags | 1;
}

static void uses_do_not_overflow(void **state)
{
	(void)state;
	assert_int_equal(frame_get_type(f, FRAME_WRITABLE), 0);
	f->type.v += LIMIT - 2;
	assert_int_equal(frame_get_type(f, FRAME_WRITABLE), 0);
	assert_int_equal(frame_get_type(f, FRAME_WRITABLE), -EBUSY);
	assert_false(frame_ref_type(f));
	assert_int_equal(uses(), LIMIT);
	f->type.v -= LIMIT - 1;
	assert_false(frame_put_type(f));
}

static void writable_uses_add_up(void **state)
{
	(void)state;
	assert_int_equal(frame_get_type(f, FRAME_WRITABLE), 0);
	assert_int_equal(frame_get_type(f, FRAME_WRITABLE), 0);
	assert_true(frame_ref_type(f));
	assert_int_equal(uses(), 3);
	assert_int_equal(frame_get_type(f, FRAME_L1), -EBUSY);
	assert_int_equal(frame_get_type(f, FRAME_SEGDESC), -EBUSY);
	for (unsigned int i = 0; i < 3; i++)
		assert_false(frame_put_type(f));
	assert_int_equal(uses(), 0);
	assert_int_equal(frame_type_of(f), FRAME_WRITABLE);
	assert_int_equal(frame_get_type(f, FRAME_L1), FRAME_MUST_VALIDATE);
	frame_type_cleared(f);
}

/* Every pair: a type in use excludes each other one, an unused one none. */
static void one_type_at_a_time(void **state)
{
	(void)state;
	for (unsigned int t = FRAME_WRITABLE; t <= FRAME_SEGDESC; t++) {
		int want = t == FRAME_WRITABLE ? 0 : FRAME_MUST_VALIDATE;

		assert_int_equal(frame_get_type(f, (enum frame_type)t), want);
		if (want)
			frame_type_validated(f);
		for (unsigned int u = FRAME_WRITABLE; u <= FRAME_SEGDESC; u++) {
			if (u == t)
				continue;
			assert_int_equal(frame_get_type(f, (enum frame_type)u),
					 -EBUSY);
			assert_false(frame_has_type(f, (enum frame_type)u));
		}
		assert_int_equal(uses(), 1);
		assert_int_equal(frame_put_type(f), want != 0);
		if (want)
			frame_type_cleared(f);
		assert_int_equal(uses(), 0);
	}
}

static void tables_are_validated_first(void **state)
{
	(void)state;
	f->progress = 77;
	assert_int_equal(frame_get_type(f, FRAME_L2), FRAME_MUST_VALIDATE);
	assert_int_equal(f->progress, 0);
	assert_false(frame_is_validated(f));
	assert_false(frame_has_type(f, FRAME_L2));
	/* Nobody else gets it before. */
	assert_int_equal(frame_get_type(f, FRAME_L2), -EBUSY);
	assert_int_equal(frame_get_type(f, FRAME_WRITABLE), -EBUSY);
	frame_type_validated(f);
	assert_true(frame_has_type(f, FRAME_L2));
	assert_int_equal(frame_get_type(f, FRAME_L2), 0);
	assert_int_equal(uses(), 2);
	assert_false(frame_put_type(f));
	assert_true(frame_put_type(f));
	assert_int_equal(f->progress, 512);
	assert_false(frame_is_validated(f));
	/* While it is taken apart nobody gets it either. */
	assert_int_equal(frame_get_type(f, FRAME_L2), -EBUSY);
	frame_type_cleared(f);
	assert_int_equal(frame_get_type(f, FRAME_WRITABLE), 0);
	assert_false(frame_put_type(f));
}

static void refused_table_is_nobodys(void **state)
{
	(void)state;
	assert_int_equal(frame_get_type(f, FRAME_L4), FRAME_MUST_VALIDATE);
	frame_type_cleared(f);
	assert_int_equal(uses(), 0);
	assert_int_equal(frame_get_type(f, FRAME_L1), FRAME_MUST_VALIDATE);
	frame_type_cleared(f);
}

/* The partial state has a reference and a use: who goes on takes them over. */
static void partial_table_is_resumed(void **state)
{
	(void)state;
	assert_true(frame_get(f, d));
	assert_int_equal(frame_get_type(f, FRAME_L3), FRAME_MUST_VALIDATE);
	f->progress = 5;
	frame_type_partial(f);
	assert_int_equal(oracle_check(), 0);
	assert_int_equal(frame_get_type(f, FRAME_L2), -EBUSY);
	assert_int_equal(frame_get_type(f, FRAME_WRITABLE), -EBUSY);
	assert_true(frame_get(f, d));
	assert_int_equal(refs(), 3);
	assert_int_equal(frame_get_type(f, FRAME_L3), FRAME_MUST_VALIDATE);
	assert_int_equal(refs(), 2);
	assert_int_equal(uses(), 1);
	assert_int_equal(f->progress, 5);
	frame_type_validated(f);
	assert_true(frame_put_type(f));
	frame_type_cleared(f);
	frame_put(f);
	assert_int_equal(oracle_check(), 0);
}

static void partial_table_is_taken_back(void **state)
{
	(void)state;
	assert_false(frame_take_partial(f));
	assert_true(frame_get(f, d));
	assert_int_equal(frame_get_type(f, FRAME_L1), FRAME_MUST_VALIDATE);
	assert_false(frame_take_partial(f));
	f->progress = 9;
	frame_type_partial(f);
	assert_true(frame_take_partial(f));
	assert_false(frame_take_partial(f));
	assert_int_equal(f->progress, 9);
	assert_int_equal(refs(), 2);
	frame_type_cleared(f);
	frame_put(f);
	assert_int_equal(oracle_check(), 0);
}

static void one_pin(void **state)
{
	bool last;

	(void)state;
	assert_true(frame_get(f, d));
	assert_int_equal(frame_get_type(f, FRAME_L1), FRAME_MUST_VALIDATE);
	frame_type_validated(f);
	assert_true(frame_pin_set(f));
	assert_false(frame_pin_set(f));
	assert_int_equal(oracle_check(), 0);
	assert_true(frame_has_type(f, FRAME_L1));
	assert_true(frame_ref_type(f));
	assert_true(frame_pin_put(f, &last));
	assert_false(last);
	assert_false(frame_pin_put(f, &last));
	assert_int_equal(uses(), 1);
	assert_true(frame_pin_set(f));
	assert_true(frame_pin_put(f, &last));
	assert_true(last);
	assert_false(frame_is_validated(f));
	assert_false(frame_pin_put(f, &last));
	frame_type_cleared(f);
	frame_put(f);
}

/* ---- both words in one step ---- */

static bool by_data(bool writable)
{
	return frame_get_data(f, frame_usual(d->id), d, writable);
}

static int step_read(void)
{
	return by_data(false);
}

static int step_write(void)
{
	return by_data(true);
}

static int step_l1(void)
{
	return frame_get_use(f, d, FRAME_L1);
}

static int step_l4(void)
{
	return frame_get_use(f, d, FRAME_L4);
}

/* As mm_get_table(): either way it is had, or not. */
static int step_validated(void)
{
	if (frame_get_validated(f, frame_usual(d->id), FRAME_L1))
		return 0;
	return frame_get_use(f, d, FRAME_L1);
}

/* As mm_put_table(), where there is something to put. */
static int step_put(void)
{
	bool last;

	if (!(f->type.v & FRAME_COUNT_MASK) || f->type.v & FRAME_PARTIAL ||
	    refs() < 2)
		return -1;
	if (frame_put_one_of_several(f))
		return 0;
	last = frame_put_type(f);
	frame_put(f);
	return last;
}

#define T(type, rest) ((uint64_t)(type) << FRAME_TYPE_SHIFT | (rest))

/*
 * In every state of the two words a merged step does what its parts do, one
 * after the other: they are what processors do that have no such exchange.
 */
static void merged_steps_are_their_parts(void **state)
{
	int (*const step[])(void) = { step_read, step_write,	 step_l1,
				      step_l4,	 step_validated, step_put };
	const uint64_t flags[] = { FRAME_OWNED, 0, FRAME_OWNED | FRAME_SHARED };
	const uint64_t counts[] = { 1, 2, 3, LIMIT - 1, LIMIT };
	const uint64_t types[] = {
		T(FRAME_NONE, 0),
		T(FRAME_WRITABLE, 0),
		T(FRAME_WRITABLE, 1),
		T(FRAME_WRITABLE, 2),
		T(FRAME_WRITABLE, LIMIT - 1),
		T(FRAME_WRITABLE, LIMIT),
		T(FRAME_L1, 0),
		T(FRAME_L1, 1),
		T(FRAME_L1, FRAME_PARTIAL | 1),
		T(FRAME_L1, FRAME_VALIDATED | 1),
		T(FRAME_L1, FRAME_VALIDATED | FRAME_PINNED | 1),
		T(FRAME_L1, FRAME_VALIDATED | FRAME_PINNED | 2),
		T(FRAME_L1, FRAME_VALIDATED | (LIMIT - 1)),
		T(FRAME_L1, FRAME_VALIDATED | LIMIT),
		T(FRAME_L2, FRAME_VALIDATED | 2),
		T(FRAME_SEGDESC, FRAME_VALIDATED | 2),
	};
	const uint64_t several = frame_several, word = f->refs.v;
	unsigned int merged = 0;

	(void)state;
	for (unsigned int i = 0; i < 2 * ARRAY_SIZE(flags) * ARRAY_SIZE(counts);
	     i++) {
		const struct domain *owner = i & 1 ? d : e;
		uint64_t r = (uint64_t)owner->id << FRAME_OWNER_SHIFT |
			     flags[i / 2 % 3] | counts[i / 6];

		for (unsigned int t = 0; t < ARRAY_SIZE(types); t++)
			for (unsigned int s = 0; s < ARRAY_SIZE(step); s++) {
				uint64_t after[2][2];
				int rc[2];

				for (unsigned int way = 0; way < 2; way++) {
					frame_several = way ? several : 0;
					f->refs.v = r;
					f->type.v = types[t];
					rc[way] = step[s]();
					after[way][0] = f->refs.v;
					after[way][1] = f->type.v;
				}
				assert_int_equal(rc[0], rc[1]);
				assert_memory_equal(after[0], after[1], 16);
				merged += after[0][0] != r &&
					  after[0][1] != types[t];
			}
	}
	assert_true(merged > 50);
	frame_several = several;
	f->refs.v = word;
	f->type.v = 0;
}

static void writable_reference_and_back(void **state)
{
	(void)state;
	assert_false(frame_get_writable(f, e));
	assert_true(frame_get_writable(f, d));
	assert_int_equal(refs(), 2);
	assert_int_equal(uses(), 1);
	frame_put_writable(f);
	assert_int_equal(frame_get_type(f, FRAME_L1), FRAME_MUST_VALIDATE);
	assert_false(frame_get_writable(f, d));
	assert_int_equal(refs(), 1);
	frame_type_cleared(f);
	assert_int_equal(oracle_check(), 0);
}

/* ---- flushing between the lives of a frame ---- */

static void end_of_writing_is_flushed_before_a_table(void **state)
{
	struct host_tlb_entry stale = { .va = HOST_VA,
					.mfn = frame_mfn(f).v,
					.owner = d->id,
					.level = 1,
					.writable = true };

	(void)state;
	assert_int_equal(frame_get_type(f, FRAME_WRITABLE), 0);
	host_tlb_insert(1, &stale);
	assert_false(frame_put_type(f));
	/* Writable again needs no flush. */
	assert_int_equal(frame_get_type(f, FRAME_WRITABLE), 0);
	assert_false(frame_put_type(f));
	assert_int_equal(host_tlb_size(1), 1);
	assert_int_equal(frame_get_type(f, FRAME_L1), FRAME_MUST_VALIDATE);
	assert_int_equal(host_tlb_size(1), 0);
	frame_type_cleared(f);
}

static void cpus_that_flushed_since_are_left_alone(void **state)
{
	struct host_tlb_entry other = { .va = HOST_VA,
					.level = 1,
					.mfn = HOST_RESERVED_FRAMES };

	(void)state;
	assert_int_equal(frame_get_type(f, FRAME_WRITABLE), 0);
	assert_false(frame_put_type(f));
	host_cpu_select(1);
	arch_flush_local();
	host_cpu_select(0);
	host_tlb_insert(0, &other);
	host_tlb_insert(1, &other);
	assert_int_equal(frame_get_type(f, FRAME_L1), FRAME_MUST_VALIDATE);
	assert_int_equal(host_tlb_size(0), 0);
	assert_int_equal(host_tlb_size(1), 1);
	frame_type_cleared(f);
}

static void new_owner_comes_after_a_flush(void **state)
{
	struct host_tlb_entry stale = {
		.va = HOST_VA, .owner = d->id, .mfn = frame_mfn(f).v, .level = 1
	};
	struct frame *again;

	(void)state;
	host_tlb_insert(1, &stale);
	assert_true(frame_disown(f));
	assert_int_equal(host_tlb_size(1), 1);
	while (frame_alloc_domain(e, 0, &again) == 0 && again != f)
		;
	assert_ptr_equal(again, f);
	assert_int_equal(host_tlb_size(1), 0);
}

/* ---- our own mistakes ---- */

static void put(void *arg)
{
	frame_put(arg);
}

static void put_type(void *arg)
{
	bool last = frame_put_type(arg);

	(void)last;
}

static void validated(void *arg)
{
	frame_type_validated(arg);
}

static void partial(void *arg)
{
	frame_type_partial(arg);
}

static void cleared(void *arg)
{
	frame_type_cleared(arg);
}

static void misuse_stops_the_machine(void **state)
{
	struct frame *free_frame = frame_alloc_hv(0);

	(void)state;
	frame_free_hv(free_frame, 0);
	assert_true(host_fails(put_type, f));
	assert_true(host_fails(validated, f));
	assert_true(host_fails(partial, f));
	assert_true(host_fails(cleared, f));
	free_frame->refs.v = 0;
	assert_true(host_fails(put, free_frame));
	assert_non_null(strstr(host_failure(), "panic"));
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(new_frame_has_its_owners_reference),
		TEST(only_the_owners_frames_are_had),
		TEST(free_frames_are_not_had),
		TEST(disowned_frame_lives_while_it_is_counted),
		TEST(references_do_not_overflow),
		TEST(uses_do_not_overflow),
		TEST(writable_uses_add_up),
		TEST(one_type_at_a_time),
		TEST(tables_are_validated_first),
		TEST(refused_table_is_nobodys),
		TEST(partial_table_is_resumed),
		TEST(partial_table_is_taken_back),
		TEST(one_pin),
		TEST(merged_steps_are_their_parts),
		TEST(writable_reference_and_back),
		TEST(end_of_writing_is_flushed_before_a_table),
		TEST(cpus_that_flushed_since_are_left_alone),
		TEST(new_owner_comes_after_a_flush),
		TEST(misuse_stops_the_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
