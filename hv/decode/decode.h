/* SPDX-License-Identifier: MIT */
/*
 * decode: the few x86 instructions that the hypervisor does for a guest
 *
 * A paravirtual kernel runs without privilege, so two kinds of instruction
 * fault that it had good reason to execute:
 *
 *  - a write to one of its page tables, which is mapped read-only (#PF);
 *  - a privileged instruction (#GP, or #UD behind the forced-emulation
 *    prefix).
 *
 * For the first kind, three steps, none of which touches guest memory:
 *
 *	decode_insn()		bytes -> what the instruction is
 *	decode_address()	-> the linear address that it writes
 *	insn_write_value()	old value in memory -> new value, registers,
 *				flags
 *
 * The caller compares the address with CR2, checks that the operand lies
 * inside one page-table entry, validates the new entry, replaces the old one
 * by compare-and-exchange (starting again with insn_write_value() if it
 * changed meanwhile) and only then calls insn_write_retire(). All of these
 * instructions are thereby atomic, with a LOCK prefix or without.
 *
 * For the second kind the caller looks at insn.op and does the work itself.
 *
 * Everything here is a pure function of its arguments: no state, no
 * privilege, nothing but the three freestanding headers below. The bytes are
 * hostile. What is not in enum insn_op is refused, never guessed at.
 */
#ifndef HV_DECODE_DECODE_H
#define HV_DECODE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The processor's own limit. A caller never needs to fetch more bytes. */
#define INSN_MAX_LENGTH 15

enum decode_result {
	DECODE_OK,
	DECODE_TRUNCATED, /* valid so far: needs more bytes than it was given */
	DECODE_REFUSED,	  /* undefined, or not one of enum insn_op */
};

/* The code segment's mode. 16-bit code segments are the caller's to refuse. */
enum decode_width {
	DECODE_32,
	DECODE_64,
};

enum insn_op {
	INSN_NONE,

	/* Writes to memory; has_mem is always true. Operands: reg, or imm. */
	INSN_ADD,
	INSN_OR,
	INSN_ADC,
	INSN_SBB,
	INSN_AND,
	INSN_SUB,
	INSN_XOR,
	INSN_NOT,
	INSN_NEG,
	INSN_INC,
	INSN_DEC,
	INSN_BTS,
	INSN_BTR,
	INSN_BTC,
	INSN_MOV,
	INSN_STOS,
	INSN_XCHG,
	INSN_XADD,
	INSN_CMPXCHG,
	INSN_CMPXCHG8B,
	INSN_LAST_WRITE = INSN_CMPXCHG8B,

	/* Port I/O. The port is imm if has_imm, else DX. */
	INSN_IN, /* to the accumulator, operand_bytes wide */
	INSN_OUT,
	INSN_INS, /* to memory; the port is DX */
	INSN_OUTS,

	/* Control and debug registers: sysreg is theirs, reg the general one */
	INSN_MOV_FROM_CR,
	INSN_MOV_TO_CR,
	INSN_MOV_FROM_DR,
	INSN_MOV_TO_DR,

	/* One operand of 16 bits in memory, or reg */
	INSN_SLDT,
	INSN_STR,
	INSN_LLDT,
	INSN_LTR,
	INSN_SMSW,
	INSN_LMSW,

	/* One operand in memory, whose size operand_bytes does not tell */
	INSN_SGDT,
	INSN_SIDT,
	INSN_LGDT,
	INSN_LIDT,
	INSN_INVLPG,

	/* No operand, or only fixed registers */
	INSN_RDMSR,
	INSN_WRMSR,
	INSN_RDTSC,
	INSN_RDTSCP,
	INSN_RDPMC,
	INSN_CPUID,
	INSN_XGETBV,
	INSN_XSETBV,
	INSN_SWAPGS,
	INSN_CLTS,
	INSN_INVD,
	INSN_WBINVD, /* WBNOINVD if rep */
	INSN_CLI,
	INSN_STI,
	INSN_HLT,
	INSN_INT, /* vector in imm */
	INSN_INT1,
	INSN_INT3,
	INSN_INTO,
	INSN_IRET,
	INSN_SYSCALL,
	INSN_SYSRET,
	INSN_SYSENTER,
	INSN_SYSEXIT,
};

/* Hardware numbers of the segment registers. */
enum insn_segment {
	INSN_ES,
	INSN_CS,
	INSN_SS,
	INSN_DS,
	INSN_FS,
	INSN_GS,
	INSN_SEGMENTS,
};

/* What base and index can be, beside the general registers 0-15. */
#define INSN_REG_RIP  16
#define INSN_REG_NONE 17

struct insn {
	uint8_t op; /* enum insn_op */
	uint8_t length;
	uint8_t width;	       /* enum decode_width, as it was asked */
	uint8_t operand_bytes; /* 1, 2, 4 or 8; of the data, if it has any */
	uint8_t address_bytes; /* 4 or 8: also the size of RCX under REP */
	bool lock;
	bool rep; /* F3; only with INS, OUTS, STOS and WBINVD */

	bool has_imm;
	bool reg_high;	/* reg 0-3 means AH CH DH BH */
	uint8_t reg;	/* 0-15, or INSN_REG_NONE */
	uint8_t sysreg; /* number of the control or debug register */
	int64_t imm; /* sign-extended; ports, vectors, bit offsets: unsigned */

	bool has_mem;
	uint8_t segment; /* enum insn_segment, defaults resolved */
	uint8_t base;	 /* 0-15, INSN_REG_RIP or INSN_REG_NONE */
	uint8_t index;	 /* 0-15 or INSN_REG_NONE */
	uint8_t scale;	 /* a shift: 0-3 */
	int64_t disp;
};

/* The registers an instruction may use, by hardware number. */
struct insn_regs {
	uint64_t gpr[16]; /* rax rcx rdx rbx rsp rbp rsi rdi r8-r15 */
	uint64_t rip;	  /* of the instruction itself, as a fault reports it */
	uint64_t flags;
	uint64_t segment_base[INSN_SEGMENTS]; /* 64-bit code: FS, GS only */
};

/* What a write to memory comes to: nothing has been changed yet. */
struct insn_write {
	uint64_t value; /* operand_bytes wide, to be stored if store is set */
	bool store;	/* false after a compare that failed */
	uint64_t flags;
	unsigned int gprs; /* how many registers change */
	struct {
		uint8_t number;
		uint64_t value; /* of the whole register */
	} gpr[2];
};

/*
 * Decodes the instruction at bytes[0..len) as code of the given mode. What is
 * in *out means something only after DECODE_OK. Never reads beyond len.
 */
[[nodiscard]] enum decode_result decode_insn(const uint8_t *bytes, size_t len,
					     enum decode_width width,
					     struct insn *restrict out);

/*
 * Length of the forced-emulation prefix (ud2 followed by "xen") if bytes
 * starts with it, else 0. The instruction to emulate comes after it.
 */
[[nodiscard]] size_t decode_forced_prefix(const uint8_t *bytes, size_t len);

/*
 * Linear address of the memory operand (insn->has_mem must be true), with the
 * segment base added and, for bit instructions with the offset in a register,
 * moved to the operand-sized word that holds the bit. Segment limits and
 * canonical form are not checked.
 */
[[nodiscard]] uint64_t decode_address(const struct insn *insn,
				      const struct insn_regs *regs);

/*
 * Computes what the write instruction does if memory holds old (its low
 * operand_bytes bytes count). Flags that the manuals leave undefined become
 * what processors make of them: AF clear after logic, all but CF kept by bit
 * instructions. Returns false, and leaves *out alone, if insn is no write
 * (op beyond INSN_LAST_WRITE).
 */
[[nodiscard]] bool insn_write_value(const struct insn *insn, uint64_t old,
				    const struct insn_regs *regs,
				    struct insn_write *out);

/*
 * Completes a write: registers and flags of *write, RIP beyond the
 * instruction, RF clear. Of REP STOS this is one round: until the last one
 * RIP stays. A single-step trap (TF) is the caller's to raise.
 */
void insn_write_retire(const struct insn *insn, const struct insn_write *write,
		       struct insn_regs *regs);

#endif
