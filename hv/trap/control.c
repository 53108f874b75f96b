/* SPDX-License-Identifier: MIT */
/*
 * Control registers as the guest's kernel sees them
 *
 *	CR0	what a running kernel has, and the guest's own TS; only TS can
 *		be changed
 *	CR2	the last fault address, in vcpu_info
 *	CR3	the kernel's root, as a machine address
 *	CR4	a copy of the guest's own: bits that mean nothing to us are
 *		kept as they were, those that it may own take effect
 *	XCR0	any combination that the machine has enabled
 */
#include "arch.h"
#include "frame/frame.h"
#include "mm/mm.h"
#include "trap/emulate.h"
#include "trap/width.h"

#define CR0_SHOWN   0x80050033UL /* PG AM WP NE ET MP PE */
#define CR0_LMSW    0xfUL
#define XCR0_X87    (1UL << 0)
#define XCR0_SSE    (1UL << 1)
#define XCR0_AVX    (1UL << 2)
#define XCR0_AVX512 (7UL << 5)

bool xcr0_is_valid(uint64_t value, uint64_t mask)
{
	uint64_t avx512 = value & XCR0_AVX512;

	if ((value & ~mask) || !(value & XCR0_X87))
		return false;
	if ((value & XCR0_AVX) && !(value & XCR0_SSE))
		return false;
	return !avx512 || (avx512 == XCR0_AVX512 && (value & XCR0_AVX));
}

uint64_t trap_cr0(const struct vcpu *v)
{
	return CR0_SHOWN | (v->trap.task_switched ? CR0_TS : 0);
}

static int cr_read(struct vcpu *v, unsigned int n, uint64_t *value)
{
	switch (n) {
	case 0:
		*value = trap_cr0(v);
		return 0;
	case 2:
		*value = shared_load64(&v->info->arch.cr2);
		return 0;
	case 3:
		*value = frame_mfn(v->mm.root_kernel).v;
		*value = *value << PAGE_SHIFT |
			 (*value >> 20 & trap_width(v)->cr3_folded);
		return 0;
	case 4:
		*value = v->trap.cr4;
		return 0;
	default:
		return -EPERM;
	}
}

static int cr0_write(struct vcpu *v, uint64_t value)
{
	if ((value ^ trap_cr0(v)) & ~CR0_TS)
		return -EPERM;
	trap_fpu_taskswitch(v, value & CR0_TS);
	return 0;
}

static int cr4_write(struct vcpu *v, uint64_t value)
{
	uint64_t owned = CR4_TSD | CR4_DE | trap_cr4_of_host();

	v->trap.cr4 = (v->trap.cr4 & ~owned) | (value & owned);
	arch_cr4_load(v);
	return 0;
}

static int cr_write(struct vcpu *v, unsigned int n, uint64_t value)
{
	switch (n) {
	case 0:
		return cr0_write(v, value);
	case 2:
		shared_store64(&v->info->arch.cr2, value);
		return 0;
	case 3:
		return mm_root_set(
			v, false,
			guest_mfn(value >> PAGE_SHIFT |
				  (value & trap_width(v)->cr3_folded) << 20));
	case 4:
		return cr4_write(v, value);
	default:
		return -EPERM;
	}
}

/* LMSW can set PE but not clear it; of MP, EM and TS only TS may change. */
static int lmsw(struct vcpu *v, const struct insn *insn)
{
	uint16_t word;

	if (insn->has_mem) {
		struct insn_regs regs;
		int error;

		insn_regs_load(v, insn, &regs);
		error = emulate_load(v, decode_address(insn, &regs), &word,
				     sizeof(word));
		if (error)
			return error;
	} else {
		word = (uint16_t)*insn_gpr(v, insn->reg);
	}
	return cr0_write(v, (trap_cr0(v) & ~(CR0_LMSW & ~1UL)) |
				    (word & CR0_LMSW));
}

static int xsetbv(struct vcpu *v)
{
	uint64_t value = v->regs->rdx << 32 | (uint32_t)v->regs->rax;

	if ((uint32_t)v->regs->rcx ||
	    !xcr0_is_valid(value, trap_xcr0_mask(v->domain)))
		return -EPERM;
	v->xcr0 = value;
	arch_xcr0_load(value);
	return 0;
}

static int clts(struct vcpu *v)
{
	trap_fpu_taskswitch(v, false);
	return 0;
}

static int dr_read(struct vcpu *v, const struct insn *insn)
{
	return trap_debugreg_get(v, insn->sysreg, insn_gpr(v, insn->reg));
}

int emulate_control(struct vcpu *v, const struct insn *insn)
{
	switch (insn->op) {
	case INSN_MOV_FROM_CR:
		return cr_read(v, insn->sysreg, insn_gpr(v, insn->reg));
	case INSN_MOV_TO_CR:
		return cr_write(v, insn->sysreg, *insn_gpr(v, insn->reg));
	case INSN_MOV_FROM_DR:
		return dr_read(v, insn);
	case INSN_MOV_TO_DR:
		return trap_debugreg_set(v, insn->sysreg,
					 *insn_gpr(v, insn->reg));
	case INSN_LMSW:
		return lmsw(v, insn);
	case INSN_CLTS:
		return clts(v);
	case INSN_XSETBV:
		return xsetbv(v);
	default:
		return -EPERM;
	}
}
