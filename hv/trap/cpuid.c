/* SPDX-License-Identifier: MIT */
/*
 * CPUID as a guest sees it, when it asks through the forced-emulation prefix
 *
 * A table names, for each leaf, the bits of the machine's answer that are
 * good for a guest: instructions that work in ring 3 without help, and what
 * a paravirtual kernel must know. Absent are features that belong to whoever
 * owns the page tables, the interrupts and the MSRs, that is us. Leaves that
 * are not in the table read as zeros. Some fields are then put right: the
 * vcpu's own number, sizes of the extended state that XCR0 allows, and
 * features that depend on it. Leaves 0x40000000 on are the hypervisor's own.
 *
 * What the table says is the most that a guest can have. A domain may be given
 * less (struct domain_cpuid: a line for each line of the table), and other
 * names and sizes than this machine's, as it had them where it came from.
 *
 * The topology shown is the simplest that is true enough: each vcpu is a
 * package with one core and one thread.
 *
 * A plain CPUID cannot be caught; what it shows more is not to be relied on.
 */
#include "abi.h"
#include "arch.h"
#include "errno.h"
#include "lib/string.h"
#include "trap/cpuid.h"
#include "trap/emulate.h"
#include "processor.h"
#include "trap/trap.h"

#define ALL	       UINT32_MAX
#define ANY_SUBLEAF    UINT32_MAX
#define BASIC_LAST     0xdU
#define EXTENDED_FIRST 0x80000000U
#define EXTENDED_LAST  0x80000021U
#define BIT(n)	       (1U << (n))

/* leaf 1, EDX; its lower half also in leaf 0x80000001 of AMD */
#define L1D_FPU	    BIT(0)
#define L1D_DE	    BIT(2)
#define L1D_TSC	    BIT(4)
#define L1D_MSR	    BIT(5)
#define L1D_PAE	    BIT(6)
#define L1D_MCE	    BIT(7)
#define L1D_CX8	    BIT(8)
#define L1D_APIC    BIT(9)
#define L1D_SEP	    BIT(11)
#define L1D_MCA	    BIT(14)
#define L1D_CMOV    BIT(15)
#define L1D_PAT	    BIT(16)
#define L1D_CLFLUSH BIT(19)
#define L1D_ACPI    BIT(22)
#define L1D_MMX	    BIT(23)
#define L1D_FXSR    BIT(24)
#define L1D_SSE	    BIT(25)
#define L1D_SSE2    BIT(26)
#define L1D_SS	    BIT(27)
#define L1D_HTT	    BIT(28)
#define L1D_COMMON                                                            \
	(L1D_FPU | L1D_DE | L1D_TSC | L1D_MSR | L1D_PAE | L1D_MCE | L1D_CX8 | \
	 L1D_APIC | L1D_MCA | L1D_CMOV | L1D_PAT | L1D_MMX | L1D_FXSR)

/* leaf 1, ECX */
#define L1C_FMA	       BIT(12)
#define L1C_XSAVE      BIT(26)
#define L1C_OSXSAVE    BIT(27)
#define L1C_AVX	       BIT(28)
#define L1C_F16C       BIT(29)
#define L1C_HYPERVISOR BIT(31)
/* SSE3 PCLMUL SSSE3 CX16 SSE4.1 SSE4.2 MOVBE POPCNT AES RDRAND */
#define L1C_PLAIN                                                           \
	(BIT(0) | BIT(1) | BIT(9) | BIT(13) | BIT(19) | BIT(20) | BIT(22) | \
	 BIT(23) | BIT(25) | BIT(30))
#define L1C_OF_AVX (L1C_FMA | L1C_AVX | L1C_F16C)

/* leaf 7 */
#define L7B_FSGSBASE BIT(0)
#define L7B_AVX2     BIT(5)
#define L7B_AVX512F  BIT(16)
/* BMI1 FDP_EXCPTN BMI2 ERMS NO_FPU_SEL RDSEED ADX CLFLUSHOPT CLWB SHA */
#define L7B_PLAIN                                                          \
	(BIT(3) | BIT(6) | BIT(8) | BIT(9) | BIT(13) | BIT(18) | BIT(19) | \
	 BIT(23) | BIT(24) | BIT(29))
/* F DQ IFMA PF ER CD BW VL */
#define L7B_OF_AVX512                                                          \
	(BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | \
	 BIT(31))
#define L7C_PLAIN  (BIT(0) | BIT(8) | BIT(25)) /* PREFETCHWT1 GFNI CLDEMOTE */
#define L7C_OF_AVX (BIT(9) | BIT(10))	       /* VAES VPCLMUL */
/* VBMI VBMI2 VNNI BITALG VPOPCNTDQ */
#define L7C_OF_AVX512  (BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14))
#define L7D_PLAIN      (BIT(4) | BIT(10) | BIT(14)) /* FSRM MD_CLEAR SERIALIZE */
#define L7D_OF_AVX512  (BIT(2) | BIT(3) | BIT(8) | BIT(23))
#define L71A_OF_AVX    BIT(4) /* AVX_VNNI */
#define L71A_OF_AVX512 BIT(5) /* BF16 */

/* leaf 0x80000001 */
/* LAHF ABM SSE4A MISALIGNSSE 3DNOWPREFETCH TBM */
#define E1C_PLAIN  (BIT(0) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(21))
#define E1C_OF_AVX (BIT(11) | BIT(16)) /* XOP FMA4 */
/* SYSCALL NX MMXEXT RDTSCP LM 3DNOWEXT 3DNOW */
#define E1D_OWN \
	(BIT(11) | BIT(20) | BIT(22) | BIT(27) | BIT(29) | BIT(30) | BIT(31))

#define LD1_XSAVEOPT_XSAVEC_XGETBV1 7U
#define XCR0_X87_SSE		    3UL
#define XCR0_AVX		    (1UL << 2)
#define XCR0_AVX512		    (7UL << 5)
#define XSAVE_HEADER_END	    576U

/*
 * What a domain's policy may do to each register of a line: f: features, it
 * can take some away; l: the last leaf; m: the machine's is the most; v: any
 * value, within the mask.
 */
static const struct cpuid_line {
	uint32_t leaf, subleaf;
	char kind[4];
	uint32_t keep[4];
} table[] = {
	{ 0, ANY_SUBLEAF, "lvvv", { ALL, ALL, ALL, ALL } },
	{ 1,
	  ANY_SUBLEAF,
	  "vvff",
	  { ALL, 0xffff, L1C_PLAIN | L1C_OF_AVX | L1C_XSAVE,
	    L1D_COMMON | L1D_SEP | L1D_CLFLUSH | L1D_ACPI | L1D_SSE | L1D_SSE2 |
		    L1D_SS | L1D_HTT } },
	{ 2, ANY_SUBLEAF, "vvvv", { ALL, ALL, ALL, ALL } },
	/* caches, without who shares them */
	{ 4, 0, "vvvv", { 0x3fff, ALL, ALL, 7 } },
	{ 4, 1, "vvvv", { 0x3fff, ALL, ALL, 7 } },
	{ 4, 2, "vvvv", { 0x3fff, ALL, ALL, 7 } },
	{ 4, 3, "vvvv", { 0x3fff, ALL, ALL, 7 } },
	{ 7,
	  0,
	  "mfff",
	  { ALL, L7B_PLAIN | L7B_FSGSBASE | L7B_AVX2 | L7B_OF_AVX512,
	    L7C_PLAIN | L7C_OF_AVX | L7C_OF_AVX512,
	    L7D_PLAIN | L7D_OF_AVX512 } },
	{ 7, 1, "ffff", { L71A_OF_AVX | L71A_OF_AVX512, 0, 0, 0 } },
	/* a domain's choice; what else the leaf says follows from XCR0 */
	{ 0xd, 1, "ffff", { LD1_XSAVEOPT_XSAVEC_XGETBV1, 0, 0, 0 } },
	{ EXTENDED_FIRST, ANY_SUBLEAF, "lvvv", { ALL, ALL, ALL, ALL } },
	{ 0x80000001,
	  ANY_SUBLEAF,
	  "vvff",
	  { ALL, ALL, E1C_PLAIN | E1C_OF_AVX, L1D_COMMON | E1D_OWN } },
	{ 0x80000002, ANY_SUBLEAF, "vvvv", { ALL, ALL, ALL, ALL } },
	{ 0x80000003, ANY_SUBLEAF, "vvvv", { ALL, ALL, ALL, ALL } },
	{ 0x80000004, ANY_SUBLEAF, "vvvv", { ALL, ALL, ALL, ALL } },
	{ 0x80000005, ANY_SUBLEAF, "vvvv", { ALL, ALL, ALL, ALL } },
	{ 0x80000006, ANY_SUBLEAF, "vvvv", { ALL, ALL, ALL, ALL } },
	/* invariant TSC */
	{ 0x80000007, ANY_SUBLEAF, "vvvf", { 0, 0, 0, BIT(8) } },
	/* CLZERO RSTR_FP_ERR_PTRS */
	{ 0x80000008, ANY_SUBLEAF, "mfvv", { 0xffff, BIT(0) | BIT(2), 0, 0 } },
	{ 0x8000001a, ANY_SUBLEAF, "ffff", { 7, 0, 0, 0 } },
	/* no nested breakpoints, LFENCE serializes, null selectors clear */
	{ EXTENDED_LAST,
	  ANY_SUBLEAF,
	  "ffff",
	  { BIT(0) | BIT(2) | BIT(6), 0, 0, 0 } },
};
_Static_assert(ARRAY_SIZE(table) == CPUID_LINES, "struct domain_cpuid");

unsigned int trap_cpuid_line(uint32_t leaf, uint32_t subleaf)
{
	unsigned int i;

	for (i = 0; i < CPUID_LINES; i++)
		if (table[i].leaf == leaf && (table[i].subleaf == ANY_SUBLEAF ||
					      table[i].subleaf == subleaf))
			break;
	return i;
}

/* Drops features whose registers XCR0 can never enable. */
static void mask_by_xcr0(uint32_t leaf, uint32_t subleaf,
			 const struct cpuid_context *c, uint32_t out[4])
{
	bool avx = c->xcr0_mask & XCR0_AVX;
	bool avx512 = (c->xcr0_mask & XCR0_AVX512) == XCR0_AVX512;

	if (leaf == 1 && !c->xcr0_mask)
		out[CPUID_ECX] &= ~L1C_XSAVE;
	if (leaf == 1 && !avx)
		out[CPUID_ECX] &= ~L1C_OF_AVX;
	if (leaf == 0x80000001 && !avx)
		out[CPUID_ECX] &= ~E1C_OF_AVX;
	if (leaf != 7)
		return;
	if (subleaf == 1) {
		out[CPUID_EAX] &= ~((avx ? 0 : L71A_OF_AVX) |
				    (avx512 ? 0 : L71A_OF_AVX512));
		return;
	}
	out[CPUID_EBX] &=
		~((avx ? 0 : L7B_AVX2) | (avx512 ? 0 : L7B_OF_AVX512));
	out[CPUID_ECX] &=
		~((avx ? 0 : L7C_OF_AVX) | (avx512 ? 0 : L7C_OF_AVX512));
	out[CPUID_EDX] &= ~(avx512 ? 0 : L7D_OF_AVX512);
}

/* What is of the vcpu rather than of the machine: only in leaf 1. */
void trap_cpuid_own(uint32_t vcpu_id, bool privileged, uint32_t out[4])
{
	/* its APIC id; one thread in this package */
	out[CPUID_EBX] |= vcpu_id * 2 << 24 | 1U << 16;
	if (out[CPUID_ECX] & L1C_XSAVE)
		out[CPUID_ECX] |= L1C_OSXSAVE;
	if (!privileged)
		out[CPUID_EDX] &= ~L1D_ACPI;
}

/* Leaf 0x80000001: there is no 64-bit code for a 32-bit guest. */
void trap_cpuid_width(uint8_t width, uint32_t out[4])
{
	static const uint32_t without[] = {
		[WIDTH_64] = 0, [WIDTH_32] = BIT(29), /* LM */
	};

	out[CPUID_EDX] &= ~without[width];
}

/* What is of a guest rather than of the machine. */
static void put_right(uint32_t leaf, const struct cpuid_context *c,
		      uint32_t out[4])
{
	switch (leaf) {
	case 0:
		out[CPUID_EAX] = MIN(out[CPUID_EAX], BASIC_LAST);
		break;
	case 1:
		out[CPUID_ECX] |= L1C_HYPERVISOR;
		trap_cpuid_own(c->vcpu_id, c->privileged, out);
		break;
	case EXTENDED_FIRST:
		out[CPUID_EAX] = MIN(out[CPUID_EAX], EXTENDED_LAST);
		break;
	case 0x80000001:
		trap_cpuid_width(c->width, out);
		break;
	case 0x80000008:
		/* 48 bits of linear address: no 5-level tables */
		if ((out[CPUID_EAX] >> 8 & 0xff) > 48)
			out[CPUID_EAX] = (out[CPUID_EAX] & 0xff) | 48 << 8;
		break;
	}
}

static void put_right_7(uint32_t subleaf, const struct cpuid_context *c,
			uint32_t out[4])
{
	if (subleaf)
		return;
	out[CPUID_EAX] = MIN(out[CPUID_EAX], 1U);
	if (!c->fsgsbase)
		out[CPUID_EBX] &= ~L7B_FSGSBASE;
}

/* Size of an XSAVE area for these components, in the form that XSAVE has. */
static uint32_t size_standard(const struct cpuid_context *c, uint64_t xcr0)
{
	uint32_t size = XSAVE_HEADER_END;

	for (unsigned int i = 2; i < XCR0_COMPONENTS; i++)
		if (xcr0 >> i & 1)
			size = MAX(size,
				   c->xstate[i].offset + c->xstate[i].size);
	return size;
}

/* The same in the form that XSAVEC has. */
static uint32_t size_compact(const struct cpuid_context *c, uint64_t xcr0)
{
	uint32_t size = XSAVE_HEADER_END;

	for (unsigned int i = 2; i < XCR0_COMPONENTS; i++) {
		if (!(xcr0 >> i & 1))
			continue;
		if (c->xstate[i].aligned)
			size = ROUND_UP(size, 64U);
		size += c->xstate[i].size;
	}
	return size;
}

static void xstate_leaf(uint32_t subleaf, const uint32_t raw[4],
			const struct cpuid_context *c, uint32_t out[4])
{
	uint64_t mask = c->xcr0_mask;

	if (!mask)
		return;
	if (subleaf == 0) {
		out[CPUID_EAX] = (uint32_t)mask;
		out[CPUID_EBX] = size_standard(c, c->xcr0 & mask);
		out[CPUID_ECX] = size_standard(c, mask);
		out[CPUID_EDX] = (uint32_t)(mask >> 32);
	} else if (subleaf == 1) {
		out[CPUID_EAX] = raw[CPUID_EAX] & LD1_XSAVEOPT_XSAVEC_XGETBV1;
		out[CPUID_EBX] = size_compact(c, c->xcr0 & mask);
	} else if (subleaf < XCR0_COMPONENTS && (mask >> subleaf & 1)) {
		out[CPUID_EAX] = raw[CPUID_EAX];
		out[CPUID_EBX] = raw[CPUID_EBX];
		out[CPUID_ECX] = raw[CPUID_ECX] & ~1U;
	}
}

static void time_leaf(uint32_t subleaf, const struct cpuid_context *c,
		      uint32_t out[4])
{
	switch (subleaf) {
	case 0: /* the TSC is the machine's own, as it is */
		out[CPUID_EAX] = (c->invariant_tsc ? BIT(1) : 0) |
				 (c->rdtscp ? BIT(2) : 0);
		out[CPUID_ECX] = c->tsc_khz;
		break;
	case 1:
		out[CPUID_ECX] = c->tsc_mul;
		out[CPUID_EDX] = (uint32_t)c->tsc_shift;
		break;
	case 2:
		out[CPUID_EAX] = c->tsc_khz;
		break;
	}
}

static void hypervisor_leaf(uint32_t leaf, uint32_t subleaf,
			    const struct cpuid_context *c, uint32_t out[4])
{
	switch (leaf - XEN_CPUID_FIRST_LEAF) {
	case 0:
		out[CPUID_EAX] = XEN_CPUID_LEAF(XEN_CPUID_MAX_NUM_LEAVES);
		out[CPUID_EBX] = XEN_CPUID_SIGNATURE_EBX;
		out[CPUID_ECX] = XEN_CPUID_SIGNATURE_ECX;
		out[CPUID_EDX] = XEN_CPUID_SIGNATURE_EDX;
		break;
	case 1:
		out[CPUID_EAX] = ABI_VERSION_MAJOR << 16 | ABI_VERSION_MINOR;
		break;
	case 2:
		out[CPUID_EAX] = 1;		       /* pages of hypercalls */
		out[CPUID_EBX] = XEN_CPUID_FIRST_LEAF; /* first MSR */
		out[CPUID_ECX] = XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD;
		break;
	case 3:
		time_leaf(subleaf, c, out);
		break;
	case 5:
		if (!subleaf)
			out[CPUID_EBX] = c->address_bits;
		break;
	}
}

void trap_cpuid_mask(uint32_t leaf, uint32_t subleaf, const uint32_t raw[4],
		     const struct cpuid_context *c, uint32_t out[4])
{
	unsigned int line;

	memset(out, 0, 4 * sizeof(out[0]));
	if (leaf - XEN_CPUID_FIRST_LEAF <= XEN_CPUID_MAX_NUM_LEAVES) {
		hypervisor_leaf(leaf, subleaf, c, out);
		return;
	}
	if (leaf == 0xd) {
		xstate_leaf(subleaf, raw, c, out);
		return;
	}
	line = trap_cpuid_line(leaf, subleaf);
	if (line == CPUID_LINES)
		return;
	for (unsigned int i = 0; i < 4; i++)
		out[i] = raw[i] & table[line].keep[i];
	mask_by_xcr0(leaf, subleaf, c, out);
	if (leaf == 7)
		put_right_7(subleaf, c, out);
	else
		put_right(leaf, c, out);
}

/* ---- a domain's policy ---- */

static uint32_t *line_of(struct domain_cpuid *p, uint32_t leaf,
			 uint32_t subleaf)
{
	return p->line[trap_cpuid_line(leaf, subleaf)];
}

/* What of XCR0 can be enabled by who sees these features. */
static uint64_t xcr0_of(struct domain_cpuid *p, uint64_t mask)
{
	uint32_t ecx = line_of(p, 1, 0)[CPUID_ECX];
	bool avx512 = line_of(p, 7, 0)[CPUID_EBX] & L7B_AVX512F;

	if (!(ecx & L1C_XSAVE))
		return 0;
	if (!(ecx & L1C_AVX))
		return mask & XCR0_X87_SSE;
	return avx512 ? mask : mask & ~XCR0_AVX512;
}

void trap_cpuid_fit(struct domain_cpuid *p, uint64_t xcr0_mask)
{
	struct cpuid_context c = { .xcr0_mask = xcr0_of(p, xcr0_mask) };

	p->xcr0 = c.xcr0_mask;
	for (unsigned int i = 0; i < CPUID_LINES; i++)
		mask_by_xcr0(table[i].leaf, table[i].subleaf, &c, p->line[i]);
	if (!p->xcr0)
		line_of(p, 0xd, 1)[CPUID_EAX] = 0;
	line_of(p, 1, 0)[CPUID_ECX] |= L1C_HYPERVISOR;
	line_of(p, 1, 0)[CPUID_ECX] &= ~L1C_OSXSAVE;
	line_of(p, 1, 0)[CPUID_EBX] &= 0xffff;
}

/*
 * A guest may come from where there are more extended leaves: beyond ours they
 * say of features what we say of them with zeros.
 */
static uint32_t last_of(unsigned int line)
{
	return table[line].leaf ? EXTENDED_LAST : 0;
}

int trap_cpuid_take(struct domain_cpuid *p, unsigned int line,
		    const uint32_t in[4])
{
	uint32_t *out = p->line[line];
	int lost = 0;

	for (unsigned int i = 0; i < 4; i++) {
		uint32_t wanted = in[i] & table[line].keep[i];

		switch (table[line].kind[i]) {
		case 'l':
			if (wanted > MAX(out[i], last_of(line)))
				return -EINVAL;
			out[i] = MIN(out[i], wanted);
			break;
		case 'm':
			out[i] = MIN(out[i], wanted);
			break;
		case 'f':
			lost |= wanted & ~out[i] ? 1 : 0;
			out[i] &= wanted;
			break;
		default:
			out[i] = wanted;
			break;
		}
	}
	return lost;
}
