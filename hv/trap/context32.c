/* SPDX-License-Identifier: MIT */
/*
 * The context of a 32-bit vcpu, in the form of a 64-bit one: registers become
 * wider, addresses of callbacks get their selectors, the root's number is
 * unpacked. What is 64-bit only stays zero.
 */
#include "lib/string.h"
#include "trap/width.h"

bool trap_context_ok32(const struct vcpu_guest_context *c)
{
	(void)c;
	return true;
}

/* The code selector tells the ring, as always with such a guest. */
void trap_context_mode32(struct vcpu *v, bool kernel)
{
	(void)kernel;
	v->trap.kernel_mode = false;
	v->regs->cs = trap_code_selector32(v->regs->cs);
	if (!(v->regs->ss & 3))
		v->regs->ss |= 1;
}

static void widen_registers(struct cpu_user_regs *w,
			    const struct cpu_user_regs_x86_32 *n)
{
#define WIDER(wide, narrow) w->wide = n->narrow
	memset(w, 0, sizeof(*w));
	WIDER(rax, eax), WIDER(rbx, ebx), WIDER(rcx, ecx), WIDER(rdx, edx);
	WIDER(rsi, esi), WIDER(rdi, edi), WIDER(rbp, ebp), WIDER(rsp, esp);
	WIDER(rip, eip), WIDER(rflags, eflags), WIDER(cs, cs), WIDER(ss, ss);
	WIDER(ds, ds), WIDER(es, es), WIDER(fs, fs), WIDER(gs, gs);
#undef WIDER
}

static void widen_gates(struct trap_info *w, const struct trap_info_x86_32 *n)
{
	for (unsigned int i = 0; i < 256; i++)
		w[i] = (struct trap_info){
			.vector = n[i].vector,
			.flags = n[i].flags,
			.cs = n[i].cs,
			.address = n[i].address,
		};
}

static void widen_tables(struct vcpu_guest_context *w,
			 const struct vcpu_guest_context_x86_32 *n)
{
	w->ldt_base = n->ldt_base;
	w->ldt_ents = n->ldt_ents;
	w->gdt_ents = n->gdt_ents;
	for (unsigned int i = 0; i < ARRAY_SIZE(n->gdt_frames); i++)
		w->gdt_frames[i] = n->gdt_frames[i];
	for (unsigned int i = 0; i < ARRAY_SIZE(n->debugreg); i++)
		w->debugreg[i] = n->debugreg[i];
	w->ctrlreg[0] = n->ctrlreg[0];
	w->ctrlreg[3] = (uint64_t)xen_cr3_to_pfn_x86_32(n->ctrlreg[3])
			<< PAGE_SHIFT;
	w->ctrlreg[4] = n->ctrlreg[4];
}

void trap_context_widen(struct vcpu_guest_context *w,
			const struct vcpu_guest_context_x86_32 *n)
{
	memset(w, 0, sizeof(*w));
	memcpy(&w->fpu_ctxt, &n->fpu_ctxt, sizeof(w->fpu_ctxt));
	w->flags = n->flags;
	widen_registers(&w->user_regs, &n->user_regs);
	widen_gates(w->trap_ctxt, n->trap_ctxt);
	widen_tables(w, n);
	w->kernel_ss = n->kernel_ss;
	w->kernel_sp = n->kernel_sp;
	w->event_callback_eip =
		(uint64_t)n->event_callback_cs << 32 | n->event_callback_eip;
	w->failsafe_callback_eip = (uint64_t)n->failsafe_callback_cs << 32 |
				   n->failsafe_callback_eip;
	w->vm_assist = n->vm_assist;
}
