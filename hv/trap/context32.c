/* SPDX-License-Identifier: MIT */
/*
 * The context of a 32-bit vcpu, in the form of a 64-bit one and back: registers
 * become wider, addresses of callbacks get their selectors, the root's number
 * is unpacked. What is 64-bit only stays zero.
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

bool trap_in_kernel32(const struct vcpu *v)
{
	return (v->regs->cs & 3) == 1;
}

#define REGISTERS(R)                                          \
	R(rax, eax), R(rbx, ebx), R(rcx, ecx), R(rdx, edx);   \
	R(rsi, esi), R(rdi, edi), R(rbp, ebp), R(rsp, esp);   \
	R(rip, eip), R(rflags, eflags), R(cs, cs), R(ss, ss); \
	R(ds, ds), R(es, es), R(fs, fs), R(gs, gs)

static void widen_registers(struct cpu_user_regs *w,
			    const struct cpu_user_regs_x86_32 *n)
{
#define WIDER(wide, narrow) w->wide = n->narrow
	memset(w, 0, sizeof(*w));
	REGISTERS(WIDER);
#undef WIDER
}

static void narrow_registers(struct cpu_user_regs_x86_32 *n,
			     const struct cpu_user_regs *w)
{
#define NARROWER(wide, narrow) n->narrow = (typeof(n->narrow))w->wide
	REGISTERS(NARROWER);
#undef NARROWER
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

static void narrow_gates(struct trap_info_x86_32 *n, const struct trap_info *w)
{
	for (unsigned int i = 0; i < 256; i++)
		n[i] = (struct trap_info_x86_32){
			.vector = w[i].vector,
			.flags = w[i].flags,
			.cs = w[i].cs,
			.address = (uint32_t)w[i].address,
		};
}

static void narrow_tables(struct vcpu_guest_context_x86_32 *n,
			  const struct vcpu_guest_context *w)
{
	n->ldt_base = (uint32_t)w->ldt_base;
	n->ldt_ents = (uint32_t)w->ldt_ents;
	n->gdt_ents = (uint32_t)w->gdt_ents;
	for (unsigned int i = 0; i < ARRAY_SIZE(n->gdt_frames); i++)
		n->gdt_frames[i] = (uint32_t)w->gdt_frames[i];
	for (unsigned int i = 0; i < ARRAY_SIZE(n->debugreg); i++)
		n->debugreg[i] = (uint32_t)w->debugreg[i];
	n->ctrlreg[0] = (uint32_t)w->ctrlreg[0];
	n->ctrlreg[3] =
		xen_pfn_to_cr3_x86_32((uint32_t)(w->ctrlreg[3] >> PAGE_SHIFT));
	n->ctrlreg[4] = (uint32_t)w->ctrlreg[4];
}

void trap_context_narrow(struct vcpu_guest_context_x86_32 *n,
			 const struct vcpu_guest_context *w)
{
	memcpy(&n->fpu_ctxt, &w->fpu_ctxt, sizeof(n->fpu_ctxt));
	n->flags = (uint32_t)w->flags;
	narrow_registers(&n->user_regs, &w->user_regs);
	narrow_gates(n->trap_ctxt, w->trap_ctxt);
	narrow_tables(n, w);
	n->kernel_ss = (uint32_t)w->kernel_ss;
	n->kernel_sp = (uint32_t)w->kernel_sp;
	n->event_callback_cs = (uint32_t)(w->event_callback_eip >> 32);
	n->event_callback_eip = (uint32_t)w->event_callback_eip;
	n->failsafe_callback_cs = (uint32_t)(w->failsafe_callback_eip >> 32);
	n->failsafe_callback_eip = (uint32_t)w->failsafe_callback_eip;
	n->vm_assist = (uint32_t)w->vm_assist;
}
