/* SPDX-License-Identifier: MIT */
/*
 * Callbacks: where the hypervisor enters a guest's kernel but for exceptions.
 *
 * callback_op names the entries for events, failed returns, system calls of
 * 64-bit and 32-bit programs, SYSENTER and NMIs, each with the wish to begin
 * with events masked (those for events and NMIs always do). set_callbacks is
 * the older call for the first three. An entry can be replaced at any time; it
 * cannot be taken away, but for the NMI's: a guest could not live without.
 * Addresses must be canonical, since the hypervisor would fault at others.
 *
 * Errors say which: -ENOSYS an unknown operation or type (the first number of
 * SYSENTER is retired), -EINVAL an address, -EFAULT the argument.
 */
#include "lodger.h"

#define NON_CANONICAL 0x8000000000000000UL
#define KNOWN                                                     \
	(1U << CALLBACKTYPE_event | 1U << CALLBACKTYPE_failsafe | \
	 1U << CALLBACKTYPE_syscall | 1U << CALLBACKTYPE_nmi |    \
	 1U << CALLBACKTYPE_sysenter | 1U << CALLBACKTYPE_syscall32)

extern const char user_code[], user_code_end[];
__asm__(".section .rodata\n"
	"user_code:\n"
	"	syscall\n"
	"	syscall\n"
	"user_code_end:\n"
	"	.previous");

static long register_one(unsigned int type, unsigned int flags,
			 unsigned long address)
{
	callback_register_t call;

	memset(&call, 0, sizeof(call));
	call.type = (uint16_t)type;
	call.flags = (uint16_t)flags;
	call.address = address;
	return HYPERVISOR_callback_op(CALLBACKOP_register, &call);
}

static long unregister_one(unsigned int type)
{
	callback_unregister_t call;

	memset(&call, 0, sizeof(call));
	call.type = (uint16_t)type;
	return HYPERVISOR_callback_op(CALLBACKOP_unregister, &call);
}

static void own_entries(void)
{
	TEST_RESULT(register_one(CALLBACKTYPE_event, 0,
				 (unsigned long)upcall_entry),
		    0);
	TEST_RESULT(register_one(CALLBACKTYPE_failsafe, 0,
				 (unsigned long)failsafe_entry),
		    0);
	TEST_RESULT(register_one(CALLBACKTYPE_syscall, 1,
				 (unsigned long)syscall_entry),
		    0);
}

static void types(void)
{
	unsigned int type;

	for (type = 0; type < 12; type++) {
		int known = KNOWN >> type & 1;

		TEST_RESULT(register_one(type, 0, NON_CANONICAL), -XEN_EINVAL);
		if (type == CALLBACKTYPE_event)
			continue; /* an event might come now */
		TEST_RESULT(register_one(type, 0, (unsigned long)test_main),
			    known ? 0 : -XEN_ENOSYS);
		/* Flags beyond the one are for later versions. */
		if (known)
			TEST_RESULT(register_one(type, 0xfffe,
						 (unsigned long)test_main),
				    0);
		TEST_RESULT(unregister_one(type), type == CALLBACKTYPE_nmi ? 0
						  : known ? -XEN_EINVAL
							  : -XEN_ENOSYS);
	}
	own_entries();
	TEST_RESULT(HYPERVISOR_callback_op(2, &type), -XEN_ENOSYS);
	TEST_RESULT(HYPERVISOR_callback_op(CALLBACKOP_register,
					   HYPERVISOR_VIRT_START),
		    -XEN_EFAULT);
	TEST_RESULT(HYPERVISOR_callback_op(CALLBACKOP_unregister,
					   HYPERVISOR_VIRT_START),
		    -XEN_EFAULT);
}

/* An event and a system call come in by the entries just named. */
static void in_use(void)
{
	unsigned long before = event_upcall_count;
	struct user program;
	long port = event_bind_ipi(0);

	TEST_ASSERT(port > 0, "port %ld", port);
	TEST_RESULT(event_unmask((unsigned int)port), 0);
	events_on();
	TEST_RESULT(event_send((unsigned int)port), 0);
	TEST_ASSERT(event_upcall_count > before, "no upcall");
	events_off();
	TEST_RESULT(event_close((unsigned int)port), 0);
	user_create(&program, user_code, user_code_end);
	TEST_RESULT(user_run(&program), VECTOR_SYSCALL);
	TEST_RESULT(program.regs.rip, USER_CODE + 2);
	TEST_RESULT(user_run(&program), VECTOR_SYSCALL);
	user_destroy(&program);
}

/* Unmasked unless asked: set_callbacks has no way to ask. */
static void older_call(void)
{
	struct user program;

	TEST_RESULT(HYPERVISOR_set_callbacks(upcall_entry, failsafe_entry,
					     syscall_entry),
		    0);
	in_use();
	user_create(&program, user_code, user_code_end);
	TEST_RESULT(user_run(&program), VECTOR_SYSCALL);
	TEST_RESULT(program.masked, 0);
	user_destroy(&program);
	own_entries();
	user_create(&program, user_code, user_code_end);
	TEST_RESULT(user_run(&program), VECTOR_SYSCALL);
	TEST_RESULT(program.masked, 1);
	user_destroy(&program);
}

/* Segment bases, the stack and the gates: what is refused beside these. */
static void beside(void)
{
	struct trap_info gate[2];
	unsigned int which;

	for (which = 0; which < 6; which++) {
		if (which == SEGBASE_GS_KERNEL || which == SEGBASE_GS_USER_SEL)
			continue;
		TEST_RESULT(HYPERVISOR_set_segment_base(which, NON_CANONICAL),
			    -XEN_EINVAL);
		TEST_RESULT(HYPERVISOR_set_segment_base(which, 0),
			    which > SEGBASE_GS_USER_SEL ? -XEN_EINVAL : 0);
	}
	/* A selector that does not load is 0 then. */
	TEST_RESULT(HYPERVISOR_set_segment_base(SEGBASE_GS_USER_SEL, 0x99), 0);
	memset(gate, 0, sizeof(gate));
	gate[0].vector = 0x99;
	gate[0].cs = FLAT_KERNEL_CS;
	gate[0].address = NON_CANONICAL;
	TEST_RESULT(HYPERVISOR_set_trap_table(gate), -XEN_EINVAL);
	TEST_RESULT(HYPERVISOR_set_trap_table(HYPERVISOR_VIRT_START),
		    -XEN_EFAULT);
	TEST_RESULT(HYPERVISOR_fpu_taskswitch(1), 0);
	TEST_RESULT(HYPERVISOR_fpu_taskswitch(0), 0);
}

void test_main(void)
{
	types();
	in_use();
	older_call();
	beside();
}
