/* SPDX-License-Identifier: MIT */
/*
 * From a domain without memory to one that can run a kernel. The domain's
 * own tools could do all of this with hypercalls; what is done here for a
 * guest that nobody else builds obeys the same laws: memory comes from the
 * allocator against the domain's limit, and the finished page tables are
 * validated by mm/ before the first vcpu may use them.
 *
 * The frames come in the largest pieces there are, so that a guest's memory
 * is a few runs of machine memory. While we build, an array of our own says
 * which frame each page is; the guest's list of frames is copied from it.
 */
#include "console/console.h"
#include "event/event.h"
#include "frame/frame.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "lifecycle/parts.h"
#include "log/log.h"
#include "mm/mm.h"
#include "sched/sched.h"
#include "time/time.h"

#define MAGIC	     "xen-3.0-x86_64"
#define EFLAGS_START 0x202 /* IF, and the bit that is always 1 */

/* ---- memory ---- */

static int memory_short(const struct domain *d, uint64_t asked, uint64_t have)
{
	log_error("guest %s: %lu MiB asked for, %lu MiB free", d->name,
		  asked >> (20 - PAGE_SHIFT), have >> (20 - PAGE_SHIFT));
	return -ENOMEM;
}

static void pages_note(struct build *b, uint64_t pfn, struct frame *f,
		       uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		b->p2m[pfn + i] = frame_mfn(f + i).v;
		mm_m2p_set(f + i, pfn + i);
	}
}

static int memory_allocate(struct build *b)
{
	uint64_t pages = b->image->pages, have = frame_free_pages(), done = 0;
	unsigned int order = FRAME_MAX_ORDER;

	while (done < pages) {
		struct frame *f;

		while (1UL << order > pages - done)
			order--;
		if (frame_alloc_domain(b->d, order, &f)) {
			if (order == 0)
				return memory_short(b->d, pages, have);
			order--;
			continue;
		}
		pages_note(b, done, f, 1UL << order);
		done += 1UL << order;
	}
	return 0;
}

/* ---- contents ---- */

/* Writes to the domain's memory at a byte address within it. */
static void copy_in(const struct build *b, uint64_t paddr, const void *src,
		    size_t n)
{
	const char *from = src;

	while (n) {
		size_t offset = paddr & ~PAGE_MASK;
		size_t piece = MIN(n, PAGE_SIZE - offset);
		char *page = build_page(b, paddr >> PAGE_SHIFT);

		guest_write(b->d, page + offset, from, piece);
		paddr += piece;
		from += piece;
		n -= piece;
	}
}

static void kernel_load(const struct build *b)
{
	const struct kernel_image *k = b->image->kernel;

	/* What follows a segment's bytes is zero: the frames are. */
	for (unsigned int i = 0; i < k->nr_segments; i++)
		copy_in(b, k->segment[i].vaddr - k->virt_base,
			k->data + k->segment[i].offset, k->segment[i].filesz);
	if (k->has_hypercall_page)
		lifecycle_hypercall_page_fill(build_page(
			b, (k->hypercall_page - k->virt_base) >> PAGE_SHIFT));
}

static void cmdline_fill(const struct build *b, struct start_info *si)
{
	const char *line = b->image->cmdline ? b->image->cmdline : "";
	size_t n = strnlen(line, MAX_GUEST_CMDLINE);

	if (n == MAX_GUEST_CMDLINE) {
		n--;
		log_warn("guest %s: command line cut after %zu characters",
			 b->d->name, n);
	}
	memcpy(si->cmd_line, line, n);
}

static void start_info_fill(const struct build *b)
{
	const struct domain_image *image = b->image;
	const struct layout *l = &b->layout;
	struct domain *d = b->d;
	struct start_info *si = build_page(b, l->start_info.pfn);

	memcpy(si->magic, MAGIC, sizeof(MAGIC));
	si->nr_pages = image->pages;
	si->shared_info = mfn_to_maddr(frame_mfn(d->shared_frame)).v;
	si->flags = (d->privileged ? SIF_PRIVILEGED : 0) |
		    (image->initial ? SIF_INITDOMAIN : 0);
	si->pt_base = layout_va(l, l->tables.pfn);
	si->nr_pt_frames = l->tables.pages;
	si->mfn_list = l->p2m_va;
	if (l->ramdisk.pages) {
		si->mod_start = l->ramdisk_apart ? l->ramdisk.pfn
						 : layout_va(l, l->ramdisk.pfn);
		si->mod_len = image->ramdisk_bytes;
		si->flags |= l->ramdisk_apart ? SIF_MOD_START_PFN : 0;
	}
	if (l->p2m_apart) {
		si->first_p2m_pfn = l->p2m.pfn;
		si->nr_p2m_frames = l->p2m.pages + l->p2m_tables.pages;
	}
	cmdline_fill(b, si);
}

/* The ring page is ours to write as long as the domain exists. */
static int console_make(const struct build *b)
{
	struct start_info *si = build_page(b, b->layout.start_info.pfn);
	uint64_t m = b->p2m[b->layout.console.pfn];
	struct frame *f = frame_of(mfn(m));
	uint32_t port;
	int rc;

	if (b->layout.console.pages == 0)
		return 0;
	if (!frame_get_writable(f, b->d))
		return -EINVAL;
	rc = event_alloc_console(b->d, &port);
	if (rc) {
		frame_put_writable(f);
		return rc;
	}
	console_guest_attach(b->d, frame_ptr(f), port);
	si->console.domU.mfn = m;
	si->console.domU.evtchn = port;
	return 0;
}

/* ---- the first vcpu ---- */

/* A long validation is interrupted; nothing else is to be done here. */
static int tables_validate(const struct build *b)
{
	struct vcpu *v = b->d->vcpu[0];
	struct mmuext_op pin = { .cmd = MMUEXT_PIN_L4_TABLE };
	int rc;

	pin.arg1.mfn = b->p2m[b->layout.tables.pfn];
	do
		rc = mm_root_set(v, false, guest_mfn(pin.arg1.mfn));
	while (rc == -ERESTART);
	if (!rc)
		rc = mm_ext_one(v, b->d, &pin);
	if (rc)
		log_error("guest %s: its first page tables are refused (%d)",
			  b->d->name, rc);
	return rc;
}

static void vcpu_start(const struct build *b)
{
	const struct layout *l = &b->layout;
	struct vcpu *v = b->d->vcpu[0];

	v->saved.rip = b->image->kernel->entry;
	v->saved.cs = FLAT_KERNEL_CS;
	v->saved.ss = FLAT_KERNEL_SS;
	v->saved.rflags = EFLAGS_START;
	v->saved.rsp = layout_va(l, l->stack.pfn + l->stack.pages);
	v->saved.rsi = layout_va(l, l->start_info.pfn);
	v->trap.kernel_sp = v->saved.rsp;
	v->trap.kernel_ss = FLAT_KERNEL_SS;
	v->initialised = true;
	time_update_vcpu(v);
	time_update_wallclock(b->d);
	sched_start(v, VCPU_DOWN);
}

/* ---- all together ---- */

static int plan(struct build *b)
{
	const struct domain_image *image = b->image;
	const char *name = b->d->name;

	if (layout_plan(image->kernel, image->ramdisk_bytes, image->pages,
			!image->initial, &b->layout)) {
		log_error("guest %s: its kernel at %#lx and %zu KiB of ramdisk "
			  "do not fit its address space",
			  name, image->kernel->vstart,
			  image->ramdisk_bytes >> 10);
		return -EINVAL;
	}
	if (b->layout.used > image->pages) {
		log_error("guest %s: %lu KiB asked for, its kernel, ramdisk "
			  "and tables need %lu KiB",
			  name, image->pages << 2, b->layout.used << 2);
		return -EINVAL;
	}
	if (frame_free_pages() < image->pages)
		return memory_short(b->d, image->pages, frame_free_pages());
	return 0;
}

static int fill(struct build *b)
{
	const struct layout *l = &b->layout;
	int rc = memory_allocate(b);

	if (rc)
		return rc;
	kernel_load(b);
	copy_in(b, l->ramdisk.pfn << PAGE_SHIFT, b->image->ramdisk,
		b->image->ramdisk_bytes);
	copy_in(b, l->p2m.pfn << PAGE_SHIFT, b->p2m,
		b->image->pages * sizeof(*b->p2m));
	start_info_fill(b);
	tables_build(b);
	rc = tables_validate(b);
	if (rc)
		return rc;
	rc = console_make(b);
	if (rc) {
		log_error("guest %s: no console (%d)", b->d->name, rc);
		return rc;
	}
	vcpu_start(b);
	return 0;
}

int lifecycle_build(struct domain *d, const struct domain_image *image)
{
	struct build b = { .d = d, .image = image };
	size_t bytes = image->pages * sizeof(*b.p2m);
	int rc = plan(&b);

	if (rc)
		return rc;
	b.p2m = frame_alloc_bytes(bytes);
	if (!b.p2m) {
		log_error("guest %s: no %zu KiB in one piece to list its "
			  "memory",
			  d->name, bytes >> 10);
		return -ENOMEM;
	}
	rc = fill(&b);
	frame_free_bytes(b.p2m, bytes);
	return rc;
}

void lifecycle_unpause(struct domain *d)
{
	uint32_t building = DOMAIN_BUILDING;

	if (!atomic32_cmpxchg(&d->state, &building, DOMAIN_ALIVE))
		return;
	event_timer_start(d->vcpu[0]);
	sched_start_domain(d, VCPU_PAUSED);
}
