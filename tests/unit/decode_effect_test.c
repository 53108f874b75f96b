/* SPDX-License-Identifier: MIT */
/*
 * The decoder against the processor
 *
 * Random writes to memory are both executed here and computed by decode:
 * memory, all sixteen registers and the defined flags must come out the same.
 * This tests decode_address() too: only if it is right does the instruction
 * hit the place that was prepared for it.
 *
 * One low area holds code and data, so that addresses of 32 bits, relative to
 * RIP and absolute reach it. An instruction runs with every register random,
 * even RSP: a signal at that moment would be fatal, so they are blocked.
 */
#include <asm/prctl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "decode/decode.h"

#define ARITHMETIC_FLAGS 0x8d5
#define CF		 0x001
#define PF		 0x004
#define AF		 0x010
#define DF		 0x400
#define ZF		 0x040
#define RF		 0x10000

#define DATA_BYTES 4096

struct state {
	uint64_t gpr[16];
	uint64_t flags;
};

/* Named by the assembly below. */
extern struct state native;
extern uint64_t native_rsp;
extern const void *native_code;
struct state native;
uint64_t native_rsp;
const void *native_code;
void native_run(void);
void native_back(void);

/* Loads *native into the processor, jumps to native_code, which jumps back. */
__asm__(".text\n"
	"native_run:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14\n"
	"	push %r15\n"
	"	mov %rsp, native_rsp(%rip)\n"
	"	push native+128(%rip); popf\n"
	"	mov native+0(%rip), %rax; mov native+8(%rip), %rcx\n"
	"	mov native+16(%rip), %rdx; mov native+24(%rip), %rbx\n"
	"	mov native+32(%rip), %rsp; mov native+40(%rip), %rbp\n"
	"	mov native+48(%rip), %rsi; mov native+56(%rip), %rdi\n"
	"	mov native+64(%rip), %r8; mov native+72(%rip), %r9\n"
	"	mov native+80(%rip), %r10; mov native+88(%rip), %r11\n"
	"	mov native+96(%rip), %r12; mov native+104(%rip), %r13\n"
	"	mov native+112(%rip), %r14; mov native+120(%rip), %r15\n"
	"	jmp *native_code(%rip)\n"
	"native_back:\n"
	"	mov %rax, native+0(%rip); mov %rcx, native+8(%rip)\n"
	"	mov %rdx, native+16(%rip); mov %rbx, native+24(%rip)\n"
	"	mov %rsp, native+32(%rip); mov %rbp, native+40(%rip)\n"
	"	mov %rsi, native+48(%rip); mov %rdi, native+56(%rip)\n"
	"	mov %r8, native+64(%rip); mov %r9, native+72(%rip)\n"
	"	mov %r10, native+80(%rip); mov %r11, native+88(%rip)\n"
	"	mov %r12, native+96(%rip); mov %r13, native+104(%rip)\n"
	"	mov %r14, native+112(%rip); mov %r15, native+120(%rip)\n"
	"	mov native_rsp(%rip), %rsp\n"
	"	pushf; pop native+128(%rip); cld\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n");

static uint8_t *code; /* one page */
static uint8_t *data; /* DATA_BYTES, with a page of slack on both sides */
static uint64_t segment_base[INSN_SEGMENTS];
static unsigned long executed[INSN_LAST_WRITE + 1][9];
static unsigned long executed_rip, executed_absolute, executed_index;
static unsigned long executed_fs, executed_gs, executed_short, executed_high;
static unsigned long count = 300000;
static uint64_t seed = 1;

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

/* Numbers whose carries and signs matter come up often. */
static uint64_t interesting64(void)
{
	static const uint64_t edges[] = { 0,
					  1,
					  0x7f,
					  0x80,
					  0xff,
					  0x7fff,
					  0x8000,
					  0xffff,
					  0x7fffffff,
					  0x80000000,
					  0xffffffff,
					  0x7fffffffffffffff,
					  0x8000000000000000,
					  0xffffffffffffffff };

	if (below(2))
		return random64();
	return edges[below(sizeof(edges) / sizeof(*edges))];
}

/* Opcodes with their immediates; ModRM is drawn, but for a given REG field. */
static const struct shape {
	uint8_t opcode[2];
	uint8_t opcode_bytes;
	int8_t reg;  /* -1: any; -2: no ModRM */
	uint8_t imm; /* bytes; 4: operand size, 8: address size */
	bool lock;
} shapes[] = {
	{ { 0x00 }, 1, -1, 0, true },	    { { 0x01 }, 1, -1, 0, true },
	{ { 0x08 }, 1, -1, 0, true },	    { { 0x09 }, 1, -1, 0, true },
	{ { 0x10 }, 1, -1, 0, true },	    { { 0x11 }, 1, -1, 0, true },
	{ { 0x18 }, 1, -1, 0, true },	    { { 0x19 }, 1, -1, 0, true },
	{ { 0x20 }, 1, -1, 0, true },	    { { 0x21 }, 1, -1, 0, true },
	{ { 0x28 }, 1, -1, 0, true },	    { { 0x29 }, 1, -1, 0, true },
	{ { 0x30 }, 1, -1, 0, true },	    { { 0x31 }, 1, -1, 0, true },
	{ { 0x80 }, 1, 7, 1, true },	    { { 0x81 }, 1, 7, 4, true },
	{ { 0x83 }, 1, 7, 1, true },	    { { 0x86 }, 1, -1, 0, true },
	{ { 0x87 }, 1, -1, 0, true },	    { { 0x88 }, 1, -1, 0, false },
	{ { 0x89 }, 1, -1, 0, false },	    { { 0xa2 }, 1, -2, 8, false },
	{ { 0xa3 }, 1, -2, 8, false },	    { { 0xaa }, 1, -2, 0, false },
	{ { 0xab }, 1, -2, 0, false },	    { { 0xc6 }, 1, 0, 1, false },
	{ { 0xc7 }, 1, 0, 4, false },	    { { 0xf6 }, 1, 2, 0, true },
	{ { 0xf6 }, 1, 3, 0, true },	    { { 0xf7 }, 1, 2, 0, true },
	{ { 0xf7 }, 1, 3, 0, true },	    { { 0xfe }, 1, 0, 0, true },
	{ { 0xfe }, 1, 1, 0, true },	    { { 0xff }, 1, 0, 0, true },
	{ { 0xff }, 1, 1, 0, true },	    { { 0x0f, 0xab }, 2, -1, 0, true },
	{ { 0x0f, 0xb3 }, 2, -1, 0, true }, { { 0x0f, 0xbb }, 2, -1, 0, true },
	{ { 0x0f, 0xba }, 2, 5, 1, true },  { { 0x0f, 0xba }, 2, 6, 1, true },
	{ { 0x0f, 0xba }, 2, 7, 1, true },  { { 0x0f, 0xb0 }, 2, -1, 0, true },
	{ { 0x0f, 0xb1 }, 2, -1, 0, true }, { { 0x0f, 0xc0 }, 2, -1, 0, true },
	{ { 0x0f, 0xc1 }, 2, -1, 0, true }, { { 0x0f, 0xc7 }, 2, 1, 0, true },
};

/* A random instruction; *disp_at is where a 32-bit displacement is, or 0. */
static void generate(uint8_t bytes[INSN_MAX_LENGTH + 8], size_t *disp_at)
{
	static const uint8_t prefixes[] = { 0x26, 0x2e, 0x36, 0x3e,
					    0x64, 0x65, 0x66, 0x67 };
	const struct shape *shape =
		&shapes[below(sizeof(shapes) / sizeof(*shapes))];
	uint8_t mod = (uint8_t)below(3), rm = (uint8_t)below(8);
	uint8_t reg = (uint8_t)below(8);
	size_t at = 0;

	*disp_at = 0;
	for (unsigned int n = below(3); n; n--)
		bytes[at++] = prefixes[below(sizeof(prefixes))];
	if (shape->lock && below(2))
		bytes[at++] = 0xf0;
	if (below(2))
		bytes[at++] = 0x40 + (uint8_t)below(16);
	memcpy(bytes + at, shape->opcode, shape->opcode_bytes);
	at += shape->opcode_bytes;
	for (size_t i = at; i < INSN_MAX_LENGTH + 8; i++)
		bytes[i] = (uint8_t)random64();
	if (shape->reg == -2)
		return;
	if (shape->reg == 7) /* the arithmetic group has no CMP */
		reg = (uint8_t)below(7);
	else if (shape->reg >= 0)
		reg = (uint8_t)shape->reg;
	if (shape->opcode[1] == 0xba)
		reg = (uint8_t)shape->reg;
	bytes[at++] = (uint8_t)(mod << 6 | reg << 3 | rm);
	if (rm == 4)
		rm = bytes[at++] & 7;
	if (mod == 2 || (mod == 0 && rm == 5))
		*disp_at = at;
}

/*
 * Changes the base register or displacement so that the address becomes the
 * target. False if this instruction cannot hit it.
 */
static bool aim(uint8_t *bytes, size_t disp_at, struct insn *insn,
		struct insn_regs *regs, uint64_t target)
{
	uint64_t delta = target - decode_address(insn, regs);
	int32_t disp;

	if (insn->base < 16) {
		regs->gpr[insn->base] += delta;
	} else if (disp_at) {
		disp = (int32_t)((uint64_t)insn->disp + delta);
		memcpy(bytes + disp_at, &disp, sizeof(disp));
	} else { /* an absolute address without ModRM comes last */
		size_t n = insn->address_bytes;

		delta += (uint64_t)insn->disp;
		memcpy(bytes + insn->length - n, &delta, n);
	}
	if (decode_insn(bytes, INSN_MAX_LENGTH, DECODE_64, insn) != DECODE_OK)
		return false;
	return decode_address(insn, regs) == target;
}

/* Flags that the manuals define after this operation. */
static uint64_t defined_flags(enum insn_op op)
{
	switch (op) {
	case INSN_AND:
	case INSN_OR:
	case INSN_XOR:
		return ARITHMETIC_FLAGS & ~AF;
	case INSN_BTS ... INSN_BTC:
		return CF | ZF;
	default:
		return ARITHMETIC_FLAGS;
	}
}

static void execute(const uint8_t *bytes, const struct insn *insn,
		    const struct insn_regs *regs)
{
	static const uint8_t jump[] = { 0xff, 0x25, 0, 0, 0, 0 };
	uint8_t *after = (uint8_t *)regs->rip + insn->length;
	uint64_t back = (uint64_t)native_back;

	memcpy((uint8_t *)regs->rip, bytes, insn->length);
	memcpy(after, jump, sizeof(jump));
	memcpy(after + sizeof(jump), &back, sizeof(back));
	memcpy(native.gpr, regs->gpr, sizeof(native.gpr));
	native.flags = regs->flags;
	native_code = (const void *)regs->rip;
	native_run();
}

/* Half of the compares shall succeed. */
static void make_equal(const struct insn *insn, const struct insn_regs *regs,
		       uint64_t *memory)
{
	if (insn->op == INSN_CMPXCHG && below(2))
		*memory = regs->gpr[0];
	if (insn->op == INSN_CMPXCHG8B && below(2))
		*memory = regs->gpr[2] << 32 | (uint32_t)regs->gpr[0];
}

static void try_one(const uint8_t *bytes, const struct insn *insn,
		    struct insn_regs *regs, uint64_t target)
{
	uint64_t *memory = (uint64_t *)target;
	uint64_t mask = ~0ull >> (64 - 8 * insn->operand_bytes);
	uint64_t flags = defined_flags((enum insn_op)insn->op) | DF;
	uint64_t rip = regs->rip;
	struct insn_write write;
	uint64_t expected;

	/* One round is what is computed: let it be the only one. */
	if (insn->rep)
		regs->gpr[1] = below(2);
	make_equal(insn, regs, memory);
	expected = *memory;
	assert_true(insn_write_value(insn, expected, regs, &write));
	assert_int_equal(write.value & ~mask, 0);
	if (write.store)
		expected = (expected & ~mask) | write.value;
	execute(bytes, insn, regs);
	regs->flags |= RF;
	write.flags |= RF;
	insn_write_retire(insn, &write, regs);

	assert_int_equal(*memory, expected);
	assert_memory_equal(native.gpr, regs->gpr, sizeof(native.gpr));
	assert_int_equal(native.flags & flags, regs->flags & flags);
	assert_int_equal(regs->flags & ~(uint64_t)ARITHMETIC_FLAGS & ~DF, 2);
	assert_int_equal(regs->rip, rip + insn->length);
	executed[insn->op][insn->operand_bytes]++;
	executed_rip += insn->base == INSN_REG_RIP;
	executed_absolute += insn->base == INSN_REG_NONE;
	executed_index += insn->index != INSN_REG_NONE;
	executed_fs += insn->segment == INSN_FS;
	executed_gs += insn->segment == INSN_GS;
	executed_short += insn->address_bytes == 4;
	executed_high += insn->reg_high;
}

static void draw_registers(struct insn_regs *regs)
{
	for (unsigned int i = 0; i < 16; i++)
		regs->gpr[i] = interesting64();
	regs->flags = 2 | (random64() & (ARITHMETIC_FLAGS | DF));
	regs->rip = (uint64_t)code + below(1024);
	memcpy(regs->segment_base, segment_base, sizeof(segment_base));
}

static uint8_t failing[INSN_MAX_LENGTH + 8];
static size_t failing_length;

static int show(void **state)
{
	(void)state;
	if (failing_length)
		print_message("executing");
	for (size_t i = 0; i < failing_length; i++)
		print_message(" %02x", failing[i]);
	if (failing_length)
		print_message("\n");
	return 0;
}

static void agrees_with_the_processor(void **state)
{
	uint64_t *words = (uint64_t *)data;

	(void)state;
	for (unsigned long i = 0; i < count; i++) {
		size_t word = below(DATA_BYTES / 8);
		struct insn_regs regs;
		struct insn insn;
		size_t disp_at;

		generate(failing, &disp_at);
		if (decode_insn(failing, INSN_MAX_LENGTH, DECODE_64, &insn) !=
		    DECODE_OK)
			continue; /* cmpxchg16b, or too long */
		draw_registers(&regs);
		words[word] = interesting64();
		if (!aim(failing, disp_at, &insn, &regs,
			 (uint64_t)&words[word]))
			continue;
		failing_length = insn.length;
		try_one(failing, &insn, &regs, (uint64_t)&words[word]);
	}
	failing_length = 0;
}

/* Each operation in each size it has, and no other, has been executed. */
static void executed_every_operation(void **state)
{
	(void)state;
	for (enum insn_op op = 1; op <= INSN_LAST_WRITE; op++)
		for (unsigned int bytes = 1; bytes <= 8; bytes *= 2) {
			bool bit = op >= INSN_BTS && op <= INSN_BTC;
			bool exists = op == INSN_CMPXCHG8B ? bytes == 8
							   : !bit || bytes > 1;

			if (exists != (executed[op][bytes] > count / 10000))
				fail_msg("operation %u, %u bytes: %lu times",
					 op, bytes, executed[op][bytes]);
		}
	assert_true(executed_rip > count / 1000);
	assert_true(executed_absolute > count / 1000);
	assert_true(executed_index > count / 1000);
	assert_true(executed_fs > count / 1000);
	assert_true(executed_gs > count / 1000);
	assert_true(executed_short > count / 1000);
	assert_true(executed_high > count / 1000);
}

/* Whatever is no write must be refused, and nothing computed. */
static void computes_writes_only(void **state)
{
	struct insn_regs regs = { 0 };
	struct insn_write write, before;

	(void)state;
	memset(&write, 0x5a, sizeof(write));
	before = write;
	for (unsigned int op = 0; op <= INSN_SYSEXIT; op++) {
		struct insn insn = { .op = (uint8_t)op,
				     .operand_bytes = 4,
				     .address_bytes = 8,
				     .width = DECODE_64 };

		if (op != INSN_NONE && op <= INSN_LAST_WRITE)
			continue;
		assert_false(insn_write_value(&insn, 0, &regs, &write));
		assert_memory_equal(&write, &before, sizeof(write));
	}
}

static int prepare(void **state)
{
	size_t page = 4096;
	sigset_t all;
	uint8_t *area = mmap(NULL, 4 * page + DATA_BYTES,
			     PROT_READ | PROT_WRITE | PROT_EXEC,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	(void)state;
	if (area == MAP_FAILED)
		return -1;
	code = area;
	data = area + 2 * page;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	if (syscall(SYS_arch_prctl, ARCH_GET_FS, &segment_base[INSN_FS]))
		return -1;
	segment_base[INSN_GS] = 0x12345000;
	return (int)syscall(SYS_arch_prctl, ARCH_SET_GS, segment_base[INSN_GS]);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(agrees_with_the_processor, show),
		cmocka_unit_test(executed_every_operation),
		cmocka_unit_test(computes_writes_only),
	};

	if (argc > 1)
		count = strtoul(argv[1], NULL, 0);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 0) | 1;
	return cmocka_run_group_tests(tests, prepare, NULL);
}
