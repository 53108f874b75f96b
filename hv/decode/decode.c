/* SPDX-License-Identifier: MIT */
/*
 * From bytes to struct insn
 *
 * An instruction is: legacy prefixes in any order, a REX byte (64-bit code,
 * directly before the opcode or it does not count), the opcode, ModRM, SIB,
 * displacement, immediate. A cursor walks over them; whoever takes a byte
 * that is not there gives up, with the reason in the cursor.
 *
 * Refused although processors accept it: F2 anywhere, F3 where it does not
 * repeat (both turn up as parts of newer opcodes, and no kernel needs them
 * here), and 16-bit addresses.
 *
 * It is on the way of each emulated instruction: everything here is inlined,
 * and the table answers as much as one look at it can (table.h).
 */
#include "decode.h"
#include "table.h"

#define REX_W 8
#define REX_R 4
#define REX_X 2
#define REX_B 1

#define INLINE static inline __attribute__((always_inline))

struct cursor {
	const uint8_t *bytes;
	size_t len;
	size_t pos;
	enum decode_result result;
	enum decode_width width;
	uint32_t prefixes; /* FORM_* that they conflict with, or need */
	uint8_t rex;	   /* 0: none */
	uint8_t modrm;
	uint8_t segment; /* INSN_SEGMENTS: no override */
};

/* Whether n more bytes are there. */
INLINE bool left(struct cursor *c, unsigned int n)
{
	if (__builtin_expect(c->pos + n <= c->len, true))
		return true;
	c->result = c->pos + n > INSN_MAX_LENGTH ? DECODE_REFUSED
						 : DECODE_TRUNCATED;
	return false;
}

INLINE bool take_byte(struct cursor *c, uint8_t *byte)
{
	if (!left(c, 1))
		return false;
	*byte = c->bytes[c->pos++];
	return true;
}

/* The next n bytes, sign-extended. */
INLINE bool take(struct cursor *c, unsigned int n, int64_t *value)
{
	uint64_t word = 0;

	if (!left(c, n))
		return false;
	for (unsigned int i = 64 - 8 * n; i < 64; i += 8)
		word = word >> 8 | (uint64_t)c->bytes[c->pos++] << 56;
	*value = (int64_t)word >> (64 - 8 * n);
	return true;
}

INLINE uint8_t modrm_mod(const struct cursor *c)
{
	return c->modrm >> 6;
}

INLINE uint8_t modrm_reg(const struct cursor *c)
{
	return (c->modrm >> 3) & 7;
}

INLINE uint8_t modrm_rm(const struct cursor *c)
{
	return c->modrm & 7;
}

/* Register number: three bits from the opcode or ModRM, the fourth from REX. */
INLINE uint8_t extend(const struct cursor *c, uint8_t number, uint8_t rex_bit)
{
	return number | (c->rex & rex_bit ? 8 : 0);
}

/* False: in this mode the byte is no prefix. */
INLINE bool note_prefix(struct cursor *c, uint8_t byte)
{
	if ((byte & 0xf0) == 0x40) {
		c->rex = byte;
		return c->width == DECODE_64;
	}
	c->rex = 0; /* it was not the last prefix */
	switch (byte) {
	case 0x64:
		c->segment = INSN_FS;
		break;
	case 0x65:
		c->segment = INSN_GS;
		break;
	case 0x66:
		c->prefixes |= FORM_NO_66;
		break;
	case 0x67:
		c->prefixes |= FORM_ADSIZE;
		break;
	case 0xf0:
		c->prefixes |= FORM_LOCK;
		break;
	case 0xf2:
		c->prefixes |= FORM_REPNE;
		break;
	case 0xf3:
		c->prefixes |= FORM_REP;
		break;
	default: /* 26 2e 36 3e: ES CS SS DS */
		if (c->width == DECODE_32)
			c->segment = (byte >> 3) & 3;
		break;
	}
	return true;
}

/* The table's entry of the opcode behind the prefixes. */
INLINE bool take_opcode(struct cursor *c, struct insn_entry *entry)
{
	uint8_t byte;

	do {
		if (!take_byte(c, &byte))
			return false;
		*entry = insn_table[0][byte];
	} while ((entry->form & FORM_PREFIX) && note_prefix(c, byte));
	if (!(entry->form & FORM_ESCAPE))
		return true;
	if (!take_byte(c, &byte))
		return false;
	*entry = insn_table[1][byte];
	return true;
}

/* A ModRM byte, and the member of the opcode's group that it chooses. */
INLINE bool take_modrm(struct cursor *c, struct insn_entry *entry)
{
	if (!(entry->form & FORM_MODRM))
		return true;
	if (!take_byte(c, &c->modrm))
		return false;
	if (entry->group == GROUP_0F01_MEM && modrm_mod(c) == 3)
		entry->group = GROUP_0F01_REG;
	for (uint8_t field = modrm_reg(c); entry->group; field = modrm_rm(c)) {
		const struct insn_entry *member =
			&insn_groups[entry->group][field];

		entry->op = member->op;
		entry->group = member->group;
		entry->form |= member->form;
	}
	return true;
}

/* Whether prefixes, mode and operand kind are ones this instruction allows. */
INLINE bool allowed(const struct cursor *c, const struct insn_entry *entry)
{
	uint32_t here = c->prefixes | (c->rex & REX_W ? FORM_QUAD : 0);

	/* Of each bit: needed and not in the form, or in it and in conflict. */
	if (entry->op == INSN_NONE || (here & (entry->form ^ FORM_NEEDED) &
				       (FORM_NEEDED | FORM_CONFLICTS)))
		return false;
	return !(entry->form & FORM_MEM) || modrm_mod(c) != 3;
}

INLINE uint8_t operand_bytes(const struct cursor *c, uint32_t form)
{
	if (form & FORM_SIZED) {
		if (form & FORM_BYTE)
			return 1;
		if (form & FORM_QUAD)
			return 8;
		if (form & (FORM_CR | FORM_DR))
			return c->width == DECODE_64 ? 8 : 4;
		if ((form & FORM_RM) && modrm_mod(c) != 3)
			return 2;
	}
	if (c->rex & REX_W)
		return form & FORM_NO_QUAD ? 4 : 8;
	return c->prefixes & FORM_NO_66 ? 2 : 4;
}

/* A memory operand: base register or none, default segment. */
INLINE void set_memory(const struct cursor *c, struct insn *insn, uint8_t base,
		       enum insn_segment segment)
{
	insn->has_mem = true;
	insn->base = base;
	insn->segment = c->segment == INSN_SEGMENTS ? segment : c->segment;
}

/* The SIB byte. low: the low three bits of its base field. */
INLINE bool take_sib(struct cursor *c, struct insn *insn, uint8_t *low)
{
	uint8_t sib, index;

	if (!take_byte(c, &sib))
		return false;
	index = extend(c, (sib >> 3) & 7, REX_X);
	if (index != 4) {
		insn->index = index;
		insn->scale = sib >> 6;
	}
	*low = sib & 7;
	return true;
}

/* The memory operand that ModRM describes. */
INLINE bool take_memory(struct cursor *c, struct insn *insn)
{
	uint8_t mod = modrm_mod(c);
	uint8_t low = modrm_rm(c);
	bool sib = low == 4;
	uint8_t base;

	if (sib && !take_sib(c, insn, &low))
		return false;
	base = extend(c, low, REX_B);
	if (mod == 0 && low == 5) {
		mod = 2;
		base = c->width == DECODE_64 && !sib ? INSN_REG_RIP
						     : INSN_REG_NONE;
	}
	if (mod == 1 && !take(c, 1, &insn->disp))
		return false;
	if (mod == 2 && !take(c, 4, &insn->disp))
		return false;
	set_memory(c, insn, base, base == 4 || base == 5 ? INSN_SS : INSN_DS);
	return true;
}

INLINE void set_register(const struct cursor *c, struct insn *insn,
			 uint8_t number)
{
	insn->reg = number;
	if (insn->operand_bytes == 1 && number >= 4 && !c->rex) {
		insn->reg = number - 4;
		insn->reg_high = true;
	}
}

/* What ModRM names: REG first, then r/m. */
INLINE bool take_modrm_operands(struct cursor *c, struct insn *insn,
				uint32_t form)
{
	uint8_t reg = extend(c, modrm_reg(c), REX_R);
	/* control registers 0, 2, 3, 4 and 8; debug registers 0 to 7 */
	uint16_t exist = form & FORM_CR ? 0x11d : 0xff;

	if (form & FORM_REG)
		set_register(c, insn, reg);
	if ((form & (FORM_MEM | FORM_RM)) && modrm_mod(c) != 3)
		return take_memory(c, insn);
	if (form & (FORM_CR | FORM_DR | FORM_RM))
		insn->reg = extend(c, modrm_rm(c), REX_B);
	if (!(form & (FORM_CR | FORM_DR)) || exist >> reg & 1) {
		insn->sysreg = form & (FORM_CR | FORM_DR) ? reg : 0;
		return true;
	}
	c->result = DECODE_REFUSED;
	return false;
}

/* Operands whose place the opcode itself says. */
INLINE bool take_fixed_operands(struct cursor *c, struct insn *insn,
				uint32_t form)
{
	if (form & FORM_ACC)
		insn->reg = 0;
	if ((form & FORM_OFFSET) && !take(c, insn->address_bytes, &insn->disp))
		return false;
	if (form & FORM_OFFSET)
		set_memory(c, insn, INSN_REG_NONE, INSN_DS);
	if (form & FORM_RSI)
		set_memory(c, insn, 6, INSN_DS);
	if (form & FORM_RDI) {
		c->segment = INSN_SEGMENTS; /* ES cannot be overridden */
		set_memory(c, insn, 7, INSN_ES);
	}
	return true;
}

INLINE bool take_immediate(struct cursor *c, struct insn *insn, uint32_t form)
{
	bool byte = !(form & FORM_IMM) || insn->operand_bytes == 1;
	unsigned int n = byte ? 1 : insn->operand_bytes == 2 ? 2 : 4;

	insn->has_imm = true;
	if (!take(c, n, &insn->imm))
		return false;
	if (form & FORM_UIMM8)
		insn->imm &= 0xff;
	return true;
}

INLINE bool take_operands(struct cursor *c, struct insn *insn, uint32_t form)
{
	if ((form & FORM_MODRM) && !take_modrm_operands(c, insn, form))
		return false;
	if ((form & FORM_FIXED) && !take_fixed_operands(c, insn, form))
		return false;
	return !(form & FORM_IMMEDIATE) || take_immediate(c, insn, form);
}

/* What prefixes but REX, 66 and segments do. False: an address of 16 bits. */
static bool set_prefixes(const struct cursor *c, struct insn *insn,
			 uint32_t form)
{
	uint32_t memory = FORM_OFFSET | FORM_RSI | FORM_RDI |
			  (modrm_mod(c) == 3 ? 0 : FORM_MEM | FORM_RM);

	insn->lock = c->prefixes & FORM_LOCK;
	insn->rep = c->prefixes & FORM_REP;
	if (c->prefixes & FORM_ADSIZE)
		insn->address_bytes /= 2;
	return insn->address_bytes != 2 || !(form & memory);
}

enum decode_result decode_insn(const uint8_t *bytes, size_t len,
			       enum decode_width width,
			       struct insn *restrict out)
{
	struct cursor c = {
		.bytes = bytes,
		.len = len < INSN_MAX_LENGTH ? len : INSN_MAX_LENGTH,
		.width = width,
		.prefixes = width == DECODE_64 ? FORM_ONLY_32 : FORM_ONLY_64,
		.segment = INSN_SEGMENTS,
	};
	struct insn_entry entry;

	if (!take_opcode(&c, &entry) || !take_modrm(&c, &entry))
		return c.result;
	if (!allowed(&c, &entry))
		return DECODE_REFUSED;
	*out = (struct insn){
		.reg = INSN_REG_NONE,
		.base = INSN_REG_NONE,
		.index = INSN_REG_NONE,
	};
	out->op = entry.op;
	out->width = (uint8_t)width;
	out->operand_bytes = operand_bytes(&c, entry.form);
	out->address_bytes = width == DECODE_64 ? 8 : 4;
	if ((c.prefixes & (FORM_ADSIZE | FORM_LOCK | FORM_REP)) &&
	    !set_prefixes(&c, out, entry.form))
		return DECODE_REFUSED;
	if (!take_operands(&c, out, entry.form))
		return c.result;
	out->length = (uint8_t)c.pos;
	return DECODE_OK;
}

size_t decode_forced_prefix(const uint8_t *bytes, size_t len)
{
	uint32_t first;

	if (len < 5)
		return 0;
	__builtin_memcpy(&first, bytes, sizeof(first));
	return first == (0x0b0f | 'x' << 16 | 'e' << 24) && bytes[4] == 'n' ? 5
									    : 0;
}
