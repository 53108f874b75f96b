/* SPDX-License-Identifier: MIT */
/*
 * Which call, with which arguments: they lie in four pages of the guest,
 * filled anew for each call with words that fit somewhere: frame numbers,
 * entries, pointers into the same pages, domain ids, small numbers.
 */
#include <string.h>

#include "mm/mm.h"
#include "pte.h"
#include "call/call.h"
#include "calls_parts.h"

static uint64_t args_va(void)
{
	return host_guest_va(ARGS_PAGE + pick(4)) + pick(500) * 8;
}

uint64_t calls_word(void)
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
		return pick(2) ? DOMID_SELF : calls_guest_id[pick(2)];
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
void calls_fill(uint64_t va, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		uint64_t w = calls_word();

		if (one_in(3))
			w = (calls_word() & UINT32_MAX) << 32 |
			    (w & UINT32_MAX);
		if (host_guest_write(va + 8 * i, &w, 8))
			return;
	}
}

/* Domain ids, ports, vcpus: small numbers of 16 or 32 bits. */
static void fill_small(uint64_t va)
{
	uint16_t v[8] = { 0 };

	for (unsigned int i = 0; i < ARRAY_SIZE(v); i++) {
		if (i % 2 && pick(3))
			continue; /* the upper half */
		v[i] = (uint16_t)(one_in(4)   ? DOMID_SELF
				  : one_in(4) ? calls_guest_id[pick(2)]
					      : pick(8));
	}
	calls_put(va, v, sizeof(v));
}

void calls_put(uint64_t va, const void *p, size_t n)
{
	if (host_guest_write(va, p, n))
		SAY("the guest cannot write %#lx", va);
}

static void mfn_argument(uint64_t va)
{
	uint64_t m = pick_mfn(mine(), other());

	calls_put(va, &m, sizeof(m));
}

/* A page of ours for the FIFO interface, at a place that may do. */
static void fifo_page(uint64_t va)
{
	struct evtchn_init_control c = {
		.control_gfn = pick_mfn(mine(), other()),
		.offset = (uint32_t)(pick(5) ? pick(4) * 128 : pick(4100)),
		.vcpu = (uint32_t)pick(3),
	};

	calls_put(va, &c, sizeof(c));
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
		calls_put(va + i * sizeof(u), &u, sizeof(u));
	}
	return va;
}

static uint64_t ext_ops(unsigned int n)
{
	uint64_t va = args_va();

	for (unsigned int i = 0; i < n; i++) {
		struct mmuext_op op = { .cmd = pick(22) };

		op.arg1.mfn =
			pick(3) ? pick_mfn(mine(), other()) : calls_word();
		op.arg2.src_mfn =
			pick(3) ? pick_mfn(mine(), other()) : calls_word();
		calls_put(va + i * sizeof(op), &op, sizeof(op));
	}
	return va;
}

static uint64_t reservation(void)
{
	struct xen_memory_reservation r = {
		.nr_extents = pick(6),
		.extent_order = one_in(4) ? pick(12) : 0,
		.mem_flags = one_in(6) ? (unsigned int)calls_word() : 0,
		.domid = one_in(6) ? (domid_t)calls_word() : DOMID_SELF,
	};
	uint64_t va = args_va(), list = args_va();

	for (unsigned int i = 0; i < r.nr_extents; i++) {
		uint64_t m = pick_mfn(mine(), other());

		calls_put(list + 8 * i, &m, 8);
	}
	r.extent_start.p = (xen_pfn_t *)list;
	calls_put(va, &r, sizeof(r));
	return va;
}

/* Frames kept for one of them: for who may. */
static uint64_t claim(void)
{
	const struct xen_memory_reservation r = {
		.nr_extents = pick(48), .domid = calls_guest_id[pick(2)]
	};
	uint64_t va = args_va();

	calls_put(va, &r, sizeof(r));
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

		calls_put(in + 8 * i, &m, 8);
	}
	calls_put(va, &x, sizeof(x));
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
	c.user_regs.rflags = one_in(3) ? calls_word() : 0x202;
	c.kernel_sp = c.user_regs.rsp;
	c.kernel_ss = FLAT_KERNEL_SS;
	c.flags = one_in(3) ? calls_word() : VGCF_in_kernel;
	c.gdt_ents = one_in(3) ? calls_word() : 0;
	c.gdt_frames[0] = pick_mfn(mine(), other());
	c.ctrlreg[3] = xen_pfn_to_cr3(one_in(3) ? pick_mfn(mine(), other())
						: frame_mfn(mine()->l4).v);
	c.ctrlreg[1] = one_in(4) ? xen_pfn_to_cr3(frame_mfn(mine()->l4).v) : 0;
	calls_put(va, &c, sizeof(c));
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
		u[i] = one_in(8) ? calls_word()
		       : pick(3) ? pick(10) | (uint64_t)pick(200) << 32
				 : args_va();
	calls_put(va, &op, sizeof(op));
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
		.domain = (domid_t)(one_in(4) ? calls_guest_id[pick(2)]
					      : pick(8)),
	};
	uint64_t *u = (uint64_t *)&op.u;

	for (unsigned int i = 0; i < 6; i++)
		u[i] = one_in(8) ? calls_word()
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
	calls_put(va, &op, sizeof(op));
}

/* Entries of a guest's grant table, which it writes as it likes. */
#define GRANT_REFS 6

static void grants_write(unsigned int i)
{
	struct domain_grant *t = &calls_guest[i].d->grant;
	uint32_t ref = pick(GRANT_REFS);
	uint32_t header =
		one_in(6) ? (uint32_t)calls_word() : GTF_permit_access;

	if (!t->nr_frames)
		return;
	header |= (one_in(4) ? GTF_readonly : 0) |
		  (uint32_t)calls_guest_id[one_in(3) ? i : 1 - i] << 16;
	if (t->version == 1) {
		t->page[0].v1[ref].frame = (uint32_t)pick_mfn(
			&calls_guest[i], &calls_guest[1 - i]);
		memcpy(&t->page[0].v1[ref], &header, sizeof(header));
		return;
	}
	t->page[0].v2[ref].full_page.frame =
		pick_mfn(&calls_guest[i], &calls_guest[1 - i]);
	if (one_in(3))
		header |= one_in(2) ? GTF_sub_page : GTF_transitive;
	t->page[0].v2[ref].full_page.pad0 = (uint32_t)calls_word();
	if (one_in(2)) {
		t->page[0].v2[ref].transitive.trans_domid =
			calls_guest_id[pick(2)];
		t->page[0].v2[ref].transitive.gref = pick(GRANT_REFS);
	}
	memcpy(&t->page[0].v2[ref], &header, sizeof(header));
}

/* Few places, so that what was mapped there is often named again. */
static uint64_t grant_place(void)
{
	uint64_t i = 12 + pick(4);

	return one_in(3)   ? (frame_mfn(mine()->l1).v << PAGE_SHIFT) + i * 8
	       : one_in(8) ? pick_va(mine())
			   : host_guest_va((unsigned int)i);
}

static struct gnttab_copy_ptr grant_side(bool by_ref)
{
	struct gnttab_copy_ptr p = { .offset = (uint16_t)pick(4097) };

	p.domid = one_in(8) ? (domid_t)calls_word()
		  : by_ref  ? calls_guest_id[pick(2)]
			    : DOMID_SELF;
	p.u.gmfn = by_ref ? pick(GRANT_REFS) : pick_mfn(mine(), other());
	return p;
}

/* One structure of the operation; returns its size. */
static size_t grant_op(unsigned int cmd, uint64_t va)
{
	union {
		struct gnttab_map_grant_ref map;
		struct gnttab_unmap_grant_ref unmap;
		struct gnttab_copy copy;
		struct gnttab_transfer transfer;
		struct gnttab_swap_grant_ref swap;
	} u = { 0 };

	switch (cmd) {
	case GNTTABOP_map_grant_ref:
		u.map.host_addr = grant_place();
		u.map.flags = one_in(8) ? (uint32_t)calls_word()
					: GNTMAP_host_map | pick(32);
		u.map.ref = pick(GRANT_REFS);
		u.map.dom = calls_guest_id[one_in(3) ? pick(2)
						     : mine() == calls_guest];
		calls_put(va, &u, sizeof(u.map));
		return sizeof(u.map);
	case GNTTABOP_unmap_grant_ref:
	case GNTTABOP_unmap_and_replace:
		u.unmap.host_addr = one_in(6) ? 0 : grant_place();
		u.unmap.dev_bus_addr = one_in(3) ? grant_place() : 0;
		u.unmap.handle = one_in(20) ? (uint32_t)calls_word() : pick(6);
		calls_put(va, &u, sizeof(u.unmap));
		return sizeof(u.unmap);
	case GNTTABOP_copy:
		u.copy.flags = (uint16_t)pick(4);
		u.copy.source = grant_side(u.copy.flags & 1);
		u.copy.dest = grant_side(u.copy.flags & 2);
		u.copy.len = (uint16_t)pick(4098);
		calls_put(va, &u, sizeof(u.copy));
		return sizeof(u.copy);
	case GNTTABOP_transfer:
		u.transfer.mfn = pick_mfn(mine(), other());
		u.transfer.domid = calls_guest_id[pick(2)];
		u.transfer.ref = pick(GRANT_REFS);
		calls_put(va, &u, sizeof(u.transfer));
		return sizeof(u.transfer);
	case GNTTABOP_swap_grant_ref:
		u.swap.ref_a = pick(GRANT_REFS);
		u.swap.ref_b = pick(GRANT_REFS);
		calls_put(va, &u, sizeof(u.swap));
		return sizeof(u.swap);
	default:
		fill_small(va);
		return 0;
	}
}

static void grant_arguments(uint64_t a[6])
{
	unsigned int n = one_in(3) ? 1 : pick(5);

	for (unsigned int i = pick(4); i; i--) {
		unsigned int who = pick(2);

		if (lives(who))
			grants_write(who);
	}
	a[0] = one_in(3) ? pick(14) : pick(6) ? pick(2) : GNTTABOP_copy;
	a[1] = args_va();
	a[2] = n;
	for (uint64_t va = a[1]; n; n--)
		va += grant_op((unsigned int)a[0], va);
	if (one_in(4))
		a[2] = 1;
}

/* Arguments for that call; most calls take words and a pointer to words. */
void calls_arguments(uint64_t number, uint64_t a[6])
{
	for (unsigned int i = 0; i < 6; i++)
		a[i] = calls_word();
	switch (number) {
	case __HYPERVISOR_mmu_update:
		a[1] = pick(8);
		a[0] = requests((unsigned int)a[1]);
		a[2] = pick(2) ? 0 : args_va();
		a[3] = pick(4) ? DOMID_SELF : calls_word();
		break;
	case __HYPERVISOR_mmuext_op:
		a[1] = pick(6);
		a[0] = ext_ops((unsigned int)a[1]);
		a[2] = pick(2) ? 0 : args_va();
		a[3] = pick(4) ? DOMID_SELF : calls_word();
		break;
	case __HYPERVISOR_update_va_mapping:
		a[0] = pick_va(mine());
		a[1] = pick_entry(mine(), other());
		a[2] = pick(4) | (one_in(3) ? calls_word() : 0);
		break;
	case __HYPERVISOR_memory_op:
		a[0] = one_in(4) ? pick(30) : pick(8) ? pick(7) : calls_word();
		a[1] = reservation();
		if (a[0] == XENMEM_exchange || one_in(6)) {
			a[0] = XENMEM_exchange;
			a[1] = exchange();
		} else if (one_in(8)) {
			a[0] = XENMEM_claim_pages;
			a[1] = claim();
		}
		break;
	case __HYPERVISOR_set_gdt:
		a[0] = args_va();
		for (unsigned int i = 0; i < 3; i++) {
			uint64_t m = pick_mfn(mine(), other());

			calls_put(a[0] + 8 * i, &m, 8);
		}
		a[1] = pick(3) * 512;
		break;
	case __HYPERVISOR_vcpu_op:
		a[0] = pick(16);
		a[1] = pick(3);
		a[2] = args_va();
		calls_fill(a[2], 8);
		if (a[0] == VCPUOP_initialise)
			a[2] = context();
		break;
	case __HYPERVISOR_sched_op:
		/* Not so often the end of the guest. */
		a[0] = one_in(40) ? 2 : pick(2) ? pick(2) : 3 + pick(6);
		a[1] = args_va();
		calls_fill(a[1], 4);
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
			calls_fill(a[1], 4);
		break;
	case __HYPERVISOR_grant_table_op:
		grant_arguments(a);
		break;
	case __HYPERVISOR_physdev_op:
		a[0] = pick(33);
		a[1] = args_va();
		if (pick(3))
			fill_small(a[1]);
		else
			calls_fill(a[1], 4);
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
			calls_fill(a[1], 4);
		break;
	case __HYPERVISOR_console_io:
		a[0] = pick(3);
		a[1] = one_in(6) ? calls_word() : pick(200);
		a[2] = args_va();
		break;
	case __HYPERVISOR_set_trap_table:
		a[0] = args_va();
		calls_fill(a[0], 20);
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
	[CALLS_GRANTS] = { __HYPERVISOR_grant_table_op,
			   __HYPERVISOR_grant_table_op,
			   __HYPERVISOR_grant_table_op,
			   __HYPERVISOR_grant_table_op,
			   __HYPERVISOR_grant_table_op, __HYPERVISOR_mmu_update,
			   __HYPERVISOR_update_va_mapping,
			   __HYPERVISOR_memory_op },
	[CALLS_OTHERS] = { __HYPERVISOR_xen_version, __HYPERVISOR_console_io,
			   __HYPERVISOR_physdev_op, __HYPERVISOR_domctl,
			   __HYPERVISOR_sysctl, __HYPERVISOR_platform_op,
			   __HYPERVISOR_grant_table_op,
			   __HYPERVISOR_vm_assist },
};

uint64_t calls_number(void)
{
	static const uint8_t often[] = {
		__HYPERVISOR_mmu_update,	__HYPERVISOR_mmuext_op,
		__HYPERVISOR_update_va_mapping, __HYPERVISOR_memory_op,
		__HYPERVISOR_multicall,		__HYPERVISOR_event_channel_op,
		__HYPERVISOR_vcpu_op,		__HYPERVISOR_sched_op,
		__HYPERVISOR_set_gdt,
	};

	if (calls_cfg.family != CALLS_ALL && !one_in(8))
		return families[calls_cfg.family][pick(FAMILY_MAX)];
	return pick(2) ? often[pick(sizeof(often))] : pick(42);
}
