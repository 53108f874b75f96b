/* SPDX-License-Identifier: MIT */
/*
 * The keyboard: who has it, and what is typed
 *
 * There is one keyboard for domain 0 (which reads it by CONSOLEIO_read) and
 * all directly booted guests. Ctrl-a three times gives it to the next of
 * them, in order of their ids; Ctrl-a less often than that is passed on,
 * as soon as another character tells that there were no three.
 *
 * Typed characters come in on one CPU only, the one that the console
 * interrupts.
 */
#include "arch.h"
#include "console/guest.h"
#include "event/event.h"
#include "lib/printf.h"
#include "log/log.h"

#define CTRL_A	   0x01
#define TYPED_SIZE 1024

/* Id of the domain that has the keyboard. 0: domain 0, or nobody. */
static atomic32_t focus;

/* Domain 0's input; console lock. */
static char typed[TYPED_SIZE];
static uint32_t typed_cons, typed_prod;

/* How many Ctrl-a came last; only the CPU with the console. */
static unsigned int escapes;

bool console_has_focus(const struct domain *d)
{
	return atomic32_load(&focus) == d->id;
}

/* True for the domain that reads by hypercall. */
static bool is_initial(const struct domain *d)
{
	return d->id == 0 && d->privileged;
}

static bool can_have_focus(const struct domain *d)
{
	return is_initial(d) || d->console.ring;
}

void console_focus_offer(const struct domain *d)
{
	if (atomic32_load(&focus) == 0 && !domain_find(0))
		atomic32_store(&focus, d->id);
}

/* The first domain behind id that can have the keyboard, going round. */
static struct domain *next_behind(int id)
{
	struct domain *d;

	for (d = domain_next(id); d; d = domain_next(d->id))
		if (can_have_focus(d))
			return d;
	for (d = domain_next(-1); d && d->id <= id; d = domain_next(d->id))
		if (can_have_focus(d))
			return d;
	return NULL;
}

void console_focus_next(void)
{
	struct domain *d = next_behind((int)atomic32_load(&focus));
	char text[DOMAIN_NAME_MAX + 16];
	int n;

	atomic32_store(&focus, d ? d->id : 0);
	if (!d)
		return;
	n = snprintf(text, sizeof(text), "keyboard: %s\n", d->name);
	log_write_as(LOG_SPEAKER_SELF, "(lodge) ", text, (size_t)n);
	console_guest_flush(d);
}

void console_focus_leave(const struct domain *d)
{
	if (console_has_focus(d))
		console_focus_next();
}

void console_write_raw(struct domain *d, const char *s, size_t n)
{
	log_pass_on(d->id, s, n);
}

size_t console_read(struct domain *d, char *buf, size_t n)
{
	size_t i = 0;

	if (!is_initial(d))
		return 0;
	spin_lock(&console_lock);
	while (i < n && typed_cons != typed_prod)
		buf[i++] = typed[typed_cons++ % TYPED_SIZE];
	spin_unlock(&console_lock);
	return i;
}

static void type_initial(struct domain *d, char c)
{
	spin_lock(&console_lock);
	if (typed_prod - typed_cons < TYPED_SIZE)
		typed[typed_prod++ % TYPED_SIZE] = c;
	spin_unlock(&console_lock);
	event_raise_virq(d->vcpu[0], VIRQ_CONSOLE);
}

static void type(char c)
{
	struct domain *d = domain_find((uint16_t)atomic32_load(&focus));

	if (!d)
		return;
	if (is_initial(d))
		type_initial(d, c);
	else
		console_guest_type(d, c);
}

void console_input_run(void)
{
	int c;

	while ((c = arch_console_read()) >= 0) {
		if (c == CTRL_A) {
			if (++escapes == 3) {
				escapes = 0;
				console_focus_next();
			}
			continue;
		}
		for (; escapes; escapes--)
			type(CTRL_A);
		type((char)c);
	}
}
