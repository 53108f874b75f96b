/* SPDX-License-Identifier: MIT */
/*
 * A machine with clock and scheduler for tests of domains' lives, and a small
 * kernel: 24 KiB at 1 MiB, with bytes that tell where they belong.
 */
#ifndef TESTS_UNIT_LIFECYCLE_WORLD_H
#define TESTS_UNIT_LIFECYCLE_WORLD_H

#include <stdio.h>
#include <string.h>

#include "abi.h"
#include "host/host.h"
#include "lifecycle/lifecycle.h"
#include "log/log.h"
#include "model/oracle.h"
#include "sched/sched.h"
#include "time/time.h"

#define WORLD_BASE   0xffffffff80000000UL
#define WORLD_KERNEL (WORLD_BASE + 0x100000)
#define WORLD_ENTRY  (WORLD_KERNEL + 0x123)
#define WORLD_PAGE   (WORLD_KERNEL + 0x2000) /* for hypercalls */
#define WORLD_P2M    0x8000000000UL
#define WORLD_PAGES  1100 /* 4 MiB are mapped, the rest is apart */

static uint8_t world_bytes[0x1800];

/* 0x1800 bytes at two places, the rest zeros; what it asks for by flags. */
#define WORLD_APART	1 /* INIT_P2M and MOD_START_PFN */
#define WORLD_HYPERCALL 2 /* a hypercall page */
static inline struct kernel_image world_kernel(unsigned int flags)
{
	for (unsigned int i = 0; i < sizeof(world_bytes); i++)
		world_bytes[i] = (uint8_t)(i * 7 + i / 256);
	return (struct kernel_image){
		.data = world_bytes,
		.size = sizeof(world_bytes),
		.segment = {
			{ .paddr = 0x100000, .vaddr = WORLD_KERNEL,
			  .filesz = 0x1100, .memsz = 0x1100 },
			{ .paddr = 0x103f80, .vaddr = WORLD_KERNEL + 0x3f80,
			  .offset = 0x1100, .filesz = 0x700,
			  .memsz = 0x2080 },
		},
		.nr_segments = 2,
		.vstart = WORLD_KERNEL,
		.vend = WORLD_KERNEL + 0x6000,
		.entry = WORLD_ENTRY,
		.virt_base = WORLD_BASE,
		.has_hypercall_page = flags & WORLD_HYPERCALL,
		.hypercall_page = WORLD_PAGE,
		.has_p2m_base = flags & WORLD_APART,
		.p2m_base = WORLD_P2M,
		.mod_start_pfn = flags & WORLD_APART,
		.dom0_capable = true,
	};
}

static inline void world_make(unsigned int frames)
{
	host_init(frames, 1);
	time_init();
	sched_init();
	if (timer_reserve(64)) /* more later need no memory */
		host_fail("no memory for timers");
	timer_unreserve(64);
	log_set_levels(LOG_DEBUG, LOG_DEBUG);
	host_console_clear();
}

static inline bool world_has_dying(void)
{
	struct domain *d = domain_next(-1);

	while (d && !domain_is_dying(d))
		d = domain_next(d->id);
	return d != NULL;
}

/* Ends the world, and what the reaper would remember of it. */
static inline void world_end(void)
{
	struct domain_end e;

	host_choose_nothing();
	while (world_has_dying())
		lifecycle_reap();
	while (lifecycle_ended(&e))
		;
	host_fini();
}

static inline void world_check(const char *when)
{
	if (oracle_check())
		host_fail("%s: %s", when, oracle_report());
}

static inline bool world_said(const char *text)
{
	return strstr(host_console_text(), text) != NULL;
}

#endif
