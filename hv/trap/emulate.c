/* SPDX-License-Identifier: MIT */
/*
 * Privileged instructions of a guest's kernel
 *
 * A paravirtual kernel asks by hypercall for what is frequent; the rest it
 * executes as if it had the privilege, and we carry it out when it faults.
 * The code bytes are hostile and are fetched once. What is not listed here
 * stays the #GP that it is: HLT, LGDT, LIDT, LTR, SWAPGS, RDPMC, INVD, IRET...
 *
 * User mode gets nothing but ports that its kernel has let it use, and
 * SYSENTER: the machine leaves the real one disarmed, so that it faults, and
 * the kernel's callback is entered from here.
 *
 * The forced-emulation prefix (ud2 "xen") is for CPUID, which does not fault
 * by itself, in both modes. It may stand before any other instruction that is
 * emulated, too; that is then carried out as if it had faulted.
 */
#include "arch.h"
#include "frame/frame.h"
#include "mm/mm.h"
#include "trap/emulate.h"
#include "processor.h"
#include "trap/trap.h"

#define DESC_LONG      (1UL << 53)
#define DESCS_PER_PAGE (PAGE_SIZE / 8)
#define SELECTOR_LDT   4

/* Whether the code segment is 64-bit code: its descriptor says. */
static enum decode_width code_width(const struct vcpu *v)
{
	uint16_t cs = v->regs->cs;
	unsigned int index = cs >> 3, page = index / DESCS_PER_PAGE;
	const struct frame *f;
	const uint64_t *table;

	if (cs == FLAT_RING3_CS64)
		return DECODE_64;
	if (cs & SELECTOR_LDT)
		f = page < LDT_PAGES ? v->mm.ldt[page] : NULL;
	else
		f = page < GDT_GUEST_PAGES ? v->mm.gdt[page] : NULL;
	if (!f)
		return DECODE_32;
	table = frame_ptr(f);
	return shared_load64(&table[index % DESCS_PER_PAGE]) & DESC_LONG
		       ? DECODE_64
		       : DECODE_32;
}

static bool fetch(struct vcpu *v, unsigned int skip, struct insn *insn)
{
	uint8_t bytes[INSN_BUFFER];
	size_t n = insn_fetch(v, v->regs->rip + skip, bytes);

	return decode_insn(bytes, n, code_width(v), insn) == DECODE_OK;
}

void trap_step(struct vcpu *v)
{
	v->trap.debugreg[6] |= DR6_STEP;
	trap_reflect(v, VECTOR_DB, false, 0);
}

/* Past the instruction, as the processor would: a single step traps here. */
static void retire(struct vcpu *v, unsigned int length)
{
	struct cpu_user_regs *regs = v->regs;

	regs->rip += length;
	regs->rflags &= ~EFLAGS_RF;
	if (unlikely(regs->rflags & EFLAGS_TF))
		trap_step(v);
}

static int fault(struct vcpu *v, uint64_t va, uint32_t error)
{
	if (!v->trap.kernel_mode)
		error |= PF_USER;
	shared_store64(&v->info->arch.cr2, va);
	trap_reflect(v, VECTOR_PF, true, error);
	return -EFAULT;
}

/* By the byte, to know where it faults. */
int emulate_load(struct vcpu *v, uint64_t va, void *to, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		if (guest_copy_from((uint8_t *)to + i, va + i, 1))
			return fault(v, va + i, 0);
	return 0;
}

int emulate_store(struct vcpu *v, uint64_t va, const void *from,
		  unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		if (guest_copy_to(va + i, (const uint8_t *)from + i, 1))
			return fault(v, va + i, PF_WRITE);
	return 0;
}

static void set_edx_eax(struct vcpu *v, uint64_t value)
{
	v->regs->rax = (uint32_t)value;
	v->regs->rdx = value >> 32;
}

/*
 * Until a kernel has a handler for #GP, reading an unknown register gives 0:
 * the interface promises it to kernels that probe early.
 */
static int rdmsr(struct vcpu *v)
{
	uint64_t value = 0;
	int error = trap_msr_read(v, (uint32_t)v->regs->rcx, &value);

	if (error && trap_gate_is_set(&v->trap.gates[VECTOR_GP]))
		return -EPERM;
	set_edx_eax(v, error ? 0 : value);
	return 0;
}

static int wrmsr(struct vcpu *v)
{
	uint64_t value = v->regs->rdx << 32 | (uint32_t)v->regs->rax;

	return trap_msr_write(v, (uint32_t)v->regs->rcx, value) ? -EPERM : 0;
}

static int rdtsc(struct vcpu *v, bool aux)
{
	set_edx_eax(v, arch_tsc());
	if (aux)
		v->regs->rcx = v->trap.tsc_aux;
	return 0;
}

static int invlpg(struct vcpu *v, const struct insn *insn)
{
	struct insn_regs regs;

	insn_regs_load(v, insn, &regs);
	arch_flush_page_local(decode_address(insn, &regs));
	return 0;
}

/* Only those who may write the caches back of the whole machine do it. */
static int wbinvd(struct vcpu *v)
{
	if (v->domain->privileged)
		arch_cache_flush();
	return 0;
}

/*
 * CLI and STI have no effect: a guest masks its events in vcpu_info. They
 * are allowed to whom they would be if they had one.
 */
static int interrupts(struct vcpu *v)
{
	return trap_kernel_has_iopl(v) ? 0 : -EPERM;
}

static int kernel_insn(struct vcpu *v, const struct insn *insn)
{
	switch (insn->op) {
	case INSN_IN:
	case INSN_OUT:
	case INSN_INS:
	case INSN_OUTS:
		return emulate_port(v, insn);
	case INSN_RDMSR:
		return rdmsr(v);
	case INSN_WRMSR:
		return wrmsr(v);
	case INSN_RDTSC:
	case INSN_RDTSCP:
		return rdtsc(v, insn->op == INSN_RDTSCP);
	case INSN_INVLPG:
		return invlpg(v, insn);
	case INSN_WBINVD:
		return wbinvd(v);
	case INSN_CLI:
	case INSN_STI:
		return interrupts(v);
	default:
		return emulate_control(v, insn);
	}
}

static int user_insn(struct vcpu *v, const struct insn *insn)
{
	switch (insn->op) {
	case INSN_IN:
	case INSN_OUT:
	case INSN_INS:
	case INSN_OUTS:
		return emulate_port(v, insn);
	case INSN_SYSENTER:
		v->regs->rip += insn->length;
		trap_sysenter(v);
		return -EFAULT; /* it has been sent elsewhere */
	default:
		return -EPERM;
	}
}

/* What is at RIP but for the bytes to skip there, which count as a part. */
static bool emulate(struct vcpu *v, const struct insn *insn, size_t skip)
{
	uint64_t rip = v->regs->rip;
	int error;

	if (insn->op == INSN_SYSENTER &&
	    !v->trap.callbacks[CALLBACKTYPE_sysenter].address)
		return false;
	v->regs->rip += skip;
	error = v->trap.kernel_mode ? kernel_insn(v, insn) : user_insn(v, insn);
	if (!error)
		retire(v, insn->length);
	if (!error || error == -ERESTART || error == -EFAULT)
		return true;
	v->regs->rip = rip;
	return false;
}

bool trap_emulate_privileged(struct vcpu *v)
{
	struct insn insn;

	return fetch(v, 0, &insn) && emulate(v, &insn, 0);
}

static inline __attribute__((always_inline)) void cpuid(struct vcpu *v,
							size_t length)
{
	struct cpu_user_regs *regs = v->regs;
	uint32_t out[4];

	trap_cpuid(v, (uint32_t)regs->rax, (uint32_t)regs->rcx, out);
	regs->rax = out[0];
	regs->rbx = out[1];
	regs->rcx = out[2];
	regs->rdx = out[3];
	retire(v, (unsigned int)length);
}

/* What is behind the prefix and no CPUID, or one with prefixes of its own. */
static aside bool forced(struct vcpu *v, size_t prefix, const uint8_t *bytes,
			 size_t n)
{
	struct insn insn;

	if (decode_insn(bytes, n, code_width(v), &insn) != DECODE_OK)
		return false;
	if (insn.op != INSN_CPUID)
		return emulate(v, &insn, prefix);
	cpuid(v, prefix + insn.length);
	return true;
}

bool trap_emulate_forced(struct vcpu *v)
{
	uint8_t bytes[INSN_BUFFER];
	size_t n = insn_fetch(v, v->regs->rip, bytes);
	size_t prefix = decode_forced_prefix(bytes, n);
	const uint8_t *insn = bytes + prefix;

	if (likely(!prefix))
		return false;
	if (unlikely(n < prefix + 2 || insn[0] != 0x0f || insn[1] != 0xa2))
		return forced(v, prefix, insn, n - prefix);
	cpuid(v, prefix + 2);
	return true;
}
