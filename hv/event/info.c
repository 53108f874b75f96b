/* SPDX-License-Identifier: MIT */
/*
 * Where a vcpu's vcpu_info lies: at first in shared_info, then in a page of
 * the guest's choice. Senders on other CPUs may be at work on the old one
 * while it moves. Whoever wrote there had set the port's own bit before; with
 * the whole selector set in the new place, the guest comes upon it.
 */
#include "errno.h"
#include "event/port.h"
#include "frame/frame.h"

static int info_move(struct vcpu *v, struct frame *f, uint32_t offset)
{
	const struct domain_event *e = &v->domain->event;
	struct vcpu_info *new, copy;

	if (v->info_frame || !frame_get_writable(f, v->domain))
		return -EINVAL;
	new = (struct vcpu_info *)((char *)frame_ptr(f) + offset);
	/* The new place may overlap the old: a page of its choice. */
	copy = *v->info;
	guest_write(v->domain, new, &copy, sizeof(copy));
	v->info_frame = f;
	__atomic_store_n(&v->info, new, __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < e->level_ports; i += 1U << e->selector_port)
		(void)shared_set_bit((uint64_t *)new,
				     e->selector + (i >> e->selector_port));
	if (!shared_xchg8(&new->evtchn_upcall_pending, 1))
		event_kick(v);
	return 0;
}

int event_vcpu_info_move(struct vcpu *v, guest_mfn_t m, uint32_t offset)
{
	struct frame *f = frame_lookup(m);
	struct event_locked l;
	int error;

	if (!f || offset % sizeof(uint64_t) ||
	    offset > PAGE_SIZE - sizeof(struct vcpu_info))
		return -EINVAL;
	l = event_lock(v->domain);
	error = info_move(v, f, offset);
	event_unlock(l);
	return error;
}

void event_vcpu_info_reset(struct vcpu *v)
{
	struct frame *f = v->info_frame;

	if (!f)
		return;
	v->info = &v->domain->shared->vcpu_info[v->id];
	v->info_frame = NULL;
	frame_put_writable(f);
}
