/* SPDX-License-Identifier: MIT */
/*
 * From an ELF file to what a domain is built of.
 *
 * Where things go follows from two numbers of the notes. A segment's
 * physical address, less PADDR_OFFSET, is its place in the domain's own
 * memory, counted from 0; that memory is mapped in one piece from VIRT_BASE
 * on. (The virtual addresses of the segments say nothing: Linux has a
 * segment for per-CPU data that is linked at 0.)
 *
 *	p_paddr - PADDR_OFFSET          pseudo-physical
 *	        + VIRT_BASE             virtual
 *
 * All sums are checked here once. Below PADDR_LIMIT, adding a few
 * pseudo-physical numbers cannot overflow.
 */
#include "abi.h"
#include "errno.h"
#include "image/features.h"
#include "image/image.h"
#include "image/notes.h"
#include "lib/string.h"

#define PADDR_LIMIT  (1UL << 40)
#define LOW_HALF_END 0x0000800000000000UL

/* Copies a text for people: printable characters only. */
static void copy_text(char *to, size_t room, struct note_text from)
{
	size_t n = MIN(from.n, room - 1);

	for (size_t i = 0; i < n; i++)
		to[i] = from.p[i] >= ' ' && from.p[i] < 127 ? from.p[i] : '?';
	to[n] = '\0';
}

/* The hypervisor's addresses, and how far those below them go, by width. */
static const struct space {
	uint64_t low_end, hv_start, hv_end;
} spaces[] = {
	[WIDTH_64] = { LOW_HALF_END, ABI_HV_START, ABI_HV_END },
	[WIDTH_32] = { ABI_HV32_START, ABI_HV32_START, UINT64_MAX },
};

/* Whether [start, end) is canonical and free of the hypervisor's addresses. */
static bool range_is_guests(const struct kernel_image *k, uint64_t start,
			    uint64_t end)
{
	const struct space *s = &spaces[k->width];

	return start < end && (end <= s->low_end || start >= s->hv_end);
}

static int segment_add(const struct elf_segment *s, struct kernel_image *out,
		       struct image_error *err)
{
	struct image_segment *seg = &out->segment[out->nr_segments];
	unsigned int nr = out->nr_segments;

	if (nr == IMAGE_SEGMENTS_MAX)
		return image_fail(err, -EBADMSG,
				  "more than %u segments to load", nr);
	if (s->filesz > s->memsz)
		return image_fail(err, -EBADMSG,
				  "segment %u: %lu bytes in the file, %lu in "
				  "memory",
				  nr, s->filesz, s->memsz);
	if (!elf_range_ok(s->offset, s->filesz, out->size))
		return image_fail(err, -EBADMSG,
				  "truncated ELF file: %lu bytes, segment %u "
				  "has %lu at %lu",
				  out->size, nr, s->filesz, s->offset);
	*seg = (struct image_segment){
		.paddr = s->paddr,
		.offset = s->offset,
		.filesz = s->filesz,
		.memsz = s->memsz,
	};
	out->nr_segments++;
	return 0;
}

static int segments_collect(const struct elf_file *elf,
			    struct kernel_image *out, struct image_error *err)
{
	int ret = 0;

	for (unsigned int i = 0; ret == 0 && i < elf->nr_segments; i++) {
		struct elf_segment s = elf_get_segment(elf, i);

		if (s.type == ELF_SEGMENT_LOAD && s.memsz > 0)
			ret = segment_add(&s, out, err);
	}
	if (ret == 0 && out->nr_segments == 0)
		return image_fail(err, -ENOEXEC,
				  "ELF file with nothing to load");
	return ret;
}

/* From the file's physical addresses to the domain's, and virtual ones. */
static int segment_place(struct kernel_image *out, unsigned int nr,
			 struct image_error *err)
{
	struct image_segment *s = &out->segment[nr];
	uint64_t paddr = s->paddr - out->paddr_offset, vend;

	/* Modulo 2^64: an address below the offset comes out huge. */
	if (paddr >= PADDR_LIMIT || s->memsz > PADDR_LIMIT - paddr)
		return image_fail(err, -EBADMSG,
				  "segment %u: %lu bytes at %#lx, with "
				  "PADDR_OFFSET %#lx out of range",
				  nr, s->memsz, s->paddr, out->paddr_offset);
	s->paddr = paddr;
	if (__builtin_add_overflow(paddr, out->virt_base, &s->vaddr) ||
	    __builtin_add_overflow(s->vaddr, s->memsz, &vend) ||
	    !range_is_guests(out, s->vaddr, vend))
		return image_fail(err, -EBADMSG,
				  "segment %u: %lu bytes at virtual %#lx are "
				  "not a guest's",
				  nr, s->memsz, s->vaddr);
	if (nr == 0 || s->vaddr < out->vstart)
		out->vstart = s->vaddr;
	if (nr == 0 || vend > out->vend)
		out->vend = vend;
	return 0;
}

static int segments_check_overlap(const struct kernel_image *k,
				  struct image_error *err)
{
	const struct image_segment *s = k->segment;

	for (unsigned int i = 0; i < k->nr_segments; i++)
		for (unsigned int j = 0; j < i; j++)
			if (s[i].paddr < s[j].paddr + s[j].memsz &&
			    s[j].paddr < s[i].paddr + s[i].memsz)
				return image_fail(err, -EBADMSG,
						  "segments %u and %u overlap "
						  "at %#lx",
						  j, i,
						  MAX(s[i].paddr, s[j].paddr));
	return 0;
}

static int segments_place(struct kernel_image *out, struct image_error *err)
{
	int ret = 0;

	if (out->virt_base % PAGE_SIZE)
		return image_fail(err, -EBADMSG,
				  "VIRT_BASE %#lx is not that of a page",
				  out->virt_base);
	for (unsigned int i = 0; ret == 0 && i < out->nr_segments; i++)
		ret = segment_place(out, i, err);
	/* Loaded in one half, all of it is: what lies between is mapped. */
	if (ret == 0 && !range_is_guests(out, out->vstart, out->vend))
		return image_fail(err, -EBADMSG,
				  "virtual %#lx to %#lx are not a guest's",
				  out->vstart, out->vend);
	return ret ? ret : segments_check_overlap(out, err);
}

static bool in_image(const struct kernel_image *k, uint64_t vaddr)
{
	return vaddr >= k->vstart && vaddr < k->vend;
}

static int addresses_check(const struct kernel_image *k,
			   struct image_error *err)
{
	uint64_t page = k->hypercall_page, p2m = k->p2m_base;
	uint64_t hv_start = spaces[k->width].hv_start;

	if (!in_image(k, k->entry))
		return image_fail(err, -EBADMSG,
				  "the entry %#lx is outside the image, %#lx "
				  "to %#lx",
				  k->entry, k->vstart, k->vend);
	if (k->has_hypercall_page && (page % PAGE_SIZE || !in_image(k, page) ||
				      k->vend - page < PAGE_SIZE))
		return image_fail(err, -EBADMSG,
				  "HYPERCALL_PAGE %#lx is no page of the "
				  "image, %#lx to %#lx",
				  page, k->vstart, k->vend);
	if (k->has_p2m_base &&
	    (p2m % PAGE_SIZE || p2m > UINT64_MAX - PAGE_SIZE ||
	     !range_is_guests(k, p2m, p2m + PAGE_SIZE) || in_image(k, p2m)))
		return image_fail(err, -EBADMSG,
				  "INIT_P2M %#lx is no place for a table", p2m);
	if (k->has_hv_start_low && k->hv_start_low > hv_start)
		return image_fail(err, -EOPNOTSUPP,
				  "the kernel wants the hypervisor above %#lx, "
				  "it is at %#lx",
				  k->hv_start_low, hv_start);
	return 0;
}

static void notes_apply(const struct xen_notes *notes, uint64_t elf_entry,
			struct kernel_image *out)
{
	const uint64_t *n = notes->number;

	out->legacy = notes->legacy;
	out->entry = notes_have(notes, XEN_ELFNOTE_ENTRY) ? n[XEN_ELFNOTE_ENTRY]
							  : elf_entry;
	out->virt_base = n[XEN_ELFNOTE_VIRT_BASE];
	out->paddr_offset = n[XEN_ELFNOTE_PADDR_OFFSET];
	out->has_hypercall_page = notes_have(notes, XEN_ELFNOTE_HYPERCALL_PAGE);
	out->hypercall_page = n[XEN_ELFNOTE_HYPERCALL_PAGE];
	out->has_p2m_base = notes_have(notes, XEN_ELFNOTE_INIT_P2M);
	out->p2m_base = n[XEN_ELFNOTE_INIT_P2M];
	out->has_hv_start_low = notes_have(notes, XEN_ELFNOTE_HV_START_LOW);
	out->hv_start_low = n[XEN_ELFNOTE_HV_START_LOW];
	out->mod_start_pfn = n[XEN_ELFNOTE_MOD_START_PFN] != 0;
	out->suspend_cancel = n[XEN_ELFNOTE_SUSPEND_CANCEL] != 0;
	out->bsd_symtab = notes_text_is(notes, XEN_ELFNOTE_BSD_SYMTAB, "yes");
	out->l1_mfn_mask = notes->l1_mfn_mask;
	out->l1_mfn_value = notes->l1_mfn_value;
	copy_text(out->guest_os, sizeof(out->guest_os),
		  notes->text[XEN_ELFNOTE_GUEST_OS]);
	copy_text(out->guest_version, sizeof(out->guest_version),
		  notes->text[XEN_ELFNOTE_GUEST_VERSION]);
}

/* Whether the kernel asks for the interface and the loader that we are. */
static int notes_check(const struct xen_notes *notes, struct image_error *err)
{
	char text[24];

	if (!notes->present)
		return image_fail(err, -ENOEXEC,
				  "not a Xen guest kernel: no Xen notes");
	if (notes_have(notes, XEN_ELFNOTE_XEN_VERSION) &&
	    !notes_text_is(notes, XEN_ELFNOTE_XEN_VERSION, "xen-3.0") &&
	    !(notes->legacy &&
	      notes_text_is(notes, XEN_ELFNOTE_XEN_VERSION, "3.0"))) {
		copy_text(text, sizeof(text),
			  notes->text[XEN_ELFNOTE_XEN_VERSION]);
		return image_fail(err, -EOPNOTSUPP,
				  "the kernel is for the interface '%s', not "
				  "'xen-3.0'",
				  text);
	}
	if (notes_have(notes, XEN_ELFNOTE_LOADER) &&
	    !notes_text_is(notes, XEN_ELFNOTE_LOADER, "generic")) {
		copy_text(text, sizeof(text), notes->text[XEN_ELFNOTE_LOADER]);
		return image_fail(err, -EOPNOTSUPP,
				  "the kernel is for the loader '%s', not "
				  "'generic'",
				  text);
	}
	return 0;
}

/* A 32-bit kernel must be for page tables of three levels: that is ours. */
static int check_pae(const struct xen_notes *notes,
		     const struct kernel_image *k, struct image_error *err)
{
	static const char *const good[] = { "yes", "yes[extended-cr3]",
					    "bimodal" };

	if (k->width == WIDTH_64)
		return 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(good); i++)
		if (notes_text_is(notes, XEN_ELFNOTE_PAE_MODE, good[i]))
			return 0;
	return image_fail(err, -EOPNOTSUPP, "a 32-bit kernel without PAE");
}

/*
 * A kernel for hardware virtualization has PHYS32_ENTRY. One that can do
 * both has a paravirtual entry besides: a note, or at least a hypercall page
 * and an entry in the ELF header that is a virtual address.
 */
static int check_paravirtual(const struct xen_notes *notes,
			     const struct kernel_image *k,
			     struct image_error *err)
{
	if (!notes_have(notes, XEN_ELFNOTE_PHYS32_ENTRY) ||
	    notes_have(notes, XEN_ELFNOTE_ENTRY) ||
	    (k->has_hypercall_page && in_image(k, k->entry)))
		return 0;
	return image_fail(err, -ENOEXEC,
			  "a kernel for hardware virtualization only (HVM or "
			  "PVH): no paravirtual entry");
}

int image_parse(const void *data, size_t size, struct kernel_image *out,
		struct image_error *err)
{
	struct elf_file elf;
	struct xen_notes notes;
	int ret;

	*out = (struct kernel_image){ .data = data, .size = size };
	ret = elf_open(data, size, &elf, err);
	out->width = (uint8_t)elf.width;
	if (ret == 0)
		ret = segments_collect(&elf, out, err);
	if (ret == 0)
		ret = notes_collect(&elf, &notes, err);
	if (ret == 0)
		ret = notes_check(&notes, err);
	if (ret)
		return ret;
	notes_apply(&notes, elf.header.entry, out);
	ret = segments_place(out, err);
	if (ret == 0)
		ret = check_paravirtual(&notes, out, err);
	if (ret == 0)
		ret = check_pae(&notes, out, err);
	if (ret == 0)
		ret = features_parse(&notes, out, err);
	return ret ? ret : addresses_check(out, err);
}
