/* SPDX-License-Identifier: MIT */
/*
 * Formatted text into a buffer. A conversion is first parsed into a struct
 * spec; numbers are made from the back in a small buffer of their own, and
 * then laid out with sign, prefix, zeros and padding. What is not understood
 * is copied as it stands, so that a mistake in a format shows itself.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/printf.h"
#include "lib/string.h"

struct out {
	char *buf;
	size_t size;
	size_t len; /* of the whole text, also beyond size */
};

struct spec {
	bool left, zero, alt, plus, space;
	int width;
	int precision; /* -1: none */
	int length;    /* -2: hh, -1: h, 0: int, 1: l, 2: ll */
	char conv;
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void put_n(struct out *o, char c, int n)
{
	while (n-- > 0)
		put(o, c);
}

static void put_text(struct out *o, const char *s, size_t n)
{
	while (n--)
		put(o, *s++);
}

static const char *parse_flags(const char *f, struct spec *s)
{
	for (;; f++) {
		switch (*f) {
		case '-':
			s->left = true;
			break;
		case '0':
			s->zero = true;
			break;
		case '#':
			s->alt = true;
			break;
		case '+':
			s->plus = true;
			break;
		case ' ':
			s->space = true;
			break;
		default:
			return f;
		}
	}
}

/* A number in the format; more than the limit is the limit. */
static const char *parse_number(const char *f, int *n)
{
	*n = 0;
	for (; *f >= '0' && *f <= '9'; f++)
		if (*n < 100000)
			*n = *n * 10 + (*f - '0');
	return f;
}

static const char *parse_length(const char *f, struct spec *s)
{
	for (;; f++) {
		if (*f == 'h')
			s->length--;
		else if (*f == 'l')
			s->length++;
		else if (*f == 'z' || *f == 'j' || *f == 't')
			s->length = 1;
		else
			return f;
	}
}

/* f is behind the '%'; returns the place behind the conversion. */
static const char *parse_spec(const char *f, struct spec *s, va_list *args)
{
	*s = (struct spec){ .precision = -1 };
	f = parse_flags(f, s);
	if (*f == '*') {
		s->width = va_arg(*args, int);
		f++;
	} else {
		f = parse_number(f, &s->width);
	}
	if (s->width < 0) {
		s->left = true;
		s->width = -s->width;
	}
	if (*f == '.') {
		f++;
		if (*f == '*') {
			s->precision = va_arg(*args, int);
			f++;
		} else {
			f = parse_number(f, &s->precision);
		}
	}
	f = parse_length(f, s);
	s->conv = *f;
	return *f ? f + 1 : f;
}

static uint64_t arg_unsigned(const struct spec *s, va_list *args)
{
	if (s->length >= 1)
		return va_arg(*args, unsigned long);
	if (s->length == 0)
		return va_arg(*args, unsigned int);
	if (s->length == -1)
		return (unsigned short)va_arg(*args, unsigned int);
	return (unsigned char)va_arg(*args, unsigned int);
}

static int64_t arg_signed(const struct spec *s, va_list *args)
{
	if (s->length >= 1)
		return va_arg(*args, long);
	if (s->length == 0)
		return va_arg(*args, int);
	if (s->length == -1)
		return (short)va_arg(*args, int);
	return (signed char)va_arg(*args, int);
}

/* Digits between prefix (sign or 0x) and padding, as the flags say. */
static void put_number(struct out *o, const struct spec *s, const char *prefix,
		       uint64_t value, unsigned int base, bool upper)
{
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	int prefix_len = (int)strlen(prefix), digits = 0, zeros, pad;
	char buf[20];

	for (; value; value /= base)
		buf[sizeof(buf) - (size_t)++digits] = set[value % base];
	if (digits == 0 && s->precision != 0)
		buf[sizeof(buf) - (size_t)++digits] = '0';
	zeros = s->precision - digits;
	if (s->precision < 0 && s->zero && !s->left)
		zeros = s->width - prefix_len - digits;
	if (zeros < 0)
		zeros = 0;
	pad = s->width - prefix_len - zeros - digits;
	if (!s->left)
		put_n(o, ' ', pad);
	put_text(o, prefix, (size_t)prefix_len);
	put_n(o, '0', zeros);
	put_text(o, buf + sizeof(buf) - digits, (size_t)digits);
	if (s->left)
		put_n(o, ' ', pad);
}

static void put_signed(struct out *o, const struct spec *s, int64_t v)
{
	const char *sign = v < 0 ? "-" : s->plus ? "+" : s->space ? " " : "";

	put_number(o, s, sign, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, false);
}

static void put_string(struct out *o, const struct spec *s, const char *str)
{
	size_t n;

	if (!str)
		str = "(null)";
	n = s->precision >= 0 ? strnlen(str, (size_t)s->precision)
			      : strlen(str);
	if (!s->left)
		put_n(o, ' ', s->width - (int)n);
	put_text(o, str, n);
	if (s->left)
		put_n(o, ' ', s->width - (int)n);
}

static void put_conversion(struct out *o, const struct spec *s, va_list *args,
			   const char *text, size_t n)
{
	char one[2] = { 0 };
	uint64_t v;

	switch (s->conv) {
	case 'd':
	case 'i':
		put_signed(o, s, arg_signed(s, args));
		break;
	case 'u':
		put_number(o, s, "", arg_unsigned(s, args), 10, false);
		break;
	case 'x':
	case 'X':
		v = arg_unsigned(s, args);
		put_number(o, s,
			   !s->alt || v == 0 ? ""
			   : s->conv == 'X'  ? "0X"
					     : "0x",
			   v, 16, s->conv == 'X');
		break;
	case 'p':
		v = (uintptr_t)va_arg(*args, void *);
		put_number(o, s, "0x", v, 16, false);
		break;
	case 'c':
		one[0] = (char)va_arg(*args, int);
		put_string(o, s, one);
		break;
	case 's':
		put_string(o, s, va_arg(*args, const char *));
		break;
	case '%':
		put(o, '%');
		break;
	default:
		put_text(o, text, n);
	}
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	struct out o = { .buf = buf, .size = size };
	struct spec s;
	va_list ap;

	va_copy(ap, args);
	while (*fmt) {
		const char *start = fmt++;

		if (*start != '%') {
			put(&o, *start);
			continue;
		}
		fmt = parse_spec(fmt, &s, &ap);
		put_conversion(&o, &s, &ap, start, (size_t)(fmt - start));
	}
	va_end(ap);
	if (size)
		buf[o.len < size ? o.len : size - 1] = '\0';
	return (int)o.len;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return n;
}
