/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: what holds of the decoder for any bytes and any registers
 *
 * The input is a byte that chooses the mode, then the instruction, then, if
 * it is long enough, the old value in memory and a register file. Nothing is
 * ever read beyond its end (the copy below has exactly its size, ASan
 * watches), an accepted instruction keeps its meaning whatever follows it and
 * is incomplete when cut, and what it computes stays inside its operand. What
 * an instruction means is tested against Zydis and against the processor, in
 * tests/unit.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "decode/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_fields(const struct insn *insn, size_t size)
{
	require(insn->op != INSN_NONE && insn->op <= INSN_SYSEXIT);
	require(insn->length > 0 && insn->length <= INSN_MAX_LENGTH);
	require(insn->length <= size);
	require(insn->operand_bytes == 1 || insn->operand_bytes == 2 ||
		insn->operand_bytes == 4 || insn->operand_bytes == 8);
	require(insn->reg <= 15 || insn->reg == INSN_REG_NONE);
	require(!insn->reg_high || insn->reg <= 3);
	require(insn->sysreg <= 8);
	require(insn->index <= 15 || insn->index == INSN_REG_NONE);
	require(insn->base <= INSN_REG_NONE && insn->scale <= 3);
	require(insn->segment < INSN_SEGMENTS);
	require(insn->has_mem || insn->op > INSN_LAST_WRITE);
	require(!insn->lock || insn->op <= INSN_LAST_WRITE);
	if (insn->width == DECODE_32) {
		require(insn->operand_bytes < 8 || insn->op == INSN_CMPXCHG8B);
		require(insn->reg < 8 || insn->reg == INSN_REG_NONE);
		require(insn->base < 8 || insn->base == INSN_REG_NONE);
	}
	if (insn->has_mem)
		require(insn->address_bytes >= 4);
}

static void check_write(const struct insn *insn, uint64_t old,
			struct insn_regs *regs)
{
	uint64_t rip = regs->rip, rounds = 1;
	struct insn_write write;
	unsigned int bits = 8 * insn->operand_bytes;

	if (insn->rep) {
		rounds = regs->gpr[1]; /* RCX */
		if (insn->address_bytes == 4)
			rounds = (uint32_t)rounds;
	}

	if (insn->has_mem)
		require(decode_address(insn, regs) >> 32 == 0 ||
			insn->width == DECODE_64);
	if (!insn_write_value(insn, old, regs, &write)) {
		require(insn->op > INSN_LAST_WRITE);
		return;
	}
	require(insn->op <= INSN_LAST_WRITE);
	require(bits == 64 || write.value >> bits == 0);
	require(write.gprs <= 2);
	require(((write.flags ^ regs->flags) & ~0x8d5ull) == 0);
	require(write.store || insn->op == INSN_CMPXCHG ||
		insn->op == INSN_CMPXCHG8B || rounds == 0);
	insn_write_retire(insn, &write, regs);
	if (rounds <= 1) {
		rip += insn->length;
		if (insn->width == DECODE_32)
			rip = (uint32_t)rip;
	}
	require(regs->rip == rip);
}

static void check_bytes(const uint8_t *bytes, size_t size,
			enum decode_width width, uint64_t old,
			struct insn_regs *regs)
{
	struct insn insn, again;

	memset(&insn, 0, sizeof(insn));
	memset(&again, 0, sizeof(again));
	if (decode_insn(bytes, size, width, &insn) != DECODE_OK)
		return;
	check_fields(&insn, size);
	for (size_t len = 0; len < insn.length; len++)
		require(decode_insn(bytes, len, width, &again) ==
			DECODE_TRUNCATED);
	require(decode_insn(bytes, insn.length, width, &again) == DECODE_OK);
	require(again.op == insn.op && again.length == insn.length &&
		again.disp == insn.disp && again.imm == insn.imm);
	check_write(&insn, old, regs);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	const size_t fixed = sizeof(struct insn_regs) + sizeof(uint64_t);
	struct insn_regs regs = { 0 };
	uint64_t old = 0;
	uint8_t *exact;
	enum decode_width width;

	if (size < 2)
		return 0;
	width = *input++ & 1 ? DECODE_64 : DECODE_32;
	size--;
	if (size > fixed) {
		size -= fixed;
		memcpy(&old, input + size, sizeof(old));
		memcpy(&regs, input + size + sizeof(old), sizeof(regs));
	}
	exact = malloc(size);
	memcpy(exact, input, size);
	(void)decode_forced_prefix(exact, size);
	check_bytes(exact, size, width, old, &regs);
	free(exact);
	return 0;
}
