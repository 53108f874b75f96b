/* SPDX-License-Identifier: MIT */
/*
 * vm_assist: ways of behaving that a guest may choose. Some need nothing from
 * a 64-bit guest's hypervisor (4 GiB segments, extended CR3); writes to page
 * tables are emulated whether it asks or not. Those that other rooms look at:
 * the guest's own IOPL in saved flags, the flag of runstate updates.
 * And which roots show the machine-to-physical table (m2p_strict; mm/entry.h).
 */
#include "call/call.h"
#include "mm/mm.h"

/* vm_assist(cmd, type) */
long hc_vm_assist(struct vcpu *v, struct call_args *args)
{
	unsigned int cmd = (unsigned int)args->a[0];
	unsigned int type = (unsigned int)args->a[1];
	struct mm_locked m;

	if (type >= 64 || !(mm_assists >> type & 1))
		return -EINVAL;
	if (cmd != VMASST_CMD_enable && cmd != VMASST_CMD_disable)
		return -ENOSYS;
	m = mm_lock(v->domain);
	if (cmd == VMASST_CMD_enable)
		m.d->mm.vm_assist |= 1UL << type;
	else
		m.d->mm.vm_assist &= ~(1UL << type);
	mm_unlock(m);
	return 0;
}
