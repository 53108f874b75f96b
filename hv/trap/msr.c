/* SPDX-License-Identifier: MIT */
/*
 * Model-specific registers as the guest's kernel sees them
 *
 * A closed list. Each line says how a register reads and what happens to a
 * write; what is not on it is a #GP, for which kernels are prepared. Nothing
 * that a guest writes reaches the processor but segment bases and TSC_AUX,
 * which belong to the vcpu.
 */
#include "arch.h"
#include "processor.h"
#include "trap/trap.h"

#define MSR_TSC		   0x10
#define MSR_PLATFORM_ID	   0x17
#define MSR_APIC_BASE	   0x1b
#define MSR_UCODE_REV	   0x8b
#define MSR_MCG_CAP	   0x179
#define MSR_MCG_STATUS	   0x17a
#define MSR_MISC_ENABLE	   0x1a0
#define MSR_PAT		   0x277
#define MSR_EFER	   0xc0000080
#define MSR_FS_BASE	   0xc0000100
#define MSR_GS_BASE	   0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX	   TRAP_MSR_TSC_AUX
#define MSR_PERF_CTL0	   0xc0010000
#define MSR_PERF_CTR3	   0xc0010007
#define MSR_HWCR	   0xc0010015
#define MSR_INT_PENDING	   0xc0010055
#define MSR_DE_CFG	   0xc0011029

#define APIC_BASE_ENABLED 0xfee00800UL
#define APIC_BASE_BSP	  0x100UL
#define PAT_SHOWN	  0x0000050100070406UL
#define EFER_SHOWN	  0xd01UL     /* NXE LMA LME SCE */
#define HWCR_SHOWN	  (1UL << 24) /* the TSC counts at the P0 rate */
#define DE_CFG_SHOWN	  (1UL << 1)  /* LFENCE waits */

enum msr_kind {
	MSR_CONSTANT, /* reads value; writes of the same are taken */
	MSR_IGNORED,  /* reads value; writes vanish */
	MSR_HOST,     /* reads the machine's, masked by value, else 0; writes
		       * of the same are taken */
	MSR_HOST_IGNORED, /* the same; writes vanish */
	MSR_BASE,	  /* a segment's; value: SEGBASE_* */
	MSR_OWN,	  /* by a function below */
};

enum msr_vendor {
	ANY,
	INTEL,
	AMD,
};

static const struct msr_rule {
	uint32_t first, last;
	uint8_t kind;
	uint8_t vendor;
	uint64_t value;
} rules[] = {
	{ MSR_TSC, MSR_TSC, MSR_OWN, ANY, 0 },
	{ MSR_PLATFORM_ID, MSR_PLATFORM_ID, MSR_HOST, INTEL, ~0UL },
	{ MSR_APIC_BASE, MSR_APIC_BASE, MSR_OWN, ANY, 0 },
	{ MSR_UCODE_REV, MSR_UCODE_REV, MSR_HOST_IGNORED, ANY, ~0UL },
	/* no banks: a guest has no machine checks to handle */
	{ MSR_MCG_CAP, MSR_MCG_STATUS, MSR_CONSTANT, ANY, 0 },
	{ MSR_MISC_ENABLE, MSR_MISC_ENABLE, MSR_HOST, INTEL, ~0UL },
	{ MSR_PAT, MSR_PAT, MSR_CONSTANT, ANY, PAT_SHOWN },
	{ MSR_EFER, MSR_EFER, MSR_HOST, ANY, EFER_SHOWN },
	{ MSR_FS_BASE, MSR_FS_BASE, MSR_BASE, ANY, SEGBASE_FS },
	{ MSR_GS_BASE, MSR_GS_BASE, MSR_BASE, ANY, SEGBASE_GS_KERNEL },
	{ MSR_KERNEL_GS_BASE, MSR_KERNEL_GS_BASE, MSR_BASE, ANY,
	  SEGBASE_GS_USER },
	{ MSR_TSC_AUX, MSR_TSC_AUX, MSR_OWN, ANY, 0 },
	{ MSR_PERF_CTL0, MSR_PERF_CTR3, MSR_IGNORED, AMD, 0 },
	{ MSR_HWCR, MSR_HWCR, MSR_HOST_IGNORED, AMD, HWCR_SHOWN },
	{ MSR_INT_PENDING, MSR_INT_PENDING, MSR_CONSTANT, AMD, 0 },
	{ MSR_DE_CFG, MSR_DE_CFG, MSR_HOST_IGNORED, AMD, DE_CFG_SHOWN },
};

#define VENDOR_INTEL_EBX 0x756e6547 /* "Genu" */
#define VENDOR_AMD_EBX	 0x68747541 /* "Auth" */
#define VENDOR_HYGON_EBX 0x6f677948 /* "Hygo" */

static bool vendor_is(uint8_t vendor)
{
	uint32_t out[4];

	if (vendor == ANY)
		return true;
	arch_cpuid(0, 0, out);
	if (vendor == INTEL)
		return out[1] == VENDOR_INTEL_EBX;
	return out[1] == VENDOR_AMD_EBX || out[1] == VENDOR_HYGON_EBX;
}

static const struct msr_rule *rule_of(uint32_t msr)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (msr >= rules[i].first && msr <= rules[i].last)
			return vendor_is(rules[i].vendor) ? &rules[i] : NULL;
	return NULL;
}

static uint64_t host_value(uint32_t msr, uint64_t mask)
{
	uint64_t value = 0;

	if (arch_msr_read(msr, &value))
		return 0;
	return value & mask;
}

static uint64_t own_value(const struct vcpu *v, uint32_t msr)
{
	switch (msr) {
	case MSR_TSC:
		return arch_tsc();
	case MSR_APIC_BASE:
		return APIC_BASE_ENABLED | (v->id ? 0 : APIC_BASE_BSP);
	default:
		return v->trap.tsc_aux;
	}
}

static uint64_t read_by(struct vcpu *v, uint32_t msr, const struct msr_rule *r)
{
	switch (r->kind) {
	case MSR_HOST:
	case MSR_HOST_IGNORED:
		return host_value(msr, r->value);
	case MSR_BASE:
		return arch_segment_base_get(v, (unsigned int)r->value);
	case MSR_OWN:
		return own_value(v, msr);
	default:
		return r->value;
	}
}

int trap_msr_read(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	const struct msr_rule *r;

	/* At every context switch of a Linux guest: not through the list. */
	if (msr == MSR_KERNEL_GS_BASE) {
		*value = arch_segment_base_get(v, SEGBASE_GS_USER);
		return 0;
	}
	r = rule_of(msr);
	if (!r && !v->domain->msr_relaxed)
		return -EFAULT;
	*value = r ? read_by(v, msr, r) : 0;
	return 0;
}

/* TSC_AUX is the vcpu's; RDTSCP and RDPID show it to everybody. */
static int tsc_aux_write(struct vcpu *v, uint64_t value)
{
	if (value >> 32 || arch_msr_write(MSR_TSC_AUX, value))
		return -EFAULT;
	v->trap.tsc_aux = value;
	return 0;
}

int trap_tsc_aux_set(struct vcpu *v, uint64_t value)
{
	if (value >> 32)
		return -EINVAL;
	v->trap.tsc_aux = value;
	return 0;
}

static int own_write(struct vcpu *v, uint32_t msr, uint64_t value)
{
	switch (msr) {
	case MSR_TSC_AUX:
		return tsc_aux_write(v, value);
	case MSR_APIC_BASE:
		return value == own_value(v, msr) ? 0 : -EFAULT;
	default:
		return -EFAULT;
	}
}

int trap_msr_write(struct vcpu *v, uint32_t msr, uint64_t value)
{
	const struct msr_rule *r = rule_of(msr);

	if (!r)
		return v->domain->msr_relaxed ? 0 : -EFAULT;
	switch (r->kind) {
	case MSR_IGNORED:
	case MSR_HOST_IGNORED:
		return 0;
	case MSR_BASE:
		if (!address_is_canonical(value))
			return -EFAULT;
		arch_segment_base_set(v, (unsigned int)r->value, value);
		return 0;
	case MSR_OWN:
		return own_write(v, msr, value);
	default:
		return value == read_by(v, msr, r) ? 0 : -EFAULT;
	}
}
