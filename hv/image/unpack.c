/* SPDX-License-Identifier: MIT */
/*
 * What kind of file is this, and where in it is the ELF file?
 *
 *	ELF			itself
 *	1f 8b			gzip; the last four bytes tell the size
 *	"HdrS" at 0x202		bzImage: real-mode code of some sectors, then
 *				the unpacker, and in it the payload:
 *
 *	0     0x1f1           (sects + 1) * 512        + offset   + length
 *	|......|setup header|....|  unpacker's code ....| payload | ... |
 *							 \_ compressed ELF,
 *							    32-bit size
 *
 * The build of Linux appends the size of the kernel to the compressed data,
 * except for gzip, which ends with it anyhow. A hostile file may say any
 * size: the allocator refuses what is not there, and a codec refuses a
 * result of another size.
 */
#include "errno.h"
#include "image/codec.h"
#include "image/image.h"
#include "image/read.h"

/* Linux's Documentation/x86/boot.rst names these. */
#define BZ_SETUP_SECTS	   0x1f1
#define BZ_BOOT_FLAG	   0x1fe
#define BZ_MAGIC	   0x202
#define BZ_VERSION	   0x206
#define BZ_PAYLOAD_OFFSET  0x248
#define BZ_PAYLOAD_LENGTH  0x24c
#define BZ_HEADER_END	   0x250
#define BZ_VERSION_PAYLOAD 0x0208 /* the first with a payload's offset */
#define BZ_SECTOR	   512

/* Codecs need little beside xz's dictionary, which we keep to the result. */
#define CODEC_ROOM_EXTRA (4UL << 20)

struct span {
	const uint8_t *p;
	size_t n;
};

struct codec {
	const char *name;
	const char *magic;
	size_t magic_len;
	size_t size_len;  /* bytes of size that follow the compressed data */
	codec_fn *decode; /* NULL: we can only tell what it is */
};

static const struct codec codecs[] = {
	{ "gzip", "\x1f\x8b", 2, 0, codec_gzip },
	{ "xz",
	  "\xfd"
	  "7zXZ\0",
	  6, 4, codec_xz },
	{ "Zstandard", "\x28\xb5\x2f\xfd", 4, 4, codec_zstd },
	{ "LZ4", "\x02\x21\x4c\x18", 4, 4, codec_lz4 },
	{ "bzip2", "BZh", 3, 4, NULL },
	{ "LZMA", "\x5d\0\0", 3, 4, NULL },
	{ "LZO", "\x89LZO", 4, 4, NULL },
	{ "LZ4 frame", "\x04\x22\x4d\x18", 4, 4, NULL },
};

static bool span_has(struct span s, size_t at, const char *what, size_t n)
{
	return s.n >= at && s.n - at >= n && !memcmp(s.p + at, what, n);
}

static const struct codec *codec_find(struct span s)
{
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++)
		if (span_has(s, 0, codecs[i].magic, codecs[i].magic_len))
			return &codecs[i];
	return NULL;
}

static bool span_is_elf(struct span s)
{
	return span_has(s, 0,
			"\x7f"
			"ELF",
			4);
}

/* Runs the codec on a result buffer that exists. */
static int decode_into(const struct codec *codec, struct span s,
		       const struct image_alloc *mem,
		       const struct image_file *out, struct image_error *err)
{
	struct codec_job job = {
		.in = s.p,
		.in_size = s.n - codec->size_len,
		.out = out->owned,
		.out_size = out->size,
	};
	int ret;

	image_heap_open(&job.heap, mem, out->size + CODEC_ROOM_EXTRA);
	ret = codec->decode(&job, err);
	image_heap_close(&job.heap);
	if (ret == 0 && !span_is_elf((struct span){ out->owned, out->size }))
		return image_fail(err, -ENOEXEC, "the %s data hold no ELF file",
				  codec->name);
	return ret;
}

/* Unpacks compressed data that end with the size of the result. */
static int decode(const struct codec *codec, struct span s,
		  const struct image_alloc *mem, struct image_file *out,
		  struct image_error *err)
{
	size_t size;
	int ret;

	if (!codec->decode)
		return image_fail(err, -EOPNOTSUPP,
				  "compressed with %s: we unpack gzip, xz, "
				  "Zstandard and LZ4",
				  codec->name);
	if (s.n < codec->magic_len + sizeof(uint32_t))
		return image_fail(err, -EBADMSG,
				  "truncated: %lu bytes of %s "
				  "data",
				  s.n, codec->name);
	size = read_u32(s.p + s.n - sizeof(uint32_t));
	if (s.n > IMAGE_BYTES_MAX || size == 0 || size > IMAGE_BYTES_MAX)
		return image_fail(err, -EBADMSG,
				  "truncated or corrupt: %lu bytes of %s data "
				  "said to hold %lu",
				  s.n, codec->name, size);
	out->owned = mem->alloc(mem->ctx, size);
	if (!out->owned)
		return image_fail(err, -ENOMEM,
				  "no memory for the unpacked kernel (%lu KiB)",
				  (size + 1023) / 1024);
	out->data = out->owned;
	out->size = size;
	ret = decode_into(codec, s, mem, out, err);
	if (ret)
		image_release(out, mem);
	return ret;
}

/* Finds the payload of a file that has the magic of a bzImage. */
static int bzimage_payload(struct span s, struct span *payload,
			   struct image_error *err)
{
	uint64_t begin, length, sects;

	if (s.n < BZ_HEADER_END)
		return image_fail(err, -EBADMSG, "truncated bzImage: %lu bytes",
				  s.n);
	if (read_u16(s.p + BZ_VERSION) < BZ_VERSION_PAYLOAD)
		return image_fail(err, -EOPNOTSUPP,
				  "bzImage of boot protocol %x.%02x: too old, "
				  "2.08 is the first that tells its payload",
				  s.p[BZ_VERSION + 1], s.p[BZ_VERSION]);
	sects = s.p[BZ_SETUP_SECTS] ? s.p[BZ_SETUP_SECTS] : 4;
	begin = (sects + 1) * BZ_SECTOR + read_u32(s.p + BZ_PAYLOAD_OFFSET);
	length = read_u32(s.p + BZ_PAYLOAD_LENGTH);
	if (length == 0)
		return image_fail(err, -EBADMSG, "bzImage without a payload");
	if (begin > s.n || length > s.n - begin)
		return image_fail(err, -EBADMSG,
				  "truncated bzImage: %lu bytes, its payload "
				  "ends at %lu",
				  s.n, begin + length);
	*payload = (struct span){ s.p + begin, length };
	return 0;
}

static int unpack_bzimage(struct span s, const struct image_alloc *mem,
			  struct image_file *out, struct image_error *err)
{
	struct span payload = { NULL, 0 };
	const struct codec *codec;
	int ret = bzimage_payload(s, &payload, err);

	if (ret)
		return ret;
	if (span_is_elf(payload)) {
		out->data = payload.p;
		out->size = payload.n;
		return 0;
	}
	codec = codec_find(payload);
	if (!codec)
		return image_fail(err, -EOPNOTSUPP,
				  "bzImage with a payload of unknown "
				  "compression");
	return decode(codec, payload, mem, out, err);
}

int image_unpack(const void *data, size_t len, const struct image_alloc *mem,
		 struct image_file *out, struct image_error *err)
{
	struct span s = { data, len };
	const struct codec *codec;

	*out = (struct image_file){ .data = data, .size = len };
	if (len == 0)
		return image_fail(err, -ENOEXEC, "the file is empty");
	if (span_is_elf(s))
		return 0;
	if (span_has(s, BZ_MAGIC, "HdrS", 4) &&
	    span_has(s, BZ_BOOT_FLAG, "\x55\xaa", 2))
		return unpack_bzimage(s, mem, out, err);
	codec = codec_find(s);
	if (codec && codec->decode == codec_gzip)
		return decode(codec, s, mem, out, err);
	if (codec)
		return image_fail(err, -ENOEXEC,
				  "neither ELF nor bzImage, but %s data",
				  codec->name);
	return image_fail(err, -ENOEXEC,
			  "neither ELF nor bzImage, in %lu bytes", len);
}

void image_release(struct image_file *file, const struct image_alloc *mem)
{
	if (file->owned)
		mem->free(mem->ctx, file->owned, file->size);
	*file = (struct image_file){ 0 };
}
