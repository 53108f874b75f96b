/* SPDX-License-Identifier: MIT */
/*
 * The iret hypercall of a 32-bit kernel, which mostly returns by the
 * instruction itself: this is for what must come with a change of the event
 * mask, or ends an NMI. The frame, by what the hypercall page has pushed:
 *
 *	eax eip cs eflags [esp ss]
 *
 * esp and ss are there for a return to another ring. What it holds is
 * hostile: ring 0 becomes ring 1, and what the processor refuses to load then
 * is the guest's to hear of by its failsafe callback; of eflags only what
 * EFLAGS_GUEST names is taken, which leaves out virtual-8086 mode (there is
 * none under a 64-bit hypervisor) and the real IOPL.
 */
#include "mm/mm.h"
#include "trap/width.h"

struct iret32 {
	uint32_t eax, eip, cs, eflags;
};

struct stack32 {
	uint32_t esp, ss;
};

static uint16_t not_ring0(uint16_t selector)
{
	return selector & 3 ? selector : selector | 1;
}

static int stack_read(const struct iret32 *f, uint64_t va, uint32_t sp,
		      struct stack32 *out)
{
	bool other_ring = (f->cs & 3) > 1;

	out->esp = sp + (uint32_t)sizeof(*f);
	if (!other_ring)
		return 0;
	return guest_copy_from(out, (uint32_t)(va + sizeof(*f)), sizeof(*out));
}

void trap_iret32(struct vcpu *v)
{
	struct cpu_user_regs *regs = v->regs;
	uint32_t sp = (uint32_t)regs->rsp;
	uint64_t va = (uint32_t)(mm_segment_base(v, regs->ss) + sp);
	struct stack32 stack = { .ss = regs->ss };
	struct iret32 f;

	if (guest_copy_from(&f, va, sizeof(f)) ||
	    stack_read(&f, va, sp, &stack)) {
		domain_crash(v->domain,
			     "vcpu %u: no frame for iret at %#lx (from eip "
			     "%#lx)",
			     v->id, va, regs->rip);
		return;
	}
	regs->rax = f.eax;
	regs->rip = f.eip;
	regs->cs = trap_code_selector32((uint16_t)f.cs);
	regs->rflags = (f.eflags & EFLAGS_GUEST) | EFLAGS_IF | EFLAGS_ONE;
	regs->rsp = stack.esp;
	regs->ss = not_ring0((uint16_t)stack.ss);
	iret_virtual(v, f.eflags);
}
