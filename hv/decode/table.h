/* SPDX-License-Identifier: MIT */
/*
 * The opcode table, private to decode: what follows an opcode
 *
 * An entry names the operation and, as a set of FORM_ bits, where its
 * operands are. Where an opcode stands for several operations, the entry
 * names a group instead, and the REG field of the ModRM byte chooses.
 */
#ifndef HV_DECODE_TABLE_H
#define HV_DECODE_TABLE_H

#include <stdint.h>

enum insn_form {
	FORM_MODRM = 1 << 0, /* a ModRM byte follows */
	FORM_MEM = 1 << 1,   /* r/m is an operand and must be memory */
	FORM_RM = 1 << 2,    /* r/m is an operand, 16 bits if in memory */
	FORM_REG = 1 << 3,   /* the REG field names a general register */
	FORM_CR = 1 << 4,  /* REG names a control register, r/m a general one */
	FORM_DR = 1 << 5,  /* the same with a debug register */
	FORM_ACC = 1 << 6, /* the accumulator is an operand */
	FORM_OFFSET = 1 << 7, /* an address follows, without ModRM */
	FORM_RDI = 1 << 8,    /* memory operand is ES:RDI */
	FORM_RSI = 1 << 9,    /* memory operand is DS:RSI */
	FORM_IMM = 1 << 10,   /* immediate of operand size, 4 bytes at most */
	FORM_IMM8 = 1 << 11,  /* immediate byte, sign-extended */
	FORM_UIMM8 = 1 << 12, /* immediate byte, zero-extended */

	FORM_BYTE = 1 << 13,	/* operands of one byte */
	FORM_QUAD = 1 << 14,	/* operand of eight bytes, REX.W is refused */
	FORM_NO_QUAD = 1 << 15, /* REX.W means four bytes */

	FORM_LOCK = 1 << 16,  /* may have LOCK */
	FORM_REP = 1 << 17,   /* may have REP */
	FORM_NO_66 = 1 << 18, /* 66 would make it another instruction */
	FORM_ONLY_32 = 1 << 19,
	FORM_ONLY_64 = 1 << 20,

	/* Bytes that are no opcodes. */
	FORM_PREFIX = 1 << 21, /* REX among them, in 64-bit code */
	FORM_ESCAPE = 1 << 22, /* 0F: the opcode is in the other table */

	/* Of no entry: prefixes that the cursor notes beside those above. */
	FORM_REPNE = 1 << 23,
	FORM_ADSIZE = 1 << 24,

	/* A prefix must be allowed, or conflicts; where operands are. */
	FORM_NEEDED = FORM_LOCK | FORM_REP | FORM_REPNE,
	FORM_CONFLICTS = FORM_NO_66 | FORM_QUAD | FORM_ONLY_32 | FORM_ONLY_64,
	FORM_SIZED = FORM_BYTE | FORM_QUAD | FORM_CR | FORM_DR | FORM_RM,
	FORM_FIXED = FORM_ACC | FORM_OFFSET | FORM_RSI | FORM_RDI,
	FORM_IMMEDIATE = FORM_IMM | FORM_IMM8 | FORM_UIMM8,
};

enum insn_group {
	GROUP_NONE,
	GROUP_ARITHMETIC,
	GROUP_UNARY,
	GROUP_INC_DEC,
	GROUP_MOV,
	GROUP_BIT,
	GROUP_CMPXCHG8B,
	GROUP_LDT,
	GROUP_0F01_MEM,
	GROUP_0F01_REG, /* replaces the one above if r/m is a register */
	GROUP_0F01_D0,	/* two more that the r/m field chooses from */
	GROUP_0F01_F8,
	GROUPS,
};

struct insn_entry {
	uint8_t op; /* INSN_NONE: refused, unless there is a group */
	uint8_t group;
	uint32_t form; /* of a group: common to its members */
};

extern const struct insn_entry insn_table[2][256]; /* one byte; after 0F */
extern const struct insn_entry insn_groups[GROUPS][8];

#endif
