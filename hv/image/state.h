/* SPDX-License-Identifier: MIT */
/*
 * What the image room hands out: the text of a refusal, the unpacked file
 * and the description of a kernel that the domain builder works from.
 * Everything here came out of a file that anyone may have written, and was
 * checked: a builder may use each number without checking it again, but for
 * whether it fits the memory of the domain.
 */
#ifndef LODGE_IMAGE_STATE_H
#define LODGE_IMAGE_STATE_H

#include "types.h"

/* The most that a compressed file, or what is in it, may occupy. */
#define IMAGE_BYTES_MAX (512UL << 20)

/* Linux has five, GRUB two; a file with more than this is refused. */
#define IMAGE_SEGMENTS_MAX 16

/* Why an image was refused, for a person: one line, no newline. */
struct image_error {
	char text[120];
};

/* Where the unpacked kernel and the unpackers' working memory come from. */
struct image_alloc {
	/* Returns 16-byte aligned memory, not cleared, or NULL. */
	void *(*alloc)(void *ctx, size_t bytes);
	/* Takes back what alloc gave, with the size that was asked for. */
	void (*free)(void *ctx, void *p, size_t bytes);
	void *ctx;
};

/* An ELF file in memory: inside the module itself, or a copy we own. */
struct image_file {
	const uint8_t *data;
	size_t size;
	uint8_t *owned; /* NULL when data lies in the module */
};

/* A piece of the kernel: filesz bytes of the file, then zeros to memsz. */
struct image_segment {
	uint64_t paddr;	 /* pseudo-physical: the domain's memory starts at 0 */
	uint64_t vaddr;	 /* where the kernel expects it: paddr + virt_base */
	uint64_t offset; /* into the file */
	uint64_t filesz;
	uint64_t memsz;
};

/* A paravirtual kernel as its ELF headers and its Xen notes describe it. */
struct kernel_image {
	const uint8_t *data; /* the file: segments refer to it */
	size_t size;

	struct image_segment segment[IMAGE_SEGMENTS_MAX];
	unsigned int nr_segments;
	uint64_t vstart, vend; /* what the segments span, in bytes */

	uint64_t entry;		 /* first instruction, virtual */
	uint64_t virt_base;	 /* where pseudo-physical 0 is mapped */
	uint64_t paddr_offset;	 /* already taken off segment[].paddr */
	uint64_t hypercall_page; /* virtual, if has_hypercall_page */
	uint64_t p2m_base;	 /* INIT_P2M, if has_p2m_base */
	uint64_t hv_start_low;	 /* if has_hv_start_low */
	uint64_t l1_mfn_mask;	 /* L1_MFN_VALID: a non-present entry with */
	uint64_t l1_mfn_value;	 /* entry & mask == value holds an MFN */
	uint32_t features;	 /* XENFEAT_* bits that the kernel can use */
	uint32_t features_required;

	uint8_t width; /* enum domain_width */
	bool has_hypercall_page;
	bool has_p2m_base;
	bool has_hv_start_low;
	bool mod_start_pfn;  /* takes its ramdisk by frame, unmapped */
	bool suspend_cancel; /* can continue after a failed suspend */
	bool bsd_symtab;     /* wants its symbol table behind the image */
	bool dom0_capable;   /* does not say that it cannot be domain 0 */
	bool legacy;	     /* described by __xen_guest, not by notes */

	char guest_os[24];
	char guest_version[24];
};

#endif
