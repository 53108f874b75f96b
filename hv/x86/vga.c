/* SPDX-License-Identifier: MIT */
/*
 * The screen
 *
 * Reading the adapter's memory is slow, so the screen is kept in ours:
 * scrolling moves it here and writes it there.
 */
#include "x86/vga.h"

#include "arch.h"
#include "lib/string.h"
#include "x86/map.h"
#include "x86/port.h"

#define WIDTH	    80
#define HEIGHT	    25
#define TAB	    8
#define FONT_HEIGHT 16
#define ATTRIBUTE   0x0700 /* grey on black */
#define BLANK	    (ATTRIBUTE | ' ')

#define MEMORY		 0xb8000
#define CRTC_INDEX	 0x3d4
#define CRTC_DATA	 0x3d5
#define CRTC_CURSOR_HIGH 14
#define CRTC_CURSOR_LOW	 15

static struct {
	volatile uint16_t *memory; /* NULL: there is none */
	bool given_up;
	unsigned int x, y;
	uint16_t cells[HEIGHT][WIDTH];
} vga;

static void show_line(unsigned int y)
{
	for (unsigned int x = 0; x < WIDTH; x++)
		vga.memory[y * WIDTH + x] = vga.cells[y][x];
}

static void blank_line(unsigned int y)
{
	for (unsigned int x = 0; x < WIDTH; x++)
		vga.cells[y][x] = BLANK;
}

static void show_cursor(void)
{
	unsigned int at = vga.y * WIDTH + vga.x;

	port_out8(CRTC_INDEX, CRTC_CURSOR_HIGH);
	port_out8(CRTC_DATA, (uint8_t)(at >> 8));
	port_out8(CRTC_INDEX, CRTC_CURSOR_LOW);
	port_out8(CRTC_DATA, (uint8_t)at);
}

static void next_line(void)
{
	vga.x = 0;
	if (++vga.y < HEIGHT)
		return;
	vga.y = HEIGHT - 1;
	memmove(vga.cells[0], vga.cells[1], sizeof(vga.cells[0]) * vga.y);
	blank_line(vga.y);
	for (unsigned int y = 0; y < HEIGHT; y++)
		show_line(y);
}

static void put_char(uint8_t c)
{
	uint16_t cell = ATTRIBUTE | (c < ' ' || c > '~' ? '?' : c);

	if (vga.x == WIDTH)
		next_line();
	vga.cells[vga.y][vga.x] = cell;
	vga.memory[vga.y * WIDTH + vga.x] = cell;
	vga.x++;
}

static void write_char(uint8_t c)
{
	switch (c) {
	case '\n':
		next_line();
		break;
	case '\r':
		vga.x = 0;
		break;
	case '\b':
		if (vga.x)
			vga.x--;
		break;
	case '\t':
		do
			put_char(' ');
		while (vga.x % TAB);
		break;
	case '\a':
		break;
	default:
		put_char(c);
	}
}

void vga_init(bool present)
{
	if (!present)
		return;
	vga.memory = (volatile uint16_t *)(MAP_DIRECT + MEMORY);
	for (unsigned int y = 0; y < HEIGHT; y++) {
		blank_line(y);
		show_line(y);
	}
	show_cursor();
}

void vga_write(const char *s, size_t n)
{
	if (!vga.memory || vga.given_up)
		return;
	while (n--)
		write_char((uint8_t)*s++);
	if (vga.x < WIDTH)
		show_cursor();
}

bool arch_screen_info(struct dom0_vga_console_info *info)
{
	if (!vga.memory)
		return false;
	*info = (struct dom0_vga_console_info){
		.video_type = XEN_VGATYPE_TEXT_MODE_3,
		.u.text_mode_3 = { .font_height = FONT_HEIGHT,
				   .cursor_x = (uint16_t)vga.x,
				   .cursor_y = (uint16_t)vga.y,
				   .rows = HEIGHT,
				   .columns = WIDTH },
	};
	return true;
}

void arch_screen_give(void)
{
	vga.given_up = true;
}

void vga_take_back(void)
{
	vga.given_up = false;
}
