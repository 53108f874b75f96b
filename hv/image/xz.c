/* SPDX-License-Identifier: MIT */
/*
 * xz, by liblzma. A .xz stream is
 *
 *	header | block ... block | index | footer | zeros
 *
 * and we walk it ourselves instead of leaving it to the library's stream
 * decoder, for one reason: memory. A block names the size of its dictionary,
 * newer kernels say 128 MiB, and the library would allocate all of it. No
 * reference can reach back further than the beginning of the output, so a
 * dictionary as large as the kernel is as good.
 */
#include <lzma.h>

#include "errno.h"
#include "image/codec.h"

struct xz_walk {
	struct codec_job *job;
	lzma_allocator mem;
	lzma_stream_flags flags;
	lzma_index_hash *hash; /* sizes of the blocks, to check the index */
	size_t in_pos, out_pos;
};

static void *xz_alloc(void *heap, size_t items, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(items, size, &bytes))
		return NULL;
	return image_heap_alloc(heap, bytes);
}

static void xz_free(void *heap, void *p)
{
	image_heap_free(heap, p);
}

static int xz_explain(lzma_ret ret, const struct codec_job *job,
		      struct image_error *err)
{
	switch (ret) {
	case LZMA_OK:
		return 0;
	case LZMA_MEM_ERROR:
		return image_fail(err, -ENOMEM,
				  "no memory to unpack xz (%lu bytes)",
				  job->heap.refused);
	case LZMA_OPTIONS_ERROR:
		return image_fail(err, -EBADMSG,
				  "corrupt xz data, or made with options "
				  "that we lack");
	case LZMA_BUF_ERROR:
		return image_fail(err, -EBADMSG,
				  "truncated xz data, or of a wrong length");
	default:
		return image_fail(err, -EBADMSG, "corrupt xz data");
	}
}

static void xz_shrink_dictionary(const lzma_filter *filters, size_t enough)
{
	for (; filters->id != LZMA_VLI_UNKNOWN; filters++) {
		lzma_options_lzma *o = filters->options;

		if (filters->id == LZMA_FILTER_LZMA2 && o->dict_size > enough)
			o->dict_size = enough;
	}
}

/* The filters are valid from here on and must be freed. */
static lzma_ret xz_block_body(struct xz_walk *w, lzma_block *block)
{
	const struct codec_job *job = w->job;
	lzma_ret ret;

	xz_shrink_dictionary(block->filters, job->out_size);
	ret = lzma_block_buffer_decode(block, &w->mem, job->in, &w->in_pos,
				       job->in_size, job->out, &w->out_pos,
				       job->out_size);
	if (ret != LZMA_OK)
		return ret;
	return lzma_index_hash_append(w->hash, lzma_block_unpadded_size(block),
				      block->uncompressed_size);
}

/* One block, whose first byte is at in_pos: it tells the header's size. */
static lzma_ret xz_block(struct xz_walk *w)
{
	const struct codec_job *job = w->job;
	lzma_filter filters[LZMA_FILTERS_MAX + 1];
	lzma_block block = {
		.version = 1,
		.check = w->flags.check,
		.filters = filters,
		.header_size =
			lzma_block_header_size_decode(job->in[w->in_pos]),
	};
	lzma_ret ret;

	if (block.header_size > job->in_size - w->in_pos)
		return LZMA_BUF_ERROR;
	ret = lzma_block_header_decode(&block, &w->mem, job->in + w->in_pos);
	if (ret != LZMA_OK)
		return ret;
	w->in_pos += block.header_size;
	ret = xz_block_body(w, &block);
	lzma_filters_free(filters, &w->mem);
	return ret;
}

static lzma_ret xz_index(struct xz_walk *w)
{
	const struct codec_job *job = w->job;
	lzma_stream_flags footer;
	lzma_ret ret;

	if (w->in_pos == job->in_size)
		return LZMA_BUF_ERROR;
	ret = lzma_index_hash_decode(w->hash, job->in, &w->in_pos,
				     job->in_size);
	if (ret == LZMA_OK)
		return LZMA_BUF_ERROR; /* it wants more than there is */
	if (ret != LZMA_STREAM_END)
		return ret;
	if (job->in_size - w->in_pos < LZMA_STREAM_HEADER_SIZE)
		return LZMA_BUF_ERROR;
	ret = lzma_stream_footer_decode(&footer, job->in + w->in_pos);
	if (ret != LZMA_OK)
		return ret;
	w->in_pos += LZMA_STREAM_HEADER_SIZE;
	return lzma_stream_flags_compare(&w->flags, &footer);
}

static lzma_ret xz_stream(struct xz_walk *w)
{
	const struct codec_job *job = w->job;
	lzma_ret ret;

	if (job->in_size < LZMA_STREAM_HEADER_SIZE)
		return LZMA_BUF_ERROR;
	ret = lzma_stream_header_decode(&w->flags, job->in);
	w->in_pos = LZMA_STREAM_HEADER_SIZE;
	/* A block begins with its size, which is not 0; the index with 0. */
	while (ret == LZMA_OK && w->in_pos < job->in_size &&
	       job->in[w->in_pos] != 0)
		ret = xz_block(w);
	if (ret == LZMA_OK)
		ret = xz_index(w);
	if (ret == LZMA_OK && w->out_pos != job->out_size)
		ret = LZMA_BUF_ERROR;
	for (; ret == LZMA_OK && w->in_pos < job->in_size; w->in_pos++)
		if (job->in[w->in_pos] != 0)
			ret = LZMA_DATA_ERROR;
	return ret;
}

int codec_xz(struct codec_job *job, struct image_error *err)
{
	struct xz_walk w = {
		.job = job,
		.mem = { xz_alloc, xz_free, &job->heap },
	};
	lzma_ret ret = LZMA_MEM_ERROR;

	w.hash = lzma_index_hash_init(NULL, &w.mem);
	if (w.hash)
		ret = xz_stream(&w);
	lzma_index_hash_end(w.hash, &w.mem);
	return xz_explain(ret, job, err);
}
