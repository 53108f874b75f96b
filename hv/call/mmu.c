/* SPDX-License-Identifier: MIT */
/*
 * mmu_update, mmuext_op and their like: argument decoding, batches, progress.
 * What one request does is in mm/.
 *
 * A batch that is interrupted keeps its progress in the count's argument,
 * above bit 32, marked by bit 63. A guest may forge it: then it skips work
 * of its own. A 32-bit guest's registers have no room for that: there the
 * list's address and count go on, bit 31 is the mark, and what was done
 * before is kept where the guest wants to know it.
 */
#include "argument.h"
#include "call/call.h"
#include "frame/frame.h"
#include "mm/mm.h"

#define PROGRESS_MARK (1UL << 63)
#define PROGRESS_MAX  0x7fffffffUL
#define MARK32	      0x80000000UL

struct batch {
	uint64_t va;	  /* of the requests */
	uint32_t count;	  /* of them */
	uint32_t done;	  /* so many are complete */
	uint32_t before;  /* and so many before the first of these */
	uint32_t bytes;	  /* of one */
	uint64_t done_va; /* where the guest wants to know it; or 0 */
};

/* How guests of a width pass batches. */
struct batch_form {
	int (*decode)(const struct call_args *args, struct batch *b);
	/* The end of a batch, or of this part of it. */
	long (*end)(const struct batch *b, struct call_args *args, int rc);
	uint32_t ext_bytes;
	int (*ext_one)(struct vcpu *v, struct domain *d, uint64_t va);
};

static int batch_decode(const struct call_args *args, struct batch *b)
{
	uint64_t count = args->a[1];

	b->va = args->a[0];
	b->count = (uint32_t)count & PROGRESS_MAX;
	b->done = 0;
	b->before = 0;
	if (count & PROGRESS_MARK)
		b->done = (uint32_t)(count >> 32) & PROGRESS_MAX;
	else if (count & 0x80000000)
		return -EINVAL;
	b->done_va = args->a[2];
	return b->done > b->count ? -EINVAL : 0;
}

static long batch_end(const struct batch *b, struct call_args *args, int rc)
{
	if (rc == -ERESTART) {
		args->a[1] = PROGRESS_MARK | (uint64_t)b->done << 32 | b->count;
		return -ERESTART;
	}
	if (b->done_va && guest_copy_to(b->done_va, &b->done, sizeof(b->done)))
		return -EFAULT;
	return rc;
}

union ext_words {
	struct mmuext_op op;
	uint64_t word[3];
};
_Static_assert(sizeof(union ext_words) == sizeof(struct mmuext_op), "");

static inline int ext_one(struct vcpu *v, struct domain *d, uint64_t va)
{
	union ext_words ext;

	if (unlikely(guest_words_from(ext.word, va, 3)))
		return -EFAULT;
	return mm_ext_one(v, d, &ext.op);
}

static const struct batch_form form64 = { batch_decode, batch_end,
					  sizeof(struct mmuext_op), ext_one };

static int batch_decode32(const struct call_args *args, struct batch *b)
{
	*b = (struct batch){
		.va = args->a[0],
		.count = args->a[1] & PROGRESS_MAX,
		.done_va = args->a[2],
	};
	if (!(args->a[1] & MARK32) || !b->done_va)
		return 0;
	return guest_copy_from(&b->before, b->done_va, sizeof(b->before));
}

static long batch_end32(const struct batch *b, struct call_args *args, int rc)
{
	uint32_t done = b->before + b->done;

	if (rc == -ERESTART) {
		args->a[0] = b->va + (uint64_t)b->done * b->bytes;
		args->a[1] = MARK32 | (b->count - b->done);
	}
	if (b->done_va && guest_copy_to(b->done_va, &done, sizeof(done)))
		return -EFAULT;
	return rc;
}

static int ext_one32(struct vcpu *v, struct domain *d, uint64_t va)
{
	struct mmuext_op op;

	if (arg_read_mmuext_op(v, &op, va))
		return -EFAULT;
	return mm_ext_one(v, d, &op);
}

static const struct batch_form form32 = { batch_decode32, batch_end32,
					  sizeof(struct mmuext_op32),
					  ext_one32 };

/* Whose frames entries may name: besides domains' the machine's own, and the
 * m2p's; what each may be mapped by is mm/'s. */
static struct domain *owner_from_arg(struct vcpu *v, uint16_t id, int *error)
{
	if (unlikely(id == DOMID_IO))
		return &domain_io;
	if (unlikely(id == DOMID_XEN) && v->domain->privileged)
		return &domain_shown;
	return domain_from_arg(v, id, error);
}

/* mmu_update's last argument: whose frames (low half), whose tables. */
static int update_domains(struct vcpu *v, uint32_t arg, struct domain **frames,
			  struct domain **tables)
{
	uint32_t pt = arg >> 16;
	int rc = -ESRCH;

	*tables = v->domain;
	if (pt)
		*tables = domain_from_arg(v, (uint16_t)(pt - 1), &rc);
	if (!*tables)
		return rc;
	*frames = owner_from_arg(v, (uint16_t)arg, &rc);
	if (!*frames)
		return rc;
	/* Nobody's privilege lets another domain have what is not its own. */
	return *frames == *tables || *frames == &domain_io ||
			       (*tables)->privileged
		       ? 0
		       : -EPERM;
}

/* Requests copied in at once, between two looks at what else is to do. */
#define UPDATE_CHUNK 16

static int update_chunk(struct domain *tables, struct domain *frames,
			struct batch *b)
{
	struct mmu_update req[UPDATE_CHUNK];
	uint32_t n = MIN(b->count - b->done, (uint32_t)UPDATE_CHUNK);
	unsigned int done = 0;
	struct mm_locked m;
	int rc = -ESRCH;

	if (guest_copy_from(req, b->va + b->done * sizeof(req[0]),
			    n * sizeof(req[0])))
		return -EFAULT;
	m = mm_lock(tables);
	/* Looked at again: what begins after its end is never taken apart. */
	if (likely(!domain_is_dying(tables)))
		rc = mm_update(m, frames, req, n, &done);
	mm_unlock(m);
	b->done += done;
	return rc;
}

static aside long update_batch(struct vcpu *v, struct call_args *args,
			       const struct batch_form *form)
{
	struct domain *frames = NULL, *tables = NULL;
	struct batch b;
	int rc = form->decode(args, &b);

	b.bytes = sizeof(struct mmu_update);
	if (!rc)
		rc = update_domains(v, (uint32_t)args->a[3], &frames, &tables);
	while (!rc && b.done < b.count) {
		rc = update_chunk(tables, frames, &b);
		if (!rc && b.done < b.count && arch_preempt_pending())
			rc = -ERESTART;
	}
	return tables && frames ? form->end(&b, args, rc) : rc;
}

/* What kernels ask for: of their own, and they trust it to succeed. */
static bool is_plain(const struct call_args *args)
{
	return args->a[2] == 0 && args->a[3] == DOMID_SELF;
}

/* One chunk of it. */
static long update_few(struct domain *d, struct call_args *args, uint32_t n)
{
	struct mmu_update req[UPDATE_CHUNK];
	struct mm_locked m;
	unsigned int done;
	int rc;

	if (n == 1 ? guest_words_from(&req[0].ptr, args->a[0], 2)
		   : guest_copy_from(req, args->a[0], n * sizeof(req[0])))
		return -EFAULT;
	m = mm_lock(d);
	rc = mm_update(m, d, req, n, &done);
	mm_unlock(m);
	if (unlikely(rc == -ERESTART))
		args->a[1] = PROGRESS_MARK | (uint64_t)done << 32 | n;
	return rc;
}

long hc_mmu_update(struct vcpu *v, struct call_args *args)
{
	if (likely(is_plain(args)) && likely(args->a[1] <= UPDATE_CHUNK))
		return update_few(v->domain, args, (uint32_t)args->a[1]);
	return update_batch(v, args, &form64);
}

long hc_mmu_update32(struct vcpu *v, struct call_args *args)
{
	return update_batch(v, args, &form32);
}

static aside long ext_batch(struct vcpu *v, struct call_args *args,
			    const struct batch_form *form)
{
	struct domain *d;
	struct batch b;
	int rc = form->decode(args, &b);

	b.bytes = form->ext_bytes;
	if (rc)
		return rc;
	d = domain_from_arg(v, (uint16_t)args->a[3], &rc);
	while (!rc && d && b.done < b.count) {
		rc = form->ext_one(v, d, b.va + (uint64_t)b.done * b.bytes);
		if (rc)
			break;
		b.done++;
		if (b.done < b.count && arch_preempt_pending())
			rc = -ERESTART;
	}
	return form->end(&b, args, rc);
}

long hc_mmuext_op(struct vcpu *v, struct call_args *args)
{
	/* Interrupted, it is made again as it is. */
	if (likely(is_plain(args)) && likely(args->a[1] == 1))
		return ext_one(v, v->domain, args->a[0]);
	return ext_batch(v, args, &form64);
}

long hc_mmuext_op32(struct vcpu *v, struct call_args *args)
{
	return ext_batch(v, args, &form32);
}

long hc_update_va_mapping(struct vcpu *v, struct call_args *args)
{
	return mm_update_va(v, args->a[0], args->a[1], args->a[2], v->domain);
}

long hc_update_va_mapping_otherdomain(struct vcpu *v, struct call_args *args)
{
	int rc = 0;
	struct domain *d = owner_from_arg(v, (uint16_t)args->a[3], &rc);

	return d ? mm_update_va(v, args->a[0], args->a[1], args->a[2], d) : rc;
}

long hc_set_gdt(struct vcpu *v, struct call_args *args)
{
	uint64_t frames[GDT_GUEST_PAGES] = { 0 };
	uint32_t entries = (uint32_t)args->a[1];
	uint64_t pages = ((uint64_t)entries + 511) / 512;

	if (entries > FIRST_RESERVED_GDT_ENTRY)
		return -EINVAL;
	if (guest_copy_from(frames, args->a[0], pages * sizeof(frames[0])))
		return -EFAULT;
	return mm_gdt_set(v, frames, entries);
}

long hc_update_descriptor(struct vcpu *v, struct call_args *args)
{
	return mm_descriptor_update(v->domain, args->a[0], args->a[1]);
}
