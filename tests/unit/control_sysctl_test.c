/* SPDX-License-Identifier: MIT */
/*
 * sysctl and the domctls of policies and weights, as a privileged guest calls
 * them, arguments and lists in its memory: answers are of this machine, lists
 * end where their room ends, and a CPU policy is taken leaf by leaf or not at
 * all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "call/call.h"
#include "host/host.h"
#include "log/log.h"
#include "model/oracle.h"
#include "sched/sched.h"
#include "time/time.h"
#include "trap/trap.h"

#define FRAMES 1024
#define PAGES  40
#define CPUS   4
#define ARG    host_guest_va(0)
#define LIST   host_guest_va(1) /* and the pages behind it */
#define OTHER  host_guest_va(20)

static struct host_guest g;
static struct vcpu *v;
static struct domain *other; /* not yet running */
static struct xen_sysctl op;
static struct xen_domctl dop;

static int setup(void **state)
{
	(void)state;
	host_init(FRAMES, CPUS);
	time_init();
	sched_init();
	log_set_levels(LOG_WARNING, LOG_ERROR);
	host_guest_make(&g, PAGES, 1, true);
	v = g.d->vcpu[0];
	host_vcpu_enter(v);
	trap_cpuid_prepare();
	other = host_domain_make(10, 2, false);
	other->cpuid = *trap_policy_machine();
	memset(&op, 0, sizeof(op));
	memset(&dop, 0, sizeof(dop));
	host_copy_scrambles = false;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(host_locks_held(0), 0);
	if (oracle_check())
		fail_msg("%s", oracle_report());
	host_fini();
	return 0;
}

static void get(uint64_t va, void *to, size_t n)
{
	assert_int_equal(host_guest_read(va, to, n), 0);
}

static void put(uint64_t va, const void *from, size_t n)
{
	assert_int_equal(host_guest_write(va, from, n), 0);
}

static long sysctl(uint32_t cmd)
{
	struct call_args a = { .a = { ARG } };
	long rc;

	op.cmd = cmd;
	op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
	put(ARG, &op, sizeof(op));
	host_copy_begin();
	rc = hc_sysctl(v, &a);
	assert_int_equal(host_copy_read_twice(), 0);
	get(ARG, &op, sizeof(op));
	return rc;
}

static long domctl(uint32_t cmd, struct domain *d)
{
	struct call_args a = { .a = { ARG } };
	long rc;

	dop.cmd = cmd;
	dop.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	dop.domain = d->id;
	put(ARG, &dop, sizeof(dop));
	host_copy_begin();
	rc = hc_domctl(v, &a);
	assert_int_equal(host_copy_read_twice(), 0);
	get(ARG, &dop, sizeof(dop));
	return rc;
}

static void only_for_the_privileged(void **state)
{
	struct call_args a = { .a = { ARG } };

	(void)state;
	assert_int_equal(sysctl(0), -ENOSYS);
	g.d->privileged = false;
	assert_int_equal(sysctl(XEN_SYSCTL_physinfo), -EPERM);
	g.d->privileged = true;
	op.interface_version++;
	put(ARG, &op, sizeof(op));
	assert_int_equal(hc_sysctl(v, &a), -EACCES);
	a.a[0] = 8;
	assert_int_equal(hc_sysctl(v, &a), -EFAULT);
}

static void machine_is_told(void **state)
{
	uint32_t leaf1[4];

	(void)state;
	arch_cpuid(1, 0, leaf1);
	assert_int_equal(sysctl(XEN_SYSCTL_physinfo), 0);
	assert_int_equal(op.u.physinfo.nr_cpus, CPUS);
	assert_int_equal(op.u.physinfo.max_cpu_id, CPUS - 1);
	assert_int_equal(op.u.physinfo.nr_nodes, 1);
	assert_int_equal(op.u.physinfo.cpu_khz, arch_tsc_hz() / 1000);
	assert_int_equal(op.u.physinfo.free_pages, frame_free_pages());
	assert_int_equal(op.u.physinfo.outstanding_pages, 0);
	assert_int_equal(op.u.physinfo.max_mfn, frame_limit - 1);
	assert_int_equal(op.u.physinfo.hw_cap[0], leaf1[CPUID_EDX]);
	assert_int_equal(frame_claim(other, 10), 0);
	assert_int_equal(sysctl(XEN_SYSCTL_physinfo), 0);
	assert_int_equal(op.u.physinfo.outstanding_pages, 10);
	op.u.availheap.min_bitwidth = op.u.availheap.max_bitwidth = 0;
	op.u.availheap.node = -1;
	assert_int_equal(sysctl(XEN_SYSCTL_availheap), 0);
	assert_int_equal(op.u.availheap.avail_bytes,
			 frame_free_pages() * PAGE_SIZE);
	op.u.availheap.node = 1;
	assert_int_equal(sysctl(XEN_SYSCTL_availheap), 0);
	assert_int_equal(op.u.availheap.avail_bytes, 0);
	assert_int_equal(frame_claim(other, 0), 0);
}

struct topology_case {
	uint32_t leaf, subleaf, out[4];
};

/* CPU 3 of four whose APIC ids are their numbers. */
static void place(const struct topology_case *leaves, unsigned int n,
		  uint32_t core, uint32_t socket, uint32_t threads)
{
	struct xen_sysctl_cputopo t[CPUS];

	for (unsigned int i = 0; i < n; i++)
		host_cpuid_set(leaves[i].leaf, leaves[i].subleaf,
			       leaves[i].out);
	op.u.cputopoinfo.num_cpus = 99;
	op.u.cputopoinfo.cputopo.p = (xen_sysctl_cputopo_t *)LIST;
	assert_int_equal(sysctl(XEN_SYSCTL_cputopoinfo), 0);
	assert_int_equal(op.u.cputopoinfo.num_cpus, CPUS);
	get(LIST, t, sizeof(t));
	assert_int_equal(t[0].core, 0);
	assert_int_equal(t[0].socket, 0);
	assert_int_equal(t[3].core, core);
	assert_int_equal(t[3].socket, socket);
	assert_int_equal(t[3].node, 0);
	assert_int_equal(sysctl(XEN_SYSCTL_physinfo), 0);
	assert_int_equal(op.u.physinfo.threads_per_core, threads);
	assert_int_equal(op.u.physinfo.cores_per_socket *
				 op.u.physinfo.threads_per_core,
			 CPUS / (socket + 1));
}

static void where_cpus_sit(void **state)
{
	static const struct topology_case
		plain[] = { { 1, 0, { 0x306c3, 0, 0, 0 } } },
		threads[] = { { 1, 0, { 0x306c3, 2 << 16, 0, 1U << 28 } } },
		cores[] = { { 4, 0, { 1U << 26 | 1, 0, 0, 0 } } },
		both[] = { { 1, 0, { 0x306c3, 4 << 16, 0, 1U << 28 } } },
		own[] = { { 0xb, 0, { 1, 2, 0x100, 3 } },
			  { 0xb, 1, { 2, 4, 0x201, 3 } } },
		large[] = { { 0xb, 1, { 31, 4, 0x201, 3 } } };

	(void)state;
	place(plain, 1, 0, 3, 1);
	place(threads, 1, 0, 1, 2);
	place(cores, 1, 1, 1, 1);
	place(both, 1, 1, 0, 2);
	place(own, 2, 1, 0, 2);
	place(large, 1, 1, 0, 2);
}

static void lists_end_with_their_room(void **state)
{
	struct xen_domctl_getdomaininfo info[3];

	(void)state;
	memset(info, 0x55, sizeof(info));
	put(LIST, info, sizeof(info));
	op.u.getdomaininfolist.max_domains = 99;
	op.u.getdomaininfolist.buffer.p = (xen_domctl_getdomaininfo_t *)LIST;
	assert_int_equal(sysctl(XEN_SYSCTL_getdomaininfolist), 0);
	assert_int_equal(op.u.getdomaininfolist.num_domains, 2);
	get(LIST, info, sizeof(info));
	assert_int_equal(info[0].domain, g.d->id);
	assert_int_equal(info[0].tot_pages, PAGES);
	assert_int_equal(info[1].domain, other->id);
	assert_int_equal(info[2].domain, 0x5555);
	op.u.getdomaininfolist.max_domains = 1;
	op.u.getdomaininfolist.first_domain = other->id;
	assert_int_equal(sysctl(XEN_SYSCTL_getdomaininfolist), 0);
	assert_int_equal(op.u.getdomaininfolist.num_domains, 1);
	get(LIST, info, sizeof(info));
	assert_int_equal(info[0].domain, other->id);
	op.u.getdomaininfolist.first_domain = 0x7fff;
	assert_int_equal(sysctl(XEN_SYSCTL_getdomaininfolist), 0);
	assert_int_equal(op.u.getdomaininfolist.num_domains, 0);
	op.u.getdomaininfolist.first_domain = 0;
	op.u.getdomaininfolist.buffer.p = NULL;
	assert_int_equal(sysctl(XEN_SYSCTL_getdomaininfolist), -EFAULT);
}

static uint64_t idle_of(unsigned int cpu)
{
	struct xen_sysctl_cpuinfo info[CPUS];

	op.u.getcpuinfo.max_cpus = CPUS + 1;
	op.u.getcpuinfo.info.p = (xen_sysctl_cpuinfo_t *)LIST;
	assert_int_equal(sysctl(XEN_SYSCTL_getcpuinfo), 0);
	assert_int_equal(op.u.getcpuinfo.nr_cpus, CPUS);
	get(LIST, info, sizeof(info));
	return info[cpu].idletime;
}

static void idle_time_is_without_anybody(void **state)
{
	struct vcpu *w = other->vcpu[0];
	uint64_t before;

	(void)state;
	for (unsigned int i = 0; i < 2; i++)
		sched_vcpu_init(other->vcpu[i]);
	assert_null(sched_pick());
	before = idle_of(0);
	host_clock_advance(5000000);
	assert_in_range(idle_of(0) - before, 4999000, 5001000);
	sched_start(w, VCPU_DOWN);
	assert_ptr_equal(sched_pick(), w);
	before = idle_of(0);
	host_clock_advance(7000000);
	assert_int_equal(idle_of(0), before);
	sched_stop(w, VCPU_BLOCKED);
	assert_null(sched_pick());
	host_clock_advance(1000000);
	assert_null(sched_pick());
	host_clock_advance(1000000);
	assert_in_range(idle_of(0) - before, 1999000, 2001000);
	sched_left(w);
}

/* ---- the log ---- */

static uint32_t read_log(bool clear, const uint32_t *from, uint32_t count,
			 char *text)
{
	op.u.readconsole.clear = clear;
	op.u.readconsole.incremental = from != NULL;
	op.u.readconsole.index = from ? *from : 12345;
	op.u.readconsole.count = count;
	op.u.readconsole.buffer.p = (char *)LIST;
	assert_int_equal(sysctl(XEN_SYSCTL_readconsole), 0);
	assert_true(op.u.readconsole.count <= count);
	get(LIST, text, op.u.readconsole.count);
	text[op.u.readconsole.count] = '\0';
	return op.u.readconsole.index;
}

static void log_is_read_in_parts(void **state)
{
	char text[4096];
	uint32_t at, beyond;

	(void)state;
	while (read_log(true, NULL, 4000, text), *text)
		;
	log_write("one two three four five\n", 24);
	at = read_log(false, NULL, 4, text);
	assert_string_equal(text, "one ");
	at = read_log(false, &at, 4, text);
	assert_string_equal(text, "two ");
	/* What is cleared is what was read. */
	read_log(true, NULL, 8, text);
	assert_string_equal(text, "one two ");
	at = read_log(false, NULL, 6, text);
	assert_string_equal(text, "three ");
	at = read_log(false, &at, 4000, text);
	assert_string_equal(text, "four five\n");
	read_log(false, &at, 4000, text);
	assert_string_equal(text, "");
	/* An index of no text that is there. */
	beyond = at + 1;
	read_log(false, &beyond, 5, text);
	assert_string_equal(text, "three");
	beyond = at - 1000000;
	read_log(false, &beyond, 5, text);
	assert_string_equal(text, "three");
	op.u.readconsole.buffer.p = NULL;
	op.u.readconsole.count = 5;
	op.u.readconsole.clear = 1;
	assert_int_equal(sysctl(XEN_SYSCTL_readconsole), -EFAULT);
	read_log(false, NULL, 5, text);
	assert_string_equal(text, "three");
}

/* Each key says something of its subject, and the keys are taken in order. */
static void keys_speak(void **state)
{
	static const char keys[] = "qZrmtgh0";
	const char *text;

	(void)state;
	for (unsigned int i = 0; i < 2; i++)
		sched_vcpu_init(other->vcpu[i]);
	v->sched.stop = 0;
	put(LIST, keys, sizeof(keys));
	host_console_clear();
	op.u.debug_keys.keys.p = (const char *)LIST;
	op.u.debug_keys.nr_keys = sizeof(keys) - 1;
	assert_int_equal(sysctl(XEN_SYSCTL_debug_keys), 0);
	text = host_console_text();
	for (const char *const *w =
		     (const char *const[]){
			     "domain 1 ", "vcpu 1 on CPU 0", "CPU 3: idle",
			     "pages free", "0 timers", "table version",
			     "'h' pressed", "key 'm'", "rip", NULL };
	     *w; w++) {
		text = strstr(text, *w);
		if (!text)
			fail_msg("no %s in %s", *w, host_console_text());
	}
	op.u.debug_keys.keys.p = NULL;
	op.u.debug_keys.nr_keys = 1;
	assert_int_equal(sysctl(XEN_SYSCTL_debug_keys), -EFAULT);
}

static void larger_ring_has_the_text(void **state)
{
	static char ring[1U << 17];
	char text[4096];
	uint32_t at;

	(void)state;
	for (unsigned int i = 0; i < 70000 / 10; i++)
		log_write("123456789\n", 10);
	while (at = read_log(true, NULL, 4000, text), strlen(text) == 4000)
		;
	log_write("before\n", 7);
	log_ring_set(false, ring, sizeof(ring));
	log_pass_on(0, "domain 0 speaks\n", 16);
	log_write("after\n", 6);
	read_log(false, &at, 4000, text);
	assert_string_equal(text, "before\nafter\n");
	log_ring_set(true, NULL, 0);
	assert_true(log_take_news());
	assert_false(log_take_news());
	log_pass_on(0, "and again\n", 10);
	assert_true(log_take_news());
	read_log(false, &at, 4000, text);
	assert_string_equal(text, "before\nafter\nand again\n");
	log_ring_set(false, NULL, 0);
}

/* ---- the scheduler ---- */

static long pool(uint32_t what, uint32_t id, uint32_t cpu, uint32_t domid)
{
	memset(&op, 0, sizeof(op));
	op.u.cpupool_op.op = what;
	op.u.cpupool_op.cpupool_id = id;
	op.u.cpupool_op.cpu = cpu;
	op.u.cpupool_op.domid = domid;
	op.u.cpupool_op.sched_id = XEN_SCHEDULER_CREDIT2;
	op.u.cpupool_op.cpumap.bitmap.p = (uint8_t *)LIST;
	op.u.cpupool_op.cpumap.nr_bits = 12;
	return sysctl(XEN_SYSCTL_cpupool_op);
}

static void one_pool(void **state)
{
	uint8_t map[4] = { 0xee, 0xee, 0xee, 0xee };

	(void)state;
	put(LIST, map, sizeof(map));
	assert_int_equal(pool(XEN_SYSCTL_CPUPOOL_OP_INFO, 0, 0, 0), 0);
	assert_int_equal(op.u.cpupool_op.sched_id, XEN_SCHEDULER_CREDIT2);
	assert_int_equal(op.u.cpupool_op.n_dom, 2);
	get(LIST, map, sizeof(map));
	assert_memory_equal(map, "\x0f\0\xee\xee", 4);
	assert_int_equal(pool(XEN_SYSCTL_CPUPOOL_OP_FREEINFO, 0, 0, 0), 0);
	get(LIST, map, sizeof(map));
	assert_memory_equal(map, "\0\0\xee\xee", 4);
	assert_int_equal(pool(XEN_SYSCTL_CPUPOOL_OP_INFO, 1, 0, 0), -ENOENT);
	assert_int_equal(pool(XEN_SYSCTL_CPUPOOL_OP_CREATE, 0, 0, 0), -EEXIST);
	assert_int_equal(pool(XEN_SYSCTL_CPUPOOL_OP_CREATE, 1, 0, 0),
			 -EOPNOTSUPP);
	assert_int_equal(pool(XEN_SYSCTL_CPUPOOL_OP_DESTROY, 0, 0, 0), -EBUSY);
	assert_int_equal(pool(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 0, 1, 0), -ENODEV);
	assert_int_equal(pool(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, 1, 0), -EBUSY);
	assert_int_equal(pool(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, CPUS, 0),
			 -EINVAL);
	assert_int_equal(
		pool(XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, 0, 0, other->id), 0);
	assert_int_equal(pool(XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, 0, 0, g.d->id),
			 -EPERM);
	assert_int_equal(pool(XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, 0, 0, 0x10000),
			 -ESRCH);
	assert_int_equal(
		pool(XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, 1, 0, other->id),
		-ENOENT);
	assert_int_equal(pool(0, 0, 0, 0), -ENOSYS);
}

static long ratelimit(uint32_t cmd, uint32_t us)
{
	memset(&op, 0, sizeof(op));
	op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
	op.u.scheduler_op.cmd = cmd;
	op.u.scheduler_op.u.sched_credit2.ratelimit_us = us;
	return sysctl(XEN_SYSCTL_scheduler_op);
}

static void rate_limit(void **state)
{
	(void)state;
	assert_int_equal(ratelimit(XEN_SYSCTL_SCHEDOP_putinfo, 99), -EINVAL);
	assert_int_equal(ratelimit(XEN_SYSCTL_SCHEDOP_putinfo, 500001),
			 -EINVAL);
	assert_int_equal(ratelimit(XEN_SYSCTL_SCHEDOP_getinfo, 0), 0);
	assert_int_equal(op.u.scheduler_op.u.sched_credit2.ratelimit_us, 1000);
	assert_int_equal(ratelimit(XEN_SYSCTL_SCHEDOP_putinfo, 5000), 0);
	other->vcpu[0]->sched.virtual_ns = 10000000;
	other->vcpu[1]->sched.virtual_ns = 10000000 + 4999999;
	assert_false(bvt_preempts(other->vcpu[0], other->vcpu[1]));
	other->vcpu[1]->sched.virtual_ns++;
	assert_true(bvt_preempts(other->vcpu[0], other->vcpu[1]));
	assert_int_equal(ratelimit(XEN_SYSCTL_SCHEDOP_putinfo, 1000), 0);
	op.u.scheduler_op.cpupool_id = 1;
	assert_int_equal(sysctl(XEN_SYSCTL_scheduler_op), -ESRCH);
}

static long weight(uint32_t cmd, uint16_t weight, uint16_t cap)
{
	dop.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
	dop.u.scheduler_op.cmd = cmd;
	dop.u.scheduler_op.u.credit2.weight = weight;
	dop.u.scheduler_op.u.credit2.cap = cap;
	return domctl(XEN_DOMCTL_scheduler_op, other);
}

static void weights(void **state)
{
	(void)state;
	other->sched.weight = 256;
	assert_int_equal(weight(XEN_DOMCTL_SCHEDOP_putinfo, 512, 1),
			 -EOPNOTSUPP);
	assert_int_equal(weight(XEN_DOMCTL_SCHEDOP_getinfo, 0, 7), 0);
	assert_int_equal(dop.u.scheduler_op.u.credit2.weight, 256);
	assert_int_equal(dop.u.scheduler_op.u.credit2.cap, 0);
	assert_int_equal(weight(XEN_DOMCTL_SCHEDOP_putinfo, 512, 0), 0);
	assert_int_equal(other->sched.weight, 512);
	assert_int_equal(weight(XEN_DOMCTL_SCHEDOP_putinfo, 0, 0), 0);
	assert_int_equal(other->sched.weight, 512);
	assert_int_equal(weight(XEN_DOMCTL_SCHEDOP_getvcpuinfo, 0, 0), -EINVAL);
	dop.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT;
	assert_int_equal(domctl(XEN_DOMCTL_scheduler_op, other), -EINVAL);
}

/* ---- CPU policies ---- */

static xen_cpuid_leaf_t leaves[120];
static uint32_t nr_leaves;

static xen_cpuid_leaf_t *leaf(uint32_t number, uint32_t subleaf)
{
	for (uint32_t i = 0; i < nr_leaves; i++)
		if (leaves[i].leaf == number && leaves[i].subleaf == subleaf)
			return &leaves[i];
	fail_msg("no leaf %x.%x", number, subleaf);
	return NULL;
}

static void policy_get(struct domain *d)
{
	memset(&dop, 0, sizeof(dop));
	dop.u.cpu_policy.nr_leaves = ARRAY_SIZE(leaves);
	dop.u.cpu_policy.nr_msrs = 2;
	dop.u.cpu_policy.leaves.p = (xen_cpuid_leaf_t *)LIST;
	dop.u.cpu_policy.msrs.p = (xen_msr_entry_t *)OTHER;
	assert_int_equal(domctl(XEN_DOMCTL_get_cpu_policy, d), 0);
	nr_leaves = dop.u.cpu_policy.nr_leaves;
	assert_int_equal(dop.u.cpu_policy.nr_msrs, 2);
	get(LIST, leaves, nr_leaves * sizeof(leaves[0]));
}

static long policy_set(void)
{
	put(LIST, leaves, nr_leaves * sizeof(leaves[0]));
	dop.u.cpu_policy.nr_leaves = nr_leaves;
	return domctl(XEN_DOMCTL_set_cpu_policy, other);
}

static void refused(uint32_t number, uint32_t subleaf, long error)
{
	struct domain_cpuid before = other->cpuid;

	assert_int_equal(policy_set(), error);
	assert_int_equal(dop.u.cpu_policy.err_leaf, number);
	assert_int_equal(dop.u.cpu_policy.err_subleaf, subleaf);
	assert_memory_equal(&other->cpuid, &before, sizeof(before));
}

static void policy_comes_back(void **state)
{
	static xen_cpuid_leaf_t first[120];
	uint32_t n;

	(void)state;
	policy_get(other);
	n = nr_leaves;
	memcpy(first, leaves, sizeof(first));
	/* In order, and each once. */
	for (uint32_t i = 1; i < n; i++)
		assert_true(first[i].leaf > first[i - 1].leaf ||
			    first[i].subleaf == first[i - 1].subleaf + 1);
	assert_int_equal(policy_set(), 0);
	policy_get(other);
	assert_int_equal(nr_leaves, n);
	assert_memory_equal(leaves, first, sizeof(first));
}

static void guest_sees_its_policy(void **state)
{
	uint32_t out[4];

	(void)state;
	policy_get(other);
	leaf(0, ~0U)->a = 7;
	leaf(1, ~0U)->a = 0x12345;
	leaf(1, ~0U)->c &= ~(1U << 19); /* SSE4.1 */
	leaf(1, ~0U)->c |= 1U << 3;	/* MONITOR: nobody's */
	leaf(0x80000000, ~0U)->a = 0x80000021;
	assert_int_equal(policy_set(), 0);
	trap_cpuid(other->vcpu[1], 0, 0, out);
	assert_int_equal(out[CPUID_EAX], 7);
	trap_cpuid(other->vcpu[1], 1, 0, out);
	assert_int_equal(out[CPUID_EAX], 0x12345);
	assert_int_equal(out[CPUID_EBX] >> 24, 2);
	assert_int_equal(out[CPUID_ECX] >> 19 & 1, 0);
	assert_int_equal(out[CPUID_ECX] >> 3 & 1, 0);
	assert_int_equal(out[CPUID_ECX] >> 20 & 1, 1);
	assert_int_equal(out[CPUID_ECX] >> 31 & 1, 1);
	trap_cpuid(other->vcpu[1], 0x80000000, 0, out);
	assert_int_equal(out[CPUID_EAX], 0x80000008);
	/* What was taken can be given back. */
	policy_get(other);
	leaf(1, ~0U)->c |= 1U << 19;
	assert_int_equal(policy_set(), 0);
	trap_cpuid(other->vcpu[1], 1, 0, out);
	assert_int_equal(out[CPUID_ECX] >> 19 & 1, 1);
}

/* Without XSAVE no AVX, and nothing to enable. */
static void features_go_together(void **state)
{
	uint32_t out[4];

	(void)state;
	assert_int_equal(trap_xcr0_mask(other), 7);
	policy_get(other);
	leaf(1, ~0U)->c &= ~(1U << 28); /* AVX */
	assert_int_equal(policy_set(), 0);
	assert_int_equal(trap_xcr0_mask(other), 3);
	trap_cpuid(other->vcpu[0], 7, 0, out);
	assert_int_equal(out[CPUID_EBX] >> 5 & 1, 0);
	trap_cpuid(other->vcpu[0], 0xd, 0, out);
	assert_int_equal(out[CPUID_EAX], 3);
	policy_get(other);
	leaf(1, ~0U)->c &= ~(1U << 26); /* XSAVE */
	assert_int_equal(policy_set(), 0);
	assert_int_equal(trap_xcr0_mask(other), 0);
	trap_cpuid(other->vcpu[0], 1, 0, out);
	assert_int_equal(out[CPUID_ECX] >> 26 & 3, 0);
	trap_cpuid(other->vcpu[0], 0xd, 0, out);
	assert_int_equal(out[CPUID_EAX], 0);
}

static void lost_features_are_said(void **state)
{
	(void)state;
	policy_get(other);
	host_console_clear();
	leaf(7, 0)->b |= 1U << 16; /* AVX512F, which the machine has not */
	assert_int_equal(policy_set(), 0);
	assert_non_null(strstr(host_console_text(), "leaf 7"));
}

static void bad_policies(void **state)
{
	xen_msr_entry_t msr[2] = { { .idx = 0xce }, { .idx = 0x10a } };

	(void)state;
	policy_get(other);
	leaf(0, ~0U)->a = 0xe;
	refused(0, ~0U, -EINVAL);
	policy_get(other);
	leaf(0x80000000, ~0U)->a = 0x80000022;
	refused(0x80000000, ~0U, -EINVAL);
	policy_get(other);
	leaf(2, ~0U)->leaf = 0x22;
	refused(0x22, ~0U, -ERANGE);
	policy_get(other);
	leaf(1, ~0U)->subleaf = 0;
	refused(1, 0, -ERANGE);
	policy_get(other);
	leaf(7, 0)->subleaf = 3;
	refused(7, 3, -ERANGE);
	policy_get(other);
	dop.u.cpu_policy.nr_leaves = 121;
	assert_int_equal(domctl(XEN_DOMCTL_set_cpu_policy, other), -E2BIG);
	policy_get(other);
	msr[1].idx = 0x10;
	put(OTHER, msr, sizeof(msr));
	refused(~0U, ~0U, -ERANGE);
	assert_int_equal(dop.u.cpu_policy.err_msr, 0x10);
	msr[1].idx = 0x10a;
	msr[0].val = 1UL << 32;
	put(OTHER, msr, sizeof(msr));
	refused(~0U, ~0U, -EOVERFLOW);
	assert_int_equal(dop.u.cpu_policy.err_msr, 0xce);
	msr[0].flags = 1;
	put(OTHER, msr, sizeof(msr));
	refused(~0U, ~0U, -EINVAL);
	dop.u.cpu_policy.leaves.p = NULL;
	assert_int_equal(domctl(XEN_DOMCTL_set_cpu_policy, other), -EFAULT);
}

static void only_before_it_runs(void **state)
{
	(void)state;
	policy_get(other);
	assert_int_equal(domctl(XEN_DOMCTL_set_cpu_policy, g.d), -EINVAL);
	other->vcpu[1]->sched.runstate.time[RUNSTATE_running] = 1;
	assert_int_equal(policy_set(), -EEXIST);
}

static long machine_policy(uint32_t index, uint32_t room)
{
	memset(&op, 0, sizeof(op));
	op.u.cpu_policy.index = index;
	op.u.cpu_policy.nr_leaves = room;
	if (room)
		op.u.cpu_policy.leaves.p = (xen_cpuid_leaf_t *)LIST;
	long rc = sysctl(XEN_SYSCTL_get_cpu_policy);

	nr_leaves = op.u.cpu_policy.nr_leaves;
	if (!rc && room)
		get(LIST, leaves, nr_leaves * sizeof(leaves[0]));
	return rc;
}

static void policies_of_the_machine(void **state)
{
	static const uint32_t clock[4] = { 0, 0, 0, 1U << 8 };
	uint32_t n;

	(void)state;
	host_cpuid_set(0x80000007, 0, clock);
	trap_cpuid_prepare();
	assert_int_equal(machine_policy(XEN_SYSCTL_cpu_policy_raw, 0), 0);
	assert_int_equal(nr_leaves, 120);
	assert_int_equal(op.u.cpu_policy.nr_msrs, 2);
	assert_int_equal(machine_policy(XEN_SYSCTL_cpu_policy_raw, 120), 0);
	assert_int_equal(leaf(1, ~0U)->c, 0x77fafbff);
	assert_int_equal(machine_policy(XEN_SYSCTL_cpu_policy_pv_max, 120), 0);
	n = nr_leaves;
	assert_int_equal(leaf(1, ~0U)->c & 1U << 3, 0);
	assert_int_equal(leaf(0x80000007, ~0U)->d, 1U << 8);
	assert_int_equal(machine_policy(XEN_SYSCTL_cpu_policy_pv_max, n), 0);
	assert_int_equal(machine_policy(XEN_SYSCTL_cpu_policy_pv_max, n - 1),
			 -ENOBUFS);
	assert_int_equal(machine_policy(XEN_SYSCTL_cpu_policy_pv_default, 120),
			 0);
	assert_int_equal(leaf(0x80000007, ~0U)->d, 0);
	assert_int_equal(machine_policy(XEN_SYSCTL_cpu_policy_hvm_max, 120),
			 -EOPNOTSUPP);
	assert_int_equal(machine_policy(6, 120), -EINVAL);
}

static long featureset(uint32_t index, uint32_t room)
{
	memset(&op, 0, sizeof(op));
	op.u.cpu_featureset.index = index;
	op.u.cpu_featureset.nr_features = room;
	if (room)
		op.u.cpu_featureset.features.p = (uint32_t *)LIST;
	return sysctl(XEN_SYSCTL_get_cpu_featureset);
}

static void featuresets(void **state)
{
	uint32_t words[19];

	(void)state;
	assert_int_equal(featureset(XEN_SYSCTL_cpu_featureset_host, 0), 0);
	assert_int_equal(op.u.cpu_featureset.nr_features, 19);
	assert_int_equal(featureset(XEN_SYSCTL_cpu_featureset_host, 18),
			 -ENOBUFS);
	assert_int_equal(featureset(XEN_SYSCTL_cpu_featureset_host, 19), 0);
	get(LIST, words, sizeof(words));
	assert_int_equal(words[0], 0xbfebfbff);
	assert_int_equal(words[1], 0x77fafbff);
	assert_int_equal(words[5], 0x27ab);
	assert_int_equal(featureset(XEN_SYSCTL_cpu_featureset_pv, 30), 0);
	get(LIST, words, sizeof(words));
	assert_int_equal(words[0] >> 3 & 1, 0); /* PSE */
	assert_int_equal(words[16] | words[17], 0);
	assert_int_equal(featureset(XEN_SYSCTL_cpu_featureset_hvm, 19),
			 -EOPNOTSUPP);
	assert_int_equal(featureset(6, 19), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_for_the_privileged),
		TEST(machine_is_told),
		TEST(where_cpus_sit),
		TEST(lists_end_with_their_room),
		TEST(idle_time_is_without_anybody),
		TEST(log_is_read_in_parts),
		TEST(keys_speak),
		TEST(larger_ring_has_the_text),
		TEST(one_pool),
		TEST(rate_limit),
		TEST(weights),
		TEST(policy_comes_back),
		TEST(guest_sees_its_policy),
		TEST(features_go_together),
		TEST(lost_features_are_said),
		TEST(bad_policies),
		TEST(only_before_it_runs),
		TEST(policies_of_the_machine),
		TEST(featuresets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
