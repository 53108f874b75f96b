/* SPDX-License-Identifier: MIT */
/*
 * What a kernel says about itself to the hypervisor, collected: notes of the
 * owner "Xen" (types in <xen/elfnote.h>), or the older string in a section
 * __xen_guest, brought to the same form.
 */
#ifndef LODGE_IMAGE_NOTES_H
#define LODGE_IMAGE_NOTES_H

#include <xen/elfnote.h>

#include "image/elf.h"

/* A string inside the file, without its NUL; p is NULL if it is absent. */
struct note_text {
	const char *p;
	size_t n;
};

struct xen_notes {
	uint32_t present;    /* bit per type */
	bool legacy;	     /* from __xen_guest */
	unsigned int walked; /* notes of any owner, to bound the work */
	uint64_t number[XEN_ELFNOTE_MAX + 1];
	struct note_text text[XEN_ELFNOTE_MAX + 1];
	uint64_t l1_mfn_mask, l1_mfn_value;
};

static inline bool notes_have(const struct xen_notes *notes, unsigned int type)
{
	return notes->present >> type & 1;
}

/* Whether the text of a note is exactly `s`. */
bool notes_text_is(const struct xen_notes *notes, unsigned int type,
		   const char *s);

/*
 * Collects from the note segments, else from the note sections, else from
 * __xen_guest; `present` is 0 if there was none of them. Returns -EBADMSG
 * for notes outside the file, too many of them, or a number too short.
 */
[[nodiscard]] int notes_collect(const struct elf_file *elf,
				struct xen_notes *out, struct image_error *err);

/* Collects from the `len` bytes of a __xen_guest string (legacy.c). */
[[nodiscard]] int notes_parse_legacy(const char *s, size_t len,
				     struct xen_notes *out,
				     struct image_error *err);

#endif
