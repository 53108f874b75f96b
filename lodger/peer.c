/* SPDX-License-Identifier: MIT */
/*
 * The peer, and how another domain orders it about. An order is numbered: the
 * peer has obeyed when it has written the number to done.
 */
#include "lodger.h"

#define PATIENCE (30 * SECOND)

struct peer_box *box;
int peer_built;
static grant_handle_t box_handle;

/* ---- the peer ---- */

static uint64_t obey(struct peer_box *mine)
{
	const uint64_t *arg = mine->arg;

	switch (mine->what) {
	case PEER_CALL:
		return (uint64_t)hypercall(HV_ARG(arg[0]), HV_ARG(arg[1]),
					   HV_ARG(arg[2]), HV_ARG(arg[3]),
					   HV_ARG(arg[4]), HV_ARG(arg[5]));
	case PEER_READ:
		memcpy(mine->room, (void *)HV_ARG(arg[0]), HV_ARG(arg[1]));
		return 0;
	case PEER_WRITE:
		memcpy((void *)HV_ARG(arg[0]), mine->room, HV_ARG(arg[1]));
		return 0;
	case PEER_CRASH:
		__asm__ __volatile__("ud2");
		return 0;
	default:
		return 0;
	}
}

void peer_serve(void)
{
	struct peer_box *mine = page_alloc();
	unsigned int i;
	void *page;

	for (i = 0; i < PEER_PAGES; i++) {
		page = page_alloc();
		mine->page[i] = (unsigned long)page;
		mine->mfn[i] = virt_to_mfn(page);
	}
	mine->room_at = (unsigned long)mine->room;
	mine->table = GRANT_TABLE;
	TEST_RESULT(grant_setup(1, 1), 0);
	barrier();
	mine->ready = 1;
	grant_access(GRANT_FIRST, 0, virt_to_mfn(mine), 0);
	while (mine->what != PEER_END || mine->order != mine->done) {
		if (mine->order == mine->done) {
			HYPERVISOR_sched_op(SCHEDOP_yield, 0);
			continue;
		}
		mine->result = obey(mine);
		barrier();
		mine->done = mine->order;
	}
}

/* ---- who tells it ---- */

#ifdef __i386__
static domid_t build_peer(void)
{
	return 0;
}
#else
static domid_t build_peer(void)
{
	static struct child child;

	if (!child_image())
		return 0;
	TEST_RESULT(child_create(&child, 1024, "peer"), 0);
	TEST_RESULT(control_unpause(child.dom), 0);
	peer_built = 1;
	return child.dom;
}
#endif

static domid_t other_domain(void)
{
	unsigned int unused, limit;

	if (grant_query(1, &unused, &limit) != GNTST_bad_domain)
		return 1;
	return build_peer();
}

domid_t peer_find(void)
{
	char *window = grant_window(0);
	uint64_t end = clock_now() + PATIENCE;
	domid_t dom = other_domain();
	long status;

	if (!dom)
		return 0;
	do {
		status = grant_map_at(dom, GRANT_FIRST, 0, window, &box_handle);
		TEST_ASSERT(clock_now() < end, "the peer's box: %ld", status);
		if (status)
			HYPERVISOR_sched_op(SCHEDOP_yield, 0);
	} while (status);
	box = (struct peer_box *)window;
	TEST_RESULT(box->ready, 1);
	return dom;
}

void peer_forget(void)
{
	TEST_RESULT(grant_unmap_at(box_handle, box), GNTST_okay);
	box = NULL;
}

static uint64_t order(unsigned int what)
{
	uint64_t end = clock_now() + PATIENCE;

	box->what = what;
	barrier();
	box->order++;
	while (box->done != box->order) {
		TEST_ASSERT(clock_now() < end, "the peer does nothing");
		HYPERVISOR_sched_op(SCHEDOP_yield, 0);
	}
	return box->result;
}

long peer_call(unsigned long op, uint64_t a1, uint64_t a2, uint64_t a3)
{
	memset(box->arg, 0, sizeof(box->arg));
	box->arg[0] = op;
	box->arg[1] = a1;
	box->arg[2] = a2;
	box->arg[3] = a3;
	return (long)order(PEER_CALL);
}

long peer_grant_op(unsigned int cmd, void *op, size_t size)
{
	long rc;

	memcpy(box->room, op, size);
	rc = peer_call(__HYPERVISOR_grant_table_op, cmd, box->room_at, 1);
	memcpy(op, box->room, size);
	return rc;
}

void peer_read(uint64_t from, void *to, size_t n)
{
	box->arg[0] = from;
	box->arg[1] = n;
	order(PEER_READ);
	memcpy(to, box->room, n);
}

void peer_write(uint64_t to, const void *from, size_t n)
{
	memcpy(box->room, from, n);
	box->arg[0] = to;
	box->arg[1] = n;
	order(PEER_WRITE);
}

void peer_access(grant_ref_t ref, domid_t dom, uint64_t mfn, unsigned int flags)
{
	uint64_t at = box->table + ref * sizeof(grant_entry_v1_t);
	grant_entry_v1_t entry;

	entry.flags = (uint16_t)flags;
	entry.domid = dom;
	entry.frame = (uint32_t)mfn;
	peer_write(at + 2, (char *)&entry + 2, 6);
	peer_write(at, &entry, 2);
}

unsigned int peer_flags(grant_ref_t ref)
{
	uint16_t flags;

	peer_read(box->table + ref * sizeof(grant_entry_v1_t), &flags, 2);
	return flags;
}

void peer_tell(unsigned int what)
{
	box->what = what;
	barrier();
	box->order++;
}
