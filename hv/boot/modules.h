/* SPDX-License-Identifier: MIT */
/* The contents of modules: each distinct one once (modules.c). */
#ifndef LODGE_BOOT_MODULES_H
#define LODGE_BOOT_MODULES_H

#include "boot/boot.h"

/* Takes note of the modules; the array need not stay. */
void modules_init(const struct boot_module *modules, unsigned int n);
/* The name of a module's file for messages: the first word of its string. */
const char *modules_name(unsigned int module, char *buf, size_t size);

/*
 * Takes the kernel in a module: unpacked and parsed by the first who does.
 * *shared is the first module with these bytes, which stands for all. Errors
 * and *err as image_unpack() and image_parse() have them.
 */
[[nodiscard]] int modules_kernel_get(unsigned int module, unsigned int *shared,
				     struct image_error *err);
/* The same for a ramdisk, whose bytes are used where they are. */
unsigned int modules_ramdisk_get(unsigned int module);
/* By the number that get gave. The last put frees what was unpacked. */
void modules_kernel_put(unsigned int shared);
void modules_ramdisk_put(unsigned int shared);

const struct kernel_image *modules_kernel(unsigned int shared);
const struct boot_module *modules_ramdisk(unsigned int shared);

#endif
