/* SPDX-License-Identifier: MIT */
/* Words of a command line, and the values in them. */
#ifndef LODGE_BOOT_OPTIONS_WORD_H
#define LODGE_BOOT_OPTIONS_WORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of a string, not ended by a zero. */
struct word {
	const char *p;
	size_t n;
};

/* A word made printable and cut, to be shown in a message. */
struct shown_word {
	char text[48];
};

/* Takes the next word off *line; false at the end of it. */
bool word_next(const char **line, struct word *out);

/* Takes the text up to the next `separator` off *list; false if none left. */
bool word_split(struct word *list, char separator, struct word *out);

/* Whether the word is exactly `text`. */
bool word_is(struct word w, const char *text);

/* Whether the word is KEY=VALUE with this key; then *value is what follows. */
bool word_has_key(struct word w, const char *key, struct word *value);

struct shown_word word_show(struct word w);

/* Copies the word and a zero; false (and nothing is copied) if it is longer
 * than the room or not printable. */
bool word_copy(struct word w, char *to, size_t room);

/* A whole word that is a number, decimal or 0x hexadecimal, up to `max`. */
bool word_number(struct word w, uint64_t max, uint64_t *out);

/*
 * A size in bytes: a number and one of B K M G T in either case, where no
 * letter means `unit` bytes, or is an error if `unit` is 0.
 */
bool word_size(struct word w, uint64_t unit, uint64_t *out);

/* yes/no, on/off, true/false, enable/disable, 1/0. */
bool word_bool(struct word w, bool *out);

#endif
