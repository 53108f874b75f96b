/* SPDX-License-Identifier: MIT */
/*
 * Which defences against speculation this processor needs: a pure function,
 * tested with a table of real ones.
 *
 *   what a guest may try            what stops it
 *   read our pages (Meltdown)       tables of its own without them
 *   read what non-present entries   such entries are refused (mm/entry.c); a
 *   name (L1TF)                     flush of the cache adds nothing to that
 *   train our indirect branches     IBRS: at each entry, or always where the
 *   (Spectre 2)                     processor keeps it apart by itself
 *   train them by history (BHI)     the history is of ours alone, or cleared
 *   leave bad return addresses      the return stack is overwritten, where no
 *   (SpectreRSB)                    SMEP keeps returns out of its pages
 *   make returns jump (retbleed,    AMD: forget everything at each entry;
 *   SRSO)                           Intel: IBRS covers it
 *   read buffers (MDS, TAA, RFDS)   VERW on the way out empties them
 *   train another guest             a barrier between domains
 *
 * There are no retpolines: we have few indirect branches (the table of
 * hypercalls, a dozen switches, the way from entry text to the image), and
 * what stops training stops it for all of these. Without microcode that
 * knows IBRS or the barrier they stay open, and the log says so.
 *
 * A processor that says nothing about itself has whatever its model had at
 * worst. Guests do not get these controls for themselves (trap/cpuid.c).
 */
#include "x86/speculation.h"

#include "lib/printf.h"
#include "lib/string.h"

#define BIT(n) (1U << (n))

/* MSR_ARCH_CAPABILITIES */
#define CAP_IBRS_ALL   BIT(1)
#define CAP_MDS_NO     BIT(5)
#define CAP_TAA_NO     BIT(8)
#define CAP_SBDR_NO    BIT(13)
#define CAP_FBSDP_NO   BIT(14)
#define CAP_PSDP_NO    BIT(15)
#define CAP_FB_CLEAR   BIT(17)
#define CAP_BHI_NO     BIT(20)
#define CAP_RFDS_NO    BIT(27)
#define CAP_RFDS_CLEAR BIT(28)

/* CPUID 7 EDX */
#define F7_MD_CLEAR BIT(10)
#define F7_IBRS	    BIT(26) /* and the barrier */
/* CPUID 7.2 EDX */
#define F72_BHI_CTRL BIT(4)
/* CPUID 0x80000008 EBX */
#define E8_IBPB		BIT(12)
#define E8_IBRS		BIT(14)
#define E8_IBRS_ALWAYS	BIT(16)
#define E8_STIBP_ALWAYS BIT(17)
#define E8_BTC_NO	BIT(29)
#define E8_IBPB_RET	BIT(30)
/* CPUID 0x80000021 EAX */
#define E21_AUTO_IBRS	 BIT(8)
#define E21_IBPB_BRTYPE	 BIT(28)
#define E21_SRSO_NO	 BIT(29)
#define E21_SRSO_USER_NO BIT(30)

static bool choice(enum option_choice c, bool by_itself)
{
	return c == CHOICE_DEFAULT ? by_itself : c == CHOICE_ON;
}

static bool is_intel(const struct cpu_features *f)
{
	return strcmp(f->vendor, "GenuineIntel") == 0;
}

/* Centaur's and Zhaoxin's of today are not known to be trained. */
static bool trains_branches(const struct cpu_features *f)
{
	bool via = strcmp(f->vendor, "CentaurHauls") == 0 ||
		   strcmp(f->vendor, "  Shanghai  ") == 0;

	return !features_in_order(f) && !(via && f->family == 7);
}

static bool has_ibpb(const struct cpu_features *f)
{
	return (f->leaf_7_edx & F7_IBRS) || (f->leaf_ext8_ebx & E8_IBPB);
}

/*
 * AMD: a return that is predicted as another kind of branch (BTC, families
 * 15h to 18h), or from a stack that a guest's speculation filled (SRSO, from
 * 17h on; family 1Ah only within one privilege).
 */
static bool returns_mistaken(const struct cpu_features *f)
{
	bool btc = f->family >= 0x15 && f->family <= 0x18 &&
		   !(f->leaf_ext8_ebx & E8_BTC_NO);
	bool srso = f->family >= 0x17 && f->family <= 0x19 &&
		    !(f->leaf_ext21_eax & (E21_SRSO_NO | E21_SRSO_USER_NO));

	return features_is_amd(f) && (btc || srso);
}

/* The barrier forgets the kinds of branches too; on Zen 3 and 4 with new
 * microcode only, which says so. */
static bool ibpb_mends_returns(const struct cpu_features *f)
{
	return has_ibpb(f) &&
	       (f->family < 0x19 || (f->leaf_ext21_eax & E21_IBPB_BRTYPE));
}

static void choose_barriers(struct speculation *s, const struct cpu_features *f,
			    const struct spec_options *o)
{
	bool wanted = returns_mistaken(f);

	s->ibpb_entry = choice(o->ibpb_entry, wanted && ibpb_mends_returns(f));
	if (wanted && !s->ibpb_entry)
		s->open |= SPEC_OPEN_RETURNS;
	s->ibpb_switch = choice(o->ibpb, has_ibpb(f) && trains_branches(f));
	s->rsb = choice(o->rsb, trains_branches(f) &&
					(!f->smep ||
					 (s->ibpb_entry &&
					  !(f->leaf_ext8_ebx & E8_IBPB_RET))));
	s->rsb_deep = features_is_amd(f);
}

static void choose_branches(struct speculation *s, const struct cpu_features *f,
			    uint64_t caps, const struct spec_options *o)
{
	bool legacy = (f->leaf_7_edx & F7_IBRS) || (f->leaf_ext8_ebx & E8_IBRS);
	bool always = (is_intel(f) && (caps & CAP_IBRS_ALL)) ||
		      (f->leaf_ext8_ebx & E8_IBRS_ALWAYS);

	if (!choice(o->ibrs, trains_branches(f))) {
		/* not needed, or forbidden */
	} else if (f->leaf_ext21_eax & E21_AUTO_IBRS) {
		s->auto_ibrs = true;
	} else if (always) {
		s->ctrl_hv = s->ctrl_guest = SPEC_CTRL_IBRS;
	} else if (o->msr_sc != CHOICE_OFF &&
		   choice(o->ibrs, legacy && !s->ibpb_entry)) {
		s->ctrl_hv = SPEC_CTRL_IBRS;
	}
	if (trains_branches(f) && !s->auto_ibrs && !s->ctrl_hv &&
	    !s->ibpb_entry)
		s->open |= SPEC_OPEN_BRANCHES;
}

/* From Cascade Lake to Rocket and Tiger Lake; Tremont */
static const uint8_t short_history[] = { 0x55, 0x6a, 0x6c, 0x7d, 0x7e, 0x8c,
					 0x8d, 0x8e, 0x9e, 0xa5, 0xa6, 0xa7,
					 0x86, 0x96, 0x9c, 0 };

/* Where IBRS keeps targets apart, the history still chooses among ours. */
static void choose_history(struct speculation *s, const struct cpu_features *f,
			   uint64_t caps, const struct spec_options *o)
{
	bool wanted = is_intel(f) && (caps & CAP_IBRS_ALL) &&
		      !(caps & CAP_BHI_NO) && trains_branches(f);
	bool control = choice(o->bhi_dis_s,
			      wanted && (f->leaf_7_2_edx & F72_BHI_CTRL));

	if (control) {
		s->ctrl_hv |= SPEC_CTRL_BHI_DIS_S;
		s->ctrl_guest |= SPEC_CTRL_BHI_DIS_S;
	}
	s->bhb = choice(o->bhb_entry, wanted && !control);
	s->bhb_deep = !features_is_model(f, short_history);
}

/* Bits that are the same for us and for guests. */
static void choose_control(struct speculation *s, const struct cpu_features *f,
			   const struct spec_options *o)
{
	uint32_t both = 0;

	if (choice(o->stibp, f->leaf_ext8_ebx & E8_STIBP_ALWAYS))
		both |= SPEC_CTRL_STIBP;
	if (o->ssbd == CHOICE_ON)
		both |= SPEC_CTRL_SSBD;
	if (o->psfd == CHOICE_ON)
		both |= SPEC_CTRL_PSFD;
	s->ctrl_hv |= both;
	s->ctrl_guest |= both;
	s->ctrl = s->ctrl_hv | s->ctrl_guest;
	s->ctrl_switch = choice(o->msr_sc, s->ctrl_hv != s->ctrl_guest);
	s->ctrl |= s->ctrl_switch;
}

/* Goldmont and Tremont, and the Pentium 4, have no such buffers. */
static const uint8_t other_buffers[] = {
	0x5c, 0x5f, 0x7a, 0x86, 0x96, 0x9c, 0
};

static bool buffers_leak(const struct cpu_features *f, uint64_t caps)
{
	if (!is_intel(f) || f->family != 6 || features_in_order(f))
		return false;
	return (!(caps & CAP_MDS_NO) && !features_is_model(f, other_buffers)) ||
	       (f->rtm && !(caps & CAP_TAA_NO));
}

/* What a device's registers leave behind matters to guests with devices. */
static bool devices_leak(uint64_t caps)
{
	uint64_t no = CAP_SBDR_NO | CAP_FBSDP_NO | CAP_PSDP_NO;

	return (caps & CAP_FB_CLEAR) && (caps & no) != no;
}

static void choose_buffers(struct speculation *s, const struct cpu_features *f,
			   uint64_t caps, const struct spec_options *o)
{
	bool leak = buffers_leak(f, caps);
	bool mends = f->leaf_7_edx & F7_MD_CLEAR;
	bool files = (caps & CAP_RFDS_CLEAR) && !(caps & CAP_RFDS_NO);
	bool devices = o->unpriv_mmio == CHOICE_ON && devices_leak(caps);

	s->verw = choice(o->verw, (leak && mends) || files || devices);
	if ((leak && !(s->verw && mends)) || (files && !s->verw))
		s->open |= SPEC_OPEN_BUFFERS;
}

struct speculation speculation_choose(const struct cpu_features *f,
				      uint64_t capabilities,
				      const struct spec_options *o)
{
	bool leaks = features_leak_supervisor(f, capabilities);
	struct speculation s = { 0 };

	choose_barriers(&s, f, o);
	choose_branches(&s, f, capabilities, o);
	choose_history(&s, f, capabilities, o);
	choose_control(&s, f, o);
	choose_buffers(&s, f, capabilities, o);
	s.l1d_flush = o->l1d_flush == CHOICE_ON;
	s.separate_dom0 = choice(o->xpti_dom0, leaks);
	s.separate_domu = choice(o->xpti_domu, leaks);
	return s;
}

static const char *ibrs_name(const struct speculation *s)
{
	if (s->auto_ibrs)
		return "automatic IBRS";
	if (!(s->ctrl_hv & SPEC_CTRL_IBRS))
		return NULL;
	return s->ctrl_guest & SPEC_CTRL_IBRS ? "IBRS always" : "IBRS at entry";
}

static const char *separate_name(const struct speculation *s)
{
	if (s->separate_dom0 && s->separate_domu)
		return "separate tables";
	if (s->separate_dom0)
		return "separate tables for domain 0";
	return s->separate_domu ? "separate tables but for domain 0" : NULL;
}

void speculation_describe(const struct speculation *s, char *text, size_t room)
{
	const char *names[] = {
		ibrs_name(s),
		s->ctrl_hv & SPEC_CTRL_BHI_DIS_S ? "BHI_DIS_S" : NULL,
		s->ctrl_hv & SPEC_CTRL_STIBP ? "STIBP" : NULL,
		s->ctrl_hv & SPEC_CTRL_SSBD ? "SSBD" : NULL,
		s->ctrl_hv & SPEC_CTRL_PSFD ? "PSFD" : NULL,
		s->ibpb_entry ? "IBPB at entry" : NULL,
		s->rsb ? "RSB" : NULL,
		s->bhb ? "BHB" : NULL,
		s->verw ? "VERW" : NULL,
		s->ibpb_switch ? "IBPB between domains" : NULL,
		s->l1d_flush ? "L1D flush" : NULL,
		separate_name(s),
		s->open & SPEC_OPEN_BRANCHES ? "branches OPEN" : NULL,
		s->open & SPEC_OPEN_RETURNS ? "returns OPEN" : NULL,
		s->open & SPEC_OPEN_BUFFERS ? "buffers OPEN" : NULL,
	};
	size_t n = 0;

	snprintf(text, room, "nothing");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i] && n < room)
			n += (size_t)snprintf(text + n, room - n, "%s%s",
					      n ? ", " : "", names[i]);
}
