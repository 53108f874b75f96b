/* SPDX-License-Identifier: MIT */
/*
 * The translations between both widths' structures, made from the tables of
 * layout32.h. A structure is copied once, as the guest has it, and translated
 * from that copy.
 */
#include "argument.h"
#include "domain/domain.h"
#include "frame/frame.h"
#include "lib/string.h"

#define BYTES_MAX 44

/* A pointer, too, is a number that becomes wider. */
#define WIDEN_FIELD(type, name, member, at) \
	w->member = (__typeof__(w->member))(uint64_t)n->name;
#define NARROW_FIELD(type, name, member, at) \
	n->name = (type)(uint64_t)w->member;

#define TRANSLATION(name, wide, bytes)                        \
	_Static_assert((bytes) <= BYTES_MAX, #name);          \
	static void widen_##name(void *to, const void *from)  \
	{                                                     \
		const struct name##32 *n = from;              \
		wide *w = to;                                 \
		memset(w, 0, sizeof(*w));                     \
		FIELDS_##name(WIDEN_FIELD)                    \
	}                                                     \
	static void narrow_##name(void *to, const void *from) \
	{                                                     \
		const wide *w = from;                         \
		struct name##32 *n = to;                      \
		FIELDS_##name(NARROW_FIELD)                   \
	}

LAYOUTS(TRANSLATION)

static const struct {
	uint16_t wide_bytes, bytes;
	void (*widen)(void *to, const void *from);
	void (*narrow)(void *to, const void *from);
} args[] = {
#define ARG_ENTRY(name, wide, bytes) \
	[ARG_##name] = { sizeof(wide), bytes, widen_##name, narrow_##name },
	LAYOUTS(ARG_ENTRY)
};

static int read64(enum arg a, void *wide, uint64_t va)
{
	return guest_copy_from(wide, va, args[a].wide_bytes);
}

static int write64(enum arg a, uint64_t va, const void *wide)
{
	return guest_copy_to(va, wide, args[a].wide_bytes);
}

static size_t bytes64(enum arg a)
{
	return args[a].wide_bytes;
}

static int read32(enum arg a, void *wide, uint64_t va)
{
	uint32_t narrow[BYTES_MAX / 4];
	int error = guest_copy_from(narrow, va, args[a].bytes);

	if (!error)
		args[a].widen(wide, narrow);
	return error;
}

static int write32(enum arg a, uint64_t va, const void *wide)
{
	uint32_t narrow[BYTES_MAX / 4];

	args[a].narrow(narrow, wide);
	return guest_copy_to(va, narrow, args[a].bytes);
}

static size_t bytes32(enum arg a)
{
	return args[a].bytes;
}

static const struct {
	int (*read)(enum arg a, void *wide, uint64_t va);
	int (*write)(enum arg a, uint64_t va, const void *wide);
	size_t (*bytes)(enum arg a);
} widths[] = {
	[WIDTH_64] = { read64, write64, bytes64 },
	[WIDTH_32] = { read32, write32, bytes32 },
};

int arg_read(const struct vcpu *v, enum arg a, void *wide, uint64_t va)
{
	return widths[v->domain->width].read(a, wide, va);
}

int arg_write(const struct vcpu *v, enum arg a, uint64_t va, const void *wide)
{
	return widths[v->domain->width].write(a, va, wide);
}

size_t arg_bytes(const struct vcpu *v, enum arg a)
{
	return widths[v->domain->width].bytes(a);
}
