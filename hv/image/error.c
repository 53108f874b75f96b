/* SPDX-License-Identifier: MIT */
/* The one place where a refusal gets its text. */
#include <stdarg.h>

#include "image/error.h"
#include "lib/printf.h"

int image_fail(struct image_error *err, int code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	return code;
}
