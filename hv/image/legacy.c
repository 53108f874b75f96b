/* SPDX-License-Identifier: MIT */
/*
 * The description that kernels carried before there were notes, and that
 * Mini-OS carried longest: one string in the section __xen_guest,
 *
 *	GUEST_OS=Mini-OS,XEN_VER=xen-3.0,VIRT_BASE=0x0,LOADER=generic
 *
 * <xen/elfnote.h> says which note each key became, and what differs: the
 * hypercall page is the number of a frame, ELF_PADDR_OFFSET defaults to
 * VIRT_BASE, and BSD_SYMTAB counts by being there.
 */
#include "errno.h"
#include "image/notes.h"
#include "lib/string.h"

#define LEGACY_LENGTH_MAX 4096

static const struct legacy_key {
	const char *name;
	uint8_t note;
	bool number;
} legacy_keys[] = {
	{ "GUEST_OS", XEN_ELFNOTE_GUEST_OS, false },
	{ "GUEST_VER", XEN_ELFNOTE_GUEST_VERSION, false },
	{ "XEN_VER", XEN_ELFNOTE_XEN_VERSION, false },
	{ "VIRT_BASE", XEN_ELFNOTE_VIRT_BASE, true },
	{ "VIRT_ENTRY", XEN_ELFNOTE_ENTRY, true },
	{ "HYPERCALL_PAGE", XEN_ELFNOTE_HYPERCALL_PAGE, true },
	{ "ELF_PADDR_OFFSET", XEN_ELFNOTE_PADDR_OFFSET, true },
	{ "LOADER", XEN_ELFNOTE_LOADER, false },
	{ "FEATURES", XEN_ELFNOTE_FEATURES, false },
	{ "PAE", XEN_ELFNOTE_PAE_MODE, false },
	{ "BSD_SYMTAB", XEN_ELFNOTE_BSD_SYMTAB, false },
};

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return 16;
}

/* Decimal or 0x hexadecimal, all of it, in 64 bits. */
static bool number_of(struct note_text t, uint64_t *out)
{
	uint64_t v = 0;
	int base = 10;
	size_t i = 0;

	if (t.n > 2 && t.p[0] == '0' && (t.p[1] | 0x20) == 'x') {
		base = 16;
		i = 2;
	}
	if (i == t.n)
		return false;
	for (; i < t.n; i++) {
		int d = digit_of(t.p[i]);

		if (d >= base || __builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, d, &v))
			return false;
	}
	*out = v;
	return true;
}

static int legacy_store(struct xen_notes *out, const struct legacy_key *key,
			struct note_text value, struct image_error *err)
{
	if (key->note == XEN_ELFNOTE_BSD_SYMTAB)
		value = (struct note_text){ "yes", 3 };
	if (key->number && !number_of(value, &out->number[key->note]))
		return image_fail(err, -EBADMSG,
				  "__xen_guest: the value of %s is no number",
				  key->name);
	if (!key->number)
		out->text[key->note] = value;
	out->present |= 1U << key->note;
	return 0;
}

/* `item` is KEY=VALUE, or KEY alone; unknown keys are of no concern. */
static int legacy_take(struct xen_notes *out, struct note_text item,
		       struct image_error *err)
{
	struct note_text value = { item.p + item.n, 0 };

	for (size_t i = 0; i < item.n; i++)
		if (item.p[i] == '=') {
			value = (struct note_text){ item.p + i + 1,
						    item.n - i - 1 };
			item.n = i;
			break;
		}
	for (size_t i = 0; i < ARRAY_SIZE(legacy_keys); i++) {
		const struct legacy_key *key = &legacy_keys[i];

		if (item.n == strlen(key->name) &&
		    !memcmp(item.p, key->name, item.n))
			return legacy_store(out, key, value, err);
	}
	return 0;
}

/* The defaults and units of this form, turned into those of notes. */
static int legacy_convert(struct xen_notes *out, struct image_error *err)
{
	uint64_t base = out->number[XEN_ELFNOTE_VIRT_BASE];
	uint64_t *page = &out->number[XEN_ELFNOTE_HYPERCALL_PAGE];

	if (notes_have(out, XEN_ELFNOTE_HYPERCALL_PAGE)) {
		if (__builtin_mul_overflow(*page, PAGE_SIZE, page) ||
		    __builtin_add_overflow(*page, base, page))
			return image_fail(err, -EBADMSG,
					  "__xen_guest: no such frame for "
					  "HYPERCALL_PAGE");
	}
	if (!notes_have(out, XEN_ELFNOTE_PADDR_OFFSET))
		out->number[XEN_ELFNOTE_PADDR_OFFSET] = base;
	return 0;
}

int notes_parse_legacy(const char *s, size_t len, struct xen_notes *out,
		       struct image_error *err)
{
	size_t begin = 0;

	if (len > LEGACY_LENGTH_MAX)
		return image_fail(err, -EBADMSG, "__xen_guest of %lu bytes",
				  len);
	out->legacy = true;
	for (size_t i = 0; i <= len; i++) {
		bool end = i == len || s[i] == '\0';

		if (end || s[i] == ',') {
			struct note_text item = { s + begin, i - begin };
			int ret = legacy_take(out, item, err);

			if (ret)
				return ret;
			begin = i + 1;
		}
		if (end)
			break;
	}
	return legacy_convert(out, err);
}
