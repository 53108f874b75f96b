/* SPDX-License-Identifier: MIT */
/*
 * Going back. A search tries every operation in every state that it finds:
 * it needs the same world again and again, thousands of times in a second.
 * So a snapshot is a few copies of memory:
 *
 *   - machine memory (domains and vcpus lie in it, at addresses that stay),
 *     the frame table, both machine-to-physical tables;
 *   - each CPU's caches;
 *   - the statics of the rooms that own memory. The Makefile gives them
 *     sections of their own in the objects that the model is built from, so
 *     that a static that somebody adds tomorrow is in it.
 *
 * What tests and the search itself keep is in other sections: it stays.
 */
#include <stdlib.h>
#include <string.h>

#include "host/host.h"

extern char __start_snapshot_data[] __attribute__((weak));
extern char __stop_snapshot_data[] __attribute__((weak));
extern char __start_snapshot_bss[] __attribute__((weak));
extern char __stop_snapshot_bss[] __attribute__((weak));

#define TLB_ROOM 65536

struct host_snapshot {
	char *memory, *data, *bss;
	struct frame *frames;
	uint64_t *m2p;
	uint32_t *m2p32;
	char tlb[HOST_MAX_CPUS][TLB_ROOM];
};

static size_t data_bytes(void)
{
	return (size_t)(__stop_snapshot_data - __start_snapshot_data);
}

static size_t bss_bytes(void)
{
	return (size_t)(__stop_snapshot_bss - __start_snapshot_bss);
}

struct host_snapshot *host_snapshot_new(void)
{
	struct host_snapshot *s = calloc(1, sizeof(*s));

	if (!__start_snapshot_data || !__start_snapshot_bss)
		host_fail("not built for snapshots");
	if (!s)
		abort();
	s->memory = malloc(frame_limit * PAGE_SIZE);
	s->frames = calloc(ARCH_FRAMES, sizeof(*s->frames));
	s->m2p = calloc(frame_limit, sizeof(*s->m2p));
	s->m2p32 = calloc(frame_limit, sizeof(*s->m2p32));
	s->data = malloc(data_bytes());
	s->bss = malloc(bss_bytes());
	if (!s->memory || !s->frames || !s->m2p || !s->m2p32 || !s->data ||
	    !s->bss)
		abort();
	return s;
}

void host_snapshot_take(struct host_snapshot *s)
{
	memcpy(s->memory, arch_frame_ptr(mfn(0)), frame_limit * PAGE_SIZE);
	memcpy(s->frames, host_frames, ARCH_FRAMES * sizeof(*s->frames));
	memcpy(s->m2p, host_m2p, frame_limit * sizeof(*s->m2p));
	memcpy(s->m2p32, host_m2p32, frame_limit * sizeof(*s->m2p32));
	memcpy(s->data, __start_snapshot_data, data_bytes());
	memcpy(s->bss, __start_snapshot_bss, bss_bytes());
	for (unsigned int i = 0; i < host_nr_cpus; i++) {
		if (host_tlb_bytes(i) > TLB_ROOM)
			host_fail("cpu %u caches too much for a snapshot", i);
		host_tlb_save(i, s->tlb[i]);
	}
}

void host_snapshot_back(const struct host_snapshot *s)
{
	memcpy(arch_frame_ptr(mfn(0)), s->memory, frame_limit * PAGE_SIZE);
	memcpy(host_frames, s->frames, ARCH_FRAMES * sizeof(*s->frames));
	memcpy(host_m2p, s->m2p, frame_limit * sizeof(*s->m2p));
	memcpy(host_m2p32, s->m2p32, frame_limit * sizeof(*s->m2p32));
	memcpy(__start_snapshot_data, s->data, data_bytes());
	memcpy(__start_snapshot_bss, s->bss, bss_bytes());
	for (unsigned int i = 0; i < host_nr_cpus; i++)
		host_tlb_load(i, s->tlb[i]);
}
