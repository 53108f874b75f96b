/* SPDX-License-Identifier: MIT */
/* How the files of this room refuse. */
#ifndef LODGE_IMAGE_ERROR_H
#define LODGE_IMAGE_ERROR_H

#include "image/state.h"

/* Writes the message (cut if it is too long) and returns `code`. */
[[nodiscard]] int image_fail(struct image_error *err, int code, const char *fmt,
			     ...) __attribute__((format(printf, 3, 4)));

#endif
