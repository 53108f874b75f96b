/* SPDX-License-Identifier: MIT */
/*
 * console_io(cmd, count, buffer), for the privileged. Text goes by pieces
 * that fit the stack; between them the call may pause, with what is done
 * taken off its arguments.
 */
#include "arch.h"
#include "call/call.h"
#include "console/console.h"
#include "frame/frame.h"

#define PIECE	  128
#define COUNT_MAX INT32_MAX

static long console_write(struct domain *d, struct call_args *args)
{
	char text[PIECE];

	while (args->a[1]) {
		size_t n = MIN(args->a[1], (uint64_t)PIECE);

		if (guest_copy_from(text, args->a[2], n))
			return -EFAULT;
		console_write_raw(d, text, n);
		args->a[1] -= n;
		args->a[2] += n;
		if (args->a[1] && arch_preempt_pending())
			return -ERESTART;
	}
	return 0;
}

/* As much as is there: less than the input buffer of the console, so no
 * pause. Characters that cannot be copied out are lost. */
static long console_read_out(struct domain *d, uint64_t count, uint64_t va)
{
	char text[PIECE];
	long done = 0;
	size_t n;

	while (count) {
		n = console_read(d, text, MIN(count, (uint64_t)PIECE));
		if (n == 0)
			break;
		if (guest_copy_to(va + (uint64_t)done, text, n))
			return -EFAULT;
		done += (long)n;
		count -= n;
	}
	return done;
}

long hc_console_io(struct vcpu *v, struct call_args *args)
{
	struct domain *d = v->domain;

	if (!d->privileged)
		return -EPERM;
	args->a[1] = (uint32_t)args->a[1];
	if (args->a[1] > COUNT_MAX)
		return -EINVAL;
	switch ((uint32_t)args->a[0]) {
	case CONSOLEIO_write:
		return console_write(d, args);
	case CONSOLEIO_read:
		return console_read_out(d, args->a[1], args->a[2]);
	default:
		return -ENOSYS;
	}
}
