/* SPDX-License-Identifier: MIT */
/*
 * platform_op: the machine as a whole, for domain 0: its clock, its CPUs, its
 * sleep; and what the firmware has told. What it has not told us is answered
 * as on a machine without the thing.
 *
 * Power management of CPUs (frequencies, idle states, hotplug, parking) is not
 * done by us, nor by domain 0 through us: those operations are unknown.
 */
#include "arch.h"
#include "control/control.h"
#include "frame/frame.h"
#include "lib/string.h"
#include "log/log.h"
#include "sched/sched.h"
#include "time/time.h"
#include "trap/trap.h"

#define NS_PER_S 1000000000UL
#define SECS_MAX (1UL << 34) /* in nanoseconds that is 64 bits */
#define SLEEP_S5 5

/* ---- the clock ---- */

static int settime(uint64_t secs, uint32_t nsecs, uint64_t system_ns)
{
	struct domain *d = NULL;
	uint64_t ns = secs * NS_PER_S + nsecs;

	if (secs >= SECS_MAX || nsecs >= NS_PER_S || ns < system_ns)
		return -EINVAL;
	time_set_wallclock(ns, system_ns);
	while ((d = domain_next(d ? d->id : -1)) != NULL)
		time_update_wallclock(d);
	return 0;
}

static int settime64(const struct xenpf_settime64 *t)
{
	return t->mbz ? -EINVAL : settime(t->secs, t->nsecs, t->system_time);
}

/* ---- CPUs ---- */

static int cpu_info(struct xenpf_pcpuinfo *c)
{
	uint32_t cpu = c->xen_cpuid;

	*c = (struct xenpf_pcpuinfo){
		.xen_cpuid = cpu,
		.max_present = arch_nr_cpus() - 1,
		.flags = XEN_PCPU_FLAGS_INVALID,
	};
	if (cpu < arch_nr_cpus()) {
		c->flags = XEN_PCPU_FLAGS_ONLINE;
		c->apic_id = arch_apic_id(cpu);
		c->acpi_id = arch_acpi_id(cpu);
	}
	return 0;
}

/* What all of them are: they are of one make. */
static struct xenpf_pcpu_version version(void)
{
	struct xenpf_pcpu_version c = { 0 };
	uint32_t leaf[4];

	trap_host_leaf(0, 0, leaf);
	memcpy(c.vendor_id, &leaf[1], 4);
	memcpy(c.vendor_id + 4, &leaf[3], 4);
	memcpy(c.vendor_id + 8, &leaf[2], 4);
	trap_host_leaf(1, 0, leaf);
	c.family = leaf[0] >> 8 & 0xf;
	c.model = leaf[0] >> 4 & 0xf;
	c.stepping = leaf[0] & 0xf;
	if (c.family == 0xf || c.family == 6)
		c.model |= leaf[0] >> 12 & 0xf0;
	if (c.family == 0xf)
		c.family += leaf[0] >> 20 & 0xff;
	return c;
}

static int cpu_version(struct xenpf_pcpu_version *c)
{
	uint32_t cpu = c->xen_cpuid;

	*c = (struct xenpf_pcpu_version){ 0 };
	if (cpu < arch_nr_cpus())
		*c = version();
	c->xen_cpuid = cpu;
	c->max_present = arch_nr_cpus() - 1;
	return 0;
}

#define MCG_CAP 0x179

static int mc_cpu_put(uint64_t va, unsigned int cpu)
{
	struct xenpf_pcpu_version make = version();
	struct xen_sysctl_cputopo place = control_cpu_place(cpu);
	struct mcinfo_logical_cpu c = {
		.mc_cpunr = cpu,
		.mc_chipid = place.socket,
		.mc_coreid = (uint16_t)place.core,
		.mc_apicid = arch_apic_id(cpu),
		.mc_ncores = 1,
		.mc_ncores_active = 1,
		.mc_nthreads = 1,
		.mc_family = make.family,
		.mc_model = make.model,
		.mc_step = make.stepping,
		.mc_msrvalues[0].reg = MCG_CAP,
	};

	memcpy(c.mc_vendorid, make.vendor_id, sizeof(make.vendor_id));
	c.mc_nmsrvals = !arch_msr_read(MCG_CAP, &c.mc_msrvalues[0].value);
	return guest_copy_to(va, &c, sizeof(c));
}

int control_mc_cpus(struct xen_mc_physcpuinfo *p)
{
	uint64_t va = (uint64_t)p->info.p;
	uint32_t n = MIN(p->ncpus, arch_nr_cpus());

	for (uint32_t i = 0; va && i < n; i++)
		if (mc_cpu_put(va + i * sizeof(xen_mc_logical_cpu_t), i))
			return -EFAULT;
	p->ncpus = va ? n : arch_nr_cpus();
	return 0;
}

/* They are on from boot to the end. */
static int cpu_switch(const struct xenpf_cpu_ol *c, bool on)
{
	if (c->cpuid >= arch_nr_cpus())
		return -EINVAL;
	return on ? 0 : -EOPNOTSUPP;
}

/* For the CPUs of a bitmap, in which those stay that there are. */
int control_idle_times(struct xenpf_getidletime *t)
{
	uint32_t n = MIN(t->cpumap_nr_cpus, arch_nr_cpus());
	struct xenctl_bitmap map = { .nr_bits = t->cpumap_nr_cpus };
	uint64_t bits = 0, ns;

	if (guest_copy_from(&bits, (uint64_t)t->cpumap_bitmap.p, (n + 7) / 8))
		return -EFAULT;
	bits &= n < 64 ? (1UL << n) - 1 : ~0UL;
	for (uint32_t i = 0; i < n; i++) {
		ns = sched_idle_ns(i);
		if ((bits >> i & 1) &&
		    guest_copy_to((uint64_t)t->idletime.p + i * sizeof(ns), &ns,
				  sizeof(ns)))
			return -EFAULT;
	}
	t->now = time_now_ns();
	map.bitmap.p = t->cpumap_bitmap.p;
	return control_bitmap_put(&map, bits);
}

/* ---- firmware ---- */

static int efi_vendor(const struct efi_info *e, union xenpf_efi_info *out)
{
	uint32_t room = MIN(out->vendor.bufsz, (uint32_t)sizeof(e->vendor));

	out->vendor.revision = e->vendor_revision;
	return guest_copy_to((uint64_t)out->vendor.name.p, e->vendor, room);
}

/* Where a kernel finds the firmware's tables. Its services are not offered. */
static int efi(const struct efi_info *e, struct xenpf_firmware_info *f)
{
	union xenpf_efi_info *out = &f->u.efi_info;

	if (!e->tables)
		return -ENOSYS;
	switch (f->index) {
	case XEN_FW_EFI_VERSION:
		out->version = e->revision;
		return 0;
	case XEN_FW_EFI_RT_VERSION:
		out->version = e->runtime_revision;
		return 0;
	case XEN_FW_EFI_CONFIG_TABLE:
		out->cfg.addr = e->tables;
		out->cfg.nent = e->nr_tables;
		return 0;
	case XEN_FW_EFI_VENDOR:
		return efi_vendor(e, out);
	default:
		return -EINVAL;
	}
}

static int firmware(struct xenpf_firmware_info *f)
{
	switch (f->type) {
	case XEN_FW_DISK_INFO:
	case XEN_FW_DISK_MBR_SIGNATURE:
	case XEN_FW_VBEDDC_INFO:
	case XEN_FW_KBD_SHIFT_FLAGS:
		return -ESRCH; /* only its real-mode calls would tell */
	case XEN_FW_EFI_INFO:
		return efi(arch_efi(), f);
	default:
		return -EINVAL;
	}
}

/*
 * Domain 0 knows from AML what each of the two registers wants to be told. It
 * has stopped everything: its poweroff is the machine's (boot/guests.c).
 */
static int sleep(struct domain *d, const struct xenpf_enter_acpi_sleep *s)
{
	if (s->flags || s->sleep_state != SLEEP_S5) {
		log_warn("sleep state S%u%s: only S5, off, is possible",
			 s->sleep_state, s->flags ? " (extended)" : "");
		return -EOPNOTSUPP;
	}
	arch_machine_off_by(s->val_a, s->val_b);
	domain_shutdown(d, SHUTDOWN_poweroff);
	return 0;
}

int control_platform(struct domain *d, struct xen_platform_op *op)
{
	switch (op->cmd) {
	case XENPF_settime32:
		return settime(op->u.settime32.secs, op->u.settime32.nsecs,
			       op->u.settime32.system_time);
	case XENPF_settime64:
		return settime64(&op->u.settime64);
	case XENPF_get_cpuinfo:
		return cpu_info(&op->u.pcpu_info);
	case XENPF_get_cpu_version:
		return cpu_version(&op->u.pcpu_version);
	case XENPF_cpu_online:
		return cpu_switch(&op->u.cpu_ol, true);
	case XENPF_cpu_offline:
		return cpu_switch(&op->u.cpu_ol, false);
	case XENPF_firmware_info:
		return firmware(&op->u.firmware_info);
	case XENPF_enter_acpi_sleep:
		return sleep(d, &op->u.enter_acpi_sleep);
	default:
		return -ENOSYS;
	}
}
