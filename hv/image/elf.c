/* SPDX-License-Identifier: MIT */
/* The ELF headers of a hostile file: see elf.h. */
#include "errno.h"
#include "image/elf.h"
#include "image/read.h"

/* Nobody needs more, and each may hold notes that we would walk. */
#define SEGMENT_HEADERS_MAX 64

/* The fields of a 32-bit file that count lie where the format has them. */
static const struct elf_form {
	uint8_t class, machine, segment_bytes, section_bytes;
} forms[] = {
	[WIDTH_64] = { ELF_CLASS_64, ELF_MACHINE_X86_64, 56, 64 },
	[WIDTH_32] = { ELF_CLASS_32, ELF_MACHINE_386, 32, 40 },
};

static void header_widen(const uint8_t *data, struct elf_header *out)
{
	out->entry = read_u32(data + 24);
	out->phoff = read_u32(data + 28);
	out->shoff = read_u32(data + 32);
	memcpy(&out->ehsize, data + 40, 12);
}

/* In both forms class, type and machine are at the same place. */
static int elf_check_ident(struct elf_file *elf, struct image_error *err)
{
	struct elf_header *h = &elf->header;

	elf->width = h->class == ELF_CLASS_32 ? WIDTH_32 : WIDTH_64;
	if (h->class != forms[elf->width].class || h->data != ELF_DATA_LITTLE ||
	    h->machine != forms[elf->width].machine)
		return image_fail(err, -ENOEXEC,
				  "ELF file of class %u for machine %u, not "
				  "for x86-64 or i386",
				  h->class, h->machine);
	if (h->type != ELF_TYPE_EXEC)
		return image_fail(err, -ENOEXEC,
				  "ELF file of type %u, not an executable",
				  h->type);
	if (elf->width == WIDTH_32)
		header_widen(elf->data, h);
	return 0;
}

static int elf_check_segments(const struct elf_file *elf,
			      struct image_error *err)
{
	const struct elf_header *h = &elf->header;
	unsigned int bytes = forms[elf->width].segment_bytes;

	if (h->phnum == 0)
		return image_fail(err, -ENOEXEC,
				  "ELF file without program headers");
	if (h->phnum > SEGMENT_HEADERS_MAX)
		return image_fail(err, -EBADMSG,
				  "ELF file with %u program headers, at most "
				  "%u are sane",
				  h->phnum, SEGMENT_HEADERS_MAX);
	if (h->phentsize != bytes)
		return image_fail(err, -EBADMSG,
				  "ELF program headers of %u bytes, not %u",
				  h->phentsize, bytes);
	if (!elf_range_ok(h->phoff, h->phnum * bytes, elf->size))
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
	unsigned int bytes;
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
	ret = elf_check_ident(out, err);
	if (ret)
		return ret;
	ret = elf_check_segments(out, err);
	if (ret)
		return ret;
	out->nr_segments = h->phnum;
	bytes = forms[out->width].section_bytes;
	if (h->shentsize == bytes &&
	    elf_range_ok(h->shoff, h->shnum * bytes, size))
		out->nr_sections = h->shnum;
	return 0;
}

struct elf_segment elf_get_segment(const struct elf_file *elf, unsigned int i)
{
	const uint8_t *at = elf->data + elf->header.phoff +
			    i * forms[elf->width].segment_bytes;
	struct elf_segment s = { .type = read_u32(at) };

	if (elf->width == WIDTH_64) {
		memcpy(&s, at, sizeof(s));
	} else {
		s.offset = read_u32(at + 4);
		s.paddr = read_u32(at + 12);
		s.filesz = read_u32(at + 16);
		s.memsz = read_u32(at + 20);
	}
	return s;
}

struct elf_section elf_get_section(const struct elf_file *elf, unsigned int i)
{
	const uint8_t *at = elf->data + elf->header.shoff +
			    i * forms[elf->width].section_bytes;
	struct elf_section s = { .name = read_u32(at) };

	if (elf->width == WIDTH_64) {
		memcpy(&s, at, sizeof(s));
	} else {
		s.type = read_u32(at + 4);
		s.offset = read_u32(at + 16);
		s.size = read_u32(at + 20);
	}
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
