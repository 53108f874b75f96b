/* SPDX-License-Identifier: MIT */
/*
 * What the boot loader's modules become: domain 0, guests described by the
 * modules' strings, or both; and what happens when one of them ends.
 */
#ifndef LODGE_BOOT_H
#define LODGE_BOOT_H

#include "boot/options.h"
#include "lifecycle/lifecycle.h"

struct boot_module {
	const void *data;
	size_t bytes;
	const char *string;
};

/*
 * Reads the strings of all modules and unpacks their kernels: in the boot
 * stage, the one time when the unpackers may run. Modules stay in place until
 * boot_module_needed() says otherwise; strings and options are copied. On
 * failure (-EINVAL, -ENOMEM, or what image/ says) one line in the log tells
 * which module or guest, and what was expected.
 */
[[nodiscard]] int boot_guests_prepare(const struct boot_module *modules,
				      unsigned int n,
				      const struct hv_options *options);
/*
 * Builds every guest and lets all of them run. -ENOMEM when they do not fit
 * what memory there is now, or what lifecycle_build() says; the log tells.
 */
[[nodiscard]] int boot_guests_start(void);
/*
 * True when a guest that was not built yet, or may be built again, needs the
 * bytes of that module. A packed kernel is not needed after preparing, domain
 * 0's ramdisk not after starting.
 */
bool boot_module_needed(unsigned int module);

/* True when a guest has ended and boot_work() must run: cheap. */
static inline bool boot_work_pending(void)
{
	return lifecycle_ended_pending();
}

/*
 * Acts on guests that ended: starts those again that asked for it, ends the
 * machine with domain 0 or with the last guest. Without a lock, on the way
 * back to a guest, from an idle CPU too.
 */
void boot_work(void);

#endif
