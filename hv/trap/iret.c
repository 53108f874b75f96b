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
#include "trap/width.h"

/* The NMI's handler has ended: another may come. */
aside void trap_nmi_unmask(struct vcpu *v)
{
	v->trap.nmi_masked = false;
	if (v->trap.nmi_pending) {
		v->trap.nmi_pending = false;
		atomic32_or(&v->work, VCPU_WORK_NMI);
	}
}

/*
 * rcx, r11 and rax go where they belong at once: what they had before is that
 * of the SYSCALL that brought us here.
 */
static inline bool frame_load(struct cpu_user_regs *regs,
			      struct iret_context *c)
{
	unsigned int tries = ARCH_WORDS_TRIES, failed;
	uint64_t sp = regs->rsp;

	do {
		failed = 0;
		if (unlikely(!arch_words_begin(sp)))
			return false;
		arch_word_load(sp, 0, regs->rax, failed);
		arch_word_load(sp, 8, regs->r11, failed);
		arch_word_load(sp, 16, regs->rcx, failed);
		arch_word_load(sp, 24, c->flags, failed);
		arch_word_load(sp, 32, c->rip, failed);
		arch_word_load(sp, 40, c->cs, failed);
		arch_word_load(sp, 48, c->rflags, failed);
		arch_word_load(sp, 56, c->rsp, failed);
		arch_word_load(sp, 64, c->ss, failed);
		arch_words_end();
	} while (unlikely(failed) && --tries);
	return !failed;
}

static aside void no_user_root(struct vcpu *v)
{
	domain_crash(v->domain,
		     "vcpu %u: iret to user mode without page tables for it "
		     "(from rip %#lx)",
		     v->id, v->regs->rip);
}

static aside void not_canonical(struct vcpu *v, bool user)
{
	if (user)
		trap_mode_set(v, false);
	trap_reflect(v, VECTOR_GP, true, 0);
}

void trap_iret(struct vcpu *v)
{
	struct cpu_user_regs *regs = v->regs;
	struct iret_context c;
	bool user;

	if (unlikely(!frame_load(regs, &c))) {
		domain_crash(v->domain,
			     "vcpu %u: no frame for iret at %#lx (from rip "
			     "%#lx)",
			     v->id, regs->rsp, regs->rip);
		return;
	}
	user = (c.cs & 3) == 3 || (c.flags & VGCF_in_syscall);
	if (unlikely(user && !v->mm.root_user)) {
		no_user_root(v);
		return;
	}
	regs->rip = c.rip;
	regs->rsp = c.rsp;
	regs->rflags = (c.rflags & EFLAGS_GUEST) | EFLAGS_IF | EFLAGS_ONE;
	regs->cs = trap_selector_fix((uint16_t)c.cs);
	regs->ss = trap_selector_fix((uint16_t)c.ss);
	if (c.flags & VGCF_in_syscall) {
		/* As SYSRET leaves them, which can then be used. */
		regs->rcx = regs->rip;
		regs->r11 = regs->rflags;
		regs->cs = FLAT_USER_CS64;
		regs->ss = FLAT_USER_SS64;
	}
	iret_virtual(v, c.rflags);
	if (unlikely(!address_is_canonical(c.rip)))
		not_canonical(v, user);
	else if (user)
		trap_mode_set(v, false);
}
