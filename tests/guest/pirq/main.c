/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of devices, in domain 0.
 *
 * A domain that may use a device's interrupt maps it to a number of its own,
 * a PIRQ, and binds an event channel to that. There are three kinds:
 *
 *   an edge     is told once each time (here the clock's, ISA line 8);
 *   a level     stays asserted until the driver has served its device. The
 *               hypervisor keeps it masked from its interrupt to the guest's
 *               PHYSDEVOP_eoi (Xen for a millisecond at most), so one that
 *               nobody serves leaves the guest some time, and one that is not
 *               served before the EOI comes again after it;
 *   a message   (MSI, MSI-X) is written by the device. The guest names the
 *               function; the hypervisor chooses address and word.
 *
 * Who closes the port hears no more and can bind again; who unmaps the number
 * cannot. The devices: QEMU's edu, which raises its line or its message when
 * it is told to, and an e1000e, which does the same by a table of messages.
 *
 * Built in both widths.
 */
#include "lodger.h"

#define RTC_LINE 8
#define WINDOW	 (VIRT_BASE + LODGER_MAX_PAGES * PAGE_SIZE)

#define EDU_ID	  0x11e81234U
#define EDU_RAISE (0x60 / 4)
#define EDU_ACK	  (0x64 / 4)

#define NIC_ID	  0x10d38086U
#define NIC_ICR	  (0xc0 / 4) /* causes; a one ends one */
#define NIC_ICS	  (0xc8 / 4) /* causes, raised by hand */
#define NIC_IMS	  (0xd0 / 4) /* causes that count */
#define NIC_IVAR  (0xe4 / 4) /* which message a cause is */
#define NIC_CAUSE (1U << 20) /* the first receive queue's */
#define NIC_VALID 8U	     /* it has a message: the first */

#define COMMAND	       4
#define COMMAND_WANTED 6U /* memory, bus master */
#define LINE	       0x3c
#define MSI	       5
#define MSIX	       0x11

static volatile unsigned int count;
static int serves; /* the handler serves the device at once */
static volatile uint32_t *edu;

/* ---- ports and configuration ---- */

static void out8(unsigned int port, unsigned char v)
{
	__asm__ __volatile__("outb %0, %w1" : : "a"(v), "d"(port) : "memory");
}

static unsigned char in8(unsigned int port)
{
	unsigned char v;

	__asm__ __volatile__("inb %w1, %0" : "=a"(v) : "d"(port) : "memory");
	return v;
}

static void config_select(unsigned int devfn, unsigned int at)
{
	uint32_t v = 0x80000000U | devfn << 8 | at;

	__asm__ __volatile__("outl %0, %w1" : : "a"(v), "d"(0xcf8) : "memory");
}

static uint32_t config_read(unsigned int devfn, unsigned int at)
{
	uint32_t v;

	config_select(devfn, at);
	__asm__ __volatile__("inl %w1, %0" : "=a"(v) : "d"(0xcfc) : "memory");
	return v;
}

static void config_write(unsigned int devfn, unsigned int at, uint32_t v)
{
	config_select(devfn, at);
	__asm__ __volatile__("outl %0, %w1" : : "a"(v), "d"(0xcfc) : "memory");
}

/* A capability's control word, bits of its dword; Xen wants it alone. */
static void config_control(unsigned int devfn, unsigned int at, uint32_t set,
			   uint32_t clear)
{
	uint32_t v = (config_read(devfn, at) | set) & ~clear;

	config_select(devfn, at);
	__asm__ __volatile__("outw %w0, %w1"
			     :
			     : "a"(v >> 16), "d"(0xcfe)
			     : "memory");
}

static unsigned int find_function(uint32_t id)
{
	unsigned int devfn;

	for (devfn = 0; devfn < 256; devfn += 8)
		if (config_read(devfn, 0) == id)
			return devfn;
	test_skip("the machine has not the devices for it");
}

static unsigned int find_capability(unsigned int devfn, unsigned int id)
{
	unsigned int at = config_read(devfn, 0x34) & 0xfc;

	while (at && (config_read(devfn, at) & 0xff) != id)
		at = config_read(devfn, at) >> 8 & 0xfc;
	TEST_ASSERT(at, "no capability %u", id);
	return at;
}

/* The first pages of a memory range of the function. */
static volatile uint32_t *map_range(unsigned int devfn, unsigned int range,
				    unsigned long at, unsigned long window)
{
	uint32_t base = config_read(devfn, 0x10 + 4 * range) & ~15U;
	char *address = (char *)(WINDOW + window);

	config_write(devfn, COMMAND,
		     config_read(devfn, COMMAND) | COMMAND_WANTED);
	TEST_RESULT(table_map(address, (base + at) / PAGE_SIZE,
			      PTE_RW | PTE_PCD | PTE_PWT),
		    0);
	return (volatile uint32_t *)address;
}

/* ---- interrupts ---- */

static void on_clock(unsigned int port, void *argument)
{
	(void)port;
	(void)argument;
	count++;
	out8(0x70, 0x0c);
	in8(0x71);
}

static void on_device(unsigned int port, void *argument)
{
	(void)port;
	(void)argument;
	count++;
	if (serves)
		edu[EDU_ACK] = ~0U;
}

/* Waits for so many, and a little longer that there are not more than that. */
static void wait_for(unsigned int n, unsigned int most, int line)
{
	uint64_t end = clock_now() + 10 * SECOND;

	while (count < n && clock_now() < end)
		;
	clock_spin(20 * MILLISECOND);
	TEST_ASSERT(count >= n && count <= most,
		    "line %d: %u interrupts, not %u", line, count, n);
	count = 0;
}
#define EXPECT_FROM(n, most) wait_for(n, most, __LINE__)
#define EXPECT(n)	     wait_for(n, n, __LINE__)

static long map_gsi(int gsi)
{
	struct physdev_map_pirq map;
	long error;

	memset(&map, 0, sizeof(map));
	map.domid = DOMID_SELF;
	map.type = MAP_PIRQ_TYPE_GSI;
	map.index = gsi;
	map.pirq = gsi;
	error = HYPERVISOR_physdev_op(PHYSDEVOP_map_pirq, &map);
	return error ? error : map.pirq;
}

static long map_message(unsigned int devfn, uint64_t table)
{
	struct physdev_map_pirq map;
	long error;

	memset(&map, 0, sizeof(map));
	map.domid = DOMID_SELF;
	map.type = MAP_PIRQ_TYPE_MSI_SEG;
	map.index = -1;
	map.pirq = -1;
	map.devfn = (int)devfn;
	map.table_base = table;
	error = HYPERVISOR_physdev_op(PHYSDEVOP_map_pirq, &map);
	return error ? error : map.pirq;
}

static long unmap(long pirq)
{
	struct physdev_unmap_pirq op;

	op.domid = DOMID_SELF;
	op.pirq = (int)pirq;
	return HYPERVISOR_physdev_op(PHYSDEVOP_unmap_pirq, &op);
}

static long bind(long pirq, event_handler_t handler)
{
	struct evtchn_bind_pirq op;
	int mask = events_off(); /* it may come before we know its port */
	long error;

	memset(&op, 0, sizeof(op));
	op.pirq = (uint32_t)pirq;
	error = HYPERVISOR_event_channel_op(EVTCHNOP_bind_pirq, &op);
	if (!error) {
		event_set_handler(op.port, handler, 0);
		error = event_unmask(op.port);
	}
	events_restore(mask);
	return error ? error : (long)op.port;
}

static void eoi(long pirq)
{
	struct physdev_eoi op;

	op.irq = (uint32_t)pirq;
	TEST_RESULT(HYPERVISOR_physdev_op(PHYSDEVOP_eoi, &op), 0);
}

/* ---- the three kinds ---- */

/* Without an IOMMU Xen knows no functions but those that it was told of. */
static void announce(unsigned int devfn)
{
	struct physdev_pci_device_add add;

	memset(&add, 0, sizeof(add));
	add.devfn = (uint8_t)devfn;
	TEST_RESULT(HYPERVISOR_physdev_op(PHYSDEVOP_pci_device_add, &add), 0);
}

static unsigned char clock_register(unsigned char n)
{
	out8(0x70, n);
	return in8(0x71);
}

static void clock_set(unsigned char n, unsigned char v)
{
	out8(0x70, n);
	out8(0x71, v);
}

static void edges(void)
{
	uint64_t end = clock_now() + 10 * SECOND;
	long pirq = map_gsi(RTC_LINE);
	unsigned char control;
	long port;

	TEST_RESULT(pirq, RTC_LINE);
	TEST_RESULT(map_gsi(RTC_LINE), RTC_LINE);
	port = bind(pirq, on_clock);
	TEST_ASSERT(port > 0, "bind: %ld", port);
	TEST_REFUSED(bind(pirq, on_clock));
	control = clock_register(0x0b);
	clock_set(0x0a, 0x2a); /* 64 a second */
	clock_set(0x0b, control | 0x40);
	clock_register(0x0c);
	while (count < 20 && clock_now() < end)
		;
	clock_set(0x0b, control & ~0x40);
	TEST_ASSERT(count >= 20, "%u interrupts of the clock", count);
	TEST_RESULT(event_close((unsigned int)port), 0);
	TEST_RESULT(unmap(pirq), 0);
	TEST_REFUSED(unmap(pirq));
	TEST_REFUSED(bind(pirq, on_clock));
	count = 0;
}

static void levels(unsigned int devfn)
{
	int gsi = (int)(config_read(devfn, LINE) & 0xff);
	struct physdev_setup_gsi setup;
	long pirq = map_gsi(gsi), port, again;

	TEST_RESULT(pirq, gsi);
	memset(&setup, 0, sizeof(setup));
	setup.gsi = gsi;
	setup.triggering = 1; /* level, and high as the firmware's table says */
	(void)HYPERVISOR_physdev_op(PHYSDEVOP_setup_gsi, &setup);
	port = bind(pirq, on_device);
	TEST_ASSERT(port > 0, "bind: %ld", port);
	eoi(pirq);
	EXPECT(0);

	serves = 0;
	edu[EDU_RAISE] = 1;
	EXPECT_FROM(1, 100); /* asserted all the time */
	eoi(pirq);	     /* not served: it comes again */
	EXPECT_FROM(1, 100);
	edu[EDU_ACK] = 1;
	clock_spin(20 * MILLISECOND);
	count = 0;
	eoi(pirq);
	EXPECT(0);
	serves = 1;
	for (again = 0; again < 3; again++) {
		edu[EDU_RAISE] = 2;
		EXPECT(1);
		eoi(pirq);
	}
	/* Without a port nobody hears it; it is asserted when one is there. */
	TEST_RESULT(event_close((unsigned int)port), 0);
	edu[EDU_RAISE] = 4;
	EXPECT(0);
	port = bind(pirq, on_device);
	TEST_ASSERT(port > 0, "bind: %ld", port);
	EXPECT(1);
	eoi(pirq);
	TEST_RESULT(event_close((unsigned int)port), 0);
	TEST_RESULT(unmap(pirq), 0);
}

static void messages(unsigned int devfn)
{
	unsigned int at = find_capability(devfn, MSI);
	long pirq = map_message(devfn, 0), port;

	TEST_ASSERT(pirq > 0, "map: %ld", pirq);
	port = bind(pirq, on_device);
	TEST_ASSERT(port > 0, "bind: %ld", port);
	config_control(devfn, at, 1U << 16, 0);
	EXPECT(0);
	edu[EDU_RAISE] = 1;
	EXPECT(1);
	edu[EDU_RAISE] = 1;
	eoi(pirq); /* as Linux does where it is told to; nothing here */
	EXPECT(1);
	TEST_RESULT(event_close((unsigned int)port), 0);
	config_control(devfn, at, 0, 1U << 16);
	TEST_RESULT(unmap(pirq), 0);
	TEST_REFUSED(map_message(0xf8, 0));
}

static void table_messages(unsigned int devfn)
{
	volatile uint32_t *nic = map_range(devfn, 0, 0, 4 * PAGE_SIZE);
	unsigned int at = find_capability(devfn, MSIX);
	uint32_t where = config_read(devfn, at + 4);
	uint32_t base = config_read(devfn, 0x10 + 4 * (where & 7)) & ~15U;
	long pirq = map_message(devfn, base), port;

	TEST_ASSERT(pirq > 0, "map: %ld", pirq);
	port = bind(pirq, on_device);
	TEST_ASSERT(port > 0, "bind: %ld", port);
	config_control(devfn, at, 1U << 31, 1U << 30);
	nic[NIC_IVAR] = NIC_VALID;
	nic[NIC_IMS] = NIC_CAUSE;
	EXPECT(0);
	nic[NIC_ICS] = NIC_CAUSE;
	EXPECT(1);
	nic[NIC_ICR] = ~0U;
	nic[NIC_ICS] = NIC_CAUSE;
	EXPECT(1);
	TEST_RESULT(event_close((unsigned int)port), 0);
	TEST_RESULT(unmap(pirq), 0);
}

void test_main(void)
{
	struct physdev_set_iopl set;
	unsigned int devfn, nic;

	set.iopl = 1;
	TEST_RESULT(HYPERVISOR_physdev_op(PHYSDEVOP_set_iopl, &set), 0);
	events_on();
	edges();
	devfn = find_function(EDU_ID);
	nic = find_function(NIC_ID);
	announce(devfn);
	announce(nic);
	edu = map_range(devfn, 0, 0, 0);
	levels(devfn);
	messages(devfn);
	serves = 0;
	table_messages(nic);
	test_pass();
}
