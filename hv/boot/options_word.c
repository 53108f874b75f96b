/* SPDX-License-Identifier: MIT */
/* Cutting a command line into words, and words into values. */
#include "boot/options_word.h"
#include "lib/string.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool word_next(const char **line, struct word *out)
{
	const char *s = *line;

	while (is_blank(*s))
		s++;
	out->p = s;
	while (*s && !is_blank(*s))
		s++;
	out->n = s - out->p;
	*line = s;
	return out->n > 0;
}

bool word_split(struct word *list, char separator, struct word *out)
{
	size_t i = 0;

	if (!list->p)
		return false;
	while (i < list->n && list->p[i] != separator)
		i++;
	*out = (struct word){ list->p, i };
	if (i == list->n)
		*list = (struct word){ NULL, 0 };
	else
		*list = (struct word){ list->p + i + 1, list->n - i - 1 };
	return true;
}

bool word_is(struct word w, const char *text)
{
	return w.n == strlen(text) && !memcmp(w.p, text, w.n);
}

bool word_has_key(struct word w, const char *key, struct word *value)
{
	size_t n = strlen(key);

	if (w.n <= n || memcmp(w.p, key, n) || w.p[n] != '=')
		return false;
	*value = (struct word){ w.p + n + 1, w.n - n - 1 };
	return true;
}

struct shown_word word_show(struct word w)
{
	struct shown_word shown;
	size_t room = sizeof(shown.text) - 1;
	size_t n = w.n < room ? w.n : room;

	for (size_t i = 0; i < n; i++)
		shown.text[i] = w.p[i] > ' ' && w.p[i] < 127 ? w.p[i] : '?';
	if (w.n > room)
		memcpy(shown.text + n - 3, "...", 3);
	shown.text[n] = '\0';
	return shown;
}

bool word_copy(struct word w, char *to, size_t room)
{
	if (w.n >= room)
		return false;
	for (size_t i = 0; i < w.n; i++)
		if (w.p[i] <= ' ' || w.p[i] >= 127)
			return false;
	memcpy(to, w.p, w.n);
	to[w.n] = '\0';
	return true;
}

static unsigned int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return 16;
}

bool word_number(struct word w, uint64_t max, uint64_t *out)
{
	unsigned int base = 10;
	uint64_t v = 0;

	if (w.n > 2 && w.p[0] == '0' && (w.p[1] | 0x20) == 'x') {
		base = 16;
		w.p += 2;
		w.n -= 2;
	}
	if (w.n == 0)
		return false;
	for (size_t i = 0; i < w.n; i++) {
		unsigned int digit = digit_of(w.p[i]);

		if (digit >= base || __builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, digit, &v))
			return false;
	}
	*out = v;
	return v <= max;
}

/* Bytes in the unit of this letter, 0 if it is none. */
static uint64_t unit_of(char letter)
{
	switch (letter | 0x20) {
	case 'b':
		return 1;
	case 'k':
		return 1UL << 10;
	case 'm':
		return 1UL << 20;
	case 'g':
		return 1UL << 30;
	case 't':
		return 1UL << 40;
	default:
		return 0;
	}
}

bool word_size(struct word w, uint64_t unit, uint64_t *out)
{
	bool hex = w.n > 1 && (w.p[1] | 0x20) == 'x';
	uint64_t letter = w.n ? unit_of(w.p[w.n - 1]) : 0;
	uint64_t v;

	/* In 0x1b the b is a digit. */
	if (hex && letter == 1)
		letter = 0;
	if (letter) {
		unit = letter;
		w.n--;
	}
	return unit && word_number(w, UINT64_MAX, &v) &&
	       !__builtin_mul_overflow(v, unit, out);
}

bool word_bool(struct word w, bool *out)
{
	static const char *const yes[] = { "yes", "on", "true", "enable", "1" };
	static const char *const no[] = { "no", "off", "false", "disable",
					  "0" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		*out = word_is(w, yes[i]);
		if (*out || word_is(w, no[i]))
			return true;
	}
	return false;
}
