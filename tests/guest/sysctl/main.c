/* SPDX-License-Identifier: MIT */
/*
 * Sysctl: what control software asks of the machine as a whole.
 *
 * Every command of a toolstack begins with these. The caller fills one
 * structure with the operation and the interface's version (another one:
 * -EACCES; a domain without privilege: -EPERM) and gets it back with the
 * answer. Lists go to memory of the caller's, as much as he has room for.
 *
 * The scheduler that is reported is credit2, whatever it is: its number says
 * how to speak to it, in weights. There is one pool of CPUs, number 0.
 *
 * A CPU policy is what CPUID will say to a domain. It is read and written as
 * a list of leaves, and a featureset is an extract of it.
 *
 * The log is read from an index on, of which each answer tells the next. To
 * clear it is to forget what has been read. VIRQ_CON_RING tells that there is
 * more. What this domain writes to the console is no part of it.
 */
#define __XEN_TOOLS__ 1
#include "lodger.h"

/* This header wants the language of GNU. */
#undef __STRICT_ANSI__
#define inline __inline__
#include <xen/sysctl.h>

#define BIT(n) (1U << (n))

static struct xen_sysctl op;

static void clear(void)
{
	memset(&op, 0, sizeof(op));
}

static long sysctl(unsigned int cmd)
{
	op.cmd = cmd;
	op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
	return HV1(sysctl, &op);
}

static void call(void)
{
	clear();
	TEST_RESULT(sysctl(999), -XEN_ENOSYS);
	op.interface_version--;
	TEST_RESULT(HV1(sysctl, &op), -XEN_EACCES);
	TEST_RESULT(HV1(sysctl, 8), -XEN_EFAULT);
}

/* ---- the machine ---- */

static unsigned long pages_free(void)
{
	clear();
	TEST_RESULT(sysctl(XEN_SYSCTL_physinfo), 0);
	return op.u.physinfo.free_pages;
}

static void machine(void)
{
	static xen_sysctl_cputopo_t topology[64];
	static xen_sysctl_meminfo_t memory[2];
	static xen_sysctl_cpuinfo_t cpus[64];
	static uint32_t distance[4];
	unsigned long mhz = shared_info->vcpu_info[0].time.tsc_to_system_mul;
	unsigned int nr, i;

	TEST_ASSERT(pages_free() > 0, "no page is free");
	nr = op.u.physinfo.nr_cpus;
	TEST_ASSERT(nr >= 1 && nr <= 64, "%u CPUs", nr);
	TEST_ASSERT(op.u.physinfo.max_cpu_id + 1 >= nr, "largest CPU %u",
		    op.u.physinfo.max_cpu_id);
	TEST_ASSERT(op.u.physinfo.threads_per_core >= 1 &&
			    op.u.physinfo.cores_per_socket >= 1,
		    "no cores");
	TEST_RESULT(op.u.physinfo.nr_nodes, 1);
	TEST_ASSERT(op.u.physinfo.cpu_khz > 100000 && mhz, "%u kHz",
		    op.u.physinfo.cpu_khz);
	TEST_RESULT(op.u.physinfo.capabilities & XEN_SYSCTL_PHYSCAP_pv,
		    XEN_SYSCTL_PHYSCAP_pv);
	TEST_ASSERT(op.u.physinfo.total_pages >=
			    op.u.physinfo.free_pages + start_info->nr_pages,
		    "%lu pages in all", op.u.physinfo.total_pages);
	TEST_ASSERT(op.u.physinfo.max_mfn >= op.u.physinfo.total_pages - 1,
		    "the last frame is %lx", op.u.physinfo.max_mfn);

	clear();
	TEST_RESULT(sysctl(XEN_SYSCTL_cputopoinfo), 0);
	TEST_RESULT(op.u.cputopoinfo.num_cpus, nr);
	topology[0].node = topology[nr].node = 77;
	op.u.cputopoinfo.num_cpus = 64;
	set_xen_guest_handle(op.u.cputopoinfo.cputopo, topology);
	TEST_RESULT(sysctl(XEN_SYSCTL_cputopoinfo), 0);
	TEST_RESULT(op.u.cputopoinfo.num_cpus, nr);
	TEST_RESULT(topology[0].node, 0);
	TEST_RESULT(topology[nr].node, 77);

	clear();
	op.u.numainfo.num_nodes = 2;
	set_xen_guest_handle(op.u.numainfo.meminfo, memory);
	set_xen_guest_handle(op.u.numainfo.distance, distance);
	TEST_RESULT(sysctl(XEN_SYSCTL_numainfo), 0);
	TEST_RESULT(op.u.numainfo.num_nodes, 1);
	TEST_RESULT(distance[0], 10);
	TEST_ASSERT(memory[0].memfree && memory[0].memfree < memory[0].memsize,
		    "%lu of %lu bytes free", memory[0].memfree,
		    memory[0].memsize);

	clear();
	op.u.availheap.node = -1;
	TEST_RESULT(sysctl(XEN_SYSCTL_availheap), 0);
	TEST_RESULT(op.u.availheap.avail_bytes, memory[0].memfree);

	clear();
	op.u.getcpuinfo.max_cpus = 64;
	set_xen_guest_handle(op.u.getcpuinfo.info, cpus);
	TEST_RESULT(sysctl(XEN_SYSCTL_getcpuinfo), 0);
	TEST_RESULT(op.u.getcpuinfo.nr_cpus, nr);
	for (i = 1; i < nr; i++)
		TEST_ASSERT(cpus[i].idletime, "CPU %u was never idle", i);
}

static void domains(void)
{
	static xen_domctl_getdomaininfo_t info[8];

	clear();
	op.u.getdomaininfolist.max_domains = 8;
	set_xen_guest_handle(op.u.getdomaininfolist.buffer, info);
	TEST_RESULT(sysctl(XEN_SYSCTL_getdomaininfolist), 0);
	TEST_RESULT(op.u.getdomaininfolist.num_domains, 1);
	TEST_RESULT(info[0].domain, 0);
	TEST_RESULT(info[0].tot_pages, start_info->nr_pages);
	TEST_RESULT(info[0].flags & (XEN_DOMINF_running | XEN_DOMINF_dying |
				     XEN_DOMINF_shutdown),
		    XEN_DOMINF_running);
	TEST_RESULT(info[0].shared_info_frame,
		    (unsigned long)start_info->shared_info >> 12);
	op.u.getdomaininfolist.first_domain = 1;
	TEST_RESULT(sysctl(XEN_SYSCTL_getdomaininfolist), 0);
	TEST_RESULT(op.u.getdomaininfolist.num_domains, 0);
	op.u.getdomaininfolist.first_domain = 0;
	op.u.getdomaininfolist.max_domains = 0;
	TEST_RESULT(sysctl(XEN_SYSCTL_getdomaininfolist), 0);
	TEST_RESULT(op.u.getdomaininfolist.num_domains, 0);
}

/* ---- the scheduler ---- */

static long pool(unsigned int what, unsigned int id, unsigned int cpu)
{
	static uint8_t map[8];

	clear();
	memset(map, 0xee, sizeof(map));
	op.u.cpupool_op.op = what;
	op.u.cpupool_op.cpupool_id = id;
	op.u.cpupool_op.cpu = cpu;
	op.u.cpupool_op.cpumap.nr_bits = 32;
	set_xen_guest_handle(op.u.cpupool_op.cpumap.bitmap, map);
	return sysctl(XEN_SYSCTL_cpupool_op) ?: (map[0] | map[4] << 8);
}

static void pools(void)
{
	long all = pool(XEN_SYSCTL_CPUPOOL_OP_INFO, 0, 0);

	TEST_RESULT(all & ~0xfe, 0xee01);
	TEST_RESULT(op.u.cpupool_op.sched_id, XEN_SCHEDULER_CREDIT2);
	TEST_RESULT(op.u.cpupool_op.n_dom, 1);
	TEST_RESULT(pool(XEN_SYSCTL_CPUPOOL_OP_FREEINFO, 0, 0), 0xee00);
	TEST_RESULT(pool(XEN_SYSCTL_CPUPOOL_OP_INFO, 1, 0), -XEN_ENOENT);
	TEST_RESULT(pool(XEN_SYSCTL_CPUPOOL_OP_CREATE, 0, 0), -XEN_EEXIST);
	TEST_RESULT(pool(XEN_SYSCTL_CPUPOOL_OP_DESTROY, 0, 0), -XEN_EBUSY);
	TEST_RESULT(pool(XEN_SYSCTL_CPUPOOL_OP_DESTROY, 1, 0), -XEN_ENOENT);
	TEST_RESULT(pool(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 0, 0), -XEN_ENODEV);
	TEST_RESULT(pool(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 0, 999), -XEN_EINVAL);
	TEST_RESULT(pool(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, 999), -XEN_EINVAL);
	TEST_RESULT(pool(XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, 0, 0), -XEN_EPERM);
	TEST_RESULT(pool(99, 0, 0), -XEN_ENOSYS);
}

static long limit(unsigned int cmd, unsigned int us)
{
	clear();
	op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
	op.u.scheduler_op.cmd = cmd;
	op.u.scheduler_op.u.sched_credit2.ratelimit_us = us;
	return sysctl(XEN_SYSCTL_scheduler_op);
}

static struct xen_domctl dom;

static long weight(unsigned int cmd, unsigned int weight)
{
	memset(&dom, 0, sizeof(dom));
	dom.cmd = XEN_DOMCTL_scheduler_op;
	dom.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	dom.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
	dom.u.scheduler_op.cmd = cmd;
	dom.u.scheduler_op.u.credit2.weight = (uint16_t)weight;
	return HV1(domctl, &dom);
}

static void scheduler(void)
{
	clear();
	TEST_RESULT(sysctl(XEN_SYSCTL_sched_id), 0);
	TEST_RESULT(op.u.sched_id.sched_id, XEN_SCHEDULER_CREDIT2);
	TEST_RESULT(limit(XEN_SYSCTL_SCHEDOP_getinfo, 0), 0);
	TEST_RESULT(op.u.scheduler_op.u.sched_credit2.ratelimit_us, 1000);
	TEST_RESULT(limit(XEN_SYSCTL_SCHEDOP_putinfo, 99), -XEN_EINVAL);
	TEST_RESULT(limit(XEN_SYSCTL_SCHEDOP_putinfo, 2000), 0);
	TEST_RESULT(limit(XEN_SYSCTL_SCHEDOP_getinfo, 0), 0);
	TEST_RESULT(op.u.scheduler_op.u.sched_credit2.ratelimit_us, 2000);
	TEST_RESULT(limit(XEN_SYSCTL_SCHEDOP_putinfo, 1000), 0);
	op.u.scheduler_op.cpupool_id = 1;
	TEST_RESULT(sysctl(XEN_SYSCTL_scheduler_op), -XEN_ESRCH);

	TEST_RESULT(weight(XEN_DOMCTL_SCHEDOP_getinfo, 0), 0);
	TEST_RESULT(dom.u.scheduler_op.u.credit2.weight, 256);
	TEST_RESULT(dom.u.scheduler_op.u.credit2.cap, 0);
	TEST_RESULT(weight(XEN_DOMCTL_SCHEDOP_putinfo, 700), 0);
	TEST_RESULT(weight(XEN_DOMCTL_SCHEDOP_getinfo, 0), 0);
	TEST_RESULT(dom.u.scheduler_op.u.credit2.weight, 700);
	TEST_RESULT(weight(XEN_DOMCTL_SCHEDOP_putinfo, 256), 0);
	TEST_RESULT(weight(XEN_DOMCTL_SCHEDOP_getvcpuinfo, 0), -XEN_EINVAL);
}

/* ---- CPU policies ---- */

static xen_cpuid_leaf_t leaves[256];
static xen_msr_entry_t msrs[16];

static long policy(unsigned int index, unsigned int room)
{
	clear();
	op.u.cpu_policy.index = index;
	op.u.cpu_policy.nr_leaves = room;
	op.u.cpu_policy.nr_msrs = 16;
	if (room) {
		set_xen_guest_handle(op.u.cpu_policy.leaves, leaves);
		set_xen_guest_handle(op.u.cpu_policy.msrs, msrs);
	}
	return sysctl(XEN_SYSCTL_get_cpu_policy);
}

static const xen_cpuid_leaf_t *leaf(unsigned int number, unsigned int subleaf)
{
	unsigned int i;

	for (i = 0; i < op.u.cpu_policy.nr_leaves; i++)
		if (leaves[i].leaf == number && leaves[i].subleaf == subleaf)
			return &leaves[i];
	test_fail("no leaf %x, %x", number, subleaf);
	return leaves;
}

/* What guests get by default, domain 0 has as well. */
static void policy_is_what_cpuid_says(void)
{
	static const unsigned int common[] = { 1, 7, 0x80000001 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(common); i++) {
		unsigned int a = common[i], b, c = 0, d;
		const xen_cpuid_leaf_t *l =
			leaf(a, a == 7 ? 0 : XEN_CPUID_NO_SUBLEAF);

		__asm__ __volatile__(XEN_CPUID
				     : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
		if (common[i] != 7)
			TEST_RESULT(l->a, a);
		TEST_RESULT(l->c & ~c, 0);
	}
}

static void policies(void)
{
	unsigned int nr, i;

	TEST_RESULT(policy(XEN_SYSCTL_cpu_policy_pv_max, 0), 0);
	TEST_RESULT(op.u.cpu_policy.nr_leaves, 120);
	TEST_RESULT(op.u.cpu_policy.nr_msrs, 2);
	TEST_RESULT(policy(XEN_SYSCTL_cpu_policy_pv_max, 256), 0);
	nr = op.u.cpu_policy.nr_leaves;
	TEST_ASSERT(nr > 10 && nr <= 120, "%u leaves", nr);
	for (i = 1; i < nr; i++)
		TEST_ASSERT(
			leaves[i].leaf > leaves[i - 1].leaf ||
				leaves[i].subleaf == leaves[i - 1].subleaf + 1,
			"leaf %x after %x", leaves[i].leaf, leaves[i - 1].leaf);
	TEST_RESULT(policy(XEN_SYSCTL_cpu_policy_pv_max, 3), -XEN_ENOBUFS);
	TEST_RESULT(policy(XEN_SYSCTL_cpu_policy_pv_default, 256), 0);
	policy_is_what_cpuid_says();
	TEST_RESULT(leaf(1, XEN_CPUID_NO_SUBLEAF)->d & BIT(3), 0);
	TEST_RESULT(policy(XEN_SYSCTL_cpu_policy_raw, 256), 0);
	TEST_RESULT(policy(6, 256), -XEN_EINVAL);
	op.u.cpu_policy.index = 0;
	op.u.cpu_policy._rsvd = 1;
	TEST_RESULT(sysctl(XEN_SYSCTL_get_cpu_policy), -XEN_EINVAL);
}

static void featureset(void)
{
	static uint32_t words[32];

	clear();
	TEST_RESULT(sysctl(XEN_SYSCTL_get_cpu_featureset), 0);
	TEST_RESULT(op.u.cpu_featureset.nr_features, 19);
	op.u.cpu_featureset.index = XEN_SYSCTL_cpu_featureset_pv;
	op.u.cpu_featureset.nr_features = 32;
	set_xen_guest_handle(op.u.cpu_featureset.features, words);
	TEST_RESULT(sysctl(XEN_SYSCTL_get_cpu_featureset), 0);
	TEST_RESULT(op.u.cpu_featureset.nr_features, 19);
	/* FPU and PAE, but no PSE. */
	TEST_RESULT(words[0] & (BIT(0) | BIT(3) | BIT(6)), BIT(0) | BIT(6));
	op.u.cpu_featureset.nr_features = 18;
	TEST_RESULT(sysctl(XEN_SYSCTL_get_cpu_featureset), -XEN_ENOBUFS);
	op.u.cpu_featureset.index = 6;
	TEST_RESULT(sysctl(XEN_SYSCTL_get_cpu_featureset), -XEN_EINVAL);
}

/* ---- the log ---- */

static char text[65537];

static unsigned int log_read(int clear_it, int from, unsigned int index,
			     unsigned int count)
{
	clear();
	op.u.readconsole.clear = (uint8_t)clear_it;
	op.u.readconsole.incremental = (uint8_t)from;
	op.u.readconsole.index = index;
	op.u.readconsole.count = count;
	set_xen_guest_handle(op.u.readconsole.buffer, text);
	TEST_RESULT(sysctl(XEN_SYSCTL_readconsole), 0);
	TEST_ASSERT(op.u.readconsole.count <= count, "%u of %u characters",
		    op.u.readconsole.count, count);
	text[op.u.readconsole.count] = '\0';
	return op.u.readconsole.index;
}

static long press(const char *keys)
{
	clear();
	op.u.debug_keys.nr_keys = (uint32_t)strlen(keys);
	set_xen_guest_handle(op.u.debug_keys.keys, keys);
	return sysctl(XEN_SYSCTL_debug_keys);
}

static void the_log(void)
{
	static char first[16];
	unsigned int end, at;
	long port = event_bind_virq(VIRQ_CON_RING, 0);

	TEST_ASSERT(port > 0, "bind_virq %ld", port);
	log_read(0, 0, 0, 8);
	memcpy(first, text, 9);
	TEST_RESULT(strlen(first), 8);
	at = log_read(0, 1, 0, 4);
	log_read(0, 1, at, 4);
	TEST_RESULT(memcmp(text, first + 4, 4), 0);
	/* No text has that index: from the beginning. */
	log_read(0, 1, at + 1000000, 8);
	TEST_RESULT(memcmp(text, first, 8), 0);
	/* What is cleared is what was read. */
	log_read(1, 0, 0, 4);
	log_read(0, 0, 0, 4);
	TEST_RESULT(memcmp(text, first + 4, 4), 0);
	end = log_read(1, 0, 0, 65536);
	log_read(0, 0, 0, 65536);
	TEST_RESULT(op.u.readconsole.count, 0);
	TEST_RESULT(op.u.readconsole.index, end);

	event_clear((unsigned int)port);
	TEST_RESULT(press("hm"), 0);
	TEST_RESULT(event_unmask((unsigned int)port), 0);
	while (!event_upcall_count)
		event_block();
	at = log_read(0, 1, end, 65536);
	TEST_ASSERT(strstr(text, "'h'") && strstr(text, "emory") &&
			    strstr(text, " free"),
		    "no help in the log");
	TEST_RESULT(at - end, op.u.readconsole.count);
	printf("this line is not in the log\n");
	TEST_RESULT(log_read(0, 1, at, 65536), at);
	op.u.debug_keys.nr_keys = 1;
	set_xen_guest_handle(op.u.debug_keys.keys, NULL);
	TEST_RESULT(sysctl(XEN_SYSCTL_debug_keys), -XEN_EFAULT);
}

void test_main(void)
{
	if (!is_initial_domain()) {
		clear();
		TEST_RESULT(sysctl(XEN_SYSCTL_physinfo), -XEN_EPERM);
		return;
	}
	event_init();
	call();
	machine();
	domains();
	pools();
	scheduler();
	policies();
	featureset();
	the_log();
}
