/* SPDX-License-Identifier: MIT */
/* Prints for ever, as fast as its console takes it, and by the hypercall. */
#include "lodger.h"

void test_main(void)
{
	static const char noise[] = "noise noise noise noise noise noise\n";

	for (;;) {
		console_io_write(noise, sizeof(noise) - 1);
		console_write(noise, sizeof(noise) - 1);
	}
}
