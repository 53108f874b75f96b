/* SPDX-License-Identifier: MIT */
/*
 * What a hostile guest's vcpu does: calls, alone or several in one, stores,
 * instructions that trap, and now and then what it needs to go on.
 */
#include <string.h>

#include "model/update.h"
#include "call/call.h"
#include "calls_parts.h"
#include "mm/mm.h"
#include "pte.h"
#include "trap/trap.h"

static uint64_t multicall(unsigned int n)
{
	uint64_t va = host_guest_va(ARGS_PAGE) + pick(64) * 8;

	for (unsigned int i = 0; i < n; i++) {
		struct multicall_entry e = { .op = calls_number() };
		uint64_t a[6];

		calls_arguments(e.op, a);
		memcpy(e.args, a, sizeof(a));
		calls_put(va + i * sizeof(e), &e, sizeof(e));
	}
	return va;
}

/* As entry.S makes it: arguments are read once, from the registers. */
static void make_call(struct vcpu *v)
{
	const struct cpu_user_regs *r = v->regs;
	struct call_args args = { { r->rdi, r->rsi, r->rdx, r->r10, r->r8,
				    r->r9 } };

	host_copy_scrambles = calls_cfg.scrambles;
	if (r->rax == __HYPERVISOR_iret)
		trap_iret(v);
	else
		call_hypercall(v, &args);
	host_copy_scrambles = false;
}

static void do_hypercall(void)
{
	struct vcpu *v = me();
	struct cpu_user_regs *r = v->regs;
	uint64_t number = calls_number(), a[6];

	calls_arguments(number, a);
	if (number == __HYPERVISOR_multicall) {
		a[1] = pick(6);
		a[0] = multicall((unsigned int)a[1]);
	}
	if (number == __HYPERVISOR_iret) {
		r->rsp = host_guest_va(STACK_PAGE) + 0x800;
		calls_fill(r->rsp, 9);
	}
	r->rax = number;
	r->rdi = a[0];
	r->rsi = a[1];
	r->rdx = a[2];
	r->r10 = a[3];
	r->r8 = a[4];
	r->r9 = a[5];
	r->rip = CALL_RIP;
	SAY("call %lu(%#lx, %#lx, %#lx, %#lx)", number, a[0], a[1], a[2], a[3]);
	make_call(v);
	calls_result = (long)r->rax;
}

/* The call was interrupted: its registers say where to go on. */
static void do_call_again(void)
{
	struct vcpu *v = me();

	SAY("call %lu again", v->regs->rax);
	v->regs->rip = CALL_RIP;
	make_call(v);
	calls_result = (long)v->regs->rax;
}

static void do_write(void)
{
	uint64_t va = host_guest_va(pick(PAGES)) + pick_index() * 8;
	uint64_t e = pick_entry(mine(), other());

	SAY("write %#lx = %#lx", va, e);
	calls_result = host_guest_write(va, &e, 8);
}

static const uint8_t code[][8] = {
	{ 0x0f, 0xa2 },				      /* cpuid */
	{ 0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2 }, /* ud2 "xen" cpuid */
	{ 0x0f, 0x32 },				      /* rdmsr */
	{ 0x0f, 0x30 },				      /* wrmsr */
	{ 0x0f, 0x31 },				      /* rdtsc */
	{ 0x0f, 0x20, 0xc0 },			      /* mov %cr0,%rax */
	{ 0x0f, 0x22, 0xc0 },			      /* mov %rax,%cr0 */
	{ 0x0f, 0x22, 0xd8 },			      /* mov %rax,%cr3 */
	{ 0x0f, 0x20, 0xd8 },			      /* mov %cr3,%rax */
	{ 0x0f, 0x22, 0xe0 },			      /* mov %rax,%cr4 */
	{ 0x0f, 0x21, 0xf8 },			      /* mov %dr7,%rax */
	{ 0x0f, 0x23, 0xf8 },			      /* mov %rax,%dr7 */
	{ 0x0f, 0x06 },				      /* clts */
	{ 0x0f, 0x09 },				      /* wbinvd */
	{ 0x0f, 0x01, 0x38 },			      /* invlpg (%rax) */
	{ 0x0f, 0x01, 0xd1 },			      /* xsetbv */
	{ 0x0f, 0x01, 0xf9 },			      /* rdtscp */
	{ 0xec },				      /* in (%dx),%al */
	{ 0xef },				      /* out %eax,(%dx) */
	{ 0x6c },				      /* insb */
	{ 0xf3, 0x6f },				      /* rep outsl */
	{ 0xf4 },				      /* hlt */
	{ 0xfa },				      /* cli */
	{ 0xfb },				      /* sti */
	{ 0x48, 0x89, 0x07 },			      /* mov %rax,(%rdi) */
	{ 0x48, 0x87, 0x07 },			      /* xchg %rax,(%rdi) */
	{ 0xf0, 0x48, 0x0f, 0xb3, 0x07 },	      /* lock btr %rax,(%rdi) */
	{ 0xf0, 0x48, 0x0f, 0xb1, 0x0f },	      /* lock cmpxchg */
	{ 0x48, 0xab },				      /* stos */
	{ 0xf3, 0x48, 0xab },			      /* rep stos */
	{ 0x48, 0xa5 },				      /* movs */
	{ 0xf3, 0x48, 0xa5 },			      /* rep movs */
	{ 0xf0, 0x48, 0x21, 0x07 },		      /* lock and %rax,(%rdi) */
	{ 0x48, 0x09, 0x07 },			      /* or %rax,(%rdi) */
	{ 0xf0, 0x0f, 0xba, 0x2f, 0x05 },	      /* lock btsl $5,(%rdi) */
	{ 0xf0, 0x48, 0xff, 0x07 },		      /* lock incq (%rdi) */
	{ 0x66, 0x89, 0x07 },			      /* mov %ax,(%rdi) */
	{ 0xc6, 0x07, 0x00 },			      /* movb $0,(%rdi) */
	{ 0x0f, 0x01, 0xf0 },			      /* lmsw %ax */
	{ 0x0f, 0x01, 0xca },			      /* clac */
	{ 0x0f, 0xae, 0x27 },			      /* xsave (%rdi) */
	{ 0xf3, 0x48, 0x0f, 0xae, 0xd0 },	      /* wrfsbase %rax */
	{ 0x48, 0xcf },				      /* iretq */
	{ 0x0f, 0x05 },				      /* syscall */
};

static void do_trap(void)
{
	static const uint8_t vectors[] = { 13, 13, 13, 14, 14, 14, 6,  3,
					   1,  0,  7,  12, 17, 16, 19, 4 };
	struct vcpu *v = me();
	struct cpu_user_regs *r = v->regs;
	unsigned int vector = vectors[pick(sizeof(vectors))];
	unsigned int i = pick(ARRAY_SIZE(code));
	uint32_t error = 0;
	uint64_t va;

	r->rip = host_guest_va(CODE_PAGE) +
		 (one_in(16) ? PAGE_SIZE - pick(8) : 0x400);
	calls_put(r->rip, code[i], 8);
	r->rax = calls_word();
	r->rcx = one_in(2) ? 0xc0000080 + pick(4) + 0x80 * pick(2)
			   : calls_word();
	r->rdx = calls_word();
	r->rdi = va = pick_va(mine()) + 8 * pick_index();
	r->rsi = calls_word();
	if (one_in(8))
		r->rsp = calls_word();
	if (vector == 14)
		error = pick(2) ? 7 : pick(32);
	else if (vector == 13 || vector == 12)
		error = one_in(4) ? (uint32_t)calls_word() & 0xffff : 0;
	SAY("trap %u, error %#x, va %#lx, code %u", vector, error, va, i);
	calls_result = 0;
	trap_exception(v, vector, error, va);
}

static void do_syscall(void)
{
	SAY("syscall from user mode");
	me()->regs->rip = CALL_RIP;
	trap_syscall(me());
	calls_result = 0;
}

static void do_time(void)
{
	SAY("time passes");
	host_clock_advance(1UL << pick(28));
	calls_result = 0;
}

/* Puts the guest's own mapping of its memory in order, as far as it can. */
static void do_repair(void)
{
	struct host_guest *g = mine();
	unsigned int i = pick(pick(2) ? PAGES : ARGS_PAGE + 4);
	uint64_t val = frame_mfn(g->frame[i]).v << PAGE_SHIFT | PTE_P | PTE_RW |
		       PTE_US | PTE_A;
	struct mm_locked m = mm_lock(g->d);

	SAY("repair page %u", i);
	calls_result = mm_update_one(
		m, g->d, (frame_mfn(g->l1).v << PAGE_SHIFT) + i * 8, val);
	mm_unlock(m);
}

void calls_act(void)
{
	struct vcpu *v = me();

	if (v->trap.kernel_mode && v->regs->rip == CALL_RIP - 2 && pick(16)) {
		do_call_again();
		return;
	}
	switch (calls_cfg.family == CALLS_TRAPS && pick(2) ? 2 : pick(16)) {
	case 0:
	case 1:
		do_write();
		break;
	case 2:
	case 3:
		do_trap();
		break;
	case 4:
		do_time();
		break;
	case 5:
	case 6:
		do_repair();
		break;
	default:
		if (v->trap.kernel_mode)
			do_hypercall();
		else
			do_syscall();
	}
}
