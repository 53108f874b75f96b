/* SPDX-License-Identifier: MIT */
/*
 * The decoder against Zydis, an independent one
 *
 * Random and mutated instructions, in both modes. Zydis says what they are;
 * a short list of rules (expected_op(), permitted()) says which of them decode
 * is for. Both must then agree completely: on acceptance, length, operation
 * and every operand. The number of instructions is the first argument, or
 * DECODE_ORACLE_COUNT; the second argument is a seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <Zydis/Zydis.h>

#include "decode/decode.h"

#define BUFFER 18 /* more than an instruction can have */

static unsigned long count = 16000000;
static uint64_t seed = 1;
static unsigned long accepted[2];
static unsigned long accepted_ops[INSN_SYSEXIT + 1];

static uint64_t random64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1dull;
}

static unsigned int below(unsigned int n)
{
	return (unsigned int)((random64() >> 32) % n);
}

struct zydis {
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	bool valid;
};

struct mnemonic {
	ZydisMnemonic mnemonic;
	enum insn_op op;
};

/* Accepted if the first operand, or one that XCHG swaps, is memory. */
static const struct mnemonic writes[] = {
	{ ZYDIS_MNEMONIC_ADD, INSN_ADD },
	{ ZYDIS_MNEMONIC_OR, INSN_OR },
	{ ZYDIS_MNEMONIC_ADC, INSN_ADC },
	{ ZYDIS_MNEMONIC_SBB, INSN_SBB },
	{ ZYDIS_MNEMONIC_AND, INSN_AND },
	{ ZYDIS_MNEMONIC_SUB, INSN_SUB },
	{ ZYDIS_MNEMONIC_XOR, INSN_XOR },
	{ ZYDIS_MNEMONIC_NOT, INSN_NOT },
	{ ZYDIS_MNEMONIC_NEG, INSN_NEG },
	{ ZYDIS_MNEMONIC_INC, INSN_INC },
	{ ZYDIS_MNEMONIC_DEC, INSN_DEC },
	{ ZYDIS_MNEMONIC_BTS, INSN_BTS },
	{ ZYDIS_MNEMONIC_BTR, INSN_BTR },
	{ ZYDIS_MNEMONIC_BTC, INSN_BTC },
	{ ZYDIS_MNEMONIC_XCHG, INSN_XCHG },
	{ ZYDIS_MNEMONIC_XADD, INSN_XADD },
	{ ZYDIS_MNEMONIC_CMPXCHG, INSN_CMPXCHG },
	{ ZYDIS_MNEMONIC_CMPXCHG8B, INSN_CMPXCHG8B },
	{ ZYDIS_MNEMONIC_STOSB, INSN_STOS },
	{ ZYDIS_MNEMONIC_STOSW, INSN_STOS },
	{ ZYDIS_MNEMONIC_STOSD, INSN_STOS },
	{ ZYDIS_MNEMONIC_STOSQ, INSN_STOS },
};

/* Accepted always. */
static const struct mnemonic others[] = {
	{ ZYDIS_MNEMONIC_IN, INSN_IN },
	{ ZYDIS_MNEMONIC_OUT, INSN_OUT },
	{ ZYDIS_MNEMONIC_INSB, INSN_INS },
	{ ZYDIS_MNEMONIC_INSW, INSN_INS },
	{ ZYDIS_MNEMONIC_INSD, INSN_INS },
	{ ZYDIS_MNEMONIC_OUTSB, INSN_OUTS },
	{ ZYDIS_MNEMONIC_OUTSW, INSN_OUTS },
	{ ZYDIS_MNEMONIC_OUTSD, INSN_OUTS },
	{ ZYDIS_MNEMONIC_SLDT, INSN_SLDT },
	{ ZYDIS_MNEMONIC_STR, INSN_STR },
	{ ZYDIS_MNEMONIC_LLDT, INSN_LLDT },
	{ ZYDIS_MNEMONIC_LTR, INSN_LTR },
	{ ZYDIS_MNEMONIC_SMSW, INSN_SMSW },
	{ ZYDIS_MNEMONIC_LMSW, INSN_LMSW },
	{ ZYDIS_MNEMONIC_SGDT, INSN_SGDT },
	{ ZYDIS_MNEMONIC_SIDT, INSN_SIDT },
	{ ZYDIS_MNEMONIC_LGDT, INSN_LGDT },
	{ ZYDIS_MNEMONIC_LIDT, INSN_LIDT },
	{ ZYDIS_MNEMONIC_INVLPG, INSN_INVLPG },
	{ ZYDIS_MNEMONIC_RDMSR, INSN_RDMSR },
	{ ZYDIS_MNEMONIC_WRMSR, INSN_WRMSR },
	{ ZYDIS_MNEMONIC_RDTSC, INSN_RDTSC },
	{ ZYDIS_MNEMONIC_RDTSCP, INSN_RDTSCP },
	{ ZYDIS_MNEMONIC_RDPMC, INSN_RDPMC },
	{ ZYDIS_MNEMONIC_CPUID, INSN_CPUID },
	{ ZYDIS_MNEMONIC_XGETBV, INSN_XGETBV },
	{ ZYDIS_MNEMONIC_XSETBV, INSN_XSETBV },
	{ ZYDIS_MNEMONIC_SWAPGS, INSN_SWAPGS },
	{ ZYDIS_MNEMONIC_CLTS, INSN_CLTS },
	{ ZYDIS_MNEMONIC_INVD, INSN_INVD },
	{ ZYDIS_MNEMONIC_WBINVD, INSN_WBINVD },
	{ ZYDIS_MNEMONIC_CLI, INSN_CLI },
	{ ZYDIS_MNEMONIC_STI, INSN_STI },
	{ ZYDIS_MNEMONIC_HLT, INSN_HLT },
	{ ZYDIS_MNEMONIC_INT, INSN_INT },
	{ ZYDIS_MNEMONIC_INT1, INSN_INT1 },
	{ ZYDIS_MNEMONIC_INT3, INSN_INT3 },
	{ ZYDIS_MNEMONIC_INTO, INSN_INTO },
	{ ZYDIS_MNEMONIC_IRET, INSN_IRET },
	{ ZYDIS_MNEMONIC_IRETD, INSN_IRET },
	{ ZYDIS_MNEMONIC_IRETQ, INSN_IRET },
	{ ZYDIS_MNEMONIC_SYSCALL, INSN_SYSCALL },
	{ ZYDIS_MNEMONIC_SYSRET, INSN_SYSRET },
	{ ZYDIS_MNEMONIC_SYSENTER, INSN_SYSENTER },
	{ ZYDIS_MNEMONIC_SYSEXIT, INSN_SYSEXIT },
};

static ZydisRegisterClass class_of(const ZydisDecodedOperand *operand)
{
	if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER)
		return ZYDIS_REGCLASS_INVALID;
	return ZydisRegisterGetClass(operand->reg.value);
}

static bool is_memory(const ZydisDecodedOperand *operand)
{
	return operand->type == ZYDIS_OPERAND_TYPE_MEMORY;
}

/* MOV is many instructions. */
static enum insn_op mov_op(const ZydisDecodedOperand *operands)
{
	ZydisRegisterClass to = class_of(&operands[0]);
	ZydisRegisterClass from = class_of(&operands[1]);

	if (from == ZYDIS_REGCLASS_CONTROL)
		return INSN_MOV_FROM_CR;
	if (to == ZYDIS_REGCLASS_CONTROL)
		return INSN_MOV_TO_CR;
	if (from == ZYDIS_REGCLASS_DEBUG)
		return INSN_MOV_FROM_DR;
	if (to == ZYDIS_REGCLASS_DEBUG)
		return INSN_MOV_TO_DR;
	if (is_memory(&operands[0]) && from != ZYDIS_REGCLASS_SEGMENT)
		return INSN_MOV;
	return INSN_NONE;
}

/* What decode should call this instruction, INSN_NONE if it is not for it. */
static enum insn_op expected_op(const struct zydis *z)
{
	ZydisMnemonic m = z->insn.mnemonic;
	bool memory = is_memory(&z->operands[0]) ||
		      (m == ZYDIS_MNEMONIC_XCHG && is_memory(&z->operands[1]));

	if (m == ZYDIS_MNEMONIC_MOV)
		return mov_op(z->operands);
	for (size_t i = 0; memory && i < sizeof(writes) / sizeof(*writes); i++)
		if (writes[i].mnemonic == m)
			return writes[i].op;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (others[i].mnemonic == m)
			return others[i].op;
	return INSN_NONE;
}

/* The operand of that type, unless it is the stack that IRET or INT uses. */
static const ZydisDecodedOperand *find(const struct zydis *z,
				       ZydisOperandType type)
{
	for (unsigned int i = 0; i < z->insn.operand_count; i++) {
		const ZydisDecodedOperand *o = &z->operands[i];
		bool explicit =
			o->visibility == ZYDIS_OPERAND_VISIBILITY_EXPLICIT;

		if (o->type != type)
			continue;
		if (explicit || (type == ZYDIS_OPERAND_TYPE_MEMORY &&
				 ZydisRegisterGetId(o->mem.base) != 4))
			return o;
	}
	return NULL;
}

static bool has_prefix(const struct zydis *z, uint8_t byte)
{
	for (unsigned int i = 0; i < z->insn.raw.prefix_count; i++)
		if (z->insn.raw.prefixes[i].value == byte)
			return true;
	return false;
}

/* Our policy: forms that processors accept and decode refuses. */
static bool permitted(const struct zydis *z, enum insn_op op)
{
	if (has_prefix(z, 0xf2))
		return false;
	if (has_prefix(z, 0xf3) && op != INSN_INS && op != INSN_OUTS &&
	    op != INSN_STOS && op != INSN_WBINVD)
		return false;
	if (z->insn.address_width == 16 && find(z, ZYDIS_OPERAND_TYPE_MEMORY))
		return false;
	if (z->insn.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT &&
	    z->insn.opcode == 0x82)
		return false;
	return true;
}

/* Our number for a register that Zydis names. */
static unsigned int number_of(ZydisRegister reg)
{
	if (reg == ZYDIS_REGISTER_NONE)
		return INSN_REG_NONE;
	if (reg == ZYDIS_REGISTER_RIP || reg == ZYDIS_REGISTER_EIP)
		return INSN_REG_RIP;
	if (reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH)
		return (unsigned int)(reg - ZYDIS_REGISTER_AH);
	if (reg >= ZYDIS_REGISTER_SPL && reg <= ZYDIS_REGISTER_R15B)
		return (unsigned int)(reg - ZYDIS_REGISTER_SPL) + 4;
	return (unsigned int)ZydisRegisterGetId(reg);
}

/*
 * Zydis 4.0 errs here: with 32-bit addresses in 64-bit code and REX.B it takes
 * "no base, disp32" for a base of R13. (The processor does not:
 * decode_effect_test.c runs these.)
 */
static bool zydis_invents_base(const struct zydis *z)
{
	return z->insn.machine_mode == ZYDIS_MACHINE_MODE_LONG_64 &&
	       z->insn.address_width == 32 && z->insn.raw.rex.B &&
	       z->insn.raw.modrm.mod == 0 && z->insn.raw.modrm.rm == 4 &&
	       z->insn.raw.sib.base == 5;
}

static void check_memory(const struct zydis *z, const struct insn *insn)
{
	const ZydisDecodedOperand *o = find(z, ZYDIS_OPERAND_TYPE_MEMORY);

	assert_int_equal(insn->has_mem, o != NULL);
	if (!o)
		return;
	assert_int_equal(insn->segment, ZydisRegisterGetId(o->mem.segment));
	assert_int_equal(insn->index, number_of(o->mem.index));
	if (insn->index != INSN_REG_NONE)
		assert_int_equal(1 << insn->scale, o->mem.scale);
	if (zydis_invents_base(z)) {
		assert_int_equal(insn->base, INSN_REG_NONE);
		return;
	}
	assert_int_equal(insn->base, number_of(o->mem.base));
	assert_int_equal(insn->disp,
			 o->mem.disp.has_displacement ? o->mem.disp.value : 0);
}

static void check_immediate(const struct zydis *z, const struct insn *insn)
{
	const ZydisDecodedOperand *o = find(z, ZYDIS_OPERAND_TYPE_IMMEDIATE);

	assert_int_equal(insn->has_imm, o != NULL);
	if (!o)
		return;
	if (insn->op > INSN_LAST_WRITE ||
	    (insn->op >= INSN_BTS && insn->op <= INSN_BTC))
		assert_int_equal(insn->imm, o->imm.value.u & 0xff);
	else if (o->imm.is_signed)
		assert_int_equal(insn->imm, o->imm.value.s);
	else /* Zydis leaves it to the operand's size */
		assert_int_equal(
			(uint64_t)insn->imm &
				(~0ull >> (64 - 8 * insn->operand_bytes)),
			o->imm.value.u);
}

/* The general register, and the control or debug register beside it. */
static void check_registers(const struct zydis *z, const struct insn *insn)
{
	bool implied = insn->op == INSN_STOS;
	bool port = insn->op >= INSN_IN && insn->op <= INSN_OUTS;

	for (unsigned int i = 0; i < z->insn.operand_count; i++) {
		const ZydisDecodedOperand *o = &z->operands[i];
		ZydisRegisterClass class = class_of(o);

		if (class == ZYDIS_REGCLASS_INVALID ||
		    o->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN ||
		    (port && o->reg.value == ZYDIS_REGISTER_DX))
			continue;
		if (class == ZYDIS_REGCLASS_CONTROL ||
		    class == ZYDIS_REGCLASS_DEBUG) {
			assert_int_equal(insn->sysreg, number_of(o->reg.value));
			continue;
		}
		assert_int_equal(insn->reg, number_of(o->reg.value));
		assert_int_equal(insn->reg_high,
				 o->reg.value >= ZYDIS_REGISTER_AH &&
					 o->reg.value <= ZYDIS_REGISTER_BH);
		implied = true;
	}
	if (!implied && insn->op != INSN_IN && insn->op != INSN_OUT)
		assert_int_equal(insn->reg, INSN_REG_NONE);
}

static void check_accepted(const struct zydis *z, const struct insn *insn)
{
	const ZydisDecodedOperand *o;

	assert_int_equal(insn->length, z->insn.length);
	assert_int_equal(insn->address_bytes, z->insn.address_width / 8);
	assert_int_equal(insn->lock,
			 !!(z->insn.attributes & ZYDIS_ATTRIB_HAS_LOCK));
	assert_int_equal(insn->rep, has_prefix(z, 0xf3));
	check_memory(z, insn);
	check_immediate(z, insn);
	check_registers(z, insn);

	o = insn->op <= INSN_LAST_WRITE || insn->op == INSN_INS ||
			    insn->op == INSN_OUTS
		    ? find(z, ZYDIS_OPERAND_TYPE_MEMORY)
	    : insn->op == INSN_IN  ? &z->operands[0]
	    : insn->op == INSN_OUT ? &z->operands[1]
				   : NULL;
	if (o)
		assert_int_equal(insn->operand_bytes, o->size / 8);
	accepted[insn->width]++;
	accepted_ops[insn->op]++;
}

static const ZydisDecoder *decoder_for(enum decode_width width)
{
	static ZydisDecoder decoders[2];
	static bool ready;

	if (!ready) {
		ZydisDecoderInit(&decoders[DECODE_32],
				 ZYDIS_MACHINE_MODE_LONG_COMPAT_32,
				 ZYDIS_STACK_WIDTH_32);
		ZydisDecoderInit(&decoders[DECODE_64],
				 ZYDIS_MACHINE_MODE_LONG_64,
				 ZYDIS_STACK_WIDTH_64);
		ready = true;
	}
	return &decoders[width];
}

/* For the message of a failure. */
static uint8_t current[BUFFER];
static size_t current_len;
static enum decode_width current_width;

static void remember(const uint8_t *bytes, size_t len, enum decode_width width)
{
	memcpy(current, bytes, len);
	current_len = len;
	current_width = width;
}

static bool compare(const uint8_t *bytes, size_t len, enum decode_width width)
{
	struct insn insn;
	struct zydis z;
	enum insn_op op;
	enum decode_result result = decode_insn(bytes, len, width, &insn);
	ZyanStatus status = ZydisDecoderDecodeFull(decoder_for(width), bytes,
						   len, &z.insn, z.operands);

	op = ZYAN_SUCCESS(status) ? expected_op(&z) : INSN_NONE;
	if (op != INSN_NONE && !permitted(&z, op))
		op = INSN_NONE;
	if (op != INSN_NONE || result == DECODE_OK) {
		remember(bytes, len, width);
		assert_int_equal(result, DECODE_OK);
		assert_int_equal(insn.op, op);
		check_accepted(&z, &insn);
		assert_int_equal(
			decode_insn(bytes, below(insn.length), width, &insn),
			DECODE_TRUNCATED);
	} else if (ZYAN_SUCCESS(status)) {
		assert_int_equal(result, DECODE_REFUSED);
	}
	return result == DECODE_OK;
}

static const uint8_t one_byte[] = {
	0x00, 0x01, 0x08, 0x09, 0x10, 0x11, 0x18, 0x19, 0x20, 0x21, 0x28,
	0x29, 0x30, 0x31, 0x6c, 0x6d, 0x6e, 0x6f, 0x80, 0x81, 0x82, 0x83,
	0x86, 0x87, 0x88, 0x89, 0xa2, 0xa3, 0xaa, 0xab, 0xc6, 0xc7, 0xcc,
	0xcd, 0xce, 0xcf, 0xe4, 0xe5, 0xe6, 0xe7, 0xec, 0xed, 0xee, 0xef,
	0xf1, 0xf4, 0xf6, 0xf7, 0xfa, 0xfb, 0xfe, 0xff,
};

static const uint8_t two_byte[] = {
	0x00, 0x01, 0x05, 0x06, 0x07, 0x08, 0x09, 0x20, 0x21,
	0x22, 0x23, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0xa2,
	0xab, 0xb0, 0xb1, 0xb3, 0xba, 0xbb, 0xc0, 0xc1, 0xc7,
};

static const uint8_t prefixes[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65,
				    0x66, 0x67, 0xf0, 0xf2, 0xf3 };

/* An opcode we know, behind some prefixes, or anything at all. */
static void generate(uint8_t bytes[BUFFER])
{
	unsigned int at = 0;
	unsigned int many = below(16) ? below(3) : below(14);

	for (unsigned int i = 0; i < BUFFER; i++)
		bytes[i] = (uint8_t)random64();
	for (; at < many; at++)
		bytes[at] = below(8) ? prefixes[below(sizeof(prefixes))]
				     : 0x40 + below(16);
	if (below(2))
		bytes[at++] = 0x40 + below(16);
	if (!below(6))
		return;
	if (below(2)) {
		bytes[at++] = one_byte[below(sizeof(one_byte))];
	} else {
		bytes[at++] = 0x0f;
		bytes[at++] = two_byte[below(sizeof(two_byte))];
	}
}

static void agrees_with_zydis(void **state)
{
	uint8_t bytes[BUFFER];
	bool again = false;

	(void)state;
	for (unsigned long i = 0; i < count; i++) {
		if (again && below(3)) /* what was valid, a little changed */
			bytes[below(INSN_MAX_LENGTH)] ^= 1 << below(8);
		else
			generate(bytes);
		again = compare(bytes, BUFFER, DECODE_64);
		again |= compare(bytes, BUFFER, DECODE_32);
	}
	current_len = 0;
}

/*
 * Every opcode of the four maps with every ModRM byte, behind each prefix that
 * can change what it means: nothing is left to chance here.
 */
static void agrees_on_every_opcode(void **state)
{
	static const struct {
		uint8_t n, bytes[3];
	} maps[] = { { 0, { 0 } },
		     { 1, { 0x0f } },
		     { 2, { 0x0f, 0x38 } },
		     { 2, { 0x0f, 0x3a } } },
	  before[] = { { 0, { 0 } },	      { 1, { 0x66 } },
		       { 1, { 0x67 } },	      { 1, { 0xf0 } },
		       { 1, { 0xf2 } },	      { 1, { 0xf3 } },
		       { 1, { 0x48 } },	      { 1, { 0x45 } },
		       { 1, { 0x64 } },	      { 2, { 0x66, 0x48 } },
		       { 2, { 0xf0, 0x48 } }, { 2, { 0xf3, 0x48 } },
		       { 2, { 0x66, 0xf3 } } };

	(void)state;
	for (unsigned int i = 0; i < 4U << 16; i++) {
		for (unsigned int j = 0; j < sizeof(before) / sizeof(before[0]);
		     j++) {
			uint8_t bytes[BUFFER] = { 0 };
			unsigned int n = before[j].n, m = maps[i >> 16].n;

			memcpy(bytes, before[j].bytes, n);
			memcpy(bytes + n, maps[i >> 16].bytes, m);
			bytes[n + m] = (uint8_t)(i >> 8);
			bytes[n + m + 1] = (uint8_t)i;
			bytes[n + m + 2] = (uint8_t)random64(); /* SIB */
			compare(bytes, BUFFER, DECODE_64);
			compare(bytes, BUFFER, DECODE_32);
		}
	}
	current_len = 0;
}

/* Cut short at any length, the two still agree, and nobody reads beyond. */
static void agrees_when_truncated(void **state)
{
	(void)state;
	for (unsigned long i = 0; i < count / 20; i++) {
		enum decode_width width = below(2);
		uint8_t bytes[BUFFER];
		size_t len = below(BUFFER);
		uint8_t *last = bytes + BUFFER - len; /* ASan guards the end */

		generate(bytes);
		memmove(last, bytes, len);
		compare(last, len, width);
	}
	current_len = 0;
}

/* The comparison means something only if all of it was reached. */
static void met_every_operation(void **state)
{
	(void)state;
	for (unsigned int op = 1; op <= INSN_SYSEXIT; op++)
		if (!accepted_ops[op])
			fail_msg("operation %u never came up", op);
	assert_true(accepted[DECODE_32] > count / 20);
	assert_true(accepted[DECODE_64] > count / 20);
	print_message("%lu accepted in 64-bit code, %lu in 32-bit code\n",
		      accepted[DECODE_64], accepted[DECODE_32]);
}

static int show(void **state)
{
	(void)state;
	if (!current_len)
		return 0;
	print_message("the last one, %d-bit code:",
		      current_width == DECODE_64 ? 64 : 32);
	for (size_t i = 0; i < current_len; i++)
		print_message(" %02x", current[i]);
	print_message("\n");
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(agrees_with_zydis, show),
		cmocka_unit_test_teardown(agrees_on_every_opcode, show),
		cmocka_unit_test_teardown(agrees_when_truncated, show),
		cmocka_unit_test(met_every_operation),
	};
	const char *wanted = argc > 1 ? argv[1] : getenv("DECODE_ORACLE_COUNT");

	if (wanted)
		count = strtoul(wanted, NULL, 0);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 0) | 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
