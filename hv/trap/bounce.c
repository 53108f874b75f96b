/* SPDX-License-Identifier: MIT */
/*
 * Into the guest's kernel: exceptions, events, system calls
 *
 * Every way in leaves the same picture on the kernel's stack, lowest address
 * first:
 *
 *	rcx r11 [error] rip cs rflags rsp ss
 *
 * rcx and r11 are there because the guest is then entered as SYSRET would
 * enter it: the two registers are already lost to the entry's own rip and
 * rflags. (The way back to the guest compares them and may use SYSRET.) In
 * the saved cs the two low bits tell which mode was interrupted, 0 for the
 * guest's kernel, although both run in ring 3; bits 32-39 are the event mask
 * at that time. The saved IF is the opposite of that mask: the processor's
 * own IF is always on while a guest runs.
 *
 * The failsafe callback has ds es fs gs in the place of the error code.
 *
 * The stack is the interrupted one in kernel mode, that of stack_switch in
 * user mode, aligned to 16 bytes as hardware would. It is the guest's memory
 * and may be anything: a push that faults is the end of the domain, since
 * nobody is left to tell. Addresses of entries were checked to be canonical
 * when they were registered (table.c).
 */
#include "arch.h"
#include "mm/mm.h"
#include "trap/width.h"

/* Where an entry goes and how. */
struct entry {
	uint64_t address;
	uint64_t clear_flags;
	bool masks;
};

void trap_mode_set(struct vcpu *v, bool kernel)
{
	arch_swap_gs();
	v->trap.kernel_mode = kernel;
	mm_root_switch(v);
}

aside void trap_crash_stack(struct vcpu *v, uint64_t sp, uint64_t entry)
{
	domain_crash(v->domain,
		     "vcpu %u: its kernel's stack at %#lx cannot be written on "
		     "the way to %#lx",
		     v->id, sp, entry);
}

/* What the frame is to hold, and where. */
struct picture {
	uint64_t sp, cs, rflags;
};

/*
 * Words go from registers straight to the guest's memory. extras (0, 1 or 4)
 * is a constant.
 */
static inline __attribute__((always_inline)) bool
draw(const struct cpu_user_regs *regs, const struct picture *p,
     const uint64_t *extra, unsigned int extras)
{
	unsigned int tries = ARCH_WORDS_TRIES, iret = 16 + extras * 8;
	uint64_t sp = p->sp;

again:
	if (unlikely(!arch_words_begin(sp)))
		return false;
	arch_word_store(sp, 0, regs->rcx, fault);
	arch_word_store(sp, 8, regs->r11, fault);
	if (extras)
		arch_word_store(sp, 16, extra[0], fault);
	if (extras == 4) {
		arch_word_store(sp, 24, extra[1], fault);
		arch_word_store(sp, 32, extra[2], fault);
		arch_word_store(sp, 40, extra[3], fault);
	}
	arch_word_store(sp, iret, regs->rip, fault);
	arch_word_store(sp, iret + 8, p->cs, fault);
	arch_word_store(sp, iret + 16, p->rflags, fault);
	arch_word_store(sp, iret + 24, regs->rsp, fault);
	arch_word_store(sp, iret + 32, regs->ss, fault);
	arch_words_end();
	return true;
fault:
	arch_words_end();
	if (--tries)
		goto again;
	return false;
}

/*
 * Writes the frame and points the registers at the entry. Who came from user
 * mode has been switched by now: not here, where most come from the kernel
 * and no registers need to be kept over it.
 */
static inline __attribute__((always_inline)) void
enter(struct vcpu *v, const struct entry *entry, bool user,
      const uint64_t *extra, unsigned int extras)
{
	struct cpu_user_regs *regs = v->regs;
	uint8_t masked = shared_load8(&v->info->evtchn_upcall_mask);
	struct picture p = { user ? v->trap.kernel_sp : regs->rsp,
			     (user ? regs->cs : regs->cs & ~3UL) |
				     (uint64_t)masked << 32,
			     flags_to_show(v, regs, masked) };

	p.sp = (p.sp & ~15UL) - (7 + extras) * sizeof(uint64_t);
	if (unlikely(!draw(regs, &p, extra, extras))) {
		trap_crash_stack(v, p.sp, entry->address);
		return;
	}
	regs->rsp = p.sp;
	regs->ss = FLAT_KERNEL_SS;
	regs->cs = FLAT_KERNEL_CS;
	regs->rip = regs->rcx = entry->address;
	regs->rflags &= ~entry->clear_flags;
	regs->r11 = regs->rflags;
	if (entry->masks)
		shared_store8(&v->info->evtchn_upcall_mask, 1);
}

static inline __attribute__((always_inline)) void
reflect(struct vcpu *v, const struct trap_gate *gate, bool user, bool has_error,
	uint32_t error)
{
	struct entry entry = { gate->address, ENTRY_CLEARS,
			       gate->masks_upcalls };
	uint64_t word = error;

	if (has_error)
		enter(v, &entry, user, &word, 1);
	else
		enter(v, &entry, user, NULL, 0);
}

static aside void reflect_user(struct vcpu *v, const struct trap_gate *gate,
			       bool has_error, uint32_t error)
{
	trap_mode_set(v, true);
	reflect(v, gate, true, has_error, error);
}

void trap_crash_reflect(struct vcpu *v, unsigned int vector, bool has_error,
			uint32_t error)
{
	(void)has_error;
	domain_crash(v->domain,
		     "vcpu %u: no handler for vector %u (error %#x) at rip "
		     "%#lx",
		     v->id, vector, error, v->regs->rip);
}

void trap_crash_upcall(struct vcpu *v)
{
	domain_crash(v->domain, "vcpu %u: an event, but no callback", v->id);
}

void trap_crash_failsafe(struct vcpu *v)
{
	const struct cpu_user_regs *regs = v->regs;

	domain_crash(v->domain,
		     "vcpu %u: its state cannot be loaded (cs:rip %04x:%#lx "
		     "ss:rsp %04x:%#lx), and no failsafe callback",
		     v->id, regs->cs, regs->rip, regs->ss, regs->rsp);
}

void trap_reflect(struct vcpu *v, unsigned int vector, bool has_error,
		  uint32_t error)
{
	const struct trap_gate *gate = &v->trap.gates[vector];

	if (unlikely(!gate->address))
		trap_width(v)->reflect(v, vector, has_error, error);
	else if (v->trap.kernel_mode)
		reflect(v, gate, false, has_error, error);
	else
		reflect_user(v, gate, has_error, error);
}

/* Enters a callback, from the mode that the vcpu is in. */
static inline __attribute__((always_inline)) bool
enter_callback(struct vcpu *v, unsigned int type, uint64_t clears,
	       const uint64_t *extra, unsigned int extras)
{
	bool user = !v->trap.kernel_mode;
	struct entry entry;

	if (unlikely(!v->trap.callbacks[type].address))
		return false;
	if (user)
		trap_mode_set(v, true);
	entry = (struct entry){ v->trap.callbacks[type].address, clears,
				v->trap.callback_masks >> type & 1 };
	enter(v, &entry, user, extra, extras);
	return true;
}

void trap_upcall(struct vcpu *v)
{
	if (unlikely(!enter_callback(v, CALLBACKTYPE_event, ENTRY_CLEARS, NULL,
				     0)))
		trap_width(v)->upcall(v);
}

void trap_nmi(struct vcpu *v)
{
	if (!trap_gate_is_set(&v->trap.gates[VECTOR_NMI]))
		return;
	if (v->trap.nmi_masked) {
		v->trap.nmi_pending = true;
		return;
	}
	v->trap.nmi_masked = true;
	trap_reflect(v, VECTOR_NMI, false, 0);
}

void trap_failsafe(struct vcpu *v)
{
	const struct cpu_user_regs *regs = v->regs;
	uint64_t segments[4] = { regs->ds, regs->es, regs->fs, regs->gs };

	if (unlikely(!enter_callback(v, CALLBACKTYPE_failsafe, ENTRY_CLEARS,
				     segments, 4)))
		trap_width(v)->failsafe(v);
}

/*
 * A system call by one of the processor's quick ways. Kernels set DF among
 * the flags that SYSCALL clears, so it is clear for them here too.
 */
static bool enter_call(struct vcpu *v, unsigned int type)
{
	return likely(enter_callback(v, type, ENTRY_CLEARS | EFLAGS_DF, NULL,
				     0)) ||
	       trap_width(v)->call(v, type);
}

void trap_syscall(struct vcpu *v)
{
	if (likely(enter_call(v, CALLBACKTYPE_syscall)))
		return;
	v->regs->rip -= 2;
	trap_reflect(v, VECTOR_UD, false, 0);
}

void trap_syscall32(struct vcpu *v)
{
	v->regs->cs = trap_width(v)->user_cs32;
	v->regs->ss = trap_width(v)->user_ss;
	v->regs->r11 &= trap_width(v)->syscall_r11;
	if (enter_call(v, CALLBACKTYPE_syscall32))
		return;
	v->regs->rip -= 2;
	trap_reflect(v, VECTOR_UD, false, 0);
}

void trap_sysenter(struct vcpu *v)
{
	if (!enter_call(v, CALLBACKTYPE_sysenter))
		trap_reflect(v, VECTOR_GP, true, 0);
}
