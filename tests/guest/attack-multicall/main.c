/* SPDX-License-Identifier: MIT */
/*
 * Attack: iret in the middle of a multicall (XSA-213).
 *
 * iret to user mode switches page tables. In a multicall more entries follow,
 * and they act for a guest that is not in its kernel any more: Xen once went
 * on with them on the user's root, with the checks of the kernel's, and page
 * tables were validated against the wrong ones.
 *
 * Two answers are right. Xen leaves for user mode and does none of the entries
 * behind the iret; their results stay as they were. Or the iret entry is
 * refused by its result, and the others go on, in the kernel.
 */
#include "lodger.h"

extern const char user_code[], user_code_end[];
__asm__(".section .rodata\n"
	"user_code:\n"
	"	syscall\n"
	"user_code_end:\n"
	"	.previous");

#define UNTOUCHED 0x77
#define ENTRIES	  4

static multicall_entry_t list[ENTRIES];
static struct user program;

static void fill(unsigned int place)
{
	unsigned int i;

	memset(list, 0, sizeof(list));
	for (i = 0; i < ENTRIES; i++) {
		list[i].op = __HYPERVISOR_xen_version;
		list[i].result = UNTOUCHED;
	}
	list[place].op = __HYPERVISOR_iret;
}

static void expect_results(unsigned int from, unsigned int to, long want)
{
	for (; from < to; from++)
		TEST_RESULT(list[from].result, want);
}

static void round(unsigned int place)
{
	long version = HYPERVISOR_xen_version(XENVER_version, NULL);

	fill(place);
	program.list = list;
	program.list_length = ENTRIES;
	program.regs.rip = USER_CODE;
	if (user_run(&program) == VECTOR_NONE) {
		TEST_REFUSED(list[place].result);
		expect_results(0, place, version);
		expect_results(place + 1, ENTRIES, version);
	} else {
		TEST_RESULT(program.regs.vector, VECTOR_SYSCALL);
		TEST_RESULT(program.regs.rip, USER_CODE + 2);
		expect_results(0, place, version);
		expect_results(place + 1, ENTRIES, UNTOUCHED);
	}
}

void test_main(void)
{
	unsigned int place;

	user_create(&program, user_code, user_code_end);
	for (place = 0; place < ENTRIES; place++)
		round(place);
	/* And the plain way still works. */
	program.list = NULL;
	program.regs.rip = USER_CODE;
	TEST_RESULT(user_run(&program), VECTOR_SYSCALL);
	user_destroy(&program);
}
