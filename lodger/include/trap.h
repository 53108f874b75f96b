/* SPDX-License-Identifier: MIT */
/* Exceptions: the trap table, hooks, and instructions tried on purpose. */
#ifndef LODGER_TRAP_H
#define LODGER_TRAP_H

enum {
	TRAP_DE = 0,
	TRAP_DB = 1,
	TRAP_NMI = 2,
	TRAP_BP = 3,
	TRAP_OF = 4,
	TRAP_BR = 5,
	TRAP_UD = 6,
	TRAP_NM = 7,
	TRAP_DF = 8,
	TRAP_TS = 10,
	TRAP_NP = 11,
	TRAP_SS = 12,
	TRAP_GP = 13,
	TRAP_PF = 14,
	TRAP_MF = 16,
	TRAP_AC = 17,
	TRAP_MC = 18,
	TRAP_XM = 19
};

/* Error code of a page fault. */
#define PF_PRESENT  1
#define PF_WRITE    2
#define PF_USER	    4
#define PF_RESERVED 8
#define PF_FETCH    16

#define RFLAGS_TF   (1UL << 8)
#define RFLAGS_IF   (1UL << 9)
#define RFLAGS_IOPL (3UL << 12)

/*
 * What entry.S leaves on the stack; the order is entry.S's. In a 32-bit guest
 * (entry32.S) the names are those of the wider registers, rsp and ss of the
 * kernel's own traps are missing, and cs may have the event mask above it.
 */
#ifdef __i386__
struct trap_frame {
	unsigned long rbx, rcx, rdx, rsi, rdi, rbp, rax;
	unsigned long vector;
	unsigned long error;
	unsigned long rip, cs, rflags, rsp, ss;
};

/* The kernel's frames have RPL 1. */
#define FRAME_FROM_USER(frame) (((frame)->cs & 3) == 3)
#else
struct trap_frame {
	unsigned long r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8;
	unsigned long rax, rcx, rdx, rsi, rdi;
	unsigned long vector;
	unsigned long error; /* on the way out: the flags of the iret frame */
	unsigned long rip, cs, rflags, rsp, ss;
};

/* Set by user programs' frames only: kernel frames have RPL 0. */
#define FRAME_FROM_USER(frame) (((frame)->cs & 3) == 3)
#endif

/* Returns nonzero when it has dealt with the trap and frame may be resumed. */
typedef int (*trap_hook_t)(struct trap_frame *frame);

/* The ways in, for the trap table and callbacks: entry.S. */
extern char trap_stubs[], upcall_entry[], syscall_entry[], failsafe_entry[];

void trap_init(void);
/* A callback's address as the interface has it: in 32-bit, with a selector. */
void trap_callback_address(xen_callback_t *out, const char *entry);
/* hook == NULL takes the hook away. Hooks see traps of the kernel only. */
void trap_set_hook(unsigned int vector, trap_hook_t hook);
/* Enters one gate in the trap table: dpl 0..3, mask: enter with events off. */
long trap_set_gate(unsigned int vector, unsigned int dpl, int mask);
void trap_dispatch(struct trap_frame *frame);

/*
 * Instructions tried on purpose:
 *
 *	probe_begin();
 *	__asm__ __volatile__(PROBE("rdmsr") : "=a" (lo), "=d" (hi) : "c" (n));
 *	vector = probe_end();
 *
 * An instruction that faults is skipped; probe_end() says which vector it
 * raised, or NO_FAULT, and probe_fault has the details. A trap after the
 * instruction (int3) is recorded and passes on.
 */
#define NO_FAULT (-1)

struct fault {
	int vector;
	unsigned long error, rip, cr2;
	unsigned long rflags;
};

extern struct fault probe_fault;

#ifdef __i386__
#define PROBE_WORD ".long"
#else
#define PROBE_WORD ".quad"
#endif
#define PROBE(instruction)                     \
	"771:\t" instruction "\n772:\n"        \
	"\t.pushsection .probe_table, \"a\"\n" \
	"\t" PROBE_WORD " 771b, 772b\n"        \
	"\t.popsection\n"

void probe_begin(void);
int probe_end(void);

/* The commonest probes: each returns the vector or NO_FAULT. */
int probe_read(const void *address, unsigned long *value);
int probe_write(void *address, unsigned long value);
int probe_rdmsr(unsigned int msr, uint64_t *value);
int probe_wrmsr(unsigned int msr, uint64_t value);

#endif
