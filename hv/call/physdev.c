/* SPDX-License-Identifier: MIT */
/*
 * physdev_op: what a guest asks of the machine's interrupts and ports. Here
 * is the virtual privilege to use ports; calls for real devices, which only
 * domain 0 may make, are answered as unknown.
 */
#include "argument.h"
#include "call/call.h"
#include "frame/frame.h"
#include "trap/trap.h"

static long set_iopl(struct vcpu *v, uint64_t arg)
{
	struct physdev_set_iopl op;

	if (guest_copy_from(&op, arg, sizeof(op)))
		return -EFAULT;
	return trap_iopl_set(v, op.iopl);
}

static long set_iobitmap(struct vcpu *v, uint64_t arg)
{
	struct physdev_set_iobitmap op;

	if (arg_read_set_iobitmap(v, &op, arg))
		return -EFAULT;
	return trap_port_bitmap_set(v, (uint64_t)op.bitmap.p, op.nr_ports);
}

/* physdev_op(cmd, arg) */
long hc_physdev_op(struct vcpu *v, struct call_args *args)
{
	switch (args->a[0]) {
	case PHYSDEVOP_set_iopl:
		return set_iopl(v, args->a[1]);
	case PHYSDEVOP_set_iobitmap:
		return set_iobitmap(v, args->a[1]);
	default:
		return -ENOSYS;
	}
}
