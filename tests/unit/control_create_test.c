/* SPDX-License-Identifier: MIT */
/*
 * A domain's life as control software sees it: created, built, run, shut
 * down, destroyed. Nothing of it is left, whoever dies in the middle, and the
 * control domain is told each time.
 */
#include "control_world.h"

#include <xen/io/console.h>

#include "grant/grant.h"

static void from_birth_to_death(void **state)
{
	struct domain *d;
	uint32_t port;

	(void)state;
	assert_int_equal(event_bind_virq(control.d, VIRQ_DOM_EXC, 0, &port), 0);
	free_before = frame_free_pages();
	d = build(2);
	assert_int_equal(d->id, 1);
	assert_int_equal(flags_of(1), XEN_DOMINF_paused);
	assert_null(sched_pick());
	world_check("built");
	assert_int_equal(simple(XEN_DOMCTL_unpausedomain, 1), 0);
	assert_int_equal(simple(XEN_DOMCTL_unpausedomain, 1), -EINVAL);
	assert_ptr_equal(sched_pick(), d->vcpu[0]);
	assert_int_equal(d->vcpu[0]->saved.rip, ENTRY);
	assert_int_equal(simple(XEN_DOMCTL_pausedomain, 1), 0);
	assert_null(sched_pick());
	sched_left(d->vcpu[0]);
	destroy(d);
	assert_true(control.d->shared->evtchn_pending[0] >> port & 1);
}

static void numbers(void **state)
{
	struct xen_domctl op = creation(1);
	struct domain *a = create(1, 16, 64), *b = create(3, 16, 64);
	uint16_t id;

	(void)state;
	assert_int_equal(a->id, 1);
	assert_int_equal(b->id, 2);
	assert_int_equal(domctl(&op, XEN_DOMCTL_createdomain, 2), -EEXIST);
	assert_int_equal(domctl(&op, XEN_DOMCTL_createdomain, DOMAIN_IDS),
			 -EINVAL);
	assert_int_equal(domctl(&op, XEN_DOMCTL_createdomain, 77), 0);
	assert_int_equal(op.domain, 77);
	/* One by one, from any number on. */
	assert_int_equal(domctl(&op, XEN_DOMCTL_getdomaininfo, 3), 0);
	assert_int_equal(op.domain, 77);
	assert_int_equal(op.u.getdomaininfo.max_vcpu_id, 0);
	assert_memory_equal(op.u.getdomaininfo.handle, "0123456789abcdef", 16);
	assert_int_equal(simple(XEN_DOMCTL_getdomaininfo, 78), -ESRCH);
	assert_int_equal(simple(XEN_DOMCTL_getdomaininfo, DOMID_SELF), -ESRCH);
	assert_int_equal(simple(XEN_DOMCTL_destroydomain, 77), 0);
	assert_int_equal(simple(XEN_DOMCTL_destroydomain, 1), 0);
	/* A number that was just free is not taken at once. */
	op = creation(1);
	assert_int_equal(domctl(&op, XEN_DOMCTL_createdomain, DOMID_INVALID),
			 0);
	id = op.domain;
	assert_int_equal(simple(XEN_DOMCTL_destroydomain, id), 0);
	op = creation(1);
	assert_int_equal(domctl(&op, XEN_DOMCTL_createdomain, 0), 0);
	assert_true(op.domain > id);
	assert_int_equal(simple(XEN_DOMCTL_destroydomain, op.domain), 0);
	destroy(b);
}

/* Each one has a line in the log, whether or not the tool says why. */
static void refused(void **state)
{
	static const struct {
		size_t at;
		uint32_t value;
		long rc;
		const char *line;
	} cases[] = {
#define FIELD(f) offsetof(struct xen_domctl, u.createdomain.f)
		{ FIELD(flags), XEN_DOMCTL_CDF_hvm, -EINVAL, "HVM" },
		{ FIELD(flags), XEN_DOMCTL_CDF_iommu, -EINVAL, "IOMMU" },
		{ FIELD(flags), XEN_DOMCTL_CDF_vpmu, -EINVAL, "vpmu=" },
		{ FIELD(flags), XEN_DOMCTL_CDF_nested_virt, -EINVAL, "HVM" },
		{ FIELD(flags), 1U << 31, -EINVAL, "flags" },
		{ FIELD(iommu_opts), 1, -EINVAL, "IOMMU" },
		{ FIELD(vmtrace_size), 4096, -EINVAL, "vmtrace" },
		{ FIELD(arch.emulation_flags), 1, -EINVAL, "emulated" },
		{ FIELD(arch.misc_flags), 2, -EINVAL, "misc_flags" },
		{ FIELD(max_vcpus), 0, -EINVAL, "maxvcpus=" },
		{ FIELD(max_vcpus), 33, -EINVAL, "maxvcpus=" },
		{ FIELD(grant_opts), 0, -EINVAL, "max_grant_version=" },
		{ FIELD(grant_opts), 0x12, -EINVAL, "max_grant_version=" },
		{ FIELD(cpupool_id), 1, -ESRCH, "pool=" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct xen_domctl op = creation(1);

		memcpy((char *)&op + cases[i].at, &cases[i].value, 4);
		host_console_clear();
		assert_int_equal(domctl(&op, XEN_DOMCTL_createdomain, 0),
				 cases[i].rc);
		assert_true(world_said(cases[i].line));
		assert_null(domain_next(0));
	}
	assert_int_equal(frame_free_pages(), free_before);
}

/* Whoever cannot be told of it has none. */
static void told_or_not_created(void **state)
{
	struct xen_domctl op = creation(1);
	struct call_args args = { { ARG } };

	(void)state;
	op.cmd = XEN_DOMCTL_createdomain;
	op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	poke(ARG, &op, sizeof(op));
	/* Read-only: it can be read from there. */
	assert_int_equal(call(hc_update_va_mapping, ARG,
			      frame_mfn(control.frame[0]).v << PAGE_SHIFT |
				      PTE_P | PTE_US,
			      UVMF_INVLPG, 0),
			 0);
	assert_int_equal(hc_domctl(caller, &args), -EFAULT);
	for (unsigned int i = 0; i < 10; i++)
		lifecycle_reap();
	assert_null(domain_next(0));
	assert_int_equal(frame_free_pages(), free_before);
}

static void who_may(void **state)
{
	struct xen_domctl op = creation(1);
	struct call_args args = { { ARG } };

	(void)state;
	op.cmd = XEN_DOMCTL_createdomain;
	op.interface_version = XEN_DOMCTL_INTERFACE_VERSION - 1;
	poke(ARG, &op, sizeof(op));
	assert_int_equal(hc_domctl(caller, &args), -EACCES);
	control.d->privileged = false;
	assert_int_equal(domctl(&op, XEN_DOMCTL_createdomain, 0), -EPERM);
	assert_int_equal(domctl(&op, XEN_DOMCTL_getdomaininfo, 0), -EPERM);
	control.d->privileged = true;
	assert_int_equal(simple(XEN_DOMCTL_destroydomain, 0), -EINVAL);
	assert_int_equal(simple(XEN_DOMCTL_pausedomain, 0), -EINVAL);
	assert_int_equal(simple(XEN_DOMCTL_setvcpucontext, 0), -EINVAL);
	assert_int_equal(simple(XEN_DOMCTL_max_mem, 5), -ESRCH);
	assert_int_equal(simple(0, 0), -ENOSYS);
	assert_int_equal(simple(999999, 0), -ENOSYS);
}

static void narrow(void **state)
{
	struct vcpu_guest_context_x86_32 c = { 0 };
	struct domain *d = create(1, 32, 32);
	struct xen_domctl op = { 0 };

	(void)state;
	assert_int_equal(d->width, WIDTH_32);
	assert_int_equal(populate(1, 8), 8);
	op.u.address_size.size = 64;
	assert_int_equal(domctl(&op, XEN_DOMCTL_set_address_size, 1), -EACCES);
	assert_int_equal(domctl(&op, XEN_DOMCTL_get_address_size, 1), 0);
	assert_int_equal(op.u.address_size.size, 32);
	op.u.address_size.size = 16;
	assert_int_equal(domctl(&op, XEN_DOMCTL_set_address_size, 1), -EINVAL);
	tables_make(d, 8);
	c.user_regs.eip = 0x1234;
	c.user_regs.cs = FLAT_KERNEL_CS_X86_32;
	c.user_regs.ss = FLAT_KERNEL_SS_X86_32;
	c.flags = VGCF_in_kernel | VGCF_online;
	c.ctrlreg[3] = xen_pfn_to_cr3_x86_32((uint32_t)page_of[1]);
	assert_int_equal(context_set(1, 0, &c, sizeof(c)), 0);
	assert_ptr_equal(d->vcpu[0]->mm.root_kernel, frame_of(mfn(page_of[1])));
	assert_int_equal(d->vcpu[0]->saved.rip, 0x1234);
	world_check("narrow");
	destroy(d);
}

/* There and back, while there is no memory; libxl opens two ports before. */
static void width_while_empty(void **state)
{
	struct domain *d = create(1, 32, 32);
	struct xen_domctl op = { 0 };
	uint32_t port, mine;

	(void)state;
	op.u.address_size.size = 64;
	assert_int_equal(domctl(&op, XEN_DOMCTL_set_address_size, 1), 0);
	assert_int_equal(d->vcpu[0]->saved.cs, FLAT_KERNEL_CS);
	assert_true(d->vcpu[0]->trap.kernel_mode);
	assert_int_equal(event_alloc_unbound(d, 0, &port), 0);
	op.u.address_size.size = 32;
	assert_int_equal(domctl(&op, XEN_DOMCTL_set_address_size, 1), 0);
	assert_int_equal(d->width, WIDTH_32);
	assert_int_equal(event_bind_interdomain(control.d, 1, port, &mine), 0);
	assert_int_equal(event_send(control.d, mine), 0);
	assert_true(((struct vcpu_info_x86_32 *)d->vcpu[0]->info)
			    ->evtchn_pending_sel &
		    1);
	op.u.address_size.size = 64;
	assert_int_equal(domctl(&op, XEN_DOMCTL_set_address_size, 1), 0);
	d->event.end_port = 1025;
	op.u.address_size.size = 32;
	assert_int_equal(domctl(&op, XEN_DOMCTL_set_address_size, 1), -EACCES);
	assert_int_equal(d->width, WIDTH_64);
	assert_int_equal(simple(XEN_DOMCTL_destroydomain, 1), 0);
	assert_null(domain_find(1));
}

static void limits(void **state)
{
	struct domain *d = create(2, 8, 64);
	struct xen_domctl op = { 0 };

	(void)state;
	op.u.max_vcpus.max = 3;
	assert_int_equal(domctl(&op, XEN_DOMCTL_max_vcpus, 1), -EINVAL);
	assert_int_equal(populate(1, 10), 8);
	op.u.max_mem.max_memkb = 9 * 4;
	assert_int_equal(domctl(&op, XEN_DOMCTL_max_mem, 1), 0);
	assert_int_equal(populate(1, 10), 1);
	assert_int_equal(domctl(&op, XEN_DOMCTL_getdomaininfo, 1), 0);
	assert_int_equal(op.u.getdomaininfo.tot_pages, 9);
	assert_int_equal(op.u.getdomaininfo.max_pages, 9);
	assert_int_equal(d->event.max_ports, 1024);
	destroy(d);
}

static void hostile_contexts(void **state)
{
	struct vcpu_guest_context c;
	struct domain *d = create(1, 32, 64);

	(void)state;
	assert_int_equal(populate(1, 12), 12);
	c = first_context();
	assert_int_equal(context_set(1, 1, &c, sizeof(c)), -EINVAL);
	c.user_regs.rip = 1UL << 63;
	assert_int_equal(context_set(1, 0, &c, sizeof(c)), -EINVAL);
	c = first_context();
	c.gdt_ents = 1;
	c.gdt_frames[0] = frame_mfn(control.frame[5]).v;
	assert_int_equal(context_set(1, 0, &c, sizeof(c)), -EINVAL);
	c = first_context();
	c.ctrlreg[3] = xen_pfn_to_cr3(frame_mfn(control.l4).v);
	assert_int_equal(context_set(1, 0, &c, sizeof(c)), -EINVAL);
	assert_false(d->vcpu[0]->initialised);
	/* An empty L4 will do. */
	c = first_context();
	assert_int_equal(context_set(1, 0, &c, sizeof(c)), 0);
	/* And once more, with another. */
	c.ctrlreg[3] = xen_pfn_to_cr3(page_of[7]);
	assert_int_equal(context_set(1, 0, &c, sizeof(c)), 0);
	/* For its programs, whose root is none: it would run without any. */
	c.flags &= ~(unsigned long)VGCF_in_kernel;
	c.ctrlreg[1] = xen_pfn_to_cr3(frame_mfn(control.l4).v);
	assert_int_equal(context_set(1, 0, &c, sizeof(c)), -EINVAL);
	assert_non_null(root_guest(d->vcpu[0]));
	assert_true(d->vcpu[0]->trap.kernel_mode);
	world_check("set twice");
	destroy(d);
}

/* Its root is validated some entries at a time. */
static void context_in_pieces(void **state)
{
	struct vcpu_guest_context c;
	struct domain *d = create(1, 32, 64);

	(void)state;
	assert_int_equal(populate(1, 12), 12);
	tables_make(d, 12);
	assert_int_equal(ext(MMUEXT_UNPIN_TABLE, page_of[0], 1), 0);
	host_choose_random(5);
	host_choose_rate(HOST_PREEMPT, 1000);
	c = first_context();
	assert_int_equal(context_set(1, 0, &c, sizeof(c)), 0);
	assert_true(restarts > 10);
	assert_int_equal(simple(XEN_DOMCTL_destroydomain, 1), 0);
	assert_true(restarts > 5);
	assert_null(domain_find(1));
	host_choose_nothing();
	assert_int_equal(frame_free_pages(), free_before);
}

/* The control domain still maps a page of it: dying, until it does not. */
static void lingers(void **state)
{
	struct domain *d = build(1);

	(void)state;
	assert_int_equal(map(page_of[5], PTE_P | PTE_US, 1), 0);
	assert_int_equal(simple(XEN_DOMCTL_destroydomain, 1), 0);
	assert_true(flags_of(1) & XEN_DOMINF_dying);
	assert_int_equal(simple(XEN_DOMCTL_unpausedomain, 1), -ESRCH);
	assert_int_equal(simple(XEN_DOMCTL_destroydomain, 1), 0);
	assert_int_equal(populate(1, 1), 0);
	assert_int_equal(ext(MMUEXT_PIN_L1_TABLE, page_of[5], 1), -ESRCH);
	assert_ptr_equal(domain_find(1), d);
	world_check("lingers");
	unmap();
	assert_null(domain_find(1));
	assert_int_equal(frame_free_pages(), free_before);
}

static void lingers_for_shared_info(void **state)
{
	struct domain *d = build(1);

	(void)state;
	assert_int_equal(
		map(frame_mfn(d->shared_frame).v, PTE_P | PTE_RW | PTE_US, 1),
		0);
	assert_int_equal(simple(XEN_DOMCTL_destroydomain, 1), 0);
	assert_true(flags_of(1) & XEN_DOMINF_dying);
	world_check("lingers");
	unmap();
	assert_null(domain_find(1));
	assert_int_equal(frame_free_pages(), free_before);
}

static void let_it_run(struct domain *d)
{
	assert_int_equal(simple(XEN_DOMCTL_unpausedomain, d->id), 0);
	assert_ptr_equal(sched_pick(), d->vcpu[0]);
	host_vcpu_enter(d->vcpu[0]);
}

/* Its vcpu has done something; the control domain is on the CPU again. */
static void and_come_back(struct domain *d)
{
	atomic32_store(&d->vcpu[0]->work, 0);
	lifecycle_work(d->vcpu[0]);
	assert_null(sched_pick());
	host_vcpu_enter(caller);
	d->vcpu[0]->sched.on_cpu = false;
}

static void suspended_and_resumed(void **state)
{
	struct xen_domctl op = { 0 };
	struct domain *d = build(2);
	uint32_t theirs, mine, virq;

	(void)state;
	assert_int_equal(event_bind_virq(control.d, VIRQ_DOM_EXC, 0, &virq), 0);
	assert_int_equal(event_alloc_unbound(d, 0, &theirs), 0);
	assert_int_equal(event_bind_interdomain(control.d, 1, theirs, &mine),
			 0);
	op.u.subscribe.port = theirs;
	assert_int_equal(domctl(&op, XEN_DOMCTL_subscribe, 1), 0);
	assert_int_equal(simple(XEN_DOMCTL_resumedomain, 1), -EINVAL);
	control.d->shared->evtchn_pending[0] = 0;
	let_it_run(d);
	domain_shutdown(d, SHUTDOWN_suspend);
	and_come_back(d);
	assert_int_equal(flags_of(1) & ~XEN_DOMINF_blocked,
			 XEN_DOMINF_shutdown |
				 SHUTDOWN_suspend << XEN_DOMINF_shutdownshift);
	assert_int_equal(control.d->shared->evtchn_pending[0], 1UL << mine);
	assert_int_equal(simple(XEN_DOMCTL_resumedomain, 1), 0);
	assert_int_equal(simple(XEN_DOMCTL_resumedomain, 1), -EINVAL);
	assert_int_equal(flags_of(1) & XEN_DOMINF_shutdown, 0);
	assert_ptr_equal(sched_pick(), d->vcpu[0]);
	assert_int_equal(atomic32_load(&d->vcpu[1]->work), 0);
	host_vcpu_enter(d->vcpu[0]);
	/* And now for good: a crash is told to all. */
	d->vcpu[0]->regs->rip = 0xffffffff81234567;
	domain_crash(d, "it did that");
	and_come_back(d);
	assert_true(world_said("ffffffff81234567"));
	assert_int_equal(flags_of(1) & ~XEN_DOMINF_blocked,
			 XEN_DOMINF_shutdown |
				 SHUTDOWN_crash << XEN_DOMINF_shutdownshift);
	assert_true(control.d->shared->evtchn_pending[0] >> virq & 1);
	assert_int_equal(simple(XEN_DOMCTL_resumedomain, 1), -EINVAL);
	assert_ptr_equal(domain_find(1), d);
	assert_int_equal(simple(XEN_DOMCTL_destroydomain, 1), 0);
	assert_null(domain_find(1));
}

/* What a builder does: the console's page lent by the first entry. */
static struct xencons_interface *lend_console(struct domain *d, uint64_t m)
{
	struct frame *table;
	struct grant_entry_v1 *e;

	assert_int_equal(grant_grow(d, 1), 0);
	table = frame_of(arch_frame_of_ptr(d->grant.page[0].shared));
	e = frame_ptr(table);
	e[GNTTAB_RESERVED_CONSOLE].frame = (uint32_t)m;
	e[GNTTAB_RESERVED_CONSOLE].flags = GTF_permit_access;
	return frame_ptr(frame_of(mfn(m)));
}

static void say(struct xencons_interface *ring, const char *text)
{
	while (*text)
		ring->out[MASK_XENCONS_IDX(ring->out_prod++, ring->out)] =
			*text++;
}

static void last_words(void **state)
{
	struct domain *d = build(1);
	struct xencons_interface *ring = lend_console(d, page_of[5]);

	(void)state;
	for (unsigned int i = 0; i < 300; i++)
		say(ring, "long ago\n");
	say(ring, "Kernel \33[1mpanic\r\n\n  not\1 syncing");
	let_it_run(d);
	domain_crash(d, "it did that");
	and_come_back(d);
	assert_true(world_said("d1 said: long ago"));
	assert_true(world_said("d1 said: Kernel [1mpanic"));
	assert_true(world_said("d1 said:   not syncing"));
	assert_false(world_said("d1 said: g ago"));
	destroy(d);
}

/* Of many short lines only some: each would hold up the machine. */
static void few_last_words(void **state)
{
	struct domain *d = build(1);
	struct xencons_interface *ring = lend_console(d, page_of[5]);

	(void)state;
	say(ring, "before\nfirst\n");
	for (unsigned int i = 0; i < 39; i++)
		say(ring, "y\n");
	let_it_run(d);
	domain_crash(d, "it did that");
	and_come_back(d);
	assert_true(world_said("d1 said: first"));
	assert_true(world_said("d1 said: y"));
	assert_false(world_said("d1 said: before"));
	destroy(d);
}

/* Another's page is not shown, nor is there one always. */
static void no_last_words(void **state)
{
	uint64_t not_its_own = frame_mfn(control.frame[5]).v;
	struct domain *d = build(1);

	(void)state;
	say(frame_ptr(control.frame[5]), "secret\nsecret\n");
	lend_console(d, not_its_own);
	let_it_run(d);
	domain_crash(d, "it did that");
	and_come_back(d);
	assert_false(world_said("said:"));
	destroy(d);
}

/* From outside, while it is paused: it is shut down all the same. */
static void remote_shutdown(void **state)
{
	struct sched_remote_shutdown op = { 1, SHUTDOWN_crash };
	struct domain *d = build(1);

	(void)state;
	poke(ARG, &op, sizeof(op));
	assert_int_equal(call(hc_sched_op, SCHEDOP_remote_shutdown, ARG, 0, 0),
			 0);
	assert_true(flags_of(1) & XEN_DOMINF_shutdown);
	assert_true(flags_of(1) & XEN_DOMINF_paused);
	destroy(d);
}

/* Another domain listens; when it is gone, domain 0 does again. */
static void virq_handler(void **state)
{
	struct xen_domctl op = { 0 };
	uint32_t mine, theirs;
	struct domain *d = build(1);

	(void)state;
	assert_int_equal(event_bind_virq(control.d, VIRQ_DOM_EXC, 0, &mine), 0);
	assert_int_equal(event_bind_virq(d, VIRQ_DOM_EXC, 0, &theirs), 0);
	op.u.set_virq_handler.virq = VIRQ_TIMER;
	assert_int_equal(domctl(&op, XEN_DOMCTL_set_virq_handler, 1), -EINVAL);
	op.u.set_virq_handler.virq = NR_VIRQS;
	assert_int_equal(domctl(&op, XEN_DOMCTL_set_virq_handler, 1), -EINVAL);
	op.u.set_virq_handler.virq = VIRQ_DOM_EXC;
	assert_int_equal(domctl(&op, XEN_DOMCTL_set_virq_handler, 1), 0);
	event_raise_global(VIRQ_DOM_EXC);
	assert_int_equal(d->shared->evtchn_pending[0], 1UL << theirs);
	assert_int_equal(control.d->shared->evtchn_pending[0], 0);
	assert_int_equal(simple(XEN_DOMCTL_destroydomain, 1), 0);
	assert_int_equal(control.d->shared->evtchn_pending[0], 1UL << mine);
}

int main(void)
{
#define TEST(fn) \
	cmocka_unit_test_setup_teardown(fn, control_setup, control_teardown)
	const struct CMUnitTest tests[] = {
		TEST(from_birth_to_death),
		TEST(numbers),
		TEST(refused),
		TEST(told_or_not_created),
		TEST(who_may),
		TEST(narrow),
		TEST(width_while_empty),
		TEST(limits),
		TEST(hostile_contexts),
		TEST(context_in_pieces),
		TEST(lingers),
		TEST(lingers_for_shared_info),
		TEST(suspended_and_resumed),
		TEST(last_words),
		TEST(few_last_words),
		TEST(no_last_words),
		TEST(remote_shutdown),
		TEST(virq_handler),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
