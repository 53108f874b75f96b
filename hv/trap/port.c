/* SPDX-License-Identifier: MIT */
/*
 * I/O ports, by emulation
 *
 * Two questions: may the guest's current mode use ports, and what is behind
 * them. The first is the guest's own affair: its kernel needs a virtual IOPL
 * of 1 (0 where it asked for the architectural meaning), its user mode 3; or
 * else a clear bit in the bitmap that the kernel named. Otherwise the program
 * gets the #GP that hardware would give.
 *
 * Behind the ports of a guest there is nothing: reads give ones, as from an
 * empty bus, and writes vanish; kernels probe a few and go on. A privileged
 * domain is treated the same: until the hypervisor hands devices over, no
 * domain reaches the machine's ports.
 */
#include "arch.h"
#include "frame/frame.h"
#include "mm/mm.h"
#include "trap/emulate.h"
#include "processor.h"
#include "pte.h"
#include "trap/trap.h"

#define PORTS		     0x10000U
#define REPEATS_BEFORE_PAUSE 256

int trap_port_bitmap_set(struct vcpu *v, uint64_t va, uint32_t ports)
{
	if (ports > PORTS || !va_is_guest(va))
		return -EINVAL;
	v->trap.port_bitmap_va = va;
	v->trap.port_bitmap_bits = ports;
	return 0;
}

bool trap_kernel_has_iopl(const struct vcpu *v)
{
	return v->trap.iopl >= 1 ||
	       (v->domain->mm.vm_assist & 1U << VMASST_TYPE_architectural_iopl);
}

/* The bitmap is the kernel's memory: its page tables must be the active. */
static int bitmap_read(struct vcpu *v, uint32_t port, uint16_t *word)
{
	uint64_t va = v->trap.port_bitmap_va + port / 8;
	bool one = port / 8 == (v->trap.port_bitmap_bits - 1) / 8;
	bool user = !v->trap.kernel_mode;
	int error;

	*word = 0xffff; /* beyond the end nothing is allowed */
	if (user)
		trap_mode_visit(v, true);
	error = guest_copy_from(word, va, one ? 1 : 2);
	if (user)
		trap_mode_visit(v, false);
	return error;
}

static bool bitmap_allows(struct vcpu *v, uint32_t port, unsigned int bytes)
{
	uint32_t ones = (1U << bytes) - 1;
	uint16_t word;

	if (port + bytes > v->trap.port_bitmap_bits ||
	    bitmap_read(v, port, &word))
		return false;
	return !(word >> (port & 7) & ones);
}

static bool port_allowed(struct vcpu *v, uint32_t port, unsigned int bytes)
{
	bool by_level = v->trap.kernel_mode ? trap_kernel_has_iopl(v)
					    : v->trap.iopl == 3;

	return by_level || bitmap_allows(v, port, bytes);
}

static uint32_t port_read(unsigned int bytes)
{
	return UINT32_MAX >> (32 - 8 * bytes);
}

/* A 32-bit result clears the upper half of RAX, a smaller one keeps it. */
static void set_accumulator(struct vcpu *v, uint32_t value, unsigned int bytes)
{
	uint64_t mask = (1UL << 8 * bytes) - 1;

	if (bytes == 4)
		v->regs->rax = value;
	else
		v->regs->rax = (v->regs->rax & ~mask) | value;
}

/* Advances a register of address_bytes by the step of a string operation. */
static void step(struct vcpu *v, const struct insn *insn, uint64_t *reg)
{
	uint64_t by = insn->operand_bytes;

	if (v->regs->rflags & EFLAGS_DF)
		by = -by;
	*reg = insn->address_bytes == 4 ? (uint32_t)(*reg + by) : *reg + by;
}

static uint64_t repeats_left(struct vcpu *v, const struct insn *insn)
{
	return insn->address_bytes == 4 ? (uint32_t)v->regs->rcx : v->regs->rcx;
}

static int string_once(struct vcpu *v, const struct insn *insn)
{
	uint32_t value = port_read(insn->operand_bytes);
	struct insn_regs regs;
	uint64_t va;
	int error;

	insn_regs_load(v, insn, &regs);
	va = decode_address(insn, &regs);
	if (insn->op == INSN_INS)
		error = emulate_store(v, va, &value, insn->operand_bytes);
	else
		error = emulate_load(v, va, &value, insn->operand_bytes);
	if (!error)
		step(v, insn,
		     insn->op == INSN_INS ? &v->regs->rdi : &v->regs->rsi);
	return error;
}

/* Each element done is done for good: the registers hold the progress. */
static int string(struct vcpu *v, const struct insn *insn)
{
	uint64_t left = repeats_left(v, insn);

	if (!insn->rep)
		return string_once(v, insn);
	for (unsigned int i = 1; left; i++) {
		int error = string_once(v, insn);

		if (error)
			return error;
		v->regs->rcx = --left;
		if (left && i % REPEATS_BEFORE_PAUSE == 0)
			return -ERESTART;
	}
	return 0;
}

int emulate_port(struct vcpu *v, const struct insn *insn)
{
	uint32_t port = insn->has_imm ? (uint32_t)insn->imm & 0xff
				      : (uint16_t)v->regs->rdx;

	if (!port_allowed(v, port, insn->operand_bytes))
		return -EPERM;
	switch (insn->op) {
	case INSN_IN:
		set_accumulator(v, port_read(insn->operand_bytes),
				insn->operand_bytes);
		return 0;
	case INSN_OUT:
		return 0;
	default:
		return string(v, insn);
	}
}
