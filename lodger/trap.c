/* SPDX-License-Identifier: MIT */
/*
 * Exceptions. Every vector has a stub in entry.S; trap_dispatch() decides, in
 * this order: an event upcall; something that happened in a user program,
 * which ends user_run(); a hook; an instruction under probe; else the guest
 * is broken, which the dump and a failed test say.
 */
#include "lodger.h"

struct probe_entry {
	unsigned long start, end;
};

extern const struct probe_entry probe_table_start[], probe_table_end[];

struct fault probe_fault;
static trap_hook_t hooks[VECTOR_FAILSAFE + 1];

static void fill_gate(trap_info_t *gate, unsigned int vector, unsigned int dpl,
		      int mask)
{
	memset(gate, 0, sizeof(*gate));
	gate->vector = (uint8_t)vector;
	TI_SET_DPL(gate, dpl);
	TI_SET_IF(gate, mask ? 1 : 0);
	gate->cs = FLAT_KERNEL_CS;
	gate->address = (unsigned long)trap_stubs + vector * 16;
}

long trap_set_gate(unsigned int vector, unsigned int dpl, int mask)
{
	trap_info_t table[2];

	memset(table, 0, sizeof(table));
	fill_gate(table, vector, dpl, mask);
	return HYPERVISOR_set_trap_table(table);
}

void trap_set_hook(unsigned int vector, trap_hook_t hook)
{
	hooks[vector] = hook;
}

void trap_callback_address(xen_callback_t *out, const char *entry)
{
#ifdef __i386__
	out->cs = FLAT_KERNEL_CS;
	out->eip = (unsigned long)entry;
#else
	*out = (unsigned long)entry;
#endif
}

void trap_init(void)
{
	static trap_info_t table[33];
	struct callback_register call;
	unsigned int v;

	for (v = 0; v < 32; v++)
		fill_gate(&table[v], v, v == TRAP_BP || v == TRAP_OF ? 3 : 0,
			  v == TRAP_NMI);
	if (HYPERVISOR_set_trap_table(table))
		test_fail("set_trap_table refused the kit's table");
	memset(&call, 0, sizeof(call));
	call.type = CALLBACKTYPE_event;
	trap_callback_address(&call.address, upcall_entry);
	if (HYPERVISOR_callback_op(CALLBACKOP_register, &call))
		test_fail("callback_op refused the event callback");
	call.type = CALLBACKTYPE_failsafe;
	trap_callback_address(&call.address, failsafe_entry);
	if (HYPERVISOR_callback_op(CALLBACKOP_register, &call))
		test_fail("callback_op refused the failsafe callback");
#ifndef __i386__
	call.type = CALLBACKTYPE_syscall;
	call.flags = CALLBACKF_mask_events;
	trap_callback_address(&call.address, syscall_entry);
	if (HYPERVISOR_callback_op(CALLBACKOP_register, &call))
		test_fail("callback_op refused the syscall callback");
#endif
}

static void record(const struct trap_frame *frame)
{
	probe_fault.vector = (int)frame->vector;
	probe_fault.error = frame->error;
	probe_fault.rip = frame->rip;
	probe_fault.rflags = frame->rflags;
	probe_fault.cr2 = frame->vector == TRAP_PF ? vcpu_info->arch.cr2 : 0;
}

static int probed(struct trap_frame *frame)
{
	const struct probe_entry *entry;

	for (entry = probe_table_start; entry < probe_table_end; entry++) {
		if (frame->rip == entry->start) {
			record(frame);
			frame->rip = entry->end;
			return 1;
		}
	}
	for (entry = probe_table_start; entry < probe_table_end; entry++) {
		if (frame->rip == entry->end) {
			record(frame);
			return 1;
		}
	}
	return 0;
}

static void die(const struct trap_frame *f)
{
	printf("trap 0x%lx error %lx at rip %lx cs %lx rflags %lx rsp %lx\n",
	       f->vector, f->error, f->rip, f->cs, f->rflags, f->rsp);
	printf("rax %lx rbx %lx rcx %lx rdx %lx rsi %lx rdi %lx rbp %lx\n",
	       f->rax, f->rbx, f->rcx, f->rdx, f->rsi, f->rdi, f->rbp);
#ifdef __i386__
	printf("cr2 %lx\n", vcpu_info->arch.cr2);
#else
	printf("r8 %lx r9 %lx r10 %lx r11 %lx r12 %lx r13 %lx r14 %lx r15 %lx"
	       " cr2 %lx\n",
	       f->r8, f->r9, f->r10, f->r11, f->r12, f->r13, f->r14, f->r15,
	       vcpu_info->arch.cr2);
#endif
	test_fail("unexpected trap 0x%lx at rip %lx", f->vector, f->rip);
}

void trap_dispatch(struct trap_frame *frame)
{
	unsigned long vector = frame->vector;

	if (vector == VECTOR_UPCALL) {
		event_upcall(frame);
	} else if (FRAME_FROM_USER(frame)) {
		user_trapped(frame);
	} else if (vector < ARRAY_SIZE(hooks) && hooks[vector] &&
		   hooks[vector](frame)) {
		/* the hook did it */
	} else if (!probed(frame)) {
		die(frame);
	}
	frame->error = 0;
}

void probe_begin(void)
{
	memset(&probe_fault, 0, sizeof(probe_fault));
	probe_fault.vector = NO_FAULT;
}

int probe_end(void)
{
	return probe_fault.vector;
}

int probe_read(const void *address, unsigned long *value)
{
	unsigned long v = 0;

	probe_begin();
	__asm__ __volatile__(PROBE("mov (%1), %0")
			     : "+r"(v)
			     : "r"(address)
			     : "memory");
	if (value)
		*value = v;
	return probe_end();
}

int probe_write(void *address, unsigned long value)
{
	probe_begin();
	__asm__ __volatile__(PROBE("mov %0, (%1)")
			     :
			     : "r"(value), "r"(address)
			     : "memory");
	return probe_end();
}

int probe_rdmsr(unsigned int msr, uint64_t *value)
{
	uint32_t lo = 0;
	uint32_t hi = 0;

	probe_begin();
	__asm__ __volatile__(PROBE("rdmsr")
			     : "+a"(lo), "+d"(hi)
			     : "c"(msr)
			     : "memory");
	if (value)
		*value = ((uint64_t)hi << 32) | lo;
	return probe_end();
}

int probe_wrmsr(unsigned int msr, uint64_t value)
{
	probe_begin();
	__asm__ __volatile__(PROBE("wrmsr")
			     :
			     : "a"((uint32_t)value),
			       "d"((uint32_t)(value >> 32)), "c"(msr)
			     : "memory");
	return probe_end();
}
