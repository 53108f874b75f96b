/* SPDX-License-Identifier: MIT */
/*
 * Machine memory of the process: an arena between guard pages, a frame table
 * and a machine-to-physical table of exact size (so that the sanitizer sees
 * an index beyond them).
 *
 * The core keeps free memory on lists of its own. A world ends by taking all
 * that is free out of the allocator again; what was not given back is simply
 * not there any more, and the next world starts with empty lists.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "host/host.h"

struct frame *host_frames;
uint64_t *host_m2p;
uint32_t *host_m2p32;
struct cpu *host_this;
struct cpu host_cpus[HOST_MAX_CPUS];
unsigned int host_nr_cpus;

static uint8_t *arena;
static uint64_t arena_frames;

#define GUARD (16 * PAGE_SIZE)

static size_t arena_bytes(void)
{
	return arena_frames * PAGE_SIZE + 2 * GUARD;
}

void *arch_frame_ptr(mfn_t m)
{
	if (m.v >= arena_frames)
		host_fail("access to frame %#lx, which does not exist", m.v);
	return arena + m.v * PAGE_SIZE;
}

mfn_t arch_frame_of_ptr(const void *p)
{
	uint64_t offset = (uint64_t)((const uint8_t *)p - arena);

	if (offset >= arena_frames * PAGE_SIZE)
		host_fail("%p does not lie in machine memory", p);
	return mfn(offset / PAGE_SIZE);
}

static void arena_map(unsigned int frames)
{
	uint8_t *p;

	arena_frames = frames;
	p = mmap(NULL, arena_bytes(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		 -1, 0);
	if (p == MAP_FAILED ||
	    mprotect(p + GUARD, frames * PAGE_SIZE, PROT_READ | PROT_WRITE))
		abort();
	arena = p + GUARD;
	host_frames = calloc(frames + HOST_DEVICES, sizeof(*host_frames));
	host_m2p = calloc(frames, sizeof(*host_m2p));
	host_m2p32 = calloc(frames, sizeof(*host_m2p32));
	if (!host_frames || !host_m2p || !host_m2p32)
		abort();
}

void host_cpu_select(unsigned int cpu)
{
	host_this = &host_cpus[cpu];
}

/*
 * What the hypervisor's slots lead to: tables of ours down to a page of ours,
 * for the supervisor. Whoever lets a guest's address in there comes so far.
 */
static void own_tables_make(void)
{
	for (uint64_t m = HOST_OWN_TABLE; m < HOST_OWN_TABLE + 3; m++) {
		uint64_t *table = arch_frame_ptr(mfn(m));
		uint64_t next = MIN(m + 1, HOST_RESERVED_FRAMES - 1UL);

		for (unsigned int i = 0; i < 512; i++)
			table[i] = next << PAGE_SHIFT | 0x63;
	}
}

void host_init(unsigned int frames, unsigned int cpus)
{
	if (arena || cpus > HOST_MAX_CPUS || frames <= HOST_RESERVED_FRAMES)
		host_fail("host_init: called twice or out of range");
	arena_map(frames);
	own_tables_make();
	memset(host_cpus, 0, sizeof(host_cpus));
	host_nr_cpus = cpus;
	for (unsigned int i = 0; i < cpus; i++) {
		host_cpus[i].id = i;
		host_cpus[i].apic_id = 2 * i + 1;
	}
	host_cpu_select(0);
	host_locks_forget();
	host_choose_nothing();
	host_third_actor(false);
	host_tlb_cache_upper = false;
	host_tlb_all = false;
	host_window_mfn = 0;
	host_copy_scrambles = false;
	host_width = WIDTH_64;
	host_machine_init();
	host_devices_init();
	for (unsigned int i = 0; i < frames; i++) {
		host_m2p[i] = M2P_INVALID;
		host_m2p32[i] = (uint32_t)M2P_INVALID;
	}
	frame_limit = frames;
	frame_set_permanent(&host_frames[0], DOMID_IO);
	frame_set_permanent(&host_frames[HOST_RESERVED_FRAMES - 1],
			    FRAME_SHOWN);
	for (unsigned int i = 0; i < HOST_DEVICES; i++)
		frame_set_permanent(&host_frames[frames + i], DOMID_IO);
	for (unsigned int i = 0; i < cpus; i++) {
		host_cpu_select(i);
		flush_note();
		arch_root_load(mfn(0));
	}
	host_cpu_select(0);
	frame_add_range(mfn(HOST_RESERVED_FRAMES), mfn(frames));
}

unsigned int arch_memory_map(const struct memory_range_info **out)
{
	static struct memory_range_info all = { .type = 1 };

	all.bytes = frame_limit << PAGE_SHIFT;
	*out = &all;
	return 1;
}

uint64_t arch_m2p_extent(enum domain_width width, unsigned int n)
{
	return 512 + width + n; /* outside of our arena: only its number matters */
}

static void drain(void)
{
	for (unsigned int order = FRAME_MAX_ORDER; order <= FRAME_MAX_ORDER;
	     order--)
		while (frame_alloc_hv(order))
			;
}

static void forget_domains(void)
{
	struct domain *d;

	while ((d = domain_next(-1))) {
		(void)!frame_claim(d, 0);
		domain_withdraw(d);
	}
}

void host_fini(void)
{
	host_choose_nothing();
	host_third_actor(false);
	host_cpu_select(0);
	host_locks_forget();
	forget_domains();
	drain();
	munmap(arena - GUARD, arena_bytes());
	arena = NULL;
	arena_frames = 0;
	frame_limit = 0;
	frame_low_kept = 0;
	free(host_frames);
	free(host_m2p);
	free(host_m2p32);
	host_frames = NULL;
	host_m2p = NULL;
	host_m2p32 = NULL;
}
