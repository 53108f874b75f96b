/* SPDX-License-Identifier: MIT */
/*
 * What processors remember. A stale translation does no harm as long as the
 * frame it leads to is still what it was: the same owner's, and not a table
 * or descriptor page if the translation lets the guest write. A cached entry
 * of an upper level does none as long as the table it leads to is a table of
 * that level that the guest cannot write. Free frames do none: they are
 * flushed before they are used again, and scrubbed after that. While a
 * domain's writes are noted, what can be written without a fault is noted.
 */
#include "mm/mm.h"
#include "parts.h"

static void check_page(unsigned int cpu, const struct host_tlb_entry *e,
		       const struct frame *f)
{
	const struct vcpu *v = host_cpus[cpu].current;

	if (e->writable && oracle_type(f) > FRAME_WRITABLE)
		oracle_fault("cpu %u can write through %#lx to frame %#lx, "
			     "type word %#lx",
			     cpu, e->va, e->mfn, f->type.v);
	if (e->writable && f->owner == DOMID_XEN)
		oracle_fault("cpu %u can write through %#lx to our frame %#lx",
			     cpu, e->va, e->mfn);
	if (v && !v->domain->privileged && f->owner != v->domain->id &&
	    f->owner != DOMID_XEN &&
	    !oracle_lent(v->domain, e->mfn, e->writable))
		oracle_fault("cpu %u of dom%u reaches through %#lx frame %#lx "
			     "of dom%u, which it was not lent",
			     cpu, v->domain->id, e->va, e->mfn, f->owner);
	if (e->writable && v && v->domain->frames.logging &&
	    !dirty_noted(v->domain, f))
		oracle_fault("cpu %u can write through %#lx to frame %#lx, "
			     "unnoted",
			     cpu, e->va, e->mfn);
	if (e->global)
		oracle_fault("cpu %u: the translation of %#lx is global", cpu,
			     e->va);
}

static void check_entry(unsigned int cpu, const struct host_tlb_entry *e,
			void *arg)
{
	const struct frame *f;

	(void)arg;
	if (e->mfn >= frame_limit) {
		if (e->level > 1)
			oracle_fault("cpu %u walks out of memory at %#lx", cpu,
				     e->va);
		return;
	}
	f = frame_of(mfn(e->mfn));
	if (!oracle_allocated(f))
		return;
	if (f->owner != e->owner)
		oracle_fault("cpu %u reaches through %#lx frame %#lx, which "
			     "was dom%u's and is dom%u's",
			     cpu, e->va, e->mfn, e->owner, f->owner);
	if (e->level == 1)
		check_page(cpu, e, f);
	else if (f->owner == DOMID_XEN)
		return; /* a shadow: its pool is not reused before a flush */
	else if (!oracle_is_table(oracle_type(f)) ||
		 oracle_level(oracle_type(f)) != e->level - 1U)
		oracle_fault("cpu %u walks at %#lx through frame %#lx as a "
			     "table of level %u, type word %#lx",
			     cpu, e->va, e->mfn, e->level - 1U, f->type.v);
}

static void check_segments(unsigned int cpu, const struct vcpu *v,
			   const uint64_t *frames, unsigned int n,
			   const char *what)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct frame *f = frame_of(mfn(frames[i]));

		if (!frames[i])
			continue;
		if (oracle_type(f) != FRAME_SEGDESC ||
		    !(f->type.v & FRAME_VALIDATED) || !v ||
		    f->owner != v->domain->id)
			oracle_fault("cpu %u has loaded frame %#lx as its %s, "
				     "type word %#lx",
				     cpu, frames[i], what, f->type.v);
	}
}

static void check_cpu(unsigned int cpu)
{
	const struct vcpu *v = host_cpus[cpu].current;
	const struct frame *root = v ? root_guest(v) : NULL, *want = root;
	uint64_t loaded = host_root(cpu);

	if (root && v->mm.shadow_root[v->trap.kernel_mode])
		want = v->mm.shadow_root[v->trap.kernel_mode];
	if (loaded != (want ? frame_mfn(want).v : 0))
		oracle_fault("cpu %u has root %#lx loaded, its vcpu has %#lx",
			     cpu, loaded, want ? frame_mfn(want).v : 0);
	if (root && host_guest_root(cpu) != (v->domain->mm.separated
						     ? want->companion + cpu
						     : frame_mfn(want).v))
		oracle_fault("cpu %u: its guest runs on %#lx, root %#lx", cpu,
			     host_guest_root(cpu), loaded);
	if (root && host_root_is_narrow(cpu) != (v->domain->width == WIDTH_32))
		oracle_fault("cpu %u has a root of the wrong width", cpu);
	if (root &&
	    (oracle_type(root) !=
		     (host_root_is_narrow(cpu) ? FRAME_L3_ROOT : FRAME_L4) ||
	     !(root->type.v & FRAME_VALIDATED)))
		oracle_fault("cpu %u: root %#lx has type word %#lx", cpu,
			     loaded, root->type.v);
	check_segments(cpu, v, host_loaded(cpu)->gdt, GDT_GUEST_PAGES, "GDT");
	check_segments(cpu, v, host_loaded(cpu)->ldt, LDT_PAGES, "LDT");
	if (host_locks_held(cpu))
		oracle_fault("cpu %u holds a lock", cpu);
}

void oracle_cached(void)
{
	host_tlb_each(check_entry, NULL);
	for (unsigned int cpu = 0; cpu < host_nr_cpus; cpu++)
		check_cpu(cpu);
}
