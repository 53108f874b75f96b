/* SPDX-License-Identifier: MIT */
/*
 * The seam: everything that the core asks of the machine. hv/x86/ implements
 * it on a PC, hv/host/ inside a Linux process. The hot half, and what each
 * side must inline, is in arch_inline.h, which each side has its own of:
 *
 *   struct cpu *this_cpu(void)      this CPU's block
 *   void *arch_frame_ptr(mfn_t)     a frame's bytes, for any RAM frame
 *   mfn_t arch_frame_of_ptr(void *)  and back
 *   struct frame *arch_frames       the frame table, indexed by mfn
 *   ARCH_FRAMES                     so many numbers have an entry in it, those
 *                                   of devices too; these may share entries
 *   uint64_t *arch_m2p              the machine-to-physical table, writable
 *   uint32_t *arch_m2p32            the same as 32-bit guests read it
 *   void arch_copy_words(dst, src, n), arch_set_words(dst, word, n)
 *                                   n words of eight bytes, upwards
 *   bool arch_pair_cmpxchg(...)     see atomic64_pair_cmpxchg()
 *   uint64_t arch_tsc(void)         the time-stamp counter
 *   void arch_relax(void)           a spin's pause; interrupts may come in
 *   void arch_yield_point(void)     where the explorer may change CPUs
 *   bool arch_alloc_may_fail(void)  true: the explorer wants no memory there
 *   void arch_lock_wanted/taken/dropped(lock, rank)
 *   arch_words_begin(), arch_word_load(), ... words of the guest's memory
 *
 * (atomic.h and lock.h include it for the last two groups.) Interrupts are
 * off in the core, always, except inside arch_relax(), arch_preempt_pending()
 * and arch_idle(). Interrupt handlers take no locks and set softirq bits.
 */
#ifndef LODGE_ARCH_H
#define LODGE_ARCH_H

#include "abi.h"
#include "cpu.h"
#include "errno.h"
#include "types.h"

struct vcpu;
struct domain;

/* ---- Guest memory by virtual address, in the current vcpu's root ---- */

/*
 * Copies n bytes from or to the current guest's virtual memory. Returns 0, or
 * -EFAULT when any byte is not mapped (for writing: writable), or lies in the
 * hypervisor's range or across the end of the address space; then the
 * destination holds an unknown part. A source may change under the copy:
 * nobody reads it twice.
 */
[[nodiscard]] int arch_copy_from_guest(void *dst, uint64_t va, size_t n);
[[nodiscard]] int arch_copy_to_guest(uint64_t va, const void *src, size_t n);
/*
 * The same for a few words that the code around has or wants in registers,
 * each a constant at, less than a page, from va, the lowest first:
 *
 *	bool arch_words_begin(va)		false: they would be ours
 *	arch_word_load(va, at, lvalue, failed)	a fault sets failed, a number;
 *						the lvalue may have 4 bytes
 *	arch_word_store(va, at, word, label)	a fault goes to the label
 *	arch_words_end()			after the last, and at the label
 *
 * A fault may be the last of a translation that the guest has changed, once a
 * page: ARCH_WORDS_TRIES times before it counts.
 */
#define ARCH_WORDS_TRIES 3

/* ---- Translation caches ---- */

/* Drops this CPU's translations of guest addresses: all, or of one page. */
void arch_flush_local(void);
void arch_flush_page_local(uint64_t va);
/*
 * Has each CPU of the set (bit = cpu id) drop all its guest translations, or
 * those of one page, and returns when they have. Interrupts come in while it
 * waits; the caller holds no lock that an interrupt takes (none does).
 */
void arch_flush_cpus(uint64_t cpus, bool one_page, uint64_t va);

/* Makes this CPU translate by the tables under root (see root_for()), which
 * flushes it; flush_note() is the caller's. */
void arch_root_load(mfn_t root);
/* The same by a 32-bit guest's root, an L3 for the lowest 512 GiB. */
void arch_root32_load(mfn_t l3);

/*
 * The same where guests' roots are separated from ours (mm/companion.c): we
 * translate by root, the guest of this CPU by the companion that is this CPU's
 * of a row of them; 0: by root itself.
 */
void arch_roots_load(mfn_t root, mfn_t companions);
/* Whether roots of such a domain are to be separated. Constant after boot. */
bool arch_separates_roots(bool privileged);
/* CPUs that may run a guest: 0 to n - 1. Constant after boot. */
unsigned int arch_nr_cpus(void);
/* The number by which the machine knows that CPU. */
uint32_t arch_apic_id(unsigned int cpu);
/* And the one by which the firmware's programs do. */
uint32_t arch_acpi_id(unsigned int cpu);

/* ---- Page-table entries ---- */

/* Bits that are reserved in an entry on this processor: of the address those
 * beyond its own, and no-execute if it has none. Constant after boot. */
extern uint64_t arch_pte_reserved;
/* Fills slots 256-271 of a guest's L4; the rest is not touched. */
void arch_l4_fill(uint64_t *l4);
/* The same slots of a companion for that CPU. */
void arch_companion_fill(uint64_t *l4, unsigned int cpu);
/* Whether the first of these slots shows the guest the m2p table. */
void arch_l4_m2p_show(uint64_t *l4, bool shown);
/* Fills slots 428-511 of a 32-bit guest's L2 that has the hypervisor's range
 * with the machine-to-physical table in its 32-bit form, read-only. */
void arch_l2_fill(uint64_t *l2);
/* True when non-present entries may leak cached data (L1TF). */
bool arch_leaks_nonpresent(void);

/* ---- The machine's memory ---- */

/* One line of a memory map, as firmware and guests write it (E820). */
struct memory_range_info {
	uint64_t start, bytes;
	uint32_t type;
} __attribute__((packed));
#define MEMORY_MAP_MAX 1024

/* The whole map as the machine's firmware told it. Constant after boot. */
unsigned int arch_memory_map(const struct memory_range_info **out);
/* The first frame of each 2 MiB of the m2p table of that width; what has no
 * RAM shares one such piece. */
#define ARCH_M2P_SHIFT 21
uint64_t arch_m2p_extent(enum domain_width width, unsigned int n);

/* What UEFI firmware left for a kernel to find. */
#define EFI_VENDOR_MAX 32
struct efi_info {
	uint64_t tables; /* configuration tables; 0: it is no such firmware */
	uint32_t nr_tables;
	uint32_t revision, runtime_revision, vendor_revision;
	uint16_t vendor[EFI_VENDOR_MAX]; /* its name, ended by a 0 */
};
/* Constant after boot. */
const struct efi_info *arch_efi(void);

/* ---- A vcpu's machine state ---- */

/* Allocates or frees the extended register area; fills initial values. */
[[nodiscard]] int arch_vcpu_init(struct vcpu *v);
void arch_vcpu_exit(struct vcpu *v);
/*
 * Makes this CPU run next instead of prev; either may be NULL (idle). Saves
 * prev's registers, segments, debug and extended registers in its struct,
 * loads next's, and its GDT, LDT and root. this_cpu()->current is next after.
 */
void arch_switch(struct vcpu *prev, struct vcpu *next);
/* The vcpu's gdt or ldt fields changed and it runs here: load them. */
void arch_gdt_load(struct vcpu *v);
void arch_ldt_load(struct vcpu *v);
/* Enters one page of the LDT of the vcpu that runs here. */
void arch_ldt_map_page(struct vcpu *v, unsigned int page, mfn_t m);
/* Segment bases of the vcpu that runs here; which: SEGBASE_* of xen.h. */
void arch_segment_base_set(struct vcpu *v, unsigned int which, uint64_t base);
uint64_t arch_segment_base_get(struct vcpu *v, unsigned int which);
/* Loads a GS selector as the user's, in the kernel; bad ones become 0. */
void arch_gs_user_selector_set(struct vcpu *v, uint16_t selector);
/* Exchanges the active GS base and the inactive one (kernel's, user's). */
void arch_swap_gs(void);
/* Loads DS, ES, FS, GS of the vcpu that runs here; bad ones become 0. */
void arch_data_segments_load(uint16_t ds, uint16_t es, uint16_t fs,
			     uint16_t gs);
/* What the vcpu that runs here has in DS, ES, FS or GS (hardware's number). */
uint16_t arch_segment_selector(unsigned int segment);
/* Sets or clears CR0.TS for the vcpu that runs here. */
void arch_task_switched_set(bool ts);
/* Debug register n (0-3, 6, 7) of the vcpu that runs here. */
void arch_debugreg_load(unsigned int n, uint64_t value);
uint64_t arch_debugreg_read(unsigned int n);
/* CR4 bits that a guest may own (TSD, DE, FSGSBASE...) take effect here. */
void arch_cr4_load(struct vcpu *v);
/* XCR0 of the vcpu that runs here. */
void arch_xcr0_load(uint64_t xcr0);
/* XCR0 bits that the machine has enabled for guests; 0 without XSAVE. */
uint64_t arch_xcr0_mask(void);

/* ---- The processor and the ports, for emulation ---- */

void arch_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
/* Reads or writes a model-specific register; -EFAULT if it faults. */
[[nodiscard]] int arch_msr_read(uint32_t msr, uint64_t *value);
[[nodiscard]] int arch_msr_write(uint32_t msr, uint64_t value);
uint32_t arch_port_read(uint16_t port, unsigned int bytes);
void arch_port_write(uint16_t port, unsigned int bytes, uint32_t value);
void arch_cache_flush(void);
/* Gives domain 0 what of the machine is not ours, in d->access. */
void arch_access_give(struct domain *d);

/*
 * Reads or writes PCI configuration space through the ports 0xcf8-0xcff.
 * address: the word for 0xcf8, whose two low bits choose among the bytes of
 * the other port; bytes (1, 2, 4) do not go beyond them.
 */
uint32_t arch_pci_read(uint32_t address, unsigned int bytes);
void arch_pci_write(uint32_t address, unsigned int bytes, uint32_t value);

/* ---- Devices ---- */

/* Vectors that devices' interrupts may have; ARCH_VECTOR_END is beyond. */
#define ARCH_VECTOR_FIRST 0x30
#define ARCH_VECTOR_END	  0xf0
/* Says to this CPU that so many interrupts of devices have been dealt with. */
void arch_irq_done(unsigned int n);

/* An interrupt line that is an input of an I/O APIC: a GSI. */
struct gsi_wiring {
	bool level, low;
};
/* GSIs are numbers below this, but not all that are exist. At most 256. */
#define ARCH_GSIS 256
unsigned int arch_gsis(void);
/* How the firmware says that a GSI is wired. -ENODEV: there is none. */
[[nodiscard]] int arch_gsi_wiring(uint32_t gsi, struct gsi_wiring *w);
/*
 * Has a GSI come to this CPU as a vector; it stays masked. -ENODEV: there is
 * none. -EINVAL: no I/O APIC can name this CPU.
 */
[[nodiscard]] int arch_gsi_route(uint32_t gsi, unsigned int vector,
				 const struct gsi_wiring *w);
/* Masks it, or lets it come: for one that has been routed. */
void arch_gsi_mask(uint32_t gsi, bool masked);
/*
 * Reads a register of the I/O APIC at that address, and says of which GSI it
 * is the lower word, if it is one. -EINVAL: no I/O APIC there.
 */
#define ARCH_NO_GSI UINT32_MAX
[[nodiscard]] int arch_ioapic_read(uint64_t base, uint32_t reg, uint32_t *value,
				   uint32_t *gsi);

/* Maps the page of a device's registers at an address, for ever; NULL: no
 * memory. */
volatile uint32_t *arch_device_map(maddr_t page);

/* ---- Time ---- */

/* TSC ticks per second, and nanoseconds since 1970 at boot (CMOS clock). */
uint64_t arch_tsc_hz(void);
uint64_t arch_wallclock_boot_ns(void);
/* Has this CPU's timer raise SOFTIRQ_TIMER at that time; UINT64_MAX: never. */
void arch_timer_set(uint64_t deadline_ns);

/* ---- This CPU and the machine ---- */

/*
 * Lets waiting interrupts in for a moment, then tells whether this CPU has
 * something better to do than the long operation under way.
 */
bool arch_preempt_pending(void);
/* Waits for an interrupt, unless a softirq is pending. */
void arch_idle(void);
/* Interrupts a CPU so that it looks at its softirqs. */
void arch_cpu_poke(unsigned int cpu);
/* Writes text to the machine's own console (serial, VGA). */
void arch_console_write(const char *s, size_t n);
/* Describes the screen that we write on, if there is one, for domain 0. */
struct dom0_vga_console_info;
bool arch_screen_info(struct dom0_vga_console_info *info);
/* And it is domain 0's from here on: we keep off it until we panic. */
void arch_screen_give(void);
/* Takes the next character typed at the machine's console, or -1. */
int arch_console_read(void);
_Noreturn void arch_machine_off(void);
/* It will do so by these words for the two PM1 control registers. */
void arch_machine_off_by(uint16_t pm1a, uint16_t pm1b);
_Noreturn void arch_machine_reboot(void);
_Noreturn void arch_panic(void);

#endif
