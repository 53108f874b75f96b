/* SPDX-License-Identifier: MIT */
/*
 * Multiboot 1 and 2: two ways to hand over the same few things. The loader
 * is trusted to point at memory below 4 GiB, which the boot tables map; its
 * lengths are bounded all the same.
 */
#include "arch.h"
#include "lib/string.h"
#include "x86/map.h"
#include "x86/multiboot.h"

#define MB1_BOOT_MAGIC 0x2badb002
#define MB2_BOOT_MAGIC 0x36d76289

#define MB1_HAS_CMDLINE (1U << 2)
#define MB1_HAS_MODULES (1U << 3)
#define MB1_HAS_MMAP	(1U << 6)

struct mb1_info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count,
		mods_addr, syms[4], mmap_length, mmap_addr;
};

struct mb1_module {
	uint32_t start, end, string, reserved;
};

struct mb1_mmap {
	uint32_t size; /* of what follows */
	uint64_t base, length;
	uint32_t type;
} __attribute__((packed));

struct mb2_tag {
	uint32_t type, size;
};

struct mb2_mmap_entry {
	uint64_t base, length;
	uint32_t type, reserved;
};

enum {
	MB2_END = 0,
	MB2_CMDLINE = 1,
	MB2_MODULE = 3,
	MB2_MMAP = 6,
	MB2_EFI32 = 11,
	MB2_EFI64 = 12,
	MB2_RSDP_OLD = 14,
	MB2_RSDP_NEW = 15,
	MB2_EFI_MMAP = 17,
};

#define TYPE_RAM 1

/* UEFI's system table (UEFI specification, 4.3); addresses are physical. */
struct efi_header {
	uint64_t signature;
	uint32_t revision, size, checksum, reserved;
};

struct efi_system_table {
	struct efi_header header;
	uint64_t vendor;
	uint32_t vendor_revision, pad;
	uint64_t consoles[6], runtime, boot, nr_tables, tables;
};
_Static_assert(offsetof(struct efi_system_table, tables) == 112, "UEFI");

#define EFI_SIGNATURE 0x5453595320494249UL /* "IBI SYST" */
#define EFI_LIMIT     (1UL << 32)	   /* of what we can read here */

static char strings[32768];
static size_t strings_used;
static uint8_t rsdp_copy[64];
static struct efi_info efi;

#define RANGES_MAX 128

static struct memory_range_info ranges[RANGES_MAX];
static unsigned int nr_ranges;

unsigned int arch_memory_map(const struct memory_range_info **out)
{
	*out = ranges;
	return nr_ranges;
}

static const void *phys(uint64_t at)
{
	return (const void *)(MAP_DIRECT + at);
}

static const char *string_keep(struct boot_info *out, const char *s, size_t max)
{
	size_t n = strnlen(s, max), room = sizeof(strings) - strings_used;
	char *copy = strings + strings_used;

	if (n + 1 > room) {
		out->truncated = true;
		return "";
	}
	memcpy(copy, s, n);
	copy[n] = 0;
	strings_used += n + 1;
	return copy;
}

/* Adds frames [start, end) in order, joined to its neighbours. */
static void ram_add(struct memory_map *m, uint64_t start, uint64_t end)
{
	unsigned int i = 0;

	while (i < m->n && m->ram[i].end < start)
		i++;
	if (i < m->n && m->ram[i].start <= end) {
		m->ram[i].start = MIN(m->ram[i].start, start);
		m->ram[i].end = MAX(m->ram[i].end, end);
		while (i + 1 < m->n && m->ram[i + 1].start <= m->ram[i].end) {
			m->ram[i].end = MAX(m->ram[i].end, m->ram[i + 1].end);
			m->n--;
			memmove(&m->ram[i + 1], &m->ram[i + 2],
				(m->n - i - 1) * sizeof(m->ram[0]));
		}
		return;
	}
	memmove(&m->ram[i + 1], &m->ram[i], (m->n - i) * sizeof(m->ram[0]));
	m->ram[i] = (struct memory_range){ start, end };
	m->n++;
}

static void mmap_entry(struct boot_info *out, uint64_t base, uint64_t length,
		       uint32_t type)
{
	uint64_t limit = MAP_DIRECT_END - MAP_DIRECT;
	uint64_t end = base + length;

	if (nr_ranges == RANGES_MAX)
		out->truncated = true;
	else
		ranges[nr_ranges++] =
			(struct memory_range_info){ base, length, type };
	if (type != TYPE_RAM || end < base || base >= limit)
		return;
	end = MIN(end, limit) >> PAGE_SHIFT;
	base = (base + PAGE_SIZE - 1) >> PAGE_SHIFT;
	if (base >= end)
		return;
	if (out->memory.n == MEMORY_RANGES - 1)
		out->truncated = true;
	else
		ram_add(&out->memory, base, end);
}

static void module_add(struct boot_info *out, uint64_t start, uint64_t end,
		       const char *string, size_t max)
{
	if (out->nmodules == MULTIBOOT_MODULES || end < start) {
		out->truncated = true;
		return;
	}
	out->modules[out->nmodules].start = start;
	out->modules[out->nmodules].end = end;
	out->modules[out->nmodules].string = string_keep(out, string, max);
	out->nmodules++;
}

static void mb1_read(const struct mb1_info *info, struct boot_info *out)
{
	const struct mb1_module *mod = phys(info->mods_addr);
	uint32_t at = 0;

	if (info->flags & MB1_HAS_CMDLINE)
		out->cmdline = string_keep(out, phys(info->cmdline), 4096);
	for (uint32_t i = 0;
	     (info->flags & MB1_HAS_MODULES) && i < info->mods_count; i++)
		module_add(out, mod[i].start, mod[i].end, phys(mod[i].string),
			   4096);
	while ((info->flags & MB1_HAS_MMAP) && at < info->mmap_length) {
		const struct mb1_mmap *e = phys(info->mmap_addr + at);

		mmap_entry(out, e->base, e->length, e->type);
		at += e->size + 4;
	}
}

static void mb2_mmap(const struct mb2_tag *tag, struct boot_info *out)
{
	const uint32_t *head = (const void *)(tag + 1); /* entry size */
	uint32_t size = head[0];

	if (size < sizeof(struct mb2_mmap_entry))
		return;
	for (uint32_t at = 16; at + size <= tag->size; at += size) {
		const struct mb2_mmap_entry *e =
			(const void *)((const char *)tag + at);

		mmap_entry(out, e->base, e->length, e->type);
	}
}

const struct efi_info *arch_efi(void)
{
	return &efi;
}

static bool efi_can_read(uint64_t at, size_t n)
{
	return at && at <= EFI_LIMIT - n;
}

/* The tables that it points to are domain 0's to read. */
static void efi_read(uint64_t at)
{
	const struct efi_system_table *t = phys(at);
	const struct efi_header *runtime;
	const uint16_t *name;

	if (!efi_can_read(at, sizeof(*t)) ||
	    t->header.signature != EFI_SIGNATURE || t->nr_tables > UINT32_MAX)
		return;
	efi.tables = t->tables;
	efi.nr_tables = (uint32_t)t->nr_tables;
	efi.revision = t->header.revision;
	efi.vendor_revision = t->vendor_revision;
	runtime = phys(t->runtime);
	if (efi_can_read(t->runtime, sizeof(*runtime)))
		efi.runtime_revision = runtime->revision;
	name = phys(t->vendor);
	for (size_t i = 0;
	     i < EFI_VENDOR_MAX - 1 &&
	     efi_can_read(t->vendor, sizeof(efi.vendor)) && name[i];
	     i++)
		efi.vendor[i] = name[i];
}

static void mb2_tag(const struct mb2_tag *tag, struct boot_info *out)
{
	const uint32_t *words = (const void *)(tag + 1);
	size_t body = tag->size - sizeof(*tag);

	switch (tag->type) {
	case MB2_CMDLINE:
		out->cmdline = string_keep(out, (const char *)words, body);
		break;
	case MB2_MODULE:
		module_add(out, words[0], words[1], (const char *)&words[2],
			   body - 8);
		break;
	case MB2_MMAP:
		mb2_mmap(tag, out);
		break;
	case MB2_EFI64:
		efi_read(words[0] | (uint64_t)words[1] << 32);
		out->efi = true;
		break;
	case MB2_EFI32:
	case MB2_EFI_MMAP:
		out->efi = true;
		break;
	case MB2_RSDP_OLD:
	case MB2_RSDP_NEW:
		/* The newer form is the better one, whatever the order. */
		if (out->rsdp_bytes > body)
			break;
		out->rsdp_bytes = MIN(body, sizeof(rsdp_copy));
		memcpy(rsdp_copy, words, out->rsdp_bytes);
		out->rsdp = rsdp_copy;
		break;
	default:
		break;
	}
}

static void mb2_read(uint64_t info, struct boot_info *out)
{
	const uint32_t *total = phys(info);
	uint64_t at = 8;

	while (at + sizeof(struct mb2_tag) <= *total) {
		const struct mb2_tag *tag = phys(info + at);

		if (tag->type == MB2_END || tag->size < sizeof(*tag))
			break;
		mb2_tag(tag, out);
		at += (tag->size + 7) & ~7UL;
	}
}

int multiboot_read(uint32_t magic, uint32_t info, struct boot_info *out)
{
	out->cmdline = "";
	if (magic == MB1_BOOT_MAGIC)
		mb1_read(phys(info), out);
	else if (magic == MB2_BOOT_MAGIC)
		mb2_read(info, out);
	else
		return -EINVAL;
	return 0;
}
