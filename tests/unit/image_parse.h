/* SPDX-License-Identifier: MIT */
/* Parsing samples: what is expected of one. */
#ifndef UNIT_IMAGE_PARSE_H
#define UNIT_IMAGE_PARSE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <xen/features.h>

#include "errno.h"
#include "unit/image_sample.h"

/* Parses a copy of exactly this length, for AddressSanitizer. */
static inline int try_parse(const struct sample *s, struct kernel_image *k,
			    struct image_error *err)
{
	uint8_t *copy = malloc(s->size ? s->size : 1);
	int ret;

	memcpy(copy, s->bytes, s->size);
	err->text[0] = '\0';
	ret = image_parse(copy, s->size, k, err);
	free(copy);
	assert_true(ret == 0 || (ret < 0 && err->text[0]));
	return ret;
}

static inline void expect_kernel(const struct sample *s, struct kernel_image *k)
{
	struct image_error err;

	if (try_parse(s, k, &err))
		fail_msg("refused: %s", err.text);
}

static inline void expect_refusal(const struct sample *s, int code,
				  const char *part_of_message)
{
	struct kernel_image k;
	struct image_error err;

	assert_int_equal(try_parse(s, &k, &err), code);
	if (!strstr(err.text, part_of_message))
		fail_msg("'%s' is not about '%s'", err.text, part_of_message);
}

#endif
