/* SPDX-License-Identifier: MIT */
/*
 * The last words of a guest whose console another domain serves. Whoever
 * reads its ring takes nothing away: what the guest wrote stays there until
 * it is written over. Its builder has lent the ring to domain 0 by an entry of
 * the grant table that is always the same; ring and entry are what the guest
 * has made of them since, so only its own frame is looked at, and only text
 * comes out.
 */
#include "abi.h"
#include <xen/io/console.h>
#include "console/console.h"
#include "frame/frame.h"
#include "grant/grant.h"
#include "log/log.h"

#define LAST_BYTES 1024
#define LINE_BYTES 100
/* Each costs a prefix on a slow console, however short it is. */
#define LAST_LINES 40

_Static_assert(LAST_BYTES <= sizeof(((struct xencons_interface *)0)->out),
	       "what a ring holds");

struct line {
	char text[LINE_BYTES];
	size_t n;
	bool begun; /* the first may lack its beginning, and is not shown */
};

static void line_end(const struct domain *d, struct line *l)
{
	l->text[l->n] = 0;
	if (l->n && l->begun)
		log_error("  %s said: %s", d->name, l->text);
	l->n = 0;
}

static uint8_t byte_at(const struct xencons_interface *ring, uint32_t at)
{
	return shared_load8(
		(const uint8_t *)&ring->out[MASK_XENCONS_IDX(at, ring->out)]);
}

static void words_log(const struct domain *d,
		      const struct xencons_interface *ring)
{
	uint32_t end = shared_load32(&ring->out_prod), at = end;
	struct line l = { .begun = false };

	for (uint32_t n = 0; end - at < LAST_BYTES && n <= LAST_LINES;)
		n += byte_at(ring, --at) == '\n';
	for (; at != end; at++) {
		uint8_t c = byte_at(ring, at);

		if (c >= ' ' && c < 0x7f)
			l.text[l.n++] = (char)c;
		if (c == '\n' || l.n == LINE_BYTES - 1)
			line_end(d, &l);
		l.begun |= c == '\n' || c == 0;
	}
	line_end(d, &l);
}

void console_last_words(struct domain *d)
{
	struct frame *f;
	uint64_t m;

	if (!grant_reserved_frame(d, GNTTAB_RESERVED_CONSOLE, &m))
		return;
	f = frame_lookup(guest_mfn(m));
	if (!f || !frame_get(f, d))
		return;
	words_log(d, frame_ptr(f));
	frame_put(f);
}
