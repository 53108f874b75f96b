/* SPDX-License-Identifier: MIT */
/*
 * Files to try the image room on, built in memory: an ELF kernel out of a
 * few settings, and a bzImage around any payload. And memory that counts
 * what is taken and given back, and that can run out at a chosen moment.
 */
#ifndef TESTS_UNIT_IMAGE_SAMPLE_H
#define TESTS_UNIT_IMAGE_SAMPLE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <xen/elfnote.h>

#include "image/elf.h"
#include "image/image.h"

#define SAMPLE_MAX	 8192
#define SAMPLE_TEXT	 0x1000 /* where the loadable bytes begin, in the file */
#define SAMPLE_TEXT_SIZE 0x800
#define SAMPLE_NOTES	 0x400
#define SAMPLE_BASE	 0xffffffff80000000UL
#define SAMPLE_PADDR	 0x1000000UL

struct sample {
	uint8_t bytes[SAMPLE_MAX];
	size_t size;
	size_t notes_size;
};

static inline struct elf_header *sample_header(struct sample *s)
{
	return (struct elf_header *)(void *)s->bytes;
}

static inline struct elf_segment *sample_segment(struct sample *s, unsigned i)
{
	return (struct elf_segment *)(void *)(s->bytes + 64) + i;
}

/* Adds a note of "Xen" and lets the note segment (number 1) cover it. */
static inline void sample_note(struct sample *s, uint32_t type,
			       const void *desc, uint32_t size)
{
	uint8_t *p = s->bytes + SAMPLE_NOTES + s->notes_size;
	uint32_t head[3] = { 4, size, type };

	memcpy(p, head, 12);
	memcpy(p + 12, "Xen", 4);
	memcpy(p + 16, desc, size);
	s->notes_size += 16 + (size + 3) / 4 * 4;
	sample_segment(s, 1)->filesz = s->notes_size;
}

static inline void sample_number(struct sample *s, uint32_t type, uint64_t v)
{
	sample_note(s, type, &v, 8);
}

static inline void sample_text(struct sample *s, uint32_t type, const char *t)
{
	sample_note(s, type, t, strlen(t) + 1);
}

/* An ELF file with one segment to load, one of notes, and no note in it. */
static inline void sample_bare(struct sample *s)
{
	memset(s, 0, sizeof(*s));
	s->size = SAMPLE_TEXT + SAMPLE_TEXT_SIZE;
	*sample_header(s) = (struct elf_header){
		.magic = { 0x7f, 'E', 'L', 'F' },
		.class = ELF_CLASS_64,
		.data = ELF_DATA_LITTLE,
		.ident_version = 1,
		.type = ELF_TYPE_EXEC,
		.machine = ELF_MACHINE_X86_64,
		.version = 1,
		.entry = SAMPLE_PADDR,
		.phoff = 64,
		.ehsize = 64,
		.phentsize = 56,
		.phnum = 2,
		.shentsize = 64,
	};
	*sample_segment(s, 0) = (struct elf_segment){
		.type = ELF_SEGMENT_LOAD,
		.offset = SAMPLE_TEXT,
		.vaddr = SAMPLE_BASE + SAMPLE_PADDR,
		.paddr = SAMPLE_PADDR,
		.filesz = SAMPLE_TEXT_SIZE,
		.memsz = 0x3000,
	};
	*sample_segment(s, 1) = (struct elf_segment){
		.type = ELF_SEGMENT_NOTE,
		.offset = SAMPLE_NOTES,
	};
	/* Bytes that compress, but not to nothing. */
	for (unsigned i = 0; i < SAMPLE_TEXT_SIZE; i++)
		s->bytes[SAMPLE_TEXT + i] = i * i >> 7 ^ i % 23;
}

/* A kernel with the notes that Linux has. */
static inline void sample_kernel(struct sample *s)
{
	const uint64_t l1_mfn[2] = { 1, 1 };

	sample_bare(s);
	sample_text(s, XEN_ELFNOTE_GUEST_OS, "linux");
	sample_text(s, XEN_ELFNOTE_GUEST_VERSION, "2.6");
	sample_text(s, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
	sample_text(s, XEN_ELFNOTE_LOADER, "generic");
	sample_text(s, XEN_ELFNOTE_FEATURES,
		    "!writable_page_tables|pae_pgdir_above_4gb");
	sample_number(s, XEN_ELFNOTE_VIRT_BASE, SAMPLE_BASE);
	sample_number(s, XEN_ELFNOTE_ENTRY, SAMPLE_BASE + SAMPLE_PADDR + 0x40);
	sample_number(s, XEN_ELFNOTE_INIT_P2M, 0x8000000000UL);
	sample_number(s, XEN_ELFNOTE_HV_START_LOW, 0xffff800000000000UL);
	sample_note(s, XEN_ELFNOTE_L1_MFN_VALID, l1_mfn, 16);
	sample_note(s, XEN_ELFNOTE_MOD_START_PFN, "\1\0\0", 4);
	sample_note(s, XEN_ELFNOTE_SUPPORTED_FEATURES, "\1\x88\0", 4);
}

#define SAMPLE_BASE32 0xc0000000UL

struct elf32_header {
	uint8_t magic[4];
	uint8_t class, data, ident_version, abi, abi_version, pad[7];
	uint16_t type, machine;
	uint32_t version, entry, phoff, shoff, flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

/* Makes what was built a 32-bit file, as far as the numbers fit. */
static inline void sample_narrow(struct sample *s)
{
	struct elf_header h = *sample_header(s);
	struct elf_segment seg[8];
	struct elf_section sec[8];
	struct elf32_header n = {
		.magic = { 0x7f, 'E', 'L', 'F' },
		.class = ELF_CLASS_32,
		.data = ELF_DATA_LITTLE,
		.type = h.type,
		.machine = ELF_MACHINE_386,
		.entry = (uint32_t)h.entry,
		.phoff = 52,
		.shoff = (uint32_t)h.shoff,
		.phentsize = 32,
		.phnum = h.phnum,
		.shentsize = 40,
		.shnum = h.shnum,
		.shstrndx = h.shstrndx,
	};

	memcpy(seg, s->bytes + 64, sizeof(seg));
	memcpy(sec, s->bytes + h.shoff, sizeof(sec));
	memset(s->bytes, 0, 64 + h.phnum * sizeof(seg[0]));
	memcpy(s->bytes, &n, sizeof(n));
	for (unsigned i = 0; i < h.phnum; i++) {
		uint32_t v[8] = { seg[i].type,	seg[i].offset, seg[i].vaddr,
				  seg[i].paddr, seg[i].filesz, seg[i].memsz,
				  seg[i].flags, seg[i].align };

		memcpy(s->bytes + 52 + i * 32, v, 32);
	}
	for (unsigned i = 0; i < h.shnum; i++) {
		uint32_t v[10] = { sec[i].name, sec[i].type,   sec[i].flags,
				   sec[i].addr, sec[i].offset, sec[i].size,
				   sec[i].link, sec[i].info };

		memcpy(s->bytes + h.shoff + i * 40, v, 40);
	}
}

/* A 32-bit kernel of Linux's kind, but for the last step, sample_narrow(). */
static inline void sample_kernel32(struct sample *s)
{
	sample_bare(s);
	sample_segment(s, 0)->vaddr = SAMPLE_BASE32 + SAMPLE_PADDR;
	sample_text(s, XEN_ELFNOTE_GUEST_OS, "linux");
	sample_text(s, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
	sample_text(s, XEN_ELFNOTE_LOADER, "generic");
	sample_note(s, XEN_ELFNOTE_VIRT_BASE, "\0\0\0\xc0", 4);
	sample_number(s, XEN_ELFNOTE_ENTRY, SAMPLE_BASE32 + SAMPLE_PADDR);
	sample_number(s, XEN_ELFNOTE_HV_START_LOW, 0xf5800000);
}

#define BZ_SAMPLE_PAYLOAD 0x600 /* two sectors of setup, then this much */

/* Puts a bzImage around `payload`; the result is for free(). */
static inline uint8_t *sample_bzimage(const void *payload, size_t n,
				      size_t *size)
{
	uint8_t *p = calloc(1, BZ_SAMPLE_PAYLOAD + n);
	uint32_t length = n;

	p[0x1f1] = 1;
	memcpy(p + 0x1fe, "\x55\xaa", 2);
	memcpy(p + 0x202, "HdrS\x0f\x02", 6);
	memcpy(p + 0x248, &(uint32_t){ BZ_SAMPLE_PAYLOAD - 0x400 }, 4);
	memcpy(p + 0x24c, &length, 4);
	memcpy(p + BZ_SAMPLE_PAYLOAD, payload, n);
	*size = BZ_SAMPLE_PAYLOAD + n;
	return p;
}

/* What a domain builder relies on, whatever the file was. */
static inline bool sample_is_sane(const struct kernel_image *k)
{
	if (k->nr_segments < 1 || k->nr_segments > IMAGE_SEGMENTS_MAX)
		return false;
	for (unsigned i = 0; i < k->nr_segments; i++) {
		const struct image_segment *s = &k->segment[i];

		if (s->filesz > s->memsz || s->memsz == 0 ||
		    s->offset > k->size || s->filesz > k->size - s->offset ||
		    s->vaddr < k->vstart || s->vaddr >= k->vend ||
		    s->memsz > k->vend - s->vaddr ||
		    s->vaddr != s->paddr + k->virt_base)
			return false;
	}
	return k->entry >= k->vstart && k->entry < k->vend &&
	       k->virt_base % PAGE_SIZE == 0 &&
	       (!k->has_hypercall_page ||
		(k->hypercall_page % PAGE_SIZE == 0 &&
		 k->hypercall_page >= k->vstart &&
		 k->hypercall_page + PAGE_SIZE <= k->vend)) &&
	       (k->width == WIDTH_64 || k->vend <= 0xf5800000) &&
	       strlen(k->guest_os) < sizeof(k->guest_os);
}

/* An allocator with an account. */
struct purse {
	size_t taken, peak; /* bytes out now, and at most so far */
	size_t limit;	    /* refuse more than this at once out */
	long fail_at;	    /* refuse the n-th request, counting from 0 */
	long requests;
};

static inline void *purse_alloc(void *ctx, size_t bytes)
{
	struct purse *p = ctx;

	if (p->requests++ == p->fail_at || bytes > p->limit - p->taken)
		return NULL;
	p->taken += bytes;
	if (p->taken > p->peak)
		p->peak = p->taken;
	return malloc(bytes);
}

static inline void purse_free(void *ctx, void *m, size_t bytes)
{
	struct purse *p = ctx;

	p->taken -= bytes;
	free(m);
}

#define PURSE(bytes) ((struct purse){ .limit = (bytes), .fail_at = -1 })
#define PURSE_ALLOC(purse) \
	((struct image_alloc){ purse_alloc, purse_free, (purse) })

#endif
