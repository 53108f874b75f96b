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

void trap_host_leaf(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
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

	trap_host_leaf(leaf, 0, out);
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
 * What this machine's guests can have at most, prepared at boot: inside a
 * virtual machine each real CPUID takes thousands of cycles. And where a leaf
 * stands in a policy. Constant after that.
 */
static struct domain_cpuid machine;
static uint8_t basic_at[0xe], extended_at[0x22];

/* These are answered anew, or by subleaves. */
#define BY_SUBLEAF (1U << 4 | 1U << 7 | 1U << 0xd)
#define DYNAMIC	   (CPUID_LINES + 1)

static unsigned int line_at(uint32_t leaf, uint32_t subleaf)
{
	if (leaf < ARRAY_SIZE(basic_at)) {
		if (unlikely(BY_SUBLEAF >> leaf & 1))
			return leaf == 0xd ? DYNAMIC
					   : trap_cpuid_line(leaf, subleaf);
		return basic_at[leaf];
	}
	leaf -= 0x80000000U;
	return leaf < ARRAY_SIZE(extended_at) ? extended_at[leaf] : DYNAMIC;
}

/* An answer, the machine being asked now; v: NULL: of no vcpu. */
static void describe(const struct vcpu *v, const struct domain_cpuid *p,
		     uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
	struct cpuid_context c;
	uint32_t raw[4];

	memset(&c, 0, offsetof(struct cpuid_context, xstate));
	c.privileged = true;
	c.xcr0_mask = p->is_set ? p->xcr0 : arch_xcr0_mask();
	if (v) {
		c.vcpu_id = v->id;
		c.privileged = v->domain->privileged;
		c.width = v->domain->width;
		c.xcr0 = v->xcr0;
	}
	if (leaf == 7)
		c.fsgsbase = host_has_fsgsbase();
	else if (leaf == 0xd)
		describe_xstate(&c);
	else if (leaf == XEN_CPUID_LEAF(3) && v)
		describe_time(v, &c);
	else if (leaf == XEN_CPUID_LEAF(5)) {
		trap_host_leaf(0x80000008, 0, raw);
		c.address_bits = (uint8_t)raw[CPUID_EAX];
	}
	trap_host_leaf(leaf, subleaf, raw);
	if (leaf == 0xd && subleaf == 1 && p->is_set)
		raw[CPUID_EAX] &= p->line[trap_cpuid_line(0xd, 1)][CPUID_EAX];
	trap_cpuid_mask(leaf, subleaf, raw, &c, out);
}

static void prepare(uint32_t leaf, uint8_t *at)
{
	static const struct domain_cpuid none;

	unsigned int line = trap_cpuid_line(leaf, 0), last = CPUID_LINES;

	*at = (uint8_t)line;
	for (uint32_t i = leaf == 0xd; i < 4; i++) {
		line = trap_cpuid_line(leaf, i);
		if (line == CPUID_LINES || line == last)
			break;
		describe(NULL, &none, leaf, i, machine.line[line]);
		last = line;
	}
}

void trap_cpuid_prepare(void)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(basic_at); i++)
		prepare(i, &basic_at[i]);
	for (uint32_t i = 0; i < ARRAY_SIZE(extended_at); i++)
		prepare(0x80000000U + i, &extended_at[i]);
	trap_cpuid_fit(&machine, arch_xcr0_mask());
	machine.is_set = true;
}

void trap_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf,
		uint32_t out[4])
{
	const struct domain_cpuid *p = &v->domain->cpuid;
	unsigned int line = p->is_set ? line_at(leaf, subleaf) : DYNAMIC;

	if (unlikely(line == DYNAMIC)) {
		describe(v, p, leaf, subleaf, out);
		return;
	}
	__builtin_memcpy(out, p->line[line], sizeof(p->line[0]));
	if (leaf == 1)
		trap_cpuid_own(v->id, v->domain->privileged, out);
	else if (leaf == 0x80000001)
		trap_cpuid_width(v->domain->width, out);
}

uint64_t trap_xcr0_mask(const struct domain *d)
{
	return d->cpuid.is_set ? d->cpuid.xcr0 : arch_xcr0_mask();
}

/* ---- policies ---- */

const struct domain_cpuid *trap_policy_machine(void)
{
	return &machine;
}

void trap_policy_leaf(const struct domain_cpuid *p, uint32_t leaf,
		      uint32_t subleaf, uint32_t out[4])
{
	unsigned int line = line_at(leaf, subleaf);

	if (line == DYNAMIC)
		describe(NULL, p, leaf, subleaf, out);
	else
		memcpy(out, p->line[line], sizeof(p->line[0]));
}

int trap_policy_take(struct domain_cpuid *p, uint32_t leaf, uint32_t subleaf,
		     const uint32_t in[4])
{
	unsigned int line = trap_cpuid_line(leaf, subleaf);

	if (line == CPUID_LINES)
		return 0;
	memcpy(p->line[line], machine.line[line], sizeof(p->line[line]));
	return trap_cpuid_take(p, line, in);
}

void trap_policy_fit(struct domain_cpuid *p)
{
	trap_cpuid_fit(p, arch_xcr0_mask());
}
