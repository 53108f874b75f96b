/* SPDX-License-Identifier: MIT */
/*
 * The table of hypercalls, and multicall.
 *
 * A call that is not finished when something better is to be done answers
 * -ERESTART inside: the guest's RIP goes back over the two bytes of its
 * `syscall`, its argument registers hold how far the call came, and the
 * guest, when it runs again, makes the same call without knowing. All state
 * of a half-done call is there: in registers, in the multicall's entry, or
 * in the frames themselves. What comes back from the guest is hostile input
 * like any other.
 */
#include "call/call.h"
#include "frame/frame.h"

static hypercall_fn *const table[] = {
	[__HYPERVISOR_set_trap_table] = hc_set_trap_table,
	[__HYPERVISOR_mmu_update] = hc_mmu_update,
	[__HYPERVISOR_set_gdt] = hc_set_gdt,
	[__HYPERVISOR_stack_switch] = hc_stack_switch,
	[__HYPERVISOR_set_callbacks] = hc_set_callbacks,
	[__HYPERVISOR_fpu_taskswitch] = hc_fpu_taskswitch,
	[__HYPERVISOR_sched_op_compat] = hc_sched_op_compat,
	[__HYPERVISOR_set_debugreg] = hc_set_debugreg,
	[__HYPERVISOR_get_debugreg] = hc_get_debugreg,
	[__HYPERVISOR_update_descriptor] = hc_update_descriptor,
	[__HYPERVISOR_memory_op] = hc_memory_op,
	[__HYPERVISOR_multicall] = hc_multicall,
	[__HYPERVISOR_update_va_mapping] = hc_update_va_mapping,
	[__HYPERVISOR_set_timer_op] = hc_set_timer_op,
	[__HYPERVISOR_xen_version] = hc_xen_version,
	[__HYPERVISOR_console_io] = hc_console_io,
	[__HYPERVISOR_update_va_mapping_otherdomain] =
		hc_update_va_mapping_otherdomain,
	[__HYPERVISOR_grant_table_op] = hc_grant_table_op,
	[__HYPERVISOR_vm_assist] = hc_vm_assist,
	[__HYPERVISOR_vcpu_op] = hc_vcpu_op,
	[__HYPERVISOR_set_segment_base] = hc_set_segment_base,
	[__HYPERVISOR_mmuext_op] = hc_mmuext_op,
	[__HYPERVISOR_nmi_op] = hc_nmi_op,
	[__HYPERVISOR_sched_op] = hc_sched_op,
	[__HYPERVISOR_callback_op] = hc_callback_op,
	[__HYPERVISOR_event_channel_op] = hc_event_channel_op,
	[__HYPERVISOR_physdev_op] = hc_physdev_op,
	[__HYPERVISOR_sysctl] = hc_sysctl,
	[__HYPERVISOR_domctl] = hc_domctl,
	[__HYPERVISOR_platform_op] = hc_platform_op,
	[__HYPERVISOR_mca] = hc_mca,
	[__HYPERVISOR_xenpmu_op] = hc_xenpmu_op,
};

long call_dispatch(struct vcpu *v, uint64_t number, struct call_args *args)
{
	if (unlikely(number >= ARRAY_SIZE(table) || !table[number]))
		return -ENOSYS;
	return table[number](v, args);
}

/* There are no performance counters for guests; said as Xen says it. */
long hc_xenpmu_op(struct vcpu *v, struct call_args *args)
{
	(void)v;
	(void)args;
	return -EOPNOTSUPP;
}

#define SYSCALL_BYTES 2

/* To be made once more, from where it has come to. */
static void call_again(struct cpu_user_regs *r, const struct call_args *args)
{
	r->rip -= SYSCALL_BYTES;
	r->rdi = args->a[0];
	r->rsi = args->a[1];
	r->rdx = args->a[2];
	r->r10 = args->a[3];
	r->r8 = args->a[4];
	r->r9 = args->a[5];
}

/* What get_debugreg returns may be any number; it is never interrupted. */
static bool is_interrupted(uint64_t number, long rc)
{
	return unlikely(rc == -ERESTART) && number != __HYPERVISOR_get_debugreg;
}

void call_hypercall(struct vcpu *v, struct call_args *args)
{
	struct cpu_user_regs *r = v->regs;
	long rc = call_dispatch(v, r->rax, args);

	if (unlikely(is_interrupted(r->rax, rc)))
		call_again(r, args);
	else
		r->rax = (uint64_t)rc;
}

/* Calls between two looks at what else there is to do. */
#define MULTICALL_STRIDE 8

static bool may_be_in_multicall(uint64_t number)
{
	/* No frames within frames, and iret has no result to store. */
	return number != __HYPERVISOR_multicall && number != __HYPERVISOR_iret;
}

/* struct multicall_entry, with the arguments as our calls take them. */
struct entry {
	uint64_t op, result;
	struct call_args args;
};
_Static_assert(sizeof(struct entry) == sizeof(struct multicall_entry), "");
_Static_assert(offsetof(struct entry, args) ==
		       offsetof(struct multicall_entry, args),
	       "");

/* One entry at va: 0 when done, -ERESTART with its progress stored in it. */
static long multicall_one(struct vcpu *v, uint64_t va)
{
	struct entry e;
	long rc = -EINVAL;

	if (unlikely(guest_words_from(&e.op, va, 1)) ||
	    unlikely(guest_words_from(e.args.a,
				      va + offsetof(struct entry, args), 6)))
		return -EFAULT;
	if (likely(may_be_in_multicall(e.op)))
		rc = call_dispatch(v, e.op, &e.args);
	if (is_interrupted(e.op, rc)) {
		if (guest_copy_to(va + offsetof(struct entry, args), &e.args,
				  sizeof(e.args)))
			return -EFAULT;
		return rc;
	}
	return guest_word_to(va + offsetof(struct entry, result), (uint64_t)rc);
}

long call_multicall(struct vcpu *v, struct call_args *args, multicall_fn *one,
		    size_t bytes)
{
	uint64_t va = args->a[0];
	uint32_t left = (uint32_t)args->a[1];

	while (left) {
		long rc = one(v, va);

		if (rc == -EFAULT)
			return rc;
		if (rc != -ERESTART) {
			va += bytes;
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

long hc_multicall(struct vcpu *v, struct call_args *args)
{
	return call_multicall(v, args, multicall_one, sizeof(struct entry));
}
