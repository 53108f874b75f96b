/* SPDX-License-Identifier: MIT */
/*
 * Privileged registers: MSRs, control registers, and the instructions that a
 * kernel uses on them.
 *
 * In ring 3 these raise #GP. The hypervisor decodes the instruction and acts
 * for the guest's *kernel* where it makes sense; a user program gets its #GP.
 *
 * MSRs that hold state of the guest work: FS and GS bases (a non-canonical
 * value is refused: it would fault in the hypervisor). EFER reads, with SCE,
 * LME, LMA and NX as the guest expects, and may be written with the value it
 * has. APIC_BASE reads as enabled. MSRs that are the machine's own (SYSCALL
 * and SYSENTER entry points, MTRRs, x2APIC, debug control) do not exist for a
 * guest: reading and writing raises #GP. So does an MSR that nobody knows.
 *
 * CR0 reads with PG, PE, WP set; only TS may be changed. CR2 is the guest's
 * word, the same as vcpu_info->arch.cr2. CR3 reads as the root's machine
 * address. CR4 reads as the guest's view: bits of the hypervisor's own (SMEP,
 * SMAP, PGE) need not show; a write keeps what the guest cannot have. CLTS
 * works. CLI, STI and everything that loads tables, and SWAPGS and SYSRET,
 * are #GP: a guest uses hypercalls for them.
 */
#include "lodger.h"

#define MSR_EFER      0xc0000080U
#define MSR_STAR      0xc0000081U
#define MSR_LSTAR     0xc0000082U
#define MSR_FS_BASE   0xc0000100U
#define MSR_GS_BASE   0xc0000101U
#define MSR_KERNEL_GS 0xc0000102U
#define NON_CANONICAL 0x0000800000000000UL

/* One instruction with a register operand; the vector or NO_FAULT. */
#define TRY(instruction, operand)                        \
	(probe_begin(), try_barrier(), ({                \
		 __asm__ __volatile__(PROBE(instruction) \
				      : "+r"(operand)    \
				      :                  \
				      : "memory", "cc"); \
		 0;                                      \
	 }),                                             \
	 probe_end())

static __inline__ void try_barrier(void)
{
	barrier();
}

static void bases(void)
{
	static unsigned long words[3] = { 0x111, 0x222, 0x333 };
	unsigned long v;
	unsigned int msr;

	TEST_RESULT(probe_wrmsr(MSR_FS_BASE, (unsigned long)&words[0]),
		    NO_FAULT);
	TEST_RESULT(probe_wrmsr(MSR_GS_BASE, (unsigned long)&words[1]),
		    NO_FAULT);
	TEST_RESULT(probe_wrmsr(MSR_KERNEL_GS, (unsigned long)&words[2]),
		    NO_FAULT);
	__asm__ __volatile__("mov %%fs:0, %0" : "=r"(v));
	TEST_RESULT(v, 0x111);
	__asm__ __volatile__("mov %%gs:0, %0" : "=r"(v));
	TEST_RESULT(v, 0x222);
	for (msr = MSR_FS_BASE; msr <= MSR_KERNEL_GS; msr++) {
		TEST_RESULT(probe_rdmsr(msr, &v), NO_FAULT);
		TEST_RESULT(v, &words[msr - MSR_FS_BASE]);
		TEST_RESULT(probe_wrmsr(msr, NON_CANONICAL), TRAP_GP);
		TEST_RESULT(probe_rdmsr(msr, &v), NO_FAULT);
		TEST_RESULT(v, &words[msr - MSR_FS_BASE]);
	}
}

static void machine_msrs(void)
{
	static const unsigned int hidden[] = {
		0x174, 0x175, 0x176,	0x2ff,	   0x200,      0x1d9,
		0x800, 0x830, MSR_STAR, MSR_LSTAR, 0xc0000083, 0xc0000084,
		0x6e0, 0x48,  0x12345,	0xc0010114
	};
	unsigned long v;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hidden); i++) {
		TEST_ASSERT(probe_rdmsr(hidden[i], &v) == TRAP_GP,
			    "msr %x is readable", hidden[i]);
		TEST_ASSERT(probe_wrmsr(hidden[i], 0) == TRAP_GP,
			    "msr %x is writable", hidden[i]);
	}
	TEST_RESULT(probe_rdmsr(MSR_EFER, &v), NO_FAULT);
	TEST_ASSERT((v & 0x501) == 0x501, "EFER %lx", v);
	TEST_RESULT(probe_wrmsr(MSR_EFER, v), NO_FAULT);
	TEST_RESULT(probe_wrmsr(MSR_EFER, v ^ 0x100), TRAP_GP);
	TEST_RESULT(probe_rdmsr(0x1b, &v), NO_FAULT);
	TEST_ASSERT(v & 0x800, "APIC_BASE %lx", v);
	TEST_RESULT(probe_rdmsr(0x277, &v), NO_FAULT);
	TEST_RESULT(v, 0x0000050100070406UL);
	TEST_RESULT(probe_rdmsr(0x10, &v), NO_FAULT);
	TEST_ASSERT(v <= read_tsc(), "MSR 10 is ahead of the TSC");
}

static void control_registers(void)
{
	unsigned long v = 0;
	unsigned long cr0 = 0;

	TEST_RESULT(TRY("mov %%cr0, %0", cr0), NO_FAULT);
	TEST_ASSERT((cr0 & 0x80010001) == 0x80010001, "cr0 %lx", cr0);
	TEST_ASSERT(!(cr0 & 8), "TS is set: cr0 %lx", cr0);
	TEST_RESULT(TRY("mov %0, %%cr0", cr0), NO_FAULT);
	v = cr0 & ~0x80000000UL;
	TEST_RESULT(TRY("mov %0, %%cr0", v), TRAP_GP);
	v = cr0 & ~0x10000UL;
	TEST_RESULT(TRY("mov %0, %%cr0", v), TRAP_GP);
	v = cr0 | 8;
	TEST_RESULT(TRY("mov %0, %%cr0", v), NO_FAULT);
	v = 0;
	TEST_RESULT(TRY("mov %%cr0, %0", v), NO_FAULT);
	TEST_RESULT(v & 8, 8);
	TEST_RESULT(TRY("fninit", v), TRAP_NM);
	v = cr0 | 8;
	TEST_RESULT(TRY("mov %0, %%cr0", v), NO_FAULT);
	TEST_RESULT(TRY("clts", v), NO_FAULT);
	TEST_RESULT(TRY("fninit", v), NO_FAULT);
	v = 0x1234567;
	TEST_RESULT(TRY("mov %0, %%cr2", v), NO_FAULT);
	TEST_RESULT(vcpu_info->arch.cr2, 0x1234567);
	v = 0;
	TEST_RESULT(TRY("mov %%cr2, %0", v), NO_FAULT);
	TEST_RESULT(v, 0x1234567);
	TEST_RESULT(TRY("mov %%cr3, %0", v), NO_FAULT);
	TEST_RESULT(v, virt_to_mfn(table_root()) << 12);
	TEST_RESULT(TRY("mov %0, %%cr3", v), NO_FAULT);
	TEST_RESULT(TRY("mov %%cr4, %0", v), NO_FAULT);
	TEST_ASSERT((v & 0x620) == 0x620, "cr4 %lx", v);
	TEST_RESULT(TRY("mov %0, %%cr4", v), NO_FAULT);
	TEST_RESULT(TRY("mov %%cr8, %0", v), TRAP_GP);
}

static void instructions(void)
{
	unsigned long v = 0;
	char table[10];

	v = (unsigned long)table;
	TEST_RESULT(TRY("cli", v), TRAP_GP);
	TEST_RESULT(TRY("sti", v), TRAP_GP);
	TEST_RESULT(vcpu_info->evtchn_upcall_mask, 0);
	TEST_RESULT(TRY("hlt", v), TRAP_GP);
	TEST_RESULT(TRY("swapgs", v), TRAP_GP);
	TEST_RESULT(TRY("sysretq", v), TRAP_GP);
	TEST_RESULT(TRY("lidt (%0)", v), TRAP_GP);
	TEST_RESULT(TRY("lgdt (%0)", v), TRAP_GP);
	TEST_RESULT(TRY("ltr %w0", v), TRAP_GP);
	TEST_RESULT(TRY("lldt %w0", v), TRAP_GP);
	TEST_RESULT(TRY("in $0x80, %%al", v), TRAP_GP);
	TEST_RESULT(TRY("invd", v), TRAP_GP);
	/* IF cannot be reached by POPF, and IOPL neither: ring 3. */
	__asm__ __volatile__("pushf\n\tandl $~0x200, (%%rsp)\n\t"
			     "orl $0x3000, (%%rsp)\n\tpopf\n\tpushf\n\tpop %0"
			     : "=r"(v)
			     :
			     : "memory", "cc");
	TEST_RESULT(v & (RFLAGS_IF | RFLAGS_IOPL), RFLAGS_IF);
}

extern const char user_code[], user_code_end[];
__asm__(".section .rodata\n"
	"user_code:\n"
	"	mov	%cr0, %rax\n" /* 3 bytes */
	"	rdmsr\n"	      /* 2 bytes */
	"	wrmsr\n"
	"	clts\n"
	"	mov	%rax, %cr3\n"
	"user_code_end:\n"
	"	.previous");

static void user_mode(void)
{
	static const unsigned int starts[] = { 0, 3, 5, 7, 9 };
	struct user program;
	unsigned int i;

	user_create(&program, user_code, user_code_end);
	for (i = 0; i < ARRAY_SIZE(starts); i++) {
		program.regs.rip = USER_CODE + starts[i];
		program.regs.rcx = MSR_FS_BASE;
		TEST_RESULT(user_run(&program), TRAP_GP);
		TEST_RESULT(program.regs.rip, USER_CODE + starts[i]);
	}
	user_destroy(&program);
}

void test_main(void)
{
	bases();
	machine_msrs();
	control_registers();
	instructions();
	user_mode();
}
