/* SPDX-License-Identifier: MIT */
/*
 * shadow_op: copying a guest while it runs. The toolstack turns the log of
 * written pages on, copies all pages, and then again and again what has been
 * written since, until little is left and the guest is stopped for the rest.
 *
 * The bitmap is in pages of the guest (pfns). It is taken leaf by leaf (a
 * leaf is 128 MiB of the guest), each time with a look at what else there is
 * to do; how far the call has come is in its own structure in the caller's
 * memory: bitmap and pages go on with the rest, and the counts grow.
 */
#include "arch.h"
#include "control/control.h"
#include "frame/frame.h"
#include "grant/grant.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "sched/sched.h"

#define LEAF_BYTES (DIRTY_LEAF_BITS / 8)
/* Pages of shadow tables that one MiB is. */
#define PAGES_OF_MB 256U

/*
 * Its vcpus are kept away while its tables are exchanged; one that a CPU has
 * still to leave makes us come again.
 */
static int exchange(struct domain *d, bool on, bool log)
{
	int rc;

	sched_stop_domain(d, VCPU_APART);
	rc = on ? mm_shadow_start(d, log) : mm_shadow_stop(d);
	if (rc == -EBUSY)
		return -ERESTART;
	if (rc != -ERESTART)
		sched_start_domain(d, VCPU_APART);
	return rc;
}

static int enable(struct domain *d, uint32_t mode)
{
	if (mode & ~(uint32_t)XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY)
		return -EINVAL;
	return exchange(d, true, mode & XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY);
}

static uint32_t count(const uint64_t *bits, uint64_t n)
{
	uint32_t set = 0;

	for (uint64_t i = 0; i < n; i++)
		set += bits[i / 64] >> (i % 64) & 1;
	return set;
}

/* The caller has the first n: what is left is still to be told. */
static void told(uint64_t *bits, uint64_t n)
{
	memset(bits, 0, n / 64 * sizeof(*bits));
	if (n % 64)
		bits[n / 64] &= ~0UL << n % 64;
}

/*
 * One leaf, or what of it the caller wants, to its memory. A bit beyond is
 * not taken from the log.
 */
static int leaf_give(struct domain *d, struct xen_domctl_shadow_op *op,
		     unsigned int i, uint64_t n, uint64_t *bits)
{
	bool clear = op->op == XEN_DOMCTL_SHADOW_OP_CLEAN;
	uint64_t bytes = (n + 7) / 8;
	int rc = mm_dirty_take(d, i, bits, clear);

	if (rc)
		return rc;
	op->stats.dirty_count += count(bits, n);
	if (guest_copy_to((uint64_t)op->dirty_bitmap.p +
				  (uint64_t)i * LEAF_BYTES,
			  bits, bytes))
		rc = -EFAULT;
	else
		told(bits, n);
	if (clear && (rc || n < DIRTY_LEAF_BITS))
		dirty_put_back(d, i, bits);
	return rc;
}

/* Leaves before mode's upper half are done. */
#define DONE_SHIFT 16

static int bitmap(struct domain *d, struct xen_domctl_shadow_op *op)
{
	unsigned int i = op->mode >> DONE_SHIFT, n = 0;
	uint64_t *bits;
	int rc = 0;

	if (!mm_shadow_pages(d) || !shared_load32(&d->frames.logging))
		return -EINVAL;
	if (!i) {
		memset(&op->stats, 0, sizeof(op->stats));
		grant_note_dirty(d);
	}
	op->pages = MIN(op->pages, DIRTY_PFNS);
	bits = frame_alloc_bytes(LEAF_BYTES);
	if (!bits)
		return -ENOMEM;
	for (; !rc && i * DIRTY_LEAF_BITS < op->pages; i++) {
		uint64_t left = op->pages - i * DIRTY_LEAF_BITS;

		if (n++ && arch_preempt_pending()) {
			rc = -ERESTART;
			break;
		}
		rc = leaf_give(d, op, i, MIN(left, DIRTY_LEAF_BITS), bits);
	}
	op->mode &= (1U << DONE_SHIFT) - 1;
	if (rc == -ERESTART)
		op->mode |= i << DONE_SHIFT;
	frame_free_bytes(bits, LEAF_BYTES);
	return rc;
}

int control_shadow(struct domain *d, struct xen_domctl *domctl)
{
	struct xen_domctl_shadow_op *op = &domctl->u.shadow_op;

	switch (op->op) {
	case XEN_DOMCTL_SHADOW_OP_OFF:
		return exchange(d, false, false);
	case XEN_DOMCTL_SHADOW_OP_ENABLE_TEST:
		return enable(d, 0);
	case XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY:
		return enable(d, XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY);
	case XEN_DOMCTL_SHADOW_OP_ENABLE:
		return enable(d, op->mode);
	case XEN_DOMCTL_SHADOW_OP_CLEAN:
	case XEN_DOMCTL_SHADOW_OP_PEEK:
		return bitmap(d, op);
	case XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION:
		op->mb = (mm_shadow_pages(d) + PAGES_OF_MB - 1) / PAGES_OF_MB;
		return 0;
	default:
		return -EINVAL;
	}
}
