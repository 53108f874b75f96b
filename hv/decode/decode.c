/* SPDX-License-Identifier: MIT */
/*
 * From bytes to struct insn
 *
 * An instruction is: legacy prefixes in any order, a REX byte (64-bit code,
 * directly before the opcode or it does not count), the opcode, ModRM, SIB,
 * displacement, immediate. A cursor walks over them. Its failures are sticky,
 * so that the code reads in the order of the bytes without a check after
 * each: once it has failed it yields zeros, and decode_insn() looks at the
 * end.
 *
 * Refused although processors accept it: F2 anywhere, F3 where it does not
 * repeat (both turn up as parts of newer opcodes, and no kernel needs them
 * here), and 16-bit addresses.
 */
#include "decode.h"
#include "table.h"

#define REX_W 8
#define REX_R 4
#define REX_X 2
#define REX_B 1

struct cursor {
	const uint8_t *bytes;
	size_t len;
	size_t pos;
	enum decode_result result;
	enum decode_width width;
	uint8_t rex; /* 0: none */
	uint8_t modrm;
	uint8_t segment; /* INSN_SEGMENTS: no override */
	bool opsize;	 /* 66 */
	bool adsize;	 /* 67 */
	bool lock;	 /* F0 */
	bool repne;	 /* F2 */
	bool rep;	 /* F3 */
};

/* The next n bytes, sign-extended. */
static int64_t take(struct cursor *c, unsigned int n)
{
	uint64_t value = 0;
	unsigned int unused_bits = 64 - 8 * n;

	if (c->result != DECODE_OK)
		return 0;
	if (c->pos + n > INSN_MAX_LENGTH)
		c->result = DECODE_REFUSED;
	else if (c->pos + n > c->len)
		c->result = DECODE_TRUNCATED;
	if (c->result != DECODE_OK)
		return 0;
	for (unsigned int i = 0; i < n; i++)
		value |= (uint64_t)c->bytes[c->pos++] << (8 * i);
	return (int64_t)(value << unused_bits) >> unused_bits;
}

static uint8_t modrm_mod(const struct cursor *c)
{
	return c->modrm >> 6;
}

static uint8_t modrm_reg(const struct cursor *c)
{
	return (c->modrm >> 3) & 7;
}

static uint8_t modrm_rm(const struct cursor *c)
{
	return c->modrm & 7;
}

/* Register number: three bits from the opcode or ModRM, the fourth from REX. */
static uint8_t extend(const struct cursor *c, uint8_t number, uint8_t rex_bit)
{
	return number | (c->rex & rex_bit ? 8 : 0);
}

/* Notes all prefixes and returns the first byte of the opcode. */
static uint8_t take_prefixes(struct cursor *c)
{
	for (;;) {
		uint8_t byte = (uint8_t)take(c, 1);

		if (c->width == DECODE_64 && (byte & 0xf0) == 0x40) {
			c->rex = byte;
			continue;
		}
		switch (byte) {
		case 0x26: /* ES */
		case 0x2e: /* CS */
		case 0x36: /* SS */
		case 0x3e: /* DS */
			if (c->width == DECODE_32)
				c->segment = (byte >> 3) & 3;
			break;
		case 0x64:
			c->segment = INSN_FS;
			break;
		case 0x65:
			c->segment = INSN_GS;
			break;
		case 0x66:
			c->opsize = true;
			break;
		case 0x67:
			c->adsize = true;
			break;
		case 0xf0:
			c->lock = true;
			break;
		case 0xf2:
			c->repne = true;
			break;
		case 0xf3:
			c->rep = true;
			break;
		default:
			return byte;
		}
		c->rex = 0; /* it was not the last prefix */
	}
}

/* Opcode and, if there is one, ModRM, resolved through groups. */
static struct insn_entry take_opcode(struct cursor *c)
{
	uint8_t byte = take_prefixes(c);
	bool escape = byte == 0x0f;
	struct insn_entry entry;

	if (escape)
		byte = (uint8_t)take(c, 1);
	entry = insn_table[escape][byte];
	if (entry.form & FORM_MODRM)
		c->modrm = (uint8_t)take(c, 1);
	if (entry.group == GROUP_0F01_MEM && modrm_mod(c) == 3)
		entry.group = GROUP_0F01_REG;
	for (uint8_t field = modrm_reg(c); entry.group; field = modrm_rm(c)) {
		const struct insn_entry *member =
			&insn_groups[entry.group][field];

		entry.op = member->op;
		entry.group = member->group;
		entry.form |= member->form;
	}
	return entry;
}

/* Whether prefixes, mode and operand kind are ones this instruction allows. */
static bool allowed(const struct cursor *c, const struct insn_entry *entry)
{
	uint32_t form = entry->form;

	if (entry->op == INSN_NONE || c->repne)
		return false;
	if (c->rep && !(form & FORM_REP))
		return false;
	if (c->lock && !(form & FORM_LOCK))
		return false;
	if (c->opsize && (form & FORM_NO_66))
		return false;
	if ((c->rex & REX_W) && (form & FORM_QUAD))
		return false;
	if ((form & FORM_MEM) && modrm_mod(c) == 3)
		return false;
	return !(form & (c->width == DECODE_64 ? FORM_ONLY_32 : FORM_ONLY_64));
}

static uint8_t operand_bytes(const struct cursor *c, uint32_t form)
{
	if (form & FORM_BYTE)
		return 1;
	if (form & FORM_QUAD)
		return 8;
	if (form & (FORM_CR | FORM_DR))
		return c->width == DECODE_64 ? 8 : 4;
	if ((form & FORM_RM) && modrm_mod(c) != 3)
		return 2;
	if (c->rex & REX_W)
		return form & FORM_NO_QUAD ? 4 : 8;
	return c->opsize ? 2 : 4;
}

/* A memory operand without ModRM: base register or none, default segment. */
static void set_memory(struct cursor *c, struct insn *insn, uint8_t base,
		       enum insn_segment segment)
{
	insn->has_mem = true;
	insn->base = base;
	insn->segment = c->segment == INSN_SEGMENTS ? segment : c->segment;
	if (insn->address_bytes == 2)
		c->result = DECODE_REFUSED;
}

/* The SIB byte. Returns the low three bits of its base field. */
static uint8_t take_sib(struct cursor *c, struct insn *insn)
{
	uint8_t sib = (uint8_t)take(c, 1);
	uint8_t index = extend(c, (sib >> 3) & 7, REX_X);

	if (index != 4) {
		insn->index = index;
		insn->scale = sib >> 6;
	}
	return sib & 7;
}

/* The memory operand that ModRM describes. */
static void take_memory(struct cursor *c, struct insn *insn)
{
	uint8_t mod = modrm_mod(c);
	uint8_t low = modrm_rm(c);
	bool sib = low == 4;
	uint8_t base;

	if (sib)
		low = take_sib(c, insn);
	base = extend(c, low, REX_B);
	if (mod == 0 && low == 5) {
		mod = 2;
		base = c->width == DECODE_64 && !sib ? INSN_REG_RIP
						     : INSN_REG_NONE;
	}
	if (mod != 0)
		insn->disp = take(c, mod == 1 ? 1 : 4);
	set_memory(c, insn, base, base == 4 || base == 5 ? INSN_SS : INSN_DS);
}

static void set_register(const struct cursor *c, struct insn *insn,
			 uint8_t number)
{
	insn->reg = number;
	if (insn->operand_bytes == 1 && !c->rex && number >= 4) {
		insn->reg = number - 4;
		insn->reg_high = true;
	}
}

/* What ModRM names: REG first, then r/m. */
static void take_modrm_operands(struct cursor *c, struct insn *insn,
				uint32_t form)
{
	uint8_t reg = extend(c, modrm_reg(c), REX_R);
	uint8_t rm = extend(c, modrm_rm(c), REX_B);

	if (form & FORM_REG)
		set_register(c, insn, reg);
	if (form & (FORM_CR | FORM_DR)) {
		insn->sysreg = reg;
		insn->reg = rm;
	}
	if ((form & FORM_CR) && reg != 0 && (reg < 2 || reg > 4) && reg != 8)
		c->result = DECODE_REFUSED;
	if ((form & FORM_DR) && reg > 7)
		c->result = DECODE_REFUSED;
	if (!(form & (FORM_MEM | FORM_RM)))
		return;
	if (modrm_mod(c) == 3)
		insn->reg = rm;
	else
		take_memory(c, insn);
}

static void take_operands(struct cursor *c, struct insn *insn, uint32_t form)
{
	if (form & FORM_MODRM)
		take_modrm_operands(c, insn, form);
	if (form & FORM_ACC)
		insn->reg = 0;
	if (form & FORM_OFFSET) {
		insn->disp = take(c, insn->address_bytes);
		set_memory(c, insn, INSN_REG_NONE, INSN_DS);
	}
	if (form & FORM_RSI)
		set_memory(c, insn, 6, INSN_DS);
	if (form & FORM_RDI) {
		c->segment = INSN_SEGMENTS; /* ES cannot be overridden */
		set_memory(c, insn, 7, INSN_ES);
	}
	if (form & (FORM_IMM | FORM_IMM8 | FORM_UIMM8)) {
		bool byte = !(form & FORM_IMM) || insn->operand_bytes == 1;

		insn->has_imm = true;
		insn->imm = take(c, byte		       ? 1
				    : insn->operand_bytes == 2 ? 2
							       : 4);
		if (form & FORM_UIMM8)
			insn->imm &= 0xff;
	}
}

enum decode_result decode_insn(const uint8_t *bytes, size_t len,
			       enum decode_width width, struct insn *out)
{
	struct cursor c = {
		.bytes = bytes,
		.len = len,
		.width = width,
		.segment = INSN_SEGMENTS,
	};
	struct insn_entry entry = take_opcode(&c);
	struct insn insn = {
		.op = entry.op,
		.width = (uint8_t)width,
		.address_bytes = width == DECODE_64 ? 8 : 4,
		.lock = c.lock,
		.rep = c.rep,
		.reg = INSN_REG_NONE,
		.base = INSN_REG_NONE,
		.index = INSN_REG_NONE,
	};

	if (c.result != DECODE_OK)
		return c.result;
	if (!allowed(&c, &entry))
		return DECODE_REFUSED;
	if (c.adsize)
		insn.address_bytes /= 2;
	insn.operand_bytes = operand_bytes(&c, entry.form);
	take_operands(&c, &insn, entry.form);
	if (c.result != DECODE_OK)
		return c.result;
	insn.length = (uint8_t)c.pos;
	*out = insn;
	return DECODE_OK;
}

size_t decode_forced_prefix(const uint8_t *bytes, size_t len)
{
	static const uint8_t prefix[] = { 0x0f, 0x0b, 'x', 'e', 'n' };

	if (len < sizeof(prefix))
		return 0;
	for (size_t i = 0; i < sizeof(prefix); i++)
		if (bytes[i] != prefix[i])
			return 0;
	return sizeof(prefix);
}
