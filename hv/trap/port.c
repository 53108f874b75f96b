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
 * Behind the ports are, of a domain that may use them (access.ports), the
 * machine's; for all others there is nothing: reads give ones, as from an
 * empty bus, and writes vanish; kernels probe a few and go on.
 *
 * PCI configuration has a port for an address and four for the register there.
 * We use them too, so a privileged domain's address is kept, and goes to the
 * machine with each access (arch_pci_read()).
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

#define PCI_ADDRESS 0xcf8
#define PCI_DATA    0xcfc

static uint32_t ones(unsigned int bytes)
{
	return UINT32_MAX >> (32 - 8 * bytes);
}

/* The bytes of PCI's data ports; without the bit that says "configuration"
 * in the address they are ordinary ports, behind which there is nothing. */
static void pci_access(uint32_t address, bool write, unsigned int bytes,
		       uint32_t *value)
{
	if (!(address >> 31)) {
		if (!write)
			*value = ones(bytes);
	} else if (write) {
		arch_pci_write(address, bytes, *value);
	} else {
		*value = arch_pci_read(address, bytes);
	}
}

/* One access of the domain; *value becomes what is read. */
static void port_access(struct domain *d, bool write, uint16_t port,
			unsigned int bytes, uint32_t *value)
{
	uint32_t *address = &d->access.pci_address;

	if (d->privileged && port == PCI_ADDRESS && bytes == 4) {
		if (write)
			shared_store32(address, *value);
		else
			*value = shared_load32(address);
	} else if (d->privileged && port >= PCI_DATA &&
		   port + bytes <= PCI_DATA + 4) {
		pci_access((shared_load32(address) & ~3U) | (port & 3U), write,
			   bytes, value);
	} else if (!domain_may_use(d, &d->access.ports, port,
				   port + bytes - 1)) {
		if (!write)
			*value = ones(bytes);
	} else if (write) {
		arch_port_write(port, bytes, *value);
	} else {
		*value = arch_port_read(port, bytes);
	}
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

/* What a device gives is gone once it is read: first see that it can be
 * stored. */
static int string_once(struct vcpu *v, const struct insn *insn, uint16_t port)
{
	bool out = insn->op == INSN_OUTS;
	uint32_t value = 0;
	struct insn_regs regs;
	uint64_t va;
	int error;

	insn_regs_load(v, insn, &regs);
	va = decode_address(insn, &regs);
	error = out ? emulate_load(v, va, &value, insn->operand_bytes)
		    : emulate_store(v, va, &value, insn->operand_bytes);
	if (error)
		return error;
	port_access(v->domain, out, port, insn->operand_bytes, &value);
	if (!out)
		error = emulate_store(v, va, &value, insn->operand_bytes);
	if (!error)
		step(v, insn, out ? &v->regs->rsi : &v->regs->rdi);
	return error;
}

/* Each element done is done for good: the registers hold the progress. */
static int string(struct vcpu *v, const struct insn *insn, uint16_t port)
{
	uint64_t left = repeats_left(v, insn);

	if (!insn->rep)
		return string_once(v, insn, port);
	for (unsigned int i = 1; left; i++) {
		int error = string_once(v, insn, port);

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
	uint16_t port = insn->has_imm ? (uint16_t)(insn->imm & 0xff)
				      : (uint16_t)v->regs->rdx;
	uint32_t value = (uint32_t)v->regs->rax & ones(insn->operand_bytes);

	if (!port_allowed(v, port, insn->operand_bytes))
		return -EPERM;
	if (insn->op != INSN_IN && insn->op != INSN_OUT)
		return string(v, insn, port);
	port_access(v->domain, insn->op == INSN_OUT, port, insn->operand_bytes,
		    &value);
	if (insn->op == INSN_IN)
		set_accumulator(v, value, insn->operand_bytes);
	return 0;
}
