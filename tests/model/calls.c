/* SPDX-License-Identifier: MIT */
/*
 * A machine with one CPU and two guests of two vcpus. Each step the vcpu that
 * runs does what a guest can do: it writes its memory, makes a hypercall, or
 * executes an instruction that traps; or time passes. Then the way back to
 * the guest is taken, which may bring another vcpu, and the oracle is asked.
 *
 * Arguments lie in four pages of the guest, filled anew for each call with
 * words that fit somewhere: frame numbers, entries, pointers into the same
 * pages, domain ids, small numbers. A guest that crashes is reaped and
 * another one is created.
 */
#include <stdio.h>
#include <string.h>

#include "model/update.h"
#include "call/call.h"
#include "calls.h"
#include "event/event.h"
#include "irq/irq.h"
#include "lifecycle/lifecycle.h"
#include "log/log.h"
#include "mm/mm.h"
#include "pte.h"
#include "oracle.h"
#include "sched/sched.h"
#include "source.h"
#include "time/time.h"
#include "trap/trap.h"

#define FRAMES	   320
#define PAGES	   28
#define CODE_PAGE  0
#define STACK_PAGE 1
#define ARGS_PAGE  2 /* and three more */
#define REAPS_MAX  100000
#define CALL_RIP   (host_guest_va(CODE_PAGE) + 0x102)

static struct calls_config cfg;
static struct host_guest guest[2];
static uint16_t guest_id[2];
static char what[200];
static long result;
static unsigned int births;
static uint64_t free_at_first;

#define SAY(...) snprintf(what, sizeof(what), __VA_ARGS__)

/* ---- the guests ---- */

/* Every trap and event has an entry: fewer guests die of their first one. */
static void handlers_set(struct vcpu *v)
{
	uint64_t at = host_guest_va(CODE_PAGE);

	for (unsigned int i = 0; i < 20; i++) {
		const struct trap_info t = { .vector = (uint8_t)i,
					     .flags = pick(8),
					     .cs = FLAT_KERNEL_CS,
					     .address = at };

		trap_gate_set(v, &t);
	}
	for (unsigned int i = 0; i < 3; i++)
		if (trap_callback_register(v, i, pick(2), at))
			host_fail("calls: no callback %u", i);
}

static void guest_start(struct domain *d)
{
	struct vcpu *v = d->vcpu[0];

	handlers_set(v);
	v->saved.rip = host_guest_va(CODE_PAGE);
	v->saved.cs = FLAT_KERNEL_CS;
	v->saved.ss = FLAT_KERNEL_SS;
	v->saved.rflags = 0x202;
	v->saved.rsp = host_guest_va(STACK_PAGE + 1);
	v->trap.kernel_sp = v->saved.rsp;
	v->trap.kernel_ss = FLAT_KERNEL_SS;
	v->initialised = true;
	time_update_vcpu(v);
	time_update_wallclock(d);
	sched_start(v, VCPU_DOWN);
	lifecycle_unpause(d);
}

static void guest_create(unsigned int i)
{
	const struct domain_config config = {
		.name = i ? "second" : "first",
		.first_id = i || !cfg.privileged ? 1 : 0,
		.max_pages = PAGES + 4,
		.vcpus = 2,
		.weight = 256,
		.boot_index = LIFECYCLE_NO_INDEX,
		.privileged = i == 0 && cfg.privileged,
	};
	struct domain *d;

	if (lifecycle_create(&config, &d))
		host_fail("calls: no memory for guest %u", i);
	if (domain_set_use(d, &d->access.irqs, 0, 31, true))
		host_fail("calls: no interrupts for guest %u", i);
	host_guest_fill(&guest[i], d, PAGES);
	guest_id[i] = d->id;
	guest_start(d);
	births++;
}

static bool lives(unsigned int i)
{
	return domain_find(guest_id[i]) == guest[i].d;
}

/* Nothing would run: dead guests come anew, sleeping ones are woken. */
static void something_happens(void)
{
	bool yields = host_yields;

	host_yields = false;
	host_choose_rate(HOST_ALLOC_FAIL, 0);
	for (unsigned int i = 0; i < 2; i++) {
		if (!lives(i) && frame_free_pages() > 120)
			guest_create(i);
		for (unsigned int k = 0; lives(i) && k < 2; k++)
			if (guest[i].d->vcpu[k]->initialised)
				sched_start(guest[i].d->vcpu[k],
					    VCPU_DOWN | VCPU_BLOCKED |
						    VCPU_POLLING);
	}
	for (uint32_t gsi = 0; gsi < arch_gsis(); gsi++)
		(void)host_gsi_raise(gsi);
	cpu_raise(host_this, SOFTIRQ_SCHED | SOFTIRQ_REAP);
	host_yields = yields;
}

static struct vcpu *me(void)
{
	return host_this->current;
}

static struct host_guest *mine(void)
{
	return me()->domain == guest[0].d ? &guest[0] : &guest[1];
}

/* The other guest while there is one. */
static struct host_guest *other(void)
{
	unsigned int i = mine() == &guest[0];

	return lives(i) ? &guest[i] : mine();
}

/* ---- arguments ---- */

static uint64_t args_va(void)
{
	return host_guest_va(ARGS_PAGE + pick(4)) + pick(500) * 8;
}

static uint64_t word(void)
{
	switch (pick(14)) {
	case 0:
	case 1:
		return pick(20);
	case 2:
		return pick_mfn(mine(), other());
	case 3:
	case 4:
		return pick_entry(mine(), other());
	case 5:
		return pick_mfn(mine(), other()) << PAGE_SHIFT |
		       pick_index() * 8 | pick(3);
	case 6:
	case 7:
		return args_va();
	case 8:
		return pick_va(mine());
	case 9:
		return pick(2) ? DOMID_SELF : guest_id[pick(2)];
	case 10:
		return -1UL - pick(3);
	case 11:
		return 1UL << pick(64);
	case 12:
		return pick_word();
	default:
		return 0;
	}
}

/* Words for anything, at va; two halves of 32 bits now and then. */
static void fill(uint64_t va, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		uint64_t w = word();

		if (one_in(3))
			w = (word() & UINT32_MAX) << 32 | (w & UINT32_MAX);
		if (host_guest_write(va + 8 * i, &w, 8))
			return;
	}
}

static void put(uint64_t va, const void *p, size_t n);

/* Domain ids, ports, vcpus: small numbers of 16 or 32 bits. */
static void fill_small(uint64_t va)
{
	uint16_t v[8] = { 0 };

	for (unsigned int i = 0; i < ARRAY_SIZE(v); i++) {
		if (i % 2 && pick(3))
			continue; /* the upper half */
		v[i] = (uint16_t)(one_in(4)   ? DOMID_SELF
				  : one_in(4) ? guest_id[pick(2)]
					      : pick(8));
	}
	put(va, v, sizeof(v));
}

static void put(uint64_t va, const void *p, size_t n)
{
	if (host_guest_write(va, p, n))
		SAY("the guest cannot write %#lx", va);
}

static void mfn_argument(uint64_t va)
{
	uint64_t m = pick_mfn(mine(), other());

	put(va, &m, sizeof(m));
}

/* A page of ours for the FIFO interface, at a place that may do. */
static void fifo_page(uint64_t va)
{
	struct evtchn_init_control c = {
		.control_gfn = pick_mfn(mine(), other()),
		.offset = (uint32_t)(pick(5) ? pick(4) * 128 : pick(4100)),
		.vcpu = (uint32_t)pick(3),
	};

	put(va, &c, sizeof(c));
}

static uint64_t requests(unsigned int n)
{
	uint64_t va = args_va(), table = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct mmu_update u;

		if (i == 0 || one_in(3))
			table = pick_mfn(mine(), other());
		u.ptr = table << PAGE_SHIFT | pick_index() * 8 |
			(one_in(4) ? pick(4) : 0);
		u.val = pick_entry(mine(), other());
		put(va + i * sizeof(u), &u, sizeof(u));
	}
	return va;
}

static uint64_t ext_ops(unsigned int n)
{
	uint64_t va = args_va();

	for (unsigned int i = 0; i < n; i++) {
		struct mmuext_op op = { .cmd = pick(22) };

		op.arg1.mfn = pick(3) ? pick_mfn(mine(), other()) : word();
		op.arg2.src_mfn = pick(3) ? pick_mfn(mine(), other()) : word();
		put(va + i * sizeof(op), &op, sizeof(op));
	}
	return va;
}

static uint64_t reservation(void)
{
	struct xen_memory_reservation r = {
		.nr_extents = pick(6),
		.extent_order = one_in(4) ? pick(12) : 0,
		.mem_flags = one_in(6) ? (unsigned int)word() : 0,
		.domid = one_in(6) ? (domid_t)word() : DOMID_SELF,
	};
	uint64_t va = args_va(), list = args_va();

	for (unsigned int i = 0; i < r.nr_extents; i++) {
		uint64_t m = pick_mfn(mine(), other());

		put(list + 8 * i, &m, 8);
	}
	r.extent_start.p = (xen_pfn_t *)list;
	put(va, &r, sizeof(r));
	return va;
}

static uint64_t exchange(void)
{
	struct xen_memory_exchange x = { .nr_exchanged = one_in(8) };
	uint64_t va = args_va(), in = args_va(), out = args_va();

	x.in.nr_extents = 1 + pick(4);
	x.out.extent_order = one_in(3) ? pick(3) : 0;
	x.out.nr_extents = x.in.nr_extents >> x.out.extent_order;
	x.in.domid = x.out.domid = DOMID_SELF;
	x.in.extent_start.p = (xen_pfn_t *)in;
	x.out.extent_start.p = (xen_pfn_t *)out;
	for (unsigned int i = 0; i < x.in.nr_extents; i++) {
		uint64_t m = pick_mfn(mine(), other());

		put(in + 8 * i, &m, 8);
	}
	put(va, &x, sizeof(x));
	return va;
}

static uint64_t context(void)
{
	static struct vcpu_guest_context c;
	uint64_t va = host_guest_va(ARGS_PAGE);

	memset(&c, 0, sizeof(c));
	c.user_regs.rip = host_guest_va(CODE_PAGE);
	c.user_regs.rsp = host_guest_va(STACK_PAGE + 1);
	c.user_regs.cs = FLAT_KERNEL_CS;
	c.user_regs.ss = FLAT_KERNEL_SS;
	c.user_regs.rflags = one_in(3) ? word() : 0x202;
	c.kernel_sp = c.user_regs.rsp;
	c.kernel_ss = FLAT_KERNEL_SS;
	c.flags = one_in(3) ? word() : VGCF_in_kernel;
	c.gdt_ents = one_in(3) ? word() : 0;
	c.gdt_frames[0] = pick_mfn(mine(), other());
	c.ctrlreg[3] = xen_pfn_to_cr3(one_in(3) ? pick_mfn(mine(), other())
						: frame_mfn(mine()->l4).v);
	c.ctrlreg[1] = one_in(4) ? xen_pfn_to_cr3(frame_mfn(mine()->l4).v) : 0;
	put(va, &c, sizeof(c));
	return va;
}

/*
 * An operation of the right version, on small numbers and on lists in the
 * arguments' pages or anywhere. Keys may reboot the machine.
 */
static void sysctl_argument(uint64_t va)
{
	struct xen_sysctl op = {
		.cmd = pick(31),
		.interface_version = XEN_SYSCTL_INTERFACE_VERSION,
	};
	uint64_t *u = (uint64_t *)&op.u;

	if (op.cmd == XEN_SYSCTL_debug_keys)
		op.cmd = XEN_SYSCTL_physinfo;
	for (unsigned int i = 0; i < 6; i++)
		u[i] = one_in(8) ? word()
		       : pick(3) ? pick(10) | (uint64_t)pick(200) << 32
				 : args_va();
	put(va, &op, sizeof(op));
}

/* The same for domctl, most often the beginning and the end of domains. */
static void domctl_argument(uint64_t va)
{
	static const uint32_t lives_by[] = {
		XEN_DOMCTL_createdomain,      XEN_DOMCTL_destroydomain,
		XEN_DOMCTL_max_mem,	      XEN_DOMCTL_set_address_size,
		XEN_DOMCTL_setvcpucontext,    XEN_DOMCTL_getvcpucontext,
		XEN_DOMCTL_getpageframeinfo3,
	};
	struct xen_domctl op = {
		.cmd = pick(2)	   ? lives_by[pick(ARRAY_SIZE(lives_by))]
		       : one_in(8) ? XEN_DOMCTL_gdbsx_guestmemio + pick(4)
				   : pick(88),
		.interface_version = XEN_DOMCTL_INTERFACE_VERSION,
		.domain = (domid_t)(one_in(4) ? guest_id[pick(2)] : pick(8)),
	};
	uint64_t *u = (uint64_t *)&op.u;

	for (unsigned int i = 0; i < 6; i++)
		u[i] = one_in(8) ? word()
		       : pick(3) ? pick(10) | (uint64_t)pick(200) << 32
				 : args_va();
	if (op.cmd == XEN_DOMCTL_createdomain) {
		memset(&op.u, 0, sizeof(op.u));
		op.u.createdomain.max_vcpus = 2 + pick(2);
		op.u.createdomain.max_evtchn_port = pick(70);
		op.u.createdomain.grant_opts = 1 + pick(2);
		((uint32_t *)&op.u)[pick(20)] ^= one_in(4) ? 1U << pick(32) : 0;
	}
	/* It may be less than it has, which the oracle takes for a fault. */
	if (op.cmd == XEN_DOMCTL_max_mem)
		op.u.max_mem.max_memkb = 4 * (60 + pick(100));
	if (op.cmd == XEN_DOMCTL_setvcpucontext) {
		op.u.vcpucontext.vcpu = pick(3);
		op.u.vcpucontext.ctxt.p = (vcpu_guest_context_t *)context();
	}
	put(va, &op, sizeof(op));
}

/* Arguments for that call; most calls take words and a pointer to words. */
static void arguments(uint64_t number, uint64_t a[6])
{
	for (unsigned int i = 0; i < 6; i++)
		a[i] = word();
	switch (number) {
	case __HYPERVISOR_mmu_update:
		a[1] = pick(8);
		a[0] = requests((unsigned int)a[1]);
		a[2] = pick(2) ? 0 : args_va();
		a[3] = pick(4) ? DOMID_SELF : word();
		break;
	case __HYPERVISOR_mmuext_op:
		a[1] = pick(6);
		a[0] = ext_ops((unsigned int)a[1]);
		a[2] = pick(2) ? 0 : args_va();
		a[3] = pick(4) ? DOMID_SELF : word();
		break;
	case __HYPERVISOR_update_va_mapping:
		a[0] = pick_va(mine());
		a[1] = pick_entry(mine(), other());
		a[2] = pick(4) | (one_in(3) ? word() : 0);
		break;
	case __HYPERVISOR_memory_op:
		a[0] = one_in(4) ? pick(30) : pick(8) ? pick(7) : word();
		a[1] = reservation();
		if (a[0] == XENMEM_exchange || one_in(6)) {
			a[0] = XENMEM_exchange;
			a[1] = exchange();
		}
		break;
	case __HYPERVISOR_set_gdt:
		a[0] = args_va();
		for (unsigned int i = 0; i < 3; i++) {
			uint64_t m = pick_mfn(mine(), other());

			put(a[0] + 8 * i, &m, 8);
		}
		a[1] = pick(3) * 512;
		break;
	case __HYPERVISOR_vcpu_op:
		a[0] = pick(16);
		a[1] = pick(3);
		a[2] = args_va();
		fill(a[2], 8);
		if (a[0] == VCPUOP_initialise)
			a[2] = context();
		break;
	case __HYPERVISOR_sched_op:
		/* Not so often the end of the guest. */
		a[0] = one_in(40) ? 2 : pick(2) ? pick(2) : 3 + pick(6);
		a[1] = args_va();
		fill(a[1], 4);
		break;
	case __HYPERVISOR_event_channel_op:
		a[0] = pick(15);
		a[1] = args_va();
		if (a[0] == EVTCHNOP_init_control ||
		    a[0] == EVTCHNOP_expand_array)
			fifo_page(a[1]);
		else if (pick(3))
			fill_small(a[1]);
		else
			fill(a[1], 4);
		break;
	case __HYPERVISOR_physdev_op:
		a[0] = pick(33);
		a[1] = args_va();
		if (pick(3))
			fill_small(a[1]);
		else
			fill(a[1], 4);
		if (a[0] == PHYSDEVOP_pirq_eoi_gmfn_v1 ||
		    a[0] == PHYSDEVOP_pirq_eoi_gmfn_v2)
			mfn_argument(a[1]);
		break;
	case __HYPERVISOR_sysctl:
		a[0] = args_va();
		sysctl_argument(a[0]);
		break;
	case __HYPERVISOR_domctl:
		a[0] = host_guest_va(ARGS_PAGE + 3) + pick(300) * 8;
		domctl_argument(a[0]);
		break;
	case __HYPERVISOR_callback_op:
	case __HYPERVISOR_xen_version:
	case __HYPERVISOR_nmi_op:
		a[0] = pick(14);
		a[1] = args_va();
		if (pick(3))
			fill_small(a[1]);
		else
			fill(a[1], 4);
		break;
	case __HYPERVISOR_console_io:
		a[0] = pick(3);
		a[1] = one_in(6) ? word() : pick(200);
		a[2] = args_va();
		break;
	case __HYPERVISOR_set_trap_table:
		a[0] = args_va();
		fill(a[0], 20);
		break;
	default:
		break;
	}
}

/* Each family's calls, again and again until the row is full. */
#define FAMILY_MAX 8
static const uint8_t families[][FAMILY_MAX] = {
	[CALLS_TABLES] = { __HYPERVISOR_mmu_update, __HYPERVISOR_mmuext_op,
			   __HYPERVISOR_update_va_mapping,
			   __HYPERVISOR_multicall,
			   __HYPERVISOR_update_va_mapping_otherdomain,
			   __HYPERVISOR_mmu_update, __HYPERVISOR_mmuext_op,
			   __HYPERVISOR_vm_assist },
	[CALLS_MEMORY] = { __HYPERVISOR_memory_op, __HYPERVISOR_memory_op,
			   __HYPERVISOR_memory_op, __HYPERVISOR_memory_op,
			   __HYPERVISOR_memory_op, __HYPERVISOR_memory_op,
			   __HYPERVISOR_multicall, __HYPERVISOR_mmu_update },
	[CALLS_SEGMENTS] = { __HYPERVISOR_set_gdt,
			     __HYPERVISOR_update_descriptor,
			     __HYPERVISOR_mmuext_op,
			     __HYPERVISOR_set_segment_base,
			     __HYPERVISOR_update_va_mapping,
			     __HYPERVISOR_set_gdt,
			     __HYPERVISOR_update_descriptor,
			     __HYPERVISOR_multicall },
	[CALLS_EVENTS] = { __HYPERVISOR_event_channel_op,
			   __HYPERVISOR_event_channel_op,
			   __HYPERVISOR_event_channel_op,
			   __HYPERVISOR_event_channel_op, __HYPERVISOR_sched_op,
			   __HYPERVISOR_set_timer_op, __HYPERVISOR_callback_op,
			   __HYPERVISOR_event_channel_op },
	[CALLS_VCPUS] = { __HYPERVISOR_vcpu_op, __HYPERVISOR_vcpu_op,
			  __HYPERVISOR_vcpu_op, __HYPERVISOR_sched_op,
			  __HYPERVISOR_sched_op, __HYPERVISOR_nmi_op,
			  __HYPERVISOR_set_timer_op,
			  __HYPERVISOR_sched_op_compat },
	[CALLS_TRAPS] = { __HYPERVISOR_set_trap_table,
			  __HYPERVISOR_set_callbacks, __HYPERVISOR_callback_op,
			  __HYPERVISOR_iret, __HYPERVISOR_stack_switch,
			  __HYPERVISOR_fpu_taskswitch,
			  __HYPERVISOR_set_debugreg,
			  __HYPERVISOR_get_debugreg },
	[CALLS_CONTROL] = { __HYPERVISOR_domctl, __HYPERVISOR_domctl,
			    __HYPERVISOR_domctl, __HYPERVISOR_domctl,
			    __HYPERVISOR_memory_op, __HYPERVISOR_mmuext_op,
			    __HYPERVISOR_event_channel_op,
			    __HYPERVISOR_mmu_update },
	[CALLS_OTHERS] = { __HYPERVISOR_xen_version, __HYPERVISOR_console_io,
			   __HYPERVISOR_physdev_op, __HYPERVISOR_domctl,
			   __HYPERVISOR_sysctl, __HYPERVISOR_platform_op,
			   __HYPERVISOR_grant_table_op,
			   __HYPERVISOR_vm_assist },
};

static uint64_t call_number(void)
{
	static const uint8_t often[] = {
		__HYPERVISOR_mmu_update,	__HYPERVISOR_mmuext_op,
		__HYPERVISOR_update_va_mapping, __HYPERVISOR_memory_op,
		__HYPERVISOR_multicall,		__HYPERVISOR_event_channel_op,
		__HYPERVISOR_vcpu_op,		__HYPERVISOR_sched_op,
		__HYPERVISOR_set_gdt,
	};

	if (cfg.family != CALLS_ALL && !one_in(8))
		return families[cfg.family][pick(FAMILY_MAX)];
	return pick(2) ? often[pick(sizeof(often))] : pick(42);
}

static uint64_t multicall(unsigned int n)
{
	uint64_t va = host_guest_va(ARGS_PAGE) + pick(64) * 8;

	for (unsigned int i = 0; i < n; i++) {
		struct multicall_entry e = { .op = call_number() };
		uint64_t a[6];

		arguments(e.op, a);
		memcpy(e.args, a, sizeof(a));
		put(va + i * sizeof(e), &e, sizeof(e));
	}
	return va;
}

/* As entry.S makes it: arguments are read once, from the registers. */
static void make_call(struct vcpu *v)
{
	const struct cpu_user_regs *r = v->regs;
	struct call_args args = { { r->rdi, r->rsi, r->rdx, r->r10, r->r8,
				    r->r9 } };

	host_copy_scrambles = cfg.scrambles;
	if (r->rax == __HYPERVISOR_iret)
		trap_iret(v);
	else
		call_hypercall(v, &args);
	host_copy_scrambles = false;
}

/* ---- what a vcpu does ---- */

static void do_hypercall(void)
{
	struct vcpu *v = me();
	struct cpu_user_regs *r = v->regs;
	uint64_t number = call_number(), a[6];

	arguments(number, a);
	if (number == __HYPERVISOR_multicall) {
		a[1] = pick(6);
		a[0] = multicall((unsigned int)a[1]);
	}
	if (number == __HYPERVISOR_iret) {
		r->rsp = host_guest_va(STACK_PAGE) + 0x800;
		fill(r->rsp, 9);
	}
	r->rax = number;
	r->rdi = a[0];
	r->rsi = a[1];
	r->rdx = a[2];
	r->r10 = a[3];
	r->r8 = a[4];
	r->r9 = a[5];
	r->rip = CALL_RIP;
	SAY("call %lu(%#lx, %#lx, %#lx, %#lx)", number, a[0], a[1], a[2], a[3]);
	make_call(v);
	result = (long)r->rax;
}

/* The call was interrupted: its registers say where to go on. */
static void do_call_again(void)
{
	struct vcpu *v = me();

	SAY("call %lu again", v->regs->rax);
	v->regs->rip = CALL_RIP;
	make_call(v);
	result = (long)v->regs->rax;
}

static void do_write(void)
{
	uint64_t va = host_guest_va(pick(PAGES)) + pick_index() * 8;
	uint64_t e = pick_entry(mine(), other());

	SAY("write %#lx = %#lx", va, e);
	result = host_guest_write(va, &e, 8);
}

static const uint8_t code[][8] = {
	{ 0x0f, 0xa2 },				      /* cpuid */
	{ 0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2 }, /* ud2 "xen" cpuid */
	{ 0x0f, 0x32 },				      /* rdmsr */
	{ 0x0f, 0x30 },				      /* wrmsr */
	{ 0x0f, 0x31 },				      /* rdtsc */
	{ 0x0f, 0x20, 0xc0 },			      /* mov %cr0,%rax */
	{ 0x0f, 0x22, 0xc0 },			      /* mov %rax,%cr0 */
	{ 0x0f, 0x22, 0xd8 },			      /* mov %rax,%cr3 */
	{ 0x0f, 0x20, 0xd8 },			      /* mov %cr3,%rax */
	{ 0x0f, 0x22, 0xe0 },			      /* mov %rax,%cr4 */
	{ 0x0f, 0x21, 0xf8 },			      /* mov %dr7,%rax */
	{ 0x0f, 0x23, 0xf8 },			      /* mov %rax,%dr7 */
	{ 0x0f, 0x06 },				      /* clts */
	{ 0x0f, 0x09 },				      /* wbinvd */
	{ 0x0f, 0x01, 0x38 },			      /* invlpg (%rax) */
	{ 0x0f, 0x01, 0xd1 },			      /* xsetbv */
	{ 0x0f, 0x01, 0xf9 },			      /* rdtscp */
	{ 0xec },				      /* in (%dx),%al */
	{ 0xef },				      /* out %eax,(%dx) */
	{ 0x6c },				      /* insb */
	{ 0xf3, 0x6f },				      /* rep outsl */
	{ 0xf4 },				      /* hlt */
	{ 0xfa },				      /* cli */
	{ 0xfb },				      /* sti */
	{ 0x48, 0x89, 0x07 },			      /* mov %rax,(%rdi) */
	{ 0x48, 0x87, 0x07 },			      /* xchg %rax,(%rdi) */
	{ 0xf0, 0x48, 0x0f, 0xb3, 0x07 },	      /* lock btr %rax,(%rdi) */
	{ 0xf0, 0x48, 0x0f, 0xb1, 0x0f },	      /* lock cmpxchg */
	{ 0x48, 0xab },				      /* stos */
	{ 0xf3, 0x48, 0xab },			      /* rep stos */
	{ 0x48, 0xa5 },				      /* movs */
	{ 0xf3, 0x48, 0xa5 },			      /* rep movs */
	{ 0xf0, 0x48, 0x21, 0x07 },		      /* lock and %rax,(%rdi) */
	{ 0x48, 0x09, 0x07 },			      /* or %rax,(%rdi) */
	{ 0xf0, 0x0f, 0xba, 0x2f, 0x05 },	      /* lock btsl $5,(%rdi) */
	{ 0xf0, 0x48, 0xff, 0x07 },		      /* lock incq (%rdi) */
	{ 0x66, 0x89, 0x07 },			      /* mov %ax,(%rdi) */
	{ 0xc6, 0x07, 0x00 },			      /* movb $0,(%rdi) */
	{ 0x0f, 0x01, 0xf0 },			      /* lmsw %ax */
	{ 0x0f, 0x01, 0xca },			      /* clac */
	{ 0x0f, 0xae, 0x27 },			      /* xsave (%rdi) */
	{ 0xf3, 0x48, 0x0f, 0xae, 0xd0 },	      /* wrfsbase %rax */
	{ 0x48, 0xcf },				      /* iretq */
	{ 0x0f, 0x05 },				      /* syscall */
};

static void do_trap(void)
{
	static const uint8_t vectors[] = { 13, 13, 13, 14, 14, 14, 6,  3,
					   1,  0,  7,  12, 17, 16, 19, 4 };
	struct vcpu *v = me();
	struct cpu_user_regs *r = v->regs;
	unsigned int vector = vectors[pick(sizeof(vectors))];
	unsigned int i = pick(ARRAY_SIZE(code));
	uint32_t error = 0;
	uint64_t va;

	r->rip = host_guest_va(CODE_PAGE) +
		 (one_in(16) ? PAGE_SIZE - pick(8) : 0x400);
	put(r->rip, code[i], 8);
	r->rax = word();
	r->rcx = one_in(2) ? 0xc0000080 + pick(4) + 0x80 * pick(2) : word();
	r->rdx = word();
	r->rdi = va = pick_va(mine()) + 8 * pick_index();
	r->rsi = word();
	if (one_in(8))
		r->rsp = word();
	if (vector == 14)
		error = pick(2) ? 7 : pick(32);
	else if (vector == 13 || vector == 12)
		error = one_in(4) ? (uint32_t)word() & 0xffff : 0;
	SAY("trap %u, error %#x, va %#lx, code %u", vector, error, va, i);
	result = 0;
	trap_exception(v, vector, error, va);
}

static void do_syscall(void)
{
	SAY("syscall from user mode");
	me()->regs->rip = CALL_RIP;
	trap_syscall(me());
	result = 0;
}

static void do_time(void)
{
	SAY("time passes");
	host_clock_advance(1UL << pick(28));
	result = 0;
}

/* Puts the guest's own mapping of its memory in order, as far as it can. */
static void do_repair(void)
{
	struct host_guest *g = mine();
	unsigned int i = pick(pick(2) ? PAGES : ARGS_PAGE + 4);
	uint64_t val = frame_mfn(g->frame[i]).v << PAGE_SHIFT | PTE_P | PTE_RW |
		       PTE_US | PTE_A;
	struct mm_locked m = mm_lock(g->d);

	SAY("repair page %u", i);
	result = mm_update_one(m, g->d,
			       (frame_mfn(g->l1).v << PAGE_SHIFT) + i * 8, val);
	mm_unlock(m);
}

static void act(void)
{
	struct vcpu *v = me();

	if (v->trap.kernel_mode && v->regs->rip == CALL_RIP - 2 && pick(16)) {
		do_call_again();
		return;
	}
	switch (cfg.family == CALLS_TRAPS && pick(2) ? 2 : pick(16)) {
	case 0:
	case 1:
		do_write();
		break;
	case 2:
	case 3:
		do_trap();
		break;
	case 4:
		do_time();
		break;
	case 5:
	case 6:
		do_repair();
		break;
	default:
		if (v->trap.kernel_mode)
			do_hypercall();
		else
			do_syscall();
	}
}

/* ---- the world ---- */

static void world_make(void)
{
	host_init(FRAMES, 1);
	host_separates_roots = cfg.separated;
	time_init();
	sched_init();
	irq_init();
	log_set_levels(LOG_ERROR, LOG_ERROR);
	host_tlb_cache_upper = cfg.cache_upper;
	births = 0;
	/* Later guests need no more memory for timers than the first. */
	if (timer_reserve(64))
		host_fail("no memory for timers");
	timer_unreserve(64);
	free_at_first = frame_free_pages();
	for (unsigned int i = 0; i < 2; i++)
		guest_create(i);
	host_idle = something_happens;
	cpu_raise(host_this, SOFTIRQ_SCHED);
	call_return();
}

static void adversary(bool on)
{
	host_choose_rate(HOST_PREEMPT, on ? cfg.preempt : 0);
	host_choose_rate(HOST_ALLOC_FAIL, on ? cfg.no_memory : 0);
	host_choose_rate(HOST_COPY_FAULT, on ? cfg.faults : 0);
}

static bool good(unsigned int step)
{
	unsigned int faults = oracle_check();

	if (cfg.trace || faults)
		fprintf(stderr, "seed %lu step %u dom%d vcpu %d: %s -> %ld\n",
			cfg.seed, step, me() ? me()->domain->id : -1,
			me() ? (int)me()->id : -1, what, result);
	if (faults)
		fprintf(stderr, "%s", oracle_report());
	return !faults;
}

static bool whole_step(unsigned int step)
{
	if (!me())
		host_fail("nobody runs");
	adversary(true);
	act();
	adversary(false);
	if (!good(step))
		return false;
	adversary(true);
	call_return();
	adversary(false);
	SAY("on the way back");
	host_console_clear();
	return cfg.trace || !oracle_check() || good(step);
}

/* All guests end: their memory must be free again. */
static bool world_end(unsigned int step)
{
	struct vcpu *next, *last;

	adversary(true);
	for (struct domain *d = domain_next(-1); d; d = domain_next(d->id))
		lifecycle_destroy(d);
	next = sched_pick();
	if (next)
		host_fail("a vcpu of a dead domain is to run");
	last = me();
	arch_switch(last, NULL);
	if (last)
		sched_left(last);
	for (unsigned int i = 0; i < REAPS_MAX && domain_next(-1); i++)
		lifecycle_reap();
	adversary(false);
	SAY("the end");
	if (!good(step))
		return false;
	if (!domain_next(-1) && frame_free_pages() == free_at_first)
		return true;
	fprintf(stderr, "seed %lu: %lu pages free in the end, %lu at first\n",
		cfg.seed, frame_free_pages(), free_at_first);
	return false;
}

static bool run(unsigned int *step)
{
	bool ok = true;
	unsigned int i;

	world_make();
	host_choose_random(cfg.seed);
	for (i = 1; ok && i <= cfg.steps && source_lasts(); i++)
		ok = whole_step(i);
	*step = i - 1;
	if (cfg.trace)
		fprintf(stderr, "%u guests\n", births);
	if (ok)
		ok = world_end(cfg.steps);
	host_fini();
	return ok;
}

bool calls_run(const struct calls_config *c, unsigned int *step)
{
	cfg = *c;
	source = (struct source){ .state = cfg.seed };
	return run(step);
}

bool calls_run_bytes(enum calls_family family, const uint8_t *data, size_t n)
{
	unsigned int step;

	memset(&cfg, 0, sizeof(cfg));
	if (n < 4)
		return true;
	cfg.family = family;
	cfg.seed = data[3];
	cfg.steps = 400;
	cfg.privileged = data[0] & 1;
	cfg.cache_upper = data[0] & 2;
	cfg.scrambles = data[0] & 4;
	cfg.separated = data[0] & 8;
	cfg.preempt = data[1] * 1000U / 255;
	cfg.no_memory = data[2];
	cfg.faults = data[3] / 2;
	source = (struct source){ .bytes = data + 4, .left = n - 4 };
	return run(&step);
}
