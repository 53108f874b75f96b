/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls about traps, the stack, segments and debug registers: decoded
 * here, done in trap/.
 */
#include "argument.h"
#include "arch.h"
#include "call/call.h"
#include "frame/frame.h"
#include "processor.h"
#include "trap/trap.h"

#define GATES_BEFORE_PAUSE 256

/*
 * set_trap_table(traps): a table that ends with an entry of address 0, or
 * NULL to forget all gates. One entry at a time: a bad one is refused, those
 * before it stand. Nothing makes the table end, so it may pause on the way.
 */
long hc_set_trap_table(struct vcpu *v, struct call_args *args)
{
	int error;

	if (!args->a[0]) {
		trap_table_clear(v);
		return 0;
	}
	for (unsigned int i = 1;; i++) {
		union {
			uint64_t words[2];
			struct trap_info t;
		} in;

		if (guest_words_from(in.words, args->a[0], 2))
			return -EFAULT;
		if (!in.t.address)
			return 0;
		error = trap_table_set(v, &in.t, 1);
		if (error)
			return error;
		args->a[0] += sizeof(in.t);
		if (i % GATES_BEFORE_PAUSE == 0 && arch_preempt_pending())
			return -ERESTART;
	}
}

/* set_callbacks(event, failsafe, syscall): the old way to name these three. */
long hc_set_callbacks(struct vcpu *v, struct call_args *args)
{
	static const uint8_t types[] = { CALLBACKTYPE_event,
					 CALLBACKTYPE_failsafe,
					 CALLBACKTYPE_syscall };

	for (unsigned int i = 0; i < ARRAY_SIZE(types); i++)
		if (!address_is_canonical(args->a[i]))
			return -EINVAL;
	for (unsigned int i = 0; i < ARRAY_SIZE(types); i++) {
		int error = trap_callback_register(v, types[i], 0, args->a[i]);

		if (error)
			return error;
	}
	return 0;
}

static long callback_register(struct vcpu *v, uint64_t arg)
{
	struct callback_register c;

	if (guest_copy_from(&c, arg, sizeof(c)))
		return -EFAULT;
	return trap_callback_register(v, c.type, c.flags, c.address);
}

static long callback_unregister(struct vcpu *v, uint64_t arg)
{
	struct callback_unregister c;

	if (guest_copy_from(&c, arg, sizeof(c)))
		return -EFAULT;
	return trap_callback_unregister(v, c.type);
}

/* callback_op(cmd, arg) */
long hc_callback_op(struct vcpu *v, struct call_args *args)
{
	switch (args->a[0]) {
	case CALLBACKOP_register:
		return callback_register(v, args->a[1]);
	case CALLBACKOP_unregister:
		return callback_unregister(v, args->a[1]);
	default:
		return -ENOSYS;
	}
}

/* nmi_op(cmd, arg): on vcpu 0 only, as the interface says. */
long hc_nmi_op(struct vcpu *v, struct call_args *args)
{
	struct xennmi_callback c;

	switch (args->a[0]) {
	case XENNMI_register_callback:
		if (v->id)
			return -EINVAL;
		if (arg_read_nmi_callback(v, &c, args->a[1]))
			return -EFAULT;
		return trap_callback_register(v, CALLBACKTYPE_nmi, 0,
					      c.handler_address);
	case XENNMI_unregister_callback:
		return trap_callback_unregister(v, CALLBACKTYPE_nmi);
	default:
		return -ENOSYS;
	}
}

/* stack_switch(ss, sp) */
long hc_stack_switch(struct vcpu *v, struct call_args *args)
{
	return trap_stack_switch(v, args->a[0], args->a[1]);
}

/* fpu_taskswitch(set) */
long hc_fpu_taskswitch(struct vcpu *v, struct call_args *args)
{
	trap_fpu_taskswitch(v, args->a[0] & UINT32_MAX);
	return 0;
}

/* set_debugreg(reg, value) */
long hc_set_debugreg(struct vcpu *v, struct call_args *args)
{
	return trap_debugreg_set(v, (unsigned int)args->a[0], args->a[1]);
}

/* get_debugreg(reg): the value itself, which may look like an error. */
long hc_get_debugreg(struct vcpu *v, struct call_args *args)
{
	uint64_t value;
	int error = trap_debugreg_get(v, (unsigned int)args->a[0], &value);

	return error ? error : (long)value;
}

/* set_segment_base(which, base) */
long hc_set_segment_base(struct vcpu *v, struct call_args *args)
{
	return trap_segment_base_set(v, (unsigned int)args->a[0], args->a[1]);
}
