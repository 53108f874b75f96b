/* SPDX-License-Identifier: MIT */
/*
 * platform_op and mca, as domain 0 calls them: its clock is everybody's, its
 * poweroff is the machine's, and it learns what CPUs there are. physdev_op's
 * decoders, which nobody else may use.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "call/call.h"
#include "event/event.h"
#include "host/host.h"
#include "irq/irq.h"
#include "log/log.h"
#include "sched/sched.h"
#include "time/time.h"
#include "trap/trap.h"

#define CPUS	 4
#define ARG	 host_guest_va(0)
#define LIST	 host_guest_va(1)
#define FUNCTION 0x80001000U /* 00:02.0 */

static struct host_guest g;
static struct vcpu *v;
static struct domain *other;
static struct xen_platform_op op;

static int setup(void **state)
{
	(void)state;
	host_init(1024, CPUS);
	time_init();
	sched_init();
	irq_init();
	log_set_levels(LOG_ERROR, LOG_ERROR);
	host_guest_make(&g, 40, 1, true);
	v = g.d->vcpu[0];
	assert_int_equal(event_domain_init(g.d), 0);
	arch_access_give(g.d);
	host_vcpu_enter(v);
	trap_cpuid_prepare();
	other = host_domain_make(10, 2, false);
	memset(&op, 0, sizeof(op));
	host_copy_scrambles = false;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(host_locks_held(0), 0);
	irq_domain_exit(g.d);
	host_vcpu_enter(NULL);
	host_fini();
	return 0;
}

static void poke(uint64_t va, const void *p, size_t n)
{
	assert_int_equal(host_guest_write(va, p, n), 0);
}

static void peek(uint64_t va, void *p, size_t n)
{
	assert_int_equal(host_guest_read(va, p, n), 0);
}

static long platform(uint32_t cmd)
{
	struct call_args args = { .a = { ARG } };
	long rc;

	op.cmd = cmd;
	op.interface_version = XENPF_INTERFACE_VERSION;
	poke(ARG, &op, sizeof(op));
	rc = hc_platform_op(v, &args);
	peek(ARG, &op, sizeof(op));
	return rc;
}

static void who_may(void **state)
{
	struct call_args args = { .a = { ARG } };

	(void)state;
	assert_int_equal(platform(9999), -ENOSYS);
	op.interface_version++;
	poke(ARG, &op, sizeof(op));
	assert_int_equal(hc_platform_op(v, &args), -EACCES);
	args.a[0] = HOST_VA - PAGE_SIZE;
	assert_int_equal(hc_platform_op(v, &args), -EFAULT);
	g.d->privileged = false;
	assert_int_equal(platform(XENPF_get_cpuinfo), -EPERM);
	args.a[0] = ARG;
	assert_int_equal(hc_mca(v, &args), -EPERM);
	g.d->privileged = true;
	assert_int_equal(hc_mca(v, &args), -EACCES);
}

static void the_clock_is_everybodys(void **state)
{
	struct xenpf_settime64 *t = &op.u.settime64;
	uint32_t version = other->shared->wc_version;

	(void)state;
	*t = (struct xenpf_settime64){ 0x200000003, 7, 0, 2000000000 };
	assert_int_equal(platform(XENPF_settime64), 0);
	assert_int_equal(other->shared->wc_sec, 1);
	assert_int_equal(other->shared->wc_sec_hi, 2);
	assert_int_equal(other->shared->wc_nsec, 7);
	assert_int_equal(other->shared->wc_version % 2, 0);
	assert_int_not_equal(other->shared->wc_version, version);
	assert_int_equal(g.d->shared->wc_sec, 1);
	t->mbz = 1;
	assert_int_equal(platform(XENPF_settime64), -EINVAL);
	*t = (struct xenpf_settime64){ 5, 1000000000, 0, 0 };
	assert_int_equal(platform(XENPF_settime64), -EINVAL);
	*t = (struct xenpf_settime64){ 1UL << 34, 0, 0, 0 };
	assert_int_equal(platform(XENPF_settime64), -EINVAL);
	*t = (struct xenpf_settime64){ 5, 0, 0, 6000000000 };
	assert_int_equal(platform(XENPF_settime64), -EINVAL);
	assert_int_equal(other->shared->wc_sec, 1);
	op.u.settime32 = (struct xenpf_settime32){ 9, 8, 1000000000 };
	assert_int_equal(platform(XENPF_settime32), 0);
	assert_int_equal(other->shared->wc_sec, 8);
	assert_int_equal(other->shared->wc_sec_hi, 0);
	assert_int_equal(other->shared->wc_nsec, 8);
}

static void cpus(void **state)
{
	struct xenpf_pcpuinfo *c = &op.u.pcpu_info;
	struct xenpf_pcpu_version *m = &op.u.pcpu_version;
	uint8_t map[2] = { 0xff, 0xff };
	uint64_t idle[CPUS] = { 1, 1, 1, 1 };

	(void)state;
	c->xen_cpuid = 2;
	assert_int_equal(platform(XENPF_get_cpuinfo), 0);
	assert_int_equal(c->flags, XEN_PCPU_FLAGS_ONLINE);
	assert_int_equal(c->max_present, CPUS - 1);
	assert_int_equal(c->apic_id, arch_apic_id(2));
	assert_int_equal(c->acpi_id, arch_acpi_id(2));
	c->xen_cpuid = CPUS;
	assert_int_equal(platform(XENPF_get_cpuinfo), 0);
	assert_int_equal(c->flags, XEN_PCPU_FLAGS_INVALID);
	m->xen_cpuid = 1;
	assert_int_equal(platform(XENPF_get_cpu_version), 0);
	assert_memory_equal(m->vendor_id, "GenuineIntel", 12);
	assert_int_equal(m->family, 6);
	assert_int_equal(m->model, 0x3c);
	assert_int_equal(m->stepping, 3);
	op.u.cpu_ol.cpuid = 1;
	assert_int_equal(platform(XENPF_cpu_online), 0);
	assert_int_equal(platform(XENPF_cpu_offline), -EOPNOTSUPP);
	op.u.cpu_ol.cpuid = CPUS;
	assert_int_equal(platform(XENPF_cpu_online), -EINVAL);
	poke(LIST, map, sizeof(map));
	poke(LIST + 64, idle, sizeof(idle));
	op.u.getidletime = (struct xenpf_getidletime){ .cpumap_nr_cpus = 10 };
	op.u.getidletime.cpumap_bitmap.p = (uint8_t *)LIST;
	op.u.getidletime.idletime.p = (uint64_t *)(LIST + 64);
	host_clock_advance(5000000);
	assert_int_equal(platform(XENPF_getidletime), 0);
	peek(LIST, map, sizeof(map));
	peek(LIST + 64, idle, sizeof(idle));
	assert_int_equal(map[0], 0xf);
	assert_int_equal(map[1], 0);
	for (unsigned int i = 0; i < CPUS; i++)
		assert_int_equal(idle[i], sched_idle_ns(i));
	assert_true(op.u.getidletime.now >= 4000000);
	op.u.getidletime.idletime.p = (uint64_t *)(HOST_VA - 8);
	assert_int_equal(platform(XENPF_getidletime), -EFAULT);
}

static void firmware_and_sleep(void **state)
{
	static const int answers[] = {
		[XEN_FW_DISK_INFO] = -ESRCH,
		[XEN_FW_DISK_MBR_SIGNATURE] = -ESRCH,
		[XEN_FW_VBEDDC_INFO] = -ESRCH,
		[XEN_FW_EFI_INFO] = -ENOSYS,
		[XEN_FW_KBD_SHIFT_FLAGS] = -ESRCH,
		[XEN_FW_KBD_SHIFT_FLAGS + 1] = -EINVAL,
	};
	struct xenpf_enter_acpi_sleep *s = &op.u.enter_acpi_sleep;

	(void)state;
	for (uint32_t i = 1; i < ARRAY_SIZE(answers); i++) {
		op.u.firmware_info.type = i;
		assert_int_equal(platform(XENPF_firmware_info), answers[i]);
	}
	*s = (struct xenpf_enter_acpi_sleep){ 0x1400, 0x400, 3, 0 };
	assert_int_equal(platform(XENPF_enter_acpi_sleep), -EOPNOTSUPP);
	*s = (struct xenpf_enter_acpi_sleep){ 0x1400, 0x400, 5, 1 };
	assert_int_equal(platform(XENPF_enter_acpi_sleep), -EOPNOTSUPP);
	assert_int_equal(g.d->state.v, DOMAIN_ALIVE);
	*s = (struct xenpf_enter_acpi_sleep){ 0x1400, 0x400, 5, 0 };
	assert_int_equal(platform(XENPF_enter_acpi_sleep), 0);
	assert_int_equal(g.d->state.v, DOMAIN_SHUTDOWN);
	assert_int_equal(g.d->shutdown_code.v, SHUTDOWN_poweroff);
	assert_int_equal(host_off_by[0], 0x1400);
	assert_int_equal(host_off_by[1], 0x400);
}

/* Of UEFI firmware: where its tables are, and who made it. */
static void firmware_efi(void **state)
{
	static const uint16_t maker[] = { 'E', 'D', 'K', 0 };
	union xenpf_efi_info *out = &op.u.firmware_info.u.efi_info;

	(void)state;
	host_efi = (struct efi_info){ .tables = 0x7f000000,
				      .nr_tables = 9,
				      .revision = 0x2003c,
				      .runtime_revision = 0x20046,
				      .vendor_revision = 0x10000 };
	memcpy(host_efi.vendor, maker, sizeof(maker));
	op.u.firmware_info.type = XEN_FW_EFI_INFO;
	op.u.firmware_info.index = XEN_FW_EFI_CONFIG_TABLE;
	assert_int_equal(platform(XENPF_firmware_info), 0);
	assert_int_equal(out->cfg.addr, 0x7f000000);
	assert_int_equal(out->cfg.nent, 9);
	op.u.firmware_info.index = XEN_FW_EFI_VERSION;
	assert_int_equal(platform(XENPF_firmware_info), 0);
	assert_int_equal(out->version, 0x2003c);
	op.u.firmware_info.index = XEN_FW_EFI_RT_VERSION;
	assert_int_equal(platform(XENPF_firmware_info), 0);
	assert_int_equal(out->version, 0x20046);
	op.u.firmware_info.index = XEN_FW_EFI_VENDOR;
	out->vendor.bufsz = 6;
	out->vendor.name.p = NULL;
	assert_int_equal(platform(XENPF_firmware_info), -EFAULT);
	op.u.firmware_info.index = XEN_FW_EFI_PCI_ROM;
	assert_int_equal(platform(XENPF_firmware_info), -EINVAL);
	host_efi = (struct efi_info){ 0 };
}

static long mca(struct xen_mc *m, uint32_t cmd)
{
	struct call_args args = { .a = { ARG } };
	long rc;

	m->cmd = cmd;
	m->interface_version = XEN_MCA_INTERFACE_VERSION;
	poke(ARG, m, sizeof(*m));
	rc = hc_mca(v, &args);
	peek(ARG, m, sizeof(*m));
	return rc;
}

static void no_machine_checks(void **state)
{
	struct mcinfo_logical_cpu cpu;
	struct xen_mc m = { 0 };

	(void)state;
	assert_int_equal(mca(&m, XEN_MC_physcpuinfo), 0);
	assert_int_equal(m.u.mc_physcpuinfo.ncpus, CPUS);
	m.u.mc_physcpuinfo.ncpus = 100;
	m.u.mc_physcpuinfo.info.p = (xen_mc_logical_cpu_t *)LIST;
	assert_int_equal(mca(&m, XEN_MC_physcpuinfo), 0);
	assert_int_equal(m.u.mc_physcpuinfo.ncpus, CPUS);
	peek(LIST + 3 * sizeof(cpu), &cpu, sizeof(cpu));
	assert_int_equal(cpu.mc_cpunr, 3);
	assert_int_equal(cpu.mc_apicid, arch_apic_id(3));
	assert_int_equal(cpu.mc_family, 6);
	m.u.mc_physcpuinfo.info.p = (xen_mc_logical_cpu_t *)(HOST_VA - 8);
	assert_int_equal(mca(&m, XEN_MC_physcpuinfo), -EFAULT);
	m.u.mc_fetch = (struct xen_mc_fetch){ .flags = XEN_MC_URGENT };
	assert_int_equal(mca(&m, XEN_MC_fetch), 0);
	assert_int_equal(m.u.mc_fetch.flags, XEN_MC_NODATA);
	m.u.mc_fetch.flags = XEN_MC_ACK;
	assert_int_equal(mca(&m, XEN_MC_fetch), 0);
	assert_int_equal(m.u.mc_fetch.flags, XEN_MC_OK);
	assert_int_equal(mca(&m, XEN_MC_mceinject), -ENOSYS);
}

static long physdev(uint32_t cmd, void *arg, size_t n)
{
	struct call_args args = { .a = { cmd, ARG } };
	long rc;

	poke(ARG, arg, n);
	rc = hc_physdev_op(v, &args);
	peek(ARG, arg, n);
	return rc;
}
#define PHYSDEV(cmd, arg) physdev(cmd, arg, sizeof(*(arg)))

static void lines_of_domain_0(void **state)
{
	struct physdev_map_pirq m = { .domid = DOMID_SELF,
				      .type = MAP_PIRQ_TYPE_GSI,
				      .index = 9,
				      .pirq = 9 };
	struct physdev_apic a = { .apic_physbase = 0xfec00000, .reg = 1 };
	struct physdev_setup_gsi s = { .gsi = 9, .triggering = 1 };
	struct physdev_irq irq = { .irq = 10 };
	struct physdev_unmap_pirq u = { DOMID_SELF, 9 };
	uint32_t port;

	(void)state;
	assert_int_equal(PHYSDEV(PHYSDEVOP_map_pirq, &m), 0);
	assert_int_equal(PHYSDEV(PHYSDEVOP_setup_gsi, &s), 0);
	assert_int_equal(PHYSDEV(PHYSDEVOP_setup_gsi, &s), -EEXIST);
	s.gsi = -1;
	assert_int_equal(PHYSDEV(PHYSDEVOP_setup_gsi, &s), -EINVAL);
	assert_int_equal(irq_bind(g.d, 9, &port), 0);
	assert_true(host_gsis[9].wiring.level);
	m.index = 0; /* the timer's */
	assert_int_equal(PHYSDEV(PHYSDEVOP_map_pirq, &m), -EPERM);
	m.index = -1;
	assert_int_equal(PHYSDEV(PHYSDEVOP_map_pirq, &m), -EINVAL);
	m.type = MAP_PIRQ_TYPE_UNKNOWN;
	assert_int_equal(PHYSDEV(PHYSDEVOP_map_pirq, &m), -EINVAL);
	m.domid = 77;
	assert_int_equal(PHYSDEV(PHYSDEVOP_map_pirq, &m), -ESRCH);
	assert_int_equal(PHYSDEV(PHYSDEVOP_unmap_pirq, &u), 0);
	assert_true(host_gsis[9].masked);
	assert_int_equal(PHYSDEV(PHYSDEVOP_unmap_pirq, &u), -EINVAL);
	assert_int_equal(PHYSDEV(PHYSDEVOP_apic_read, &a), 0);
	assert_int_equal(a.value >> 16, 23);
	a = (struct physdev_apic){ 0xfec00000, 0x10 + 2 * 11, 0xa000 };
	assert_int_equal(PHYSDEV(PHYSDEVOP_apic_write, &a), 0);
	irq.irq = 11;
	assert_int_equal(PHYSDEV(PHYSDEVOP_alloc_irq_vector, &irq), 0);
	assert_int_equal(irq_bind(g.d, 11, &port), 0);
	assert_true(host_gsis[11].wiring.level && host_gsis[11].wiring.low);
	a.apic_physbase++;
	assert_int_equal(PHYSDEV(PHYSDEVOP_apic_read, &a), -EINVAL);
	assert_int_equal(physdev(99, &a, sizeof(a)), -ENOSYS);
	g.d->privileged = false;
	assert_int_equal(PHYSDEV(PHYSDEVOP_apic_read, &a), -EPERM);
	m = (struct physdev_map_pirq){ .domid = other->id, .index = 12 };
	assert_int_equal(PHYSDEV(PHYSDEVOP_map_pirq, &m), -EPERM);
	m.domid = DOMID_SELF; /* type MSI */
	assert_int_equal(PHYSDEV(PHYSDEVOP_map_pirq, &m), -EPERM);
	g.d->privileged = true;
}

static void functions_of_domain_0(void **state)
{
	struct physdev_pci_device_add add = { .bus = 0, .devfn = 0x10 };
	struct physdev_pci_device pci = { .devfn = 0x10 };
	struct physdev_map_pirq m = { .domid = DOMID_SELF,
				      .type = MAP_PIRQ_TYPE_MSI_SEG,
				      .index = -1,
				      .pirq = -1,
				      .devfn = 0x10 };
	uint8_t *config = host_pci_add(FUNCTION);

	(void)state;
	memcpy(config, "\x34\x12\x78\x56\x02\x00\x10\x00", 8);
	config[0x34] = 0x40;
	config[0x40] = 0x05;
	config[0x42] = 0x02; /* two messages */
	assert_int_equal(PHYSDEV(PHYSDEVOP_pci_device_add, &add), 0);
	add.devfn = 0x18;
	assert_int_equal(PHYSDEV(PHYSDEVOP_pci_device_add, &add), -ENODEV);
	add.devfn = 0x10;
	add.seg = 1;
	assert_int_equal(PHYSDEV(PHYSDEVOP_pci_device_add, &add), -ENODEV);
	assert_int_equal(PHYSDEV(PHYSDEVOP_prepare_msix, &pci), -ENODEV);
	assert_int_equal(PHYSDEV(PHYSDEVOP_map_pirq, &m), 0);
	assert_int_equal(m.pirq, EVENT_NR_PIRQS - 1);
	config[0x44] = 0; /* reset */
	assert_int_equal(PHYSDEV(PHYSDEVOP_restore_msi_ext, &pci), 0);
	assert_int_equal(config[0x46], 0xe0);
	m.pirq = -1;
	assert_int_equal(PHYSDEV(PHYSDEVOP_map_pirq, &m), -EEXIST);
	m.bus = 1 << 16;
	assert_int_equal(PHYSDEV(PHYSDEVOP_map_pirq, &m), -ENODEV);
	m.bus = 0;
	m.type = MAP_PIRQ_TYPE_MULTI_MSI;
	assert_int_equal(PHYSDEV(PHYSDEVOP_map_pirq, &m), -EDOM);
	m.entry_nr = 33;
	assert_int_equal(PHYSDEV(PHYSDEVOP_map_pirq, &m), -EDOM);
	assert_int_equal(irq_unmap(g.d, EVENT_NR_PIRQS - 1), 0);
	m.entry_nr = 2;
	assert_int_equal(PHYSDEV(PHYSDEVOP_map_pirq, &m), 0);
	assert_int_equal(m.pirq, EVENT_NR_PIRQS - 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(who_may),
		TEST(the_clock_is_everybodys),
		TEST(cpus),
		TEST(firmware_and_sleep),
		TEST(firmware_efi),
		TEST(no_machine_checks),
		TEST(lines_of_domain_0),
		TEST(functions_of_domain_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
