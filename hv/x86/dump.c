/* SPDX-License-Identifier: MIT */
/*
 * Panic
 *
 * The hypervisor has found itself wrong. It says where, as far as it still
 * can, and stops: going on could break what guests rely on. Anything here may
 * fail again, so the stack is read with a fixup, and a second panic says one
 * line past the log, a third nothing.
 *
 * Without frame pointers nobody can tell a return address on the stack from a
 * number left over. Every word that points into the text is named.
 */
#include "x86/dump.h"

#include "arch.h"
#include "atomic.h"
#include "bug.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "log/log.h"
#include "x86/cpu.h"
#include "x86/msr.h"
#include "x86/vga.h"

#define STACK_BYTES  4096 /* that we look at, at most */
#define STACK_SHOWN  256  /* that we show in full */
#define RETURNS	     24	  /* words that we name, at most */
#define FUNCTION_MAX 0x4000
#define LINE	     200

/* From scripts/symbols. */
extern const uint64_t lodge_symbols[];
extern const uint32_t lodge_symbol_count;
extern const uint32_t lodge_symbol_names[];
extern const char lodge_symbol_strings[];

bool panic_reboots;

/* The last symbol at or below an address; false: no function of ours. */
static bool find_symbol(uint64_t address, uint32_t *found)
{
	uint32_t low = 0, high = lodge_symbol_count;

	if (!high || address < lodge_symbols[0])
		return false;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (lodge_symbols[middle] <= address)
			low = middle;
		else
			high = middle;
	}
	*found = low;
	return address - lodge_symbols[low] < FUNCTION_MAX;
}

void dump_address(char *buf, size_t size, uint64_t address)
{
	uint32_t i;

	if (find_symbol(address, &i))
		snprintf(buf, size, "%016lx %s+%#lx", address,
			 lodge_symbol_strings + lodge_symbol_names[i],
			 address - lodge_symbols[i]);
	else
		snprintf(buf, size, "%016lx", address);
}

void dump_registers(const struct cpu_user_regs *r)
{
	char where[LINE / 2];

	dump_address(where, sizeof(where), r->rip);
	log_error("rip %s", where);
	log_error("vector %u error %#x cs %#x ss %#x rflags %#lx",
		  r->entry_vector, r->error_code, r->cs, r->ss, r->rflags);
	log_error("rax %016lx rbx %016lx rcx %016lx", r->rax, r->rbx, r->rcx);
	log_error("rdx %016lx rsi %016lx rdi %016lx", r->rdx, r->rsi, r->rdi);
	log_error("rbp %016lx rsp %016lx r8  %016lx", r->rbp, r->rsp, r->r8);
	log_error("r9  %016lx r10 %016lx r11 %016lx", r->r9, r->r10, r->r11);
	log_error("r12 %016lx r13 %016lx r14 %016lx", r->r12, r->r13, r->r14);
	log_error("r15 %016lx", r->r15);
}

static void dump_control(void)
{
	log_error("cr0 %lx cr2 %lx cr3 %lx cr4 %lx efer %lx", cr0_read(),
		  cr2_read(), cr3_read(), cr4_read(), msr_read(MSR_EFER));
	log_error("fs %lx gs %lx gs' %lx", msr_read(MSR_FS_BASE),
		  msr_read(MSR_GS_BASE), msr_read(MSR_KERNEL_GS_BASE));
}

/* Reads a word that may not be there. */
static bool peek(uint64_t address, uint64_t *word)
{
	uint32_t failed = 1;
	uint64_t v = 0;

	__asm__ volatile("1: mov (%2), %1\n\t"
			 "xorl %0, %0\n"
			 "2:\n\t"
			 ".pushsection .ex_table, \"a\"\n\t"
			 ".quad 1b, 2b\n\t"
			 ".popsection"
			 : "+r"(failed), "+r"(v)
			 : "r"(address)
			 : "memory");
	*word = v;
	return !failed;
}

static void dump_words(uint64_t sp)
{
	char line[LINE];
	size_t used = 0;
	uint64_t word;

	for (uint64_t at = sp; at < sp + STACK_SHOWN; at += 8) {
		if (!peek(at, &word))
			break;
		if (!used)
			used = (size_t)snprintf(line, LINE, "%016lx:", at);
		used += (size_t)snprintf(line + used, LINE - used, " %016lx",
					 word);
		if ((at - sp) % 32 == 24) {
			log_error("%s", line);
			used = 0;
		}
	}
	if (used)
		log_error("%s", line);
}

void dump_stack(uint64_t sp)
{
	char where[LINE / 2];
	unsigned int named = 0;
	uint64_t word, end;
	uint32_t i;

	sp &= ~7UL;
	/* a stack never goes on beyond its block */
	end = MIN(sp + STACK_BYTES, (sp | (CPU_STACK_SIZE - 1)) + 1);
	log_error("stack:");
	dump_words(sp);
	log_error("possible callers:");
	for (; sp < end && named < RETURNS && peek(sp, &word); sp += 8) {
		if (!find_symbol(word, &i))
			continue;
		dump_address(where, sizeof(where), word);
		log_error("  %s", where);
		named++;
	}
}

/* ---- Panic ---- */

static _Noreturn void stop(void)
{
	if (panic_reboots)
		arch_machine_reboot();
	arch_panic();
}

/*
 * What comes before the dump. Returns only to the first who gets here; the
 * second may be the first again, failing in the dump.
 */
static void panic_begin(const char *fmt, va_list args)
{
	static atomic32_t depth;
	char line[LINE];
	uint32_t before;

	__asm__ volatile("cli" : : : "memory");
	before = atomic32_add(&depth, 1);
	if (before > 1)
		arch_panic();
	vsnprintf(line, sizeof(line), fmt, args);
	vga_take_back();
	if (before == 1) {
		arch_console_write("\nPANIC in a panic: ", 19);
		arch_console_write(line, strnlen(line, sizeof(line)));
		arch_console_write("\n", 1);
		stop();
	}
	log_break_lock();
	log_error("PANIC on CPU %u: %s", this_cpu()->id, line);
}

static _Noreturn void panic_end(void)
{
	log_error("This is a mistake in the hypervisor. The machine %s.",
		  panic_reboots ? "restarts" : "stands still");
	stop();
}

_Noreturn void panic_at(const struct cpu_user_regs *regs, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	panic_begin(fmt, args);
	va_end(args);
	dump_registers(regs);
	dump_control();
	dump_stack(regs->rsp);
	panic_end();
}

_Noreturn void panic(const char *fmt, ...)
{
	uint64_t sp;
	va_list args;

	va_start(args, fmt);
	panic_begin(fmt, args);
	va_end(args);
	__asm__ volatile("mov %%rsp, %0" : "=r"(sp));
	dump_control();
	dump_stack(sp);
	panic_end();
}
