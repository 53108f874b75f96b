/* SPDX-License-Identifier: MIT */
/*
 * What the processor does with an address, and the accesses that are made
 * that way: the guest's own, and the hypervisor's copies from and to guest
 * memory. A page that the TLB knows is not looked up again, however its
 * tables have changed; with host_tlb_cache_upper a walk even starts at the
 * deepest entry that is cached.
 *
 * The walker believes what it finds, as hardware does: tables that lead out
 * of memory, superpages and reserved bits are hardware's complaint about the
 * hypervisor, and stop the test.
 */
#include <string.h>

#include "errno.h"
#include "host/host.h"
#include "host/walk.h"
#include "mm/entry.h"
#include "processor.h"

#define RESERVED_BITS 0x000f000000000000UL /* 48 bits of physical address */
#define READS_MAX     256

uint64_t host_fault_va, host_window_mfn;
bool host_copy_scrambles;

static struct {
	uint64_t va, end;
} reads[READS_MAX];
static unsigned int nr_reads;
static size_t read_twice;

uint64_t *host_walk_entry(uint64_t table, unsigned int index)
{
	if (table < HOST_OWN_TABLE || table >= frame_limit)
		host_fail("a page walk leads to frame %#lx", table);
	return (uint64_t *)arch_frame_ptr(mfn(table)) + index;
}

struct host_tlb_entry host_walk_root(unsigned int cpu)
{
	return (struct host_tlb_entry){
		.mfn = host_guest_root(cpu),
		.level = host_root_is_narrow(cpu) ? 4 : 5,
		.narrow = host_root_is_narrow(cpu),
		.writable = true,
		.user = true,
	};
}

static void check_entry(uint64_t pte, unsigned int level, uint64_t va,
			bool narrow)
{
	if (narrow && va >> 32)
		host_fail("a 32-bit guest has level %u entry %#lx for %#lx",
			  level, pte, va);
	if (pte & RESERVED_BITS)
		host_fail("level %u entry %#lx has reserved bits", level, pte);
	if (level > 1 && (pte & PTE_PSE))
		host_fail("level %u entry %#lx is a superpage", level, pte);
}

bool host_walk_step(struct host_tlb_entry *e, uint64_t va, bool write)
{
	unsigned int level = e->level - 1U;
	uint64_t *p = host_walk_entry(e->mfn, walk_index(va, level));
	uint64_t pte = __atomic_load_n(p, __ATOMIC_SEQ_CST), bits = PTE_A;

	if (!(pte & PTE_P))
		return false;
	check_entry(pte, level, va, e->narrow);
	e->writable = e->writable && (pte & PTE_RW);
	e->user = e->user && (pte & PTE_US);
	if (level == 1 && write && e->writable)
		bits |= PTE_D;
	pte = __atomic_fetch_or(p, bits, __ATOMIC_SEQ_CST) | bits;
	e->dirty = pte & PTE_D;
	e->global = level == 1 && (pte & PTE_G);
	e->level = (uint8_t)level;
	e->va = walk_base(va, level);
	e->mfn = (pte & PTE_ADDR) >> PAGE_SHIFT;
	e->owner = e->mfn < frame_limit ? host_frames[e->mfn].owner : DOMID_IO;
	return true;
}

/* The deepest point from which hardware may walk on to va. */
static struct host_tlb_entry walk_start(unsigned int cpu, uint64_t va)
{
	for (unsigned int level = 2; level <= 4; level++) {
		const struct host_tlb_entry *e;

		e = host_tlb_lookup(cpu, level, va);
		if (e)
			return *e;
	}
	return host_walk_root(cpu);
}

/*
 * Translates for a guest's kernel: user mode, or the supervisor's ring 1 in a
 * 32-bit one. False: page fault.
 */
static bool translate(uint64_t va, bool write, struct host_tlb_entry *out)
{
	unsigned int cpu = host_this->id;
	const struct host_tlb_entry *hit = host_tlb_lookup(cpu, 1, va);
	bool ring1 = host_root_is_narrow(cpu);

	if (host_window_mfn && walk_base(va, 1) == HOST_WINDOW_VA) {
		*out = (struct host_tlb_entry){ .mfn = host_window_mfn };
		return true;
	}
	if (hit && (ring1 || hit->user) &&
	    (!write || (hit->writable && hit->dirty))) {
		*out = *hit;
		return true;
	}
	*out = walk_start(cpu, va);
	if (!out->mfn)
		return false;
	while (out->level > 1) {
		if (!host_walk_step(out, va, write))
			return false;
		if (ring1 || out->user)
			host_tlb_insert(cpu, out);
	}
	return (ring1 || out->user) && (!write || out->writable);
}

static void move(const struct host_tlb_entry *e, uint64_t va, void *buf,
		 size_t n, bool write)
{
	uint8_t *p;

	if (!e->mfn || e->mfn >= frame_limit) { /* a device: nothing answers */
		if (!write)
			memset(buf, 0xff, n);
		return;
	}
	p = (uint8_t *)arch_frame_ptr(mfn(e->mfn)) + (va & ~PAGE_MASK);
	if (write)
		memcpy(p, buf, n);
	else
		memcpy(buf, p, n);
}

/* As a page fault's handler does, for guests and for our copies alike. */
static bool shadow_helps(uint64_t va, bool write)
{
	bool ring1 = host_root_is_narrow(host_this->id);
	uint32_t error = (ring1 ? 0 : PF_USER) | (write ? PF_WRITE : 0);
	struct vcpu *v = current_vcpu();

	return v && v->domain->mm.shadowed && mm_shadow_fault(v, va, &error);
}

static int guest_access(uint64_t va, void *buf, size_t n, bool write)
{
	while (n) {
		size_t part = MIN(n, PAGE_SIZE - (va & ~PAGE_MASK));
		struct host_tlb_entry e;

		if (!translate(va, write, &e)) {
			if (shadow_helps(va, write)) {
				/* A fault's page is forgotten: and tried anew */
				arch_flush_page_local(va);
				continue;
			}
			host_fault_va = va;
			return -EFAULT;
		}
		move(&e, va, buf, part, write);
		buf = (uint8_t *)buf + part;
		va += part;
		n -= part;
	}
	return 0;
}

int host_guest_read(uint64_t va, void *dst, size_t n)
{
	return guest_access(va, dst, n, false);
}

int host_guest_write(uint64_t va, const void *src, size_t n)
{
	uint8_t copy[64];
	int err = 0;

	for (size_t at = 0; !err && at < n; at += sizeof(copy)) {
		size_t part = MIN(n - at, sizeof(copy));

		memcpy(copy, (const uint8_t *)src + at, part);
		err = guest_access(va + at, copy, part, true);
	}
	return err;
}

static bool guest_range(uint64_t va, size_t n)
{
	uint64_t last = va + n - 1;

	if (last < va)
		return false;
	if (host_root_is_narrow(host_this->id))
		return last < ABI_HV32_START;
	return last < 1UL << 47 || va >= ABI_HV_END;
}

/* How many bytes of a copy arrive before the explorer makes it fault. */
static size_t bytes_before_fault(size_t n)
{
	unsigned int c =
		host_choose(HOST_COPY_FAULT, (unsigned int)MIN(n, 64) + 1);

	return c ? (c - 1) * (n / MIN(n, 64)) : n;
}

void host_copy_begin(void)
{
	nr_reads = 0;
	read_twice = 0;
}

size_t host_copy_read_twice(void)
{
	return read_twice;
}

static void note_read(uint64_t va, size_t n)
{
	for (unsigned int i = 0; i < nr_reads; i++) {
		uint64_t from = MAX(va, reads[i].va);
		uint64_t to = MIN(va + n, reads[i].end);

		if (from < to)
			read_twice += to - from;
	}
	if (nr_reads < READS_MAX) {
		reads[nr_reads].va = va;
		reads[nr_reads++].end = va + n;
	}
}

/* Another CPU of the guest writes over the arguments, where it can. */
static void scramble(uint64_t va, size_t n)
{
	for (; n; va++, n--) {
		struct host_tlb_entry e;
		uint8_t byte = (uint8_t)host_random();

		if (!translate(va, false, &e) || !e.mfn || e.mfn >= frame_limit)
			continue;
		if (frame_type_of(&host_frames[e.mfn]) > FRAME_WRITABLE)
			continue;
		move(&e, va, &byte, 1, true);
	}
}

/* A copy may fault, and that fault may be one of a shadow: docs/locking.md. */
static void locks_forbid(void)
{
	if (host_locks_held(host_this->id))
		host_fail("a copy from or to a guest under a lock");
}

int arch_copy_from_guest(void *dst, uint64_t va, size_t n)
{
	size_t part;
	int err;

	locks_forbid();
	if (!n)
		return 0;
	if (!guest_range(va, n))
		return -EFAULT;
	part = bytes_before_fault(n);
	err = guest_access(va, dst, part, false);
	if (err || part < n)
		return -EFAULT;
	note_read(va, n);
	if (host_copy_scrambles)
		scramble(va, n);
	return 0;
}

int arch_copy_to_guest(uint64_t va, const void *src, size_t n)
{
	size_t part;
	int err;

	locks_forbid();
	if (!n)
		return 0;
	if (!guest_range(va, n))
		return -EFAULT;
	part = bytes_before_fault(n);
	err = host_guest_write(va, src, part);
	return err || part < n ? -EFAULT : 0;
}

/* A random present entry of the guest's in the table, -1: there is none. */
static int random_present(uint64_t table)
{
	enum frame_type t = frame_type_of(&host_frames[table]);
	unsigned int seen = 0;
	int chosen = -1;

	for (unsigned int i = 0; i < TABLE_ENTRIES; i++) {
		if (table_slot_is_ours(t, i) ||
		    !(*host_walk_entry(table, i) & PTE_P))
			continue;
		if (host_random() % ++seen == 0)
			chosen = (int)i;
	}
	return chosen;
}

void host_walk_set_bits(void)
{
	unsigned int cpu = (unsigned int)(host_random() % host_nr_cpus);
	bool write = host_random() & 1;
	struct host_tlb_entry e;

	for (unsigned int i = 0; i < host_nr_cpus && !host_root(cpu); i++)
		cpu = (cpu + 1) % host_nr_cpus;
	e = host_walk_root(cpu);

	while (e.mfn && e.level > 1) {
		int at = random_present(e.mfn);

		if (at < 0 ||
		    !host_walk_step(&e,
				    (uint64_t)at << walk_shift(e.level - 1U),
				    write))
			return;
	}
}
