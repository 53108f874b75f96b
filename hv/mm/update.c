/* SPDX-License-Identifier: MIT */
/*
 * mmu_update and update_va_mapping: one entry at a time. The hypercalls' own
 * loops, their continuations and counts are in call/mmu.c.
 */
#include "mm/entry.h"
#include "sched/sched.h"

/*
 * mmu_update may also write a frame that is no table at all: then it is an
 * ordinary write of eight bytes.
 */
static int data_write(struct mm_locked m, struct frame *f, uint64_t offset,
		      uint64_t val)
{
	if (!frame_get_writable(f, m.d))
		return -EINVAL;
	guest_write(m.d, (char *)frame_ptr(f) + offset, &val, sizeof(val));
	frame_put_writable(f);
	return 0;
}

static int m2p_update(struct domain *owner, struct frame *f, uint64_t pfn)
{
	if (!f || !frame_get(f, owner))
		return -EINVAL;
	mm_m2p_set(f, pfn);
	frame_put(f);
	return 0;
}

/* f is counted for us: it stays what it is as far as the lock keeps it. */
static int table_write(struct mm_locked m, struct domain *owner,
		       struct frame *f, uint64_t ptr, uint64_t val)
{
	enum frame_type t = frame_type_of(f);
	unsigned int idx = (unsigned int)(ptr & ~PAGE_MASK) / 8;

	if (is_table(t) && frame_has_type(f, t))
		return mm_entry_update(m, f, idx, val, owner,
				       (ptr & 3) == MMU_PT_UPDATE_PRESERVE_AD,
				       NULL);
	return data_write(m, f, ptr & ~PAGE_MASK & ~7UL, val);
}

/*
 * One request. *held is the table of the one before, with a reference, or
 * NULL: requests come by the dozen for one table.
 */
static int update_one(struct mm_locked m, struct domain *owner,
		      const struct mmu_update *req, struct frame **held)
{
	unsigned int what = req->ptr & 3;
	struct frame *f = frame_lookup(guest_mfn(req->ptr >> PAGE_SHIFT));
	int rc;

	if (unlikely(what == MMU_MACHPHYS_UPDATE))
		return m2p_update(owner, f, req->val);
	if (unlikely(what == MMU_PT_UPDATE_NO_TRANSLATE))
		return -EOPNOTSUPP;
	rc = mm_settle(m);
	if (unlikely(rc))
		return rc;
	if (unlikely((req->ptr & 4) || !f))
		return -EINVAL;
	if (f != *held) {
		if (!frame_get(f, m.d))
			return -EINVAL;
		if (*held)
			frame_put(*held);
		*held = f;
	}
	return table_write(m, owner, f, req->ptr, req->val);
}

int mm_update(struct mm_locked m, struct domain *owner,
	      const struct mmu_update *req, unsigned int n, unsigned int *done)
{
	struct frame *held = NULL;
	int rc = 0;

	for (*done = 0; *done < n; ++*done) {
		rc = update_one(m, owner, &req[*done], &held);
		if (rc)
			break;
	}
	if (held)
		frame_put(held);
	return rc;
}

uint64_t mm_cpus_running(const struct domain *d, uint64_t vcpus)
{
	uint64_t cpus = 0;

	for (uint32_t i = 0; i < d->max_vcpus; i++)
		if (d->vcpu[i] && (vcpus >> i & 1) &&
		    sched_is_on_cpu(d->vcpu[i]))
			cpus |= 1UL << d->vcpu[i]->sched.cpu;
	return cpus;
}

/*
 * The flush that update_va_mapping asks for: which CPUs. A vcpu that does
 * not run has no translations: it gets its root anew when it does.
 */
static int flush_cpus_of(struct vcpu *v, uint64_t flags, uint64_t *cpus)
{
	uint64_t which = flags & ~(uint64_t)UVMF_FLUSHTYPE_MASK, set = 0;

	*cpus = 1UL << this_cpu()->id;
	if (which == UVMF_LOCAL)
		return 0;
	if (which == UVMF_ALL)
		set = ~0UL;
	else if (guest_copy_from(&set, which, sizeof(set)))
		return -EFAULT;
	*cpus = mm_cpus_running(v->domain, set);
	return 0;
}

static void flush_do(uint64_t flags, uint64_t cpus, uint64_t va)
{
	bool one = (flags & UVMF_FLUSHTYPE_MASK) == UVMF_INVLPG;
	uint64_t self = 1UL << this_cpu()->id;

	if ((cpus & self) && one)
		arch_flush_page_local(va);
	else if (cpus & self)
		arch_flush_local();
	if (cpus & ~self)
		arch_flush_cpus(cpus & ~self, one, va);
}

int mm_update_va(struct vcpu *v, uint64_t va, uint64_t value, uint64_t flags,
		 struct domain *owner)
{
	uint64_t type = flags & UVMF_FLUSHTYPE_MASK, cpus = 0;
	struct mm_place at;
	struct mm_locked m;
	int rc = 0;

	if (type > UVMF_INVLPG)
		return -EINVAL;
	if (type != UVMF_NONE)
		rc = flush_cpus_of(v, flags, &cpus);
	if (rc)
		return rc;
	m = mm_lock(v->domain);
	rc = mm_settle(m);
	if (!rc && !mm_walk(m, root_active(v), va, &at))
		rc = -EINVAL;
	if (!rc)
		rc = mm_entry_update(m, at.table, at.idx, value, owner, false,
				     NULL);
	mm_unlock(m);
	if (!rc && cpus)
		flush_do(flags, cpus, va);
	return rc;
}
