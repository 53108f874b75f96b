/* SPDX-License-Identifier: MIT */
/*
 * CPU policies: what CPUID says to a domain, as control software reads and
 * writes it, in lists of leaves and registers.
 *
 * A toolstack takes the policy that guests get by default, changes in it what
 * the domain's configuration says, and gives it to the domain before that
 * runs; a domain that comes from another machine brings its own. What is
 * given is taken as far as this machine goes (trap/cpuid.c): the answer says
 * which leaf it was that it does not know or have, and the log, which
 * features got lost. A list can be read in more leaves than are ever shown;
 * those are passed over.
 *
 * No model-specific register is offered. Those that a list can have are there,
 * as zeros.
 */
#include "control/control.h"
#include "frame/frame.h"
#include "log/log.h"
#include "mm/mm.h"
#include "sched/sched.h"
#include "trap/trap.h"

#define EXTENDED_FIRST 0x80000000U
#define BASIC_LAST     0xdU
#define EXTENDED_LAST  0x80000021U
#define SPECIAL	       0x40000000U
#define SPECIAL_OTHER  0x40000100U
#define LEAF_CLOCK     0x80000007U /* whether the TSC is invariant */
#define NO_LEAF	       UINT32_MAX

/* The interface's lists are no longer than these. */
#define LEAVES_MAX 120
#define MSRS_MAX   2

#define MSR_PLATFORM_INFO     0xce
#define MSR_ARCH_CAPABILITIES 0x10a

static const uint32_t msrs[MSRS_MAX] = { MSR_PLATFORM_INFO,
					 MSR_ARCH_CAPABILITIES };

/* Of a policy; NULL: of the machine itself. */
static void leaf_of(const struct domain_cpuid *p, uint32_t leaf,
		    uint32_t subleaf, uint32_t out[4])
{
	if (p)
		trap_policy_leaf(p, leaf, subleaf, out);
	else
		trap_host_leaf(leaf, subleaf, out);
}

/* ---- lists of leaves ---- */

struct list_out {
	uint64_t va;
	uint32_t room, used;
};

/* How many subleaves a list can have; 0: the leaf has no such thing. */
static uint32_t subleaves_of(uint32_t leaf)
{
	switch (leaf) {
	case 4:
		return 6;
	case 7:
		return 3;
	case 0xb:
		return 2;
	case 0xd:
		return 63;
	default:
		return 0;
	}
}

/* Whether the subleaf r is the last that says something. */
static bool is_last(uint32_t leaf, uint32_t subleaf, const uint32_t first[4],
		    const uint32_t r[4])
{
	uint64_t components =
		(uint64_t)first[CPUID_EDX] << 32 | first[CPUID_EAX];

	switch (leaf) {
	case 4:
		return !(r[CPUID_EAX] & 31);
	case 7:
		return subleaf >= first[CPUID_EAX];
	case 0xb:
		return !(r[CPUID_ECX] >> 8 & 0xff);
	default:
		return subleaf && !(components >> subleaf >> 1);
	}
}

static int leaf_put(struct list_out *out, uint32_t leaf, uint32_t subleaf,
		    const uint32_t r[4])
{
	const xen_cpuid_leaf_t l = { leaf, subleaf, r[0], r[1], r[2], r[3] };

	if (out->used == out->room)
		return -ENOBUFS;
	return guest_copy_to(out->va + out->used++ * sizeof(l), &l, sizeof(l));
}

static int subleaves_put(struct list_out *out, const struct domain_cpuid *p,
			 uint32_t leaf)
{
	uint32_t first[4], r[4], n = subleaves_of(leaf);
	int rc = 0;

	leaf_of(p, leaf, 0, first);
	if (!n)
		return leaf_put(out, leaf, XEN_CPUID_NO_SUBLEAF, first);
	for (uint32_t i = 0; !rc && i < n; i++) {
		leaf_of(p, leaf, i, r);
		rc = leaf_put(out, leaf, i, r);
		if (is_last(leaf, i, first, r))
			break;
	}
	return rc;
}

/* From the leaf that names its range's last one to that. */
static int range_put(struct list_out *out, const struct domain_cpuid *p,
		     uint32_t leaf, uint32_t limit)
{
	uint32_t r[4];
	int rc = 0;

	leaf_of(p, leaf, 0, r);
	for (limit = MIN(limit, r[CPUID_EAX]); !rc && leaf <= limit; leaf++)
		rc = subleaves_put(out, p, leaf);
	return rc;
}

static int leaves_put(const struct domain_cpuid *p, uint64_t va, uint32_t *n)
{
	static const uint32_t none[4];
	struct list_out out = { .va = va, .room = *n };
	int rc;

	if (!va) {
		*n = LEAVES_MAX;
		return 0;
	}
	rc = range_put(&out, p, 0, BASIC_LAST);
	/*
	 * The toolstack's list has these two in any case, and it writes that
	 * one into the room that ours had.
	 */
	if (!rc)
		rc = leaf_put(&out, SPECIAL, XEN_CPUID_NO_SUBLEAF, none);
	if (!rc)
		rc = leaf_put(&out, SPECIAL_OTHER, XEN_CPUID_NO_SUBLEAF, none);
	if (!rc)
		rc = range_put(&out, p, EXTENDED_FIRST, EXTENDED_LAST);
	if (!rc)
		*n = out.used;
	return rc;
}

static int msrs_put(uint64_t va, uint32_t *n)
{
	if (va && *n < MSRS_MAX)
		return -ENOBUFS;
	*n = MSRS_MAX;
	for (uint32_t i = 0; va && i < MSRS_MAX; i++) {
		const xen_msr_entry_t m = { .idx = msrs[i] };

		if (guest_copy_to(va + i * sizeof(m), &m, sizeof(m)))
			return -EFAULT;
	}
	return 0;
}

/* ---- the machine's ---- */

int control_policy_of_machine(struct xen_sysctl_cpu_policy *op)
{
	static const uint32_t none[4];
	struct domain_cpuid p = *trap_policy_machine();
	bool raw = false;
	int rc;

	if (op->_rsvd)
		return -EINVAL;
	switch (op->index) {
	case XEN_SYSCTL_cpu_policy_raw:
	case XEN_SYSCTL_cpu_policy_host:
		raw = true;
		break;
	case XEN_SYSCTL_cpu_policy_pv_default:
		/* A guest may be moved to where the clock is another. */
		(void)!trap_policy_take(&p, LEAF_CLOCK, 0, none);
		break;
	case XEN_SYSCTL_cpu_policy_pv_max:
		break;
	case XEN_SYSCTL_cpu_policy_hvm_max:
	case XEN_SYSCTL_cpu_policy_hvm_default:
		return -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
	rc = leaves_put(raw ? NULL : &p, (uint64_t)op->leaves.p,
			&op->nr_leaves);
	return rc ? rc : msrs_put((uint64_t)op->msrs.p, &op->nr_msrs);
}

/* Where each word of a featureset stands. */
static const struct feature_word {
	uint32_t leaf;
	uint8_t subleaf, reg;
} words[] = {
	{ 1, 0, CPUID_EDX },
	{ 1, 0, CPUID_ECX },
	{ 0x80000001, 0, CPUID_EDX },
	{ 0x80000001, 0, CPUID_ECX },
	{ 0xd, 1, CPUID_EAX },
	{ 7, 0, CPUID_EBX },
	{ 7, 0, CPUID_ECX },
	{ 0x80000007, 0, CPUID_EDX },
	{ 0x80000008, 0, CPUID_EBX },
	{ 7, 0, CPUID_EDX },
	{ 7, 1, CPUID_EAX },
	{ 0x80000021, 0, CPUID_EAX },
	{ 7, 1, CPUID_EBX },
	{ 7, 2, CPUID_EDX },
	{ 7, 1, CPUID_ECX },
	{ 7, 1, CPUID_EDX },
	/* these two are of a register, which is not offered */
	{ NO_LEAF, 0, CPUID_EAX },
	{ NO_LEAF, 0, CPUID_EDX },
	{ 0x80000021, 0, CPUID_ECX },
};

uint32_t control_feature_word(const struct domain_cpuid *p, unsigned int n)
{
	uint32_t r[4];

	leaf_of(p, words[n].leaf, words[n].subleaf, r);
	return r[words[n].reg];
}

int control_featureset(struct xen_sysctl_cpu_featureset *op)
{
	const struct domain_cpuid *p = NULL;

	switch (op->index) {
	case XEN_SYSCTL_cpu_featureset_raw:
	case XEN_SYSCTL_cpu_featureset_host:
		break;
	case XEN_SYSCTL_cpu_featureset_pv:
	case XEN_SYSCTL_cpu_featureset_pv_max:
		p = trap_policy_machine();
		break;
	case XEN_SYSCTL_cpu_featureset_hvm:
	case XEN_SYSCTL_cpu_featureset_hvm_max:
		return -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
	for (uint32_t i = 0; op->features.p && i < ARRAY_SIZE(words); i++) {
		uint32_t word = control_feature_word(p, i);

		if (i == op->nr_features)
			return -ENOBUFS;
		if (guest_copy_to((uint64_t)op->features.p + i * sizeof(word),
				  &word, sizeof(word)))
			return -EFAULT;
	}
	op->nr_features = ARRAY_SIZE(words);
	return 0;
}

/* ---- a domain's ---- */

static struct domain_cpuid policy_of(struct domain *d)
{
	struct mm_locked m = mm_lock(d);
	struct domain_cpuid p = d->cpuid;

	mm_unlock(m);
	return p;
}

int control_policy_get(struct domain *d, struct xen_domctl_cpu_policy *op)
{
	struct domain_cpuid p = policy_of(d);
	int rc = leaves_put(&p, (uint64_t)op->leaves.p, &op->nr_leaves);

	return rc ? rc : msrs_put((uint64_t)op->msrs.p, &op->nr_msrs);
}

static bool leaf_is_known(const xen_cpuid_leaf_t *l)
{
	uint32_t n = subleaves_of(l->leaf);

	if (n)
		return l->subleaf < n;
	return l->subleaf == XEN_CPUID_NO_SUBLEAF &&
	       (l->leaf <= BASIC_LAST || l->leaf == SPECIAL ||
		l->leaf == SPECIAL_OTHER ||
		(l->leaf >= EXTENDED_FIRST && l->leaf <= EXTENDED_LAST));
}

/* 1: features of the leaf are left out. */
static int leaf_take(struct domain_cpuid *p, const xen_cpuid_leaf_t *l)
{
	const uint32_t r[4] = { l->a, l->b, l->c, l->d };

	if (!leaf_is_known(l))
		return -ERANGE;
	if (l->subleaf == XEN_CPUID_NO_SUBLEAF)
		return trap_policy_take(p, l->leaf, 0, r);
	return trap_policy_take(p, l->leaf, l->subleaf, r);
}

static int leaves_take(struct domain *d, struct domain_cpuid *p,
		       struct xen_domctl_cpu_policy *op)
{
	for (uint32_t i = 0; i < op->nr_leaves; i++) {
		xen_cpuid_leaf_t l;
		int rc;

		if (guest_copy_from(&l, (uint64_t)op->leaves.p + i * sizeof(l),
				    sizeof(l)))
			return -EFAULT;
		rc = leaf_take(p, &l);
		if (rc == 1)
			log_warn("domain %u: its CPU policy wants features of "
				 "leaf %x that this machine has not",
				 d->id, l.leaf);
		if (rc >= 0)
			continue;
		op->err_leaf = l.leaf;
		op->err_subleaf = l.subleaf;
		return rc;
	}
	return 0;
}

/* Their values are for no guest to see. */
static int msr_check(const xen_msr_entry_t *m)
{
	if (m->flags)
		return -EINVAL;
	if (m->idx == MSR_PLATFORM_INFO)
		return m->val >> 32 ? -EOVERFLOW : 0;
	return m->idx == MSR_ARCH_CAPABILITIES ? 0 : -ERANGE;
}

static int msrs_check(struct xen_domctl_cpu_policy *op)
{
	for (uint32_t i = 0; i < op->nr_msrs; i++) {
		xen_msr_entry_t m;
		int rc;

		if (guest_copy_from(&m, (uint64_t)op->msrs.p + i * sizeof(m),
				    sizeof(m)))
			return -EFAULT;
		rc = msr_check(&m);
		if (rc) {
			op->err_msr = m.idx;
			return rc;
		}
	}
	return 0;
}

/* Only a domctl can change that meanwhile, and there is one at a time. */
static bool has_run(const struct domain *d)
{
	struct vcpu_runstate_info r;

	for (uint32_t i = 0; i < d->max_vcpus; i++) {
		sched_runstate_get(d->vcpu[i], &r);
		if (r.time[RUNSTATE_running])
			return true;
	}
	return false;
}

int control_policy_set(struct domain *d, struct xen_domctl_cpu_policy *op)
{
	struct domain_cpuid p = policy_of(d);
	struct mm_locked m;
	int rc;

	if (has_run(d))
		return -EEXIST;
	op->err_leaf = op->err_subleaf = op->err_msr = UINT32_MAX;
	if (op->nr_leaves > LEAVES_MAX || op->nr_msrs > MSRS_MAX)
		return -E2BIG;
	rc = leaves_take(d, &p, op);
	if (!rc)
		rc = msrs_check(op);
	if (rc)
		return rc;
	trap_policy_fit(&p);
	m = mm_lock(d);
	d->cpuid = p;
	mm_unlock(m);
	return 0;
}
