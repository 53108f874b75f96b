/* SPDX-License-Identifier: MIT */
/*
 * The notes of an ELF file. Each is
 *
 *	name size | description size | type | name, padded | description, padded
 *
 * with 4-byte sizes and padding to 4. A segment ends where it says, whatever
 * its last note claims: GRUB for i386 has one that claims more, and its
 * description is what is there.
 */
#include "errno.h"
#include "image/notes.h"
#include "image/read.h"

#define NOTE_HEADER 12
#define NOTES_MAX   4096 /* Linux has about twenty */

enum note_kind { NOTE_IGNORED, NOTE_NUMBER, NOTE_TEXT, NOTE_PAIR };

static const uint8_t note_kinds[XEN_ELFNOTE_MAX + 1] = {
	[XEN_ELFNOTE_ENTRY] = NOTE_NUMBER,
	[XEN_ELFNOTE_HYPERCALL_PAGE] = NOTE_NUMBER,
	[XEN_ELFNOTE_VIRT_BASE] = NOTE_NUMBER,
	[XEN_ELFNOTE_PADDR_OFFSET] = NOTE_NUMBER,
	[XEN_ELFNOTE_XEN_VERSION] = NOTE_TEXT,
	[XEN_ELFNOTE_GUEST_OS] = NOTE_TEXT,
	[XEN_ELFNOTE_GUEST_VERSION] = NOTE_TEXT,
	[XEN_ELFNOTE_LOADER] = NOTE_TEXT,
	[XEN_ELFNOTE_PAE_MODE] = NOTE_TEXT,
	[XEN_ELFNOTE_FEATURES] = NOTE_TEXT,
	[XEN_ELFNOTE_BSD_SYMTAB] = NOTE_TEXT,
	[XEN_ELFNOTE_HV_START_LOW] = NOTE_NUMBER,
	[XEN_ELFNOTE_L1_MFN_VALID] = NOTE_PAIR,
	[XEN_ELFNOTE_SUSPEND_CANCEL] = NOTE_NUMBER,
	[XEN_ELFNOTE_INIT_P2M] = NOTE_NUMBER,
	[XEN_ELFNOTE_MOD_START_PFN] = NOTE_NUMBER,
	[XEN_ELFNOTE_SUPPORTED_FEATURES] = NOTE_NUMBER,
	[XEN_ELFNOTE_PHYS32_ENTRY] = NOTE_NUMBER,
};

bool notes_text_is(const struct xen_notes *notes, unsigned int type,
		   const char *s)
{
	const struct note_text *t = &notes->text[type];

	return t->p && t->n == strlen(s) && !memcmp(t->p, s, t->n);
}

static struct note_text text_of(const uint8_t *p, size_t n)
{
	size_t len = 0;

	while (len < n && p[len])
		len++;
	return (struct note_text){ (const char *)p, len };
}

static int note_store(struct xen_notes *notes, uint32_t type, const uint8_t *p,
		      size_t n, struct image_error *err)
{
	switch (note_kinds[type]) {
	case NOTE_NUMBER:
		if (n < 4)
			return image_fail(err, -EBADMSG,
					  "Xen note %u: %lu bytes for a number",
					  type, n);
		notes->number[type] = n < 8 ? read_u32(p) : read_u64(p);
		break;
	case NOTE_TEXT:
		notes->text[type] = text_of(p, n);
		break;
	case NOTE_PAIR:
		if (n < 16)
			return image_fail(err, -EBADMSG,
					  "Xen note %u: %lu bytes for a mask "
					  "and a value",
					  type, n);
		notes->l1_mfn_mask = read_u64(p);
		notes->l1_mfn_value = read_u64(p + 8);
		break;
	default:
		return 0;
	}
	notes->present |= 1U << type;
	return 0;
}

/* Takes the note at *at, if it is Xen's, and moves *at behind it. */
static int note_take(struct xen_notes *notes, const uint8_t *p, uint64_t size,
		     uint64_t *at, struct image_error *err)
{
	uint64_t name_size = read_u32(p + *at);
	uint64_t desc_size = read_u32(p + *at + 4);
	uint32_t type = read_u32(p + *at + 8);
	uint64_t name = *at + NOTE_HEADER;
	uint64_t desc = name + ROUND_UP(name_size, 4);

	*at = desc + ROUND_UP(desc_size, 4);
	if (++notes->walked > NOTES_MAX)
		return image_fail(err, -EBADMSG,
				  "ELF file with more than %u notes",
				  NOTES_MAX);
	if (desc > size || name_size != 4 || type > XEN_ELFNOTE_MAX ||
	    memcmp(p + name, "Xen", 4))
		return 0;
	return note_store(notes, type, p + desc, MIN(desc_size, size - desc),
			  err);
}

static int notes_walk(const struct elf_file *elf, uint64_t offset,
		      uint64_t size, struct xen_notes *notes,
		      struct image_error *err)
{
	uint64_t at = 0;
	int ret = 0;

	if (!elf_range_ok(offset, size, elf->size))
		return image_fail(err, -EBADMSG,
				  "truncated ELF file: %lu bytes, notes at "
				  "%lu",
				  elf->size, offset);
	while (ret == 0 && at < size && size - at >= NOTE_HEADER)
		ret = note_take(notes, elf->data + offset, size, &at, err);
	return ret;
}

static int notes_from_segments(const struct elf_file *elf,
			       struct xen_notes *out, struct image_error *err)
{
	int ret = 0;

	for (unsigned int i = 0; ret == 0 && i < elf->nr_segments; i++) {
		struct elf_segment s = elf_get_segment(elf, i);

		if (s.type == ELF_SEGMENT_NOTE)
			ret = notes_walk(elf, s.offset, s.filesz, out, err);
	}
	return ret;
}

static int notes_from_sections(const struct elf_file *elf,
			       struct xen_notes *out, struct image_error *err)
{
	int ret = 0;

	for (unsigned int i = 0; ret == 0 && i < elf->nr_sections; i++) {
		struct elf_section s = elf_get_section(elf, i);

		if (s.type == ELF_SECTION_NOTE)
			ret = notes_walk(elf, s.offset, s.size, out, err);
	}
	return ret;
}

static int notes_from_legacy(const struct elf_file *elf, struct xen_notes *out,
			     struct image_error *err)
{
	for (unsigned int i = 0; i < elf->nr_sections; i++) {
		struct elf_section s = elf_get_section(elf, i);

		if (s.type == ELF_SECTION_NOBITS ||
		    !elf_section_is_named(elf, &s, "__xen_guest"))
			continue;
		if (!elf_range_ok(s.offset, s.size, elf->size))
			return image_fail(err, -EBADMSG,
					  "truncated ELF file: %lu bytes, "
					  "__xen_guest at %lu",
					  elf->size, s.offset);
		return notes_parse_legacy((const char *)elf->data + s.offset,
					  s.size, out, err);
	}
	return 0;
}

int notes_collect(const struct elf_file *elf, struct xen_notes *out,
		  struct image_error *err)
{
	int ret;

	*out = (struct xen_notes){ 0 };
	ret = notes_from_segments(elf, out, err);
	if (ret == 0 && !out->present)
		ret = notes_from_sections(elf, out, err);
	if (ret == 0 && !out->present)
		ret = notes_from_legacy(elf, out, err);
	return ret;
}
