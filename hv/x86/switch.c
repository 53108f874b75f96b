/* SPDX-License-Identifier: MIT */
/*
 * One vcpu leaves this CPU, another comes. What belongs to a guest and stays
 * in the processor while we work for it is exchanged here and nowhere else:
 * general registers (in the frame at the top of the stack), data segments and
 * their bases, GDT and LDT windows, debug registers, CR4's guest bits, XCR0
 * and the extended registers, and the root.
 *
 * Nothing of one guest is left for the next: what the new one does not set
 * is loaded as zero.
 */
#include "arch.h"
#include "domain/domain.h"
#include "frame/frame.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "x86/cpu.h"
#include "x86/map.h"
#include "x86/msr.h"
#include "x86/offsets.h"
#include "x86/paging.h"
#include "x86/switch.h"

struct cpu_user_regs *guest_frame(void)
{
	return (void *)((char *)this_cpu() - REGS_BYTES);
}

/* ---- segments and bases ---- */

/* Loads a data segment register; a selector that faults becomes 0. */
#define SEGMENT_LOAD(reg, selector)                                   \
	do {                                                          \
		uint32_t sel_ = (selector);                           \
		__asm__ volatile("1: mov %k0, %%" #reg "\n"           \
				 ".pushsection .text.fixup, \"ax\"\n" \
				 "2: xor %k0, %k0\n"                  \
				 "jmp 1b\n"                           \
				 ".popsection\n"                      \
				 ".pushsection .ex_table, \"a\"\n"    \
				 ".quad 1b, 2b\n"                     \
				 ".popsection"                        \
				 : "+r"(sel_));                       \
	} while (0)

#define SEGMENT_READ(reg)                                            \
	({                                                           \
		uint16_t sel_;                                       \
		__asm__ volatile("mov %%" #reg ", %0" : "=r"(sel_)); \
		sel_;                                                \
	})

void arch_swap_gs(void)
{
	__asm__ volatile("swapgs" ::: "memory");
}

/*
 * The instructions that read and write bases work as far as the vcpu that is
 * (or was until now) here has them on: they fault with its CR4.
 */
static bool has_fsgsbase(const struct vcpu *v)
{
	return cpu_features.fsgsbase && (v->trap.cr4 & CR4_FSGSBASE);
}

static uint64_t base_read(const struct vcpu *v, uint32_t msr)
{
	uint64_t base;

	if (!has_fsgsbase(v))
		return msr_read(msr);
	if (msr == MSR_FS_BASE)
		__asm__ volatile("rdfsbase %0" : "=r"(base));
	else
		__asm__ volatile("rdgsbase %0" : "=r"(base));
	return base;
}

static void base_write(const struct vcpu *v, uint32_t msr, uint64_t base)
{
	if (!has_fsgsbase(v))
		msr_write(msr, base);
	else if (msr == MSR_FS_BASE)
		__asm__ volatile("wrfsbase %0" : : "r"(base));
	else
		__asm__ volatile("wrgsbase %0" : : "r"(base));
}

/* The GS base of the mode that the guest is not in. */
static bool gs_is_other(const struct vcpu *v, unsigned int which)
{
	return v->trap.kernel_mode == (which == SEGBASE_GS_USER);
}

void arch_segment_base_set(struct vcpu *v, unsigned int which, uint64_t base)
{
	if (which == SEGBASE_FS)
		base_write(v, MSR_FS_BASE, base);
	else if (gs_is_other(v, which))
		msr_write(MSR_KERNEL_GS_BASE, base);
	else
		base_write(v, MSR_GS_BASE, base);
}

uint64_t arch_segment_base_get(struct vcpu *v, unsigned int which)
{
	if (which == SEGBASE_FS)
		return base_read(v, MSR_FS_BASE);
	if (gs_is_other(v, which))
		return msr_read(MSR_KERNEL_GS_BASE);
	return base_read(v, MSR_GS_BASE);
}

void arch_gs_user_selector_set(struct vcpu *v, uint16_t selector)
{
	/* The load changes the active base: make the user's active. */
	if (v->trap.kernel_mode)
		arch_swap_gs();
	SEGMENT_LOAD(gs, selector);
	if (v->trap.kernel_mode)
		arch_swap_gs();
}

void arch_data_segments_load(uint16_t ds, uint16_t es, uint16_t fs, uint16_t gs)
{
	SEGMENT_LOAD(ds, ds);
	SEGMENT_LOAD(es, es);
	SEGMENT_LOAD(fs, fs);
	SEGMENT_LOAD(gs, gs);
}

uint16_t arch_segment_selector(unsigned int segment)
{
	switch (segment) {
	case 0:
		return SEGMENT_READ(es);
	case 3:
		return SEGMENT_READ(ds);
	case 4:
		return SEGMENT_READ(fs);
	default:
		return SEGMENT_READ(gs);
	}
}

void switch_data_segments_read(struct cpu_user_regs *regs)
{
	regs->ds = SEGMENT_READ(ds);
	regs->es = SEGMENT_READ(es);
	regs->fs = SEGMENT_READ(fs);
	regs->gs = SEGMENT_READ(gs);
}

static void bases_save(struct vcpu *v)
{
	bool kernel = v->trap.kernel_mode;
	uint64_t active = base_read(v, MSR_GS_BASE);
	uint64_t other = msr_read(MSR_KERNEL_GS_BASE);

	v->fs_base = base_read(v, MSR_FS_BASE);
	v->gs_base_kernel = kernel ? active : other;
	v->gs_base_user = kernel ? other : active;
}

static void bases_load(struct vcpu *v)
{
	bool kernel = v->trap.kernel_mode;

	base_write(v, MSR_FS_BASE, v->fs_base);
	base_write(v, MSR_GS_BASE,
		   kernel ? v->gs_base_kernel : v->gs_base_user);
	msr_write(MSR_KERNEL_GS_BASE,
		  kernel ? v->gs_base_user : v->gs_base_kernel);
}

static void bases_of_selectors(struct vcpu *v)
{
	(void)v;
}

/* A 32-bit guest's bases are those of its descriptors, and no other. */
static const struct {
	void (*save)(struct vcpu *v);
	void (*load)(struct vcpu *v);
} bases[] = {
	[WIDTH_64] = { bases_save, bases_load },
	[WIDTH_32] = { bases_of_selectors, bases_of_selectors },
};

static void segments_save(struct vcpu *v)
{
	switch_data_segments_read(&v->saved);
	bases[v->domain->width].save(v);
}

/* Selectors first: loading them changes the bases. */
static void segments_load(struct vcpu *v)
{
	arch_data_segments_load(v->saved.ds, v->saved.es, v->saved.fs,
				v->saved.gs);
	bases[v->domain->width].load(v);
}

/* ---- extended registers ---- */

#define XSTATE_MXCSR 24

int arch_vcpu_init(struct vcpu *v)
{
	uint8_t *x = frame_alloc_bytes(cpu_features.xsave_bytes);

	if (!x)
		return -ENOMEM;
	x[0] = 0x7f; /* FCW: all exceptions masked, as after FNINIT */
	x[1] = 0x03;
	x[XSTATE_MXCSR] = 0x80;
	x[XSTATE_MXCSR + 1] = 0x1f;
	v->xstate = x;
	v->xcr0 = XCR0_X87;
	return 0;
}

void arch_vcpu_exit(struct vcpu *v)
{
	frame_free_bytes(v->xstate, cpu_features.xsave_bytes);
	v->xstate = NULL;
}

void arch_xcr0_load(uint64_t xcr0)
{
	xcr0_write(xcr0);
}

/* Everything the machine has, whatever part of it the guest switched on. */
static void xstate_save(struct vcpu *v)
{
	__asm__ volatile("clts");
	if (!cpu_features.xcr0) {
		__asm__ volatile("fxsave64 (%0)" : : "r"(v->xstate) : "memory");
		return;
	}
	xcr0_write(cpu_features.xcr0);
	__asm__ volatile("xsave64 (%0)"
			 :
			 : "r"(v->xstate), "a"(~0U), "d"(~0U)
			 : "memory");
}

/*
 * AMD's processors neither save nor load where the last x87 operation was, but
 * when an exception is pending: what is there now is another guest's. An
 * operation of our own replaces it.
 */
static void x87_addresses_clear(void)
{
	static const int32_t zero;

	__asm__ volatile("fnclex\n\t"
			 "ffree %%st(7)\n\t"
			 "fildl %0"
			 :
			 : "m"(zero));
}

static void xstate_load(struct vcpu *v)
{
	__asm__ volatile("clts");
	if (cpu_features.x87_keeps_addresses)
		x87_addresses_clear();
	if (!cpu_features.xcr0) {
		__asm__ volatile("fxrstor64 (%0)" : : "r"(v->xstate));
	} else {
		xcr0_write(cpu_features.xcr0);
		__asm__ volatile("xrstor64 (%0)"
				 :
				 : "r"(v->xstate), "a"(~0U), "d"(~0U));
		xcr0_write(v->xcr0 | XCR0_X87);
	}
	arch_task_switched_set(v->trap.task_switched);
}

void arch_task_switched_set(bool ts)
{
	if (ts)
		cr0_write(cr0_read() | CR0_TS);
	else
		__asm__ volatile("clts");
}

/* ---- debug and control registers ---- */

void arch_debugreg_load(unsigned int n, uint64_t value)
{
	switch (n) {
	case 0:
		__asm__ volatile("mov %0, %%db0" : : "r"(value));
		break;
	case 1:
		__asm__ volatile("mov %0, %%db1" : : "r"(value));
		break;
	case 2:
		__asm__ volatile("mov %0, %%db2" : : "r"(value));
		break;
	case 3:
		__asm__ volatile("mov %0, %%db3" : : "r"(value));
		break;
	case 6:
		__asm__ volatile("mov %0, %%db6" : : "r"(value));
		break;
	default:
		__asm__ volatile("mov %0, %%db7" : : "r"(value));
		break;
	}
}

uint64_t arch_debugreg_read(unsigned int n)
{
	uint64_t v = 0;

	if (n == 6)
		__asm__ volatile("mov %%db6, %0" : "=r"(v));
	else
		__asm__ volatile("mov %%db7, %0" : "=r"(v));
	return v;
}

#define DR7_ACTIVE 0xffUL

static bool debug_active(const struct vcpu *v)
{
	return v->trap.debugreg[7] & DR7_ACTIVE;
}

static void debug_load(const struct vcpu *v)
{
	for (unsigned int i = 0; i < 4; i++)
		arch_debugreg_load(i, v->trap.debugreg[i]);
	arch_debugreg_load(6, v->trap.debugreg[6]);
	arch_debugreg_load(7, v->trap.debugreg[7]);
}

/* Ring 1 is supervisor to the processor: all its pages are what these bits
 * keep a supervisor from. */
static const uint64_t cr4_without[] = {
	[WIDTH_64] = 0,
	[WIDTH_32] = CR4_SMEP | CR4_SMAP,
};

void arch_cr4_load(struct vcpu *v)
{
	uint64_t ours = cpu_cr4() & ~cr4_without[v->domain->width];
	uint64_t wanted = (ours & ~(CR4_TSD | CR4_DE | CR4_FSGSBASE)) |
			  (v->trap.cr4 & (CR4_TSD | CR4_DE)) |
			  (v->trap.cr4 & ours & CR4_FSGSBASE);

	/* Nothing of ours stays in the TLB while such a guest runs. */
	if (v->domain->mm.separated)
		wanted &= ~CR4_PGE;
	if (cr4_read() != wanted)
		cr4_write(wanted);
}

/* ---- translation ---- */

/*
 * Noted before it is done: what another CPU unmaps in between then counts as
 * stale here, which it may be. Nothing in between uses a translation.
 */
void arch_root_load(mfn_t root)
{
	cr3_write(mfn_to_maddr(root).v);
}

/* A word of entry.S's in this CPU's block. */
static uint64_t *block_word(unsigned int offset)
{
	return (uint64_t *)((char *)this_cpu() + offset);
}

static void roots_note(uint64_t ours, uint64_t guest)
{
	*block_word(BLOCK_CR3_OURS) = ours;
	*block_word(BLOCK_CR3_GUEST) = guest;
}

void arch_roots_load(mfn_t root, mfn_t companions)
{
	if (companions.v)
		roots_note(mfn_to_maddr(root).v, (companions.v + this_cpu()->id)
							 << PAGE_SHIFT);
	else
		roots_note(0, 0);
	arch_root_load(root);
}

void arch_flush_local(void)
{
	flush_note();
	cr3_write(cr3_read());
}

void arch_flush_page_local(uint64_t va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

/* Other CPUs are parked: the set is this one at most. */
void arch_flush_cpus(uint64_t cpus, bool one_page, uint64_t va)
{
	if (!(cpus >> this_cpu()->id & 1))
		return;
	if (one_page)
		arch_flush_page_local(va);
	else
		arch_flush_local();
}

/* ---- the switch ---- */

/* TSC_AUX as each CPU has it, which RDTSCP and RDPID show to everybody. */
static uint64_t tsc_aux[MAX_CPUS] = { [0 ... MAX_CPUS - 1] = ~0UL };

/* Without RDTSCP there is no such register, and nobody to see it. */
static void tsc_aux_load(const struct vcpu *v)
{
	uint64_t *here = &tsc_aux[this_cpu()->id];

	if (*here == v->trap.tsc_aux)
		return;
	(void)!arch_msr_write(MSR_TSC_AUX, v->trap.tsc_aux);
	*here = v->trap.tsc_aux;
}

static void leave(struct vcpu *v)
{
	memcpy(&v->saved, guest_frame(), REGS_HW_END);
	v->regs = &v->saved;
	segments_save(v);
	xstate_save(v);
	tsc_aux[this_cpu()->id] = v->trap.tsc_aux;
	/* What DR6 said was taken from it when it said so (traps.c). */
	if (debug_active(v))
		arch_debugreg_load(7, 0x400);
}

static void come(struct vcpu *v)
{
	memcpy(guest_frame(), &v->saved, REGS_HW_END);
	v->regs = guest_frame();
	roots_note(0, 0);
	/* The windows first: selectors are looked up through them; and the
	 * root, from which the LDT's pages are fetched. */
	segments_width_load(v->domain->width);
	arch_gdt_load(v);
	mm_root_activate(v);
	arch_ldt_load(v);
	arch_cr4_load(v); /* FSGSBASE, for what follows */
	segments_load(v);
	xstate_load(v);
	tsc_aux_load(v);
	speculation_domain_comes(v->domain);
	if (debug_active(v))
		debug_load(v);
}

void arch_switch(struct vcpu *prev, struct vcpu *next)
{
	if (prev)
		leave(prev);
	this_cpu()->current = next;
	if (next)
		come(next);
	else
		arch_roots_load(paging_hv_root(), mfn(0));
}
