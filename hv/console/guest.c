/* SPDX-License-Identifier: MIT */
/*
 * The console rings of directly booted guests
 *
 * The ring is a page of the guest (<xen/io/console.h>), and its indices are
 * whatever the guest writes there. We read each once, take at most one
 * ring's worth, and mask every position. What is taken is put together to
 * lines here: a guest's line appears when it is complete, with the guest's
 * name in front of it. Only the guest that has the keyboard shows what it has
 * so far at once: its prompt, and the echo of what is typed.
 *
 * Guests end their lines with "\r\n", the machine's console wants "\n". So a
 * '\r' is held until the next character shows whether it was one of these.
 */
#include "abi.h"
#include <xen/io/console.h>

#include "console/guest.h"
#include "event/event.h"
#include "frame/frame.h"
#include "lib/printf.h"
#include "log/log.h"

struct spinlock console_lock = SPINLOCK_INIT(LOCK_RANK_CONSOLE);

/* Shows the line so far. Console lock held. */
static void line_flush(struct domain *d)
{
	struct domain_console *c = &d->console;
	char prefix[DOMAIN_NAME_MAX + 4];

	if (c->line_used == 0)
		return;
	snprintf(prefix, sizeof(prefix), "[%s] ", d->name);
	log_write_as(d->id, prefix, c->line, c->line_used);
	c->line_used = 0;
}

static void line_append(struct domain *d, char ch)
{
	struct domain_console *c = &d->console;

	c->line[c->line_used++] = ch;
	if (ch == '\n' || c->line_used == CONSOLE_LINE)
		line_flush(d);
}

static void line_put(struct domain *d, char ch)
{
	struct domain_console *c = &d->console;

	if (c->held_return && ch != '\n')
		line_append(d, '\r');
	c->held_return = ch == '\r';
	if (ch != '\r')
		line_append(d, ch);
}

/* Takes what the guest has written. Console lock held. True: some. */
static bool take_output(struct domain *d)
{
	struct xencons_interface *ring = d->console.ring;
	uint32_t cons = shared_load32(&ring->out_cons);
	uint32_t prod = shared_load32(&ring->out_prod);

	if (prod == cons)
		return false;
	if (prod - cons > sizeof(ring->out))
		cons = prod; /* nonsense: start over from there */
	for (; cons != prod; cons++)
		line_put(d, ring->out[MASK_XENCONS_IDX(cons, ring->out)]);
	shared_store32(&ring->out_cons, prod);
	guest_wrote(d, ring);
	if (console_has_focus(d))
		line_flush(d);
	return true;
}

void console_guest_attach(struct domain *d, struct xencons_interface *ring,
			  uint32_t port)
{
	spin_lock(&console_lock);
	d->console = (struct domain_console){ .ring = ring, .port = port };
	spin_unlock(&console_lock);
	console_focus_offer(d);
}

void console_guest_detach(struct domain *d)
{
	spin_lock(&console_lock);
	if (d->console.ring) {
		(void)take_output(d);
		if (d->console.line_used)
			line_put(d, '\n');
		d->console.ring = NULL;
	}
	spin_unlock(&console_lock);
	console_focus_leave(d);
}

void console_guest_kick(struct domain *d)
{
	uint32_t port;
	bool taken;

	spin_lock(&console_lock);
	taken = d->console.ring && take_output(d);
	port = d->console.port;
	spin_unlock(&console_lock);
	if (taken)
		event_raise_port(d, port);
}

void console_guest_flush(struct domain *d)
{
	spin_lock(&console_lock);
	line_flush(d);
	spin_unlock(&console_lock);
}

void console_guest_type(struct domain *d, char c)
{
	struct xencons_interface *ring;
	uint32_t cons, prod, port;
	bool fits = false;

	spin_lock(&console_lock);
	ring = d->console.ring;
	port = d->console.port;
	if (ring) {
		cons = shared_load32(&ring->in_cons);
		prod = shared_load32(&ring->in_prod);
		fits = prod - cons < sizeof(ring->in);
		if (fits) {
			ring->in[MASK_XENCONS_IDX(prod, ring->in)] = c;
			shared_store32(&ring->in_prod, prod + 1);
			guest_wrote(d, ring);
		}
	}
	spin_unlock(&console_lock);
	if (fits)
		event_raise_port(d, port);
}
