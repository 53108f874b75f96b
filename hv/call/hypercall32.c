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
#include "argument.h"
#include "call/call.h"
#include "frame/frame.h"
#include "mm/mm.h"
#include "trap/trap.h"

#define INT_BYTES 2

static uint64_t pair(const struct call_args *args, unsigned int low)
{
	return args->a[low] | args->a[low + 1] << 32;
}

/* set_timer_op(low, high) */
static long set_timer_op(struct vcpu *v, struct call_args *args)
{
	args->a[0] = pair(args, 0);
	return hc_set_timer_op(v, args);
}

/* update_descriptor(machine address low, high, descriptor low, high) */
static long update_descriptor(struct vcpu *v, struct call_args *args)
{
	return mm_descriptor_update(v->domain, pair(args, 0), pair(args, 2));
}

/* update_va_mapping(va, entry low, high, flags) */
static long update_va_mapping(struct vcpu *v, struct call_args *args)
{
	return mm_update_va(v, args->a[0], pair(args, 1), args->a[3],
			    v->domain);
}

/* The same with the frames' domain. */
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

/* set_trap_table(traps): as with 64 bits; no address can be wrong. */
static long set_trap_table(struct vcpu *v, struct call_args *args)
{
	struct trap_info t;

	if (!args->a[0]) {
		trap_table_clear(v);
		return 0;
	}
	for (unsigned int i = 1;; i++) {
		if (arg_read_trap_info(v, &t, args->a[0]))
			return -EFAULT;
		if (!t.address)
			return 0;
		trap_gate_set(v, &t);
		args->a[0] += sizeof(struct trap_info32);
		if (i % 256 == 0 && arch_preempt_pending())
			return -ERESTART;
	}
}

/* stack_switch(ss, esp) */
static long stack_switch(struct vcpu *v, struct call_args *args)
{
	trap_stack_switch32(v, (uint32_t)args->a[0], (uint32_t)args->a[1]);
	return 0;
}

/* set_callbacks(event cs, eip, failsafe cs, eip) */
static long set_callbacks(struct vcpu *v, struct call_args *args)
{
	const uint64_t *a = args->a;
	int error = trap_callback_register(v, CALLBACKTYPE_event, 0,
					   a[0] << 32 | a[1]);

	return error ? error
		     : trap_callback_register(v, CALLBACKTYPE_failsafe, 0,
					      a[2] << 32 | a[3]);
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
				      (uint64_t)c.cs << 32 | c.eip);
}

/* There are bases in descriptors, and no other. */
static long set_segment_base(struct vcpu *v, struct call_args *args)
{
	(void)v;
	(void)args;
	return -ENOSYS;
}

static hypercall_fn multicall;

static hypercall_fn *const table[] = {
	[__HYPERVISOR_set_trap_table] = set_trap_table,
	[__HYPERVISOR_mmu_update] = hc_mmu_update32,
	[__HYPERVISOR_set_gdt] = set_gdt,
	[__HYPERVISOR_stack_switch] = stack_switch,
	[__HYPERVISOR_set_callbacks] = set_callbacks,
	[__HYPERVISOR_update_descriptor] = update_descriptor,
	[__HYPERVISOR_multicall] = multicall,
	[__HYPERVISOR_update_va_mapping] = update_va_mapping,
	[__HYPERVISOR_set_timer_op] = set_timer_op,
	[__HYPERVISOR_update_va_mapping_otherdomain] =
		update_va_mapping_otherdomain,
	[__HYPERVISOR_set_segment_base] = set_segment_base,
	[__HYPERVISOR_mmuext_op] = hc_mmuext_op32,
	[__HYPERVISOR_callback_op] = callback_op,
};

/* What is not in this table is the same in both widths. */
static long dispatch(struct vcpu *v, uint32_t number, struct call_args *args)
{
	hypercall_fn *own = number < ARRAY_SIZE(table) ? table[number] : NULL;

	return own ? own(v, args) : call_dispatch(v, number, args);
}

/* ---- multicall: entries of words: operation, result, arguments ---- */

#define ARGS 6

/* One entry at va: 0 when done, -ERESTART with its progress stored in it. */
static long multicall_one(struct vcpu *v, uint64_t va)
{
	uint32_t word[2 + ARGS];
	struct call_args args;
	long rc = -EINVAL;

	if (guest_copy_from(word, va, sizeof(word)))
		return -EFAULT;
	for (unsigned int i = 0; i < ARGS; i++)
		args.a[i] = word[2 + i];
	if (word[0] != __HYPERVISOR_multicall && word[0] != __HYPERVISOR_iret)
		rc = dispatch(v, word[0], &args);
	if (rc != -ERESTART)
		return guest_copy_to(va + sizeof(word[0]), &rc,
				     sizeof(word[1]));
	for (unsigned int i = 0; i < ARGS; i++)
		word[2 + i] = (uint32_t)args.a[i];
	return guest_copy_to(va, word, sizeof(word)) ? -EFAULT : rc;
}

static long multicall(struct vcpu *v, struct call_args *args)
{
	return call_multicall(v, args, multicall_one,
			      (2 + ARGS) * sizeof(uint32_t));
}

/* ---- the call itself ---- */

void call_hypercall32(struct vcpu *v)
{
	struct cpu_user_regs *r = v->regs;
	uint64_t *const reg[ARGS] = { &r->rbx, &r->rcx, &r->rdx,
				      &r->rsi, &r->rdi, &r->rbp };
	struct call_args args;
	long rc;

	if ((uint32_t)r->rax == __HYPERVISOR_iret) {
		trap_iret32(v);
		return;
	}
	for (unsigned int i = 0; i < ARGS; i++)
		args.a[i] = (uint32_t)*reg[i];
	rc = dispatch(v, (uint32_t)r->rax, &args);
	if (rc != -ERESTART) {
		r->rax = (uint32_t)rc;
		return;
	}
	r->rip -= INT_BYTES;
	for (unsigned int i = 0; i < ARGS; i++)
		*reg[i] = (uint32_t)args.a[i];
}
