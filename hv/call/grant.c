/* SPDX-License-Identifier: MIT */
/*
 * grant_table_op(cmd, array, count), and what memory_op tells of grant
 * tables: the decoders. What one entry of the array does is in grant/; its
 * answer is a GNTST_* in the entry. Negative results are for the call: an
 * array that cannot be read or written, an operation that there is not.
 *
 * How far a batch has come is in the arguments themselves: array and count
 * go on with the rest. A guest that changes them changes its own batch.
 */
#include "argument.h"
#include "arch.h"
#include "call/call.h"
#include "call/memory.h"
#include "frame/frame.h"
#include "grant/grant.h"

/* One entry of an array, copied in, and out again. */
union grant_arg {
	struct gnttab_map_grant_ref map;
	struct gnttab_setup_table setup;
	struct gnttab_query_size query;
	struct gnttab_set_version version;
	struct gnttab_get_version version_of;
	struct gnttab_get_status_frames statuses;
	struct gnttab_transfer transfer;
	struct gnttab_swap_grant_ref swap;
	struct gnttab_dump_table dump;
	struct gnttab_cache_flush cache;
};

/* The domain that a table's owner or its builder names. Returns GNTST_*. */
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

/*
 * Numbers of n of a table's frames, or of its statuses', from first on, to a
 * list in the form of the guest, or always of 64 bits. -EINVAL: there are not
 * so many; -EFAULT.
 */
static int frames_tell(struct vcpu *v, struct domain *d, bool status,
		       uint32_t first, uint32_t n, uint64_t list, bool wide)
{
	uint64_t bytes = wide ? 8 : arg_bytes_frame_number(v);

	for (uint32_t i = 0; i < n; i++, list += bytes) {
		struct frame_number m;

		if (!grant_frame_at(d, status, first + i, &m.v))
			return -EINVAL;
		if (wide ? guest_copy_to(list, &m, 8)
			 : arg_write_frame_number(v, list, &m))
			return -EFAULT;
	}
	return 0;
}

static int16_t status_of(int rc)
{
	return rc == -EFAULT ? GNTST_bad_virt_addr
	       : rc	     ? GNTST_general_error
			     : GNTST_okay;
}

/* ---- the table ---- */

static int setup_table(struct vcpu *v, union grant_arg *arg)
{
	struct gnttab_setup_table *op = &arg->setup;
	struct domain *d;
	int rc;

	op->status = (int16_t)table_of(v, op->dom, &d);
	if (op->status)
		return 0;
	rc = grant_grow(d, op->nr_frames);
	if (rc == -ERESTART)
		return rc;
	if (!rc)
		rc = frames_tell(v, d, false, 0, op->nr_frames,
				 (uint64_t)op->frame_list.p, false);
	op->status = status_of(rc);
	return 0;
}

static int query_size(struct vcpu *v, union grant_arg *arg)
{
	struct gnttab_query_size *op = &arg->query;
	struct grant_size size;
	struct domain *d;

	op->status = (int16_t)table_of(v, op->dom, &d);
	if (op->status)
		return 0;
	/* The first frame comes with the first question. */
	(void)!grant_grow(d, 1);
	grant_size_get(d, &size);
	op->nr_frames = size.frames;
	op->max_nr_frames = d->grant.max.frames;
	return 0;
}

/* The number that is in effect is told whatever comes of it. */
static int set_version(struct vcpu *v, union grant_arg *arg)
{
	int rc = grant_version_set(v->domain, arg->version.version);
	struct grant_size size;

	grant_size_get(v->domain, &size);
	if (rc != -ERESTART)
		arg->version.version = size.version;
	return rc;
}

static int get_version(struct vcpu *v, union grant_arg *arg)
{
	struct grant_size size;
	struct domain *d;
	int rc = table_of(v, arg->version_of.dom, &d);

	if (rc)
		return rc == GNTST_bad_domain ? -ESRCH : -EPERM;
	grant_size_get(d, &size);
	arg->version_of.version = size.version;
	return 0;
}

static int get_status_frames(struct vcpu *v, union grant_arg *arg)
{
	struct gnttab_get_status_frames *op = &arg->statuses;
	struct grant_size size;
	struct domain *d;
	int rc = -EINVAL;

	op->status = (int16_t)table_of(v, op->dom, &d);
	if (op->status)
		return 0;
	grant_size_get(d, &size);
	if (size.version == 2 && op->nr_frames <= size.status_frames)
		rc = frames_tell(v, d, true, 0, op->nr_frames,
				 (uint64_t)op->frame_list.p, true);
	op->status = status_of(rc);
	return 0;
}

static int transfer(struct vcpu *v, union grant_arg *arg)
{
	arg->transfer.status = (int16_t)grant_transfer(v, &arg->transfer);
	return 0;
}

static int swap_grant_ref(struct vcpu *v, union grant_arg *arg)
{
	arg->swap.status = (int16_t)grant_swap(v->domain, arg->swap.ref_a,
					       arg->swap.ref_b);
	return 0;
}

static int dump_table(struct vcpu *v, union grant_arg *arg)
{
	struct domain *d;

	arg->dump.status = GNTST_permission_denied;
	if (v->domain->privileged)
		arg->dump.status = (int16_t)table_of(v, arg->dump.dom, &d);
	if (!arg->dump.status)
		grant_dump(d);
	return 0;
}

/*
 * Devices see what processors have in their caches, so a range needs no
 * cleaning for them; one that does not look there is a privileged domain's,
 * and gets the whole cache. By references it is not to be had.
 */
static int cache_flush(struct vcpu *v, union grant_arg *arg)
{
	const struct gnttab_cache_flush *op = &arg->cache;
	struct frame *f;

	if ((op->op & ~(GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL)) ||
	    op->offset + op->length > PAGE_SIZE)
		return -EINVAL;
	if (op->op == GNTTAB_CACHE_INVAL)
		return -EOPNOTSUPP;
	f = frame_lookup(guest_mfn(op->a.dev_bus_addr >> PAGE_SHIFT));
	if (!f)
		return -EINVAL;
	if (v->domain->privileged)
		arch_cache_flush();
	else if (f->owner != v->domain->id)
		return -EPERM;
	return 0;
}

/* ---- mappings and copies: by words, the same in both widths ---- */

#define MAP_BYTES   sizeof(struct gnttab_map_grant_ref)
#define UNMAP_BYTES sizeof(struct gnttab_unmap_grant_ref)
_Static_assert(MAP_BYTES == 32 &&
		       offsetof(struct gnttab_map_grant_ref, dom) == 16 &&
		       offsetof(struct gnttab_map_grant_ref, dev_bus_addr) ==
			       24,
	       "words 2 and 3 have the answer");
_Static_assert(UNMAP_BYTES == 24 &&
		       sizeof(struct gnttab_unmap_and_replace) == 24 &&
		       offsetof(struct gnttab_unmap_grant_ref, handle) == 16,
	       "word 2 has the answer");

static inline int map_one(struct vcpu *v, uint64_t va)
{
	union {
		struct gnttab_map_grant_ref op;
		uint64_t word[4];
	} map;
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

static int map_some(struct vcpu *v, uint64_t va, uint32_t n, uint32_t *done)
{
	int rc = 0;

	while (!rc && *done < n) {
		rc = map_one(v, va + *done * MAP_BYTES);
		*done += !rc;
		if (!rc && *done < n && arch_preempt_pending())
			rc = -ERESTART;
	}
	return rc;
}

/* Loans that end with one flush. */
#define UNMAP_CHUNK 16U

static inline int unmap_chunk(struct vcpu *v, uint64_t va, uint32_t n,
			      bool replace, uint32_t *done)
{
	struct grant_unmap ops[UNMAP_CHUNK];
	int rc;

	n = MIN(n, UNMAP_CHUNK);
	for (uint32_t i = 0; i < n; i++)
		if (guest_words_from(ops[i].word, va + i * UNMAP_BYTES, 3))
			return -EFAULT;
	rc = grant_unmap(v, ops, n, replace, done);
	for (uint32_t i = 0; i < *done; i++)
		if (guest_word_to(va + i * UNMAP_BYTES + 16, ops[i].word[2]))
			return -EFAULT;
	return rc;
}

static int unmap_some(struct vcpu *v, uint64_t va, uint32_t n, uint32_t *done)
{
	return unmap_chunk(v, va, n, false, done);
}

static int replace_some(struct vcpu *v, uint64_t va, uint32_t n, uint32_t *done)
{
	return unmap_chunk(v, va, n, true, done);
}

/* The last eight bytes of the structure, in both widths. */
union copy_tail {
	struct {
		uint16_t len, flags;
		int16_t status;
	};
	uint64_t word;
};

static inline int copy_one(struct vcpu *v, uint64_t va, uint64_t bytes,
			   struct grant_sides *sides)
{
	union copy_tail tail = { .word = 0 };
	struct gnttab_copy op;

	if (arg_read_grant_copy(v, &op, va))
		return -EFAULT;
	tail.len = op.len;
	tail.flags = op.flags;
	tail.status = (int16_t)grant_copy(v, &op, sides);
	return guest_word_to(va + bytes - sizeof(tail), tail.word);
}

static int copy_some(struct vcpu *v, uint64_t va, uint32_t n, uint32_t *done)
{
	uint64_t bytes = arg_bytes_grant_copy(v);
	struct grant_sides sides;
	int rc = 0;

	sides.from.use.f = sides.to.use.f = NULL;
	while (!rc && *done < n) {
		rc = copy_one(v, va + *done * bytes, bytes, &sides);
		*done += !rc;
		if (!rc && *done < n && arch_preempt_pending())
			rc = -ERESTART;
	}
	grant_copies_end(&sides);
	return rc;
}

/* ---- the call ---- */

/*
 * Some entries of an array, *done of them, of those bytes by the guest's
 * width; or one, of those bytes or in that layout: alone, unless it may be in
 * an array.
 */
static const struct grant_op {
	int (*some)(struct vcpu *v, uint64_t va, uint32_t n, uint32_t *done);
	int (*one)(struct vcpu *v, union grant_arg *arg);
	uint8_t bytes[2];
	uint8_t layout; /* 0: none */
	bool array;
} ops[] = {
#define SAME(type) .bytes = { sizeof(struct type), sizeof(struct type) }
#define TWO(type, type32) \
	.bytes = { sizeof(struct type), sizeof(struct type32) }
	[GNTTABOP_map_grant_ref] = { map_some, SAME(gnttab_map_grant_ref) },
	[GNTTABOP_unmap_grant_ref] = { unmap_some,
				       SAME(gnttab_unmap_grant_ref) },
	[GNTTABOP_unmap_and_replace] = { replace_some,
					 SAME(gnttab_unmap_and_replace) },
	[GNTTABOP_copy] = { copy_some, TWO(gnttab_copy, grant_copy32) },
	[GNTTABOP_setup_table] = { .one = setup_table,
				   .layout = ARG_setup_table },
	[GNTTABOP_dump_table] = { .one = dump_table, SAME(gnttab_dump_table) },
	[GNTTABOP_transfer] = { .one = transfer,
				TWO(gnttab_transfer, grant_transfer32),
				.layout = ARG_grant_transfer,
				.array = true },
	[GNTTABOP_query_size] = { .one = query_size, SAME(gnttab_query_size) },
	[GNTTABOP_set_version] = { .one = set_version,
				   SAME(gnttab_set_version) },
	[GNTTABOP_get_status_frames] = { .one = get_status_frames,
					 .layout = ARG_status_frames },
	[GNTTABOP_get_version] = { .one = get_version,
				   SAME(gnttab_get_version) },
	[GNTTABOP_swap_grant_ref] = { .one = swap_grant_ref,
				      SAME(gnttab_swap_grant_ref),
				      .array = true },
	[GNTTABOP_cache_flush] = { .one = cache_flush,
				   SAME(gnttab_cache_flush),
				   .array = true },
};

static int one_do(struct vcpu *v, const struct grant_op *op, uint64_t va)
{
	union grant_arg arg;
	int rc = op->layout ? arg_read(v, op->layout, &arg, va)
			    : guest_copy_from(&arg, va, op->bytes[0]);

	if (rc)
		return rc;
	rc = op->one(v, &arg);
	if (rc == -ERESTART)
		return rc;
	return (op->layout ? arg_write(v, op->layout, va, &arg)
			   : guest_copy_to(va, &arg, op->bytes[0]))
		       ? -EFAULT
		       : rc;
}

/* The rest of an array, after the first `done`, of which rc came. */
static aside int rest_do(struct vcpu *v, struct call_args *args,
			 const struct grant_op *op, uint32_t done, int rc)
{
	for (;;) {
		args->a[1] += (uint64_t)done * op->bytes[v->domain->width];
		args->a[2] = (uint32_t)args->a[2] - done;
		if (rc || !args->a[2])
			return rc;
		if (arch_preempt_pending())
			return -ERESTART;
		done = 0;
		if (op->some)
			rc = op->some(v, args->a[1], (uint32_t)args->a[2],
				      &done);
		else
			done = !(rc = one_do(v, op, args->a[1]));
	}
}

long hc_grant_table_op(struct vcpu *v, struct call_args *args)
{
	uint32_t cmd = (uint32_t)args->a[0], count = (uint32_t)args->a[2];
	uint32_t done = 0;
	const struct grant_op *op;
	int rc;

	if (unlikely(count > INT32_MAX))
		return -EINVAL;
	if (unlikely(cmd >= ARRAY_SIZE(ops)))
		return -ENOSYS;
	op = &ops[cmd];
	if (likely(op->some != NULL)) {
		rc = op->some(v, args->a[1], count, &done);
		return likely(done == count) ? rc
					     : rest_do(v, args, op, done, rc);
	}
	if (op->array)
		return rest_do(v, args, op, 0, 0);
	return count == 1 ? one_do(v, op, args->a[1]) : -EINVAL;
}

/* ---- XENMEM_acquire_resource ---- */

#define STATUSES_PER_FRAME (GRANT_STATUSES / GRANT_ENTRIES_V2)

/* How many there may be, of statuses for all frames of the table. */
static uint32_t most(const struct domain *d, bool status)
{
	uint32_t n = d->grant.max.frames, per = STATUSES_PER_FRAME;

	return status ? ROUND_UP(n, per) / per : n;
}

/* The table grows for it, with pauses. */
static long acquire(struct vcpu *v, struct domain *d,
		    const struct xen_mem_acquire_resource *r)
{
	uint64_t end = r->frame + r->nr_frames, frames = end;
	struct grant_size size;
	int rc;

	if (!r->nr_frames || end < r->frame || end > most(d, r->id))
		return -EINVAL;
	grant_size_get(d, &size);
	if (r->id && size.version != 2)
		return -EINVAL;
	if (r->id)
		frames = (end - 1) * STATUSES_PER_FRAME + 1;
	rc = grant_grow(d, (uint32_t)frames);
	return rc ? rc
		  : frames_tell(v, d, r->id, (uint32_t)r->frame, r->nr_frames,
				(uint64_t)r->frame_list.p, false);
}

long memory_acquire(struct vcpu *v, uint64_t arg)
{
	struct xen_mem_acquire_resource r;
	struct domain *d;

	if (arg_read_acquire_resource(v, &r, arg))
		return -EFAULT;
	if (r.pad)
		return -EINVAL;
	d = domain_find(r.domid);
	if (!d || domain_is_dying(d))
		return -ESRCH;
	/* What is one's own is told by GNTTABOP_setup_table. */
	if (!v->domain->privileged || d == v->domain)
		return -EPERM;
	if (r.type != XENMEM_resource_grant_table)
		return -EOPNOTSUPP;
	if (r.id > XENMEM_resource_grant_table_id_status)
		return -EINVAL;
	if (r.frame_list.p)
		return acquire(v, d, &r);
	if (r.nr_frames)
		return -EINVAL;
	r.nr_frames = most(d, r.id);
	return arg_write_acquire_resource(v, arg, &r);
}
