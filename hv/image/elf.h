/* SPDX-License-Identifier: MIT */
/*
 * The parts of the ELF format that a kernel image needs. Those of 32-bit files
 * are widened as they are read: what follows knows one form.
 */
#ifndef LODGE_IMAGE_ELF_H
#define LODGE_IMAGE_ELF_H

#include "image/error.h"

enum {
	ELF_CLASS_32 = 1,
	ELF_CLASS_64 = 2,
	ELF_DATA_LITTLE = 1,
	ELF_TYPE_EXEC = 2,
	ELF_MACHINE_386 = 3,
	ELF_MACHINE_X86_64 = 62,
	ELF_SEGMENT_LOAD = 1,
	ELF_SEGMENT_NOTE = 4,
	ELF_SECTION_NOTE = 7,
	ELF_SECTION_NOBITS = 8,
};

struct elf_header {
	uint8_t magic[4];
	uint8_t class, data, ident_version, abi, abi_version, pad[7];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_segment {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

struct elf_section {
	uint32_t name, type;
	uint64_t flags, addr, offset, size;
	uint32_t link, info;
	uint64_t addralign, entsize;
};

_Static_assert(sizeof(struct elf_header) == 64, "ELF64 header");
_Static_assert(sizeof(struct elf_segment) == 56, "ELF64 program header");
_Static_assert(sizeof(struct elf_section) == 64, "ELF64 section header");

/* A file whose header is good. Sections are optional: nr_sections may be 0. */
struct elf_file {
	const uint8_t *data;
	size_t size;
	enum domain_width width;
	struct elf_header header;
	unsigned int nr_segments, nr_sections;
};

/* True if `len` bytes at `offset` lie in a file of `size` bytes. */
static inline bool elf_range_ok(uint64_t offset, uint64_t len, size_t size)
{
	return offset <= size && len <= size - offset;
}

/*
 * Checks that this is an executable for x86-64, or for i386 in a 32-bit
 * file, whose table of segments is inside the file. A table of sections that is
 * not, or of an unknown form, counts as none. Errors as of image_parse().
 */
[[nodiscard]] int elf_open(const void *data, size_t size, struct elf_file *out,
			   struct image_error *err);

/* Program header `i` < nr_segments, unchecked. */
struct elf_segment elf_get_segment(const struct elf_file *elf, unsigned int i);

/* Section header `i` < nr_sections, unchecked. */
struct elf_section elf_get_section(const struct elf_file *elf, unsigned int i);

/* Whether that section has this name, by a string table inside the file. */
bool elf_section_is_named(const struct elf_file *elf,
			  const struct elf_section *section, const char *name);

#endif
