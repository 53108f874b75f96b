/* SPDX-License-Identifier: MIT */
/*
 * Into a 32-bit guest's kernel and back, in a process: the processor's frame
 * on its stack word by word, from ring 1 and from ring 3; gates, callbacks
 * and their selectors; iret; hypercalls by int $0x82 with their registers of
 * 32 bits; multicalls; structures that are laid out otherwise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "argument.h"
#include "call/call.h"
#include "host/host.h"
#include "processor.h"
#include "sched/sched.h"
#include "time/time.h"
#include "trap/trap.h"

#define HANDLER	     0x100100U
#define KERNEL_STACK ((uint32_t)host_guest_va(3) + 0x108)
#define USER_STACK   ((uint32_t)host_guest_va(5) + 0x233)
#define DATA	     ((uint32_t)host_guest_va(6))
#define OWN_CS	     0x61 /* as it registers it: ring 1, or ring 0 meant */
#define RING1_CS     FLAT_KERNEL_CS_X86_32
#define RING1_SS     FLAT_KERNEL_SS_X86_32
#define FLAGS	     (EFLAGS_ONE | EFLAGS_IF | 0x41)

static struct host_guest g;
static struct vcpu *v;

static void set_gate(unsigned int vector, uint32_t address, uint8_t flags,
		     uint16_t cs)
{
	struct trap_info t = { (uint8_t)vector, flags, cs, address };

	trap_gate_set(v, &t);
}

static void in_ring3(void)
{
	v->regs->cs = FLAT_USER_CS_X86_32;
	v->regs->ss = FLAT_USER_SS_X86_32;
	v->trap.kernel_mode = false;
}

static void in_ring1(void)
{
	v->regs->cs = RING1_CS;
	v->regs->ss = RING1_SS;
	v->trap.kernel_mode = true; /* as x86/ring1.c says it */
}

static int setup(void **state)
{
	(void)state;
	host_init(64, 1);
	time_init();
	host_width = WIDTH_32;
	host_guest_make(&g, 16, 1, false);
	v = g.d->vcpu[0];
	trap_vcpu_init(v);
	host_vcpu_enter(v);
	v->regs->rip = 0x401000;
	v->regs->rsp = USER_STACK;
	v->regs->rflags = FLAGS;
	in_ring1();
	trap_stack_switch32(v, RING1_SS & ~3, KERNEL_STACK);
	set_gate(VECTOR_PF, HANDLER, 4, OWN_CS & ~3);
	set_gate(VECTOR_BP, HANDLER + 8, 3, RING1_CS);
	set_gate(VECTOR_GP, HANDLER + 16, 0, RING1_CS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_fini();
	return 0;
}

static bool crashed(void)
{
	return atomic32_load(&g.d->state) == DOMAIN_SHUTDOWN &&
	       atomic32_load(&g.d->shutdown_code) == SHUTDOWN_crash;
}

static void words_at(uint64_t va, uint32_t *out, size_t n)
{
	assert_int_equal(host_guest_read(va, out, n * 4), 0);
}

static void words_put(uint64_t va, const uint32_t *in, size_t n)
{
	assert_int_equal(host_guest_write(va, in, n * 4), 0);
}

static void entered(uint32_t handler, uint16_t cs, uint32_t top,
		    unsigned int words)
{
	assert_false(crashed());
	assert_int_equal(v->regs->rip, handler);
	assert_int_equal(v->regs->cs, cs);
	assert_int_equal(v->regs->ss, RING1_SS);
	assert_int_equal(v->regs->rsp, top - words * 4);
	assert_int_equal(v->regs->rflags & EFLAGS_IF, EFLAGS_IF);
	/* Nothing of its segments bases is touched. */
	assert_int_equal(host_loaded(0)->gs_base, 0);
}

/* On the interrupted stack, without esp and ss. */
static void fault_in_ring1(void **state)
{
	const struct vcpu_info_x86_32 *info =
		(struct vcpu_info_x86_32 *)v->info;
	uint32_t w[4];

	(void)state;
	v->info->evtchn_upcall_mask = 0;
	v->regs->rflags |= EFLAGS_TF | EFLAGS_NT;
	trap_exception(v, VECTOR_PF, PF_WRITE, 0xdead000);
	entered(HANDLER, OWN_CS, USER_STACK, 4);
	words_at(v->regs->rsp, w, 4);
	assert_int_equal(w[0], PF_WRITE);
	assert_int_equal(w[1], 0x401000);
	assert_int_equal(w[2], RING1_CS);
	assert_int_equal(w[3], FLAGS | EFLAGS_TF | EFLAGS_NT);
	assert_int_equal(v->regs->rflags, FLAGS);
	assert_int_equal(info->arch.cr2, 0xdead000);
	assert_int_equal(v->info->evtchn_upcall_mask, 1);
}

/* On the stack of stack_switch, with the program's own on top. */
static void fault_in_ring3(void **state)
{
	uint32_t w[6];

	(void)state;
	in_ring3();
	v->info->evtchn_upcall_mask = 0;
	trap_exception(v, VECTOR_PF, PF_USER, 0x123);
	entered(HANDLER, OWN_CS, KERNEL_STACK, 6);
	words_at(v->regs->rsp, w, 6);
	assert_int_equal(w[0], PF_USER);
	assert_int_equal(w[2], FLAT_USER_CS_X86_32);
	assert_int_equal(w[4], USER_STACK);
	assert_int_equal(w[5], FLAT_USER_SS_X86_32);
}

/* Twice: in bits 16 to 23 of cs, and in IF. */
static void mask_is_saved(void **state)
{
	uint32_t w[3];

	(void)state;
	v->info->evtchn_upcall_mask = 1;
	trap_exception(v, VECTOR_BP, 0, 0);
	entered(HANDLER + 8, RING1_CS, USER_STACK, 3);
	words_at(v->regs->rsp, w, 3);
	assert_int_equal(w[1], RING1_CS | 1U << 16);
	assert_int_equal(w[2], FLAGS & ~EFLAGS_IF);
}

static void callbacks(void **state)
{
	const struct callback_register32 c = { CALLBACKTYPE_sysenter, 0,
					       OWN_CS & ~3, HANDLER + 64 };
	struct call_args args;
	uint32_t w[5];

	(void)state;
	v->regs->rax = __HYPERVISOR_set_callbacks;
	v->regs->rbx = RING1_CS;
	v->regs->rcx = HANDLER + 32;
	v->regs->rdx = OWN_CS & ~3;
	v->regs->rsi = HANDLER + 48;
	call_hypercall32(v);
	assert_int_equal(v->regs->rax, 0);
	v->info->evtchn_upcall_mask = 0;
	in_ring3();
	trap_upcall(v);
	entered(HANDLER + 32, RING1_CS, KERNEL_STACK, 5);
	assert_int_equal(v->info->evtchn_upcall_mask, 1);
	assert_int_equal(host_guest_write(DATA, &c, sizeof(c)), 0);
	args = (struct call_args){ { CALLBACKOP_register, DATA } };
	v->regs->rax = __HYPERVISOR_callback_op;
	v->regs->rbx = args.a[0];
	v->regs->rcx = args.a[1];
	call_hypercall32(v);
	assert_int_equal(v->regs->rax, 0);
	in_ring3();
	v->regs->rsp = USER_STACK;
	v->regs->rflags |= EFLAGS_DF;
	trap_sysenter(v);
	entered(HANDLER + 64, OWN_CS, KERNEL_STACK, 5);
	words_at(v->regs->rsp, w, 5);
	assert_int_equal(w[3], USER_STACK);
	assert_int_equal(v->regs->rflags & EFLAGS_DF, 0);
	/* SYSCALL is for 64-bit programs: such a kernel has none. */
	assert_int_equal(trap_callback_register(v, CALLBACKTYPE_syscall, 0, 1),
			 -ENOSYS);
}

/* What it should have loaded, and once only: not for its own entry. */
static void failsafe(void **state)
{
	uint32_t w[9];

	(void)state;
	assert_int_equal(trap_callback_register(v, CALLBACKTYPE_failsafe, 0,
						(uint64_t)RING1_CS << 32 |
							(HANDLER + 48)),
			 0);
	in_ring3();
	v->regs->ds = 0x11;
	v->regs->es = 0x22;
	v->regs->fs = 0x33;
	v->regs->gs = 0x44;
	trap_failsafe(v);
	entered(HANDLER + 48, RING1_CS, KERNEL_STACK, 9);
	words_at(v->regs->rsp, w, 9);
	assert_int_equal(w[0], 0x11);
	assert_int_equal(w[1], 0x22);
	assert_int_equal(w[2], 0x33);
	assert_int_equal(w[3], 0x44);
	assert_int_equal(w[4], 0x401000);
	assert_int_equal(w[7], USER_STACK);
	trap_failsafe(v);
	assert_true(crashed());
}

static void no_handler(void **state)
{
	(void)state;
	trap_exception(v, VECTOR_UD, 0, 0);
	assert_true(crashed());
}

static void no_stack(void **state)
{
	(void)state;
	v->regs->rsp = 0x10;
	trap_exception(v, VECTOR_BP, 0, 0);
	assert_true(crashed());
}

static void iret(uint32_t cs, uint32_t eflags, uint32_t ss)
{
	const uint32_t f[6] = { 0xeaea, 0x500000, cs, eflags, 0x600000, ss };

	in_ring1();
	v->regs->rsp = DATA + 32;
	words_put(DATA + 32, f, 6);
	v->regs->rax = __HYPERVISOR_iret;
	call_hypercall32(v);
	assert_false(crashed());
	assert_int_equal(v->regs->rax, 0xeaea);
	assert_int_equal(v->regs->rip, 0x500000);
}

static void iret_to_ring3(void **state)
{
	(void)state;
	v->info->evtchn_upcall_mask = 1;
	iret(FLAT_USER_CS_X86_32,
	     EFLAGS_IF | EFLAGS_VM | EFLAGS_IOPL | EFLAGS_NT,
	     FLAT_USER_SS_X86_32);
	assert_int_equal(v->regs->cs, FLAT_USER_CS_X86_32);
	assert_int_equal(v->regs->ss, FLAT_USER_SS_X86_32);
	assert_int_equal(v->regs->rsp, 0x600000);
	assert_int_equal(v->regs->rflags, EFLAGS_ONE | EFLAGS_IF);
	assert_int_equal(v->info->evtchn_upcall_mask, 0);
}

static void iret_to_ring1(void **state)
{
	(void)state;
	iret(RING1_CS & ~3U, 0, 0);
	assert_int_equal(v->regs->cs, RING1_CS);
	assert_int_equal(v->regs->ss, RING1_SS);
	assert_int_equal(v->regs->rsp, DATA + 32 + 16);
	assert_int_equal(v->info->evtchn_upcall_mask, 1);
}

/* Where SYSRET would go with these: never. */
static void iret_to_64_bit_code(void **state)
{
	(void)state;
	iret(FLAT_RING3_CS64, EFLAGS_IF, FLAT_RING3_SS64);
	assert_int_equal(v->regs->cs, 0);
	v->regs->r11 = v->regs->rflags;
	trap_syscall32(v);
	assert_int_equal(v->regs->r11, 0);
}

static void nmi(void **state)
{
	(void)state;
	trap_nmi(v); /* nobody wants it */
	assert_int_equal(v->regs->rip, 0x401000);
	assert_int_equal(
		trap_callback_register(v, CALLBACKTYPE_nmi, 0,
				       (uint64_t)OWN_CS << 32 | (HANDLER + 80)),
		0);
	trap_nmi(v);
	entered(HANDLER + 80, OWN_CS, USER_STACK, 3);
	trap_nmi(v);
	assert_true(v->trap.nmi_pending);
	iret(RING1_CS, 0, 0);
	assert_int_equal(atomic32_load(&v->work), VCPU_WORK_NMI);
}

/* ---- hypercalls ---- */

static uint32_t call(uint32_t number, uint32_t a, uint32_t b, uint32_t c,
		     uint32_t d)
{
	const uint64_t dirt = 0xabcdUL << 32, rip = v->regs->rip;

	in_ring1();
	v->regs->rax = number | dirt;
	v->regs->rbx = a | dirt;
	v->regs->rcx = b | dirt;
	v->regs->rdx = c | dirt;
	v->regs->rsi = d | dirt;
	call_hypercall32(v);
	if (v->regs->rip == rip)
		assert_int_equal(v->regs->rax >> 32, 0);
	return (uint32_t)v->regs->rax;
}

static void registers_are_32_bits(void **state)
{
	(void)state;
	assert_int_equal(
		call(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0),
		ABI_VERSION_MAJOR << 16 | ABI_VERSION_MINOR);
	assert_int_equal((int32_t)call(1000, 0, 0, 0, 0), -ENOSYS);
	assert_int_equal(
		(int32_t)call(__HYPERVISOR_set_segment_base, 0, 0, 0, 0),
		-ENOSYS);
	assert_int_equal((int32_t)call(__HYPERVISOR_xen_version,
				       XENVER_extraversion, 0x10, 0, 0),
			 -EFAULT);
}

static void platform_parameters(void **state)
{
	uint32_t w[2] = { 0, 0x55 };

	(void)state;
	words_put(DATA, w, 2);
	assert_int_equal(call(__HYPERVISOR_xen_version,
			      XENVER_platform_parameters, DATA, 0, 0),
			 0);
	words_at(DATA, w, 2);
	assert_int_equal(w[0], ABI_HV32_START);
	assert_int_equal(w[1], 0x55);
}

static void trap_table(void **state)
{
	static const struct trap_info_x86_32 t[] = {
		{ VECTOR_UD, 7, OWN_CS & ~3, 0xfffffff0 },
		{ 0x80, 3, RING1_CS, HANDLER },
		{ 0 },
	};

	(void)state;
	assert_int_equal(host_guest_write(DATA, t, sizeof(t)), 0);
	assert_int_equal(call(__HYPERVISOR_set_trap_table, DATA, 0, 0, 0), 0);
	trap_exception(v, VECTOR_UD, 0, 0);
	entered(0xfffffff0, OWN_CS, USER_STACK, 3);
	assert_int_equal(v->trap.gates[0x80].dpl, 3);
	assert_int_equal(call(__HYPERVISOR_set_trap_table, 0, 0, 0, 0), 0);
	trap_exception(v, VECTOR_UD, 0, 0);
	assert_true(crashed());
}

static void multicall(void **state)
{
	static const uint32_t e[] = {
		__HYPERVISOR_xen_version,
		99,
		XENVER_pagesize,
		0,
		0,
		0,
		0,
		0,
		__HYPERVISOR_multicall,
		99,
		0,
		0,
		0,
		0,
		0,
		0,
		1000,
		99,
		0,
		0,
		0,
		0,
		0,
		7,
	};
	uint32_t w[ARRAY_SIZE(e)];

	(void)state;
	words_put(DATA, e, ARRAY_SIZE(e));
	assert_int_equal(call(__HYPERVISOR_multicall, DATA, 3, 0, 0), 0);
	words_at(DATA, w, ARRAY_SIZE(e));
	assert_int_equal(w[1], PAGE_SIZE);
	assert_int_equal((int32_t)w[9], -EINVAL);
	assert_int_equal((int32_t)w[17], -ENOSYS);
	assert_int_equal(w[23], 7);
}

/* A call until it is done, as a guest makes it that goes on and on. */
static uint32_t call_through(uint32_t number, uint32_t a, uint32_t b,
			     uint32_t c, uint32_t d)
{
	uint64_t rip = v->regs->rip;
	uint32_t rc = call(number, a, b, c, d);

	while (v->regs->rip != rip) {
		assert_int_equal(v->regs->rip, rip - 2);
		assert_int_equal((v->regs->rbx | v->regs->rcx) >> 32, 0);
		v->regs->rip = rip;
		call_hypercall32(v);
		rc = (uint32_t)v->regs->rax;
	}
	return rc;
}

#define UPDATES 200
#define FLUSHES 90

/*
 * A batch that is interrupted goes on by its registers, which hold nothing
 * that has not its place in 32 bits, and is counted as one.
 */
static void batches_go_on(void **state)
{
	struct mmu_update req[UPDATES];
	struct mmuext_op32 op[FLUSHES];
	uint32_t done;

	(void)state;
	for (unsigned int i = 0; i < UPDATES; i++)
		req[i] = (struct mmu_update){ frame_mfn(g.frame[i % 4]).v
							      << PAGE_SHIFT |
						      MMU_MACHPHYS_UPDATE,
					      i };
	assert_int_equal(host_guest_write(DATA, req, sizeof(req)), 0);
	host_choose_random(7);
	host_choose_rate(HOST_PREEMPT, 500);
	assert_int_equal(call_through(__HYPERVISOR_mmu_update, DATA, UPDATES,
				      DATA + 0xf00, DOMID_SELF),
			 0);
	words_at(DATA + 0xf00, &done, 1);
	assert_int_equal(done, UPDATES);
	assert_int_equal(arch_m2p32[frame_mfn(g.frame[3]).v], UPDATES - 1);
	for (unsigned int i = 0; i < FLUSHES; i++)
		op[i] = (struct mmuext_op32){ MMUEXT_INVLPG_LOCAL, i, 0 };
	op[FLUSHES - 1].cmd = 9999;
	assert_int_equal(host_guest_write(DATA, op, sizeof(op)), 0);
	assert_int_equal((int32_t)call_through(__HYPERVISOR_mmuext_op, DATA,
					       FLUSHES, DATA + 0xf00,
					       DOMID_SELF),
			 -ENOSYS);
	words_at(DATA + 0xf00, &done, 1);
	assert_int_equal(done, FLUSHES - 1);
	assert_true(host_choices_made(HOST_PREEMPT) > 20);
}

/* Every structure, there and back, with a word behind it that stays. */
static void structures(void **state)
{
	struct sched_poll poll = { .nr_ports = 5,
				   .timeout = 0x1122334455667788 };
	struct vcpu_runstate_info r = { .state = 3,
					.state_entry_time = 7UL << 40,
					.time = { 1, 2, 3, 4UL << 50 } };
	struct xen_memory_reservation m = { .nr_extents = 3,
					    .extent_order = 4,
					    .mem_flags = 5,
					    .domid = DOMID_SELF };
	struct mmuext_op op = { .cmd = MMUEXT_COPY_PAGE };
	uint32_t w[12] = { 0 };

	(void)state;
	poll.ports.p = (evtchn_port_t *)0xf0001000UL;
	m.extent_start.p = (xen_pfn_t *)0x12345678UL;
	op.arg1.mfn = 0x11;
	op.arg2.src_mfn = 0x22;
	assert_int_equal(arg_write_sched_poll(v, DATA, &poll), 0);
	words_at(DATA, w, 5);
	assert_int_equal(w[0], 0xf0001000);
	assert_int_equal(w[2], 0x55667788);
	assert_int_equal(w[4], 0);
	memset(&poll, 0xee, sizeof(poll));
	assert_int_equal(arg_read_sched_poll(v, &poll, DATA), 0);
	assert_int_equal((uint64_t)poll.ports.p, 0xf0001000);
	assert_int_equal(poll.timeout, 0x1122334455667788);
	assert_int_equal(arg_write_runstate_info(v, DATA, &r), 0);
	words_at(DATA, w, 12);
	assert_int_equal(w[0], 3);
	assert_int_equal(w[2], 7 << 8);
	assert_int_equal(w[10], 4 << 18);
	assert_int_equal(w[11], 0);
	assert_int_equal(arg_write_memory_reservation(v, DATA, &m), 0);
	memset(&m, 0, sizeof(m));
	assert_int_equal(arg_read_memory_reservation(v, &m, DATA), 0);
	assert_int_equal((uint64_t)m.extent_start.p, 0x12345678);
	assert_int_equal(m.domid, DOMID_SELF);
	assert_int_equal(arg_write_mmuext_op(v, DATA, &op), 0);
	words_at(DATA, w, 4);
	assert_int_equal(w[1], 0x11);
	assert_int_equal(w[2], 0x22);
	assert_int_equal(arg_bytes_frame_number(v), 4);
	/* The last bytes of the last page that there is. */
	assert_int_equal(arg_read_mmuext_op(v, &op, host_guest_va(16) - 12), 0);
	assert_int_equal(arg_read_mmuext_op(v, &op, host_guest_va(16) - 8),
			 -EFAULT);
}

/* A vcpu's context of 32 bits; the root is a packed number. */
static void context(void **state)
{
	static struct vcpu_guest_context_x86_32 n;
	static struct vcpu_guest_context w;

	(void)state;
	n.flags = VGCF_in_kernel;
	n.user_regs.eip = 0x1234;
	n.user_regs.cs = FLAT_RING3_CS64;
	n.user_regs.ss = 0x10;
	n.user_regs.eflags = EFLAGS_IOPL;
	n.trap_ctxt[13] = (struct trap_info_x86_32){ 0, 4, 0x60, 0x9999 };
	n.kernel_ss = 0x68;
	n.kernel_sp = 0x8000;
	n.event_callback_cs = 0x60;
	n.event_callback_eip = 0x7777;
	n.ctrlreg[3] = xen_pfn_to_cr3_x86_32(0x123456);
	trap_context_widen(&w, &n);
	assert_int_equal(xen_cr3_to_pfn(w.ctrlreg[3]), 0x123456);
	assert_int_equal(trap_context_set(v, &w), 0);
	assert_false(v->trap.kernel_mode);
	assert_int_equal(v->regs->cs, 0);
	assert_int_equal(v->regs->ss, 0x11);
	assert_int_equal(v->regs->rflags, EFLAGS_ONE | EFLAGS_IF);
	assert_int_equal(v->trap.gates[13].cs, 0x61);
	assert_int_equal(v->trap.gates[13].eip, 0x9999);
	assert_int_equal(v->trap.callbacks[CALLBACKTYPE_event].cs, 0x61);
	assert_int_equal(v->trap.kernel_ss, 0x69);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fault_in_ring1),
		TEST(fault_in_ring3),
		TEST(mask_is_saved),
		TEST(callbacks),
		TEST(failsafe),
		TEST(no_handler),
		TEST(no_stack),
		TEST(iret_to_ring3),
		TEST(iret_to_ring1),
		TEST(iret_to_64_bit_code),
		TEST(nmi),
		TEST(registers_are_32_bits),
		TEST(platform_parameters),
		TEST(trap_table),
		TEST(multicall),
		TEST(batches_go_on),
		TEST(structures),
		TEST(context),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
