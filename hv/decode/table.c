/* SPDX-License-Identifier: MIT */
/*
 * The opcode table: each instruction that decode knows, once
 *
 * Everything absent is refused: reads of memory, compares without a write,
 * shifts, pushes, the string instructions that copy, and all of VEX, EVEX and
 * the escapes beyond 0F.
 */
#include "decode.h"
#include "table.h"

/* Read, modify and write the memory operand; the second operand is... */
#define RMW	(FORM_MODRM | FORM_MEM | FORM_LOCK)
#define RMW_REG (RMW | FORM_REG)
#define RMW_IMM (RMW | FORM_IMM)

/* An opcode for bytes, the next one for larger operands. */
#define PAIR(opcode, operation, shape)                               \
	[opcode] = { .op = operation, .form = (shape) | FORM_BYTE }, \
	[(opcode) + 1] = { .op = operation, .form = shape }
#define PAIR_GROUP(opcode, name, shape)                            \
	[opcode] = { .group = name, .form = (shape) | FORM_BYTE }, \
	[(opcode) + 1] = { .group = name, .form = shape }
#define GROUP(opcode, name, shape) [opcode] = { .group = name, .form = shape }
#define ONE(opcode, operation, shape) \
	[opcode] = { .op = operation, .form = shape }

const struct insn_entry insn_table[2][256] = {
	[0] = {
		PAIR(0x00, INSN_ADD, RMW_REG),
		PAIR(0x08, INSN_OR, RMW_REG),
		[0x0f] = { .form = FORM_ESCAPE },
		PAIR(0x10, INSN_ADC, RMW_REG),
		PAIR(0x18, INSN_SBB, RMW_REG),
		PAIR(0x20, INSN_AND, RMW_REG),
		[0x26] = { .form = FORM_PREFIX }, /* ES */
		PAIR(0x28, INSN_SUB, RMW_REG),
		[0x2e] = { .form = FORM_PREFIX }, /* CS */
		PAIR(0x30, INSN_XOR, RMW_REG),
		[0x36] = { .form = FORM_PREFIX }, /* SS */
		[0x3e] = { .form = FORM_PREFIX }, /* DS */
		[0x40 ... 0x4f] = { .form = FORM_PREFIX }, /* REX */
		/* FS GS, operand and address size */
		[0x64 ... 0x67] = { .form = FORM_PREFIX },
		PAIR(0x6c, INSN_INS, FORM_RDI | FORM_REP | FORM_NO_QUAD),
		PAIR(0x6e, INSN_OUTS, FORM_RSI | FORM_REP | FORM_NO_QUAD),
		PAIR_GROUP(0x80, GROUP_ARITHMETIC, RMW_IMM),
		GROUP(0x83, GROUP_ARITHMETIC, RMW | FORM_IMM8),
		PAIR(0x86, INSN_XCHG, RMW_REG),
		PAIR(0x88, INSN_MOV, FORM_MODRM | FORM_MEM | FORM_REG),
		PAIR(0xa2, INSN_MOV, FORM_OFFSET | FORM_ACC),
		PAIR(0xaa, INSN_STOS, FORM_RDI | FORM_ACC | FORM_REP),
		PAIR_GROUP(0xc6, GROUP_MOV, FORM_MODRM | FORM_MEM | FORM_IMM),
		ONE(0xcc, INSN_INT3, 0),
		ONE(0xcd, INSN_INT, FORM_UIMM8),
		ONE(0xce, INSN_INTO, FORM_ONLY_32),
		ONE(0xcf, INSN_IRET, 0),
		PAIR(0xe4, INSN_IN, FORM_ACC | FORM_UIMM8 | FORM_NO_QUAD),
		PAIR(0xe6, INSN_OUT, FORM_ACC | FORM_UIMM8 | FORM_NO_QUAD),
		PAIR(0xec, INSN_IN, FORM_ACC | FORM_NO_QUAD),
		PAIR(0xee, INSN_OUT, FORM_ACC | FORM_NO_QUAD),
		[0xf0] = { .form = FORM_PREFIX }, /* LOCK */
		ONE(0xf1, INSN_INT1, 0),
		[0xf2 ... 0xf3] = { .form = FORM_PREFIX }, /* REPNE REP */
		ONE(0xf4, INSN_HLT, 0),
		PAIR_GROUP(0xf6, GROUP_UNARY, RMW),
		ONE(0xfa, INSN_CLI, 0),
		ONE(0xfb, INSN_STI, 0),
		PAIR_GROUP(0xfe, GROUP_INC_DEC, RMW),
	},
	[1] = {
		GROUP(0x00, GROUP_LDT, FORM_MODRM | FORM_RM),
		GROUP(0x01, GROUP_0F01_MEM, FORM_MODRM),
		ONE(0x05, INSN_SYSCALL, 0),
		ONE(0x06, INSN_CLTS, 0),
		ONE(0x07, INSN_SYSRET, 0),
		ONE(0x08, INSN_INVD, 0),
		ONE(0x09, INSN_WBINVD, FORM_REP),
		ONE(0x20, INSN_MOV_FROM_CR, FORM_MODRM | FORM_CR),
		ONE(0x21, INSN_MOV_FROM_DR, FORM_MODRM | FORM_DR),
		ONE(0x22, INSN_MOV_TO_CR, FORM_MODRM | FORM_CR),
		ONE(0x23, INSN_MOV_TO_DR, FORM_MODRM | FORM_DR),
		ONE(0x30, INSN_WRMSR, 0),
		ONE(0x31, INSN_RDTSC, 0),
		ONE(0x32, INSN_RDMSR, 0),
		ONE(0x33, INSN_RDPMC, 0),
		ONE(0x34, INSN_SYSENTER, 0),
		ONE(0x35, INSN_SYSEXIT, 0),
		ONE(0xa2, INSN_CPUID, 0),
		ONE(0xab, INSN_BTS, RMW_REG),
		PAIR(0xb0, INSN_CMPXCHG, RMW_REG),
		ONE(0xb3, INSN_BTR, RMW_REG),
		GROUP(0xba, GROUP_BIT, RMW | FORM_UIMM8),
		ONE(0xbb, INSN_BTC, RMW_REG),
		PAIR(0xc0, INSN_XADD, RMW_REG),
		GROUP(0xc7, GROUP_CMPXCHG8B, RMW | FORM_QUAD),
	},
};

const struct insn_entry insn_groups[GROUPS][8] = {
	[GROUP_ARITHMETIC] = {
		ONE(0, INSN_ADD, 0),
		ONE(1, INSN_OR, 0),
		ONE(2, INSN_ADC, 0),
		ONE(3, INSN_SBB, 0),
		ONE(4, INSN_AND, 0),
		ONE(5, INSN_SUB, 0),
		ONE(6, INSN_XOR, 0),
	},
	[GROUP_UNARY] = {
		ONE(2, INSN_NOT, 0),
		ONE(3, INSN_NEG, 0),
	},
	[GROUP_INC_DEC] = {
		ONE(0, INSN_INC, 0),
		ONE(1, INSN_DEC, 0),
	},
	[GROUP_MOV] = {
		ONE(0, INSN_MOV, 0),
	},
	[GROUP_BIT] = {
		ONE(5, INSN_BTS, 0),
		ONE(6, INSN_BTR, 0),
		ONE(7, INSN_BTC, 0),
	},
	[GROUP_CMPXCHG8B] = {
		ONE(1, INSN_CMPXCHG8B, 0),
	},
	[GROUP_LDT] = {
		ONE(0, INSN_SLDT, 0),
		ONE(1, INSN_STR, 0),
		ONE(2, INSN_LLDT, 0),
		ONE(3, INSN_LTR, 0),
	},
	[GROUP_0F01_MEM] = {
		ONE(0, INSN_SGDT, FORM_MEM),
		ONE(1, INSN_SIDT, FORM_MEM),
		ONE(2, INSN_LGDT, FORM_MEM),
		ONE(3, INSN_LIDT, FORM_MEM),
		ONE(4, INSN_SMSW, FORM_RM),
		ONE(6, INSN_LMSW, FORM_RM),
		ONE(7, INSN_INVLPG, FORM_MEM),
	},
	[GROUP_0F01_REG] = {
		GROUP(2, GROUP_0F01_D0, 0),
		ONE(4, INSN_SMSW, FORM_RM),
		ONE(6, INSN_LMSW, FORM_RM),
		GROUP(7, GROUP_0F01_F8, 0),
	},
	[GROUP_0F01_D0] = {
		ONE(0, INSN_XGETBV, FORM_NO_66),
		ONE(1, INSN_XSETBV, FORM_NO_66),
	},
	[GROUP_0F01_F8] = {
		ONE(0, INSN_SWAPGS, FORM_ONLY_64),
		ONE(1, INSN_RDTSCP, 0),
	},
};
