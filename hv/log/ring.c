/* SPDX-License-Identifier: MIT */
/*
 * The ring of what was said, and the line under way
 *
 * One lock covers the ring and the console: a piece of text that somebody
 * writes in one call comes out in one piece. Several speakers share the one
 * console: the log itself, domain 0 and the guests. Whoever speaks while
 * another has a line open begins a new one, so that lines never mix, and a
 * guest's prompt stays open for what is typed there.
 *
 *	said:   total number of characters ever written; character i lies in
 *		ring[i % RING_SIZE] as long as i + RING_SIZE >= said
 *	oldest: the first character that may still be read
 *	open:   the last character was not a newline
 *	opener: who has begun the line that is open
 */
#include "arch.h"
#include "lib/string.h"
#include "lock.h"
#include "log/log.h"

#define RING_SIZE 65536

static struct spinlock lock = SPINLOCK_INIT(LOCK_RANK_LOG);

/* all under the lock */
static char ring[RING_SIZE];
static uint64_t said, oldest;
static bool open;
static uint32_t opener;

static void ring_append(const char *s, size_t n)
{
	while (n) {
		size_t at = said % RING_SIZE;
		size_t part = MIN(n, RING_SIZE - at);

		memcpy(ring + at, s, part);
		said += part;
		s += part;
		n -= part;
	}
	if (said - oldest > RING_SIZE)
		oldest = said - RING_SIZE;
}

static void emit(const char *s, size_t n)
{
	if (n == 0)
		return;
	ring_append(s, n);
	arch_console_write(s, n);
	open = s[n - 1] != '\n';
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
	emit(s, n);
	spin_unlock(&lock);
}

void log_write_as(uint32_t speaker, const char *prefix, const char *s, size_t n)
{
	size_t len;

	spin_lock(&lock);
	if (n && open && opener != speaker)
		emit("\n", 1);
	opener = speaker;
	for (; n; s += len, n -= len) {
		len = line_length(s, n);
		if (!open)
			emit(prefix, strlen(prefix));
		emit(s, len);
	}
	spin_unlock(&lock);
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
		buf[n++] = ring[(*pos)++ % RING_SIZE];
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
