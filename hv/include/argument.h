/* SPDX-License-Identifier: MIT */
/*
 * Structures that guests of different widths lay out differently, copied in
 * and out in the form of the 64-bit interface. For each structure of
 * layout32.h there is
 *
 *	int arg_read_NAME(v, &structure, va)	from v's domain's memory
 *	int arg_write_NAME(v, va, &structure)	to it; too large: cut
 *	size_t arg_bytes_NAME(v)		its size there
 *
 * -EFAULT as guest_copy_from() and guest_copy_to(). What is the same in both
 * widths is copied by these alone.
 */
#ifndef LODGE_ARGUMENT_H
#define LODGE_ARGUMENT_H

#include "layout32.h"

struct vcpu;

#define ARG_NUMBER(name, wide, bytes) ARG_##name,
enum arg { LAYOUTS(ARG_NUMBER) };

[[nodiscard]] int arg_read(const struct vcpu *v, enum arg a, void *wide,
			   uint64_t va);
[[nodiscard]] int arg_write(const struct vcpu *v, enum arg a, uint64_t va,
			    const void *wide);
size_t arg_bytes(const struct vcpu *v, enum arg a);

#define ARG_FUNCTIONS(name, wide, bytes)                            \
	[[nodiscard]] static inline int arg_read_##name(            \
		const struct vcpu *v, wide *out, uint64_t va)       \
	{                                                           \
		return arg_read(v, ARG_##name, out, va);            \
	}                                                           \
	[[nodiscard]] static inline int arg_write_##name(           \
		const struct vcpu *v, uint64_t va, const wide *in)  \
	{                                                           \
		return arg_write(v, ARG_##name, va, in);            \
	}                                                           \
	static inline size_t arg_bytes_##name(const struct vcpu *v) \
	{                                                           \
		return arg_bytes(v, ARG_##name);                    \
	}

LAYOUTS(ARG_FUNCTIONS)

#endif
