/* SPDX-License-Identifier: MIT */
/*
 * From CPUID's bits to what we want to know
 *
 * Leaves beyond the highest that the processor has return nonsense (Intel:
 * the contents of the last one), so every leaf goes through ask(), which
 * gives zeros there. Nothing here executes an instruction of interest: tests
 * feed in the tables of processors that we do not own.
 */
#include "x86/features.h"

#include "lib/string.h"

enum { EAX, EBX, ECX, EDX };

struct reader {
	cpuid_fn *cpuid;
	uint32_t max, max_extended;
};

static void ask(const struct reader *r, uint32_t leaf, uint32_t subleaf,
		uint32_t out[4])
{
	uint32_t max = leaf >= 0x80000000 ? r->max_extended : r->max;

	memset(out, 0, 4 * sizeof(out[0]));
	if (leaf <= max)
		r->cpuid(leaf, subleaf, out);
}

static bool bit(uint32_t word, unsigned int n)
{
	return word >> n & 1;
}

static void text(char out[13], uint32_t a, uint32_t b, uint32_t c)
{
	memcpy(out, &a, 4);
	memcpy(out + 4, &b, 4);
	memcpy(out + 8, &c, 4);
	out[12] = 0;
}

static void read_identity(struct cpu_features *f, const struct reader *r)
{
	uint32_t v[4], family, model;

	ask(r, 0, 0, v);
	text(f->vendor, v[EBX], v[EDX], v[ECX]);
	ask(r, 1, 0, v);
	family = v[EAX] >> 8 & 0xf;
	model = v[EAX] >> 4 & 0xf;
	if (family == 6 || family == 15)
		model |= v[EAX] >> 12 & 0xf0;
	if (family == 15)
		family += v[EAX] >> 20 & 0xff;
	f->family = (uint8_t)MIN(family, 255U);
	f->model = (uint8_t)model;
	f->stepping = v[EAX] & 0xf;
	if (bit(v[ECX], 31)) {
		r->cpuid(0x40000000, 0, v);
		text(f->hypervisor, v[EBX], v[ECX], v[EDX]);
	}
	f->tcg = strcmp(f->hypervisor, "TCGTCGTCGTCG") == 0;
}

static void read_basic(struct cpu_features *f, const struct reader *r)
{
	uint32_t v[4];

	ask(r, 1, 0, v);
	f->tsc = bit(v[EDX], 4);
	f->pae = bit(v[EDX], 6);
	f->mce = bit(v[EDX], 7);
	f->apic = bit(v[EDX], 9);
	f->pge = bit(v[EDX], 13);
	f->pat = bit(v[EDX], 16);
	f->fxsr = bit(v[EDX], 24);
	f->sse2 = bit(v[EDX], 26);
	f->cx16 = bit(v[ECX], 13);
	f->x2apic = bit(v[ECX], 21);
	f->tsc_deadline = bit(v[ECX], 24);
	f->xsave = bit(v[ECX], 26);
	f->avx = bit(v[ECX], 28);

	ask(r, 7, 0, v);
	f->fsgsbase = bit(v[EBX], 0);
	f->smep = bit(v[EBX], 7);
	/* each STAC and CLAC ends a block of translated code there */
	f->smap = bit(v[EBX], 20) && !f->tcg;
	f->avx512 = bit(v[EBX], 16);
	f->umip = bit(v[ECX], 2);
	f->rtm = bit(v[EBX], 11);
	f->arch_capabilities = bit(v[EDX], 29);
	f->leaf_7_edx = v[EDX];
	if (v[EAX] >= 2) {
		ask(r, 7, 2, v);
		f->leaf_7_2_edx = v[EDX];
	}
}

bool features_is_amd(const struct cpu_features *f)
{
	return strcmp(f->vendor, "AuthenticAMD") == 0 ||
	       strcmp(f->vendor, "HygonGenuine") == 0;
}

static void read_extended(struct cpu_features *f, const struct reader *r)
{
	uint32_t v[4];

	ask(r, 0x80000001, 0, v);
	f->syscall = bit(v[EDX], 11);
	f->nx = bit(v[EDX], 20);
	f->gbpages = bit(v[EDX], 26);
	f->long_mode = bit(v[EDX], 29);
	ask(r, 0x80000007, 0, v);
	f->invariant_tsc = bit(v[EDX], 8);
	ask(r, 0x80000008, 0, v);
	f->x87_keeps_addresses = features_is_amd(f) && !bit(v[EBX], 2);
	f->leaf_ext8_ebx = v[EBX];
	f->phys_bits = v[EAX] & 0xff;
	f->virt_bits = v[EAX] >> 8 & 0xff;
	if (f->phys_bits < 32 || f->phys_bits > 52)
		f->phys_bits = 36;
	if (f->virt_bits < 48)
		f->virt_bits = 48;
	ask(r, 0x80000021, 0, v);
	f->leaf_ext21_eax = v[EAX];
}

#define XSAVE_FIRST 576 /* x87 and SSE, and the header */
#define XSAVE_LIMIT 8192

/*
 * The components that both we and the processor know, without those that need
 * one that is missing; and how much room they take.
 */
static void read_xsave(struct cpu_features *f, const struct reader *r)
{
	uint32_t v[4], end;

	f->xsave_bytes = 512;
	ask(r, 0xd, 0, v);
	if (!f->xsave || (v[EAX] & 3) != (XCR0_X87 | XCR0_SSE)) {
		f->xsave = f->avx = f->avx512 = false;
		return;
	}
	f->avx = f->avx && (v[EAX] & XCR0_AVX);
	f->avx512 =
		f->avx512 && f->avx && (v[EAX] & XCR0_AVX512) == XCR0_AVX512;
	f->xcr0 = XCR0_X87 | XCR0_SSE | (f->avx ? XCR0_AVX : 0) |
		  (f->avx512 ? XCR0_AVX512 : 0);
	ask(r, 0xd, 1, v);
	f->xsaveopt = bit(v[EAX], 0);
	f->xsave_bytes = XSAVE_FIRST;
	for (uint32_t i = 2; i < 8; i++) {
		if (!(f->xcr0 >> i & 1))
			continue;
		ask(r, 0xd, i, v);
		end = MIN(v[EAX], XSAVE_LIMIT) + MIN(v[EBX], XSAVE_LIMIT);
		f->xsave_bytes = MAX(f->xsave_bytes, end);
	}
}

static void read_tsc(struct cpu_features *f, const struct reader *r)
{
	uint32_t v[4];

	ask(r, 0x15, 0, v);
	if (v[EAX] && v[EBX] && v[ECX])
		f->tsc_hz_exact = (uint64_t)v[ECX] * v[EBX] / v[EAX];
	ask(r, 0x16, 0, v);
	f->tsc_hz_nominal = (v[EAX] & 0xffff) * 1000000UL;
}

void features_read(struct cpu_features *f, cpuid_fn *cpuid)
{
	struct reader r = { .cpuid = cpuid };
	uint32_t v[4];

	memset(f, 0, sizeof(*f));
	cpuid(0, 0, v);
	r.max = v[EAX];
	cpuid(0x80000000, 0, v);
	if (v[EAX] >= 0x80000000)
		r.max_extended = v[EAX];
	read_identity(f, &r);
	read_basic(f, &r);
	read_extended(f, &r);
	read_xsave(f, &r);
	read_tsc(f, &r);
}

const char *features_missing(const struct cpu_features *f)
{
	const struct {
		bool has;
		const char *name;
	} needed[] = {
		{ f->long_mode, "64-bit mode" },
		{ f->nx, "no-execute pages (NX)" },
		{ f->apic, "a local APIC" },
		{ f->syscall, "SYSCALL" },
		{ f->tsc, "a time-stamp counter" },
		{ f->pat, "page attributes (PAT)" },
		{ f->pge, "global pages (PGE)" },
		{ f->fxsr && f->sse2, "SSE2" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!needed[i].has)
			return needed[i].name;
	return NULL;
}

#define RDCL_NO (1UL << 0)

bool features_is_model(const struct cpu_features *f, const uint8_t *models)
{
	if (strcmp(f->vendor, "GenuineIntel") != 0 || f->family != 6)
		return false;
	while (*models && *models != f->model)
		models++;
	return *models;
}

/* Bonnell and Saltwell */
static const uint8_t in_order[] = { 0x1c, 0x26, 0x27, 0x35, 0x36, 0 };

/* Later Atoms, and the Xeon Phis made of them: not the present bit, though
 * some do read our pages (Meltdown) and have no MSR that says anything. */
static const uint8_t checks_present[] = {
	0x37, 0x4a, 0x4d, 0x5a, 0x4c, 0x5d, 0x65, 0x75, /* Silvermont... */
	0x5c, 0x5f, 0x7a,				/* Goldmont */
	0x86, 0x96, 0x9c,				/* Tremont */
	0x57, 0x85, /* Knights Landing, Mill */
	0,
};

bool features_in_order(const struct cpu_features *f)
{
	return features_is_model(f, in_order);
}

bool features_leak_supervisor(const struct cpu_features *f,
			      uint64_t capabilities)
{
	return !features_is_amd(f) && !features_in_order(f) &&
	       !(capabilities & RDCL_NO);
}

bool features_leak_nonpresent(const struct cpu_features *f,
			      uint64_t capabilities)
{
	return features_leak_supervisor(f, capabilities) &&
	       !features_is_model(f, checks_present);
}
