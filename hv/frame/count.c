/* SPDX-License-Identifier: MIT */
/*
 * The two count words of a frame.
 *
 *   refs   owner:16 OWNED SHARED FREE ....... general count (45 bits)
 *   type   type:4 VALIDATED PARTIAL PINNED .. count of uses (45 bits)
 *
 * The general count keeps a frame from being freed: the owner's own
 * reference (OWNED), each page-table entry that maps it, each root, each
 * registered area. The type count keeps its type from changing: each
 * writable mapping is a use as WRITABLE, each entry of a level above and
 * each pin is a use as page table. A use always comes with a reference.
 *
 * A use as page table or descriptor page begins with validation, which may
 * be interrupted, and ends with devalidation, which may be as well. Both
 * leave the frame in one representation: PARTIAL, one use, one reference,
 * and "the entries below progress hold references, the others do not". So
 * an interrupted validation can be resumed or taken back, and so can an
 * interrupted devalidation; nobody has to remember which it was.
 *
 *                 get_type            validated
 *   NONE, count 0 --------> T, count 1 -------> T VALIDATED, count 1, 2, ...
 *        ^                   |  ^                  | last put_type
 *        |           partial |  | get_type,        v
 *        |                   v  | take_partial   T, count 1
 *        |               T PARTIAL, count 1        |
 *        +-------------------+---------------------+ cleared
 *
 * The states with count 1 and neither flag belong to whoever made them: he
 * holds the owner's mm lock. Other CPUs that ask meanwhile are told -EBUSY.
 * Only WRITABLE needs no validation, no lock, and may be taken by others
 * than the owner.
 *
 * A hostile guest tries: to overflow a count (refused: an add that would
 * reach COUNT_LIMIT fails), to use one frame as table and data at once (the
 * type changes only from count 0, in one compare-and-exchange), to have a
 * stale writable translation of a new page table (flush_stale() between the
 * end of the old type and the first use of the new), to write to an old page
 * table that another CPU still walks (the same: until that CPU has flushed,
 * nobody else gets a use of the frame as writable).
 */
#include "domain/domain.h"
#include "frame/frame.h"

#define COUNT_LIMIT (1UL << FRAME_LIMIT_SHIFT)

uint64_t frame_several = FRAME_COUNT_MASK & ~1UL;

static uint64_t count(uint64_t word)
{
	return word & FRAME_COUNT_MASK;
}

static enum frame_type type(uint64_t word)
{
	return (enum frame_type)(word >> FRAME_TYPE_SHIFT);
}

static uint64_t type_word(enum frame_type t, uint64_t flags, uint64_t n)
{
	return (uint64_t)t << FRAME_TYPE_SHIFT | flags | n;
}

static bool needs_validation(enum frame_type t)
{
	return t >= FRAME_L1;
}

bool frame_get(struct frame *f, const struct domain *owner)
{
	uint64_t w = atomic64_load(&f->refs);

	/* Owner and count at once: nobody counts what is not his. */
	do {
		if (w >> FRAME_OWNER_SHIFT != owner->id || count(w) == 0 ||
		    count(w) >= COUNT_LIMIT)
			return false;
	} while (!atomic64_cmpxchg(&f->refs, &w, w + 1));
	return true;
}

bool frame_ref(struct frame *f)
{
	uint64_t w = atomic64_load(&f->refs);

	do {
		BUG_ON(count(w) == 0);
		if (count(w) >= COUNT_LIMIT)
			return false;
	} while (!atomic64_cmpxchg(&f->refs, &w, w + 1));
	return true;
}

void frame_set_permanent(struct frame *f, uint16_t owner)
{
	/* A descriptor page that nobody validates: -EBUSY to all. */
	enum frame_type t =
		owner == DOMID_IO ? FRAME_WRITABLE : FRAME_SEGDESC;

	atomic64_store(&f->type, type_word(t, 0, 1));
	atomic64_store(&f->refs, (uint64_t)owner << FRAME_OWNER_SHIFT | 1);
}

bool frame_disown(struct frame *f)
{
	if (!(atomic64_and(&f->refs, ~FRAME_OWNED) & FRAME_OWNED))
		return false;
	frame_put(f);
	return true;
}

/*
 * The next value of the type word when somebody asks for type t, or 0 when
 * he is refused. *validate tells whether he has to validate.
 */
static uint64_t next_on_get(uint64_t w, enum frame_type t, bool *validate)
{
	*validate = false;
	if (count(w) == 0) {
		*validate = needs_validation(t);
		/* Other CPUs may still walk it: ours alone till they don't. */
		if (!*validate && needs_validation(type(w)))
			t = type(w);
		return type_word(t, 0, 1);
	}
	if (type(w) != t || count(w) >= COUNT_LIMIT)
		return 0;
	if (w & FRAME_PARTIAL) {
		*validate = true;
		return w & ~FRAME_PARTIAL;
	}
	/* Being validated by somebody: its contents promise nothing yet. */
	if (needs_validation(t) && !(w & FRAME_VALIDATED))
		return 0;
	return w + 1;
}

int frame_get_type(struct frame *f, enum frame_type t)
{
	uint64_t w = atomic64_load(&f->type), next;
	bool validate;

	do {
		next = next_on_get(w, t, &validate);
		if (!next)
			return -EBUSY;
	} while (!atomic64_cmpxchg(&f->type, &w, next));
	if (w & FRAME_PARTIAL) {
		/* The partial state's own reference: the caller has his. */
		frame_put(f);
		return FRAME_MUST_VALIDATE;
	}
	if (count(w) != 0)
		return 0;
	if (type(w) != t && type(w) != FRAME_NONE)
		flush_stale(f);
	if (!validate) {
		if (type(next) != t)
			atomic64_store(&f->type, type_word(t, 0, 1));
		return 0;
	}
	f->progress = 0;
	return FRAME_MUST_VALIDATE;
}

bool frame_ref_type(struct frame *f)
{
	uint64_t w = atomic64_load(&f->type);

	do {
		BUG_ON(count(w) == 0);
		if (count(w) >= COUNT_LIMIT)
			return false;
	} while (!atomic64_cmpxchg(&f->type, &w, w + 1));
	return true;
}

/* Drops a use, if there is one with those flags, and the flags with it. */
static bool put_type(struct frame *f, uint64_t flags, bool *last)
{
	uint64_t w = atomic64_load(&f->type), next;

	do {
		if ((w & flags) != flags)
			return false;
		BUG_ON(count(w) == 0);
		*last = count(w) == 1 && needs_validation(type(w));
		if (count(w) == 1 && !*last)
			flush_stamp(f); /* before it can be seen as unused */
		next = *last ? w & ~FRAME_VALIDATED : w - 1;
	} while (!atomic64_cmpxchg(&f->type, &w, next & ~flags));
	if (*last)
		f->progress = 512;
	return true;
}

bool frame_put_type(struct frame *f)
{
	bool last, held = put_type(f, 0, &last);

	BUG_ON(!held);
	return last;
}

bool frame_pin_put(struct frame *f, bool *last)
{
	return put_type(f, FRAME_PINNED, last);
}

bool frame_take_partial(struct frame *f)
{
	uint64_t w = atomic64_load(&f->type);

	do {
		if (!(w & FRAME_PARTIAL))
			return false;
	} while (!atomic64_cmpxchg(&f->type, &w, w & ~FRAME_PARTIAL));
	return true;
}

/*
 * The word of an unvalidated use is its holder's alone: whoever asks is told
 * -EBUSY and changes nothing. So it is stored, not exchanged.
 */
static void type_settle(struct frame *f, uint64_t flag)
{
	uint64_t w = atomic64_load(&f->type);

	BUG_ON(count(w) != 1 || !needs_validation(type(w)) ||
	       (w & (FRAME_VALIDATED | FRAME_PARTIAL)));
	atomic64_store(&f->type, w | flag);
}

void frame_type_validated(struct frame *f)
{
	type_settle(f, FRAME_VALIDATED);
}

void frame_type_partial(struct frame *f)
{
	type_settle(f, FRAME_PARTIAL);
}

void frame_type_cleared(struct frame *f)
{
	uint64_t w;

	flush_stamp(f);
	w = atomic64_load(&f->type);
	BUG_ON(count(w) != 1 || (w & (FRAME_VALIDATED | FRAME_PARTIAL)));
	/* The type stays, unused: what follows it may need a flush. */
	atomic64_store(&f->type, type_word(type(w), 0, 0));
}

bool frame_pin_set(struct frame *f)
{
	return !(atomic64_or(&f->type, FRAME_PINNED) & FRAME_PINNED);
}

bool frame_get_writable(struct frame *f, const struct domain *owner)
{
	return frame_get_use(f, owner, FRAME_WRITABLE) == 0;
}

/* Both words at once, for a use that is none yet. */
static bool begin_use(struct frame *f, uint64_t usual, enum frame_type t)
{
	uint64_t r = atomic64_load(&f->refs), w = atomic64_load(&f->type);

	if (!needs_validation(t) || count(w) || !frame_is_usual(r, usual) ||
	    !atomic64_pair_cmpxchg(&f->refs, &r, &w, r + 1, type_word(t, 0, 1)))
		return false;
	if (type(w) != t && type(w) != FRAME_NONE)
		flush_stale(f);
	f->progress = 0;
	return true;
}

int frame_get_use(struct frame *f, const struct domain *owner,
		  enum frame_type t)
{
	int rc;

	if (begin_use(f, frame_usual(owner->id), t))
		return FRAME_MUST_VALIDATE;
	if (!frame_get(f, owner))
		return -EINVAL;
	rc = frame_get_type(f, t);
	if (rc >= 0)
		return rc;
	frame_put(f);
	return -EINVAL;
}

void frame_put_use(struct frame *f)
{
	bool last = frame_put_type(f);

	BUG_ON(last); /* a writable use needs no devalidation */
	frame_put(f);
}
