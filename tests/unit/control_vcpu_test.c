/* SPDX-License-Identifier: MIT */
/*
 * What control software asks and settles of vcpus, of what a domain may use
 * and of its pages.
 */
#include "control_world.h"
#include "time/time.h"

static long affinity(struct xen_domctl *op, uint32_t cmd, uint32_t flags,
		     uint64_t hard, uint64_t soft)
{
	struct xen_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;

	memset(&op->u, 0, sizeof(op->u));
	poke(BUFFER, &hard, 8);
	poke(BUFFER + 8, &soft, 8);
	a->flags = flags;
	a->cpumap_hard.bitmap.p = (uint8_t *)BUFFER;
	a->cpumap_soft.bitmap.p = (uint8_t *)(BUFFER + 8);
	a->cpumap_hard.nr_bits = a->cpumap_soft.nr_bits = 64;
	return domctl(op, cmd, 1);
}

static void affinities(void **state)
{
	const uint32_t both = XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT;
	struct xen_domctl op;
	struct domain *d = build(2);
	uint64_t maps[2];

	(void)state;
	/* At first everywhere, which is the one CPU that there is. */
	assert_int_equal(affinity(&op, XEN_DOMCTL_getvcpuaffinity, both, 0, 0),
			 0);
	peek(BUFFER, maps, 16);
	assert_int_equal(maps[0], 1);
	assert_int_equal(maps[1], 1);
	assert_int_equal(affinity(&op, XEN_DOMCTL_setvcpuaffinity, both, 5, 4),
			 0);
	peek(BUFFER, maps, 16);
	assert_int_equal(maps[0], 1);
	assert_int_equal(maps[1], 0);
	assert_int_equal(d->vcpu[0]->sched.hard, 5);
	assert_int_equal(d->vcpu[0]->sched.soft, 4);
	assert_int_equal(d->vcpu[1]->sched.hard, ~0UL);
	assert_int_equal(affinity(&op, XEN_DOMCTL_setvcpuaffinity,
				  XEN_VCPUAFFINITY_HARD, 4, 0),
			 -EINVAL);
	assert_int_equal(affinity(&op, XEN_DOMCTL_setvcpuaffinity, 0, 1, 1),
			 -EINVAL);
	assert_int_equal(affinity(&op, XEN_DOMCTL_setvcpuaffinity,
				  XEN_VCPUAFFINITY_SOFT, 0, 9),
			 0);
	assert_int_equal(d->vcpu[0]->sched.hard, 5);
	assert_int_equal(d->vcpu[0]->sched.soft, 9);
	op.u.vcpuaffinity.vcpu = 2;
	assert_int_equal(domctl(&op, XEN_DOMCTL_getvcpuaffinity, 1), -EINVAL);
	op.u.vcpuaffinity.vcpu = 0;
	op.u.vcpuaffinity.cpumap_soft.bitmap.p = (uint8_t *)8;
	assert_int_equal(domctl(&op, XEN_DOMCTL_setvcpuaffinity, 1), -EFAULT);
	assert_int_equal(d->vcpu[0]->sched.soft, 9);
	destroy(d);
}

static void nodes(void **state)
{
	struct xen_domctl op = { 0 };
	struct domain *d = build(1);
	uint64_t map = 2;

	(void)state;
	poke(BUFFER, &map, 8);
	op.u.nodeaffinity.nodemap.bitmap.p = (uint8_t *)BUFFER;
	op.u.nodeaffinity.nodemap.nr_bits = 64;
	assert_int_equal(domctl(&op, XEN_DOMCTL_setnodeaffinity, 1), -EINVAL);
	map = 3;
	poke(BUFFER, &map, 8);
	assert_int_equal(domctl(&op, XEN_DOMCTL_setnodeaffinity, 1), 0);
	assert_int_equal(domctl(&op, XEN_DOMCTL_getnodeaffinity, 1), 0);
	peek(BUFFER, &map, 8);
	assert_int_equal(map, 1);
	destroy(d);
}

static void what_it_does(void **state)
{
	struct xen_domctl op = { 0 };
	struct domain *d = build(2);

	(void)state;
	assert_int_equal(domctl(&op, XEN_DOMCTL_getvcpuinfo, 1), 0);
	assert_int_equal(op.u.getvcpuinfo.online, 1);
	assert_int_equal(op.u.getvcpuinfo.running, 0);
	op.u.getvcpuinfo.vcpu = 1;
	assert_int_equal(domctl(&op, XEN_DOMCTL_getvcpuinfo, 1), 0);
	assert_int_equal(op.u.getvcpuinfo.online, 0);
	op.u.getvcpuinfo.vcpu = 2;
	assert_int_equal(domctl(&op, XEN_DOMCTL_getvcpuinfo, 1), -EINVAL);
	destroy(d);
}

static void triggers(void **state)
{
	struct xen_domctl op = { 0 };
	struct domain *d = build(1);

	(void)state;
	assert_int_equal(domctl(&op, XEN_DOMCTL_sendtrigger, 1), 0);
	assert_true(atomic32_load(&d->vcpu[0]->work) & VCPU_WORK_NMI);
	op.u.sendtrigger.vcpu = 1;
	assert_int_equal(domctl(&op, XEN_DOMCTL_sendtrigger, 1), -EINVAL);
	op.u.sendtrigger.trigger = XEN_DOMCTL_SENDTRIGGER_POWER;
	assert_int_equal(domctl(&op, XEN_DOMCTL_sendtrigger, 1), -EINVAL);
	op.u.sendtrigger.trigger = XEN_DOMCTL_SENDTRIGGER_RESET;
	assert_int_equal(domctl(&op, XEN_DOMCTL_sendtrigger, 1), -ENOSYS);
	destroy(d);
}

static void clocks(void **state)
{
	struct xen_domctl op = { 0 };
	struct domain *d = build(1);
	uint32_t before;

	(void)state;
	before = d->shared->wc_sec;
	op.u.settimeoffset.time_offset_seconds = 100;
	assert_int_equal(domctl(&op, XEN_DOMCTL_settimeoffset, 1), 0);
	assert_int_equal(d->shared->wc_sec, before + 100);
	op.u.settimeoffset.time_offset_seconds = INT64_MIN;
	assert_int_equal(domctl(&op, XEN_DOMCTL_settimeoffset, 1), -EINVAL);
	memset(&op, 0, sizeof(op));
	op.u.tsc_info.tsc_mode = 2;
	op.u.tsc_info.incarnation = 3;
	assert_int_equal(domctl(&op, XEN_DOMCTL_settscinfo, 1), 0);
	memset(&op, 0, sizeof(op));
	assert_int_equal(domctl(&op, XEN_DOMCTL_gettscinfo, 1), 0);
	assert_int_equal(op.u.tsc_info.tsc_mode, 2);
	assert_int_equal(op.u.tsc_info.incarnation, 3);
	assert_int_equal(op.u.tsc_info.gtsc_khz, arch_tsc_hz() / 1000);
	op.u.tsc_info.tsc_mode = 1;
	assert_int_equal(domctl(&op, XEN_DOMCTL_settscinfo, 1), -EOPNOTSUPP);
	assert_true(world_said("tsc_mode="));
	op.u.tsc_info.tsc_mode = 3;
	assert_int_equal(domctl(&op, XEN_DOMCTL_settscinfo, 1), -EINVAL);
	assert_int_equal(d->tsc_mode, 2);
	destroy(d);
}

/* Nobody gives what he has not himself. */
static void permissions(void **state)
{
	struct domain_access *own = &control.d->access;
	struct xen_domctl op = { 0 };
	struct domain *d = build(1);

	(void)state;
	op.u.irq_permission.pirq = 5;
	op.u.irq_permission.allow_access = 1;
	assert_int_equal(domctl(&op, XEN_DOMCTL_irq_permission, 1), -EPERM);
	assert_int_equal(domain_set_use(control.d, &own->irqs, 1, 15, true), 0);
	assert_int_equal(domctl(&op, XEN_DOMCTL_irq_permission, 1), 0);
	assert_true(domain_may_use(d, &d->access.irqs, 5, 5));
	op.u.irq_permission.allow_access = 0;
	assert_int_equal(domctl(&op, XEN_DOMCTL_irq_permission, 1), 0);
	assert_false(domain_may_use(d, &d->access.irqs, 5, 5));
	op.u.irq_permission.pirq = ~0U;
	assert_int_equal(domctl(&op, XEN_DOMCTL_irq_permission, 1), -EINVAL);

	assert_int_equal(
		domain_set_use(control.d, &own->memory, 0x100, 0x1ff, true), 0);
	memset(&op, 0, sizeof(op));
	op.u.iomem_permission.first_mfn = 0x1f0;
	op.u.iomem_permission.nr_mfns = 17;
	op.u.iomem_permission.allow_access = 1;
	assert_int_equal(domctl(&op, XEN_DOMCTL_iomem_permission, 1), -EPERM);
	op.u.iomem_permission.nr_mfns = 16;
	assert_int_equal(domctl(&op, XEN_DOMCTL_iomem_permission, 1), 0);
	assert_true(domain_may_use(d, &d->access.memory, 0x1f0, 0x1ff));
	op.u.iomem_permission.nr_mfns = 0;
	assert_int_equal(domctl(&op, XEN_DOMCTL_iomem_permission, 1), -EINVAL);
	op.u.iomem_permission.nr_mfns = ~0UL;
	assert_int_equal(domctl(&op, XEN_DOMCTL_iomem_permission, 1), -EINVAL);

	assert_int_equal(
		domain_set_use(control.d, &own->ports, 0x60, 0xffff, true), 0);
	memset(&op, 0, sizeof(op));
	op.u.ioport_permission.first_port = 0xfff0;
	op.u.ioport_permission.nr_ports = 17;
	op.u.ioport_permission.allow_access = 1;
	assert_int_equal(domctl(&op, XEN_DOMCTL_ioport_permission, 1), -EINVAL);
	op.u.ioport_permission.nr_ports = 16;
	assert_int_equal(domctl(&op, XEN_DOMCTL_ioport_permission, 1), 0);
	assert_true(domain_may_use(d, &d->access.ports, 0xfff0, 0xffff));
	op.u.ioport_permission.first_port = 0x5f;
	assert_int_equal(domctl(&op, XEN_DOMCTL_ioport_permission, 1), -EPERM);
	op.u.ioport_permission.nr_ports = 0;
	assert_int_equal(domctl(&op, XEN_DOMCTL_ioport_permission, 1), 0);
	destroy(d);
}

static void page_types(void **state)
{
	struct xen_domctl op = { 0 };
	struct xen_domctl_getpageframeinfo3 *p = &op.u.getpageframeinfo3;
	struct domain *d = build(1);
	uint64_t list[8];

	(void)state;
	for (unsigned int i = 0; i < 5; i++)
		list[i] = page_of[i];
	list[5] = frame_mfn(control.frame[3]).v;
	list[6] = ~0UL;
	list[7] = frame_mfn(d->shared_frame).v;
	host_choose_random(1);
	host_choose_rate(HOST_PREEMPT, 1000);
	poke(BUFFER, list, sizeof(list));
	p->num = 8;
	p->array.p = (xen_pfn_t *)BUFFER;
	assert_int_equal(domctl(&op, XEN_DOMCTL_getpageframeinfo3, 1), 0);
	assert_int_equal(restarts, 7);
	host_choose_nothing();
	peek(BUFFER, list, sizeof(list));
	assert_true(list[0] ==
		    (XEN_DOMCTL_PFINFO_L4TAB | XEN_DOMCTL_PFINFO_LPINTAB));
	assert_true(list[1] == XEN_DOMCTL_PFINFO_L3TAB);
	assert_true(list[2] == XEN_DOMCTL_PFINFO_L2TAB);
	assert_true(list[3] == XEN_DOMCTL_PFINFO_L1TAB);
	assert_true(list[4] == XEN_DOMCTL_PFINFO_NOTAB);
	assert_true(list[5] == XEN_DOMCTL_PFINFO_XTAB);
	assert_true(list[6] == XEN_DOMCTL_PFINFO_XTAB);
	assert_true(list[7] == XEN_DOMCTL_PFINFO_NOTAB);
	p->num = 1025;
	assert_int_equal(domctl(&op, XEN_DOMCTL_getpageframeinfo3, 1), -E2BIG);
	p->num = 1;
	p->array.p = (xen_pfn_t *)8;
	assert_int_equal(domctl(&op, XEN_DOMCTL_getpageframeinfo3, 1), -EFAULT);
	destroy(d);
}

static void hypercall_page(void **state)
{
	struct xen_domctl op = { 0 };
	struct domain *d = build(1);
	const uint8_t *code = frame_ptr(frame_of(mfn(page_of[6])));

	(void)state;
	op.u.hypercall_init.gmfn = page_of[6];
	assert_int_equal(domctl(&op, XEN_DOMCTL_hypercall_init, 1), 0);
	assert_int_not_equal(code[32], 0);
	op.u.hypercall_init.gmfn = page_of[3]; /* a table */
	assert_int_equal(domctl(&op, XEN_DOMCTL_hypercall_init, 1), -EACCES);
	op.u.hypercall_init.gmfn = frame_mfn(control.frame[3]).v;
	assert_int_equal(domctl(&op, XEN_DOMCTL_hypercall_init, 1), -EACCES);
	op.u.hypercall_init.gmfn = ~0UL;
	assert_int_equal(domctl(&op, XEN_DOMCTL_hypercall_init, 1), -EACCES);
	destroy(d);
}

/* A debugger reads and writes across pages, as far as there are any. */
static void debugger(void **state)
{
	struct xen_domctl op = { 0 };
	struct xen_domctl_gdbsx_memio *x = &op.u.gdbsx_guest_memio;
	static uint8_t in[6000], out[6000];
	struct domain *d = build(1);

	(void)state;
	for (unsigned int i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 3);
	poke(BUFFER, in, sizeof(in));
	*x = (struct xen_domctl_gdbsx_memio){ .gva = HOST_VA + 0x100,
					      .uva = BUFFER,
					      .len = sizeof(in),
					      .gwr = 1 };
	assert_int_equal(domctl(&op, XEN_DOMCTL_gdbsx_guestmemio, 1), 0);
	assert_int_equal(x->remain, 0);
	assert_memory_equal((char *)frame_ptr(frame_of(mfn(page_of[4]))) +
				    0x100,
			    in, PAGE_SIZE - 0x100);
	*x = (struct xen_domctl_gdbsx_memio){ .gva = HOST_VA + 0x100,
					      .uva = BUFFER + 8192,
					      .len = sizeof(in) };
	assert_int_equal(domctl(&op, XEN_DOMCTL_gdbsx_guestmemio, 1), 0);
	peek(BUFFER + 8192, out, sizeof(out));
	assert_memory_equal(in, out, sizeof(in));
	/* Four pages of it are mapped. */
	*x = (struct xen_domctl_gdbsx_memio){ .gva = HOST_VA + 0x3ff0,
					      .uva = BUFFER,
					      .len = 100 };
	assert_int_equal(domctl(&op, XEN_DOMCTL_gdbsx_guestmemio, 1), -EFAULT);
	assert_int_equal(x->remain, 84);
	assert_int_equal(domctl(&op, XEN_DOMCTL_gdbsx_domstatus, 1), 0);
	assert_int_equal(op.u.gdbsx_domstatus.paused, 1);
	memset(&op, 0, sizeof(op));
	assert_int_equal(domctl(&op, XEN_DOMCTL_gdbsx_unpausevcpu, 1), -EINVAL);
	assert_int_equal(domctl(&op, XEN_DOMCTL_gdbsx_pausevcpu, 1), 0);
	assert_int_equal(simple(XEN_DOMCTL_unpausedomain, 1), 0);
	assert_null(sched_pick());
	assert_int_equal(domctl(&op, XEN_DOMCTL_gdbsx_unpausevcpu, 1), 0);
	assert_ptr_equal(sched_pick(), d->vcpu[0]);
	assert_int_equal(simple(XEN_DOMCTL_pausedomain, 1), 0);
	assert_null(sched_pick());
	sched_left(d->vcpu[0]);
	destroy(d);
}

int main(void)
{
#define TEST(fn) \
	cmocka_unit_test_setup_teardown(fn, control_setup, control_teardown)
	const struct CMUnitTest tests[] = {
		TEST(affinities), TEST(nodes),		TEST(what_it_does),
		TEST(triggers),	  TEST(clocks),		TEST(permissions),
		TEST(page_types), TEST(hypercall_page), TEST(debugger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
