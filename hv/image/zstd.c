/* SPDX-License-Identifier: MIT */
/*
 * Zstandard, by libzstd: one frame, unpacked in one call straight into the
 * result, so that the window (128 MiB in some kernels) needs no memory.
 *
 * Only the first frame is shown to the library. What may follow it could be
 * a frame of an older format, and the library's decoders for those take
 * memory from malloc().
 */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include "errno.h"
#include "image/codec.h"

static void *zstd_alloc(void *heap, size_t bytes)
{
	return image_heap_alloc(heap, bytes);
}

static void zstd_free(void *heap, void *p)
{
	image_heap_free(heap, p);
}

static int zstd_explain(size_t ret, struct image_error *err)
{
	return image_fail(err, -EBADMSG, "truncated or corrupt zstd data: %s",
			  ZSTD_getErrorName(ret));
}

static int zstd_frame(struct codec_job *job, ZSTD_DCtx *ctx,
		      struct image_error *err)
{
	size_t frame = ZSTD_findFrameCompressedSize(job->in, job->in_size);
	size_t got;

	if (ZSTD_isError(frame))
		return zstd_explain(frame, err);
	if (frame != job->in_size)
		return image_fail(err, -EBADMSG,
				  "corrupt: %lu bytes after the zstd data",
				  job->in_size - frame);
	got = ZSTD_decompressDCtx(ctx, job->out, job->out_size, job->in, frame);
	if (ZSTD_isError(got))
		return zstd_explain(got, err);
	if (got != job->out_size)
		return image_fail(err, -EBADMSG,
				  "corrupt: zstd data of a wrong length");
	return 0;
}

int codec_zstd(struct codec_job *job, struct image_error *err)
{
	ZSTD_customMem mem = { zstd_alloc, zstd_free, &job->heap };
	ZSTD_DCtx *ctx = ZSTD_createDCtx_advanced(mem);
	int ret;

	if (!ctx)
		return image_fail(err, -ENOMEM,
				  "no memory to unpack zstd (%lu bytes)",
				  job->heap.refused);
	ret = zstd_frame(job, ctx, err);
	ZSTD_freeDCtx(ctx);
	return ret;
}
