/* SPDX-License-Identifier: MIT */
/*
 * What a decoded write does: address, value, registers, flags
 *
 * Values travel as uint64_t whose low operand_bytes bytes count; each helper
 * cuts its result to that size. The flags of an addition or subtraction
 * follow from operands and result alone: with carries c into each bit,
 * result = a ^ b ^ c, so a ^ b ^ result shows where carries went in, and AF is
 * its bit 4.
 */
#include "decode.h"

#define FLAG_CF 0x001
#define FLAG_PF 0x004
#define FLAG_AF 0x010
#define FLAG_ZF 0x040
#define FLAG_SF 0x080
#define FLAG_DF 0x400
#define FLAG_OF 0x800
#define FLAG_RF 0x10000
#define FLAGS_ARITHMETIC \
	(FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

#define RAX 0
#define RCX 1
#define RDX 2
#define RBX 3
#define RDI 7

static uint64_t cut(uint64_t value, unsigned int bytes)
{
	return bytes == 8 ? value : value & ((1ull << (8 * bytes)) - 1);
}

static int64_t sign_extend(uint64_t value, unsigned int bytes)
{
	unsigned int unused_bits = 64 - 8 * bytes;

	return (int64_t)(value << unused_bits) >> unused_bits;
}

/* Replaces the arithmetic flags by those of result, and the ones given. */
static void set_flags(uint64_t *flags, uint64_t result, unsigned int bytes,
		      uint64_t others)
{
	*flags = (*flags & ~(uint64_t)FLAGS_ARITHMETIC) | others;
	if (cut(result, bytes) == 0)
		*flags |= FLAG_ZF;
	if (sign_extend(result, bytes) < 0)
		*flags |= FLAG_SF;
	if (!__builtin_parity((unsigned int)result & 0xff))
		*flags |= FLAG_PF;
}

/* CF, OF and AF, from words whose top bits, and bit 4, are they. */
static uint64_t carry_flags(unsigned int bytes, uint64_t carries,
			    uint64_t overflows, uint64_t aux)
{
	uint64_t flags = aux & FLAG_AF;

	if (sign_extend(carries, bytes) < 0)
		flags |= FLAG_CF;
	if (sign_extend(overflows, bytes) < 0)
		flags |= FLAG_OF;
	return flags;
}

static uint64_t add(uint64_t a, uint64_t b, uint64_t carry, unsigned int bytes,
		    uint64_t *flags)
{
	uint64_t sum = a + b + carry;

	set_flags(flags, sum, bytes,
		  carry_flags(bytes, (a & b) | ((a | b) & ~sum),
			      (a ^ sum) & (b ^ sum), a ^ b ^ sum));
	return sum;
}

static uint64_t subtract(uint64_t a, uint64_t b, uint64_t borrow,
			 unsigned int bytes, uint64_t *flags)
{
	uint64_t difference = a - b - borrow;

	set_flags(flags, difference, bytes,
		  carry_flags(bytes, (~a & b) | ((~a | b) & difference),
			      (a ^ b) & (a ^ difference), a ^ b ^ difference));
	return difference;
}

static uint64_t logic(uint64_t result, unsigned int bytes, uint64_t *flags)
{
	set_flags(flags, result, bytes, 0);
	return result;
}

/* ADD to DEC: the new value of a, and what happens to *flags. */
static uint64_t arithmetic(enum insn_op op, uint64_t a, uint64_t b,
			   unsigned int bytes, uint64_t *flags)
{
	uint64_t carry = *flags & FLAG_CF;

	switch (op) {
	case INSN_ADD:
		return add(a, b, 0, bytes, flags);
	case INSN_ADC:
		return add(a, b, carry, bytes, flags);
	case INSN_SUB:
		return subtract(a, b, 0, bytes, flags);
	case INSN_SBB:
		return subtract(a, b, carry, bytes, flags);
	case INSN_AND:
		return logic(a & b, bytes, flags);
	case INSN_OR:
		return logic(a | b, bytes, flags);
	case INSN_XOR:
		return logic(a ^ b, bytes, flags);
	case INSN_NEG:
		return subtract(0, a, 0, bytes, flags);
	case INSN_NOT:
		return ~a;
	case INSN_INC:
		a = add(a, 1, 0, bytes, flags);
		break;
	default: /* INSN_DEC */
		a = subtract(a, 1, 0, bytes, flags);
		break;
	}
	*flags = (*flags & ~(uint64_t)FLAG_CF) | carry; /* INC, DEC keep it */
	return a;
}

/* The bit instructions: old becomes CF, and nothing else changes. */
static uint64_t change_bit(enum insn_op op, uint64_t old, uint64_t offset,
			   unsigned int bytes, uint64_t *flags)
{
	uint64_t bit = 1ull << (offset & (8 * bytes - 1));

	*flags &= ~(uint64_t)FLAG_CF;
	if (old & bit)
		*flags |= FLAG_CF;
	if (op == INSN_BTS)
		return old | bit;
	return op == INSN_BTR ? old & ~bit : old ^ bit;
}

/* The second operand: immediate or register. */
static uint64_t source(const struct insn *insn, const struct insn_regs *regs)
{
	if (insn->has_imm)
		return (uint64_t)insn->imm;
	if (insn->reg == INSN_REG_NONE)
		return 0;
	return regs->gpr[insn->reg] >> (insn->reg_high ? 8 : 0);
}

/*
 * Has a register change as a write of the given size does: four bytes clear
 * the upper half, fewer leave the rest as it was.
 */
static void set_gpr(struct insn_write *out, const struct insn_regs *regs,
		    uint8_t number, bool high, unsigned int bytes,
		    uint64_t value)
{
	unsigned int shift = high ? 8 : 0;
	uint64_t kept = 0;

	if (bytes < 4)
		kept = regs->gpr[number] & ~(cut(~0ull, bytes) << shift);
	out->gpr[out->gprs].number = number;
	out->gpr[out->gprs++].value = kept | cut(value, bytes) << shift;
}

/* XCHG and XADD: the register takes the old value. */
static void set_source(const struct insn *insn, struct insn_write *out,
		       const struct insn_regs *regs, uint64_t old)
{
	set_gpr(out, regs, insn->reg, insn->reg_high, insn->operand_bytes, old);
}

static void compare_exchange(const struct insn *insn, uint64_t old,
			     const struct insn_regs *regs,
			     struct insn_write *out)
{
	unsigned int bytes = insn->operand_bytes;

	(void)subtract(regs->gpr[RAX], old, 0, bytes, &out->flags);
	out->value = source(insn, regs);
	out->store = out->flags & FLAG_ZF;
	if (!out->store)
		set_gpr(out, regs, RAX, false, bytes, old);
}

static void compare_exchange_8(uint64_t old, const struct insn_regs *regs,
			       struct insn_write *out)
{
	uint64_t expected = regs->gpr[RDX] << 32 | cut(regs->gpr[RAX], 4);

	out->value = regs->gpr[RCX] << 32 | cut(regs->gpr[RBX], 4);
	out->store = old == expected;
	if (out->store) {
		out->flags |= FLAG_ZF;
		return;
	}
	out->flags &= ~(uint64_t)FLAG_ZF;
	set_gpr(out, regs, RAX, false, 4, old);
	set_gpr(out, regs, RDX, false, 4, old >> 32);
}

/*
 * STOS moves RDI on, and with REP counts RCX down, in the size of the
 * address. A count of zero does nothing.
 */
static void store_string(const struct insn *insn, const struct insn_regs *regs,
			 struct insn_write *out)
{
	uint64_t step = insn->operand_bytes;

	out->store = !insn->rep || cut(regs->gpr[RCX], insn->address_bytes);
	if (!out->store)
		return;
	if (regs->flags & FLAG_DF)
		step = -step;
	set_gpr(out, regs, RDI, false, insn->address_bytes,
		regs->gpr[RDI] + step);
	if (insn->rep)
		set_gpr(out, regs, RCX, false, insn->address_bytes,
			regs->gpr[RCX] - 1);
}

uint64_t decode_address(const struct insn *insn, const struct insn_regs *regs)
{
	unsigned int bytes = insn->operand_bytes;
	uint64_t address = (uint64_t)insn->disp;

	if (insn->base == INSN_REG_RIP)
		address += regs->rip + insn->length;
	else if (insn->base != INSN_REG_NONE)
		address += regs->gpr[insn->base];
	if (insn->index != INSN_REG_NONE)
		address += regs->gpr[insn->index] << insn->scale;
	if (insn->op >= INSN_BTS && insn->op <= INSN_BTC && !insn->has_imm) {
		int64_t offset = sign_extend(regs->gpr[insn->reg], bytes);

		address += (uint64_t)(offset >> 3) & ~(uint64_t)(bytes - 1);
	}
	address = cut(address, insn->address_bytes);
	if (insn->width == DECODE_32)
		return cut(address + regs->segment_base[insn->segment], 4);
	if (insn->segment >= INSN_FS)
		address += regs->segment_base[insn->segment];
	return address;
}

bool insn_write_value(const struct insn *insn, uint64_t old,
		      const struct insn_regs *regs, struct insn_write *out)
{
	enum insn_op op = insn->op;
	unsigned int bytes = insn->operand_bytes;
	uint64_t src;

	if (op == INSN_NONE || op > INSN_LAST_WRITE)
		return false;
	src = source(insn, regs);
	old = cut(old, bytes);
	out->store = true;
	out->flags = regs->flags;
	out->gprs = 0;
	switch (op) {
	case INSN_ADD ... INSN_DEC:
		out->value = arithmetic(op, old, src, bytes, &out->flags);
		break;
	case INSN_BTS ... INSN_BTC:
		out->value = change_bit(op, old, src, bytes, &out->flags);
		break;
	case INSN_MOV:
		out->value = src;
		break;
	case INSN_STOS:
		out->value = src;
		store_string(insn, regs, out);
		break;
	case INSN_XCHG:
		out->value = src;
		set_source(insn, out, regs, old);
		break;
	case INSN_XADD:
		out->value = add(old, src, 0, bytes, &out->flags);
		set_source(insn, out, regs, old);
		break;
	case INSN_CMPXCHG:
		compare_exchange(insn, old, regs, out);
		break;
	default: /* INSN_CMPXCHG8B */
		compare_exchange_8(old, regs, out);
		break;
	}
	out->value = cut(out->value, bytes);
	return true;
}

void insn_write_retire(const struct insn *insn, const struct insn_write *write,
		       struct insn_regs *regs)
{
	for (unsigned int i = 0; i < write->gprs; i++)
		regs->gpr[write->gpr[i].number] = write->gpr[i].value;
	regs->flags = write->flags & ~(uint64_t)FLAG_RF;
	if (insn->rep && cut(regs->gpr[RCX], insn->address_bytes))
		return; /* another round */
	regs->rip =
		cut(regs->rip + insn->length, insn->width == DECODE_64 ? 8 : 4);
}
