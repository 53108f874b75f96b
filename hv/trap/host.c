/* SPDX-License-Identifier: MIT */
/*
 * What the machine's processor can do, asked of it as the need arises: the
 * questions behind CPUID's policy and the guest's control registers.
 */
#include "arch.h"
#include "lib/string.h"
#include "trap/cpuid.h"
#include "trap/emulate.h"
#include "processor.h"
#include "trap/trap.h"

/* A leaf; beyond the last one, where processors differ: zeros. */
static void host_leaf(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
	arch_cpuid(leaf & 0x80000000, 0, out);
	if (out[CPUID_EAX] < leaf)
		memset(out, 0, 4 * sizeof(out[0]));
	else
		arch_cpuid(leaf, subleaf, out);
}

static bool host_has(uint32_t leaf, enum cpuid_register r, unsigned int bit)
{
	uint32_t out[4];

	host_leaf(leaf, 0, out);
	return out[r] >> bit & 1;
}

static bool host_has_fsgsbase(void)
{
	return host_has(7, CPUID_EBX, 0);
}

uint64_t trap_cr4_of_host(void)
{
	return (host_has_fsgsbase() ? CR4_FSGSBASE : 0) |
	       (arch_xcr0_mask() ? CR4_OSXSAVE : 0);
}

static void describe_xstate(struct cpuid_context *c)
{
	uint32_t out[4];

	for (unsigned int i = 2; i < XCR0_COMPONENTS; i++) {
		if (!(c->xcr0_mask >> i & 1))
			continue;
		arch_cpuid(0xd, i, out);
		c->xstate[i].size = out[CPUID_EAX];
		c->xstate[i].offset = out[CPUID_EBX];
		c->xstate[i].aligned = out[CPUID_ECX] >> 1 & 1;
	}
}

static void describe_time(const struct vcpu *v, struct cpuid_context *c)
{
	c->tsc_khz = (uint32_t)(arch_tsc_hz() / 1000);
	c->tsc_mul = shared_load32(&v->info->time.tsc_to_system_mul);
	c->tsc_shift =
		(int8_t)shared_load8((const uint8_t *)&v->info->time.tsc_shift);
	c->invariant_tsc = host_has(0x80000007, CPUID_EDX, 8);
	c->rdtscp = host_has(0x80000001, CPUID_EDX, 27);
}

/*
 * Answers prepared at boot: inside a virtual machine each real CPUID takes
 * thousands of cycles. Constant after that.
 */
static uint32_t basic[0xe][4], extended[0x22][4];
static bool prepared;

static void prepare(uint32_t leaf, uint32_t out[4])
{
	struct cpuid_context c;
	uint32_t raw[4];

	memset(&c, 0, sizeof(c));
	c.privileged = true;
	c.xcr0_mask = arch_xcr0_mask();
	host_leaf(leaf, 0, raw);
	trap_cpuid_mask(leaf, 0, raw, &c, out);
}

void trap_cpuid_prepare(void)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(basic); i++)
		prepare(i, basic[i]);
	for (uint32_t i = 0; i < ARRAY_SIZE(extended); i++)
		prepare(0x80000000U + i, extended[i]);
	prepared = true;
}

#define HAS_SUBLEAVES (1U << 4 | 1U << 7 | 1U << 0xd)

static const uint32_t *answer_of(uint32_t leaf)
{
	if (leaf < ARRAY_SIZE(basic))
		return HAS_SUBLEAVES >> leaf & 1 ? NULL : basic[leaf];
	leaf -= 0x80000000U;
	return leaf < ARRAY_SIZE(extended) ? extended[leaf] : NULL;
}

/* An answer, the machine being asked now. */
static void describe(const struct vcpu *v, uint32_t leaf, uint32_t subleaf,
		     uint32_t out[4])
{
	struct cpuid_context c;
	uint32_t raw[4];

	memset(&c, 0, offsetof(struct cpuid_context, xstate));
	c.vcpu_id = v->id;
	c.privileged = v->domain->privileged;
	c.width = v->domain->width;
	c.xcr0_mask = arch_xcr0_mask();
	c.xcr0 = v->xcr0;
	if (leaf == 7)
		c.fsgsbase = host_has_fsgsbase();
	else if (leaf == 0xd)
		describe_xstate(&c);
	else if (leaf == XEN_CPUID_LEAF(3))
		describe_time(v, &c);
	else if (leaf == XEN_CPUID_LEAF(5)) {
		host_leaf(0x80000008, 0, raw);
		c.address_bits = (uint8_t)raw[CPUID_EAX];
	}
	host_leaf(leaf, subleaf, raw);
	trap_cpuid_mask(leaf, subleaf, raw, &c, out);
}

void trap_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf,
		uint32_t out[4])
{
	const uint32_t *answer = prepared ? answer_of(leaf) : NULL;

	if (unlikely(!answer)) {
		describe(v, leaf, subleaf, out);
		return;
	}
	__builtin_memcpy(out, answer, sizeof(basic[0]));
	if (leaf == 1)
		trap_cpuid_own(v->id, v->domain->privileged, out);
	else if (leaf == 0x80000001)
		trap_cpuid_width(v->domain->width, out);
}
