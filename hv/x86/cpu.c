/* SPDX-License-Identifier: MIT */
/*
 * The processor: what it can do, and how we set it up
 *
 * CR4 has all that we use from the start and nothing that guests must not
 * see. The PAT has the layout that the guests' interface names (write
 * combining at 4, write protected at 5): a guest's page-table entries are
 * used as they are.
 */
#include "x86/cpu.h"

#include "arch.h"
#include "errno.h"
#include "frame/frame.h"
#include "log/log.h"
#include "pte.h"
#include "x86/msr.h"
#include "x86/port.h"

#define PAT_LAYOUT 0x050100070406UL

struct cpu_features cpu_features;
uint64_t cpu_capabilities;

/* Answers of functions that page-table code asks often. */
static bool leaks_nonpresent;

void arch_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]),
			   "=d"(out[3])
			 : "a"(leaf), "c"(subleaf));
}

/* The trap handler goes on at label 2 when the instruction at 1 faults. */
#define FIXUP                               \
	".pushsection .ex_table, \"a\"\n\t" \
	".quad 1b, 2b\n\t"                  \
	".popsection"

int arch_msr_read(uint32_t msr, uint64_t *value)
{
	uint32_t lo = 0, hi = 0;
	int err = -EFAULT;

	__asm__ volatile("1: rdmsr\n\t"
			 "xorl %0, %0\n"
			 "2:\n\t" FIXUP
			 : "+r"(err), "+a"(lo), "+d"(hi)
			 : "c"(msr)
			 : "memory");
	*value = (uint64_t)hi << 32 | lo;
	return err;
}

int arch_msr_write(uint32_t msr, uint64_t value)
{
	int err = -EFAULT;

	__asm__ volatile("1: wrmsr\n\t"
			 "xorl %0, %0\n"
			 "2:\n\t" FIXUP
			 : "+r"(err)
			 : "c"(msr), "a"((uint32_t)value),
			   "d"((uint32_t)(value >> 32))
			 : "memory");
	return err;
}

uint32_t arch_port_read(uint16_t port, unsigned int bytes)
{
	if (bytes == 1)
		return port_in8(port);
	return bytes == 2 ? port_in16(port) : port_in32(port);
}

void arch_port_write(uint16_t port, unsigned int bytes, uint32_t value)
{
	if (bytes == 1)
		port_out8(port, (uint8_t)value);
	else if (bytes == 2)
		port_out16(port, (uint16_t)value);
	else
		port_out32(port, value);
}

void arch_cache_flush(void)
{
	__asm__ volatile("wbinvd" : : : "memory");
}

uint64_t arch_pte_reserved;

bool arch_leaks_nonpresent(void)
{
	return leaks_nonpresent;
}

uint64_t arch_xcr0_mask(void)
{
	return cpu_features.xcr0;
}

uint64_t cpu_cr4(void)
{
	const struct cpu_features *f = &cpu_features;

	return CR4_PAE | CR4_DE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT |
	       (f->mce ? CR4_MCE : 0) | (f->fsgsbase ? CR4_FSGSBASE : 0) |
	       (f->xsave ? CR4_OSXSAVE : 0) | (f->smep ? CR4_SMEP : 0) |
	       (f->smap ? CR4_SMAP : 0);
}

void cpu_detect(void)
{
	struct cpu_features *f = &cpu_features;
	const char *missing;

	features_read(f, arch_cpuid);
	missing = features_missing(f);
	if (missing) {
		log_error("This processor lacks %s, which Lodge needs.",
			  missing);
		arch_panic();
	}
	if (f->arch_capabilities &&
	    arch_msr_read(MSR_ARCH_CAPABILITIES, &cpu_capabilities) != 0)
		cpu_capabilities = 0;
	leaks_nonpresent = features_leak_nonpresent(f, cpu_capabilities);
	arch_pte_reserved = (PTE_ADDR & ~((1UL << f->phys_bits) - 1)) |
			    (f->nx ? 0 : PTE_NX);
	if (!f->cx16)
		frame_several = 0;
	log_info("CPU: %s family %u model %#x, %u address bits%s%s", f->vendor,
		 f->family, f->model, f->phys_bits, f->tcg ? ", TCG" : "",
		 leaks_nonpresent ? ", L1TF" : "");
}

void cpu_init(void)
{
	cr0_write(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE);
	cr4_write(cpu_cr4());
	msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_SCE | EFER_NXE);
	if (cpu_features.xsave)
		xcr0_write(cpu_features.xcr0);
	/* only what no table uses yet changes; the flush makes it certain */
	msr_write(MSR_PAT, PAT_LAYOUT);
	cr3_write(cr3_read());
}
