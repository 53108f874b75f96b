/* SPDX-License-Identifier: MIT */
/*
 * mmuext_op: pins, roots, flushes and the rest. One operation, copied in by
 * the caller; d is the domain whose frames it is about.
 *
 * A pin is one use of a table that no entry stands for, so that a table which
 * no root leads to now stays validated. The flag PINNED keeps it to one.
 */
#include "mm/entry.h"
#include "lib/string.h"

/* t is FRAME_NONE where the domain has no tables of that level. */
static int pin(struct domain *d, struct frame *f, enum frame_type t)
{
	struct mm_locked m = mm_lock(d);
	int rc = t == FRAME_NONE ? -EINVAL : mm_settle(m);

	/* What begins after its end would never be taken apart. */
	if (!rc && domain_is_dying(d))
		rc = -ESRCH;
	if (!rc)
		rc = mm_get_table(m, f, t);
	if (!rc && !frame_pin_set(f)) {
		mm_drop_table(m, f); /* not the last use: the pin is one */
		rc = -EINVAL;
	}
	mm_unlock(m);
	return rc;
}

static int unpin(struct domain *d, struct frame *f)
{
	struct mm_locked m = mm_lock(d);
	int rc = mm_settle(m);

	/* A reference, so that it is d's frame whose flag we clear. */
	if (!rc && !frame_get(f, d))
		rc = -EINVAL;
	else if (!rc) {
		rc = mm_drop_pin(m, f) ? 0 : -EINVAL;
		frame_put(f);
	}
	mm_unlock(m);
	return rc;
}

static aside int page_op(struct domain *d, const struct mmuext_op *op)
{
	struct frame *dst = frame_lookup(guest_mfn(op->arg1.mfn));
	struct frame *src = frame_lookup(guest_mfn(op->arg2.src_mfn));
	uint64_t usual = frame_usual(d->id);
	bool copy = op->cmd == MMUEXT_COPY_PAGE;

	if (!dst || (copy && (!src || !frame_get_data(src, usual, d, false))))
		return -EINVAL;
	if (!frame_get_data(dst, usual, d, true)) {
		if (copy)
			frame_put(src);
		return -EINVAL;
	}
	if (copy) {
		guest_write(d, frame_ptr(dst), frame_ptr(src), PAGE_SIZE);
		frame_put(src);
	} else {
		static const char zeros[PAGE_SIZE];

		guest_write(d, frame_ptr(dst), zeros, PAGE_SIZE);
	}
	frame_put_writable(dst);
	return 0;
}

static aside int flush_vcpus(struct vcpu *v, const struct mmuext_op *op,
			     bool one)
{
	uint64_t set = ~0UL, va = op->arg1.linear_addr, cpus, self;
	bool all =
		op->cmd == MMUEXT_TLB_FLUSH_ALL || op->cmd == MMUEXT_INVLPG_ALL;

	if (one && !mm_va_is_guest(v->domain, va))
		return 0; /* it has no translations of such addresses */
	if (!all &&
	    mm_vcpu_set_read(v->domain, (uint64_t)op->arg2.vcpumask.p, &set))
		return -EINVAL; /* as Xen says it */
	cpus = mm_cpus_running(v->domain, set);
	self = 1UL << this_cpu()->id;
	if (cpus & self) {
		if (one)
			arch_flush_page_local(va);
		else
			arch_flush_local();
	}
	if (cpus & ~self)
		arch_flush_cpus(cpus & ~self, one, va);
	return 0;
}

static int cache_flush(const struct domain *d)
{
	/* Only who may map device memory has a use for it. */
	if (!d->privileged)
		return -EACCES;
	arch_cache_flush();
	return 0;
}

static aside int pin_op(struct domain *d, const struct mmuext_op *op)
{
	struct frame *f = frame_lookup(guest_mfn(op->arg1.mfn));

	if (!f)
		return -EINVAL;
	return op->cmd == MMUEXT_UNPIN_TABLE
		       ? unpin(d, f)
		       : pin(d, f, mm_width(d)->table[op->cmd + 1]);
}

/* The others are about the calling vcpu, or the domain that it is of. */
static bool is_about_frames(unsigned int cmd)
{
	return cmd <= MMUEXT_UNPIN_TABLE || cmd == MMUEXT_CLEAR_PAGE ||
	       cmd == MMUEXT_COPY_PAGE;
}

int mm_ext_one(struct vcpu *v, struct domain *d, const struct mmuext_op *op)
{
	if (unlikely(d != v->domain) && !is_about_frames(op->cmd))
		return -EPERM;
	switch (op->cmd) {
	case MMUEXT_PIN_L1_TABLE:
	case MMUEXT_PIN_L2_TABLE:
	case MMUEXT_PIN_L3_TABLE:
	case MMUEXT_PIN_L4_TABLE:
	case MMUEXT_UNPIN_TABLE:
		return pin_op(d, op);
	case MMUEXT_NEW_BASEPTR:
		return mm_root_set(v, false, guest_mfn(op->arg1.mfn));
	case MMUEXT_NEW_USER_BASEPTR:
		return mm_root_set(v, true, guest_mfn(op->arg1.mfn));
	case MMUEXT_TLB_FLUSH_LOCAL:
		arch_flush_local();
		return 0;
	case MMUEXT_INVLPG_LOCAL:
		if (mm_va_is_guest(v->domain, op->arg1.linear_addr))
			arch_flush_page_local(op->arg1.linear_addr);
		return 0;
	case MMUEXT_TLB_FLUSH_MULTI:
	case MMUEXT_TLB_FLUSH_ALL:
		return flush_vcpus(v, op, false);
	case MMUEXT_INVLPG_MULTI:
	case MMUEXT_INVLPG_ALL:
		return flush_vcpus(v, op, true);
	case MMUEXT_CLEAR_PAGE:
	case MMUEXT_COPY_PAGE:
		return page_op(d, op);
	case MMUEXT_SET_LDT:
		return mm_ldt_set(v, op->arg1.linear_addr, op->arg2.nr_ents);
	case MMUEXT_FLUSH_CACHE:
	case MMUEXT_FLUSH_CACHE_GLOBAL:
		return cache_flush(d);
	case MMUEXT_MARK_SUPER:
	case MMUEXT_UNMARK_SUPER:
		return -EOPNOTSUPP;
	default:
		return -ENOSYS;
	}
}
