/* SPDX-License-Identifier: MIT */
/*
 * What was chosen against leaks by speculation (speculation_choose.c) is put
 * in force: registers are set, and the sequences of guard.S are let into the
 * entry text.
 *
 * The command line may ask for what the processor does not have. Each register
 * is tried first: where it faults, what needs it is taken back with a line in
 * the log, and nothing of it is ever executed.
 */
#include "x86/speculation.h"

#include "arch.h"
#include "domain/domain.h"
#include "log/log.h"
#include "x86/cpu.h"
#include "x86/entry.h"
#include "x86/msr.h"
#include "x86/patch.h"

/* As guard.S has them. */
struct guard_values {
	uint32_t ctrl_hv, ctrl_guest;
	uint32_t history_calls, history_branches;
};

static struct speculation chosen;

void speculation_prepare(const struct spec_options *o)
{
	chosen = speculation_choose(&cpu_features, cpu_capabilities, o);
}

bool arch_separates_roots(bool privileged)
{
	return privileged ? chosen.separate_dom0 : chosen.separate_domu;
}

static bool works(bool wanted, uint32_t msr, uint64_t value, const char *name)
{
	if (!wanted || arch_msr_write(msr, value) == 0)
		return wanted;
	log_warn("speculation: this processor has no %s: done without", name);
	return false;
}

static void registers_try(struct speculation *s)
{
	bool ibpb =
		works(s->ibpb_entry || s->ibpb_switch, MSR_PRED_CMD, 1, "IBPB");

	s->ibpb_entry = s->ibpb_entry && ibpb;
	s->ibpb_switch = s->ibpb_switch && ibpb;
	s->l1d_flush = works(s->l1d_flush, MSR_FLUSH_CMD, 1, "L1D_FLUSH");
	s->ctrl = works(s->ctrl, MSR_SPEC_CTRL, s->ctrl_hv, "SPEC_CTRL");
	if (!s->ctrl) {
		s->ctrl_switch = false;
		s->ctrl_hv = s->ctrl_guest = 0;
	}
	s->auto_ibrs = works(s->auto_ibrs, MSR_EFER,
			     msr_read(MSR_EFER) | EFER_AUTO_IBRS, "AutoIBRS");
}

static uint32_t kind(bool wanted, unsigned int patch)
{
	return wanted ? 1U << patch : 0;
}

static void text_patch(const struct speculation *s)
{
	struct guard_values *values = patch_writable(entry_points.guard_values);
	uint32_t guards =
		kind(s->separate_dom0 || s->separate_domu, PATCH_ROOTS) |
		kind(s->rsb, PATCH_RSB) |
		kind(s->rsb && s->rsb_deep, PATCH_RSB_MORE) |
		kind(s->ibpb_entry || s->bhb || s->ctrl_switch,
		     PATCH_PREDICTORS) |
		kind(s->ibpb_entry, PATCH_IBPB) | kind(s->bhb, PATCH_BHB) |
		kind(s->ctrl_switch, PATCH_CTRL) |
		kind(s->ctrl_switch || s->verw, PATCH_LEAVING) |
		kind(s->verw, PATCH_VERW);

	values->ctrl_hv = s->ctrl_hv;
	values->ctrl_guest = s->ctrl_guest;
	values->history_calls = s->bhb_deep ? 12 : 5;
	values->history_branches = s->bhb_deep ? 7 : 5;
	patch_apply(guards | kind(guards, PATCH_GUARD) |
		    kind(cpu_features.smap, PATCH_STAC) |
		    kind(cpu_features.smap, PATCH_CLAC));
}

void speculation_init(void)
{
	char text[256];

	registers_try(&chosen);
	text_patch(&chosen);
	speculation_describe(&chosen, text, sizeof(text));
	log_info("Against speculation: %s", text);
}

/* Who ran last on each CPU; ids are given again, times are not. */
static struct {
	uint64_t created_ns;
	uint32_t id;
} last[MAX_CPUS];

void speculation_domain_comes(const struct domain *d)
{
	unsigned int cpu = this_cpu()->id;

	if (likely(!chosen.ibpb_switch && !chosen.l1d_flush))
		return;
	if (last[cpu].id == d->id && last[cpu].created_ns == d->created_ns)
		return;
	last[cpu].id = d->id;
	last[cpu].created_ns = d->created_ns;
	if (chosen.ibpb_switch)
		msr_write(MSR_PRED_CMD, 1);
	if (chosen.l1d_flush)
		msr_write(MSR_FLUSH_CMD, 1);
}
