/* SPDX-License-Identifier: MIT */
/*
 * The extended registers of a vcpu that does not run, as a tool saves and
 * restores them: XCR0, all of XCR0 that it ever had, and the area as XSAVE
 * writes it in its standard form.
 *
 * What is restored goes to XRSTOR, which faults on a bad header: a component
 * that the guest cannot have, the compact form, reserved bits. Those are
 * refused; MXCSR's are put right.
 */
#include "arch.h"
#include "lib/string.h"
#include "trap/emulate.h"
#include "trap/trap.h"

#define LEGACY_BYTES 512 /* FXSAVE's */
#define HEADER_BYTES 64
#define AREA_LEAST   (LEGACY_BYTES + HEADER_BYTES)
#define CPUID_XSAVE  0xd
#define X87	     (1UL << 0)
#define SSE	     (1UL << 1)

/* The area, as far as its layout does not depend on the processor. */
struct area {
	union {
		struct {
			uint16_t fcw, fsw;
			uint32_t before_mxcsr[5];
			uint32_t mxcsr, mxcsr_mask;
			uint8_t st[8][16], xmm[16][16];
		};
		uint8_t legacy[LEGACY_BYTES];
	};
	uint64_t present, compact, reserved[6];
};
_Static_assert(offsetof(struct area, mxcsr) == 24, "FXSAVE's form");
_Static_assert(offsetof(struct area, xmm) == 160, "FXSAVE's form");
_Static_assert(sizeof(struct area) == AREA_LEAST, "XSAVE's form");

struct saved {
	uint64_t xcr0, ever;
	struct area area;
};

static uint64_t area_bytes(uint64_t xcr0)
{
	uint64_t bytes = AREA_LEAST;

	for (uint32_t i = 2; i < 63; i++) {
		uint32_t out[4];

		if (!(xcr0 >> i & 1))
			continue;
		arch_cpuid(CPUID_XSAVE, i, out);
		bytes = MAX(bytes, (uint64_t)out[0] + out[1]);
	}
	return bytes;
}

uint64_t trap_xstate_bytes(uint64_t xcr0)
{
	return offsetof(struct saved, area) + area_bytes(xcr0);
}

/* Nothing is left out that it has on: kernels turn on what they use, once. */
uint64_t trap_xstate_get(const struct vcpu *v, void *out)
{
	uint64_t ever = v->xcr0 | X87;
	struct saved *s = out;

	if (!arch_xcr0_mask())
		return 0;
	if (out) {
		memcpy(&s->area, v->xstate, area_bytes(ever));
		s->xcr0 = v->xcr0;
		s->ever = ever;
		s->area.present &= ever;
	}
	return trap_xstate_bytes(ever);
}

static bool header_ok(const struct saved *s)
{
	uint64_t reserved = s->area.compact;

	for (unsigned int i = 0; i < ARRAY_SIZE(s->area.reserved); i++)
		reserved |= s->area.reserved[i];
	return !reserved && !(s->area.present & ~s->ever);
}

int trap_xstate_set(struct vcpu *v, const void *from, uint64_t bytes)
{
	uint64_t mask = trap_xcr0_mask(v->domain);
	const struct saved *s = from;
	struct area *area = v->xstate;

	if (bytes < sizeof(*s) || !xcr0_is_valid(s->ever, mask) ||
	    !xcr0_is_valid(s->xcr0, s->ever) ||
	    bytes != trap_xstate_bytes(s->ever) || !header_ok(s))
		return -EINVAL;
	memset(area, 0, area_bytes(arch_xcr0_mask()));
	memcpy(area, &s->area, area_bytes(s->ever));
	area->mxcsr &= MXCSR_VALID;
	v->xcr0 = s->xcr0;
	return 0;
}

/* Where the processor leaves out what is as after a reset, it is that. */
void trap_fpu_get(const struct vcpu *v, void *legacy)
{
	const struct area *area = v->xstate;
	struct area out;

	memcpy(&out, area->legacy, LEGACY_BYTES);
	if (arch_xcr0_mask() && !(area->present & X87)) {
		memset(&out, 0, offsetof(struct area, mxcsr));
		memset(out.st, 0, sizeof(out.st));
		out.fcw = 0x37f;
	}
	if (arch_xcr0_mask() && !(area->present & SSE))
		memset(out.xmm, 0, sizeof(out.xmm));
	memcpy(legacy, &out, LEGACY_BYTES);
}

void trap_fpu_set(struct vcpu *v, const void *legacy)
{
	struct area *area = v->xstate;

	memcpy(area->legacy, legacy, LEGACY_BYTES);
	area->mxcsr &= MXCSR_VALID;
	if (arch_xcr0_mask())
		area->present |= X87 | SSE;
}
