/* SPDX-License-Identifier: MIT */
/*
 * The log: a ring of the last messages (for `xl dmesg`) and, at once, the
 * machine's console. Anything in the hypervisor may speak, from anywhere.
 */
#ifndef LODGE_LOG_H
#define LODGE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level {
	LOG_ERROR,
	LOG_WARNING,
	LOG_INFO,
	LOG_DEBUG,
};

/* Messages above this level are dropped; guest: those that guests provoke. */
void log_set_levels(enum log_level own, enum log_level guest);

/*
 * Says one line (the newline is added), with a "(lodge) " prefix. What a
 * guest can provoke at will is said with log_guest(), which is limited to a
 * rate and tells how many lines it swallowed.
 */
void log_at(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void log_guest(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARNING, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

/* Raw text: into the ring and to the console, as it is. */
void log_write(const char *s, size_t n);
/*
 * Text of one of several speakers (a domain's id): the prefix stands at the
 * start of each line, and a line that another speaker has begun and not ended
 * is ended first. The text itself may end in the middle of a line.
 */
void log_write_as(uint32_t speaker, const char *prefix, const char *s,
		  size_t n);
#define LOG_SPEAKER_SELF UINT32_MAX
/* The same for what the ring keeps only if it was told to keep all. */
void log_pass_on(uint32_t speaker, const char *s, size_t n);

/* What the ring holds at first; it can become larger. */
#define LOG_RING_BYTES 65536
/* At boot: what the ring keeps, and a larger one, to: NULL: none. */
void log_ring_set(bool keep_all, char *to, size_t size);
/* True once when the ring has got text since the last time. */
bool log_take_news(void);
/*
 * Copies text of the ring from position *pos on (0: the oldest) to buf, at
 * most size bytes; advances *pos; returns the number of bytes copied.
 */
size_t log_read(uint64_t *pos, char *buf, size_t size);
/*
 * Where a reader begins: at the oldest text that was not forgotten, or at the
 * end of his last reading, of whose position he has the lower half.
 */
uint64_t log_position(const uint32_t *index);
/* Text before pos is not read any more. */
void log_forget(uint64_t pos);
/* In a panic: forget the lock's owner, he will not come back. */
void log_break_lock(void);

#endif
