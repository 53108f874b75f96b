/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls of a 32-bit guest: the doors, the registers, xen_version and
 * multicall. What they mean is said in hypercall; here is what differs.
 *
 * The number is in EAX, the arguments in EBX, ECX, EDX, ESI and EDI, and the
 * result in EAX. The door is interrupt 0x82, directly or in the page; it is
 * open to ring 1 only: a program in ring 3 that tries it gets a #GP. What the
 * interface describes with "unsigned long" has 32 bits in every structure, a
 * pointer as well. Results that do not fit are the caller's problem; a number
 * of 64 bits in a structure is aligned to 4.
 */
#include "lodger.h"

struct registers {
	unsigned long rax, rbx, rcx, rdx, rsi, rdi, rbp;
};

/* One call with every register chosen, and every register seen after. */
static void raw_call(struct registers *r)
{
	__asm__ __volatile__(
		"push %%ebp\n\tpush %0\n\t"
		"mov 4(%0), %%ebx\n\tmov 8(%0), %%ecx\n\tmov 12(%0), %%edx\n\t"
		"mov 16(%0), %%esi\n\tmov 20(%0), %%edi\n\t"
		"mov 24(%0), %%ebp\n\tmov 0(%0), %%eax\n\t"
		"int $0x82\n\t"
		"xchg %%eax, (%%esp)\n\t"
		"mov %%ebx, 4(%%eax)\n\tmov %%ecx, 8(%%eax)\n\t"
		"mov %%edx, 12(%%eax)\n\tmov %%esi, 16(%%eax)\n\t"
		"mov %%edi, 20(%%eax)\n\tmov %%ebp, 24(%%eax)\n\t"
		"pop %%ecx\n\tmov %%ecx, 0(%%eax)\n\tpop %%ebp"
		: "+a"(r)
		:
		: "ebx", "ecx", "edx", "esi", "edi", "memory", "cc");
}

static void registers_survive(void)
{
	struct registers before, after;
	unsigned long *word = (unsigned long *)&before;
	unsigned int i;

	for (i = 0; i < sizeof(before) / 4; i++)
		word[i] = 0x11111111UL * (i + 1);
	before.rax = __HYPERVISOR_xen_version;
	before.rbx = XENVER_version;
	before.rcx = 0;
	after = before;
	raw_call(&after);
	TEST_RESULT(after.rax, (4 << 16) | 17);
	after.rax = before.rax;
	TEST_ASSERT(!memcmp(&before, &after, sizeof(before)),
		    "a register changed");
}

static void both_doors(void)
{
	static const unsigned int unknown[] = { 11, 38, 43, 47, 56,
						60, 63, 64, 127 };
	unsigned int i;

	TEST_RESULT(hypercall_by_page(__HYPERVISOR_xen_version, XENVER_version,
				      0, 0, 0, 0),
		    (4 << 16) | 17);
	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		TEST_RESULT(hypercall(unknown[i], 0, 0, 0, 0, 0), -XEN_ENOSYS);
		if (unknown[i] < 64)
			TEST_RESULT(
				hypercall_by_page(unknown[i], 0, 0, 0, 0, 0),
				-XEN_ENOSYS);
	}
	TEST_RESULT(hypercall(1UL << 20, 0, 0, 0, 0, 0), -XEN_ENOSYS);
	TEST_RESULT(hypercall(-1UL, 0, 0, 0, 0, 0), -XEN_ENOSYS);
}

static void version(void)
{
	union {
		xen_extraversion_t extra;
		xen_capabilities_info_t capabilities;
		xen_platform_parameters_t platform;
		xen_feature_info_t feature;
		char text[2048];
	} u;

	memset(&u, 0xff, sizeof(u));
	TEST_RESULT(HYPERVISOR_xen_version(XENVER_extraversion, &u), 0);
	TEST_ASSERT(strlen(u.text) < sizeof(u.extra), "extraversion");
	TEST_RESULT((unsigned char)u.text[sizeof(u.extra)], 0xff);
	TEST_RESULT(HYPERVISOR_xen_version(XENVER_capabilities, &u), 0);
	TEST_ASSERT(strstr(u.text, "xen-3.0-x86_32p"), "capabilities %s",
		    u.text);
	memset(&u, 0xff, sizeof(u));
	TEST_RESULT(HYPERVISOR_xen_version(XENVER_platform_parameters, &u), 0);
	TEST_RESULT(u.platform.virt_start, HYPERVISOR_VIRT_START);
	TEST_RESULT((unsigned char)u.text[sizeof(u.platform)], 0xff);
	memset(&u, 0, sizeof(u));
	TEST_RESULT(HYPERVISOR_xen_version(XENVER_get_features, &u), 0);
	TEST_ASSERT(u.feature.submap & (1U << XENFEAT_pae_pgdir_above_4gb),
		    "features %x", u.feature.submap);
	TEST_RESULT(HYPERVISOR_xen_version(XENVER_pagesize, NULL), 4096);
	TEST_RESULT(HYPERVISOR_xen_version(99, &u), -XEN_ENOSYS);
}

static void bad_pointers(void)
{
	/* Null, unmapped, the hypervisor's, the last page. */
	static const unsigned long bad[] = {
		0,	 0x10000000UL, 0xf5800000UL, 0xfc000000UL, 0xf57ffff0UL,
		-4096UL, -8UL
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		TEST_RESULT(HYPERVISOR_xen_version(XENVER_extraversion, bad[i]),
			    -XEN_EFAULT);
		TEST_RESULT(HYPERVISOR_xen_version(XENVER_get_features, bad[i]),
			    -XEN_EFAULT);
	}
	TEST_RESULT(HYPERVISOR_xen_version(XENVER_extraversion, table_root()),
		    -XEN_EFAULT);
}

static void multicall(void)
{
	multicall_entry_t list[5];
	unsigned int i;

	TEST_RESULT(sizeof(list[0]), 32);
	memset(list, 0xee, sizeof(list));
	for (i = 0; i < ARRAY_SIZE(list); i++) {
		list[i].op = __HYPERVISOR_xen_version;
		list[i].args[0] = XENVER_version;
		list[i].args[1] = 0;
	}
	list[1].op = 63;
	list[2].op = 1UL << 30;
	list[3].op = __HYPERVISOR_multicall;
	list[3].args[0] = (unsigned long)list;
	list[3].args[1] = 1;
	TEST_RESULT(HYPERVISOR_multicall(list, 5), 0);
	TEST_RESULT(list[0].result, (4 << 16) | 17);
	TEST_RESULT(list[1].result, -XEN_ENOSYS);
	TEST_RESULT(list[2].result, -XEN_ENOSYS);
	TEST_RESULT(list[3].result, -XEN_EINVAL);
	TEST_RESULT(list[4].result, (4 << 16) | 17);
	TEST_RESULT(HYPERVISOR_multicall(list, 0), 0);
	TEST_RESULT(HYPERVISOR_multicall(0x10000000UL, 1), -XEN_EFAULT);
	TEST_RESULT(HYPERVISOR_multicall(0xf6000000UL, 1), -XEN_EFAULT);
}

extern const char user_code[], user_code_end[];
__asm__(".section .rodata\n"
	"user_code:\n"
	"	int	$0x82\n"
	"	int	$0x80\n"
	"user_code_end:\n"
	"	.previous");

static void not_for_programs(void)
{
	struct user program;

	user_create(&program, user_code, user_code_end);
	program.regs.rax = __HYPERVISOR_xen_version;
	TEST_RESULT(user_run(&program), TRAP_GP);
	TEST_RESULT(program.regs.rip, USER_CODE);
	TEST_RESULT(program.regs.rax, __HYPERVISOR_xen_version);
	user_destroy(&program);
}

void test_main(void)
{
	registers_survive();
	both_doors();
	version();
	bad_pointers();
	multicall();
	not_for_programs();
}
