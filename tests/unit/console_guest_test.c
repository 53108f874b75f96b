/* SPDX-License-Identifier: MIT */
/*
 * The log's lines, guests' consoles and the keyboard: what stands on the
 * machine's console in the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "console/console.h"
#include "event/event.h"
#include "host/host.h"
#include "log/log.h"
#include "sched/sched.h"
#include "time/time.h"

#include <xen/io/console.h>

static struct domain *one, *two;

static struct domain *guest_make(const char *name)
{
	struct domain *d = host_domain_make(8, 1, false);
	struct frame *f;
	uint32_t port;

	snprintf(d->name, sizeof(d->name), "%s", name);
	d->sched.weight = SCHED_WEIGHT_DEFAULT;
	assert_int_equal(event_domain_init(d), 0);
	sched_vcpu_init(d->vcpu[0]);
	assert_int_equal(frame_alloc_domain(d, 0, &f), 0);
	assert_int_equal(event_alloc_console(d, &port), 0);
	console_guest_attach(d, frame_ptr(f), port);
	return d;
}

static int setup(void **state)
{
	(void)state;
	host_init(128, 1);
	time_init();
	sched_init();
	one = guest_make("one");
	two = guest_make("two");
	log_write("\n", 1);
	host_console_clear();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	console_guest_detach(one);
	console_guest_detach(two);
	host_fini();
	return 0;
}

/* The guest writes, and tells us. */
static void out(struct domain *d, const char *s)
{
	struct xencons_interface *r = d->console.ring;

	for (; *s; s++) {
		assert_true(r->out_prod - r->out_cons < sizeof(r->out));
		r->out[r->out_prod++ % sizeof(r->out)] = *s;
	}
	console_guest_kick(d);
	assert_int_equal(r->out_cons, r->out_prod);
}

/* What the guest finds in its ring. */
static const char *in(struct domain *d)
{
	struct xencons_interface *r = d->console.ring;
	static char text[sizeof(r->in) + 1];
	size_t n = 0;

	while (r->in_cons != r->in_prod)
		text[n++] = r->in[r->in_cons++ % sizeof(r->in)];
	text[n] = '\0';
	return text;
}

static void type(const char *s)
{
	host_console_type(s);
	console_input_run();
}

#define SHOWN(text)                                             \
	do {                                                    \
		assert_string_equal(host_console_text(), text); \
		host_console_clear();                           \
	} while (0)

static void lines_carry_the_name(void **state)
{
	(void)state;
	out(one, "hello\r\n");
	SHOWN("[one] hello\n");
	out(two, "a\r\nb\r\nc");
	SHOWN("[two] a\n[two] b\n");
	out(two, "d\n\n");
	SHOWN("[two] cd\n[two] \n");
}

static void prompt_appears_at_once(void **state)
{
	(void)state;
	out(one, "login: ");
	SHOWN("[one] login: ");
	out(one, "r");
	out(one, "oo\bt");
	SHOWN("roo\bt");
	out(one, "\r");
	out(one, "\n");
	SHOWN("\n");
	out(one, "\r\033[K# "); /* redrawn by a line editor */
	SHOWN("[one] \r\033[K# ");
}

static void lines_do_not_mix(void **state)
{
	(void)state;
	out(one, "one says ");
	out(two, "two says\n");
	out(one, "more\n");
	log_info("we say");
	out(one, "# ");
	log_info("we say %d", 2);
	log_info("and again");
	SHOWN("[one] one says \n[two] two says\n[one] more\n(lodge) we say\n"
	      "[one] # \n(lodge) we say 2\n(lodge) and again\n");
}

static void keyboard_moves(void **state)
{
	(void)state;
	type("ls\r");
	assert_string_equal(in(one), "ls\r");
	assert_true(shared_test_bit(one->shared->evtchn_pending,
				    one->console.port));
	out(two, "login: ");
	SHOWN("");
	type("\001\001\001");
	SHOWN("(lodge) keyboard: two\n[two] login: ");
	type("root");
	assert_string_equal(in(two), "root");
	assert_string_equal(in(one), "");
	type("\001a\001\001b\001\001\001\001c");
	assert_string_equal(in(two), "\001a\001\001b");
	assert_string_equal(in(one), "\001c");
}

static void keyboard_leaves_a_dead_guest(void **state)
{
	(void)state;
	out(one, "last words");
	console_guest_detach(one);
	SHOWN("[one] last words\n(lodge) keyboard: two\n");
	type("x");
	assert_string_equal(in(two), "x");
	console_guest_kick(one);
	SHOWN("");
}

static void full_input_is_dropped(void **state)
{
	struct xencons_interface *r = one->console.ring;

	(void)state;
	r->in_prod = r->in_cons + sizeof(r->in) - 3; /* room for three */
	type("abcde");
	assert_int_equal(r->in_prod - r->in_cons, sizeof(r->in));
	assert_string_equal(in(one) + sizeof(r->in) - 3, "abc");
	type("y");
	assert_string_equal(in(one), "y");
}

/* Whatever the guest writes to the indices. */
static void hostile_rings(void **state)
{
	struct xencons_interface *r = one->console.ring;

	(void)state;
	for (unsigned int i = 0; i < 2000; i++) {
		r->out_cons = (uint32_t)host_random();
		r->out_prod = r->out_cons + (uint32_t)host_random() % 4096;
		r->in_cons = (uint32_t)host_random();
		r->in_prod = r->in_cons + (uint32_t)host_random() % 2048;
		console_guest_kick(one);
		assert_int_equal(r->out_cons, r->out_prod);
		host_console_clear();
	}
	r->out_prod = r->out_cons + 2049; /* more than there can be */
	console_guest_kick(one);
	SHOWN("");
}

static void long_lines_come_in_pieces(void **state)
{
	char text[301], want[400];

	(void)state;
	memset(text, 'z', 300);
	text[299] = '\n';
	text[300] = '\0';
	out(two, text);
	snprintf(want, sizeof(want), "[two] %s", text);
	SHOWN(want);
}

static void ring_keeps_the_text(void **state)
{
	uint64_t pos = 0, start;
	char text[65536];
	size_t n;

	(void)state;
	while (log_read(&pos, text, sizeof(text)))
		;
	start = pos;
	log_info("kept");
	n = log_read(&pos, text, sizeof(text));
	assert_int_equal(n, pos - start);
	assert_memory_equal(text, "(lodge) kept\n", n);
	for (unsigned int i = 0; i < 70000 / 10; i++)
		log_write("123456789\n", 10);
	pos = start;
	assert_int_equal(log_read(&pos, text, sizeof(text)), 65536);
	assert_memory_equal(text + 65536 - 10, "123456789\n", 10);
	assert_int_equal(log_read(&pos, text, sizeof(text)), 0);
}

static unsigned int lines_shown(void)
{
	unsigned int n = 0;

	for (const char *s = host_console_text(); *s; s++)
		n += *s == '\n';
	return n;
}

static void guests_cannot_flood_the_log(void **state)
{
	(void)state;
	host_clock_advance(2000000000);
	for (unsigned int i = 0; i < 1000; i++)
		log_guest(LOG_WARNING, "provoked %u", i);
	assert_in_range(lines_shown(), 15, 25);
	assert_null(strstr(host_console_text(), "provoked 999"));
	host_clock_advance(2000000000);
	host_console_clear();
	log_guest(LOG_WARNING, "provoked");
	SHOWN("(lodge) 980 messages about guests not shown\n"
	      "(lodge) provoked\n");
	log_guest(LOG_DEBUG, "too fine");
	log_debug("too fine");
	SHOWN("");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(lines_carry_the_name),
		TEST(prompt_appears_at_once),
		TEST(lines_do_not_mix),
		TEST(keyboard_moves),
		TEST(keyboard_leaves_a_dead_guest),
		TEST(full_input_is_dropped),
		TEST(hostile_rings),
		TEST(long_lines_come_in_pieces),
		TEST(ring_keeps_the_text),
		TEST(guests_cannot_flood_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
