/* SPDX-License-Identifier: MIT */
/*
 * The rest of the machine: a clock that moves only when the test says so, a
 * console that is two buffers, and ports, MSRs and CPUID leaves that are
 * tables, which the test fills.
 */
#include <string.h>

#include "errno.h"
#include "host/host.h"
#include "time/time.h"

#define TSC_HZ	     2500000000UL
#define TSC_AT_BOOT  123456789UL
#define WALLCLOCK_NS 1700000000000000000UL
/* What is farther away than some years does not happen. */
#define NEVER_NS (1UL << 57)

#define CONSOLE_BYTES 65536
#define LEAVES_MAX    64
#define MSRS_MAX      64

/* Something comes from outside after so many timers, too. */
#define IDLES_ALONE 8

struct efi_info host_efi;

const struct efi_info *arch_efi(void)
{
	return &host_efi;
}

static unsigned int idles;
uint64_t host_tsc;
void (*host_idle)(void);
bool host_leaks_nonpresent;
bool host_separates_roots;

static struct machine_cpu {
	uint64_t deadline_ns;
	unsigned int pokes;
} machine[HOST_MAX_CPUS];

static struct {
	char out[CONSOLE_BYTES];
	size_t used;
	char in[1024];
	size_t in_from, in_to;
} console;

static struct leaf {
	uint32_t leaf, subleaf, out[4];
} leaves[LEAVES_MAX];
static unsigned int nr_leaves;

static struct msr {
	uint32_t msr;
	uint64_t value;
} msrs[MSRS_MAX];
static unsigned int nr_msrs;

static struct {
	uint32_t reads, written;
} ports[65536];

/* An ordinary 64-bit processor with what PV guests look at. */
static const struct leaf default_leaves[] = {
	{ 0x0, 0, { 0xd, 0x756e6547, 0x6c65746e, 0x49656e69 } },
	{ 0x1, 0, { 0x000306c3, 0x00100800, 0x77fafbff, 0xbfebfbff } },
	{ 0x7, 0, { 0, 0x000027ab, 0, 0 } },
	{ 0xd, 0, { 7, 832, 832, 0 } },
	{ 0xd, 2, { 256, 576, 0, 0 } },
	{ 0x80000000, 0, { 0x80000008, 0, 0, 0 } },
	{ 0x80000001, 0, { 0, 0, 0x21, 0x2c100800 } },
	{ 0x80000008, 0, { 0x3030, 0, 0, 0 } },
};

static const struct msr default_msrs[] = {
	{ 0x1b, 0xfee00900 },	       /* APIC_BASE */
	{ 0x1a0, 0x850089 },	       /* MISC_ENABLE */
	{ 0x277, 0x0007040600070406 }, /* PAT */
	{ 0xc0000080, 0xd01 },	       /* EFER */
};

void host_machine_init(void)
{
	host_tsc = TSC_AT_BOOT;
	host_leaks_nonpresent = false;
	host_separates_roots = false;
	host_idle = NULL;
	idles = 0;
	memset(machine, 0, sizeof(machine));
	host_vcpus_forget();
	for (unsigned int i = 0; i < HOST_MAX_CPUS; i++)
		machine[i].deadline_ns = UINT64_MAX;
	memset(&console, 0, sizeof(console));
	memcpy(leaves, default_leaves, sizeof(default_leaves));
	nr_leaves = ARRAY_SIZE(default_leaves);
	memcpy(msrs, default_msrs, sizeof(default_msrs));
	nr_msrs = ARRAY_SIZE(default_msrs);
	memset(ports, 0xff, sizeof(ports));
}

bool arch_screen_info(struct dom0_vga_console_info *info)
{
	(void)info;
	return false;
}

void arch_screen_give(void)
{
}

void arch_access_give(struct domain *d)
{
	if (domain_set_use(d, &d->access.memory, 0, ~0UL, true) ||
	    domain_set_use(d, &d->access.ports, 0, 0xffff, true) ||
	    domain_set_use(d, &d->access.irqs, 1, arch_gsis() - 1, true))
		host_fail("no access to the machine");
}

/* ---- page tables and memory ---- */

uint64_t arch_pte_reserved = 0x000f000000000000UL;

bool arch_leaks_nonpresent(void)
{
	return host_leaks_nonpresent;
}

/* A table of the host's own, for the supervisor only. */
void arch_l4_fill(uint64_t *l4)
{
	for (unsigned int i = ABI_HV_SLOT_FIRST; i <= ABI_HV_SLOT_LAST; i++)
		l4[i] = (uint64_t)HOST_OWN_TABLE << PAGE_SHIFT | 0x63;
}

bool arch_separates_roots(bool privileged)
{
	(void)privileged;
	return host_separates_roots;
}

unsigned int arch_nr_cpus(void)
{
	return host_nr_cpus;
}

uint32_t arch_apic_id(unsigned int cpu)
{
	return cpu;
}

uint32_t arch_acpi_id(unsigned int cpu)
{
	return cpu + 1;
}

/* Two slots, one of them for each CPU of its own. */
void arch_companion_fill(uint64_t *l4, unsigned int cpu)
{
	memset(&l4[ABI_HV_SLOT_FIRST], 0,
	       (ABI_HV_SLOT_LAST - ABI_HV_SLOT_FIRST + 1) * 8);
	l4[ABI_HV_SLOT_FIRST] = (uint64_t)HOST_OWN_TABLE << PAGE_SHIFT | 0x63;
	l4[ABI_HV_SLOT_FIRST + 1] = l4[ABI_HV_SLOT_FIRST] | (uint64_t)cpu << 52;
}

void arch_l4_m2p_show(uint64_t *l4, bool shown)
{
	l4[ABI_HV_SLOT_FIRST] =
		shown ? (uint64_t)HOST_OWN_TABLE << PAGE_SHIFT | 0x63 : 0;
}

void arch_l2_fill(uint64_t *l2)
{
	for (unsigned int i = ABI_HV32_SLOT_FIRST; i <= ABI_HV32_SLOT_LAST; i++)
		l2[i] = (uint64_t)HOST_OWN_TABLE << PAGE_SHIFT | 0x63;
}

bool arch_alloc_may_fail(void)
{
	return host_choose(HOST_ALLOC_FAIL, 2);
}

/* ---- the processor and the ports ---- */

void host_cpuid_set(uint32_t leaf, uint32_t subleaf, const uint32_t out[4])
{
	unsigned int i = 0;

	while (i < nr_leaves &&
	       (leaves[i].leaf != leaf || leaves[i].subleaf != subleaf))
		i++;
	if (i == LEAVES_MAX)
		host_fail("too many CPUID leaves");
	nr_leaves = MAX(nr_leaves, i + 1);
	leaves[i].leaf = leaf;
	leaves[i].subleaf = subleaf;
	memcpy(leaves[i].out, out, sizeof(leaves[i].out));
}

void arch_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
	memset(out, 0, 4 * sizeof(*out));
	for (unsigned int i = 0; i < nr_leaves; i++)
		if (leaves[i].leaf == leaf && leaves[i].subleaf == subleaf)
			memcpy(out, leaves[i].out, sizeof(leaves[i].out));
}

static struct msr *msr_find(uint32_t msr)
{
	for (unsigned int i = 0; i < nr_msrs; i++)
		if (msrs[i].msr == msr)
			return &msrs[i];
	return NULL;
}

void host_msr_set(uint32_t msr, uint64_t value)
{
	struct msr *m = msr_find(msr);

	if (!m) {
		if (nr_msrs == MSRS_MAX)
			host_fail("too many MSRs");
		m = &msrs[nr_msrs++];
	}
	m->msr = msr;
	m->value = value;
}

int arch_msr_read(uint32_t msr, uint64_t *value)
{
	struct msr *m = msr_find(msr);

	if (!m)
		return -EFAULT;
	*value = m->value;
	return 0;
}

int arch_msr_write(uint32_t msr, uint64_t value)
{
	struct msr *m = msr_find(msr);

	if (!m)
		return -EFAULT;
	m->value = value;
	return 0;
}

void host_port_set(uint16_t port, uint32_t value)
{
	ports[port].reads = value;
}

uint32_t host_port_last_write(uint16_t port)
{
	return ports[port].written;
}

uint32_t arch_port_read(uint16_t port, unsigned int bytes)
{
	uint32_t mask = bytes == 4 ? UINT32_MAX : (1U << 8 * bytes) - 1;

	return ports[port].reads & mask;
}

void arch_port_write(uint16_t port, unsigned int bytes, uint32_t value)
{
	uint32_t mask = bytes == 4 ? UINT32_MAX : (1U << 8 * bytes) - 1;

	ports[port].written = value & mask;
}

void arch_cache_flush(void)
{
}

/* ---- time ---- */

uint64_t arch_tsc_hz(void)
{
	return TSC_HZ;
}

uint64_t arch_wallclock_boot_ns(void)
{
	return WALLCLOCK_NS;
}

void arch_timer_set(uint64_t deadline_ns)
{
	machine[host_this->id].deadline_ns = deadline_ns;
}

uint64_t host_timer_deadline(unsigned int cpu)
{
	return machine[cpu].deadline_ns;
}

static void timers_fire(void)
{
	for (unsigned int i = 0; i < host_nr_cpus; i++) {
		uint64_t ns = machine[i].deadline_ns;

		if (ns == UINT64_MAX || time_tsc_of_ns(ns) > host_tsc)
			continue;
		machine[i].deadline_ns = UINT64_MAX;
		cpu_raise(&host_cpus[i], SOFTIRQ_TIMER);
	}
}

void host_clock_advance(uint64_t ns)
{
	host_tsc += (uint64_t)((__uint128_t)ns * TSC_HZ / 1000000000);
	timers_fire();
}

/* ---- this CPU and the machine ---- */

bool arch_preempt_pending(void)
{
	host_interrupts();
	return host_choose(HOST_PREEMPT, 2);
}

/* Time passes at once to where this CPU's timer fires, and a little more. */
void arch_idle(void)
{
	uint64_t ns = machine[host_this->id].deadline_ns;

	host_interrupts();
	if (atomic32_load(&host_this->softirqs))
		return;
	if (host_idle && ++idles % IDLES_ALONE == 0) {
		host_idle();
	} else if (ns < NEVER_NS) {
		host_tsc = MAX(host_tsc, time_tsc_of_ns(ns)) + 100;
		timers_fire();
	} else if (host_idle) {
		host_idle();
	} else if (!host_switch_away()) {
		host_fail("cpu %u idles and nothing will wake it",
			  host_this->id);
	}
}

void arch_cpu_poke(unsigned int cpu)
{
	if (cpu >= host_nr_cpus)
		host_fail("poke of cpu %u, which does not exist", cpu);
	machine[cpu].pokes++;
}

unsigned int host_pokes(unsigned int cpu)
{
	return machine[cpu].pokes;
}

void arch_console_write(const char *s, size_t n)
{
	size_t room = sizeof(console.out) - 1 - console.used;

	n = MIN(n, room);
	memcpy(console.out + console.used, s, n);
	console.used += n;
	console.out[console.used] = '\0';
}

const char *host_console_text(void)
{
	return console.out;
}

void host_console_clear(void)
{
	console.used = 0;
	console.out[0] = '\0';
}

void host_console_type(const char *text)
{
	size_t n = strlen(text);

	if (console.in_to + n > sizeof(console.in))
		host_fail("too much typed");
	memcpy(console.in + console.in_to, text, n);
	console.in_to += n;
	cpu_raise(&host_cpus[0], SOFTIRQ_CONSOLE);
}

int arch_console_read(void)
{
	if (console.in_from == console.in_to)
		return -1;
	return (unsigned char)console.in[console.in_from++];
}
