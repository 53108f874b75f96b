/* SPDX-License-Identifier: MIT */
/*
 * Instructions written out by hand, with what they mean
 *
 * The first table has the very bytes that Debian's kernels execute on their
 * page tables and in place of privileged work. An expectation reads
 * "operation.size operands", registers by hardware number: r0 is RAX, r4h
 * would be nonsense, r0h is AH.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "decode/decode.h"

struct example {
	const char *bytes;   /* hexadecimal, spaces between */
	const char *meaning; /* NULL: refused */
};

static const char *const op_names[] = {
	[INSN_ADD] = "add",
	[INSN_OR] = "or",
	[INSN_ADC] = "adc",
	[INSN_SBB] = "sbb",
	[INSN_AND] = "and",
	[INSN_SUB] = "sub",
	[INSN_XOR] = "xor",
	[INSN_NOT] = "not",
	[INSN_NEG] = "neg",
	[INSN_INC] = "inc",
	[INSN_DEC] = "dec",
	[INSN_BTS] = "bts",
	[INSN_BTR] = "btr",
	[INSN_BTC] = "btc",
	[INSN_MOV] = "mov",
	[INSN_STOS] = "stos",
	[INSN_XCHG] = "xchg",
	[INSN_XADD] = "xadd",
	[INSN_CMPXCHG] = "cmpxchg",
	[INSN_CMPXCHG8B] = "cmpxchg8b",
	[INSN_IN] = "in",
	[INSN_OUT] = "out",
	[INSN_INS] = "ins",
	[INSN_OUTS] = "outs",
	[INSN_MOV_FROM_CR] = "getcr",
	[INSN_MOV_TO_CR] = "setcr",
	[INSN_MOV_FROM_DR] = "getdr",
	[INSN_MOV_TO_DR] = "setdr",
	[INSN_SLDT] = "sldt",
	[INSN_STR] = "str",
	[INSN_LLDT] = "lldt",
	[INSN_LTR] = "ltr",
	[INSN_SMSW] = "smsw",
	[INSN_LMSW] = "lmsw",
	[INSN_SGDT] = "sgdt",
	[INSN_SIDT] = "sidt",
	[INSN_LGDT] = "lgdt",
	[INSN_LIDT] = "lidt",
	[INSN_INVLPG] = "invlpg",
	[INSN_RDMSR] = "rdmsr",
	[INSN_WRMSR] = "wrmsr",
	[INSN_RDTSC] = "rdtsc",
	[INSN_RDTSCP] = "rdtscp",
	[INSN_RDPMC] = "rdpmc",
	[INSN_CPUID] = "cpuid",
	[INSN_XGETBV] = "xgetbv",
	[INSN_XSETBV] = "xsetbv",
	[INSN_SWAPGS] = "swapgs",
	[INSN_CLTS] = "clts",
	[INSN_INVD] = "invd",
	[INSN_WBINVD] = "wbinvd",
	[INSN_CLI] = "cli",
	[INSN_STI] = "sti",
	[INSN_HLT] = "hlt",
	[INSN_INT] = "int",
	[INSN_INT1] = "int1",
	[INSN_INT3] = "int3",
	[INSN_INTO] = "into",
	[INSN_IRET] = "iret",
	[INSN_SYSCALL] = "syscall",
	[INSN_SYSRET] = "sysret",
	[INSN_SYSENTER] = "sysenter",
	[INSN_SYSEXIT] = "sysexit",
};

static const struct example linux_64[] = {
	/* ptep_get_and_clear, set_pte, ptep_set_wrprotect, young bits */
	{ "48 87 10", "xchg.8 ds:[r0] r2" },
	{ "48 87 1a", "xchg.8 ds:[r2] r3" },
	{ "48 87 03", "xchg.8 ds:[r3] r0" },
	{ "48 87 75 00", "xchg.8 ss:[r5] r6" },
	{ "48 89 2b", "mov.8 ds:[r3] r5" },
	{ "48 89 01", "mov.8 ds:[r1] r0" },
	{ "49 89 34 da", "mov.8 ds:[r10+r3*8] r6" },
	{ "3e 41 80 24 24 fd", "and.1 ds:[r12] #-3" },
	{ "f0 41 80 24 24 fd", "lock and.1 ds:[r12] #-3" },
	{ "f0 80 20 fd", "lock and.1 ds:[r0] #-3" },
	{ "3e 80 23 fd", "and.1 ds:[r3] #-3" },
	{ "f0 48 0f b1 0b", "lock cmpxchg.8 ds:[r3] r1" },
	{ "3e 48 0f b1 13", "cmpxchg.8 ds:[r3] r2" },
	{ "f0 48 0f ba 33 01", "lock btr.8 ds:[r3] #1" },
	{ "f0 48 0f ba 36 05", "lock btr.8 ds:[r6] #5" },
	{ "f0 48 0f b3 02", "lock btr.8 ds:[r2] r0" },
	{ "48 c7 00 00 00 00 00", "mov.8 ds:[r0] #0" },
	{ "48 c7 04 c8 00 00 00 80", "mov.8 ds:[r0+r1*8] #-2147483648" },
	{ "89 10", "mov.4 ds:[r0] r2" },

	/* in place of privileged work */
	{ "0f a2", "cpuid.4" },
	{ "0f 30", "wrmsr.4" },
	{ "0f 32", "rdmsr.4" },
	{ "0f 20 d0", "getcr.8 r0 2" },
	{ "0f 22 e0", "setcr.8 r0 4" },
	{ "44 0f 20 c0", "getcr.8 r0 8" },
	{ "0f 01 d1", "xsetbv.4" },
	{ "ee", "out.1 r0" },
	{ "ef", "out.4 r0" },
	{ "66 ef", "out.2 r0" },
	{ "ec", "in.1 r0" },
	{ "e4 61", "in.1 r0 #97" },
	{ "e6 80", "out.1 r0 #128" },
	{ "fa", "cli.4" },
	{ "fb", "sti.4" },
	{ "f4", "hlt.4" },
	{ "0f 06", "clts.4" },
	{ "0f 09", "wbinvd.4" },
	{ "0f 01 38", "invlpg.4 ds:[r0]" },
	{ "48 cf", "iret.8" },
	{ "0f 05", "syscall.4" },
	{ "cd 80", "int.4 #128" },
	{ "cc", "int3.4" },
};

static const struct example rules_64[] = {
	/* ModRM and SIB special cases */
	{ "48 89 05 10 00 00 00", "mov.8 ds:[rip+16] r0" },
	{ "49 89 05 f0 ff ff ff", "mov.8 ds:[rip-16] r0" },
	{ "67 89 05 10 00 00 00", "mov.4 a4 ds:[rip+16] r0" },
	{ "89 04 25 00 00 00 80", "mov.4 ds:[-2147483648] r0" },
	{ "67 89 04 25 00 00 00 80", "mov.4 a4 ds:[-2147483648] r0" },
	{ "89 04 24", "mov.4 ss:[r4] r0" },
	{ "89 04 64", "mov.4 ss:[r4] r0" },
	{ "42 89 04 24", "mov.4 ss:[r4+r12*1] r0" },
	{ "89 45 80", "mov.4 ss:[r5-128] r0" },
	{ "41 89 45 80", "mov.4 ds:[r13-128] r0" },
	{ "89 04 2d 01 00 00 00", "mov.4 ds:[r5*1+1] r0" },
	{ "41 89 04 2d 01 00 00 00", "mov.4 ds:[r5*1+1] r0" },
	{ "43 89 44 ed 7f", "mov.4 ds:[r13+r13*8+127] r0" },
	{ "89 84 8b 78 56 34 12", "mov.4 ds:[r3+r1*4+305419896] r0" },

	/* addresses without ModRM */
	{ "48 a3 88 77 66 55 44 33 22 11",
	  "mov.8 ds:[1234605616436508552] r0" },
	{ "67 a2 44 33 22 11", "mov.1 a4 ds:[287454020] r0" },
	{ "64 a2 00 00 00 00 00 00 00 00", "mov.1 fs:[0] r0" },

	/* segments: the last FS or GS counts, the others do not exist */
	{ "65 48 89 00", "mov.8 gs:[r0] r0" },
	{ "65 3e 48 89 00", "mov.8 gs:[r0] r0" },
	{ "64 65 48 89 00", "mov.8 gs:[r0] r0" },
	{ "2e 48 89 00", "mov.8 ds:[r0] r0" },
	{ "65 48 ab", "stos.8 es:[r7] r0" },
	{ "65 6e", "outs.1 gs:[r6]" },

	/* REX: must be last, W beats 66 */
	{ "48 66 89 00", "mov.2 ds:[r0] r0" },
	{ "66 48 89 00", "mov.8 ds:[r0] r0" },
	{ "4d 41 89 00", "mov.4 ds:[r8] r0" },
	{ "4c 88 38", "mov.1 ds:[r0] r15" },
	{ "88 38", "mov.1 ds:[r0] r3h" },
	{ "40 88 38", "mov.1 ds:[r0] r7" },
	{ "88 20", "mov.1 ds:[r0] r0h" },
	{ "88 18", "mov.1 ds:[r0] r3" },
	{ "40 66 88 38", "mov.1 ds:[r0] r3h" },
	{ "48 ed", "in.4 r0" },
	{ "66 48 ed", "in.4 r0" },

	/* immediates */
	{ "66 c7 00 00 80", "mov.2 ds:[r0] #-32768" },
	{ "66 81 08 ff 7f", "or.2 ds:[r0] #32767" },
	{ "48 83 08 ff", "or.8 ds:[r0] #-1" },
	{ "48 0f ba 28 ff", "bts.8 ds:[r0] #255" },
	{ "c6 00 ff", "mov.1 ds:[r0] #-1" },

	/* LOCK */
	{ "f0 48 ff 00", "lock inc.8 ds:[r0]" },
	{ "f0 0f c7 08", "lock cmpxchg8b.8 ds:[r0]" },
	{ "f0 86 00", "lock xchg.1 ds:[r0] r0" },
	{ "f0 48 89 00", NULL },
	{ "f0 aa", NULL },
	{ "f0 48 01 c0", NULL },
	{ "f0 0f a2", NULL },
	{ "f0 0f 20 c0", NULL },

	/* repeats */
	{ "f3 6c", "rep ins.1 es:[r7]" },
	{ "f3 66 6f", "rep outs.2 ds:[r6]" },
	{ "67 f3 6d", "rep ins.4 a4 es:[r7]" },
	{ "f3 0f 09", "rep wbinvd.4" },
	{ "f3 48 ab", "rep stos.8 es:[r7] r0" },
	{ "f2 6c", NULL },
	{ "f3 0f 32", NULL },

	/* control and debug registers: r/m is always a register */
	{ "0f 20 04", "getcr.8 r4 0" },
	{ "41 0f 22 df", "setcr.8 r15 3" },
	{ "0f 21 f8", "getdr.8 r0 7" },
	{ "66 0f 23 f9", "setdr.8 r1 7" },
	{ "0f 20 c8", NULL },
	{ "0f 22 e8", NULL },
	{ "44 0f 20 c8", NULL },
	{ "44 0f 23 c0", NULL },

	/* the groups of 0F 00 and 0F 01 */
	{ "0f 00 d0", "lldt.4 r0" },
	{ "0f 00 18", "ltr.2 ds:[r0]" },
	{ "48 0f 00 c1", "sldt.8 r1" },
	{ "0f 00 c9", "str.4 r1" },
	{ "0f 01 00", "sgdt.4 ds:[r0]" },
	{ "0f 01 08", "sidt.4 ds:[r0]" },
	{ "0f 01 10", "lgdt.4 ds:[r0]" },
	{ "0f 01 18", "lidt.4 ds:[r0]" },
	{ "0f 01 20", "smsw.2 ds:[r0]" },
	{ "0f 01 e3", "smsw.4 r3" },
	{ "0f 01 f3", "lmsw.4 r3" },
	{ "0f 01 d0", "xgetbv.4" },
	{ "0f 01 f8", "swapgs.4" },
	{ "0f 01 f9", "rdtscp.4" },
	{ "0f 01 c1", NULL }, /* vmcall */
	{ "0f 01 d9", NULL }, /* vmmcall */
	{ "0f 01 ca", NULL }, /* clac */
	{ "66 0f 01 d0", NULL },
	{ "0f 01 28", NULL },
	{ "0f 00 20", NULL }, /* verr */

	/* what merely looks like a write, and what is no business of ours */
	{ "48 89 d0", NULL },	       /* to a register */
	{ "48 8b 00", NULL },	       /* a read */
	{ "48 38 00", NULL },	       /* cmp */
	{ "48 83 38 00", NULL },       /* cmp */
	{ "48 85 00", NULL },	       /* test */
	{ "f6 00 01", NULL },	       /* test */
	{ "48 f7 20", NULL },	       /* mul */
	{ "ff 10", NULL },	       /* call */
	{ "ff 30", NULL },	       /* push */
	{ "8c 00", NULL },	       /* mov from a segment register */
	{ "8f 00", NULL },	       /* pop */
	{ "c7 f8 00 00 00 00", NULL }, /* xbegin */
	{ "c6 08 00", NULL },
	{ "48 a5", NULL },	 /* movs */
	{ "48 d1 20", NULL },	 /* shl */
	{ "0f a3 00", NULL },	 /* bt */
	{ "0f ba 20 00", NULL }, /* bt */
	{ "48 0f c7 08", NULL }, /* cmpxchg16b */
	{ "0f c7 30", NULL },	 /* rdrand group */
	{ "0f 0b", NULL },
	{ "ce", NULL },
	{ "82 00 00", NULL },
	{ "c5 f8 29 00", NULL }, /* vmovaps */
	{ "62 f1 7c 48 29 00", NULL },
	{ "0f 29 00", NULL },	 /* movaps */
	{ "0f 38 f1 00", NULL }, /* movbe */
};

static const struct example rules_32[] = {
	{ "87 10", "xchg.4 a4 ds:[r0] r2" },
	{ "f0 0f c7 0e", "lock cmpxchg8b.8 a4 ds:[r6]" },
	{ "89 05 10 00 00 00", "mov.4 a4 ds:[16] r0" },
	{ "26 89 00", "mov.4 a4 es:[r0] r0" },
	{ "65 2e 89 00", "mov.4 a4 cs:[r0] r0" },
	{ "36 89 00", "mov.4 a4 ss:[r0] r0" },
	{ "89 04 24", "mov.4 a4 ss:[r4] r0" },
	{ "a3 44 33 22 11", "mov.4 a4 ds:[287454020] r0" },
	{ "66 ab", "stos.2 a4 es:[r7] r0" },
	{ "0f 20 d8", "getcr.4 a4 r0 3" },
	{ "0f 30", "wrmsr.4 a4" },
	{ "67 0f 30", "wrmsr.4 a2" },
	{ "cf", "iret.4 a4" },
	{ "ce", "into.4 a4" },
	{ "f3 6f", "rep outs.4 a4 ds:[r6]" },
	{ "48 89 00", NULL }, /* dec eax */
	{ "40", NULL },
	{ "67 89 00", NULL }, /* 16-bit addresses */
	{ "67 ab", NULL },
	{ "67 a3 00 00", NULL },
	{ "0f 01 f8", NULL }, /* swapgs */
	{ "c5 00", NULL },    /* lds */
	{ "82 00 00", NULL },
};

static size_t parse(const char *text, uint8_t bytes[INSN_MAX_LENGTH + 1])
{
	size_t count = 0;
	char *end;

	for (; *text && count <= INSN_MAX_LENGTH; text = end)
		bytes[count++] = (uint8_t)strtoul(text, &end, 16);
	return count;
}

static int add_memory(char *text, const struct insn *insn)
{
	static const char *const segments[] = { "es", "cs", "ss",
						"ds", "fs", "gs" };
	int at = sprintf(text, " %s:[", segments[insn->segment]);
	const char *plus = "";

	if (insn->base == INSN_REG_RIP)
		at += sprintf(text + at, "rip");
	else if (insn->base != INSN_REG_NONE)
		at += sprintf(text + at, "r%d", insn->base);
	if (insn->base != INSN_REG_NONE)
		plus = "+";
	if (insn->index != INSN_REG_NONE) {
		at += sprintf(text + at, "%sr%d*%d", plus, insn->index,
			      1 << insn->scale);
		plus = "+";
	}
	if (insn->disp || !*plus)
		at += sprintf(text + at, *plus ? "%+lld" : "%lld",
			      (long long)insn->disp);
	return at + sprintf(text + at, "]");
}

static void describe(const struct insn *insn, char *text)
{
	bool control =
		insn->op >= INSN_MOV_FROM_CR && insn->op <= INSN_MOV_TO_DR;
	int at = sprintf(text, "%s%s%s.%d", insn->lock ? "lock " : "",
			 insn->rep ? "rep " : "", op_names[insn->op],
			 insn->operand_bytes);

	if (insn->address_bytes != 8)
		at += sprintf(text + at, " a%d", insn->address_bytes);
	if (insn->has_mem)
		at += add_memory(text + at, insn);
	if (insn->reg != INSN_REG_NONE)
		at += sprintf(text + at, " r%d%s", insn->reg,
			      insn->reg_high ? "h" : "");
	if (insn->has_imm)
		at += sprintf(text + at, " #%lld", (long long)insn->imm);
	if (control)
		at += sprintf(text + at, " %d", insn->sysreg);
}

/* An accepted instruction has one length: less is too little, more no matter */
static void check_length(const uint8_t *bytes, size_t count,
			 enum decode_width width)
{
	uint8_t longer[INSN_MAX_LENGTH + 8] = { 0 };
	struct insn insn;

	for (size_t len = 0; len < count; len++)
		assert_int_equal(decode_insn(bytes, len, width, &insn),
				 DECODE_TRUNCATED);
	memcpy(longer, bytes, count);
	assert_int_equal(decode_insn(longer, sizeof(longer), width, &insn),
			 DECODE_OK);
	assert_int_equal(insn.length, count);
}

static void check(const struct example *examples, size_t count,
		  enum decode_width width)
{
	for (size_t i = 0; i < count; i++) {
		const struct example *e = &examples[i];
		uint8_t bytes[INSN_MAX_LENGTH + 1];
		size_t len = parse(e->bytes, bytes);
		char text[128] = "refused";
		struct insn insn;

		if (decode_insn(bytes, len, width, &insn) == DECODE_OK)
			describe(&insn, text);
		if (strcmp(text, e->meaning ? e->meaning : "refused"))
			fail_msg("%s: %s", e->bytes, text);
		if (!e->meaning)
			assert_int_equal(decode_insn(bytes, len, width, &insn),
					 DECODE_REFUSED);
		else
			check_length(bytes, len, width);
	}
}

#define CHECK(table, width) \
	check(table, sizeof(table) / sizeof(*(table)), width)

static void linux_uses_these(void **state)
{
	(void)state;
	CHECK(linux_64, DECODE_64);
}

static void encoding_rules_64(void **state)
{
	(void)state;
	CHECK(rules_64, DECODE_64);
}

static void encoding_rules_32(void **state)
{
	(void)state;
	CHECK(rules_32, DECODE_32);
}

static void fifteen_bytes_and_no_more(void **state)
{
	uint8_t bytes[32];
	struct insn insn;

	(void)state;
	memset(bytes, 0x3e, sizeof(bytes));
	memcpy(bytes + 9, "\x48\xc7\x00\x01\x00\x00", 6); /* imm is short */
	assert_int_equal(decode_insn(bytes, 32, DECODE_64, &insn),
			 DECODE_REFUSED);
	memcpy(bytes + 8, "\x48\xc7\x00\x01\x00\x00\x00", 7);
	assert_int_equal(decode_insn(bytes, 32, DECODE_64, &insn), DECODE_OK);
	assert_int_equal(insn.length, 15);
	assert_int_equal(decode_insn(bytes, 14, DECODE_64, &insn),
			 DECODE_TRUNCATED);
	memset(bytes, 0x3e, sizeof(bytes));
	assert_int_equal(decode_insn(bytes, 15, DECODE_64, &insn),
			 DECODE_REFUSED);
	assert_int_equal(decode_insn(bytes, 14, DECODE_64, &insn),
			 DECODE_TRUNCATED);
}

static void forced_prefix(void **state)
{
	static const uint8_t bytes[] = { 0x0f, 0x0b, 0x78, 0x65,
					 0x6e, 0x0f, 0xa2 };
	uint8_t other[5];

	(void)state;
	assert_int_equal(decode_forced_prefix(bytes, sizeof(bytes)), 5);
	assert_int_equal(decode_forced_prefix(bytes, 5), 5);
	assert_int_equal(decode_forced_prefix(bytes, 4), 0);
	for (int i = 0; i < 5; i++) {
		memcpy(other, bytes, 5);
		other[i] ^= 1;
		assert_int_equal(decode_forced_prefix(other, 5), 0);
	}
}

/* The address of hex bytes, all registers being 0x1000 times their number. */
static uint64_t address_of(const char *text, enum decode_width width)
{
	struct insn_regs regs = { .rip = 0x7fffffff0000 };
	uint8_t bytes[INSN_MAX_LENGTH + 1];
	size_t len = parse(text, bytes);
	struct insn insn;

	for (unsigned int i = 0; i < 16; i++)
		regs.gpr[i] = 0x1000 * i;
	regs.gpr[9] = (uint64_t)-65; /* an offset of a bit */
	for (unsigned int i = 0; i < INSN_SEGMENTS; i++)
		regs.segment_base[i] = 0xf0000000 + 0x10000000ull * i;
	assert_int_equal(decode_insn(bytes, len, width, &insn), DECODE_OK);
	return decode_address(&insn, &regs);
}

static void addresses(void **state)
{
	(void)state;
	assert_int_equal(address_of("48 89 05 10 00 00 00", DECODE_64),
			 0x7fffffff0017);
	assert_int_equal(address_of("67 48 89 05 10 00 00 00", DECODE_64),
			 0xffff0018);
	assert_int_equal(address_of("89 44 d1 ff", DECODE_64), 0x10fff);
	assert_int_equal(address_of("64 89 00", DECODE_64), 0x130000000);
	assert_int_equal(address_of("36 89 00", DECODE_64), 0);
	assert_int_equal(address_of("36 89 40 01", DECODE_32), 0x10000001);
	assert_int_equal(address_of("89 40 ff", DECODE_32), 0x1fffffff);
	assert_int_equal(address_of("89 40 ff", DECODE_64), UINT64_MAX);
	assert_int_equal(address_of("67 89 40 ff", DECODE_64), UINT32_MAX);

	/* bit -65 lies in the second word below, of each size */
	assert_int_equal(address_of("4c 0f ab 08", DECODE_64), -16ull);
	assert_int_equal(address_of("44 0f ab 08", DECODE_64), -12ull);
	assert_int_equal(address_of("66 44 0f ab 08", DECODE_64), -10ull);
	assert_int_equal(address_of("48 0f ba 28 ff", DECODE_64), 0);
}

/* The processor test runs 64-bit code only: here is what differs in 32-bit. */
static void registers_of_32_bit_code(void **state)
{
	static const uint8_t stosd[] = { 0x3e, 0xab };
	struct insn_regs regs = { .gpr = { [0] = 0x12345678, [7] = 2 },
				  .rip = 0xfffffffe,
				  .flags = 0x10402 }; /* RF and DF */
	struct insn_write write;
	struct insn insn;

	(void)state;
	regs.segment_base[INSN_ES] = 0xffffffff;
	assert_int_equal(decode_insn(stosd, 2, DECODE_32, &insn), DECODE_OK);
	assert_int_equal(decode_address(&insn, &regs), 1);
	assert_true(insn_write_value(&insn, 0, &regs, &write));
	assert_true(write.store);
	assert_int_equal(write.value, 0x12345678);
	assert_int_equal(regs.gpr[7], 2); /* nothing has happened yet */
	insn_write_retire(&insn, &write, &regs);
	assert_int_equal(regs.gpr[7], 0xfffffffe);
	assert_int_equal(regs.rip, 0);
	assert_int_equal(regs.flags, 0x402);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(linux_uses_these),
		cmocka_unit_test(encoding_rules_64),
		cmocka_unit_test(encoding_rules_32),
		cmocka_unit_test(fifteen_bytes_and_no_more),
		cmocka_unit_test(forced_prefix),
		cmocka_unit_test(addresses),
		cmocka_unit_test(registers_of_32_bit_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
