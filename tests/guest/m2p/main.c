/* SPDX-License-Identifier: MIT */
/*
 * The machine-to-physical table: who can read it, and that nobody writes it.
 *
 * It stands at the beginning of the hypervisor's range, read-only: a word for
 * each frame of the machine, the pfn that its owner gave it. A guest's kernel
 * reads its own frames' words there all day, and sets them by mmu_update.
 * User programs do not find it in their root, where reading it is an ordinary
 * page fault: a root shows it once it was set as a kernel's. With the assist
 * m2p_strict it is the other way round, every root shows it until it is set as
 * a user's (MMUEXT_NEW_USER_BASEPTR), so that one which serves both has to be
 * set again. The kernel's view does not change.
 */
#include "lodger.h"

extern const char user_code[], user_code_end[];
__asm__(".section .rodata\n"
	"user_code:\n"
	"	mov	(%rsi), %rdi\n"
	"	syscall\n"
	"user_code_end:\n"
	"	.previous");

#define HV_SLOT 256

static unsigned long mfn;

static void kernel_view(void)
{
	unsigned long value;
	struct mmu_update u;

	TEST_RESULT(M2P[mfn], mfn_to_pfn(mfn));
	TEST_RESULT(probe_write((void *)HYPERVISOR_VIRT_START, 0), TRAP_PF);
	u.ptr = (mfn << 12) | MMU_MACHPHYS_UPDATE;
	for (value = 0; value < 3; value++) {
		u.val = 0x123456789 + value;
		TEST_RESULT(HYPERVISOR_mmu_update(&u, 1, NULL, DOMID_SELF), 0);
		TEST_RESULT(M2P[mfn], 0x123456789 + value);
	}
	u.val = mfn_to_pfn(mfn);
	for (value = 0; value < start_info->nr_pages; value++)
		if (pfn_to_mfn(value) == mfn)
			u.val = value;
	TEST_RESULT(HYPERVISOR_mmu_update(&u, 1, NULL, DOMID_SELF), 0);
	/* Of a frame that is not ours. */
	u.ptr = MMU_MACHPHYS_UPDATE;
	TEST_REFUSED(HYPERVISOR_mmu_update(&u, 1, NULL, DOMID_SELF));
}

static void user_view(void)
{
	struct user program;

	user_create(&program, user_code, user_code_end);
	program.regs.rsi = (unsigned long)&M2P[mfn];
	TEST_RESULT(user_run(&program), TRAP_PF);
	TEST_RESULT(program.cr2, &M2P[mfn]);
	TEST_RESULT(program.regs.rip, USER_CODE);
	TEST_RESULT(program.regs.error, PF_USER);
	TEST_RESULT(program.root[HV_SLOT], 0);
	/* The kernel reads it all the same. */
	TEST_RESULT(M2P[mfn], mfn_to_pfn(mfn));
	user_destroy(&program);
}

/* What a root shows before it was set as any. */
static void fresh_root(int strict)
{
	pte_t *root = page_alloc();
	char *page = page_alloc();

	table_build(root, (void *)USER_CODE,
		    pte_make(virt_to_mfn(page), PTE_RO));
	TEST_RESULT(table_seal(root), 0);
	if (strict)
		TEST_RESULT(root[HV_SLOT], table_root()[HV_SLOT]);
	else
		TEST_RESULT(root[HV_SLOT], 0);
	table_unseal(root);
	page_free(page);
}

void test_main(void)
{
	mfn = virt_to_mfn(page_alloc());
	kernel_view();
	user_view();
	fresh_root(0);
	TEST_RESULT(
		HYPERVISOR_vm_assist(VMASST_CMD_enable, VMASST_TYPE_m2p_strict),
		0);
	user_view();
	fresh_root(1);
	TEST_RESULT(HYPERVISOR_vm_assist(VMASST_CMD_disable,
					 VMASST_TYPE_m2p_strict),
		    0);
	user_view();
	fresh_root(0);
}
