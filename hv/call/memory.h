/* SPDX-License-Identifier: MIT */
/* memory_op's parts: extents (memory.c), exchange.c, memory_info.c. */
#ifndef LODGE_CALL_MEMORY_H
#define LODGE_CALL_MEMORY_H

#include "call/call.h"

/* Extents of 2^order frames of a domain's, decoded. */
struct extents {
	struct domain *d;
	uint64_t list; /* address of an array of frame numbers, or 0 */
	uint64_t nr, at;
	unsigned int order;
	uint64_t limit;	      /* frames below this will do */
	const struct vcpu *v; /* whose list it is */
};

/* From what was copied in: -ESRCH, -EPERM for its domain, or its order. */
[[nodiscard]] int extents_decode(struct vcpu *v,
				 const struct xen_memory_reservation *r,
				 struct extents *e);
/* Reads or writes the i-th word of its list: -EFAULT. */
[[nodiscard]] int extent_read(const struct extents *e, uint64_t i,
			      uint64_t *out);
[[nodiscard]] int extent_write(const struct extents *e, uint64_t i, uint64_t m);

/* XENMEM_exchange. */
long memory_exchange(struct vcpu *v, uint64_t arg);
/* Everything that asks, or concerns no frames. */
long memory_info(struct vcpu *v, unsigned int operation, uint64_t arg);

/* XENMEM_acquire_resource. */
long memory_acquire(struct vcpu *v, uint64_t arg);

#endif
