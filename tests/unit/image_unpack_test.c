/* SPDX-License-Identifier: MIT */
/*
 * Unpacking: each compression gives the kernel back bit by bit; each damaged
 * file is refused with a message, and the memory comes back in any case.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <lz4hc.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "errno.h"
#include "unit/image_sample.h"

#define ROOM (4UL << 20)

/* A compressor: packs a sample, ready to be the payload of a bzImage. */
typedef size_t pack_fn(const struct sample *s, uint8_t *out, size_t room);

static size_t append_size(uint8_t *out, size_t n, uint32_t size)
{
	memcpy(out + n, &size, 4);
	return n + 4;
}

static size_t pack_gzip(const struct sample *s, uint8_t *out, size_t room)
{
	z_stream z = { 0 };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, 0), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)s->bytes;
	z.avail_in = s->size;
	z.next_out = out;
	z.avail_out = room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;
}

static size_t pack_xz_dict(const struct sample *s, uint8_t *out, size_t room,
			   uint32_t dict)
{
	lzma_options_lzma lzma2;
	lzma_filter filters[] = { { LZMA_FILTER_X86, NULL },
				  { LZMA_FILTER_LZMA2, &lzma2 },
				  { LZMA_VLI_UNKNOWN, NULL } };
	size_t n = 0;

	assert_false(lzma_lzma_preset(&lzma2, 1));
	lzma2.dict_size = dict;
	assert_int_equal(lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32,
						   NULL, s->bytes, s->size, out,
						   &n, room),
			 LZMA_OK);
	return append_size(out, n, s->size);
}

static size_t pack_xz(const struct sample *s, uint8_t *out, size_t room)
{
	return pack_xz_dict(s, out, room, 1 << 16);
}

static size_t pack_zstd(const struct sample *s, uint8_t *out, size_t room)
{
	ZSTD_CCtx *ctx = ZSTD_createCCtx();
	size_t n;

	/* As the program does it: with a checksum, size unknown. */
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, 1);
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_contentSizeFlag, 0);
	n = ZSTD_compress2(ctx, out, room, s->bytes, s->size);
	assert_false(ZSTD_isError(n));
	ZSTD_freeCCtx(ctx);
	return append_size(out, n, s->size);
}

static size_t pack_lz4(const struct sample *s, uint8_t *out, size_t room)
{
	int n = LZ4_compress_HC((const char *)s->bytes, (char *)out + 8,
				s->size, room - 8, 9);

	assert_true(n > 0);
	append_size(out, 0, 0x184C2102);
	append_size(out, 4, n);
	return append_size(out, 8 + n, s->size);
}

static const struct {
	const char *name;
	pack_fn *pack;
	bool checked; /* damage cannot go unnoticed: there is a checksum */
} packers[] = {
	{ "gzip", pack_gzip, true },
	{ "xz", pack_xz, true },
	{ "zstd", pack_zstd, true },
	{ "lz4", pack_lz4, false },
};

#define EACH_PACKER(i) (size_t i = 0; i < ARRAY_SIZE(packers); i++)

static uint8_t *bzimage_of(pack_fn *pack, const struct sample *s, size_t *size)
{
	static uint8_t buf[2 * SAMPLE_MAX];

	return sample_bzimage(buf, pack(s, buf, sizeof(buf)), size);
}

/* Unpacks and returns the result; the message is there if it is an error. */
static int try_unpack(const void *data, size_t len, struct purse *purse,
		      const struct sample *expected, struct image_error *err)
{
	struct image_alloc mem = PURSE_ALLOC(purse);
	struct image_file file;
	int ret;

	err->text[0] = '\0';
	ret = image_unpack(data, len, &mem, &file, err);
	if (ret == 0 && expected) {
		assert_int_equal(file.size, expected->size);
		assert_memory_equal(file.data, expected->bytes, file.size);
	}
	if (ret == 0)
		image_release(&file, &mem);
	else
		assert_true(ret < 0 && err->text[0]);
	assert_int_equal(purse->taken, 0);
	return ret;
}

static void expect_refusal(const void *data, size_t len, int code,
			   const char *part_of_message)
{
	struct purse purse = PURSE(ROOM);
	struct image_error err;

	assert_int_equal(try_unpack(data, len, &purse, NULL, &err), code);
	if (!strstr(err.text, part_of_message))
		fail_msg("'%s' is not about '%s'", err.text, part_of_message);
}

static void test_elf_is_taken_in_place(void **state)
{
	struct purse purse = PURSE(ROOM);
	struct image_alloc mem = PURSE_ALLOC(&purse);
	struct image_error err;
	struct image_file file;
	struct sample s;

	(void)state;
	sample_kernel(&s);
	assert_int_equal(image_unpack(s.bytes, s.size, &mem, &file, &err), 0);
	assert_ptr_equal(file.data, s.bytes);
	assert_int_equal(file.size, s.size);
	image_release(&file, &mem);
	assert_int_equal(purse.requests, 0);
}

static void test_each_compression_unpacks(void **state)
{
	struct sample s;

	(void)state;
	sample_kernel(&s);
	for
		EACH_PACKER(i)
		{
			struct purse purse = PURSE(ROOM);
			struct image_error err;
			size_t size;
			uint8_t *bz = bzimage_of(packers[i].pack, &s, &size);

			if (try_unpack(bz, size, &purse, &s, &err))
				fail_msg("%s: %s", packers[i].name, err.text);
			free(bz);
		}
}

static void test_plain_gzip_unpacks(void **state)
{
	struct purse purse = PURSE(ROOM);
	uint8_t buf[2 * SAMPLE_MAX];
	struct image_error err;
	struct sample s;
	size_t n;

	(void)state;
	sample_kernel(&s);
	n = pack_gzip(&s, buf, sizeof(buf));
	assert_int_equal(try_unpack(buf, n, &purse, &s, &err), 0);
	for (size_t cut = 0; cut < n; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);

		memcpy(copy, buf, cut);
		assert_true(try_unpack(copy, cut, &purse, NULL, &err) < 0);
		free(copy);
	}
}

static void test_bzimage_of_plain_elf(void **state)
{
	struct purse purse = PURSE(0);
	struct image_error err;
	struct sample s;
	size_t size;
	uint8_t *bz;

	(void)state;
	sample_kernel(&s);
	bz = sample_bzimage(s.bytes, s.size, &size);
	assert_int_equal(try_unpack(bz, size, &purse, &s, &err), 0);
	free(bz);
}

static void test_file_cut_anywhere_is_refused(void **state)
{
	struct purse purse = PURSE(ROOM);
	struct image_error err;
	struct sample s;

	(void)state;
	sample_kernel(&s);
	for
		EACH_PACKER(i)
		{
			size_t size;
			uint8_t *bz = bzimage_of(packers[i].pack, &s, &size);

			for (size_t cut = 0; cut < size; cut++) {
				/* Exactly this long, for AddressSanitizer. */
				uint8_t *copy = malloc(cut ? cut : 1);

				memcpy(copy, bz, cut);
				assert_true(try_unpack(copy, cut, &purse, NULL,
						       &err));
				if (cut >= 0x206)
					assert_non_null(
						strstr(err.text, "truncated"));
				free(copy);
			}
			free(bz);
		}
}

/* The header tells a shorter payload: the compression itself is cut. */
static void test_payload_cut_anywhere_is_refused(void **state)
{
	struct purse purse = PURSE(ROOM);
	struct image_error err;
	struct sample s;

	(void)state;
	sample_kernel(&s);
	for
		EACH_PACKER(i)
		{
			uint8_t buf[2 * SAMPLE_MAX];
			size_t n = packers[i].pack(&s, buf, sizeof(buf));

			for (size_t cut = 1; cut < n - 4; cut++) {
				size_t len = append_size(buf, cut, s.size),
				       size;
				uint8_t *bz = sample_bzimage(buf, len, &size);

				assert_true(try_unpack(bz, size, &purse, NULL,
						       &err));
				free(bz);
				packers[i].pack(&s, buf, sizeof(buf));
			}
		}
}

static void test_flipped_bits_are_noticed(void **state)
{
	struct purse purse = PURSE(ROOM);
	struct image_error err;
	struct sample s;

	(void)state;
	sample_kernel(&s);
	for
		EACH_PACKER(i)
		{
			const struct sample *same =
				packers[i].checked ? &s : NULL;
			size_t size;
			uint8_t *bz = bzimage_of(packers[i].pack, &s, &size);

			for (size_t bit = BZ_SAMPLE_PAYLOAD * 8; bit < size * 8;
			     bit++) {
				bz[bit / 8] ^= 1 << bit % 8;
				(void)try_unpack(bz, size, &purse, same, &err);
				bz[bit / 8] ^= 1 << bit % 8;
			}
			free(bz);
		}
}

static void test_memory_may_run_out_at_any_request(void **state)
{
	struct sample s;

	(void)state;
	sample_kernel(&s);
	for
		EACH_PACKER(i)
		{
			size_t size;
			uint8_t *bz = bzimage_of(packers[i].pack, &s, &size);
			int ret = -1;

			for (long n = 0; ret != 0; n++) {
				struct purse purse = PURSE(ROOM);
				struct image_error err;

				assert_true(n < 100);
				purse.fail_at = n;
				ret = try_unpack(bz, size, &purse, &s, &err);
				if (ret) {
					assert_int_equal(ret, -ENOMEM);
					assert_non_null(
						strstr(err.text, "memory"));
				}
			}
			free(bz);
		}
}

/* A kernel that names a large dictionary costs no more than its own size. */
static void test_xz_dictionary_is_kept_to_the_kernel(void **state)
{
	struct purse purse = PURSE(1 << 20);
	uint8_t buf[2 * SAMPLE_MAX], *bz;
	struct image_error err;
	struct sample s;
	size_t size;

	(void)state;
	sample_kernel(&s);
	size = pack_xz_dict(&s, buf, sizeof(buf), 64 << 20);
	bz = sample_bzimage(buf, size, &size);
	assert_int_equal(try_unpack(bz, size, &purse, &s, &err), 0);
	assert_true(purse.peak < (256 << 10));
	free(bz);
}

static void test_wrong_size_is_refused(void **state)
{
	static const uint32_t wrong[] = { 0, 1, 4, 0x7fffffff, 0xffffffff };
	struct purse purse = PURSE(ROOM);
	struct image_error err;
	struct sample s;

	(void)state;
	sample_kernel(&s);
	for
		EACH_PACKER(i)
		{
			size_t size;
			uint8_t *bz = bzimage_of(packers[i].pack, &s, &size);

			for (size_t j = 0; j < ARRAY_SIZE(wrong); j++) {
				append_size(bz, size - 4, wrong[j]);
				assert_true(try_unpack(bz, size, &purse, NULL,
						       &err));
			}
			append_size(bz, size - 4, s.size + 1);
			assert_true(try_unpack(bz, size, &purse, NULL, &err));
			append_size(bz, size - 4, s.size - 1);
			assert_true(try_unpack(bz, size, &purse, NULL, &err));
			append_size(bz, size - 4, 500 << 20);
			assert_int_equal(
				try_unpack(bz, size, &purse, NULL, &err),
				-ENOMEM);
			free(bz);
		}
}

static void test_bytes_after_a_zstd_frame_are_refused(void **state)
{
	uint8_t buf[4 * SAMPLE_MAX], *bz;
	struct sample s;
	size_t n, size;

	(void)state;
	sample_kernel(&s);
	n = pack_zstd(&s, buf, sizeof(buf)) - 4;
	/* A frame of format 0.5, whose decoder would want malloc(). */
	memcpy(buf + n, "\x25\xb5\x2f\xfd\0\0\0\0", 8);
	bz = sample_bzimage(buf, append_size(buf, n + 8, s.size), &size);
	expect_refusal(bz, size, -EBADMSG, "8 bytes after the zstd data");
	free(bz);
}

static void test_lz4_blocks_continue_each_other(void **state)
{
	struct purse purse = PURSE(ROOM);
	uint8_t buf[4 * SAMPLE_MAX], *bz;
	struct image_error err;
	struct sample s;
	size_t n = 4, size;

	(void)state;
	sample_kernel(&s);
	append_size(buf, 0, 0x184C2102);
	for (size_t from = 0; from < s.size; from += 1000) {
		size_t piece = MIN(s.size - from, 1000);
		int got =
			LZ4_compress_default((const char *)s.bytes + from,
					     (char *)buf + n + 4, piece, 2000);

		n = append_size(buf, n, got) + got;
		/* Twice the magic: as if two files were put together. */
		if (from == 2000)
			n = append_size(buf, n, 0x184C2102);
	}
	bz = sample_bzimage(buf, append_size(buf, n, s.size), &size);
	assert_int_equal(try_unpack(bz, size, &purse, &s, &err), 0);
	free(bz);
}

static void test_unknown_compressions_are_named(void **state)
{
	static const struct {
		char magic[24];
		const char *name;
	} others[] = {
		{ "BZh91AY&SY........", "bzip2" },
		{ "\x89LZO\x00\x0d\x0a\x1a.......", "LZO" },
		{ "\x5d\0\0\x80\0\xff\xff......", "LZMA" },
		{ "\x04\x22\x4d\x18........", "LZ4 frame" },
		{ "abcdefghijklmnop", "unknown compression" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		size_t size;
		uint8_t *bz = sample_bzimage(others[i].magic, 16, &size);

		expect_refusal(bz, size, -EOPNOTSUPP, others[i].name);
		free(bz);
	}
}

static void test_no_kernel_at_all(void **state)
{
	uint8_t junk[4096], buf[2 * SAMPLE_MAX];
	struct sample s;

	(void)state;
	memset(junk, 'x', sizeof(junk));
	expect_refusal(junk, 0, -ENOEXEC, "empty");
	expect_refusal(junk, 1, -ENOEXEC, "neither ELF nor bzImage");
	expect_refusal(junk, sizeof(junk), -ENOEXEC, "neither ELF nor bzImage");
	sample_kernel(&s);
	expect_refusal(buf, pack_xz(&s, buf, sizeof(buf)), -ENOEXEC,
		       "but xz data");
	memset(&s, 'x', 100);
	s.size = 100;
	expect_refusal(buf, pack_gzip(&s, buf, sizeof(buf)), -ENOEXEC,
		       "no ELF file");
}

static void test_bad_setup_headers(void **state)
{
	struct sample s;
	size_t size;
	uint8_t *bz;

	(void)state;
	sample_kernel(&s);
	bz = bzimage_of(pack_gzip, &s, &size);
	bz[0x206] = 7;
	expect_refusal(bz, size, -EOPNOTSUPP, "protocol 2.07");
	bz[0x206] = 15;
	memset(bz + 0x24c, 0, 4);
	expect_refusal(bz, size, -EBADMSG, "without a payload");
	memset(bz + 0x248, 0xff, 8);
	expect_refusal(bz, size, -EBADMSG, "truncated");
	bz[0x1fe] = 0;
	expect_refusal(bz, size, -ENOEXEC, "neither ELF nor bzImage");
	free(bz);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elf_is_taken_in_place),
		cmocka_unit_test(test_each_compression_unpacks),
		cmocka_unit_test(test_plain_gzip_unpacks),
		cmocka_unit_test(test_bzimage_of_plain_elf),
		cmocka_unit_test(test_file_cut_anywhere_is_refused),
		cmocka_unit_test(test_payload_cut_anywhere_is_refused),
		cmocka_unit_test(test_flipped_bits_are_noticed),
		cmocka_unit_test(test_memory_may_run_out_at_any_request),
		cmocka_unit_test(test_xz_dictionary_is_kept_to_the_kernel),
		cmocka_unit_test(test_wrong_size_is_refused),
		cmocka_unit_test(test_bytes_after_a_zstd_frame_are_refused),
		cmocka_unit_test(test_lz4_blocks_continue_each_other),
		cmocka_unit_test(test_unknown_compressions_are_named),
		cmocka_unit_test(test_no_kernel_at_all),
		cmocka_unit_test(test_bad_setup_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
