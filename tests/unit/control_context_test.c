/* SPDX-License-Identifier: MIT */
/*
 * A vcpu's state, out and in again: what a tool saves is what it restores, in
 * both widths, and what it must not restore is refused with nothing changed.
 */
#include "control_world.h"

static long context_get(uint16_t id, uint32_t vcpu, void *c, size_t n)
{
	struct xen_domctl op = { 0 };
	long rc;

	op.u.vcpucontext.vcpu = vcpu;
	op.u.vcpucontext.ctxt.p = (vcpu_guest_context_t *)BUFFER;
	rc = domctl(&op, XEN_DOMCTL_getvcpucontext, id);
	peek(BUFFER, c, n);
	return rc;
}

static struct vcpu_guest_context full_context(void)
{
	struct vcpu_guest_context c = first_context();

	c.flags |= VGCF_I387_VALID | VGCF_syscall_disables_events;
	c.user_regs.rax = 1;
	c.user_regs.r15 = 15;
	c.user_regs.rflags = 0x3246; /* with an IOPL of 3 */
	c.user_regs.cs = FLAT_KERNEL_CS;
	memset(&c.fpu_ctxt, 0x5a, sizeof(c.fpu_ctxt));
	memset((char *)&c.fpu_ctxt + 24, 0, 4); /* MXCSR */
	for (unsigned int i = 0; i < 256; i++)
		c.trap_ctxt[i] = (struct trap_info){
			.vector = (uint8_t)i,
			.flags = i == 3 ? 3 : 4,
			.cs = FLAT_KERNEL_CS,
			.address = HOST_VA + i,
		};
	c.gdt_frames[0] = page_of[8];
	c.gdt_ents = 512;
	c.ldt_base = HOST_VA + 0x1000;
	c.ldt_ents = 10;
	c.ctrlreg[0] = 0x8005003b;
	c.ctrlreg[1] = xen_pfn_to_cr3(page_of[9]);
	c.debugreg[0] = 0x1000;
	c.debugreg[6] = 0xffff0ff0;
	c.debugreg[7] = 0x400;
	c.event_callback_eip = HOST_VA + 0x10;
	c.failsafe_callback_eip = HOST_VA + 0x20;
	c.syscall_callback_eip = HOST_VA + 0x30;
	c.fs_base = 0x1234;
	c.gs_base_kernel = 0xffff800000000000UL;
	c.gs_base_user = 0x5678;
	return c;
}

static void out_and_in(void **state)
{
	static struct vcpu_guest_context in, out;
	struct domain *d = build(2);

	(void)state;
	assert_int_equal(context_get(1, 1, &out, sizeof(out)), -ENODATA);
	in = full_context();
	assert_int_equal(context_set(1, 1, &in, sizeof(in)), 0);
	assert_int_equal(context_get(1, 1, &out, sizeof(out)), 0);
	in.ctrlreg[4] = out.ctrlreg[4];
	assert_memory_equal(&in.user_regs, &out.user_regs,
			    sizeof(in.user_regs));
	assert_memory_equal(&in, &out, sizeof(in));
	world_check("set");
	/* And what came out goes in. */
	assert_int_equal(context_set(1, 1, &out, sizeof(out)), 0);
	assert_int_equal(context_get(1, 1, &in, sizeof(in)), 0);
	assert_memory_equal(&in, &out, sizeof(in));
	assert_int_equal(context_get(1, 2, &out, sizeof(out)), -EINVAL);
	assert_int_equal(simple(XEN_DOMCTL_getvcpucontext, 0), -EINVAL);
	destroy(d);
}

static void out_and_in_narrow(void **state)
{
	static struct vcpu_guest_context_x86_32 in, out;
	struct domain *d = create(1, 32, 32);

	(void)state;
	assert_int_equal(populate(1, 10), 10);
	tables_make(d, 8);
	in.flags = VGCF_in_kernel | VGCF_online | VGCF_I387_VALID;
	in.user_regs.eip = 0x1234;
	in.user_regs.esp = 0xf0000000;
	in.user_regs.edx = 77;
	in.user_regs.eflags = 0x202;
	in.user_regs.cs = FLAT_KERNEL_CS_X86_32;
	in.user_regs.ss = in.user_regs.ds = FLAT_KERNEL_SS_X86_32;
	for (unsigned int i = 0; i < 256; i++)
		in.trap_ctxt[i] = (struct trap_info_x86_32){
			.vector = (uint8_t)i,
			.cs = FLAT_KERNEL_CS_X86_32,
			.address = 0x100 + i,
		};
	in.event_callback_cs = in.failsafe_callback_cs = FLAT_KERNEL_CS_X86_32;
	in.event_callback_eip = 0x10;
	in.failsafe_callback_eip = 0x20;
	in.kernel_ss = FLAT_KERNEL_SS_X86_32;
	in.kernel_sp = 0xf0001000;
	in.ctrlreg[0] = 0x80050033;
	in.ctrlreg[3] = xen_pfn_to_cr3_x86_32((uint32_t)page_of[1]);
	in.debugreg[6] = 0xffff0ff0;
	in.debugreg[7] = 0x400;
	in.vm_assist = 1U << VMASST_TYPE_runstate_update_flag;
	assert_int_equal(context_set(1, 0, &in, sizeof(in)), 0);
	assert_int_equal(context_get(1, 0, &out, sizeof(out)), 0);
	in.ctrlreg[4] = out.ctrlreg[4];
	assert_memory_equal(&in, &out, sizeof(in));
	destroy(d);
}

static void extension(void **state)
{
	struct xen_domctl op = { 0 };
	struct xen_domctl_ext_vcpucontext *x = &op.u.ext_vcpucontext;
	struct domain *d = build(1);

	(void)state;
	x->size = 8;
	assert_int_equal(domctl(&op, XEN_DOMCTL_set_ext_vcpucontext, 1),
			 -EINVAL);
	x->size = sizeof(*x);
	x->syscall32_callback_eip = HOST_VA + 1;
	x->sysenter_callback_eip = HOST_VA + 2;
	x->sysenter_disables_events = 1;
	assert_int_equal(domctl(&op, XEN_DOMCTL_set_ext_vcpucontext, 1), 0);
	memset(x, 0, sizeof(*x));
	assert_int_equal(domctl(&op, XEN_DOMCTL_get_ext_vcpucontext, 1), 0);
	assert_int_equal(x->size, sizeof(*x));
	assert_true(x->syscall32_callback_eip == HOST_VA + 1);
	assert_true(x->sysenter_callback_eip == HOST_VA + 2);
	assert_int_equal(x->syscall32_disables_events, 0);
	assert_int_equal(x->sysenter_disables_events, 1);
	x->sysenter_callback_eip = 1UL << 63;
	assert_int_equal(domctl(&op, XEN_DOMCTL_set_ext_vcpucontext, 1),
			 -EINVAL);
	x->vcpu = 1;
	assert_int_equal(domctl(&op, XEN_DOMCTL_get_ext_vcpucontext, 1),
			 -EINVAL);
	destroy(d);
}

#define HEADER 16

static long xstate(struct xen_domctl *op, uint32_t cmd, uint64_t size,
		   uint64_t buffer)
{
	memset(&op->u, 0, sizeof(op->u));
	op->u.vcpuextstate.size = size;
	op->u.vcpuextstate.buffer.p = (uint64_t *)buffer;
	return domctl(op, cmd, 1);
}

static void extended_registers(void **state)
{
	static uint8_t in[4096], out[4096];
	uint64_t size, *words = (uint64_t *)(void *)in;
	struct xen_domctl op = { 0 };
	struct domain *d = build(1);

	(void)state;
	/* x87 alone, as it was born. */
	assert_int_equal(xstate(&op, XEN_DOMCTL_getvcpuextstate, 0, 0), 0);
	size = op.u.vcpuextstate.size;
	assert_int_equal(size, HEADER + 576);
	assert_int_equal(
		xstate(&op, XEN_DOMCTL_getvcpuextstate, size - 1, BUFFER),
		-EINVAL);
	assert_int_equal(xstate(&op, XEN_DOMCTL_getvcpuextstate, size, BUFFER),
			 0);
	peek(BUFFER, in, size);
	assert_int_equal(words[0], 1);
	assert_int_equal(words[1], 1);
	/* With SSE. */
	for (unsigned int i = HEADER; i < HEADER + 512; i++)
		in[i] = (uint8_t)i;
	words[0] = words[1] = 3;
	words[(HEADER + 512) / 8] = 3;
	poke(BUFFER, in, size);
	assert_int_equal(xstate(&op, XEN_DOMCTL_setvcpuextstate, size, BUFFER),
			 0);
	assert_int_equal(d->vcpu[0]->xcr0, 3);
	assert_int_equal(xstate(&op, XEN_DOMCTL_getvcpuextstate, size, BUFFER),
			 0);
	peek(BUFFER, out, size);
	memset(in + HEADER + 26, 0, 2); /* what MXCSR does not have */
	assert_memory_equal(in, out, size);
	/* Hostile: components, forms and sizes that would fault. */
	for (unsigned int i = 0; i < 7; i++) {
		static const struct {
			uint16_t at;
			uint64_t value;
		} bad[] = {
			{ 0, 2 },
			{ 0, 7 },
			{ 8, 1UL << 62 | 3 },
			{ HEADER + 512, 4 },
			{ HEADER + 520, 1UL << 63 },
			{ HEADER + 528, 1 },
			{ HEADER + 568, 1 },
		};

		memcpy(in, out, size);
		memcpy(in + bad[i].at, &bad[i].value, 8);
		poke(BUFFER, in, size);
		assert_int_equal(
			xstate(&op, XEN_DOMCTL_setvcpuextstate, size, BUFFER),
			-EINVAL);
	}
	poke(BUFFER, out, size);
	assert_int_equal(
		xstate(&op, XEN_DOMCTL_setvcpuextstate, size + 8, BUFFER),
		-EINVAL);
	assert_int_equal(
		xstate(&op, XEN_DOMCTL_setvcpuextstate, HEADER, BUFFER),
		-EINVAL);
	assert_int_equal(xstate(&op, XEN_DOMCTL_setvcpuextstate, 0, BUFFER),
			 -EINVAL);
	assert_int_equal(xstate(&op, XEN_DOMCTL_setvcpuextstate, ~0UL, BUFFER),
			 -EINVAL);
	assert_int_equal(d->vcpu[0]->xcr0, 3);
	destroy(d);
}

static long msrs(struct xen_domctl *op, uint32_t cmd, uint32_t n, bool buffer)
{
	memset(&op->u, 0, sizeof(op->u));
	op->u.vcpu_msrs.msr_count = n;
	if (buffer)
		op->u.vcpu_msrs.msrs.p = (xen_domctl_vcpu_msr_t *)BUFFER;
	return domctl(op, cmd, 1);
}

static void model_specific_registers(void **state)
{
	struct xen_domctl_vcpu_msr e[2] = {
		{ .index = 0x48 }, { .index = 0xc0000103, .value = 5 }
	};
	struct xen_domctl op = { 0 };
	struct domain *d = build(1);

	(void)state;
	assert_int_equal(msrs(&op, XEN_DOMCTL_get_vcpu_msrs, 0, false), 0);
	assert_int_equal(op.u.vcpu_msrs.msr_count, 1);
	assert_int_equal(msrs(&op, XEN_DOMCTL_get_vcpu_msrs, 0, true), 0);
	assert_int_equal(op.u.vcpu_msrs.msr_count, 0);
	poke(BUFFER, e, sizeof(e));
	assert_int_equal(msrs(&op, XEN_DOMCTL_set_vcpu_msrs, 2, true), 0);
	assert_int_equal(d->vcpu[0]->trap.tsc_aux, 5);
	assert_int_equal(msrs(&op, XEN_DOMCTL_get_vcpu_msrs, 0, true),
			 -ENOBUFS);
	assert_int_equal(op.u.vcpu_msrs.msr_count, 1);
	assert_int_equal(msrs(&op, XEN_DOMCTL_get_vcpu_msrs, 1, true), 0);
	peek(BUFFER, e, sizeof(e[0]));
	assert_int_equal(e[0].index, 0xc0000103);
	assert_int_equal(e[0].value, 5);
	/* The second of them is refused, and told. */
	e[1].value = 1UL << 32;
	poke(BUFFER, e, sizeof(e));
	assert_int_equal(msrs(&op, XEN_DOMCTL_set_vcpu_msrs, 2, true), -EINVAL);
	assert_int_equal(op.u.vcpu_msrs.msr_count, 1);
	e[1] = (struct xen_domctl_vcpu_msr){ .index = 0x48, .value = 1 };
	poke(BUFFER, e, sizeof(e));
	assert_int_equal(msrs(&op, XEN_DOMCTL_set_vcpu_msrs, 2, true), -EINVAL);
	e[0].reserved = 1;
	poke(BUFFER, e, sizeof(e));
	assert_int_equal(msrs(&op, XEN_DOMCTL_set_vcpu_msrs, 2, true), -EINVAL);
	assert_int_equal(op.u.vcpu_msrs.msr_count, 0);
	assert_int_equal(msrs(&op, XEN_DOMCTL_set_vcpu_msrs, 65, true),
			 -EINVAL);
	destroy(d);
}

/* A vcpu that a CPU has still to leave is not looked at. */
static void while_it_runs(void **state)
{
	struct xen_domctl op = { 0 };
	struct call_args args = { { ARG } };
	struct domain *d = build(1);

	(void)state;
	assert_int_equal(simple(XEN_DOMCTL_unpausedomain, 1), 0);
	d->vcpu[0]->sched.on_cpu = 1;
	op.cmd = XEN_DOMCTL_get_ext_vcpucontext;
	op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	op.domain = 1;
	poke(ARG, &op, sizeof(op));
	assert_int_equal(hc_domctl(caller, &args), -ERESTART);
	assert_true(sched_is_stopped(d->vcpu[0], VCPU_APART));
	d->vcpu[0]->sched.on_cpu = 0;
	assert_int_equal(hc_domctl(caller, &args), 0);
	assert_int_equal(d->vcpu[0]->sched.stop, 0);
	destroy(d);
}

int main(void)
{
#define TEST(fn) \
	cmocka_unit_test_setup_teardown(fn, control_setup, control_teardown)
	const struct CMUnitTest tests[] = {
		TEST(out_and_in),
		TEST(out_and_in_narrow),
		TEST(extension),
		TEST(extended_registers),
		TEST(model_specific_registers),
		TEST(while_it_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
