/* SPDX-License-Identifier: MIT */
/*
 * The machine inside a process, as tests see it. It is an adversary: whatever
 * hardware or a hostile guest may do, it does when the explorer says so.
 *
 *   arena.c    machine memory, frame table, start and end of a world
 *   choose.c   the explorer: every decision that is not the core's
 *   tlb.c      translation caches that forget nothing on their own
 *   walk.c     page walks, accesses of the guest, copies to and from it
 *   fiber.c    simulated CPUs that run by turns, switching at yield points
 *   witness.c  the order of locks
 *   machine.c  clock, ports, MSRs, CPUID, console
 *   device.c   an I/O APIC, PCI functions
 *   vcpu.c     what a CPU has loaded for the vcpu that it runs
 *   fail.c     how a test ends when the core (or hardware) is wrong
 *   world.c    domains with memory and page tables, made by hand
 *   snapshot.c the whole of it, to go back to
 */
#ifndef LODGE_HOST_H
#define LODGE_HOST_H

#include "arch.h"
#include "domain/domain.h"
#include "frame/frame.h"

/* ---- a world (arena.c) ---- */

/* Frames below this are no RAM: 0 is a hole, the rest the host's own, of
 * which the privileged may see the last. */
#define HOST_RESERVED_FRAMES 4
/* And HOST_DEVICES beyond the last are devices, as 0 is: nothing answers. */
#define HOST_OWN_TABLE 1 /* L3, L2, L1 under our slots of each L4 */
#define HOST_MAX_CPUS  8

extern struct cpu host_cpus[HOST_MAX_CPUS];
extern unsigned int host_nr_cpus;

/*
 * Makes a machine: that many frames of memory, all free but the reserved
 * ones, CPUs that idle, the clock at 0, no adversary. CPU 0 is current.
 */
void host_init(unsigned int frames, unsigned int cpus);
/* Ends it; whatever the core still holds is forgotten, not checked. */
void host_fini(void);
/* Makes that CPU the current one, for a test without fibers. */
void host_cpu_select(unsigned int cpu);

/* ---- the explorer (choose.c) ---- */

enum host_choice {
	HOST_PREEMPT,	 /* a long operation is asked to stop */
	HOST_ALLOC_FAIL, /* no memory */
	HOST_COPY_FAULT, /* a copy from or to a guest faults at some byte */
	HOST_SET_AD,	 /* hardware sets accessed and dirty bits somewhere */
	HOST_PREFETCH,	 /* a TLB fills itself with all it can reach */
	HOST_SWITCH,	 /* another CPU runs now */
	HOST_NR_CHOICES
};

/* One of n possibilities; 0 is the one without any trouble. */
unsigned int host_choose(enum host_choice kind, unsigned int n);
/* Always 0: the state after host_init(). */
void host_choose_nothing(void);
/* Random, each kind at its rate in 1/1000; kinds without a rate: 0. */
void host_choose_random(uint64_t seed);
void host_choose_rate(enum host_choice kind, unsigned int per_mille);
/* One byte a choice, modulo n; after the last byte always 0. */
void host_choose_script(const uint8_t *bytes, size_t n);
/*
 * 1 where a kind in mask (bits 1 << kind) is asked for the at[i]-th time, in
 * rising order from 0, and 0 elsewhere; and how often they were asked so far.
 */
void host_choose_places(uint32_t mask, const uint16_t *at, unsigned int n);
unsigned int host_choices_asked(void);
/*
 * All paths of the kinds in mask (bits 1 << kind) with at most budget choices
 * other than 0. begin() once; then for each path a world from host_init() to
 * host_fini(), with on() where its exploration starts; until next() is false.
 */
void host_explore_begin(uint32_t mask, unsigned int budget);
void host_explore_on(void);
[[nodiscard]] bool host_explore_next(void);
/* How often each kind was asked and did not get 0, since host_init(). */
unsigned int host_choices_made(enum host_choice kind);
/* The host's own random numbers, for tests too: same seed, same numbers. */
uint64_t host_random(void);

/* ---- translations (tlb.c) ---- */

/* What arch_efi() tells; nothing at first. */
extern struct efi_info host_efi;

struct host_tlb_entry {
	uint64_t va;	/* of the page, or of the range the table covers */
	uint64_t mfn;	/* the page, or the table of level - 1 */
	uint16_t owner; /* of that frame when it was cached */
	uint8_t level;	/* 1: a page; 2-4: an entry of that level, cached */
	bool writable, user, global;
	bool narrow;	 /* under a 32-bit guest's root */
	bool dirty;	 /* the write that set D has happened */
	uint32_t filled; /* tlb.c */
};

/* Also cache entries of upper levels, as processors do. */
extern bool host_tlb_cache_upper;
/*
 * Each CPU has cached whatever it may have: every translation that was there
 * when this began, after a flush, or at a call of host_tlb_fill() since. Then
 * one address may have several, of which a processor would have some one.
 */
extern bool host_tlb_all;
/* The root that a CPU has loaded; 0: none. */
uint64_t host_root(unsigned int cpu);
/* The one that its guest's accesses walk: a companion, if it has one. */
uint64_t host_guest_root(unsigned int cpu);
/* True when it is a 32-bit guest's: an L3, for code of the supervisor. */
bool host_root_is_narrow(unsigned int cpu);
/* Caches all translations that a CPU can reach, as speculation may. */
void host_tlb_fill(unsigned int cpu);
/* Calls fn for each cached entry of each CPU. */
void host_tlb_each(void (*fn)(unsigned int cpu, const struct host_tlb_entry *e,
			      void *arg),
		   void *arg);
unsigned int host_tlb_size(unsigned int cpu);
/* For tlb.c and walk.c. */
const struct host_tlb_entry *host_tlb_lookup(unsigned int cpu,
					     unsigned int level, uint64_t va);
void host_tlb_insert(unsigned int cpu, const struct host_tlb_entry *e);

/* ---- the guest's accesses (walk.c) ---- */

/*
 * Reads or writes guest memory as the guest's own instruction would, on the
 * current CPU, through its TLB. Returns 0, or -EFAULT with the address in
 * host_fault_va: earlier bytes were copied.
 */
[[nodiscard]] int host_guest_read(uint64_t va, void *dst, size_t n);
[[nodiscard]] int host_guest_write(uint64_t va, const void *src, size_t n);
extern uint64_t host_fault_va;
/* A page at HOST_WINDOW_VA that every CPU has in its TLB for ever, so that a
 * guest has somewhere to keep arguments whatever its tables say; 0: none. */
#define HOST_WINDOW_VA 0x7ffff000UL /* a 32-bit guest can name it, too */
extern uint64_t host_window_mfn;

/* After arch_copy_from_guest(), overwrite what it read, where a guest could. */
extern bool host_copy_scrambles;
/* Bytes that were read twice since host_copy_begin(), as one call's. */
void host_copy_begin(void);
size_t host_copy_read_twice(void);

/* ---- CPUs that run by turns (fiber.c) ---- */

/* Has fn(arg) run as that CPU, once host_cpus_go() is called: in the core,
 * entered from its guest or idle, with interrupts off. */
void host_cpu_run(unsigned int cpu, void (*fn)(void *arg), void *arg);
/* Runs all of them to their ends, interleaved by HOST_SWITCH. */
void host_cpus_go(void);
/* True while the core runs on that CPU (it has interrupts off). */
bool host_cpu_busy(unsigned int cpu);
/* Lets a CPU other than this one go on; false when there is none. */
[[nodiscard]] bool host_switch_away(void);
/* In a fiber: leaves for the main context, for good. */
void host_fiber_abandon(void);
bool host_in_fiber(void);
/* The third actor is on: see HOST_SET_AD and HOST_PREFETCH. */
void host_third_actor(bool on);

/* Flushes that other CPUs asked this one for; where interrupts come in. */
void host_interrupts(void);

/* ---- locks (witness.c) ---- */

unsigned int host_locks_held(unsigned int cpu);
void host_locks_forget(void);

/* ---- devices (device.c) ---- */

/* What the I/O APIC was told of each GSI. */
struct host_gsi {
	unsigned int vector;
	struct gsi_wiring wiring;
	bool masked;
};
extern struct host_gsi host_gsis[];
/* How often the CPU was told that an interrupt is done. */
extern uint64_t host_irqs_done;
void host_devices_init(void);
/* The line interrupts; false when it is masked. */
bool host_gsi_raise(uint32_t gsi);
/* A PCI function: its 256 bytes, all 0. address: what 0xcf8 names it by. */
#define HOST_PCI_MAX 4
uint8_t *host_pci_add(uint32_t address);
/* What every page of a device's registers is. */
extern uint32_t host_device_page[];

/* ---- the machine (machine.c) ---- */

void host_machine_init(void);
/* Advances the clock; timers whose time has come raise their softirq. */
void host_clock_advance(uint64_t ns);
/* When a CPU's timer fires, UINT64_MAX: never. */
uint64_t host_timer_deadline(unsigned int cpu);
/* What was written to the machine's console, as a string; and forget it. */
const char *host_console_text(void);
void host_console_clear(void);
void host_console_type(const char *text);
void host_cpuid_set(uint32_t leaf, uint32_t subleaf, const uint32_t out[4]);
/* From now on the MSR exists and holds this value. */
void host_msr_set(uint32_t msr, uint64_t value);
/* What reading the port gives. Writes are counted and kept. */
void host_port_set(uint16_t port, uint32_t value);
uint32_t host_port_last_write(uint16_t port);
unsigned int host_pokes(unsigned int cpu);
/* What arch_machine_off_by() was told last. */
extern uint16_t host_off_by[2];
/*
 * Called when a CPU idles and nothing that the machine knows of will wake it,
 * or only timers have for a while: something comes from outside. NULL after
 * host_init(): then idling for ever is a failure.
 */
extern void (*host_idle)(void);

/* What the vcpu that runs on a CPU has loaded there. */
struct host_loaded {
	uint64_t gdt[GDT_GUEST_PAGES]; /* mfn or 0 */
	uint32_t gdt_entries;
	uint64_t ldt[LDT_PAGES];
	uint32_t ldt_entries;
	uint64_t fs_base, gs_base, gs_base_inactive;
	uint16_t ds, es, fs, gs;
	uint64_t debugreg[8];
	uint64_t cr4, xcr0;
	bool task_switched;
};
const struct host_loaded *host_loaded(unsigned int cpu);
/* What arch_leaks_nonpresent() says; false after host_init(). */
extern bool host_leaks_nonpresent;
/* What arch_separates_roots() says; false after host_init(). */
extern bool host_separates_roots;
/* The registers of the guest that a CPU runs. */
struct cpu_user_regs *host_regs(unsigned int cpu);
void host_vcpus_forget(void);

/* ---- going back (snapshot.c) ---- */

/*
 * Memory, the frame table, what each CPU has loaded and cached, and the
 * statics of the rooms that own memory (SNAPSHOT_ROOMS in the Makefile): all
 * that page-table operations change. Between operations, in the main context,
 * and only in programs of the model's build.
 */
struct host_snapshot;
struct host_snapshot *host_snapshot_new(void);
void host_snapshot_take(struct host_snapshot *s);
void host_snapshot_back(const struct host_snapshot *s);
/* For it: the bytes of a CPU's caches. */
size_t host_tlb_bytes(unsigned int cpu);
void host_tlb_save(unsigned int cpu, void *to);
void host_tlb_load(unsigned int cpu, const void *from);

/* ---- ends (fail.c) ---- */

/* The machine's own complaint: the test stops here with this message. */
_Noreturn void host_fail(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));
/*
 * Runs fn(arg); true when it ended in panic() or host_fail(), whose message
 * is in host_failure(). The world is not usable after that.
 */
[[nodiscard]] bool host_fails(void (*fn)(void *arg), void *arg);
const char *host_failure(void);
/* Called in the main context when a fiber failed. */
_Noreturn void host_fail_resume(void);

/* ---- worlds (world.c) ---- */

#define HOST_VA 0x400000UL /* where host_guest_make() maps its memory */

/* A domain with that limit of pages, shared_info and vcpus, all down. */
struct domain *host_domain_make(uint64_t max_pages, unsigned int vcpus,
				bool privileged);
/* The width of domains that are made from now on; 64-bit after host_init(). */
extern enum domain_width host_width;
/* The same with n pages and a first address space that maps them at HOST_VA:
 * page tables read-only, the rest writable; vcpu 0 has it as its root. */
struct host_guest {
	struct domain *d;
	unsigned int nr; /* frames, in order of allocation */
	struct frame *frame[512];
	/* The last four of them; a 32-bit guest's l4 is its L2 of entry 3. */
	struct frame *l4, *l3, *l2, *l1;
	struct frame *root; /* l4, or a 32-bit guest's l3 */
};
void host_guest_make(struct host_guest *g, unsigned int nr, unsigned int vcpus,
		     bool privileged);
/* The same for a domain that exists and has no memory. */
void host_guest_fill(struct host_guest *g, struct domain *d, unsigned int nr);
/* The address at which host_guest_make() mapped frame i. */
static inline uint64_t host_guest_va(unsigned int i)
{
	return HOST_VA + i * PAGE_SIZE;
}
/* This CPU runs v (NULL: idle) from now on, with its root loaded. */
void host_vcpu_enter(struct vcpu *v);

#endif
