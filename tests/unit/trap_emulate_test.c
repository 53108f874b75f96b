/* SPDX-License-Identifier: MIT */
/*
 * Instructions that fault in a guest's kernel and are carried out for it, and
 * those that are not: code bytes lie in the guest's memory, the fault is
 * reported as the processor does, and what comes of it is looked at.
 */
#include "unit/trap_world.h"

/* ---- interrupts by software ---- */

static void int_obeys_the_gate(void **state)
{
	(void)state;
	user_mode();
	run(VECTOR_GP, 0x80 * 8 + 2, INSN(0xcd, 0x80));
	reflected(0x80, 0, 2);
	user_mode();
	run(VECTOR_GP, 0x81 * 8 + 2, INSN(0xcd, 0x81));
	reflected(VECTOR_GP, 0x81 * 8 + 2, 0);
	run(VECTOR_GP, 0x81 * 8 + 2, INSN(0xcd, 0x81)); /* now its kernel */
	reflected(0x81, 0, 2);
	run(VECTOR_GP, 0x82 * 8 + 2, INSN(0xcd, 0x82));
	reflected(VECTOR_GP, 0x82 * 8 + 2, 0);
	v->trap.gates[0x80].address = 0;
	run(VECTOR_GP, 0x80 * 8 + 2, INSN(0xcd, 0x80));
	reflected(VECTOR_GP, 0x80 * 8 + 2, 0);
}

/* One emulator doubles the vector in the error code: the code counts. */
static void int_is_read_from_the_code(void **state)
{
	(void)state;
	run(VECTOR_GP, 0x80 * 16 + 2, INSN(0xcd, 0x80));
	reflected(0x80, 0, 2);
	run(VECTOR_GP, 0x80 * 8 + 2, INSN(0xf4, 0x80)); /* changed meanwhile */
	reflected(VECTOR_GP, 0x80 * 8 + 2, 0);
}

/* ---- CPUID ---- */

static void forced_cpuid(void **state)
{
	static const uint8_t code[] = { 0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2 };

	(void)state;
	for (int user = 0; user < 2; user++) {
		if (user)
			user_mode();
		v->regs->rax = 0x1111111140000000;
		run(VECTOR_UD, 0, code, sizeof(code));
		assert_int_equal(v->regs->rip, CODE + sizeof(code));
		assert_int_equal(v->regs->rbx, XEN_CPUID_SIGNATURE_EBX);
		assert_int_equal(v->regs->rdx, XEN_CPUID_SIGNATURE_EDX);
		assert_int_equal(v->trap.kernel_mode, !user);
	}
	v->regs->rax = 1;
	run(VECTOR_UD, 0, code, sizeof(code));
	assert_int_equal(v->regs->rcx >> 31, 1);
	assert_int_equal(v->regs->rcx >> 24 & 1, 0);
	/* Intel's give the last leaf for one that is not there. */
	host_cpuid_set(0, 0, (uint32_t[]){ 5, 0, 0, 0 });
	v->regs->rax = 7;
	v->regs->rcx = 0;
	run(VECTOR_UD, 0, code, sizeof(code));
	assert_int_equal(v->regs->rbx, 0);
	host_cpuid_set(0, 0, (uint32_t[]){ 0xd, 0, 0, 0 });
	v->regs->rax = 0xd;
	v->regs->rcx = 0;
	run(VECTOR_UD, 0, code, sizeof(code));
	assert_int_equal(v->regs->rax, 7);
	assert_int_equal(v->regs->rcx, 832);
	v->regs->rax = 0x40000003;
	v->regs->rcx = 2;
	run(VECTOR_UD, 0, code, sizeof(code));
	assert_int_equal(v->regs->rax, arch_tsc_hz() / 1000);
	v->regs->rax = 0x40000005;
	v->regs->rcx = 0;
	run(VECTOR_UD, 0, code, sizeof(code));
	assert_int_equal(v->regs->rbx, 48);
}

/* Prepared once (from here on to the end), the answers are the same. */
static void prepared_answers_agree(void **state)
{
	static const uint32_t firsts[] = { 0, 0x40000000, 0x80000000,
					   0xffffffe0 };
	static uint32_t before[2][ARRAY_SIZE(firsts)][64][4];
	uint32_t out[4];
	unsigned int nonzero = 0;

	(void)state;
	host_cpuid_set(0, 0, (uint32_t[]){ 0xd, 2, 3, 4 });
	host_cpuid_set(1, 0, (uint32_t[]){ ~0U, ~0U, ~0U, ~0U });
	host_cpuid_set(7, 0, (uint32_t[]){ ~0U, ~0U, ~0U, ~0U });
	host_cpuid_set(0x80000000, 0, (uint32_t[]){ 0x8000001f, 5, 6, 7 });
	host_cpuid_set(0x80000008, 0, (uint32_t[]){ ~0U, ~0U, ~0U, ~0U });
	host_cpuid_set(0x80000021, 0, (uint32_t[]){ ~0U, ~0U, ~0U, ~0U });
	v->id = 3;
	for (unsigned int round = 0; round < 4; round++) {
		v->domain->privileged = round & 1;
		if (round == 2)
			trap_cpuid_prepare();
		if (round == 2)
			v->domain->cpuid = *trap_policy_machine();
		for (unsigned int i = 0; i < ARRAY_SIZE(firsts) * 64; i++) {
			uint32_t *seen = before[round & 1][i / 64][i % 64];

			trap_cpuid(v, firsts[i / 64] + i % 64, 0,
				   round < 2 ? seen : out);
			if (round < 2)
				nonzero += seen[0] != 0;
			else
				assert_memory_equal(out, seen, sizeof(out));
		}
	}
	assert_true(nonzero > 10);
	v->id = 0;
}

static void only_cpuid_is_forced(void **state)
{
	(void)state;
	run(VECTOR_UD, 0, INSN(0x0f, 0x0b));
	reflected(VECTOR_UD, 0, 0);
	run(VECTOR_UD, 0, INSN(0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0x32));
	reflected(VECTOR_UD, 0, 0);
	run(VECTOR_UD, 0, INSN(0x0f, 0x0b, 'x', 'e', 'm', 0x0f, 0xa2));
	reflected(VECTOR_UD, 0, 0);
}

static void single_step_goes_on(void **state)
{
	(void)state;
	v->regs->rflags |= EFLAGS_TF;
	v->regs->rax = 0;
	run(VECTOR_UD, 0, INSN(0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2));
	reflected(VECTOR_DB, 0, 7);
	assert_int_equal(v->trap.debugreg[6] & DR6_STEP, DR6_STEP);
}

/* ---- control registers ---- */

static void cr0_has_only_ts(void **state)
{
	(void)state;
	does(INSN(0x0f, 0x20, 0xc0)); /* mov %cr0, %rax */
	assert_int_equal(v->regs->rax, 0x80050033);
	v->regs->rax |= CR0_TS;
	does(INSN(0x0f, 0x22, 0xc0));
	assert_true(host_loaded(0)->task_switched);
	does(INSN(0x0f, 0x20, 0xc1)); /* mov %cr0, %rcx */
	assert_int_equal(v->regs->rcx, 0x8005003b);
	does(INSN(0x0f, 0x06)); /* clts */
	assert_false(host_loaded(0)->task_switched);
	v->regs->rax = 0x80040033; /* without WP */
	refuses(INSN(0x0f, 0x22, 0xc0));
	v->regs->rax = 0x3b;
	does(INSN(0x0f, 0x01, 0xf0)); /* lmsw %ax */
	assert_true(host_loaded(0)->task_switched);
	v->regs->rax = 0x3f; /* with EM */
	refuses(INSN(0x0f, 0x01, 0xf0));
}

static void lmsw_from_memory(void **state)
{
	uint16_t word = 0x3b;

	(void)state;
	assert_int_equal(host_guest_write(DATA, &word, 2), 0);
	v->regs->rdi = DATA;
	does(INSN(0x0f, 0x01, 0x37)); /* lmsw (%rdi) */
	assert_true(host_loaded(0)->task_switched);
	v->regs->rdi = host_guest_va(16) - 1;
	run(VECTOR_GP, 0, INSN(0x0f, 0x01, 0x37));
	reflected(VECTOR_PF, 0, 0);
	assert_int_equal(v->info->arch.cr2, host_guest_va(16));
}

static void cr2_cr3_cr4(void **state)
{
	(void)state;
	v->regs->rdx = 0x123456;
	does(INSN(0x0f, 0x22, 0xd2)); /* mov %rdx, %cr2 */
	assert_int_equal(v->info->arch.cr2, 0x123456);
	does(INSN(0x0f, 0x20, 0xd6)); /* mov %cr2, %rsi */
	assert_int_equal(v->regs->rsi, 0x123456);
	does(INSN(0x41, 0x0f, 0x20, 0xd8)); /* mov %cr3, %r8 */
	assert_int_equal(v->regs->r8, frame_mfn(g.l4).v << PAGE_SHIFT);
	does(INSN(0x0f, 0x20, 0xe0)); /* mov %cr4, %rax */
	assert_int_equal(v->regs->rax, 0x660);
	v->regs->rax = 0x50660 | CR4_TSD | 1UL << 20;
	does(INSN(0x0f, 0x22, 0xe0));
	assert_int_equal(host_loaded(0)->cr4, 0x50660 | CR4_TSD);
	v->regs->rax = 0;
	does(INSN(0x0f, 0x22, 0xe0));
	assert_int_equal(host_loaded(0)->cr4, 0x660);
	refuses(INSN(0x44, 0x0f, 0x20, 0xc0)); /* mov %cr8, %rax */
	v->regs->rax = ~0UL;
	refuses(INSN(0x0f, 0x22, 0xd8)); /* cr3: no such frame */
}

static void xcr0_must_make_sense(void **state)
{
	(void)state;
	assert_true(xcr0_is_valid(1, 7));
	assert_true(xcr0_is_valid(7, 7));
	assert_true(xcr0_is_valid(0xe7, 0xe7));
	assert_false(xcr0_is_valid(0, 7));
	assert_false(xcr0_is_valid(2, 7));
	assert_false(xcr0_is_valid(5, 7));
	assert_false(xcr0_is_valid(7, 3));
	assert_false(xcr0_is_valid(0x67, 0xe7));
	assert_false(xcr0_is_valid(0xe3, 0xe7));
	assert_false(xcr0_is_valid(1UL << 63 | 1, 7));
	v->regs->rax = 7;
	v->regs->rcx = v->regs->rdx = 0;
	does(INSN(0x0f, 0x01, 0xd1)); /* xsetbv */
	assert_int_equal(host_loaded(0)->xcr0, 7);
	v->regs->rcx = 1;
	refuses(INSN(0x0f, 0x01, 0xd1));
	v->regs->rcx = 0;
	v->regs->rax = 6;
	refuses(INSN(0x0f, 0x01, 0xd1));
	assert_int_equal(v->xcr0, 7);
}

static void debug_registers_by_mov(void **state)
{
	(void)state;
	v->regs->rax = 0x401000;
	does(INSN(0x0f, 0x23, 0xc0)); /* mov %rax, %db0 */
	assert_int_equal(host_loaded(0)->debugreg[0], 0x401000);
	does(INSN(0x0f, 0x21, 0xc3)); /* mov %db0, %rbx */
	assert_int_equal(v->regs->rbx, 0x401000);
	v->regs->rax = ABI_HV_START;
	refuses(INSN(0x0f, 0x23, 0xc0));
}

static void cli_and_sti_do_nothing(void **state)
{
	(void)state;
	refuses(INSN(0xfa)); /* cli, without IOPL */
	v->trap.iopl = 1;
	does(INSN(0xfa));
	assert_int_equal(v->info->evtchn_upcall_mask, 0);
	v->info->evtchn_upcall_mask = 1;
	does(INSN(0xfb));
	assert_int_equal(v->info->evtchn_upcall_mask, 1);
}

static void some_are_nobodys(void **state)
{
	(void)state;
	does(INSN(0x0f, 0x09)); /* wbinvd */
	does(INSN(0x0f, 0x31)); /* rdtsc */
	assert_int_equal(v->regs->rdx << 32 | v->regs->rax, arch_tsc());
	v->regs->rdi = DATA;
	does(INSN(0x0f, 0x01, 0x3f));	 /* invlpg (%rdi) */
	refuses(INSN(0xf4));		 /* hlt */
	refuses(INSN(0x0f, 0x01, 0x17)); /* lgdt */
	refuses(INSN(0x0f, 0x33));	 /* rdpmc */
	refuses(INSN(0x0f, 0x08));	 /* invd */
	refuses(INSN(0x0f, 0x01, 0xf8)); /* swapgs */
	refuses(INSN(0x48, 0xcf));	 /* iretq */
	refuses(INSN(0x90));
	/* A #GP with a selector is not about privilege. */
	run(VECTOR_GP, 0x18, INSN(0x0f, 0x06));
	reflected(VECTOR_GP, 0x18, 0);
}

static void user_mode_has_no_privilege(void **state)
{
	static const uint8_t code[][3] = {
		{ 0x0f, 0x32 },	      { 0x0f, 0x30 }, { 0x0f, 0x06 },
		{ 0x0f, 0x20, 0xc0 }, { 0xfa },	      { 0x0f, 0x09 },
		{ 0x0f, 0x01, 0xd1 }, { 0xe4, 0x60 }, { 0x6c },
	};

	(void)state;
	v->trap.iopl = 1;
	for (size_t i = 0; i < ARRAY_SIZE(code); i++) {
		user_mode();
		run(VECTOR_GP, 0, code[i], sizeof(code[i]));
		reflected(VECTOR_GP, 0, 0);
	}
}

static void code_at_the_end_of_memory(void **state)
{
	static const uint8_t clts[] = { 0x0f, 0x06 };
	uint64_t at = host_guest_va(12) - sizeof(clts);

	(void)state;
	/* The next page is gone: what lies in this one is enough. */
	((uint64_t *)frame_ptr(g.l1))[12] = 0;
	assert_int_equal(host_guest_write(at, clts, sizeof(clts)), 0);
	v->regs->rip = at;
	trap_exception(v, VECTOR_GP, 0, 0);
	assert_int_equal(v->regs->rip, at + sizeof(clts));
	v->regs->rip = host_guest_va(16);
	trap_exception(v, VECTOR_GP, 0, 0);
	assert_int_equal(v->regs->rip, HANDLER(VECTOR_GP));
}

static void sysenter_is_entered(void **state)
{
	(void)state;
	v->regs->cs = FLAT_USER_CS32;
	user_mode();
	run(VECTOR_GP, 0, INSN(0x0f, 0x34));
	reflected(VECTOR_GP, 0, 0);
	assert_int_equal(trap_callback_register(v, CALLBACKTYPE_sysenter,
						CALLBACKF_mask_events, 0x7000),
			 0);
	v->regs->cs = FLAT_USER_CS32;
	user_mode();
	run(VECTOR_GP, 0, INSN(0x0f, 0x34));
	assert_int_equal(v->regs->rip, 0x7000);
	assert_int_equal(v->info->evtchn_upcall_mask, 1);
}

/* ---- page faults that are not the guest's ---- */

static void page_table_write_is_done(void **state)
{
	uint64_t *l1 = frame_ptr(g.l1), old = l1[5];

	(void)state;
	v->regs->rdi = host_guest_va(15) + 5 * 8;
	v->regs->rax = 0;
	assert_int_equal(
		host_guest_write(CODE, (uint8_t[]){ 0x48, 0x87, 0x07 }, 3),
		0); /* xchg %rax, (%rdi) */
	v->regs->rip = CODE;
	trap_exception(v, VECTOR_PF, PF_PRESENT | PF_WRITE | PF_USER,
		       v->regs->rdi);
	assert_int_equal(v->regs->rip, CODE + 3);
	assert_int_equal(l1[5], 0);
	assert_int_equal(v->regs->rax & PTE_ADDR, old & PTE_ADDR);
	/* Not for its user programs. */
	user_mode();
	v->regs->rip = CODE;
	trap_exception(v, VECTOR_PF, PF_PRESENT | PF_WRITE | PF_USER,
		       v->regs->rdi);
	reflected(VECTOR_PF, PF_PRESENT | PF_WRITE | PF_USER, 0);
	assert_int_equal(l1[5], 0);
}

static void reserved_bits_end_the_domain(void **state)
{
	(void)state;
	trap_exception(v, VECTOR_PF, PF_PRESENT | PF_RESERVED, DATA);
	assert_int_equal(atomic32_load(&g.d->state), DOMAIN_SHUTDOWN);
	assert_non_null(strstr(host_console_text(), "reserved bit"));
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(int_obeys_the_gate),
		TEST(int_is_read_from_the_code),
		TEST(forced_cpuid),
		TEST(only_cpuid_is_forced),
		TEST(single_step_goes_on),
		TEST(cr0_has_only_ts),
		TEST(lmsw_from_memory),
		TEST(cr2_cr3_cr4),
		TEST(xcr0_must_make_sense),
		TEST(debug_registers_by_mov),
		TEST(cli_and_sti_do_nothing),
		TEST(some_are_nobodys),
		TEST(user_mode_has_no_privilege),
		TEST(code_at_the_end_of_memory),
		TEST(sysenter_is_entered),
		TEST(page_table_write_is_done),
		TEST(reserved_bits_end_the_domain),
		TEST(prepared_answers_agree), /* the last: they stay */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
