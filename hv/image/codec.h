/* SPDX-License-Identifier: MIT */
/*
 * The decompressors: one file each over a library of the distribution's.
 * All have one shape. The size of the result is known before: a kernel says
 * it in its last four bytes, and a result of any other size is damage.
 */
#ifndef LODGE_IMAGE_CODEC_H
#define LODGE_IMAGE_CODEC_H

#include "image/error.h"
#include "image/heap.h"

struct codec_job {
	struct image_heap heap;
	const uint8_t *in;
	size_t in_size;
	uint8_t *out;
	size_t out_size;
};

/*
 * Unpacks job->in into exactly job->out_size bytes at job->out. Returns
 * -EBADMSG for damaged data, -ENOMEM when the heap was too small.
 */
typedef int codec_fn(struct codec_job *job, struct image_error *err);

codec_fn codec_gzip, codec_lz4, codec_xz, codec_zstd;

#endif
