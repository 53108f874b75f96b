/* SPDX-License-Identifier: MIT */
/*
 * I/O ports: who may use them, strings of them, and the empty bus that is
 * found there.
 */
#include "unit/trap_world.h"

static void ports_need_iopl(void **state)
{
	(void)state;
	host_port_set(0x60, 0x1c);
	v->regs->rax = 0;
	refuses(INSN(0xe4, 0x60));
	v->trap.iopl = 1;
	does(INSN(0xe4, 0x60)); /* in $0x60, %al: nothing there */
	assert_int_equal(v->regs->rax, 0xff);
	v->regs->rax = ~0UL << 48;
	does(INSN(0x66, 0xed)); /* in %dx, %ax */
	assert_int_equal(v->regs->rax, ~0UL << 48 | 0xffff);
	does(INSN(0xed)); /* in %dx, %eax */
	assert_int_equal(v->regs->rax, UINT32_MAX);
	v->regs->rdx = 0xcf8;
	does(INSN(0xef)); /* out %eax, %dx */
	assert_int_equal(host_port_last_write(0xcf8), UINT32_MAX);
	v->regs->rax = 0x80000000;
	does(INSN(0xef));
	assert_int_equal(host_port_last_write(0xcf8), UINT32_MAX);
	v->trap.iopl = 3;
	user_mode();
	does(INSN(0xe4, 0x60));
}

static void bitmap_lets_user_mode_in(void **state)
{
	uint8_t bitmap[128];

	(void)state;
	memset(bitmap, 0xff, sizeof(bitmap));
	bitmap[0x60 / 8] &= (uint8_t) ~(1U << 0);
	bitmap[0x3f8 / 8] = 0;
	assert_int_equal(host_guest_write(DATA, bitmap, sizeof(bitmap)), 0);
	assert_int_equal(trap_port_bitmap_set(v, DATA, 0x10001), -EINVAL);
	assert_int_equal(trap_port_bitmap_set(v, DATA, 0x400), 0);
	does(INSN(0xe4, 0x60)); /* its kernel too */
	refuses(INSN(0xe4, 0x61));
	user_mode();
	does(INSN(0xe4, 0x60));
	v->regs->rdx = 0x3fc;
	does(INSN(0xed)); /* 3fc to 3ff: the last four */
	v->regs->rdx = 0x3fd;
	run(VECTOR_GP, 0, INSN(0xed)); /* one port beyond the end */
	reflected(VECTOR_GP, 0, 0);
	user_mode();
	run(VECTOR_GP, 0, INSN(0xe4, 0x61));
	reflected(VECTOR_GP, 0, 0);
	user_mode();
	run(VECTOR_GP, 0, INSN(0x66, 0xe5, 0x60)); /* 60 and 61 */
	reflected(VECTOR_GP, 0, 0);
	assert_int_equal(trap_port_bitmap_set(v, DATA, 0x3fc), 0);
	v->regs->rdx = 0x3fc;
	user_mode();
	run(VECTOR_GP, 0, INSN(0xec)); /* the bit is clear, but not counted */
	reflected(VECTOR_GP, 0, 0);
	v->trap.port_bitmap_va = host_guest_va(16); /* not mapped */
	user_mode();
	run(VECTOR_GP, 0, INSN(0xe4, 0x60));
	reflected(VECTOR_GP, 0, 0);
}

static void strings_of_ports(void **state)
{
	uint8_t got[8];

	(void)state;
	v->trap.iopl = 1;
	v->regs->rdi = DATA + 4;
	does(INSN(0x6d)); /* insl */
	assert_int_equal(v->regs->rdi, DATA + 8);
	assert_int_equal(host_guest_read(DATA, got, 8), 0);
	assert_memory_equal(got, "\0\0\0\0\xff\xff\xff\xff", 8);
	v->regs->rflags |= EFLAGS_DF;
	v->regs->rcx = 3;
	v->regs->rdi = DATA + 2;
	does(INSN(0xf3, 0x6c)); /* rep insb, downwards */
	assert_int_equal(v->regs->rdi, DATA - 1);
	assert_int_equal(v->regs->rcx, 0);
	v->regs->rflags &= ~EFLAGS_DF;
	v->regs->rsi = DATA;
	v->regs->rcx = 0;
	does(INSN(0xf3, 0x6e)); /* rep outsb, of nothing */
	assert_int_equal(v->regs->rsi, DATA);
}

static void strings_fault_where_they_are(void **state)
{
	(void)state;
	v->trap.iopl = 1;
	v->regs->rdi = host_guest_va(12) - 6; /* then page tables, read-only */
	v->regs->rcx = 4;
	run(VECTOR_GP, 0, INSN(0xf3, 0x6d));
	reflected(VECTOR_PF, PF_WRITE, 0);
	assert_int_equal(v->info->arch.cr2, host_guest_va(12));
	assert_int_equal(v->regs->rdi, host_guest_va(12) - 2);
}

static void strings_pause(void **state)
{
	unsigned int times = 1;

	(void)state;
	v->trap.iopl = 1;
	v->regs->rsi = DATA;
	v->regs->rcx = 2000;
	run(VECTOR_GP, 0, INSN(0xf3, 0x6e));
	assert_int_equal(v->regs->rip, CODE); /* the guest does it again */
	assert_int_equal(v->regs->rsi, DATA + 2000 - v->regs->rcx);
	while (v->regs->rip == CODE && times++ < 100)
		trap_exception(v, VECTOR_GP, 0, 0);
	assert_in_range(times, 3, 50);
	assert_int_equal(v->regs->rip, CODE + 2);
	assert_int_equal(v->regs->rsi, DATA + 2000);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(ports_need_iopl),
		TEST(bitmap_lets_user_mode_in),
		TEST(strings_of_ports),
		TEST(strings_fault_where_they_are),
		TEST(strings_pause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
