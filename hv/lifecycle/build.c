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

#define EFLAGS_START 0x202 /* IF, and the bit that is always 1 */

static void p2m_copy(const struct build *b);
static void p2m_copy32(const struct build *b);
static void start_info_keep(struct start_info *si);
static void start_info_narrow(struct start_info *si);

/* What the width of the guest means for what we build. */
static const struct form {
	char magic[32];
	unsigned int pin; /* of the root */
	uint16_t cs, ss, ds;
	void (*p2m)(const struct build *b);
	/* Gives the finished start_info its layout, in place. */
	void (*start_info)(struct start_info *si);
} forms[] = {
	[WIDTH_64] = { "xen-3.0-x86_64", MMUEXT_PIN_L4_TABLE, FLAT_KERNEL_CS,
		       FLAT_KERNEL_SS, 0, p2m_copy, start_info_keep },
	[WIDTH_32] = { "xen-3.0-x86_32p", MMUEXT_PIN_L3_TABLE,
		       FLAT_KERNEL_CS_X86_32, FLAT_KERNEL_SS_X86_32,
		       FLAT_KERNEL_DS_X86_32, p2m_copy32, start_info_narrow },
};

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
		lifecycle_hypercall_page_fill(
			build_page(b, (k->hypercall_page - k->virt_base) >>
					      PAGE_SHIFT),
			b->d->width);
}

static void p2m_copy(const struct build *b)
{
	copy_in(b, b->layout.p2m.pfn << PAGE_SHIFT, b->p2m,
		b->image->pages * sizeof(*b->p2m));
}

static void p2m_copy32(const struct build *b)
{
	uint64_t at = b->layout.p2m.pfn << PAGE_SHIFT;

	for (uint64_t i = 0; i < b->image->pages; i++) {
		uint32_t m = (uint32_t)b->p2m[i];

		copy_in(b, at + i * sizeof(m), &m, sizeof(m));
	}
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

/* Right behind it in its page. */
static void screen_fill(struct start_info *si)
{
	if (!arch_screen_info((struct dom0_vga_console_info *)(si + 1)))
		return;
	si->console.dom0.info_off = sizeof(*si);
	si->console.dom0.info_size = sizeof(struct dom0_vga_console_info);
}

static void start_info_fill(const struct build *b)
{
	const struct domain_image *image = b->image;
	const struct layout *l = &b->layout;
	struct domain *d = b->d;
	struct start_info *si = build_page(b, l->start_info.pfn);

	memcpy(si->magic, forms[d->width].magic, sizeof(si->magic));
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
	if (image->initial && d->width == WIDTH_64)
		screen_fill(si);
	cmdline_fill(b, si);
}

static void start_info_keep(struct start_info *si)
{
	(void)si;
}

static void start_info_narrow(struct start_info *si)
{
	const struct start_info w = *si;
	struct start_info_x86_32 *n = (struct start_info_x86_32 *)si;

	memset(si, 0, sizeof(*si));
	memcpy(n->magic, w.magic, sizeof(n->magic));
	memcpy(n->cmd_line, w.cmd_line, sizeof(n->cmd_line));
#define NARROWER(field) n->field = (uint32_t)w.field
	NARROWER(nr_pages), NARROWER(shared_info), NARROWER(flags);
	NARROWER(store_mfn), NARROWER(store_evtchn);
	NARROWER(console.domU.mfn), NARROWER(console.domU.evtchn);
	NARROWER(pt_base), NARROWER(nr_pt_frames), NARROWER(mfn_list);
	NARROWER(mod_start), NARROWER(mod_len);
	NARROWER(first_p2m_pfn), NARROWER(nr_p2m_frames);
#undef NARROWER
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
	struct mmuext_op pin = { .cmd = forms[b->d->width].pin };
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
	const struct form *form = &forms[b->d->width];
	const struct layout *l = &b->layout;
	struct vcpu *v = b->d->vcpu[0];

	v->saved.rip = b->image->kernel->entry;
	v->saved.cs = form->cs;
	v->saved.ss = form->ss;
	v->saved.ds = v->saved.es = v->saved.fs = v->saved.gs = form->ds;
	v->saved.rflags = EFLAGS_START;
	v->saved.rsp = layout_va(l, l->stack.pfn + l->stack.pages);
	v->saved.rsi = layout_va(l, l->start_info.pfn);
	v->trap.kernel_sp = v->saved.rsp;
	v->trap.kernel_ss = form->ss;
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
	forms[b->d->width].p2m(b);
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
	forms[b->d->width].start_info(build_page(b, l->start_info.pfn));
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
	if (!sched_is_stopped(d->vcpu[0], VCPU_DOWN))
		event_timer_start(d->vcpu[0]);
	sched_start_domain(d, VCPU_PAUSED);
}
