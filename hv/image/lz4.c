/* SPDX-License-Identifier: MIT */
/*
 * LZ4 in the "legacy" form that kernels use: the magic number, then blocks,
 * each a 32-bit size and that many bytes, which unpack to 8 MiB (the last
 * one to less). There is no checksum: what finds damage is that the blocks
 * must fill the result exactly.
 */
#include <limits.h>
#include <lz4.h>

#include "errno.h"
#include "image/codec.h"
#include "image/read.h"

#define LZ4_MAGIC     0x184C2102U
#define LZ4_BLOCK_MAX (8U << 20)

_Static_assert(IMAGE_BYTES_MAX <= INT_MAX, "liblz4 counts in int");

/* Unpacks the block at *in_pos to *out_pos and moves both behind it. */
static int lz4_block(struct codec_job *job, size_t *in_pos, size_t *out_pos,
		     struct image_error *err)
{
	size_t left = job->in_size - *in_pos;
	size_t room = MIN(job->out_size - *out_pos, LZ4_BLOCK_MAX);
	uint32_t size;
	int got;

	if (left < 4)
		return image_fail(err, -EBADMSG,
				  "truncated: the LZ4 data end too early");
	size = read_u32(job->in + *in_pos);
	left -= 4;
	*in_pos += 4;
	/* Two files one after the other: the magic number comes again. */
	if (size == LZ4_MAGIC)
		return 0;
	if (size > left)
		return image_fail(err, -EBADMSG,
				  "truncated or corrupt: an LZ4 block of %u "
				  "bytes, %lu are left",
				  size, left);
	got = LZ4_decompress_safe((const char *)job->in + *in_pos,
				  (char *)job->out + *out_pos, size, room);
	if (got <= 0)
		return image_fail(err, -EBADMSG, "corrupt LZ4 data");
	*in_pos += size;
	*out_pos += got;
	return 0;
}

int codec_lz4(struct codec_job *job, struct image_error *err)
{
	size_t in_pos = 4, out_pos = 0;

	while (out_pos < job->out_size) {
		int ret = lz4_block(job, &in_pos, &out_pos, err);

		if (ret)
			return ret;
	}
	if (in_pos != job->in_size)
		return image_fail(err, -EBADMSG,
				  "corrupt: %lu bytes after the LZ4 data",
				  job->in_size - in_pos);
	return 0;
}
