/* SPDX-License-Identifier: MIT */
/*
 * grant_table_op(cmd, array, count): the decoders. What one entry of the
 * array does is in grant/; its answer is a GNTST_* in the entry. Negative
 * results are for the call: an array that cannot be read or written, an
 * operation that there is not.
 *
 * How far a batch has come is in the arguments themselves: array and count
 * go on with the rest. A guest that changes them changes its own batch.
 */
#include "argument.h"
#include "arch.h"
#include "call/call.h"
#include "frame/frame.h"
#include "grant/grant.h"

/*
 * The domain that a table's owner or its builder names. Returns GNTST_*.
 */
static int table_of(struct vcpu *v, domid_t id, struct domain **out)
{
	struct domain *d = id == DOMID_SELF ? v->domain : domain_find(id);

	if (!d || domain_is_dying(d))
		return GNTST_bad_domain;
	if (d != v->domain && !v->domain->privileged)
		return GNTST_permission_denied;
	*out = d;
	return GNTST_okay;
}

/* ---- the table: one structure each ---- */

/* Writes n numbers of the table's frames to a guest's list. */
static int frames_tell(struct vcpu *v, struct domain *d, uint32_t n,
		       uint64_t list)
{
	for (uint32_t i = 0; i < n; i++) {
		struct frame_number m;

		if (!grant_frames_list(d, false, i, 1, &m.v))
			return GNTST_general_error;
		if (arg_write_frame_number(
			    v, list + i * arg_bytes_frame_number(v), &m))
			return GNTST_bad_virt_addr;
	}
	return GNTST_okay;
}

static int setup_table(struct vcpu *v, uint64_t va)
{
	struct gnttab_setup_table op;
	struct domain *d;
	int rc;

	if (arg_read_setup_table(v, &op, va))
		return -EFAULT;
	op.status = (int16_t)table_of(v, op.dom, &d);
	if (!op.status) {
		rc = grant_grow(d, op.nr_frames);
		if (rc == -ERESTART)
			return rc;
		op.status =
			(int16_t)(rc ? GNTST_general_error
				     : frames_tell(v, d, op.nr_frames,
						   (uint64_t)op.frame_list.p));
	}
	return arg_write_setup_table(v, va, &op);
}

static int query_size(struct vcpu *v, uint64_t va)
{
	struct gnttab_query_size op;
	struct grant_size size;
	struct domain *d;

	if (guest_copy_from(&op, va, sizeof(op)))
		return -EFAULT;
	op.status = (int16_t)table_of(v, op.dom, &d);
	if (!op.status) {
		/* The first frame comes with the first question. */
		(void)!grant_grow(d, 1);
		grant_size_get(d, &size);
		op.nr_frames = size.frames;
		op.max_nr_frames = d->grant.max.frames;
	}
	return guest_copy_to(va, &op, sizeof(op));
}

/* The number that is in effect is told whatever comes of it. */
static int set_version(struct vcpu *v, uint64_t va)
{
	struct gnttab_set_version op;
	struct grant_size size;
	int rc;

	if (guest_copy_from(&op, va, sizeof(op)))
		return -EFAULT;
	rc = grant_version_set(v->domain, op.version);
	if (rc == -ERESTART)
		return rc;
	grant_size_get(v->domain, &size);
	op.version = size.version;
	return guest_copy_to(va, &op, sizeof(op)) ? -EFAULT : rc;
}

static int get_version(struct vcpu *v, uint64_t va)
{
	struct gnttab_get_version op;
	struct grant_size size;
	struct domain *d;
	int rc;

	if (guest_copy_from(&op, va, sizeof(op)))
		return -EFAULT;
	rc = table_of(v, op.dom, &d);
	if (rc)
		return rc == GNTST_bad_domain ? -ESRCH : -EPERM;
	grant_size_get(d, &size);
	op.version = size.version;
	return guest_copy_to(va, &op, sizeof(op));
}

/* Their numbers have 64 bits in both widths. */
static int statuses_tell(struct domain *d, uint32_t n, uint64_t list)
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t m;

		if (!grant_frames_list(d, true, i, 1, &m))
			return GNTST_general_error;
		if (guest_copy_to(list + i * sizeof(m), &m, sizeof(m)))
			return GNTST_bad_virt_addr;
	}
	return GNTST_okay;
}

static int get_status_frames(struct vcpu *v, uint64_t va)
{
	struct gnttab_get_status_frames op;
	struct grant_size size;
	struct domain *d;

	if (arg_read_status_frames(v, &op, va))
		return -EFAULT;
	op.status = (int16_t)table_of(v, op.dom, &d);
	if (!op.status) {
		grant_size_get(d, &size);
		op.status =
			(int16_t)(size.version != 2 ||
						  op.nr_frames >
							  size.status_frames
					  ? GNTST_general_error
					  : statuses_tell(
						    d, op.nr_frames,
						    (uint64_t)op.frame_list.p));
	}
	return arg_write_status_frames(v, va, &op);
}

/* ---- mappings: arrays ---- */

union map_words {
	struct gnttab_map_grant_ref op;
	uint64_t word[4];
};
_Static_assert(sizeof(union map_words) == sizeof(struct gnttab_map_grant_ref) &&
		       offsetof(struct gnttab_map_grant_ref, dom) == 16 &&
		       offsetof(struct gnttab_map_grant_ref, dev_bus_addr) ==
			       24,
	       "words 2 and 3 have the answer");

static int map_grant_ref(struct vcpu *v, uint64_t va)
{
	union map_words map;
	int rc;

	if (guest_words_from(map.word, va, 4))
		return -EFAULT;
	rc = grant_map(v, &map.op);
	if (rc)
		return rc;
	return guest_word_to(va + 16, map.word[2]) ||
			       guest_word_to(va + 24, map.word[3])
		       ? -EFAULT
		       : 0;
}

/* Both kinds of unmap; their second word differs. */
union unmap_words {
	struct gnttab_unmap_grant_ref op;
	struct gnttab_unmap_and_replace replace;
	uint64_t word[3];
};
_Static_assert(sizeof(union unmap_words) == 24 &&
		       offsetof(struct gnttab_unmap_grant_ref, handle) == 16 &&
		       offsetof(struct gnttab_unmap_and_replace, handle) == 16,
	       "word 2 has the answer");

/* Loans that end with one flush. */
#define UNMAP_CHUNK 16

static int unmap_some(struct vcpu *v, uint64_t va, uint32_t n, bool replace,
		      uint32_t *done)
{
	union unmap_words words[UNMAP_CHUNK];
	struct grant_unmap ops[UNMAP_CHUNK];
	int rc;

	n = MIN(n, (uint32_t)UNMAP_CHUNK);
	for (uint32_t i = 0; i < n; i++) {
		if (guest_words_from(words[i].word, va + i * 24, 3))
			return -EFAULT;
		ops[i] = (struct grant_unmap){
			.host_addr = words[i].word[0],
			.dev_bus_addr = replace ? 0 : words[i].word[1],
			.new_addr = replace ? words[i].word[1] : 0,
			.handle = words[i].op.handle,
		};
	}
	rc = grant_unmap(v, ops, n, done);
	for (uint32_t i = 0; i < *done; i++) {
		words[i].op.status = (int16_t)ops[i].status;
		if (guest_word_to(va + i * 24 + 16, words[i].word[2]))
			return -EFAULT;
	}
	return rc;
}

static int unmap_grant_ref(struct vcpu *v, uint64_t va, uint32_t n,
			   uint32_t *done)
{
	return unmap_some(v, va, n, false, done);
}

static int unmap_and_replace(struct vcpu *v, uint64_t va, uint32_t n,
			     uint32_t *done)
{
	return unmap_some(v, va, n, true, done);
}

/* ---- copies ---- */

/* The last eight bytes of the structure, in both widths. */
union copy_tail {
	struct {
		uint16_t len, flags;
		int16_t status;
	};
	uint64_t word;
};

static int copy_one(struct vcpu *v, uint64_t va, struct grant_sides *sides)
{
	union copy_tail tail = { .word = 0 };
	struct gnttab_copy op;

	if (arg_read_grant_copy(v, &op, va))
		return -EFAULT;
	tail.len = op.len;
	tail.flags = op.flags;
	tail.status = (int16_t)grant_copy(v, &op, sides);
	return guest_word_to(va + arg_bytes_grant_copy(v) - sizeof(tail),
			     tail.word);
}

static int copy_some(struct vcpu *v, uint64_t va, uint32_t n, uint32_t *done)
{
	struct grant_sides sides = { 0 };
	uint64_t bytes = arg_bytes_grant_copy(v);
	int rc = 0;

	while (!rc && *done < n) {
		rc = copy_one(v, va + *done * bytes, &sides);
		*done += !rc;
		if (!rc && *done < n && arch_preempt_pending())
			rc = -ERESTART;
	}
	grant_copies_end(&sides);
	return rc;
}

/* ---- the rest, one by one ---- */

static int transfer(struct vcpu *v, uint64_t va)
{
	struct gnttab_transfer op;

	if (arg_read_grant_transfer(v, &op, va))
		return -EFAULT;
	op.status = (int16_t)grant_transfer(v, &op);
	return arg_write_grant_transfer(v, va, &op);
}

static int swap_grant_ref(struct vcpu *v, uint64_t va)
{
	struct gnttab_swap_grant_ref op;

	if (guest_copy_from(&op, va, sizeof(op)))
		return -EFAULT;
	op.status = (int16_t)grant_swap(v->domain, op.ref_a, op.ref_b);
	return guest_copy_to(va, &op, sizeof(op));
}

/*
 * Devices see what processors have in their caches, so a range needs no
 * cleaning for them; one that does not look there is a privileged domain's,
 * and gets the whole cache. By references it is not to be had.
 */
static int cache_flush(struct vcpu *v, uint64_t va)
{
	struct gnttab_cache_flush op;
	struct frame *f;

	if (guest_copy_from(&op, va, sizeof(op)))
		return -EFAULT;
	if ((op.op & ~(GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL)) ||
	    op.offset + op.length > PAGE_SIZE)
		return -EINVAL;
	if (op.op == GNTTAB_CACHE_INVAL)
		return -EOPNOTSUPP;
	f = frame_lookup(guest_mfn(op.a.dev_bus_addr >> PAGE_SHIFT));
	if (!f)
		return -EINVAL;
	if (v->domain->privileged)
		arch_cache_flush();
	else if (f->owner != v->domain->id)
		return -EPERM;
	return 0;
}

static int dump_table(struct vcpu *v, uint64_t va)
{
	struct gnttab_dump_table op;
	struct domain *d;

	if (guest_copy_from(&op, va, sizeof(op)))
		return -EFAULT;
	op.status = GNTST_permission_denied;
	if (v->domain->privileged)
		op.status = (int16_t)table_of(v, op.dom, &d);
	if (!op.status)
		grant_dump(d);
	return guest_copy_to(va, &op, sizeof(op));
}

/* ---- the call ---- */

/* One entry, at va; or some of an array, *done of them. */
struct grant_op {
	int (*one)(struct vcpu *v, uint64_t va);
	int (*some)(struct vcpu *v, uint64_t va, uint32_t n, uint32_t *done);
	bool alone;	  /* the array has one */
	uint8_t bytes[2]; /* of an entry, by the guest's width */
};

static const struct grant_op ops[] = {
	[GNTTABOP_map_grant_ref] = { map_grant_ref, .bytes = { 32, 32 } },
	[GNTTABOP_unmap_grant_ref] = { .some = unmap_grant_ref,
				       .bytes = { 24, 24 } },
	[GNTTABOP_setup_table] = { setup_table, .alone = true },
	[GNTTABOP_dump_table] = { dump_table, .alone = true },
	[GNTTABOP_transfer] = { transfer,
				.bytes = { sizeof(struct gnttab_transfer),
					   sizeof(struct grant_transfer32) } },
	[GNTTABOP_copy] = { .some = copy_some,
			    .bytes = { sizeof(struct gnttab_copy),
				       sizeof(struct grant_copy32) } },
	[GNTTABOP_query_size] = { query_size, .alone = true },
	[GNTTABOP_unmap_and_replace] = { .some = unmap_and_replace,
					 .bytes = { 24, 24 } },
	[GNTTABOP_set_version] = { set_version, .alone = true },
	[GNTTABOP_get_status_frames] = { get_status_frames, .alone = true },
	[GNTTABOP_get_version] = { get_version, .alone = true },
	[GNTTABOP_swap_grant_ref] = { swap_grant_ref, .bytes = { 12, 12 } },
	[GNTTABOP_cache_flush] = { cache_flush, .bytes = { 16, 16 } },
};

static int ops_do(struct vcpu *v, const struct grant_op *op, uint64_t va,
		  uint32_t n, uint32_t *done)
{
	int rc;

	*done = 0;
	if (op->some)
		return op->some(v, va, n, done);
	rc = op->one(v, va);
	*done = !rc;
	return rc;
}

long hc_grant_table_op(struct vcpu *v, struct call_args *args)
{
	uint32_t cmd = (uint32_t)args->a[0], count = (uint32_t)args->a[2], done;
	const struct grant_op *op = ops + (cmd < ARRAY_SIZE(ops) ? cmd : 0);
	uint64_t va = args->a[1];
	int rc = 0;

	if (unlikely(count > INT32_MAX))
		return -EINVAL;
	if (unlikely(cmd >= ARRAY_SIZE(ops)) || unlikely(!op->one && !op->some))
		return -ENOSYS;
	if (op->alone)
		return count == 1 ? op->one(v, va) : -EINVAL;
	while (!rc && count) {
		rc = ops_do(v, op, va, count, &done);
		va += (uint64_t)done * op->bytes[v->domain->width];
		count -= done;
		if (!rc && count && arch_preempt_pending())
			rc = -ERESTART;
	}
	args->a[1] = va;
	args->a[2] = count;
	return rc;
}
