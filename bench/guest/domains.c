/* SPDX-License-Identifier: MIT */
/*
 * Another domain: grants of its pages, events to it, and its creation. It is
 * this program again, from our ramdisk, built by hypercalls.
 */
#include "bench.h"

#define PAGES 1024
#define REF   GRANT_FIRST
#define BATCH 32
/* The first port that there is; its parent makes it. */
#define CHILDS_PORT 1
#define CHUNK	    512 /* pages of an extent, as tools ask for memory */
#define SAMPLES	    8

static struct child child;
static gnttab_map_grant_ref_t maps[BATCH];
static gnttab_unmap_grant_ref_t unmaps[BATCH];
static gnttab_copy_t copies[BATCH];
static evtchn_send_t send;

static void set_callback(const char *handler)
{
	struct callback_register call;

	memset(&call, 0, sizeof(call));
	call.type = CALLBACKTYPE_event;
	call.address = (unsigned long)handler;
	TEST_RESULT(HYPERVISOR_callback_op(CALLBACKOP_register, &call), 0);
}

static void listen(unsigned int port)
{
	event_clear(port);
	handled_word = &shared_info->evtchn_pending[port / 64];
	set_callback(handle_upcall);
	TEST_RESULT(event_unmask(port), 0);
}

static long block(void)
{
	return call2(__HYPERVISOR_sched_op, SCHEDOP_block, 0);
}

/* ---- the child answers each event ---- */

void bench_child(void)
{
	send.port = CHILDS_PORT;
	listen(CHILDS_PORT);
	for (;;) {
		block();
		events_off();
		call2(__HYPERVISOR_event_channel_op, EVTCHNOP_send,
		      HV_ARG(&send));
	}
}

/*
 * There and back: each way a send, the sender's block, the other domain, and
 * its upcall. Masked, so that the answer cannot come before we sleep.
 */
static long ping(void)
{
	call2(__HYPERVISOR_event_channel_op, EVTCHNOP_send, HV_ARG(&send));
	return block();
}

static void before_ping(void)
{
	events_off();
}

/* ---- grants ---- */

static long map_unmap(unsigned int n)
{
	long rc = call3(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref,
			HV_ARG(maps), n);
	unsigned int i;

	for (i = 0; i < n; i++)
		unmaps[i].handle = maps[i].handle;
	rc |= call3(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref,
		    HV_ARG(unmaps), n);
	return rc | maps[n - 1].status | unmaps[n - 1].status;
}

static long map_one(void)
{
	return map_unmap(1);
}

static long map_batch(void)
{
	return map_unmap(BATCH);
}

static long copy(unsigned int n)
{
	return call3(__HYPERVISOR_grant_table_op, GNTTABOP_copy, HV_ARG(copies),
		     n) |
	       copies[n - 1].status;
}

static long copy_one(void)
{
	return copy(1);
}

static long copy_batch(void)
{
	return copy(BATCH);
}

static void set_length(unsigned int length)
{
	unsigned int i;

	for (i = 0; i < BATCH; i++)
		copies[i].len = (uint16_t)length;
}

static void setup_1k(void)
{
	set_length(1024);
}

static void setup_4k(void)
{
	set_length(4096);
}

/* Entries of the child's table for us, as tools write them. */
static void give_grants(void)
{
	grant_entry_v1_t *table;
	xen_pfn_t mfn;
	unsigned int i;

	TEST_RESULT(control_grant_frame(child.dom, &mfn), 0);
	table = control_map(0, child.dom, &mfn, 1);
	for (i = 0; i < BATCH; i++) {
		table[REF + i].domid = 0;
		table[REF + i].frame = (uint32_t)child.frame[PAGES - 1 - i];
		table[REF + i].flags = GTF_permit_access;
	}
	control_unmap(0, 1);
}

static void fill_batches(void)
{
	void *page = page_alloc();
	unsigned int i;

	for (i = 0; i < BATCH; i++) {
		maps[i].host_addr = HV_ARG(grant_window(i));
		unmaps[i].host_addr = maps[i].host_addr;
		maps[i].flags = GNTMAP_host_map;
		maps[i].ref = REF + i;
		maps[i].dom = child.dom;
		copies[i].flags = GNTCOPY_dest_gref;
		copies[i].source.domid = DOMID_SELF;
		copies[i].source.u.gmfn = virt_to_mfn(page);
		copies[i].dest.domid = child.dom;
		copies[i].dest.u.ref = REF + i;
	}
}

/* ---- creation and end ---- */

static unsigned long pages_each;
static domid_t newest; /* 0: none */

/* What tools ask for before they write into a domain's memory. */
static long create(void)
{
	static xen_pfn_t frames[64];
	unsigned long done;
	unsigned int n, i;

	TEST_RESULT(control_create(&newest), 0);
	TEST_RESULT(control_limits(newest, pages_each), 0);
	for (done = 0; done < pages_each; done += (unsigned long)n * CHUNK) {
		n = ARRAY_SIZE(frames);
		if (n > (pages_each - done) / CHUNK)
			n = (unsigned int)((pages_each - done) / CHUNK);
		for (i = 0; i < n; i++)
			frames[i] = done + (unsigned long)i * CHUNK;
		TEST_RESULT(control_populate(newest, 9, n, frames), n);
	}
	return 0;
}

/* Until nobody knows it. */
static long destroy(void)
{
	xen_domctl_getdomaininfo_t info;

	TEST_RESULT(control_destroy(newest), 0);
	while (control_info(newest, &info) == 0)
		HYPERVISOR_sched_op(SCHEDOP_yield, 0);
	newest = 0;
	return 0;
}

static void before_create(void)
{
	if (newest)
		destroy();
}

static void before_destroy(void)
{
	create();
}

static const struct operation lives_128m[] = {
	{ "domain_create_128m", create, .runs = 8, .before = before_create,
	  .cleanup = before_create },
	{ "domain_destroy_128m", destroy, .runs = 8, .before = before_destroy }
};

static const struct operation lives_4g[] = {
	{ "domain_create_4g", create, .runs = 2, .before = before_create,
	  .cleanup = before_create },
	{ "domain_destroy_4g", destroy, .runs = 2, .before = before_destroy }
};

static void lives(const struct operation *list, unsigned long mib)
{
	pages_each = mib * 256;
	measure(list, 2);
}

static int fits(unsigned long mib)
{
	return control_free_pages() / 256 > mib + mib / 16;
}

static const struct operation grants[] = {
	{ "grant_map_unmap", map_one, .want = 0 },
	{ "grant_map_unmap_32", map_batch, .per = BATCH },
	{ "grant_copy_1k", copy_one, .setup = setup_1k },
	{ "grant_copy_4k", copy_one, .setup = setup_4k },
	{ "grant_copy_4k_32", copy_batch, .per = BATCH, .setup = setup_4k }
};

static const struct operation events[] = { { "event_domain", ping, .per = 2,
					     .before = before_ping } };

/* The child has a port to us, and waits. */
static void start_child(void)
{
	xen_domctl_getdomaininfo_t info;
	evtchn_alloc_unbound_t port;

	TEST_RESULT(child_create(&child, PAGES, "child"), 0);
	give_grants();
	memset(&port, 0, sizeof(port));
	port.dom = child.dom;
	TEST_RESULT(HYPERVISOR_event_channel_op(EVTCHNOP_alloc_unbound, &port),
		    0);
	TEST_RESULT(port.port, CHILDS_PORT);
	send.port =
		(evtchn_port_t)event_bind_interdomain(child.dom, CHILDS_PORT);
	TEST_RESULT(control_unpause(child.dom), 0);
	do {
		HYPERVISOR_sched_op(SCHEDOP_yield, 0);
		TEST_RESULT(control_info(child.dom, &info), 0);
	} while (!(info.flags & XEN_DOMINF_blocked));
}

void bench_domains(void)
{
	if (!child_image())
		return;
	lives(lives_128m, 128);
	if (fits(4096))
		lives(lives_4g, 4096);
	start_child();
	fill_batches();
	measure(grants, ARRAY_SIZE(grants));
	listen(send.port);
	measure(events, ARRAY_SIZE(events));
	events_off();
	set_callback(upcall_entry);
	child_destroy(&child);
}
