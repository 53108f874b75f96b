/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: any bytes as a boot module
 *
 * The first byte of the input says what the rest is: a whole file, the
 * payload of a bzImage (so that no fuzzer has to find "HdrS" first), the
 * Xen notes of an otherwise good kernel, its ELF headers, or the string of
 * its section __xen_guest. What is accepted must be sane, what is refused
 * must say why, and no memory may be left over.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "unit/image_sample.h"

#define ROOM	 (1UL << 20)
#define UNPACKED 4096 /* what a bzImage payload is said to hold */

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void try_file(const uint8_t *data, size_t size)
{
	struct purse purse = PURSE(ROOM);
	struct image_alloc mem = PURSE_ALLOC(&purse);
	struct image_error err = { "" };
	struct kernel_image kernel;
	struct image_file file;
	int ret = image_unpack(data, size, &mem, &file, &err);

	if (ret == 0) {
		ret = image_parse(file.data, file.size, &kernel, &err);
		require(ret != 0 || sample_is_sane(&kernel));
		image_release(&file, &mem);
	}
	require(ret <= 0 && (ret == 0 || err.text[0]));
	require(purse.taken == 0);
}

/* The file has exactly its size, for AddressSanitizer. */
static void try_exactly(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	memcpy(copy, data, size);
	try_file(copy, size);
	free(copy);
}

static void try_payload(const uint8_t *data, size_t size)
{
	const uint32_t unpacked = UNPACKED;
	uint8_t *payload = malloc(size + 4), *file;
	size_t n;

	memcpy(payload, data, size);
	memcpy(payload + size, &unpacked, 4);
	file = sample_bzimage(payload, size + 4, &n);
	try_file(file, n);
	free(file);
	free(payload);
}

static void try_notes(const uint8_t *data, size_t size)
{
	struct sample s;

	sample_kernel(&s);
	size = MIN(size, SAMPLE_TEXT - SAMPLE_NOTES - s.notes_size);
	memcpy(s.bytes + SAMPLE_NOTES + s.notes_size, data, size);
	sample_segment(&s, 1)->filesz += size;
	try_exactly(s.bytes, s.size);
}

static void try_headers(const uint8_t *data, size_t size)
{
	struct sample s;

	sample_kernel(&s);
	/* By exclusive or: no bytes leave the good kernel as it is. */
	for (size_t i = 0; i < size && i < SAMPLE_NOTES; i++)
		s.bytes[i] ^= data[i];
	try_exactly(s.bytes, s.size);
}

/* The same of a 32-bit kernel: headers and notes alike. */
static void try_narrow(const uint8_t *data, size_t size)
{
	struct sample s;

	sample_kernel32(&s);
	sample_text(&s, XEN_ELFNOTE_PAE_MODE, "yes");
	sample_narrow(&s);
	for (size_t i = 0; i < size && i < SAMPLE_NOTES + s.notes_size; i++)
		s.bytes[i] ^= data[i];
	try_exactly(s.bytes, s.size);
}

static void try_legacy(const uint8_t *data, size_t size)
{
	struct sample s;
	struct elf_section *section;

	sample_bare(&s);
	sample_segment(&s, 1)->type = 0;
	sample_header(&s)->shoff = 0x200;
	sample_header(&s)->shnum = 2;
	section = (void *)(s.bytes + 0x200);
	memcpy(s.bytes + 0x300, "\0__xen_guest", 13);
	section[0].offset = 0x300;
	section[0].size = 13;
	section[1].name = 1;
	section[1].offset = SAMPLE_NOTES;
	section[1].size = MIN(size, SAMPLE_TEXT - SAMPLE_NOTES);
	memcpy(s.bytes + SAMPLE_NOTES, data, section[1].size);
	try_exactly(s.bytes, s.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static void (*const ways[])(const uint8_t *data, size_t size) = {
		try_exactly, try_payload, try_notes, try_headers, try_legacy,
		try_narrow,
	};

	if (size > 0)
		ways[input[0] % ARRAY_SIZE(ways)](input + 1, size - 1);
	return 0;
}
