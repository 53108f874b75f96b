/* SPDX-License-Identifier: MIT */
/*
 * How fast does the time-stamp counter run?
 *
 * We compare it with a clock of known rate, the best that there is: HPET,
 * ACPI's PM timer, channel 2 of the 8254. All of them are made to look like a
 * counter of some bits. What disturbs the comparison is whatever comes between
 * reading one and reading the other (a hypervisor below us, a slow bus), so
 * each end is read several times and the try with the least time between is
 * taken. Between the ends we wait without touching a device: that is cheap
 * under an emulator that counts instructions, too.
 *
 * A processor may name its rate (CPUID 0x15). It is believed when it is near
 * to what we measured, being more exact; and if nothing can be measured.
 */
#include "x86/tsc.h"

#include "arch.h"
#include "bug.h"
#include "log/log.h"
#include "x86/acpi.h"
#include "x86/cmos.h"
#include "x86/cpu.h"
#include "x86/paging.h"
#include "x86/port.h"

#define FS_PER_S  1000000000000000UL
#define FS_PER_NS 1000000UL
#define SPAN_MS	  25
#define TRIES	  12
#define HZ_MIN	  50000000UL
#define HZ_MAX	  20000000000UL

struct reference {
	const char *name;
	uint32_t (*read)(void); /* counts upwards */
	uint64_t period_fs;
	uint32_t mask; /* the bits that count */
};

struct instant {
	uint64_t tsc;
	uint32_t count;
};

static uint64_t tsc_hz;

/* ---- The clocks ---- */

#define HPET_PERIOD	0x4
#define HPET_PERIOD_MAX 100000000UL
#define HPET_CONFIG	0x10
#define HPET_CONFIG_RUN 1
#define HPET_COUNTER	0xf0
#define HPET_BYTES	0x400

static volatile uint32_t *hpet_regs;

static uint32_t hpet_count(void)
{
	return hpet_regs[HPET_COUNTER / 4];
}

static bool hpet_open(struct reference *r)
{
	uint64_t period;

	if (!acpi.hpet.v)
		return false;
	hpet_regs = paging_map_device(acpi.hpet, HPET_BYTES);
	if (!hpet_regs)
		return false;
	period = hpet_regs[HPET_PERIOD / 4];
	if (period == 0 || period > HPET_PERIOD_MAX)
		return false;
	hpet_regs[HPET_CONFIG / 4] |= HPET_CONFIG_RUN;
	*r = (struct reference){ "HPET", hpet_count, period, UINT32_MAX };
	return true;
}

#define PM_TIMER_PERIOD 279365115UL /* 3.579545 MHz */

static uint32_t pm_timer_count(void)
{
	return port_in32(acpi.pm_timer);
}

static bool pm_timer_open(struct reference *r)
{
	if (!acpi.pm_timer)
		return false;
	*r = (struct reference){ "PM timer", pm_timer_count, PM_TIMER_PERIOD,
				 acpi.pm_timer_32 ? UINT32_MAX : 0xffffff };
	return true;
}

#define PIT_CHANNEL2   0x42
#define PIT_MODE       0x43
#define PIT_LATCH2     0x80
#define PIT_COUNT_DOWN 0xb0 /* channel 2, both bytes, mode 0 */
#define PIT_GATE       0x61
#define PIT_GATE_OPEN  0x01
#define PIT_SPEAKER    0x02
#define PIT_PERIOD     838095345UL /* 1.193182 MHz */

static uint32_t pit_count(void)
{
	uint32_t low;

	port_out8(PIT_MODE, PIT_LATCH2);
	low = port_in8(PIT_CHANNEL2);
	return -(low | (uint32_t)port_in8(PIT_CHANNEL2) << 8);
}

/* It counts 16 bits in 55 ms, twice the span that we measure over. */
static bool pit_open(struct reference *r)
{
	uint8_t gate = port_in8(PIT_GATE) & (uint8_t)~PIT_SPEAKER;

	port_out8(PIT_GATE, gate | PIT_GATE_OPEN);
	port_out8(PIT_MODE, PIT_COUNT_DOWN);
	port_out8(PIT_CHANNEL2, 0xff);
	port_out8(PIT_CHANNEL2, 0xff);
	*r = (struct reference){ "PIT", pit_count, PIT_PERIOD, 0xffff };
	return true;
}

/* ---- The comparison ---- */

static void spin(void)
{
	uint32_t n = 200;

	__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(n));
}

/* One moment by both clocks, as well as it can be had. */
static struct instant look(const struct reference *r)
{
	struct instant best = { 0, 0 };
	uint64_t least = UINT64_MAX;

	for (unsigned int i = 0; i < TRIES; i++) {
		uint64_t before = arch_tsc();
		uint32_t count = r->read();
		uint64_t after = arch_tsc();

		if (after - before < least) {
			least = after - before;
			best.tsc = before + (after - before) / 2;
			best.count = count;
		}
	}
	return best;
}

/* Does the clock run, and not for longer than we would wait? */
static bool is_running(const struct reference *r)
{
	uint32_t first = r->read();

	for (unsigned int i = 0; i < 10000; i++) {
		if (((r->read() ^ first) & r->mask) != 0)
			return true;
		spin();
	}
	return false;
}

/* The TSC's rate by that clock; 0: it makes no sense. */
static uint64_t measure(const struct reference *r)
{
	uint64_t span = SPAN_MS * (FS_PER_S / 1000) / r->period_fs;
	struct instant a, b;
	uint64_t ns, hz, limit;

	if (!is_running(r))
		return 0;
	a = look(r);
	limit = a.tsc + HZ_MAX;
	while (((r->read() - a.count) & r->mask) < span) {
		if (arch_tsc() > limit)
			return 0;
		for (unsigned int i = 0; i < 50; i++)
			spin();
	}
	b = look(r);
	ns = ((b.count - a.count) & r->mask) * r->period_fs / FS_PER_NS;
	hz = (b.tsc - a.tsc) * (FS_PER_S / FS_PER_NS) / ns;
	return hz >= HZ_MIN && hz <= HZ_MAX ? hz : 0;
}

/* Two measurements that agree to 1/4096 are one. */
static uint64_t measure_surely(const struct reference *r)
{
	uint64_t last = measure(r), hz = last;

	for (unsigned int i = 0; i < 4 && hz; i++) {
		last = hz;
		hz = measure(r);
		if (MAX(hz, last) - MIN(hz, last) < hz >> 12)
			break;
	}
	return hz;
}

static uint64_t measure_by_any(const char **name)
{
	static bool (*const clocks[])(struct reference *) = {
		hpet_open,
		pm_timer_open,
		pit_open,
	};
	struct reference r;
	uint64_t hz;

	for (unsigned int i = 0; i < ARRAY_SIZE(clocks); i++) {
		if (!clocks[i](&r))
			continue;
		hz = measure_surely(&r);
		if (hz) {
			*name = r.name;
			return hz;
		}
		log_warn("TSC: the %s does not work", r.name);
	}
	return 0;
}

void tsc_calibrate(void)
{
	const struct cpu_features *f = &cpu_features;
	const char *name = "CPUID";
	uint64_t hz = measure_by_any(&name), told = f->tsc_hz_exact;

	if (!told && !hz)
		told = f->tsc_hz_nominal;
	if (told && (!hz || MAX(told, hz) - MIN(told, hz) < hz / 256)) {
		hz = told;
		name = "CPUID";
	}
	if (!hz)
		panic("no clock to measure the time-stamp counter by");
	tsc_hz = hz;
	log_info("TSC: %lu.%03lu MHz by %s%s", hz / 1000000, hz / 1000 % 1000,
		 name, f->invariant_tsc ? ", invariant" : "");
}

uint64_t arch_tsc_hz(void)
{
	BUG_ON(!tsc_hz);
	return tsc_hz;
}

void tsc_delay_us(uint64_t us)
{
	uint64_t start = arch_tsc();
	uint64_t ticks = (tsc_hz ? tsc_hz : 3000000000UL) / 1000000 * us;

	while (arch_tsc() - start < ticks)
		spin();
}

uint64_t arch_wallclock_boot_ns(void)
{
	if (acpi.no_cmos)
		return 0;
	return cmos_read_seconds(acpi.century) * 1000000000UL;
}
