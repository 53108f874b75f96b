/* SPDX-License-Identifier: MIT */
/*
 * Formatted printing. The formatter writes through a struct sink, which counts
 * every character and stores those that fit, so that snprintf() can say how
 * long the text would have been.
 */
#include "lodger.h"

struct sink {
	char *out;
	size_t size, count;
};

struct spec {
	int left, zero, width, longs;
};

static void put(struct sink *sink, char c)
{
	if (sink->count + 1 < sink->size)
		sink->out[sink->count] = c;
	sink->count++;
}

static void put_padded(struct sink *sink, const struct spec *spec,
		       const char *text, int length)
{
	int pad = spec->width - length;
	int i;

	for (i = 0; !spec->left && i < pad; i++)
		put(sink, spec->zero ? '0' : ' ');
	while (length--)
		put(sink, *text++);
	for (i = 0; spec->left && i < pad; i++)
		put(sink, ' ');
}

static void put_number(struct sink *sink, struct spec *spec, uint64_t value,
		       unsigned int base, int negative)
{
	char digits[24];
	int at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	if (negative && spec->zero) {
		put(sink, '-');
		spec->width--;
	} else if (negative) {
		digits[--at] = '-';
	}
	put_padded(sink, spec, digits + at, (int)sizeof(digits) - at);
}

static const char *parse_spec(struct spec *spec, const char *f)
{
	memset(spec, 0, sizeof(*spec));
	for (;; f++) {
		if (*f == '-')
			spec->left = 1;
		else if (*f == '0')
			spec->zero = 1;
		else
			break;
	}
	for (; *f >= '0' && *f <= '9'; f++)
		spec->width = spec->width * 10 + (*f - '0');
	for (; *f == 'l' || *f == 'z'; f++)
		spec->longs++;
	return f;
}

int vsnprintf(char *out, size_t size, const char *format, va_list args)
{
	struct sink sink;
	struct spec spec;
	const char *s;
	uint64_t u;
	long v;
	char c;

	sink.out = out;
	sink.size = size;
	sink.count = 0;
	for (; *format; format++) {
		if (*format != '%') {
			put(&sink, *format);
			continue;
		}
		format = parse_spec(&spec, format + 1);
		switch (*format) {
		case 'd':
		case 'i':
			v = spec.longs ? va_arg(args, long) : va_arg(args, int);
			put_number(&sink, &spec,
				   v < 0 ? 0 - (unsigned long)v
					 : (unsigned long)v,
				   10, v < 0);
			break;
		case 'u':
		case 'x':
			if (spec.longs > 1)
				u = va_arg(args, uint64_t);
			else if (spec.longs)
				u = va_arg(args, unsigned long);
			else
				u = va_arg(args, unsigned int);
			put_number(&sink, &spec, u, *format == 'u' ? 10 : 16,
				   0);
			break;
		case 'p':
			put_number(&sink, &spec,
				   (unsigned long)va_arg(args, void *), 16, 0);
			break;
		case 's':
			s = va_arg(args, const char *);
			put_padded(&sink, &spec, s, (int)strlen(s));
			break;
		case 'c':
			c = (char)va_arg(args, int);
			put_padded(&sink, &spec, &c, 1);
			break;
		case '\0':
			format--;
			break;
		default:
			put(&sink, *format);
		}
	}
	if (size)
		out[sink.count < size ? sink.count : size - 1] = '\0';
	return (int)sink.count;
}

int snprintf(char *out, size_t size, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(out, size, format, args);
	va_end(args);
	return n;
}

int printf(const char *format, ...)
{
	char line[512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	console_write(line, strlen(line));
	return n;
}

void *memcpy(void *to, const void *from, size_t n)
{
	void *d = to;

	__asm__ __volatile__("rep movsb"
			     : "+D"(d), "+S"(from), "+c"(n)
			     :
			     : "memory");
	return to;
}

void *memset(void *to, int byte, size_t n)
{
	void *d = to;

	__asm__ __volatile__("rep stosb"
			     : "+D"(d), "+c"(n)
			     : "a"(byte)
			     : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *p = a;
	const unsigned char *q = b;

	for (; n; n--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (unsigned char)*a - (unsigned char)*b;
}

const char *strstr(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (; *text; text++)
		if (!memcmp(text, word, n)) /* stops at the end of text */
			return text;
	return n ? NULL : text;
}
