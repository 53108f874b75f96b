/* SPDX-License-Identifier: MIT */
/* gzip, by zlib: one member, its CRC and length checked by the library. */
#include <limits.h>
#define ZLIB_CONST
#include <zlib.h>

#include "errno.h"
#include "image/codec.h"

/* A window of 32 KiB, and 16 for "with a gzip header, not a zlib one". */
#define GZIP_WINDOW (15 + 16)

_Static_assert(IMAGE_BYTES_MAX <= UINT_MAX, "zlib counts in unsigned int");

static voidpf gzip_alloc(voidpf heap, uInt items, uInt size)
{
	return image_heap_alloc(heap, (size_t)items * size);
}

static void gzip_free(voidpf heap, voidpf p)
{
	image_heap_free(heap, p);
}

static int gzip_explain(int ret, const z_stream *z, const struct codec_job *job,
			struct image_error *err)
{
	if (ret == Z_MEM_ERROR)
		return image_fail(err, -ENOMEM,
				  "no memory to unpack gzip (%lu bytes)",
				  job->heap.refused);
	if (z->avail_in == 0 && z->avail_out != 0)
		return image_fail(err, -EBADMSG,
				  "truncated: the gzip data end too early");
	if (ret == Z_OK || ret == Z_BUF_ERROR || ret == Z_STREAM_END)
		return image_fail(err, -EBADMSG,
				  "corrupt: gzip data of a wrong length");
	return image_fail(err, -EBADMSG, "corrupt gzip data%s%s",
			  z->msg ? ": " : "", z->msg ? z->msg : "");
}

int codec_gzip(struct codec_job *job, struct image_error *err)
{
	z_stream z = {
		.zalloc = gzip_alloc,
		.zfree = gzip_free,
		.opaque = &job->heap,
		.next_in = job->in,
		.avail_in = job->in_size,
		.next_out = job->out,
		.avail_out = job->out_size,
	};
	int ret = inflateInit2(&z, GZIP_WINDOW);

	if (ret != Z_OK)
		return gzip_explain(ret, &z, job, err);
	ret = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	if (ret != Z_STREAM_END || z.avail_out != 0)
		return gzip_explain(ret, &z, job, err);
	return 0;
}
