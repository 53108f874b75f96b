/* SPDX-License-Identifier: MIT */
/*
 * The ring of what was said, and the line under way
 *
 * One lock covers the ring and the console: a piece of text that somebody
 * writes in one call comes out in one piece. Several speakers share the one
 * console: the log itself, domain 0 and the guests. Whoever speaks while
 * another has a line open begins a new one, so that lines never mix, and a
 * guest's prompt stays open for what is typed there. The ring has the same
 * text but for what is only passed on to the console: domain 0's, which keeps
 * a log of its own. So each of the two knows its own open line.
 *
 *	said:   total number of characters ever written; character i lies in
 *		ring[i % ring_size] as long as i + ring_size >= said
 *	oldest: the first character that may still be read
 */
#include "arch.h"
#include "lib/string.h"
#include "lock.h"
#include "log/log.h"

static struct spinlock lock = SPINLOCK_INIT(LOCK_RANK_LOG);

/* all under the lock */
static char first_ring[LOG_RING_BYTES];
static char *ring = first_ring;
static size_t ring_size = sizeof(first_ring);
static uint64_t said, oldest;
static atomic32_t news; /* text that nobody was told of */
static bool keeps_all;

/* Where text goes: the last character was no newline; who has said it. */
static struct place {
	bool open;
	uint32_t opener;
} kept, shown;

static void ring_append(const char *s, size_t n)
{
	while (n) {
		size_t at = said % ring_size;
		size_t part = MIN(n, ring_size - at);

		memcpy(ring + at, s, part);
		said += part;
		s += part;
		n -= part;
	}
	if (said - oldest > ring_size)
		oldest = said - ring_size;
	atomic32_store(&news, 1);
}

static void emit(struct place *p, const char *s, size_t n)
{
	if (n == 0)
		return;
	if (p == &kept)
		ring_append(s, n);
	else
		arch_console_write(s, n);
	p->open = s[n - 1] != '\n';
}

/* The length of the text up to its first newline, and with it. */
static size_t line_length(const char *s, size_t n)
{
	size_t len = 0;

	while (len < n)
		if (s[len++] == '\n')
			break;
	return len;
}

void log_write(const char *s, size_t n)
{
	spin_lock(&lock);
	emit(&kept, s, n);
	emit(&shown, s, n);
	spin_unlock(&lock);
}

static void say(struct place *p, uint32_t speaker, const char *prefix,
		const char *s, size_t n)
{
	size_t len;

	if (n && p->open && p->opener != speaker)
		emit(p, "\n", 1);
	p->opener = speaker;
	for (; n; s += len, n -= len) {
		len = line_length(s, n);
		if (!p->open)
			emit(p, prefix, strlen(prefix));
		emit(p, s, len);
	}
}

void log_write_as(uint32_t speaker, const char *prefix, const char *s, size_t n)
{
	spin_lock(&lock);
	say(&kept, speaker, prefix, s, n);
	say(&shown, speaker, prefix, s, n);
	spin_unlock(&lock);
}

void log_pass_on(uint32_t speaker, const char *s, size_t n)
{
	spin_lock(&lock);
	if (keeps_all)
		say(&kept, speaker, "", s, n);
	say(&shown, speaker, "", s, n);
	spin_unlock(&lock);
}

void log_ring_set(bool keep_all, char *to, size_t size)
{
	spin_lock(&lock);
	keeps_all = keep_all;
	for (uint64_t i = oldest; to && i < said; i++)
		to[i % size] = ring[i % ring_size];
	if (to) {
		ring = to;
		ring_size = size;
	}
	spin_unlock(&lock);
}

bool log_take_news(void)
{
	return atomic32_load(&news) && atomic32_xchg(&news, 0);
}

size_t log_read(uint64_t *pos, char *buf, size_t size)
{
	size_t n = 0;

	spin_lock(&lock);
	if (*pos > said)
		*pos = said;
	if (*pos < oldest)
		*pos = oldest;
	while (n < size && *pos < said)
		buf[n++] = ring[(*pos)++ % ring_size];
	spin_unlock(&lock);
	return n;
}

uint64_t log_position(const uint32_t *index)
{
	uint64_t pos;
	uint32_t behind;

	spin_lock(&lock);
	pos = oldest;
	if (index) {
		behind = (uint32_t)said - *index;
		if (behind <= said - oldest)
			pos = said - behind;
	}
	spin_unlock(&lock);
	return pos;
}

void log_forget(uint64_t pos)
{
	spin_lock(&lock);
	if (pos > oldest && pos <= said)
		oldest = pos;
	spin_unlock(&lock);
}

void log_break_lock(void)
{
	spin_init(&lock, LOCK_RANK_LOG);
}
