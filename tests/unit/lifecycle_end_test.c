/* SPDX-License-Identifier: MIT */
/*
 * Domains end: by themselves, by a crash, destroyed from outside. Guests run
 * between the reaper's slices, nothing of the domain is left, nothing of it
 * goes while somebody uses it, and boot/ hears of it once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "call/call.h"
#include "event/event.h"
#include "lifecycle_world.h"
#include "mm/mm.h"
#include "trap/trap.h"

static struct kernel_image kernel;
static struct domain *d;
static struct vcpu *v;
static uint64_t before; /* free pages without the domain */

static void make(void)
{
	struct domain_config c = {
		.name = "web",
		.first_id = 1,
		.max_pages = WORLD_PAGES,
		.vcpus = 2,
		.weight = 256,
		.boot_index = 7,
	};
	struct domain_image i = {
		.kernel = &kernel,
		.pages = WORLD_PAGES,
	};

	kernel = world_kernel(WORLD_APART);
	world_make(2500);
	before = frame_free_pages();
	assert_int_equal(lifecycle_create(&c, &d), 0);
	assert_int_equal(lifecycle_build(d, &i), 0);
	lifecycle_unpause(d);
	v = d->vcpu[0];
}

/* Lets this CPU run the domain's first vcpu, as the way back would. */
static void run(void)
{
	struct vcpu *next = sched_pick();

	assert_ptr_equal(next, v);
	arch_switch(NULL, next);
}

/* The CPU leaves it. */
static void leave(void)
{
	struct vcpu *prev = current_vcpu(), *next = sched_pick();

	assert_null(next);
	arch_switch(prev, next);
	sched_left(prev);
}

static unsigned int reap(void)
{
	unsigned int slices = 0;

	while (domain_find(1) && slices < 100000) {
		atomic32_store(&this_cpu()->softirqs, 0);
		lifecycle_reap();
		slices++;
	}
	return slices;
}

static void expect_end(uint32_t code)
{
	struct domain_end e;

	assert_true(lifecycle_ended_pending());
	assert_true(lifecycle_ended(&e));
	assert_int_equal(e.id, 1);
	assert_int_equal(e.boot_index, 7);
	assert_int_equal(e.shutdown_code, code);
	assert_string_equal(e.name, "web");
	assert_false(lifecycle_ended_pending());
	assert_false(lifecycle_ended(&e));
}

static void expect_nothing_left(void)
{
	assert_null(domain_find(1));
	assert_int_equal(frame_free_pages(), before);
	world_check("reaped");
}

static void unpaused_once(void **state)
{
	(void)state;
	make();
	assert_int_equal(atomic32_load(&d->state), DOMAIN_ALIVE);
	assert_int_equal(v->sched.stop, 0);
	assert_int_equal(d->vcpu[1]->sched.stop, VCPU_DOWN);
	sched_stop(v, VCPU_PAUSED);
	lifecycle_unpause(d);
	assert_int_equal(v->sched.stop, VCPU_PAUSED);
	host_fini();
}

/* Whoever is the last to go down switches the domain off. */
static void goes_down(void **state)
{
	struct call_args args = { { VCPUOP_down, 0 } };

	(void)state;
	make();
	run();
	assert_int_equal(hc_vcpu_op(v, &args), 0);
	while (!lifecycle_ended_pending())
		call_return();
	expect_end(SHUTDOWN_poweroff);
	reap();
	expect_nothing_left();
	host_fini();
}

static void powers_off(void **state)
{
	(void)state;
	make();
	run();
	domain_shutdown(d, SHUTDOWN_poweroff);
	assert_int_equal(atomic32_load(&v->work) & VCPU_WORK_DYING,
			 VCPU_WORK_DYING);
	lifecycle_work(v);
	assert_true(world_said("domain 1 (web) has powered off"));
	assert_true(domain_is_dying(d));
	assert_int_equal(v->sched.stop & VCPU_PAUSED, VCPU_PAUSED);
	assert_int_equal(atomic32_load(&this_cpu()->softirqs),
			 SOFTIRQ_REAP | SOFTIRQ_SCHED);
	leave();
	reap();
	expect_end(SHUTDOWN_poweroff);
	expect_nothing_left();
	host_fini();
}

/* While its last CPU has not left it, the domain stays whole. */
static void waits_for_the_cpu(void **state)
{
	(void)state;
	make();
	run();
	domain_shutdown(d, SHUTDOWN_reboot);
	lifecycle_work(v);
	for (unsigned int i = 0; i < 5; i++) {
		atomic32_store(&this_cpu()->softirqs, 0);
		lifecycle_reap();
		assert_ptr_equal(domain_find(1), d);
		assert_non_null(v->mm.root_kernel);
		assert_non_null(d->console.ring);
		assert_true(atomic32_load(&this_cpu()->softirqs) &
			    SOFTIRQ_REAP);
	}
	leave();
	reap();
	expect_end(SHUTDOWN_reboot);
	expect_nothing_left();
	host_fini();
}

/* Another vcpu is picked, and the switch is not over: the old one's root and
 * registers are still this CPU's. */
static void waits_for_the_switch(void **state)
{
	struct call_args args = { { VCPUOP_register_vcpu_info, 0 } };

	(void)state;
	make();
	run();
	assert_int_equal(mm_cpus_running(d, ~0UL), 1);
	sched_stop(v, VCPU_DOWN);
	assert_null(sched_pick());
	assert_false(v->sched.running);
	assert_int_equal(mm_cpus_running(d, ~0UL), 1);
	assert_int_equal(mm_cpus_running(d, 2), 0);
	lifecycle_destroy(d);
	lifecycle_reap();
	assert_non_null(d->console.ring);
	arch_switch(v, NULL);
	assert_int_equal(hc_vcpu_op(d->vcpu[1], &args), -ERESTART);
	lifecycle_reap();
	assert_non_null(d->console.ring);
	sched_left(v);
	assert_int_equal(mm_cpus_running(d, ~0UL), 0);
	args.a[2] = 1UL << 63; /* no memory: it got that far */
	assert_int_equal(hc_vcpu_op(d->vcpu[1], &args), -EFAULT);
	reap();
	expect_end(SHUTDOWN_poweroff);
	expect_nothing_left();
	host_fini();
}

static void crashes(void **state)
{
	(void)state;
	make();
	run();
	v->regs->rip = 0xffffffff81234567;
	domain_crash(d, "it did %s", "that");
	domain_shutdown(d, SHUTDOWN_poweroff); /* the first reason stands */
	lifecycle_work(v);
	lifecycle_work(v); /* another vcpu comes by */
	assert_true(world_said("domain 1 (web) crashed: it did that"));
	assert_true(world_said("ffffffff81234567")); /* the dump */
	leave();
	reap();
	expect_end(SHUTDOWN_crash);
	expect_nothing_left();
	host_fini();
}

static void destroyed_twice(void **state)
{
	(void)state;
	make();
	lifecycle_destroy(d);
	lifecycle_destroy(d);
	reap();
	expect_end(SHUTDOWN_poweroff);
	expect_nothing_left();
	host_fini();
}

/* Everything that a guest may have registered. */
static void with_all_it_can_have(void **state)
{
	uint32_t port;
	struct frame *f;

	(void)state;
	make();
	f = frame_of(mfn(d->frames.first));
	assert_true(frame_get_writable(f, d));
	d->vcpu[1]->info_frame = f;
	d->vcpu[1]->info = frame_ptr(f);
	assert_int_equal(event_bind_virq(d, VIRQ_TIMER, 1, &port), 0);
	assert_int_equal(event_alloc_unbound(d, 1, &port), 0);
	run();
	assert_int_equal(event_timer_singleshot(v, time_now_ns() + 1000, 0), 0);
	assert_int_equal(event_timer_periodic(v, 5000000), 0);
	assert_int_equal(
		mm_root_set(v, true, guest_mfn(frame_mfn(v->mm.root_kernel).v)),
		0);
	domain_shutdown(d, SHUTDOWN_poweroff);
	lifecycle_work(v);
	leave();
	reap();
	expect_nothing_left();
	host_clock_advance(100000000);
	assert_null(timer_expired()); /* none is left to touch it */
	expect_end(SHUTDOWN_poweroff);
	host_fini();
}

/* A slice ends as soon as somebody else wants the CPU; all ends all the same.
 */
static void in_slices(void **state)
{
	(void)state;
	make();
	lifecycle_destroy(d);
	host_choose_random(3);
	host_choose_rate(HOST_PREEMPT, 1000);
	assert_true(reap() > WORLD_PAGES);
	host_choose_nothing();
	expect_end(SHUTDOWN_poweroff);
	expect_nothing_left();
	host_fini();
}

/*
 * Between two slices the CPU is another guest's: no softirq keeps it from its
 * guest, a timer brings the reaper back.
 */
static void others_run_in_between(void **state)
{
	struct domain_config c = {
		.name = "mail",
		.first_id = 2,
		.max_pages = WORLD_PAGES,
		.vcpus = 1,
		.weight = 256,
		.boot_index = LIFECYCLE_NO_INDEX,
	};
	struct domain_image i = { .kernel = &kernel, .pages = WORLD_PAGES };
	struct domain *other;

	(void)state;
	make();
	assert_int_equal(lifecycle_create(&c, &other), 0);
	assert_int_equal(lifecycle_build(other, &i), 0);
	lifecycle_unpause(other);
	lifecycle_destroy(d);
	assert_ptr_equal(sched_pick(), other->vcpu[0]);
	arch_switch(NULL, other->vcpu[0]);
	host_choose_random(3);
	host_choose_rate(HOST_PREEMPT, 1000);
	for (unsigned int n = 0; n < 10; n++) {
		atomic32_store(&this_cpu()->softirqs, 0);
		lifecycle_reap();
		assert_false(atomic32_load(&this_cpu()->softirqs) &
			     SOFTIRQ_REAP);
		assert_ptr_equal(domain_find(1), d);
		host_clock_advance(2000000);
		event_timers_run();
		assert_true(atomic32_load(&this_cpu()->softirqs) &
			    SOFTIRQ_REAP);
	}
	host_choose_nothing();
	reap();
	expect_end(SHUTDOWN_poweroff);
	lifecycle_destroy(other);
	leave();
	world_end();
}

/* One frame is still used by another: the domain lingers, boot/ need not. */
static void lingers(void **state)
{
	struct frame *f;

	(void)state;
	make();
	f = frame_of(mfn(d->frames.first));
	assert_true(frame_get(f, d));
	lifecycle_destroy(d);
	for (unsigned int i = 0; i < 10; i++)
		lifecycle_reap();
	expect_end(SHUTDOWN_poweroff);
	assert_ptr_equal(domain_find(1), d);
	assert_int_equal(f->owner, 1);
	frame_put(f);
	lifecycle_reap();
	expect_nothing_left();
	host_fini();
}

/* The same with the page that it shared with us. */
static void lingers_for_shared_info(void **state)
{
	struct frame *f;

	(void)state;
	make();
	f = d->shared_frame;
	assert_true(frame_get(f, d));
	lifecycle_destroy(d);
	for (unsigned int i = 0; i < 10; i++)
		lifecycle_reap();
	assert_ptr_equal(domain_find(1), d);
	frame_put(f);
	lifecycle_reap();
	expect_end(SHUTDOWN_poweroff);
	expect_nothing_left();
	host_fini();
}

static struct vcpu_guest_context context(void)
{
	struct vcpu_guest_context c = { 0 };

	c.user_regs.rip = WORLD_ENTRY;
	c.user_regs.cs = FLAT_KERNEL_CS;
	c.user_regs.ss = FLAT_KERNEL_SS;
	c.flags = VGCF_in_kernel;
	c.ctrlreg[3] = xen_pfn_to_cr3(frame_mfn(v->mm.root_kernel).v);
	return c;
}

static void second_vcpu(void **state)
{
	struct vcpu_guest_context c;
	struct vcpu *w;

	(void)state;
	make();
	w = d->vcpu[1];
	c = context();
	c.ctrlreg[3] = xen_pfn_to_cr3(frame_limit);
	assert_int_equal(lifecycle_vcpu_initialise(w, &c), -EINVAL);
	c = context();
	c.gdt_ents = FIRST_RESERVED_GDT_ENTRY + 1;
	assert_int_equal(lifecycle_vcpu_initialise(w, &c), -EINVAL);
	c = context();
	c.gdt_ents = 1UL << 32; /* 0, if cut to 32 bits */
	assert_int_equal(lifecycle_vcpu_initialise(w, &c), -EINVAL);
	c = context();
	c.ctrlreg[1] = xen_pfn_to_cr3(frame_mfn(d->shared_frame).v);
	assert_int_equal(lifecycle_vcpu_initialise(w, &c), -EINVAL);
	assert_false(w->initialised);
	c = context();
	assert_int_equal(lifecycle_vcpu_initialise(w, &c), 0);
	assert_true(w->initialised);
	assert_ptr_equal(w->mm.root_kernel, v->mm.root_kernel);
	assert_null(w->mm.root_user);
	assert_int_equal(w->regs->rip, WORLD_ENTRY);
	assert_int_equal(lifecycle_vcpu_initialise(w, &c), -EEXIST);
	world_check("initialised");
	lifecycle_destroy(d);
	reap();
	expect_end(SHUTDOWN_poweroff);
	expect_nothing_left();
	host_fini();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unpaused_once),
		cmocka_unit_test(goes_down),
		cmocka_unit_test(powers_off),
		cmocka_unit_test(waits_for_the_cpu),
		cmocka_unit_test(waits_for_the_switch),
		cmocka_unit_test(crashes),
		cmocka_unit_test(destroyed_twice),
		cmocka_unit_test(with_all_it_can_have),
		cmocka_unit_test(in_slices),
		cmocka_unit_test(others_run_in_between),
		cmocka_unit_test(lingers),
		cmocka_unit_test(lingers_for_shared_info),
		cmocka_unit_test(second_vcpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
