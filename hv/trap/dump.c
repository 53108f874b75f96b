/* SPDX-License-Identifier: MIT */
/* A vcpu's state in the log, for whoever has to find out what went wrong. */
#include "arch.h"
#include "frame/frame.h"
#include "lib/printf.h"
#include "log/log.h"
#include "trap/trap.h"

#define CODE_BEFORE  8
#define CODE_BYTES   24
#define STACK_WORDS  16
#define WORDS_A_LINE 4
#define LINE_MAX     120

static void dump_registers(const struct vcpu *v)
{
	const struct cpu_user_regs *r = v->regs;

	log_error("  rip %04x:%016lx rsp %04x:%016lx rflags %08lx", r->cs,
		  r->rip, r->ss, r->rsp, r->rflags);
	log_error("  rax %016lx rbx %016lx rcx %016lx rdx %016lx", r->rax,
		  r->rbx, r->rcx, r->rdx);
	log_error("  rsi %016lx rdi %016lx rbp %016lx r8  %016lx", r->rsi,
		  r->rdi, r->rbp, r->r8);
	log_error("  r9  %016lx r10 %016lx r11 %016lx r12 %016lx", r->r9,
		  r->r10, r->r11, r->r12);
	log_error("  r13 %016lx r14 %016lx r15 %016lx cr2 %016lx", r->r13,
		  r->r14, r->r15, shared_load64(&v->info->arch.cr2));
	log_error("  kernel stack %016lx events %s, pending %u",
		  v->trap.kernel_sp,
		  shared_load8(&v->info->evtchn_upcall_mask) ? "masked" : "on",
		  shared_load8(&v->info->evtchn_upcall_pending));
}

/* Bytes around rip; the instruction itself is in < >. */
static void dump_code(uint64_t rip)
{
	char line[LINE_MAX];
	int n = snprintf(line, sizeof(line), "  code");

	for (unsigned int i = 0; i < CODE_BYTES; i++) {
		size_t left = sizeof(line) - (size_t)n;
		uint8_t byte;

		if (guest_copy_from(&byte, rip - CODE_BEFORE + i, 1))
			n += snprintf(line + n, left, " --");
		else if (i == CODE_BEFORE)
			n += snprintf(line + n, left, " <%02x>", byte);
		else
			n += snprintf(line + n, left, " %02x", byte);
	}
	log_error("%s", line);
}

static void dump_stack(uint64_t rsp)
{
	uint64_t words[WORDS_A_LINE];

	for (unsigned int i = 0; i < STACK_WORDS; i += WORDS_A_LINE) {
		uint64_t va = rsp + i * sizeof(words[0]);

		if (guest_copy_from(words, va, sizeof(words))) {
			log_error("  stack +%02x: not readable", i * 8);
			return;
		}
		log_error("  stack +%02x: %016lx %016lx %016lx %016lx", i * 8,
			  words[0], words[1], words[2], words[3]);
	}
}

void trap_dump(const struct vcpu *v)
{
	log_error("%s: vcpu %u in its %s", v->domain->name, v->id,
		  v->trap.kernel_mode ? "kernel" : "user mode");
	dump_registers(v);
	if (v != current_vcpu())
		return;
	dump_code(v->regs->rip);
	dump_stack(v->regs->rsp);
}
