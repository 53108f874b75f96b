/* SPDX-License-Identifier: MIT */
/*
 * Every reference and every use has somebody who holds it. The oracle goes
 * to all who may hold one, adds up, and compares with the count words:
 *
 *   the owner            one reference while OWNED is set
 *   an L1 entry          a reference; if writable, a use as WRITABLE
 *   an L2-L4 entry       a reference and a use as the level below
 *   a pin                a reference and a use as the frame's type
 *   a partial table      a reference and a use of its own; of its entries
 *                        only those below progress count
 *   a root               a reference and a use as L4
 *   a GDT or LDT page    a reference and a use as SEGDESC
 *   a shared frame       a use as WRITABLE, under the owner's reference
 *   vcpu_info elsewhere  a reference and a use as WRITABLE
 *   event words, control the same
 *   bits for PIRQ EOIs   the same
 *   a loan               a reference; if for writing, a use as WRITABLE
 *   a device             a reference and a use of its own, for ever
 *   the console's page   the same, of a directly booted guest
 *   an interrupted drop  a reference (mm/state.h: orphan, teardown_at)
 *
 * What is left over is a leak, what is missing is a use after free to come.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"
#include "parts.h"

#define EXTRA_MAX 64

static char report[16384];
static size_t report_used;
static unsigned int faults;

static struct {
	uint64_t mfn;
	unsigned int refs, type, uses;
} extra[EXTRA_MAX];
static unsigned int nr_extra;

void oracle_fault(const char *fmt, ...)
{
	size_t room = sizeof(report) - report_used;
	va_list args;
	int n;

	faults++;
	va_start(args, fmt);
	n = vsnprintf(report + report_used, room, fmt, args);
	va_end(args);
	if ((size_t)n + 2 > room)
		return;
	report_used += (size_t)n;
	report[report_used++] = '\n';
	report[report_used] = '\0';
}

const char *oracle_report(void)
{
	return report;
}

void oracle_expect(uint64_t mfn, unsigned int refs, unsigned int type,
		   unsigned int uses)
{
	if (nr_extra == EXTRA_MAX)
		host_fail("oracle: too many expectations");
	extra[nr_extra].mfn = mfn;
	extra[nr_extra].refs = refs;
	extra[nr_extra].type = type;
	extra[nr_extra++].uses = uses;
}

void oracle_forget(void)
{
	nr_extra = 0;
}

/* One reference and one use, held by somebody who points to the frame. */
static void hold(struct expected *e, const struct frame *f, enum frame_type t,
		 const char *who)
{
	uint64_t m = frame_mfn(f).v;

	if (m >= frame_limit) {
		oracle_fault("%s points beyond the frame table", who);
		return;
	}
	e[m].refs++;
	if (t != FRAME_NONE)
		e[m].uses[t]++;
}

/* A page of a guest's that the hypervisor writes. */
static void hold_page(struct expected *e, const void *p, const char *who)
{
	hold(e, frame_of(arch_frame_of_ptr(p)), FRAME_WRITABLE, who);
}

static void vcpu_holds(struct expected *e, const struct vcpu *v)
{
	bool narrow = v->domain->width == WIDTH_32;
	enum frame_type root = narrow ? FRAME_L3_ROOT : FRAME_L4;

	if (v->mm.root_kernel)
		hold(e, v->mm.root_kernel, root, "a kernel root");
	if (v->mm.root_user && !narrow)
		hold(e, v->mm.root_user, root, "a user root");
	if (narrow && v->mm.root_user != v->mm.root_kernel)
		oracle_fault("a 32-bit vcpu has two roots");
	for (unsigned int i = 0; i < GDT_GUEST_PAGES; i++)
		if (v->mm.gdt[i])
			hold(e, v->mm.gdt[i], FRAME_SEGDESC, "a GDT");
	for (unsigned int i = 0; i < LDT_PAGES; i++)
		if (v->mm.ldt[i])
			hold(e, v->mm.ldt[i], FRAME_SEGDESC, "an LDT");
	if (v->info_frame)
		hold(e, v->info_frame, FRAME_WRITABLE, "vcpu_info");
	if (v->event.control)
		hold_page(e, v->event.control, "a control block");
}

static void domain_holds(struct expected *e, const struct domain *d)
{
	const struct event_fifo *fifo = d->event.fifo;

	for (uint32_t i = 0; i < d->max_vcpus; i++)
		if (d->vcpu[i])
			vcpu_holds(e, d->vcpu[i]);
	for (uint32_t i = 0; fifo && i < atomic32_load(&fifo->nr_pages); i++)
		hold_page(e, fifo->page[i], "an event array");
	if (d->irqs.eoi_bits)
		hold_page(e, d->irqs.eoi_bits, "bits for PIRQ EOIs");
	if (d->console.ring)
		hold_page(e, d->console.ring, "a console");
	if (d->mm.orphan)
		hold(e, d->mm.orphan, FRAME_NONE, "an orphan");
	if (d->mm.teardown_at)
		hold(e, d->mm.teardown_at, FRAME_NONE, "the teardown");
}

/* What the flags of the count words themselves stand for. */
static void flags_hold(struct expected *e, const struct frame *f)
{
	uint64_t type = f->type.v;
	enum frame_type t = oracle_type(f);

	if (f->refs.v & FRAME_OWNED)
		e->refs++;
	if (f->refs.v & FRAME_SHARED)
		e->uses[FRAME_WRITABLE]++;
	if (type & FRAME_PINNED) {
		e->refs++;
		e->uses[t]++;
	}
	if (type & FRAME_PARTIAL) {
		e->refs++;
		e->uses[t]++;
	}
}

static void flags_agree(uint64_t m, const struct frame *f)
{
	enum frame_type t = oracle_type(f);
	uint64_t w = f->type.v, uses = oracle_count(w);
	bool contents = oracle_is_table(t) || t == FRAME_SEGDESC;

	if (t > FRAME_SEGDESC && !oracle_is_table(t))
		oracle_fault("frame %#lx: type %u does not exist", m, t);
	if (contents && uses && !(w & (FRAME_VALIDATED | FRAME_PARTIAL)))
		oracle_fault("frame %#lx: in use as %u, neither validated nor "
			     "partial, and nobody is at it",
			     m, t);
	if ((!contents || !uses) &&
	    (w & (FRAME_VALIDATED | FRAME_PARTIAL | FRAME_PINNED)))
		oracle_fault("frame %#lx: flags %#lx without a use", m, w);
	if ((w & FRAME_VALIDATED) && (w & FRAME_PARTIAL))
		oracle_fault("frame %#lx: validated and partial", m);
	if ((w & FRAME_PARTIAL) && uses != 1)
		oracle_fault("frame %#lx: partial with %lu uses", m, uses);
	if (!oracle_allocated(f) && uses)
		oracle_fault("frame %#lx: free, with %lu uses", m, uses);
}

/* The hypervisor's own frames: one reference, nobody else's. */
static bool is_own(const struct frame *f)
{
	return oracle_allocated(f) && f->owner == DOMID_XEN;
}

static void compare(uint64_t m, const struct expected *e)
{
	const struct frame *f = frame_of(mfn(m));
	uint64_t refs = oracle_count(f->refs.v), uses = oracle_count(f->type.v);
	enum frame_type t = oracle_type(f);
	uint64_t want = e->refs + is_own(f);

	flags_agree(m, f);
	if (refs != want)
		oracle_fault("frame %#lx of dom%u, type %u: %lu references "
			     "expected, %lu found",
			     m, f->owner, t, want, refs);
	if (t <= FRAME_L3_ROOT && uses != e->uses[t])
		oracle_fault("frame %#lx of dom%u: %lu uses as %u expected, "
			     "%lu found",
			     m, f->owner, e->uses[t], t, uses);
	for (unsigned int i = FRAME_WRITABLE; i <= FRAME_L3_ROOT; i++)
		if (i != t && e->uses[i])
			oracle_fault("frame %#lx of dom%u has type %u and %lu "
				     "uses as %u",
				     m, f->owner, t, e->uses[i], i);
	if (host_m2p32[m] != (uint32_t)host_m2p[m])
		oracle_fault("frame %#lx: its place is %#lx, for 32-bit guests "
			     "%#x",
			     m, host_m2p[m], host_m2p32[m]);
	if (refs && f->owner != DOMID_XEN && !domain_find(f->owner))
		oracle_fault("frame %#lx: owner dom%u does not exist", m,
			     f->owner);
}

/* What is no RAM has one reference and one use more than its entries. */
static void compare_device(uint64_t m, const struct expected *e)
{
	const struct frame *f = frame_of(mfn(m));

	if (f->owner != DOMID_IO || oracle_count(f->refs.v) != e->refs + 1 ||
	    oracle_type(f) != FRAME_WRITABLE ||
	    oracle_count(f->type.v) != e->uses[FRAME_WRITABLE] + 1)
		oracle_fault("device %#lx, mapped %lu times, %lu for "
			     "writing: words %#lx, %#lx",
			     m, e->refs, e->uses[FRAME_WRITABLE], f->refs.v,
			     f->type.v);
}

unsigned int oracle_check(void)
{
	struct expected *e = calloc(ARCH_FRAMES, sizeof(*e));
	bool yields = host_yields;
	uint64_t m;

	if (!e)
		host_fail("oracle: no memory");
	host_yields = false;
	faults = 0;
	report_used = 0;
	report[0] = '\0';
	for (m = HOST_RESERVED_FRAMES; m < frame_limit; m++)
		flags_hold(&e[m], frame_of(mfn(m)));
	for (unsigned int i = 0; i < nr_extra; i++) {
		e[extra[i].mfn].refs += extra[i].refs;
		e[extra[i].mfn].uses[extra[i].type] += extra[i].uses;
	}
	for (struct domain *d = domain_next(-1); d; d = domain_next(d->id)) {
		domain_holds(e, d);
		oracle_shadow(d);
		oracle_grants(e, d);
	}
	oracle_tables(e);
	oracle_lists(e);
	for (m = HOST_RESERVED_FRAMES; m < frame_limit; m++)
		compare(m, &e[m]);
	compare_device(0, &e[0]);
	for (m = frame_limit; m < ARCH_FRAMES; m++)
		compare_device(m, &e[m]);
	oracle_cached();
	free(e);
	host_yields = yields;
	return faults;
}
