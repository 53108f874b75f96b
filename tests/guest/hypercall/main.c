/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls: the doors, the registers, xen_version and multicall.
 *
 * A hypercall has its number in RAX and up to five arguments in RDI, RSI, RDX,
 * R10 and R8. The result replaces RAX; RCX and R11 belong to SYSCALL; every
 * other register comes back as it was. Two doors lead to the same call:
 * SYSCALL in the guest's own text, which is all that Debian's kernel uses now,
 * and the hypercall page with 32 bytes for each number, which older kernels
 * and small systems use. The hypervisor fills that page while it builds the
 * guest, because the image says with a note where it is.
 *
 * A number that is not a hypercall answers -ENOSYS: newer guests find out in
 * this way what an older hypervisor lacks. So does a sub-operation that is
 * unknown. A pointer that cannot be read or written answers -EFAULT, and the
 * hypervisor's own addresses are such pointers: a guest that passes one must
 * not make the hypervisor read or write itself (XSA-212 was such a hole).
 *
 * xen_version describes the hypervisor. Tools rely on its details: the version
 * selects the directory of matching programs, the capabilities decide which
 * kinds of guest can be built, platform_parameters tells where the hypervisor
 * begins. With a NULL argument XENVER_version is the cheapest call there is,
 * and kernels issue it only to make the hypervisor look at pending events.
 *
 * multicall carries many calls in one entry. Each entry gets its own result,
 * an unknown one -ENOSYS, and the others go on; the multicall itself returns 0.
 * A multicall inside a multicall is refused (its state could not be continued).
 */
#include "lodger.h"

struct registers {
	unsigned long rax, rdi, rsi, rdx, r10, r8;
	unsigned long rbx, rbp, r9, r12, r13, r14, r15;
};

/* One SYSCALL with every register chosen, and every register seen after. */
static void raw_call(struct registers *r)
{
	__asm__ __volatile__(
		"push %%rbp\n\tpush %%rbx\n\tpush %0\n\t"
		"mov 0(%0), %%rax\n\tmov 16(%0), %%rsi\n\tmov 24(%0), %%rdx\n\t"
		"mov 32(%0), %%r10\n\tmov 40(%0), %%r8\n\tmov 48(%0), %%rbx\n\t"
		"mov 56(%0), %%rbp\n\tmov 64(%0), %%r9\n\tmov 72(%0), %%r12\n\t"
		"mov 80(%0), %%r13\n\tmov 88(%0), %%r14\n\t"
		"mov 96(%0), %%r15\n\t"
		"mov 8(%0), %%rdi\n\t"
		"syscall\n\t"
		"xchg %%rdi, (%%rsp)\n\t"
		"mov %%rax, 0(%0)\n\tmov %%rsi, 16(%0)\n\tmov %%rdx, 24(%0)\n\t"
		"mov %%r10, 32(%0)\n\tmov %%r8, 40(%0)\n\tmov %%rbx, 48(%0)\n\t"
		"mov %%rbp, 56(%0)\n\tmov %%r9, 64(%0)\n\tmov %%r12, 72(%0)\n\t"
		"mov %%r13, 80(%0)\n\tmov %%r14, 88(%0)\n\t"
		"mov %%r15, 96(%0)\n\t"
		"pop %%rax\n\tmov %%rax, 8(%0)\n\tpop %%rbx\n\tpop %%rbp"
		: "+D"(r)
		:
		: "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12",
		  "r13", "r14", "r15", "memory", "cc");
}

static void registers_survive(void)
{
	struct registers before, after;
	unsigned long *word = (unsigned long *)&before;
	unsigned int i;

	for (i = 0; i < sizeof(before) / 8; i++)
		word[i] = 0x1111111111111111UL * (i + 1);
	before.rax = __HYPERVISOR_xen_version;
	before.rdi = XENVER_version;
	before.rsi = 0;
	after = before;
	raw_call(&after);
	TEST_RESULT(after.rax, HYPERVISOR_xen_version(XENVER_version, NULL));
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
		    HYPERVISOR_xen_version(XENVER_version, NULL));
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
		xen_compile_info_t compile;
		xen_capabilities_info_t capabilities;
		xen_changeset_info_t changeset;
		xen_platform_parameters_t platform;
		xen_feature_info_t feature;
		xen_domain_handle_t handle;
		xen_commandline_t line;
		char text[2048];
	} u;

	TEST_RESULT(HYPERVISOR_xen_version(XENVER_version, NULL),
		    (4 << 16) | 17);
	memset(&u, 0xff, sizeof(u));
	TEST_RESULT(HYPERVISOR_xen_version(XENVER_extraversion, &u), 0);
	TEST_ASSERT(strlen(u.text) < sizeof(u.extra), "extraversion");
	TEST_RESULT((unsigned char)u.text[sizeof(u.extra)], 0xff);
	TEST_RESULT(HYPERVISOR_xen_version(XENVER_compile_info, &u), 0);
	TEST_ASSERT(strlen(u.compile.compiler) < 64, "compile_info");
	TEST_RESULT(HYPERVISOR_xen_version(XENVER_capabilities, &u), 0);
	TEST_ASSERT(strstr(u.text, "xen-3.0-x86_64"), "capabilities %s",
		    u.text);
	TEST_RESULT(HYPERVISOR_xen_version(XENVER_changeset, &u), 0);
	TEST_RESULT(HYPERVISOR_xen_version(XENVER_platform_parameters, &u), 0);
	TEST_RESULT(u.platform.virt_start, 0xffff800000000000UL);
	memset(&u, 0, sizeof(u));
	TEST_RESULT(HYPERVISOR_xen_version(XENVER_get_features, &u), 0);
	TEST_ASSERT(u.feature.submap &
			    (1U << XENFEAT_mmu_pt_update_preserve_ad),
		    "features %x", u.feature.submap);
	TEST_RESULT((u.feature.submap >> XENFEAT_dom0) & 1,
		    is_initial_domain());
	TEST_RESULT((u.feature.submap >> XENFEAT_auto_translated_physmap) & 1,
		    0);
	u.feature.submap_idx = 1000;
	TEST_RESULT(HYPERVISOR_xen_version(XENVER_get_features, &u),
		    -XEN_EINVAL);
	TEST_RESULT(HYPERVISOR_xen_version(XENVER_pagesize, NULL), 4096);
	TEST_RESULT(HYPERVISOR_xen_version(XENVER_guest_handle, &u), 0);
	TEST_RESULT(HYPERVISOR_xen_version(XENVER_commandline, &u), 0);
	TEST_RESULT(HYPERVISOR_xen_version(99, &u), -XEN_ENOSYS);
}

static void bad_pointers(void)
{
	/* Null, unmapped, the hypervisor's, the last page, not canonical. */
	static const unsigned long bad[] = { 0,
					     0x10000000000UL,
					     0xffff830000000000UL,
					     0xffff82d080000000UL,
					     0xffff800000000000UL,
					     -4096UL,
					     0x8000000000000000UL };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		TEST_RESULT(HYPERVISOR_xen_version(XENVER_extraversion, bad[i]),
			    -XEN_EFAULT);
		TEST_RESULT(HYPERVISOR_xen_version(XENVER_get_features, bad[i]),
			    -XEN_EFAULT);
	}
	/* Read-only memory: the page table that maps this guest. */
	TEST_RESULT(HYPERVISOR_xen_version(XENVER_extraversion, table_root()),
		    -XEN_EFAULT);
}

static void multicall(void)
{
	multicall_entry_t list[5];
	unsigned int i;

	memset(list, 0xee, sizeof(list));
	for (i = 0; i < ARRAY_SIZE(list); i++) {
		list[i].op = __HYPERVISOR_xen_version;
		list[i].args[0] = XENVER_version;
		list[i].args[1] = 0;
	}
	list[1].op = 63;
	list[2].op = 1UL << 40;
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
	TEST_RESULT(HYPERVISOR_multicall(0x10000000000UL, 0), 0);
	TEST_RESULT(HYPERVISOR_multicall(0x10000000000UL, 1), -XEN_EFAULT);
	TEST_RESULT(HYPERVISOR_multicall(0xffff830000000000UL, 1), -XEN_EFAULT);
}

/* A list that runs into an unmapped page: what came before it was done. */
static void multicall_fault(void)
{
	char *page = page_alloc();
	multicall_entry_t *list = (void *)(0x10000000000UL + PAGE_SIZE -
					   sizeof(multicall_entry_t));
	unsigned long i;

	TEST_RESULT(
		table_map((void *)0x10000000000UL, virt_to_mfn(page), PTE_RW),
		0);
	list[0].op = __HYPERVISOR_xen_version;
	for (i = 0; i < 6; i++)
		list[0].args[i] = 0;
	list[0].result = 77;
	TEST_RESULT(HYPERVISOR_multicall(list, 2), -XEN_EFAULT);
	TEST_RESULT(list[0].result, (4 << 16) | 17);
	TEST_RESULT(table_unmap((void *)0x10000000000UL), 0);
	page_free(page);
}

void test_main(void)
{
	registers_survive();
	both_doors();
	version();
	bad_pointers();
	multicall();
	multicall_fault();
}
