/* SPDX-License-Identifier: MIT */
/*
 * The local APIC
 *
 * It has one page of registers, or, in the x2APIC mode that some firmware
 * leaves it in, the same registers as MSRs. We stay in the mode found.
 *
 * The timer is one-shot. A processor with a TSC deadline takes the very TSC
 * value; else the APIC counts down at a rate that we measure once against the
 * TSC. The longest interval we set is a second: who asks for more is woken
 * early, finds nothing to do and asks again. A deadline that has passed is
 * one tick away, so it fires as soon as interrupts are let in.
 */
#include "x86/apic.h"

#include "arch.h"
#include "bug.h"
#include "irq/irq.h"
#include "log/log.h"
#include "time/time.h"
#include "x86/acpi.h"
#include "x86/cpu.h"
#include "x86/ioapic.h"
#include "x86/msr.h"
#include "x86/paging.h"
#include "x86/port.h"
#include "x86/uart.h"
#include "x86/vectors.h"

#define REG_ID		    0x20
#define REG_VERSION	    0x30
#define REG_TPR		    0x80
#define REG_EOI		    0xb0
#define REG_LDR		    0xd0
#define REG_DFR		    0xe0
#define REG_SVR		    0xf0
#define REG_ISR		    0x100 /* eight words, 0x10 apart */
#define REG_ESR		    0x280
#define REG_ICR		    0x300
#define REG_ICR_HIGH	    0x310
#define REG_LVT_TIMER	    0x320
#define REG_LVT_THERMAL	    0x330
#define REG_LVT_PERFORMANCE 0x340
#define REG_LVT_LINT0	    0x350
#define REG_LVT_LINT1	    0x360
#define REG_LVT_ERROR	    0x370
#define REG_TIMER_INITIAL   0x380
#define REG_TIMER_CURRENT   0x390
#define REG_TIMER_DIVIDE    0x3e0

#define BASE_X2APIC	 (1UL << 10)
#define BASE_ENABLED	 (1UL << 11)
#define SVR_ENABLED	 (1U << 8)
#define ICR_PENDING	 (1U << 12)
#define LVT_NMI		 (4U << 8)
#define LVT_LOW		 (1U << 13)
#define LVT_MASKED	 (1U << 16)
#define LVT_TSC_DEADLINE (2U << 17)
#define DIVIDE_BY_1	 0xb

#define CALIBRATIONS   3
#define CALIBRATION_MS 10
#define AHEAD_MAX_NS   1000000000UL

static struct {
	volatile uint32_t *regs; /* NULL: MSRs */
	bool deadline;		 /* the timer takes TSC values */
	uint64_t ticks_per_ns;	 /* of the counting timer, times 2^32 */
	uint32_t ids[MAX_CPUS];
	uint32_t errors; /* what the error vector has told of */
} apic;

static uint32_t reg_read(unsigned int reg)
{
	if (!apic.regs)
		return (uint32_t)msr_read(MSR_X2APIC + reg / 16);
	return apic.regs[reg / 4];
}

static void reg_write(unsigned int reg, uint32_t v)
{
	if (apic.regs)
		apic.regs[reg / 4] = v;
	else
		msr_write(MSR_X2APIC + reg / 16, v);
}

/* ---- The 8259s ---- */

#define PIC1 0x20
#define PIC2 0xa0

/*
 * They must not be heard again, but one that is masked may still say its
 * spurious 7: that must not look like an exception.
 */
static void pic_silence(void)
{
	static const uint8_t words[][2] = {
		{ 0x11, 0x11 },			/* initialize */
		{ VECTOR_PIC, VECTOR_PIC + 8 }, /* first vector */
		{ 0x04, 0x02 },			/* the second hangs at 2 */
		{ 0x01, 0x01 },			/* 8086 mode */
		{ 0xff, 0xff },			/* mask all */
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(words); i++) {
		port_out8(PIC1 + (i > 0), words[i][0]);
		port_out8(PIC2 + (i > 0), words[i][1]);
		port_out8(0x80, 0); /* old ones want a pause */
	}
}

/* ---- Set-up ---- */

void apic_setup(void)
{
	uint64_t base = msr_read(MSR_APIC_BASE);
	maddr_t at = maddr(base & PAGE_MASK & ~arch_pte_reserved);

	pic_silence();
	apic.deadline = cpu_features.tsc_deadline;
	if (!(base & BASE_ENABLED))
		msr_write(MSR_APIC_BASE, base | BASE_ENABLED);
	else if (base & BASE_X2APIC)
		return;
	apic.regs = paging_map_device(at, PAGE_SIZE);
	if (!apic.regs)
		panic("the local APIC at %#lx cannot be mapped", at.v);
}

/* Interrupts that our predecessor took and never finished. */
static void finish_old(void)
{
	for (unsigned int i = 0; i < 256; i++)
		if (reg_read(REG_ISR + i / 32 * 0x10) >> i % 32 & 1)
			reg_write(REG_EOI, 0);
}

/* Without the firmware's word NMIs are at LINT1, as on every PC. */
static void wire_nmis(uint32_t apic_id)
{
	uint32_t uid = ACPI_NMI_ALL;

	reg_write(REG_LVT_LINT0, LVT_MASKED);
	reg_write(REG_LVT_LINT1, acpi.nnmis ? LVT_MASKED : LVT_NMI);
	for (unsigned int i = 0; i < acpi.ncpus; i++)
		if (acpi.cpus[i].apic_id == apic_id)
			uid = acpi.cpus[i].uid;
	for (unsigned int i = 0; i < acpi.nnmis; i++) {
		const struct acpi_nmi *n = &acpi.nmis[i];
		uint32_t low = (n->flags & ACPI_POLARITY) == ACPI_POLARITY_LOW;

		if (n->uid == ACPI_NMI_ALL || n->uid == uid)
			reg_write(n->lint ? REG_LVT_LINT1 : REG_LVT_LINT0,
				  LVT_NMI | (low ? LVT_LOW : 0));
	}
}

/* Lets the timer count for some time that the TSC measures: its rate. */
static uint64_t timer_measure(void)
{
	uint64_t khz = arch_tsc_hz() / 1000, start, end, ticks;

	reg_write(REG_TIMER_INITIAL, UINT32_MAX);
	start = arch_tsc();
	do {
		for (unsigned int i = 0; i < 256; i++)
			__asm__ volatile("pause");
		end = arch_tsc();
	} while (end - start < khz * CALIBRATION_MS);
	ticks = UINT32_MAX - reg_read(REG_TIMER_CURRENT);
	reg_write(REG_TIMER_INITIAL, 0);
	return ticks * khz / (end - start) * 1000;
}

/* Whoever interrupts the measurement makes it larger: the least is right. */
static void timer_calibrate(void)
{
	uint64_t hz = timer_measure();

	for (unsigned int i = 1; i < CALIBRATIONS; i++)
		hz = MIN(hz, timer_measure());
	if (hz < 1000000 || hz >> 36)
		panic("the local APIC's timer runs at %lu Hz", hz);
	apic.ticks_per_ns = (hz << 28) / 1000000000 << 4;
	log_info("APIC timer: %lu kHz", hz / 1000);
}

static void timer_start(void)
{
	reg_write(REG_LVT_TIMER, LVT_MASKED);
	reg_write(REG_TIMER_INITIAL, 0);
	reg_write(REG_TIMER_DIVIDE, DIVIDE_BY_1);
	if (!apic.deadline && !apic.ticks_per_ns)
		timer_calibrate();
	reg_write(REG_LVT_TIMER,
		  VECTOR_TIMER | (apic.deadline ? LVT_TSC_DEADLINE : 0));
	/* the first deadline must not overtake the mode */
	__asm__ volatile("mfence" : : : "memory");
}

void apic_init(void)
{
	uint32_t id, last_lvt;

	if (!apic.regs)
		msr_write(MSR_APIC_BASE,
			  msr_read(MSR_APIC_BASE) | BASE_ENABLED | BASE_X2APIC);
	id = reg_read(REG_ID);
	if (apic.regs)
		id >>= 24;
	this_cpu()->apic_id = id;
	apic.ids[this_cpu()->id] = id;

	reg_write(REG_SVR, SVR_ENABLED | VECTOR_SPURIOUS);
	reg_write(REG_TPR, 0);
	if (apic.regs) {
		reg_write(REG_DFR, UINT32_MAX);
		reg_write(REG_LDR, 1U << 24);
	}
	finish_old();
	wire_nmis(id);
	last_lvt = reg_read(REG_VERSION) >> 16 & 0xff;
	if (last_lvt >= 4)
		reg_write(REG_LVT_PERFORMANCE, LVT_MASKED);
	if (last_lvt >= 5)
		reg_write(REG_LVT_THERMAL, LVT_MASKED);
	if (last_lvt >= 3) {
		reg_write(REG_ESR, 0);
		reg_write(REG_LVT_ERROR, VECTOR_ERROR);
	}
	timer_start();
}

/* ---- Use ---- */

void apic_eoi(void)
{
	reg_write(REG_EOI, 0);
}

void arch_irq_done(unsigned int n)
{
	while (n--)
		apic_eoi();
}

void apic_devices_init(void)
{
	ioapic_init();
	irq_init();
	irq_reserve(VECTOR_HYPERCALL);
}

static void local_interrupt(unsigned int vector)
{
	if (vector == VECTOR_SPURIOUS)
		return;
	if (vector == VECTOR_TIMER)
		cpu_raise(this_cpu(), SOFTIRQ_TIMER);
	if (vector == VECTOR_ERROR) {
		reg_write(REG_ESR, 0);
		apic.errors |= reg_read(REG_ESR);
	}
	apic_eoi();
}

void apic_interrupt(unsigned int vector)
{
	if (vector >= VECTOR_TIMER) {
		local_interrupt(vector);
	} else if (vector == uart_vector()) {
		uart_interrupt();
		apic_eoi();
	} else if (vector >= ARCH_VECTOR_FIRST) {
		irq_note(vector);
	} /* else an 8259's spurious one: it wants no answer */
}

static void timer_stop(void)
{
	if (apic.deadline)
		msr_write(MSR_TSC_DEADLINE, 0);
	else
		reg_write(REG_TIMER_INITIAL, 0);
}

void arch_timer_set(uint64_t deadline_ns)
{
	uint64_t now, ahead;

	if (deadline_ns == UINT64_MAX) {
		timer_stop();
		return;
	}
	now = time_now_ns();
	ahead = deadline_ns > now ? deadline_ns - now : 0;
	ahead = MIN(ahead, AHEAD_MAX_NS);
	if (apic.deadline) {
		/* 0 would switch it off; a past value fires at once */
		msr_write(MSR_TSC_DEADLINE, time_tsc_of_ns(now + ahead) | 1);
		return;
	}
	ahead = (uint64_t)((unsigned __int128)ahead * apic.ticks_per_ns >> 32);
	reg_write(REG_TIMER_INITIAL,
		  (uint32_t)MIN(ahead + 1, (uint64_t)UINT32_MAX));
}

uint32_t arch_apic_id(unsigned int cpu)
{
	return apic.ids[cpu];
}

uint32_t arch_acpi_id(unsigned int cpu)
{
	for (unsigned int i = 0; i < acpi.ncpus; i++)
		if (acpi.cpus[i].apic_id == apic.ids[cpu])
			return acpi.cpus[i].uid;
	return UINT32_MAX;
}

#define ICR_WAIT 1000000

void arch_cpu_poke(unsigned int cpu)
{
	uint32_t id = apic.ids[cpu];

	if (!apic.regs) {
		/* unlike a store, a write of this MSR overtakes others */
		__asm__ volatile("mfence; lfence" : : : "memory");
		msr_write(MSR_X2APIC + REG_ICR / 16,
			  (uint64_t)id << 32 | VECTOR_POKE);
		return;
	}
	for (unsigned int i = 0; i < ICR_WAIT; i++)
		if (!(reg_read(REG_ICR) & ICR_PENDING))
			break;
	reg_write(REG_ICR_HIGH, id << 24);
	reg_write(REG_ICR, VECTOR_POKE);
}
