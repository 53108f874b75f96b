/* SPDX-License-Identifier: MIT */
/*
 * The hypercalls of 32-bit guests: `int $0x82` in ring 1, number in eax,
 * arguments in ebx ecx edx esi edi ebp. Most calls are the same functions
 * that 64-bit guests call: registers mean the same, and structures that are
 * laid out otherwise are translated as they are copied (frame/argument.h).
 * The calls that differ in their registers have a decoder here: numbers of 64
 * bits come in two, addresses of code with their selector.
 *
 * A call that pauses keeps its progress in the same registers, so it must
 * fit 32 bits: see mmu.c. The instruction has two bytes like SYSCALL.
 */
#include "arch.h"
#include "call/call.h"
#include "frame/argument.h"
#include "frame/frame.h"
#include "mm/mm.h"
#include "trap/trap.h"

#define INT_BYTES	 2
#define MULTICALL_STRIDE 8 /* calls between two looks at what else there is */

static uint64_t pair(const struct call_args *args, unsigned int low)
{
	return args->a[low] | args->a[low + 1] << 32;
}

/* set_timer_op(low, high) */
static long set_timer_op(struct vcpu *v, struct call_args *args)
{
	struct call_args wide = { { pair(args, 0) } };

	return hc_set_timer_op(v, &wide);
}

/* update_descriptor(machine address low, high, descriptor low, high) */
static long update_descriptor(struct vcpu *v, struct call_args *args)
{
	struct call_args wide = { { pair(args, 0), pair(args, 2) } };

	return hc_update_descriptor(v, &wide);
}

/* update_va_mapping(va, entry low, high, flags[, domain]) */
static long update_va_mapping(struct vcpu *v, struct call_args *args)
{
	struct call_args wide = { { args->a[0], pair(args, 1), args->a[3] } };

	return hc_update_va_mapping(v, &wide);
}

static long update_va_mapping_otherdomain(struct vcpu *v,
					  struct call_args *args)
{
	struct call_args wide = { { args->a[0], pair(args, 1), args->a[3],
				    args->a[4] } };

	return hc_update_va_mapping_otherdomain(v, &wide);
}

/* set_gdt(frames, entries) */
static long set_gdt(struct vcpu *v, struct call_args *args)
{
	uint64_t frames[GDT_GUEST_PAGES] = { 0 };
	uint32_t narrow[GDT_GUEST_PAGES];
	uint32_t entries = (uint32_t)args->a[1];
	uint64_t pages = ((uint64_t)entries + 511) / 512;

	if (entries > FIRST_RESERVED_GDT_ENTRY)
		return -EINVAL;
	if (guest_copy_from(narrow, args->a[0], pages * sizeof(narrow[0])))
		return -EFAULT;
	for (unsigned int i = 0; i < pages; i++)
		frames[i] = narrow[i];
	return mm_gdt_set(v, frames, entries);
}

static uint64_t far_address(uint32_t cs, uint32_t eip)
{
	return (uint64_t)cs << 32 | eip;
}

/* set_callbacks(event cs, eip, failsafe cs, eip) */
static long set_callbacks(struct vcpu *v, struct call_args *args)
{
	const uint64_t *a = args->a;
	int error = trap_callback_register(
		v, CALLBACKTYPE_event, 0,
		far_address((uint32_t)a[0], (uint32_t)a[1]));

	if (error)
		return error;
	return trap_callback_register(
		v, CALLBACKTYPE_failsafe, 0,
		far_address((uint32_t)a[2], (uint32_t)a[3]));
}

/* callback_op(cmd, arg): only what is registered differs. */
static long callback_op(struct vcpu *v, struct call_args *args)
{
	struct callback_register32 c;

	if (args->a[0] != CALLBACKOP_register)
		return hc_callback_op(v, args);
	if (guest_copy_from(&c, args->a[1], sizeof(c)))
		return -EFAULT;
	return trap_callback_register(v, c.type, c.flags,
				      far_address(c.cs, c.eip));
}

static hypercall_fn multicall;

static hypercall_fn *const table[] = {
	[__HYPERVISOR_set_trap_table] = hc_set_trap_table,
	[__HYPERVISOR_mmu_update] = hc_mmu_update32,
	[__HYPERVISOR_set_gdt] = set_gdt,
	[__HYPERVISOR_stack_switch] = hc_stack_switch,
	[__HYPERVISOR_set_callbacks] = set_callbacks,
	[__HYPERVISOR_fpu_taskswitch] = hc_fpu_taskswitch,
	[__HYPERVISOR_sched_op_compat] = hc_sched_op_compat,
	[__HYPERVISOR_set_debugreg] = hc_set_debugreg,
	[__HYPERVISOR_get_debugreg] = hc_get_debugreg,
	[__HYPERVISOR_update_descriptor] = update_descriptor,
	[__HYPERVISOR_memory_op] = hc_memory_op,
	[__HYPERVISOR_multicall] = multicall,
	[__HYPERVISOR_update_va_mapping] = update_va_mapping,
	[__HYPERVISOR_set_timer_op] = set_timer_op,
	[__HYPERVISOR_xen_version] = hc_xen_version,
	[__HYPERVISOR_console_io] = hc_console_io,
	[__HYPERVISOR_update_va_mapping_otherdomain] =
		update_va_mapping_otherdomain,
	[__HYPERVISOR_vm_assist] = hc_vm_assist,
	[__HYPERVISOR_vcpu_op] = hc_vcpu_op,
	[__HYPERVISOR_mmuext_op] = hc_mmuext_op32,
	[__HYPERVISOR_nmi_op] = hc_nmi_op,
	[__HYPERVISOR_sched_op] = hc_sched_op,
	[__HYPERVISOR_callback_op] = callback_op,
	[__HYPERVISOR_event_channel_op] = hc_event_channel_op,
	[__HYPERVISOR_physdev_op] = hc_physdev_op,
	[__HYPERVISOR_xenpmu_op] = hc_xenpmu_op,
};

static long dispatch(struct vcpu *v, uint32_t number, struct call_args *args)
{
	if (number >= ARRAY_SIZE(table) || !table[number])
		return -ENOSYS;
	return table[number](v, args);
}

/* ---- multicall ---- */

static struct call_args entry_args(const struct multicall_entry32 *e)
{
	return (struct call_args){ { e->arg0, e->arg1, e->arg2, e->arg3,
				     e->arg4, e->arg5 } };
}

static void entry_progress(struct multicall_entry32 *e,
			   const struct call_args *args)
{
	e->arg0 = (uint32_t)args->a[0];
	e->arg1 = (uint32_t)args->a[1];
	e->arg2 = (uint32_t)args->a[2];
	e->arg3 = (uint32_t)args->a[3];
	e->arg4 = (uint32_t)args->a[4];
	e->arg5 = (uint32_t)args->a[5];
}

/* One entry at va: 0 when done, -ERESTART with its progress stored in it. */
static long multicall_one(struct vcpu *v, uint64_t va)
{
	size_t at_result = offsetof(struct multicall_entry32, result);
	size_t at_args = offsetof(struct multicall_entry32, arg0);
	struct multicall_entry32 e;
	struct call_args args;
	long rc = -EINVAL;

	if (guest_copy_from(&e, va, sizeof(e)))
		return -EFAULT;
	args = entry_args(&e);
	if (e.op != __HYPERVISOR_multicall && e.op != __HYPERVISOR_iret)
		rc = dispatch(v, e.op, &args);
	if (rc == -ERESTART) {
		entry_progress(&e, &args);
		if (guest_copy_to(va + at_args, (char *)&e + at_args,
				  sizeof(e) - at_args))
			return -EFAULT;
		return rc;
	}
	e.result = (uint32_t)rc;
	return guest_copy_to(va + at_result, (char *)&e + at_result,
			     sizeof(uint32_t));
}

static long multicall(struct vcpu *v, struct call_args *args)
{
	uint32_t va = (uint32_t)args->a[0], left = (uint32_t)args->a[1];

	while (left) {
		long rc = multicall_one(v, va);

		if (rc == -EFAULT)
			return rc;
		if (rc != -ERESTART) {
			va += (uint32_t)sizeof(struct multicall_entry32);
			left--;
			if (left % MULTICALL_STRIDE || !left ||
			    !arch_preempt_pending())
				continue;
		}
		args->a[0] = va;
		args->a[1] = left;
		return -ERESTART;
	}
	return 0;
}

/* ---- the call itself ---- */

static void make_call(struct vcpu *v)
{
	struct cpu_user_regs *r = v->regs;
	struct call_args args = { { (uint32_t)r->rbx, (uint32_t)r->rcx,
				    (uint32_t)r->rdx, (uint32_t)r->rsi,
				    (uint32_t)r->rdi, (uint32_t)r->rbp } };
	long rc = dispatch(v, (uint32_t)r->rax, &args);

	if (rc != -ERESTART) {
		r->rax = (uint32_t)rc;
		return;
	}
	r->rip -= INT_BYTES;
	r->rbx = (uint32_t)args.a[0];
	r->rcx = (uint32_t)args.a[1];
	r->rdx = (uint32_t)args.a[2];
	r->rsi = (uint32_t)args.a[3];
	r->rdi = (uint32_t)args.a[4];
	r->rbp = (uint32_t)args.a[5];
}

void call_hypercall32(struct vcpu *v)
{
	if ((uint32_t)v->regs->rax == __HYPERVISOR_iret)
		trap_iret32(v);
	else
		make_call(v);
}
