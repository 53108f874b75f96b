/* SPDX-License-Identifier: MIT */
/*
 * Lines of the hypervisor: by level, and what guests provoke by rate.
 *
 * A guest that can make us say something can do it a million times a second;
 * the console is slow and the ring is short. So at most GUEST_LINES of such
 * lines come out in a second, and then one that tells how many did not.
 * Nothing here allocates; a line longer than LINE_MAX is cut.
 */
#include "arch.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "lock.h"
#include "log/log.h"

#define LINE_MAX    256
#define GUEST_LINES 20
#define PREFIX	    "(lodge) "

static atomic32_t level_own = { LOG_INFO };
static atomic32_t level_guest = { LOG_WARNING };

/* The second under way; all fields atomic, an inexact count does no harm. */
static struct {
	atomic64_t began_tsc;
	atomic32_t lines;
	atomic32_t dropped;
} guest_rate;

void log_set_levels(enum log_level own, enum log_level guest)
{
	atomic32_store(&level_own, own);
	atomic32_store(&level_guest, guest);
}

static void say(const char *fmt, va_list args)
	__attribute__((format(printf, 1, 0)));
static void say(const char *fmt, va_list args)
{
	char line[LINE_MAX];
	size_t n = (size_t)vsnprintf(line, sizeof(line) - 1, fmt, args);

	if (n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	log_write_as(LOG_SPEAKER_SELF, PREFIX, line, n);
}

void log_at(enum log_level level, const char *fmt, ...)
{
	va_list args;

	if (level > atomic32_load(&level_own))
		return;
	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}

/* True when one more line may be said in this second. */
static bool guest_may_speak(void)
{
	uint64_t now = arch_tsc();
	uint64_t began = atomic64_load(&guest_rate.began_tsc);
	uint32_t dropped;

	if (now - began >= arch_tsc_hz() &&
	    atomic64_cmpxchg(&guest_rate.began_tsc, &began, now)) {
		atomic32_store(&guest_rate.lines, 0);
		dropped = atomic32_xchg(&guest_rate.dropped, 0);
		if (dropped)
			log_at(LOG_WARNING,
			       "%u messages about guests not shown", dropped);
	}
	if (atomic32_add(&guest_rate.lines, 1) < GUEST_LINES)
		return true;
	atomic32_add(&guest_rate.dropped, 1);
	return false;
}

void log_guest(enum log_level level, const char *fmt, ...)
{
	va_list args;

	if (level > atomic32_load(&level_guest) || !guest_may_speak())
		return;
	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}
