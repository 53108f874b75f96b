/* SPDX-License-Identifier: MIT */
/*
 * Into the guest's kernel and back, in a process: the frame on its stack word
 * by word, from both modes; what a gate and a callback decide; what iret
 * takes and what it makes of the rest; and that a guest without a stack, a
 * handler or page tables is the only one that dies of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/host.h"
#include "processor.h"
#include "trap/trap.h"

#define HANDLER	      0xffffffff81000100UL
#define KERNEL_STACK  (host_guest_va(3) + 0x108)
#define USER_STACK    (host_guest_va(5) + 0x233)
#define NON_CANONICAL 0x0000800000000000UL

static struct host_guest g;
static struct vcpu *v;

static void set_gate(unsigned int vector, uint64_t address, uint8_t flags)
{
	struct trap_info t = { (uint8_t)vector, flags, FLAT_KERNEL_CS,
			       address };

	assert_int_equal(trap_table_set(v, &t, 1), 0);
}

static int setup(void **state)
{
	(void)state;
	host_init(64, 1);
	host_guest_make(&g, 16, 1, false);
	v = g.d->vcpu[0];
	trap_vcpu_init(v);
	v->gs_base_kernel = 0x1111000;
	v->gs_base_user = 0x2222000;
	v->mm.root_user = g.l4;
	host_vcpu_enter(v);
	v->regs->rip = 0x401000;
	v->regs->rsp = USER_STACK;
	v->regs->cs = FLAT_USER_CS64;
	v->regs->ss = FLAT_USER_SS64;
	v->regs->rflags = EFLAGS_ONE | EFLAGS_IF | 0x41;
	v->regs->rcx = 0xcccc;
	v->regs->r11 = 0x1111;
	assert_int_equal(trap_stack_switch(v, FLAT_KERNEL_SS, KERNEL_STACK), 0);
	set_gate(VECTOR_PF, HANDLER, 4);
	set_gate(VECTOR_BP, HANDLER + 8, 3);
	set_gate(VECTOR_GP, HANDLER + 16, 0);
	set_gate(VECTOR_UD, HANDLER + 24, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	v->mm.root_user = NULL;
	host_fini();
	return 0;
}

static bool crashed(void)
{
	return atomic32_load(&g.d->state) == DOMAIN_SHUTDOWN &&
	       atomic32_load(&g.d->shutdown_code) == SHUTDOWN_crash;
}

static void words_at(uint64_t va, uint64_t *out, size_t n)
{
	assert_int_equal(host_guest_read(va, out, n * 8), 0);
}

static void entered(uint64_t handler, uint64_t stack_top, unsigned int words)
{
	assert_false(crashed());
	assert_true(v->trap.kernel_mode);
	assert_int_equal(v->regs->rip, handler);
	assert_int_equal(v->regs->cs, FLAT_KERNEL_CS);
	assert_int_equal(v->regs->ss, FLAT_KERNEL_SS);
	assert_int_equal(v->regs->rsp, (stack_top & ~15UL) - words * 8);
	/* So that SYSRET can do it. */
	assert_int_equal(v->regs->rcx, v->regs->rip);
	assert_int_equal(v->regs->r11, v->regs->rflags);
	assert_int_equal(v->regs->rflags & EFLAGS_IF, EFLAGS_IF);
	assert_int_equal(host_loaded(0)->gs_base, 0x1111000);
	assert_int_equal(host_loaded(0)->gs_base_inactive, 0x2222000);
}

static void fault_in_the_kernel(void **state)
{
	uint64_t w[8];

	(void)state;
	v->regs->rflags |=
		EFLAGS_TF | EFLAGS_RF | EFLAGS_NT | EFLAGS_AC | EFLAGS_DF;
	trap_exception(v, VECTOR_PF, PF_USER | PF_WRITE, 0xdead000);
	entered(HANDLER, USER_STACK, 8);
	words_at(v->regs->rsp, w, 8);
	assert_int_equal(w[0], 0xcccc);
	assert_int_equal(w[1], 0x1111);
	assert_int_equal(w[2], PF_WRITE); /* its own: no user bit */
	assert_int_equal(w[3], 0x401000);
	assert_int_equal(w[4], FLAT_USER_CS64 & ~3); /* RPL 0, unmasked */
	assert_int_equal(w[5], EFLAGS_ONE | EFLAGS_IF | 0x41 | EFLAGS_TF |
				       EFLAGS_RF | EFLAGS_NT | EFLAGS_AC |
				       EFLAGS_DF);
	assert_int_equal(w[6], USER_STACK);
	assert_int_equal(w[7], FLAT_USER_SS64);
	assert_int_equal(v->regs->rflags,
			 EFLAGS_ONE | EFLAGS_IF | 0x41 | EFLAGS_DF);
	assert_int_equal(v->info->arch.cr2, 0xdead000);
	assert_int_equal(v->info->evtchn_upcall_mask, 1);
}

static void fault_in_user_mode(void **state)
{
	uint64_t w[8];

	(void)state;
	trap_mode_set(v, false);
	assert_int_equal(host_loaded(0)->gs_base, 0x2222000);
	v->info->evtchn_upcall_mask = 0;
	trap_exception(v, VECTOR_PF, PF_USER, 0x123);
	entered(HANDLER, KERNEL_STACK, 8);
	words_at(v->regs->rsp, w, 8);
	assert_int_equal(w[2], PF_USER);
	assert_int_equal(w[4], FLAT_USER_CS64);
	assert_int_equal(w[6], USER_STACK);
}

/* The mask is shown twice: IF, and as it was in bits 32-39 of cs. */
static void mask_is_saved(void **state)
{
	uint64_t w[7];

	(void)state;
	v->info->evtchn_upcall_mask = 1;
	trap_exception(v, VECTOR_BP, 0, 0);
	entered(HANDLER + 8, USER_STACK, 7);
	words_at(v->regs->rsp, w, 7);
	assert_int_equal(w[3], (FLAT_KERNEL_CS & ~3) | 1UL << 32);
	assert_int_equal(w[4] & EFLAGS_IF, 0);
	v->info->evtchn_upcall_mask = 0;
	trap_exception(v, VECTOR_BP, 0, 0);
	assert_int_equal(v->info->evtchn_upcall_mask, 0);
}

/* IOPL is shown and taken only with the assist for it. */
static void iopl_is_virtual(void **state)
{
	struct iret_context c = { .rflags = EFLAGS_IF | EFLAGS_IOPL,
				  .cs = FLAT_KERNEL_CS & ~3,
				  .ss = FLAT_KERNEL_SS,
				  .rip = 1 };
	uint64_t w[7];

	(void)state;
	assert_int_equal(trap_iopl_set(v, 4), -EINVAL);
	assert_int_equal(trap_iopl_set(v, 1), 0);
	trap_exception(v, VECTOR_BP, 0, 0);
	words_at(v->regs->rsp, w, 7);
	assert_int_equal(w[4] & EFLAGS_IOPL, 0);
	g.d->mm.vm_assist |= 1U << VMASST_TYPE_architectural_iopl;
	trap_exception(v, VECTOR_BP, 0, 0);
	words_at(v->regs->rsp, w, 7);
	assert_int_equal(w[4] & EFLAGS_IOPL, 1UL << 12);
	assert_int_equal(host_guest_write(v->regs->rsp, &c, sizeof(c)), 0);
	trap_iret(v);
	assert_int_equal(v->trap.iopl, 3);
	assert_int_equal(v->regs->rflags, EFLAGS_ONE | EFLAGS_IF);
}

static void system_call(void **state)
{
	uint64_t w[7];

	(void)state;
	assert_int_equal(trap_callback_register(v, CALLBACKTYPE_syscall,
						CALLBACKF_mask_events,
						HANDLER + 32),
			 0);
	trap_mode_set(v, false);
	v->regs->rflags |= EFLAGS_DF;
	trap_syscall(v);
	entered(HANDLER + 32, KERNEL_STACK, 7);
	words_at(v->regs->rsp, w, 7);
	assert_int_equal(w[2], 0x401000);
	assert_int_equal(w[3], FLAT_USER_CS64);
	assert_int_equal(w[4] & EFLAGS_DF, EFLAGS_DF);
	assert_int_equal(v->regs->rflags & EFLAGS_DF, 0);
	assert_int_equal(v->info->evtchn_upcall_mask, 1);
}

static void system_call_without_callback(void **state)
{
	uint64_t w[7];

	(void)state;
	trap_mode_set(v, false);
	trap_syscall(v);
	entered(HANDLER + 24, KERNEL_STACK, 7);
	words_at(v->regs->rsp, w, 7);
	assert_int_equal(w[2], 0x401000 - 2);
}

static void failsafe(void **state)
{
	uint64_t w[11];

	(void)state;
	v->regs->ds = 0xd5;
	v->regs->es = 0xe5;
	v->regs->fs = 0xf5;
	v->regs->gs = 0x65;
	assert_int_equal(trap_callback_register(v, CALLBACKTYPE_failsafe, 0,
						HANDLER + 40),
			 0);
	trap_mode_set(v, false);
	trap_failsafe(v);
	entered(HANDLER + 40, KERNEL_STACK, 11);
	words_at(v->regs->rsp, w, 11);
	assert_int_equal(w[0], 0xcccc);
	assert_int_equal(w[2], 0xd5);
	assert_int_equal(w[3], 0xe5);
	assert_int_equal(w[4], 0xf5);
	assert_int_equal(w[5], 0x65);
	assert_int_equal(w[6], 0x401000);
	assert_int_equal(v->info->evtchn_upcall_mask, 0);
}

static void upcall_masks(void **state)
{
	(void)state;
	assert_int_equal(
		trap_callback_register(v, CALLBACKTYPE_event, 0, HANDLER + 48),
		0);
	trap_upcall(v);
	entered(HANDLER + 48, USER_STACK, 7);
	assert_int_equal(v->info->evtchn_upcall_mask, 1);
}

static void one_nmi_at_a_time(void **state)
{
	struct iret_context c = { .cs = FLAT_KERNEL_CS & ~3, .rip = 1 };

	(void)state;
	trap_nmi(v); /* no handler: forgotten */
	assert_int_equal(v->regs->rip, 0x401000);
	assert_int_equal(
		trap_callback_register(v, CALLBACKTYPE_nmi, 0, HANDLER + 56),
		0);
	trap_nmi(v);
	entered(HANDLER + 56, USER_STACK, 7);
	assert_int_equal(v->info->evtchn_upcall_mask, 1);
	trap_nmi(v);
	assert_int_equal(v->regs->rsp, (USER_STACK & ~15UL) - 56);
	assert_int_equal(atomic32_load(&v->work) & VCPU_WORK_NMI, 0);
	assert_int_equal(host_guest_write(v->regs->rsp, &c, sizeof(c)), 0);
	trap_iret(v);
	assert_int_equal(atomic32_load(&v->work) & VCPU_WORK_NMI,
			 VCPU_WORK_NMI);
}

static void bad_stack_ends_the_domain(void **state)
{
	(void)state;
	v->regs->rsp = host_guest_va(16) + 0x40; /* beyond its memory */
	trap_exception(v, VECTOR_BP, 0, 0);
	assert_true(crashed());
	assert_non_null(strstr(host_console_text(), "stack"));
}

static void stack_may_not_be_ours(void **state)
{
	(void)state;
	v->regs->rsp = ABI_HV_START + 0x1000;
	trap_exception(v, VECTOR_BP, 0, 0);
	assert_true(crashed());
}

static void stack_may_not_be_a_page_table(void **state)
{
	(void)state;
	v->regs->rsp = host_guest_va(15) + 0x100;
	trap_exception(v, VECTOR_BP, 0, 0);
	assert_true(crashed());
}

static void missing_handler_ends_the_domain(void **state)
{
	(void)state;
	trap_exception(v, 0, 0, 0);
	assert_true(crashed());
	assert_non_null(strstr(host_console_text(), "no handler for vector 0"));
}

/* ---- iret ---- */

static struct iret_context user_frame(void)
{
	return (struct iret_context){
		.rax = 0xa,
		.r11 = 0xb,
		.rcx = 0xc,
		.rip = 0x402000,
		.cs = FLAT_USER_CS64,
		.rflags = EFLAGS_IF | 0x41,
		.rsp = 0x7fff1234,
		.ss = FLAT_USER_SS64,
	};
}

static void iret_with(struct iret_context c)
{
	v->trap.kernel_mode = true;
	v->regs->rsp = host_guest_va(3);
	assert_int_equal(host_guest_write(host_guest_va(3), &c, sizeof(c)), 0);
	trap_iret(v);
}

static void return_to_user(void **state)
{
	(void)state;
	v->info->evtchn_upcall_mask = 1;
	iret_with(user_frame());
	assert_false(crashed());
	assert_false(v->trap.kernel_mode);
	assert_int_equal(v->regs->rax, 0xa);
	assert_int_equal(v->regs->r11, 0xb);
	assert_int_equal(v->regs->rcx, 0xc);
	assert_int_equal(v->regs->rip, 0x402000);
	assert_int_equal(v->regs->rsp, 0x7fff1234);
	assert_int_equal(v->regs->rflags, EFLAGS_ONE | EFLAGS_IF | 0x41);
	assert_int_equal(v->info->evtchn_upcall_mask, 0);
	assert_int_equal(host_loaded(0)->gs_base, 0x2222000);
}

static void return_to_kernel(void **state)
{
	struct iret_context c = user_frame();

	(void)state;
	c.cs = (FLAT_KERNEL_CS & ~3) | 1UL << 32;
	c.rflags = 0;
	iret_with(c);
	assert_true(v->trap.kernel_mode);
	assert_int_equal(v->regs->cs, FLAT_KERNEL_CS);
	assert_int_equal(v->info->evtchn_upcall_mask, 1);
	assert_int_equal(v->regs->rflags, EFLAGS_ONE | EFLAGS_IF);
	assert_int_equal(host_loaded(0)->gs_base, 0x1111000);
}

static void flags_are_wishes(void **state)
{
	struct iret_context c = user_frame();

	(void)state;
	c.rflags = ~0UL;
	iret_with(c);
	assert_int_equal(v->regs->rflags,
			 EFLAGS_GUEST | EFLAGS_ONE | EFLAGS_IF);
	assert_int_equal(v->regs->rflags & (EFLAGS_IOPL | EFLAGS_NT |
					    EFLAGS_VM | 3UL << 19),
			 0);
}

static void selectors_get_ring_3(void **state)
{
	struct iret_context c = user_frame();

	(void)state;
	c.cs = 0xe00b;
	c.ss = 0xe010;
	iret_with(c);
	assert_int_equal(v->regs->cs & 3, 3);
	assert_int_equal(v->regs->ss, 0xe013);
}

static void sysret_form(void **state)
{
	struct iret_context c = user_frame();

	(void)state;
	c.flags = VGCF_in_syscall;
	c.cs = 0x33;
	c.ss = 0x2b;
	iret_with(c);
	assert_false(v->trap.kernel_mode);
	assert_int_equal(v->regs->rcx, 0x402000);
	assert_int_equal(v->regs->r11, v->regs->rflags);
	assert_int_equal(v->regs->cs, FLAT_USER_CS64);
	assert_int_equal(v->regs->ss, FLAT_USER_SS64);
	assert_int_equal(v->regs->rax, 0xa);
}

static void non_canonical_rip_is_a_fault(void **state)
{
	struct iret_context c = user_frame();
	uint64_t w[8];

	(void)state;
	for (unsigned int flags = 0; flags <= VGCF_in_syscall;
	     flags += VGCF_in_syscall) {
		c.rip = NON_CANONICAL;
		c.flags = flags;
		iret_with(c);
		entered(HANDLER + 16, KERNEL_STACK, 8);
		words_at(v->regs->rsp, w, 8);
		assert_int_equal(w[2], 0);
		assert_int_equal(w[3], NON_CANONICAL);
		assert_int_equal(w[4] & 3, 3);
	}
}

static void user_mode_needs_tables(void **state)
{
	(void)state;
	v->mm.root_user = NULL;
	iret_with(user_frame());
	assert_true(crashed());
	assert_true(v->trap.kernel_mode);
}

static void iret_without_a_frame(void **state)
{
	(void)state;
	v->regs->rsp = host_guest_va(16) - 8;
	trap_iret(v);
	assert_true(crashed());
}

/* ---- registration ---- */

static void addresses_are_checked(void **state)
{
	struct trap_info t[2] = { { 1, 0, 0, HANDLER },
				  { 2, 0, 0, NON_CANONICAL } };

	(void)state;
	assert_int_equal(trap_table_set(v, t, 2), -EINVAL);
	assert_int_equal(v->trap.gates[1].address, 0); /* nothing was set */
	assert_int_equal(
		trap_callback_register(v, CALLBACKTYPE_event, 0, NON_CANONICAL),
		-EINVAL);
	assert_int_equal(trap_callback_register(v, 3, 0, HANDLER), -ENOSYS);
	assert_int_equal(trap_callback_register(v, 6, 0, HANDLER), -ENOSYS);
	assert_int_equal(trap_callback_register(v, 99, 0, HANDLER), -ENOSYS);
	assert_int_equal(trap_callback_unregister(v, CALLBACKTYPE_event),
			 -EINVAL);
	assert_int_equal(trap_callback_unregister(v, 99), -ENOSYS);
	for (unsigned int which = SEGBASE_FS; which <= SEGBASE_GS_KERNEL;
	     which++)
		assert_int_equal(trap_segment_base_set(v, which, NON_CANONICAL),
				 -EINVAL);
	assert_int_equal(trap_segment_base_set(v, 4, 0), -EINVAL);
	assert_int_equal(trap_segment_base_set(v, SEGBASE_GS_USER, 0x5000), 0);
	assert_int_equal(host_loaded(0)->gs_base_inactive, 0x5000);
	trap_table_clear(v);
	assert_int_equal(v->trap.gates[VECTOR_PF].address, 0);
}

static void debug_registers(void **state)
{
	uint64_t value = 1;

	(void)state;
	assert_int_equal(trap_debugreg_set(v, 0, ABI_HV_START), -EPERM);
	assert_int_equal(trap_debugreg_set(v, 1, ABI_HV_END - 1), -EPERM);
	assert_int_equal(trap_debugreg_set(v, 2, NON_CANONICAL), -EPERM);
	assert_int_equal(trap_debugreg_set(v, 3, ABI_HV_END), 0);
	assert_int_equal(host_loaded(0)->debugreg[3], ABI_HV_END);
	assert_int_equal(trap_debugreg_set(v, 8, 0), -ENODEV);
	assert_int_equal(trap_debugreg_set(v, 7, DR7_GENERAL_DETECT), -EPERM);
	assert_int_equal(trap_debugreg_set(v, 7, 1UL << 32), -EINVAL);
	/* a port, without CR4.DE; a fetch of two bytes */
	assert_int_equal(trap_debugreg_set(v, 7, 1 | 2UL << 16), -EPERM);
	assert_int_equal(trap_debugreg_set(v, 7, 1 | 1UL << 18), -EPERM);
	assert_int_equal(trap_debugreg_set(v, 7, 0xd801 | 1UL << 16), 0);
	assert_int_equal(host_loaded(0)->debugreg[7], 0x10401);
	assert_int_equal(trap_debugreg_set(v, 6, 0), 0);
	assert_int_equal(trap_debugreg_get(v, 6, &value), 0);
	assert_int_equal(value, DR6_INIT);
	assert_int_equal(trap_debugreg_get(v, 4, &value), 0);
	v->trap.cr4 |= CR4_DE;
	assert_int_equal(trap_debugreg_get(v, 4, &value), -ENODEV);
	set_gate(VECTOR_DB, HANDLER, 0);
	trap_exception(v, VECTOR_DB, 0, 0xffff4ff1);
	assert_int_equal(v->trap.debugreg[6], DR6_INIT | DR6_STEP | 1);
}

static void fpu_switch(void **state)
{
	(void)state;
	set_gate(VECTOR_NM, HANDLER, 0);
	trap_fpu_taskswitch(v, true);
	assert_true(host_loaded(0)->task_switched);
	trap_exception(v, VECTOR_NM, 0, 0);
	entered(HANDLER, USER_STACK, 7);
	assert_false(host_loaded(0)->task_switched);
	v->regs->rip = 5;
	trap_exception(v, VECTOR_NM, 0, 0); /* nobody's: only cleared */
	assert_int_equal(v->regs->rip, 5);
}

/* ---- whole contexts ---- */

static struct vcpu_guest_context context;

static void context_is_checked_first(void **state)
{
	uint64_t *addresses[] = {
		(uint64_t *)&context.event_callback_eip,
		(uint64_t *)&context.failsafe_callback_eip,
		(uint64_t *)&context.syscall_callback_eip,
		&context.fs_base,
		&context.gs_base_kernel,
		&context.gs_base_user,
		&context.user_regs.rip,
		(uint64_t *)&context.trap_ctxt[255].address,
		(uint64_t *)&context.debugreg[2],
		(uint64_t *)&context.debugreg[7],
	};

	(void)state;
	host_vcpu_enter(NULL);
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		struct vcpu before = *v;

		memset(&context, 0, sizeof(context));
		context.flags = VGCF_in_kernel;
		context.user_regs.rax = 77;
		*addresses[i] = NON_CANONICAL;
		assert_int_equal(trap_context_set(v, &context), -EINVAL);
		assert_memory_equal(&before, v, sizeof(before));
	}
	memset(&context, 0, sizeof(context)); /* user mode, without a root */
	assert_int_equal(trap_context_set(v, &context), -EINVAL);
}

static void context_is_put_right(void **state)
{
	uint8_t *area = v->xstate;
	uint64_t bv;

	(void)state;
	host_vcpu_enter(NULL);
	memset(&context, 0, sizeof(context));
	context.flags =
		VGCF_in_kernel | VGCF_I387_VALID | VGCF_syscall_disables_events;
	memset(&context.fpu_ctxt, 0xff, sizeof(context.fpu_ctxt));
	context.user_regs.cs = 0x10;
	context.user_regs.ss = 0x18;
	context.user_regs.rflags = ~0UL & ~(2UL << 12);
	context.trap_ctxt[14].address = HANDLER;
	context.trap_ctxt[14].flags = 4;
	context.event_callback_eip = HANDLER + 8;
	context.syscall_callback_eip = HANDLER + 16;
	context.kernel_sp = KERNEL_STACK;
	context.fs_base = 0x7000;
	assert_int_equal(trap_context_set(v, &context), 0);
	assert_int_equal(v->saved.cs, FLAT_KERNEL_CS);
	assert_int_equal(v->saved.ss, FLAT_KERNEL_SS);
	assert_int_equal(v->saved.rflags,
			 EFLAGS_GUEST | EFLAGS_IF | EFLAGS_ONE);
	assert_int_equal(v->trap.iopl, 1);
	assert_true(v->trap.gates[14].masks_upcalls);
	assert_int_equal(v->trap.gates[14].address, HANDLER);
	assert_int_equal(v->trap.gates[VECTOR_BP].address, 0);
	assert_int_equal(v->trap.callback_masks,
			 1U << CALLBACKTYPE_event | 1U << CALLBACKTYPE_syscall);
	assert_int_equal(v->trap.kernel_sp, KERNEL_STACK);
	assert_int_equal(v->fs_base, 0x7000);
	assert_int_equal(area[0], 0xff);
	assert_int_equal(area[26] | area[27], 0); /* MXCSR's reserved half */
	memcpy(&bv, area + 512, sizeof(bv));
	assert_int_equal(bv & 3, 3);
	context.flags = 0;
	context.ctrlreg[1] = xen_pfn_to_cr3(frame_mfn(g.l4).v);
	assert_int_equal(trap_context_set(v, &context), 0);
	assert_int_equal(v->saved.cs, 0x13);
	assert_false(v->trap.kernel_mode);
	v->trap.kernel_mode = true;
}

static void dump_speaks_of_everything(void **state)
{
	(void)state;
	v->regs->rax = 0x1234567;
	v->regs->rip = host_guest_va(0);
	host_console_clear();
	trap_dump(v);
	assert_non_null(strstr(host_console_text(), "0000000001234567"));
	assert_non_null(strstr(host_console_text(), "stack +00"));
	assert_non_null(strstr(host_console_text(), "<00>"));
	v->regs->rip = v->regs->rsp = NON_CANONICAL;
	host_console_clear();
	trap_dump(v);
	assert_non_null(strstr(host_console_text(), "not readable"));
	assert_non_null(strstr(host_console_text(), "code -- --"));
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(fault_in_the_kernel),
		TEST(fault_in_user_mode),
		TEST(mask_is_saved),
		TEST(iopl_is_virtual),
		TEST(system_call),
		TEST(system_call_without_callback),
		TEST(failsafe),
		TEST(upcall_masks),
		TEST(one_nmi_at_a_time),
		TEST(bad_stack_ends_the_domain),
		TEST(stack_may_not_be_ours),
		TEST(stack_may_not_be_a_page_table),
		TEST(missing_handler_ends_the_domain),
		TEST(return_to_user),
		TEST(return_to_kernel),
		TEST(flags_are_wishes),
		TEST(selectors_get_ring_3),
		TEST(sysret_form),
		TEST(non_canonical_rip_is_a_fault),
		TEST(user_mode_needs_tables),
		TEST(iret_without_a_frame),
		TEST(addresses_are_checked),
		TEST(debug_registers),
		TEST(fpu_switch),
		TEST(context_is_checked_first),
		TEST(context_is_put_right),
		TEST(dump_speaks_of_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
