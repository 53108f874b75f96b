/* SPDX-License-Identifier: MIT */
/* Little-endian numbers at any alignment; the caller has checked bounds. */
#ifndef LODGE_IMAGE_READ_H
#define LODGE_IMAGE_READ_H

#include <stdint.h>

#include "lib/string.h"

static inline uint16_t read_u16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t read_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t read_u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

#endif
