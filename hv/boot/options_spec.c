/* SPDX-License-Identifier: MIT */
/*
 * spec-ctrl= and xpti=, in the words of Xen's command line: a list of parts,
 * each NAME, no-NAME or NAME=yes; later ones win over earlier ones. What a
 * part means is x86/speculation_choose.c's business. Parts about things that
 * we do not have are known, and said to have no effect.
 */
#include "boot/options_spec.h"

#include "lib/string.h"

enum taken { TAKEN, NOT_NAMED, MALFORMED };

static enum taken value_take(struct word value, enum option_choice *out)
{
	bool on;

	if (!word_bool(value, &on))
		return MALFORMED;
	*out = on ? CHOICE_ON : CHOICE_OFF;
	return TAKEN;
}

/* NAME, no-NAME or NAME=BOOL. */
static enum taken part_take(struct word w, const char *name,
			    enum option_choice *out)
{
	bool no = w.n > 3 && !memcmp(w.p, "no-", 3);
	struct word value, bare = no ? (struct word){ w.p + 3, w.n - 3 } : w;

	if (word_has_key(w, name, &value))
		return value_take(value, out);
	if (!word_is(bare, name))
		return NOT_NAMED;
	*out = no ? CHOICE_OFF : CHOICE_ON;
	return TAKEN;
}

/* The same, or NAME=pv=BOOL, NAME=hvm=BOOL: hvm is of no use here. */
static enum taken entry_take(struct word w, const char *name,
			     enum option_choice *out)
{
	struct word value, inner;
	enum option_choice none;
	enum taken t;

	if (word_has_key(w, name, &value)) {
		if (word_has_key(value, "pv", &inner))
			return value_take(inner, out);
		t = part_take(value, "hvm", &none);
		if (t != NOT_NAMED)
			return t;
	}
	return part_take(w, name, out);
}

/* What is done at entries and exits for guests such as ours. */
static void set_entries(struct spec_options *s, enum option_choice c)
{
	s->msr_sc = s->rsb = s->verw = s->ibpb_entry = s->bhb_entry = c;
}

/* Nothing at all, but what words before this one asked of xpti=. */
static void set_off(struct spec_options *s)
{
	set_entries(s, CHOICE_OFF);
	s->ibrs = s->ibpb = s->ssbd = s->psfd = s->stibp = CHOICE_OFF;
	s->l1d_flush = s->bhi_dis_s = s->unpriv_mmio = CHOICE_OFF;
	if (s->xpti_dom0 == CHOICE_DEFAULT)
		s->xpti_dom0 = CHOICE_OFF;
	if (s->xpti_domu == CHOICE_DEFAULT)
		s->xpti_domu = CHOICE_OFF;
}

/* The whole of it can be switched off, not on: no, xen=no, no-xen, pv=no. */
static enum taken whole_take(struct word w, struct spec_options *s)
{
	enum option_choice c = CHOICE_OFF;
	enum taken t;
	bool on;

	if (word_bool(w, &on))
		t = TAKEN, c = on ? CHOICE_ON : CHOICE_OFF;
	else
		t = part_take(w, "xen", &c);
	if (t == TAKEN && c == CHOICE_ON)
		return MALFORMED;
	if (t == TAKEN)
		set_off(s);
	if (t != NOT_NAMED)
		return t;
	t = part_take(w, "pv", &c);
	if (t == TAKEN)
		set_entries(s, c);
	return t;
}

/* Known to Xen: thunks, HVM guests, a lazy FPU, and code of its own. */
static enum taken idle_take(struct word w, struct spec_options *s)
{
	static const char *const switches[] = {
		"hvm",	   "eager-fpu", "branch-harden", "srb-lock",
		"gds-mit", "div-scrub", "lock-harden",
	};
	static const char *const values[][2] = {
		{ "bti-thunk", "retpoline" }, { "bti-thunk", "lfence" },
		{ "bti-thunk", "jmp" },	      { "bhb-seq", "short" },
		{ "bhb-seq", "tsx" },	      { "bhb-seq", "long" },
	};
	enum taken t = NOT_NAMED;
	enum option_choice none;
	struct word value;

	for (size_t i = 0; t == NOT_NAMED && i < ARRAY_SIZE(switches); i++)
		t = part_take(w, switches[i], &none);
	for (size_t i = 0; t == NOT_NAMED && i < ARRAY_SIZE(values); i++)
		if (word_has_key(w, values[i][0], &value) &&
		    word_is(value, values[i][1]))
			t = TAKEN;
	if (t == TAKEN)
		s->idle_parts = true;
	return t;
}

static enum taken spec_part(struct word w, struct spec_options *s)
{
	const struct {
		const char *name;
		enum option_choice *to;
		bool entry;
	} parts[] = {
		{ "msr-sc", &s->msr_sc, true },
		{ "rsb", &s->rsb, true },
		{ "verw", &s->verw, true },
		{ "md-clear", &s->verw, true }, /* its older name */
		{ "ibpb-entry", &s->ibpb_entry, true },
		{ "bhb-entry", &s->bhb_entry, true },
		{ "ibrs", &s->ibrs, false },
		{ "ibpb", &s->ibpb, false },
		{ "ssbd", &s->ssbd, false },
		{ "psfd", &s->psfd, false },
		{ "stibp", &s->stibp, false },
		{ "l1d-flush", &s->l1d_flush, false },
		{ "bhi-dis-s", &s->bhi_dis_s, false },
		{ "unpriv-mmio", &s->unpriv_mmio, false },
	};
	enum taken t = whole_take(w, s);

	for (size_t i = 0; t == NOT_NAMED && i < ARRAY_SIZE(parts); i++)
		t = parts[i].entry ? entry_take(w, parts[i].name, parts[i].to)
				   : part_take(w, parts[i].name, parts[i].to);
	return t == NOT_NAMED ? idle_take(w, s) : t;
}

bool option_take_spec_ctrl(struct word v, struct hv_options *o)
{
	struct spec_options s = o->spec;
	struct word w;

	while (word_split(&v, ',', &w))
		if (spec_part(w, &s) != TAKEN)
			return false;
	o->spec = s;
	return true;
}

static enum taken xpti_part(struct word w, struct spec_options *s)
{
	enum taken t;

	if (word_is(w, "default")) {
		s->xpti_dom0 = s->xpti_domu = CHOICE_DEFAULT;
		return TAKEN;
	}
	t = part_take(w, "dom0", &s->xpti_dom0);
	if (t == NOT_NAMED)
		t = part_take(w, "domu", &s->xpti_domu);
	if (t == NOT_NAMED) {
		t = value_take(w, &s->xpti_dom0);
		s->xpti_domu = s->xpti_dom0;
	}
	return t;
}

bool option_take_xpti(struct word v, struct hv_options *o)
{
	struct spec_options s = o->spec;
	struct word w;

	while (word_split(&v, ',', &w))
		if (xpti_part(w, &s) != TAKEN)
			return false;
	o->spec = s;
	return true;
}
