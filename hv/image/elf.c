/* SPDX-License-Identifier: MIT */
/* The ELF64 headers of a hostile file: see elf.h. */
#include "errno.h"
#include "image/elf.h"
#include "lib/string.h"

/* Nobody needs more, and each may hold notes that we would walk. */
#define SEGMENT_HEADERS_MAX 64

static int elf_check_ident(const struct elf_header *h, struct image_error *err)
{
	/* In ELF32, too, machine is at this place. */
	if (h->class == ELF_CLASS_32 && h->machine == ELF_MACHINE_386)
		return image_fail(err, -EOPNOTSUPP,
				  "32-bit kernel: not supported yet");
	if (h->class != ELF_CLASS_64 || h->data != ELF_DATA_LITTLE ||
	    h->machine != ELF_MACHINE_X86_64)
		return image_fail(err, -ENOEXEC,
				  "ELF file of class %u for machine %u, not "
				  "for x86-64",
				  h->class, h->machine);
	if (h->type != ELF_TYPE_EXEC)
		return image_fail(err, -ENOEXEC,
				  "ELF file of type %u, not an executable",
				  h->type);
	return 0;
}

static int elf_check_segments(const struct elf_file *elf,
			      struct image_error *err)
{
	const struct elf_header *h = &elf->header;

	if (h->phnum == 0)
		return image_fail(err, -ENOEXEC,
				  "ELF file without program headers");
	if (h->phnum > SEGMENT_HEADERS_MAX)
		return image_fail(err, -EBADMSG,
				  "ELF file with %u program headers, at most "
				  "%u are sane",
				  h->phnum, SEGMENT_HEADERS_MAX);
	if (h->phentsize != sizeof(struct elf_segment))
		return image_fail(err, -EBADMSG,
				  "ELF program headers of %u bytes, not 56",
				  h->phentsize);
	if (!elf_range_ok(h->phoff, h->phnum * sizeof(struct elf_segment),
			  elf->size))
		return image_fail(err, -EBADMSG,
				  "truncated ELF file: %lu bytes, program "
				  "headers at %lu",
				  elf->size, h->phoff);
	return 0;
}

int elf_open(const void *data, size_t size, struct elf_file *out,
	     struct image_error *err)
{
	struct elf_header *h = &out->header;
	int ret;

	*out = (struct elf_file){ .data = data, .size = size };
	if (size < 4 || memcmp(data,
			       "\x7f"
			       "ELF",
			       4))
		return image_fail(err, -ENOEXEC, "not an ELF file");
	/* An ELF32 header is shorter, but such a file is longer than 64. */
	if (size < sizeof(*h))
		return image_fail(err, -EBADMSG,
				  "truncated ELF file: %lu bytes", size);
	memcpy(h, data, sizeof(*h));
	ret = elf_check_ident(h, err);
	if (ret)
		return ret;
	ret = elf_check_segments(out, err);
	if (ret)
		return ret;
	out->nr_segments = h->phnum;
	if (h->shentsize == sizeof(struct elf_section) &&
	    elf_range_ok(h->shoff, h->shnum * sizeof(struct elf_section), size))
		out->nr_sections = h->shnum;
	return 0;
}

struct elf_segment elf_get_segment(const struct elf_file *elf, unsigned int i)
{
	struct elf_segment s;

	memcpy(&s, elf->data + elf->header.phoff + i * sizeof(s), sizeof(s));
	return s;
}

struct elf_section elf_get_section(const struct elf_file *elf, unsigned int i)
{
	struct elf_section s;

	memcpy(&s, elf->data + elf->header.shoff + i * sizeof(s), sizeof(s));
	return s;
}

bool elf_section_is_named(const struct elf_file *elf,
			  const struct elf_section *section, const char *name)
{
	size_t len = strlen(name) + 1;
	struct elf_section names;

	if (elf->header.shstrndx >= elf->nr_sections)
		return false;
	names = elf_get_section(elf, elf->header.shstrndx);
	return elf_range_ok(names.offset, names.size, elf->size) &&
	       elf_range_ok(section->name, len, names.size) &&
	       !memcmp(elf->data + names.offset + section->name, name, len);
}
