/* SPDX-License-Identifier: MIT */
/*
 * Out of the guest's kernel: the iret hypercall
 *
 * The guest's wish lies on its stack (struct iret_context). Registers, mode
 * and event mask change together, so that there is no moment between
 * "unmask" and "return". What the frame holds is hostile:
 *
 *   - selectors get RPL 3. That is enough: to load CS or SS at RPL 3 the
 *     processor wants a descriptor of DPL 3, of which we have only the flat
 *     ones, and refuses all others with a #GP in our return path, which the
 *     guest hears of by its failsafe callback (entry code, trap_failsafe);
 *   - of rflags only what EFLAGS_GUEST names is taken, IF is on;
 *   - rip must be canonical, because SYSRET to another address faults in
 *     ring 0 on some processors and IRET on others: the guest gets its #GP
 *     instead, as if it had jumped there;
 *   - a return to user mode needs a user root.
 */
#include "arch.h"
#include "frame/frame.h"
#include "processor.h"
#include "trap/trap.h"

/* rcx, r11, cs and ss of the frame are ignored: as SYSRET leaves them. */
static void load_syscall(struct cpu_user_regs *regs)
{
	regs->rcx = regs->rip;
	regs->r11 = regs->rflags;
	regs->cs = FLAT_USER_CS64;
	regs->ss = FLAT_USER_SS64;
}

static void load_full(struct cpu_user_regs *regs, const struct iret_context *c)
{
	regs->rcx = c->rcx;
	regs->r11 = c->r11;
	regs->cs = trap_selector_fix((uint16_t)c->cs);
	regs->ss = trap_selector_fix((uint16_t)c->ss);
}

static void load_virtual(struct vcpu *v, uint64_t rflags)
{
	shared_store8(&v->info->evtchn_upcall_mask, !(rflags & EFLAGS_IF));
	v->trap.nmi_masked = false;
	if (unlikely(v->trap.nmi_pending)) {
		v->trap.nmi_pending = false;
		atomic32_or(&v->work, VCPU_WORK_NMI);
	}
	if (v->domain->mm.vm_assist & 1U << VMASST_TYPE_architectural_iopl)
		v->trap.iopl = rflags >> EFLAGS_IOPL_SHIFT & 3;
}

void trap_iret(struct vcpu *v)
{
	struct cpu_user_regs *regs = v->regs;
	struct iret_context c;
	bool user;

	if (unlikely(guest_copy_from(&c, regs->rsp, sizeof(c)))) {
		domain_crash(v->domain,
			     "vcpu %u: no frame for iret at %#lx (from rip "
			     "%#lx)",
			     v->id, regs->rsp, regs->rip);
		return;
	}
	user = (c.cs & 3) == 3 || (c.flags & VGCF_in_syscall);
	if (unlikely(user && !v->mm.root_user)) {
		domain_crash(v->domain,
			     "vcpu %u: iret to user mode without page tables "
			     "for it (from rip %#lx)",
			     v->id, regs->rip);
		return;
	}
	regs->rax = c.rax;
	regs->rip = c.rip;
	regs->rsp = c.rsp;
	regs->rflags = (c.rflags & EFLAGS_GUEST) | EFLAGS_IF | EFLAGS_ONE;
	if (c.flags & VGCF_in_syscall)
		load_syscall(regs);
	else
		load_full(regs, &c);
	load_virtual(v, c.rflags);
	if (user)
		trap_mode_set(v, false);
	if (unlikely(!address_is_canonical(c.rip)))
		trap_reflect(v, VECTOR_GP, true, 0);
}
