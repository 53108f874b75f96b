/* SPDX-License-Identifier: MIT */
/*
 * What entry.S calls: exceptions and interrupts, told apart by where they
 * came from.
 *
 * From a guest: an interrupt is noted; an exception is the guest's business
 * (trap/), but for those that are ours to repair.
 *
 * From ourselves: an interrupt that we let in; a fault at an instruction
 * that may fault on a guest's input (a copy, a segment load, an MSR) and has
 * its fixup in the exception table; the IRET to a guest that it made
 * impossible; a page of the LDT window that is not mapped yet. Everything
 * else is a bug of ours: dump and stop.
 */
#include "arch.h"
#include "bug.h"
#include "boot/boot.h"
#include "call/call.h"
#include "domain/domain.h"
#include "mm/mm.h"
#include "processor.h"
#include "trap/trap.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/dump.h"
#include "x86/entry.h"
#include "x86/map.h"
#include "x86/offsets.h"
#include "x86/switch.h"
#include "x86/traps.h"

_Static_assert(sizeof(struct cpu_user_regs) == REGS_BYTES, "");
#define AT(name, offset) (offsetof(struct cpu_user_regs, name) == (offset))
_Static_assert(AT(r11, REGS_R11) && AT(r10, REGS_R10) && AT(r9, REGS_R9), "");
_Static_assert(AT(r8, REGS_R8) && AT(rax, REGS_RAX) && AT(rcx, REGS_RCX), "");
_Static_assert(AT(rdx, REGS_RDX) && AT(rsi, REGS_RSI) && AT(rdi, REGS_RDI), "");
_Static_assert(AT(error_code, REGS_ERROR) && AT(rip, REGS_RIP), "");
_Static_assert(AT(cs, REGS_CS) && AT(rflags, REGS_RFLAGS), "");
_Static_assert(AT(rsp, REGS_RSP) && AT(ss, REGS_SS) && AT(es, REGS_HW_END), "");
_Static_assert(sizeof(struct call_args) == ARGS_BYTES, "");
_Static_assert(FLAG_TF == EFLAGS_TF && FLAG_RF == EFLAGS_RF, "");
_Static_assert(sizeof(struct cpu) <= BLOCK_CR3_GUEST, "the CPU's block");
_Static_assert(offsetof(struct cpu, current) == CPU_CURRENT, "");
_Static_assert(offsetof(struct cpu, softirqs) == CPU_SOFTIRQS, "");
_Static_assert(offsetof(struct vcpu, work) == VCPU_WORK, "");
_Static_assert(offsetof(struct vcpu, info) == VCPU_INFO, "");
_Static_assert(offsetof(struct vcpu, trap.kernel_mode) == VCPU_KERNEL_MODE, "");
_Static_assert(offsetof(struct vcpu_info, evtchn_upcall_pending) ==
		       INFO_PENDING,
	       "");
_Static_assert(offsetof(struct vcpu_info, evtchn_upcall_mask) == INFO_MASK, "");

enum { VEC_DB = 1, VEC_NMI = 2, VEC_DF = 8, VEC_PF = 14, VEC_MC = 18 };

struct ex_entry {
	uint64_t fault, fixup;
};
extern const struct ex_entry ex_table_start[], ex_table_end[];

/* An access of the processor's to the LDT window: which offset. */
static bool in_ldt_window(uint64_t va, uint64_t *offset)
{
	*offset = va - (CPU_AREA(this_cpu()->id) + CPU_AREA_LDT);
	return *offset < LDT_PAGES * PAGE_SIZE;
}

static aside void fault_in_our_range(struct vcpu *v, struct cpu_user_regs *regs,
				     uint64_t va)
{
	uint64_t offset;

	if (in_ldt_window(va, &offset)) {
		if (mm_ldt_fault(v, offset))
			return;
		/* What the guest has there is what it sees missing. */
		trap_exception(v, VEC_PF, regs->error_code,
			       v->mm.ldt_va + offset);
		return;
	}
	trap_page_fault(v, regs->error_code, va);
}

static void guest_page_fault(struct vcpu *v, struct cpu_user_regs *regs)
{
	uint64_t va = cr2_read();

	if (unlikely(address_is_ours(va)))
		fault_in_our_range(v, regs, va);
	else
		trap_page_fault(v, regs->error_code, va);
}

static void guest_exception(struct vcpu *v, struct cpu_user_regs *regs)
{
	unsigned int vector = regs->entry_vector;
	uint64_t dr6 = 0;

	if (unlikely(vector == VEC_DB)) {
		dr6 = arch_debugreg_read(6);
		arch_debugreg_load(6, 0xffff0ff0);
	} else if (unlikely(vector == VEC_DF || vector == VEC_MC)) {
		panic_at(regs, "exception %u under a guest", vector);
	}
	trap_exception(v, vector, regs->error_code, dr6);
}

void trap_from_guest(struct vcpu *v, struct cpu_user_regs *regs)
{
	unsigned int vector = regs->entry_vector;

	if (vector == VEC_PF)
		guest_page_fault(v, regs);
	else if (vector < 32)
		guest_exception(v, regs);
	else
		apic_interrupt(vector);
}

/* IRET refused what the guest had it load; regs are whole again. */
void trap_iret_failed(struct cpu_user_regs *regs)
{
	switch_data_segments_read(regs);
	trap_failsafe(current_vcpu());
}

static bool fixup(struct cpu_user_regs *regs)
{
	for (const struct ex_entry *e = ex_table_start; e < ex_table_end; e++) {
		if (e->fault != regs->rip)
			continue;
		regs->rip = e->fixup;
		return true;
	}
	return false;
}

/*
 * Pages of the LDT's window, and of the guest's shadow tables, come when they
 * are touched: by our copies too.
 */
static bool page_fault_from_hv(struct vcpu *v, uint32_t error)
{
	uint64_t va = cr2_read(), offset;

	if (in_ldt_window(va, &offset))
		return mm_ldt_fault(v, offset);
	return unlikely(v->domain->mm.shadowed) &&
	       mm_shadow_fault(v, va, &error);
}

void trap_from_hv(struct cpu_user_regs *regs)
{
	unsigned int vector = regs->entry_vector;

	if (vector >= 32) {
		apic_interrupt(vector);
		return;
	}
	if (vector == VEC_NMI)
		return; /* not even a word of it: we may hold the log's lock */
	if (vector == VEC_DB) {
		/* A guest's breakpoint on data that we touched for it. */
		arch_debugreg_load(6, 0xffff0ff0);
		return;
	}
	if (vector == VEC_PF && current_vcpu() &&
	    page_fault_from_hv(current_vcpu(), regs->error_code))
		return;
	if (vector != VEC_DF && vector != VEC_MC) {
		if (regs->rip == entry_points.resume_iret ||
		    regs->rip == entry_points.syscall_iret)
			entry_points.iret_fault(regs);
		if (fixup(regs))
			return;
	}
	panic_at(regs, "exception %u, error %#x, in the hypervisor", vector,
		 regs->error_code);
}

void return_work(void)
{
	call_return();
	while (unlikely(boot_work_pending())) {
		boot_work();
		call_return();
	}
}

bool arch_preempt_pending(void)
{
	__asm__ volatile("sti; nop; cli" ::: "memory");
	return atomic32_load(&this_cpu()->softirqs);
}

void arch_idle(void)
{
	if (!atomic32_load(&this_cpu()->softirqs))
		__asm__ volatile("sti; hlt; cli" ::: "memory");
}
