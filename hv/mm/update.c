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
	if (!f || owner->id >= DOMID_FIRST_RESERVED || !frame_get(f, owner))
		return -EINVAL;
	mm_m2p_set(f, pfn);
	guest_wrote(owner, frame_ptr(f)); /* as if, at its new place */
	frame_put(f);
	return 0;
}

/* One request that is not for an L1. */
static int update_other(struct mm_locked m, struct domain *owner,
			const struct mmu_update *req)
{
	struct frame *f = frame_lookup(guest_mfn(req->ptr >> PAGE_SHIFT));
	unsigned int offset = (unsigned int)(req->ptr & ~PAGE_MASK & ~7UL);
	enum frame_type t;
	int rc;

	if (req->ptr & 4)
		return -ENOSYS; /* a command beyond the last, as Xen sees it */
	if ((req->ptr & 3) == MMU_MACHPHYS_UPDATE)
		return m2p_update(owner, f, req->val);
	rc = mm_settle(m);
	if (rc)
		return rc;
	/* NO_TRANSLATE is an ordinary one: nobody's frames are translated. */
	if (!f || !frame_get(f, m.d))
		return -EINVAL;
	t = frame_type_of(f);
	if (is_table(t) && frame_has_type(f, t))
		rc = mm_entry_update(
			m, f, offset / 8, req->val, owner,
			(req->ptr & 3) == MMU_PT_UPDATE_PRESERVE_AD, NULL);
	else
		rc = data_write(m, f, offset, req->val);
	frame_put(f);
	return rc;
}

/*
 * Requests come by the dozen for one L1. Once it is known to be one of the
 * domain's, counted, it stays one while the lock is held and only entries of
 * L1s change: these end no use of a table.
 */
struct run {
	uint64_t page;	    /* what ptr & RUN_BITS is in requests for it */
	struct frame *held; /* the table, with a reference; or NULL */
	uint64_t *entries;
};
/* Bits 0 and 2 of ptr are clear in both kinds of update, and only there. */
#define RUN_BITS (PAGE_MASK | 5)
#define RUN_NONE 2UL /* no ptr & RUN_BITS */

static void run_end(struct run *r)
{
	if (r->held)
		frame_put(r->held);
	r->held = NULL;
	r->page = RUN_NONE;
}

/* False: ptr is not an entry of an L1 in use. */
static bool run_begin(struct mm_locked m, struct run *r, uint64_t ptr)
{
	struct frame *f = frame_lookup(guest_mfn(ptr >> PAGE_SHIFT));

	run_end(r);
	if ((ptr & 5) || !f || !frame_get(f, m.d))
		return false;
	if (!frame_has_type(f, FRAME_L1)) {
		frame_put(f);
		return false;
	}
	*r = (struct run){ ptr & PAGE_MASK, f, frame_ptr(f) };
	return true;
}

int mm_update(struct mm_locked m, struct domain *owner,
	      const struct mmu_update *req, unsigned int n, unsigned int *done)
{
	uint64_t usual = frame_usual(owner->id);
	struct run run = { .page = RUN_NONE };
	int rc = mm_settle(m);
	unsigned int i = 0;

	for (; !rc && i < n; i += !rc) {
		uint64_t ptr = req[i].ptr;

		if (unlikely((ptr & RUN_BITS) != run.page) &&
		    !run_begin(m, &run, ptr))
			rc = update_other(m, owner, &req[i]);
		else
			rc = data_replace(m, run.held,
					  &run.entries[(ptr & ~PAGE_MASK) / 8],
					  req[i].val, usual, owner, ptr & 2,
					  NULL);
	}
	run_end(&run);
	*done = i;
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

int mm_vcpu_set_read(const struct domain *d, uint64_t va, uint64_t *set)
{
	*set = 0;
	return guest_copy_from(set, va, (d->max_vcpus + 7) / 8);
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
	else if (mm_vcpu_set_read(v->domain, which, &set))
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

void mm_flush_all(struct vcpu *v)
{
	flush_do(UVMF_TLB_FLUSH, mm_cpus_running(v->domain, ~0UL), 0);
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
	if (!rc && !mm_walk(m, root_guest(v), va, &at))
		rc = -EINVAL;
	if (!rc)
		rc = data_replace(m, at.table, at.entry, value,
				  frame_usual(owner->id), owner, false, NULL);
	mm_unlock(m);
	if (!rc && cpus)
		flush_do(flags, cpus, va);
	return rc;
}
