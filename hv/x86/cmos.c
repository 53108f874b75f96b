/* SPDX-License-Identifier: MIT */
/*
 * The clock in the CMOS memory
 *
 * Once a second it changes its registers, one after the other. So they are
 * read when it says that it is not about to, twice, until both times agree.
 * Its numbers are decimal or binary, its hours go to 24 or to 12, and the
 * century is somewhere else: status register B and ACPI tell.
 */
#include "x86/cmos.h"

#include "errno.h"
#include "lib/string.h"
#include "x86/port.h"

#define INDEX 0x70
#define DATA  0x71

#define REG_SECOND   0
#define REG_MINUTE   2
#define REG_HOUR     4
#define REG_DAY	     7
#define REG_MONTH    8
#define REG_YEAR     9
#define REG_STATUS_A 10
#define REG_STATUS_B 11

#define A_UPDATING 0x80
#define B_24_HOURS 0x02
#define B_BINARY   0x04
#define HOUR_PM	   0x80

static unsigned int number(const struct cmos_time *t, uint8_t v)
{
	if (t->status_b & B_BINARY)
		return v;
	return (v >> 4) * 10U + (v & 0xf);
}

static unsigned int hour(const struct cmos_time *t)
{
	unsigned int h;

	if (t->status_b & B_24_HOURS)
		return number(t, t->hour);
	h = number(t, t->hour & (uint8_t)~HOUR_PM);
	if (h < 1 || h > 12)
		return 24;
	return h % 12 + (t->hour & HOUR_PM ? 12 : 0);
}

/* Clocks without a century are younger than PCs. */
static unsigned int year(const struct cmos_time *t)
{
	unsigned int y = number(t, t->year), c = number(t, t->century);

	if (c >= 19 && c <= 29)
		return c * 100 + y;
	return y < 80 ? 2000 + y : 1900 + y;
}

static bool is_leap(unsigned int y)
{
	return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

int cmos_decode(const struct cmos_time *t, uint64_t *seconds)
{
	static const uint8_t lengths[] = { 31, 28, 31, 30, 31, 30,
					   31, 31, 30, 31, 30, 31 };
	unsigned int y = year(t), m = number(t, t->month);
	unsigned int d = number(t, t->day), h = hour(t);
	unsigned int minute = number(t, t->minute);
	unsigned int second = number(t, t->second);
	uint64_t days = d - 1;

	if (y < 1970 || y >= 3000 || m < 1 || m > 12 || d < 1 || h > 23 ||
	    minute > 59 || second > 60)
		return -EINVAL;
	if (d > lengths[m - 1] + (m == 2 && is_leap(y) ? 1U : 0))
		return -EINVAL;
	for (unsigned int i = 1970; i < y; i++)
		days += is_leap(i) ? 366 : 365;
	for (unsigned int i = 1; i < m; i++)
		days += lengths[i - 1] + (i == 2 && is_leap(y) ? 1U : 0);
	*seconds = ((days * 24 + h) * 60 + minute) * 60 + second;
	return 0;
}

static uint8_t get(uint8_t reg)
{
	port_out8(INDEX, reg);
	return port_in8(DATA);
}

static void read_once(struct cmos_time *t, uint8_t century_register)
{
	/* an update takes 2 ms; a read takes about 1 us */
	for (unsigned int i = 0; i < 10000; i++)
		if (!(get(REG_STATUS_A) & A_UPDATING))
			break;
	t->second = get(REG_SECOND);
	t->minute = get(REG_MINUTE);
	t->hour = get(REG_HOUR);
	t->day = get(REG_DAY);
	t->month = get(REG_MONTH);
	t->year = get(REG_YEAR);
	t->century = century_register ? get(century_register) : 0;
	t->status_b = get(REG_STATUS_B);
}

uint64_t cmos_read_seconds(uint8_t century_register)
{
	struct cmos_time a, b;
	uint64_t seconds;

	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	/* 0-13 are the clock's own, and bit 7 of the index masks NMIs */
	if (century_register < 14 || century_register > 127)
		century_register = 0;
	read_once(&a, century_register);
	for (unsigned int i = 0; i < 10; i++) {
		b = a;
		read_once(&a, century_register);
		if (memcmp(&a, &b, sizeof(a)) == 0)
			break;
	}
	return cmos_decode(&a, &seconds) ? 0 : seconds;
}
