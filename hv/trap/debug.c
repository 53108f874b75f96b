/* SPDX-License-Identifier: MIT */
/*
 * The guest's debug registers. What is written goes to the processor, so it
 * is checked: a breakpoint in our own range would fire in the middle of us,
 * and general detect would turn our own use of the registers into a trap.
 */
#include "arch.h"
#include "processor.h"
#include "trap/trap.h"

#define DR6_ZERO	    (1UL << 12)
#define DR7_ZERO	    0xd800UL /* bits 11, 12, 14, 15 */
#define DR7_RW(dr7, n)	    ((dr7) >> (16 + 4 * (n)) & 3)
#define DR7_LEN(dr7, n)	    ((dr7) >> (18 + 4 * (n)) & 3)
#define DR7_ENABLED(dr7, n) ((dr7) >> (2 * (n)) & 3)
#define DR7_RW_IO	    2U
#define DR7_RW_FETCH	    0U

static bool breakpoint_ok(uint64_t va)
{
	return address_is_canonical(va) &&
	       (va < ABI_HV_START || va >= ABI_HV_END);
}

/* DR7: fetches have length 0, ports need CR4.DE. */
static bool control_ok(uint64_t dr7, uint64_t cr4)
{
	for (unsigned int n = 0; n < 4; n++) {
		if (!DR7_ENABLED(dr7, n))
			continue;
		if (DR7_RW(dr7, n) == DR7_RW_IO && !(cr4 & CR4_DE))
			return false;
		if (DR7_RW(dr7, n) == DR7_RW_FETCH && DR7_LEN(dr7, n))
			return false;
	}
	return true;
}

int trap_debugreg_check(unsigned int n, uint64_t cr4, uint64_t *value)
{
	if (n < 4)
		return breakpoint_ok(*value) ? 0 : -EPERM;
	if (n != 6 && n != 7)
		return -ENODEV;
	if (*value >> 32)
		return -EINVAL;
	if (n == 6) {
		*value = (*value | DR6_INIT) & ~DR6_ZERO;
		return 0;
	}
	*value = (*value | DR7_INIT) & ~DR7_ZERO;
	if (*value & DR7_GENERAL_DETECT || !control_ok(*value, cr4))
		return -EPERM;
	return 0;
}

/* 4 and 5 are other names of 6 and 7, unless CR4.DE takes them away. */
static unsigned int real_number(const struct vcpu *v, unsigned int n)
{
	if ((n == 4 || n == 5) && !(v->trap.cr4 & CR4_DE))
		return n + 2;
	return n;
}

int trap_debugreg_set(struct vcpu *v, unsigned int n, uint64_t value)
{
	int error;

	n = real_number(v, n);
	error = trap_debugreg_check(n, v->trap.cr4, &value);
	if (error)
		return error;
	v->trap.debugreg[n] = value;
	/* Addresses are not loaded for a vcpu that has them switched off: what
	 * is in the processor may be another guest's. */
	for (unsigned int i = 0; n == 7 && i < 4; i++)
		arch_debugreg_load(i, v->trap.debugreg[i]);
	arch_debugreg_load(n, value);
	return 0;
}

int trap_debugreg_get(struct vcpu *v, unsigned int n, uint64_t *value)
{
	n = real_number(v, n);
	if (n > 7 || n == 4 || n == 5)
		return -ENODEV;
	*value = v->trap.debugreg[n];
	return 0;
}
