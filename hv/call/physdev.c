/* SPDX-License-Identifier: MIT */
/*
 * physdev_op: what a guest asks of the machine's interrupts and devices, and
 * the virtual privilege to use ports. Decoders: the work is in irq/ and trap/.
 *
 * Each operation copies one structure in and, if it answers, out. A number
 * that cannot be copied out is the guest's own loss: what was mapped stays
 * mapped, and is found again by mapping it once more.
 */
#include "argument.h"
#include "call/call.h"
#include "frame/frame.h"
#include "irq/irq.h"
#include "trap/trap.h"

union physdev {
	struct physdev_eoi eoi;
	struct physdev_pirq_eoi_gmfn eoi_page;
	struct physdev_irq_status_query status;
	struct physdev_set_iopl iopl;
	struct physdev_set_iobitmap iobitmap;
	struct physdev_apic apic;
	struct physdev_irq irq;
	struct physdev_map_pirq map;
	struct physdev_unmap_pirq unmap;
	struct physdev_setup_gsi gsi;
	struct physdev_get_free_pirq free;
	struct physdev_manage_pci bus;
	struct physdev_manage_pci_ext bus_ext;
	struct physdev_pci_device pci;
	struct physdev_pci_device_add pci_add;
	struct physdev_pci_mmcfg_reserved mmcfg;
	struct physdev_dbgp_op debug;
};
/* All that name a function begin alike. */
_Static_assert(offsetof(struct physdev_manage_pci_ext, devfn) ==
		       offsetof(struct physdev_manage_pci, devfn),
	       "");
_Static_assert(offsetof(struct physdev_pci_device_add, devfn) ==
		       offsetof(struct physdev_pci_device, devfn),
	       "");

static long set_iopl(struct vcpu *v, union physdev *a)
{
	return trap_iopl_set(v, a->iopl.iopl);
}

static long set_iobitmap(struct vcpu *v, union physdev *a)
{
	return trap_port_bitmap_set(v, (uint64_t)a->iobitmap.bitmap.p,
				    a->iobitmap.nr_ports);
}

static long eoi(struct vcpu *v, union physdev *a)
{
	return irq_eoi(v->domain, a->eoi.irq);
}

static long eoi_page(struct vcpu *v, union physdev *a)
{
	return irq_eoi_page(v->domain, guest_mfn(a->eoi_page.gmfn), false);
}

static long eoi_page_v1(struct vcpu *v, union physdev *a)
{
	return irq_eoi_page(v->domain, guest_mfn(a->eoi_page.gmfn), true);
}

static long status_query(struct vcpu *v, union physdev *a)
{
	return irq_status(v->domain, a->status.irq, &a->status.flags);
}

/* The low word of an input, of which only the wiring is the guest's to say. */
#define INPUT_LOW   (1U << 13)
#define INPUT_LEVEL (1U << 15)

static long apic_read(struct vcpu *v, union physdev *a)
{
	uint32_t gsi;

	(void)v;
	return arch_ioapic_read(a->apic.apic_physbase, a->apic.reg,
				&a->apic.value, &gsi);
}

static long apic_write(struct vcpu *v, union physdev *a)
{
	struct gsi_wiring w = { .level = a->apic.value & INPUT_LEVEL,
				.low = a->apic.value & INPUT_LOW };
	uint32_t value, gsi;
	int rc = arch_ioapic_read(a->apic.apic_physbase, a->apic.reg, &value,
				  &gsi);

	(void)v;
	if (!rc && gsi != ARCH_NO_GSI)
		(void)!irq_gsi_setup(gsi, &w); /* the first word stands */
	return rc;
}

/* The caller's own, or, if it is privileged, another domain's. */
static long map_gsi(struct vcpu *v, struct domain *d, int gsi, int *pirq)
{
	if (gsi < 0)
		return -EINVAL;
	if (!domain_may_use(v->domain, &v->domain->access.irqs, (uint32_t)gsi,
			    (uint32_t)gsi))
		return -EPERM;
	return irq_map_gsi(d, (uint32_t)gsi, pirq);
}

/* The older way to map a GSI, under its own number. */
static long alloc_vector(struct vcpu *v, union physdev *a)
{
	int pirq = (int)a->irq.irq;
	long rc = map_gsi(v, v->domain, pirq, &pirq);

	a->irq.vector = a->irq.irq;
	return rc;
}

#define MESSAGES_MAX 32

/* Segments beyond the first are not within reach of the ports that we use. */
static int function_of(uint32_t segment, uint32_t bus, uint32_t devfn,
		       uint16_t *function)
{
	if (segment || bus > 0xff || devfn > 0xff)
		return -ENODEV;
	*function = (uint16_t)(bus << 8 | devfn);
	return irq_function_exists(*function) ? 0 : -ENODEV;
}

static long map_messages(struct vcpu *v, struct domain *d,
			 struct physdev_map_pirq *map)
{
	bool several = map->type == MAP_PIRQ_TYPE_MULTI_MSI;
	bool plain = map->type == MAP_PIRQ_TYPE_MSI;
	struct irq_message m = {
		.n = several ? (uint32_t)map->entry_nr : 1,
		.entry = (uint32_t)map->entry_nr,
		.table = map->table_base,
	};
	uint32_t bus = (uint32_t)map->bus;
	int rc;

	if (!v->domain->privileged)
		return -EPERM;
	if (m.n == 0 || m.n > MESSAGES_MAX)
		return -EDOM;
	if (several && m.table)
		return -EINVAL;
	rc = function_of(plain ? 0 : bus >> 16, plain ? bus : bus & 0xffff,
			 (uint32_t)map->devfn, &m.function);
	return rc ? rc : irq_map_message(v->domain, d, &m, &map->pirq);
}

static long map_pirq(struct vcpu *v, union physdev *a)
{
	struct domain *d;
	int rc;

	d = domain_from_arg(v, a->map.domid, &rc);
	if (!d)
		return rc;
	switch (a->map.type) {
	case MAP_PIRQ_TYPE_GSI:
		return map_gsi(v, d, a->map.index, &a->map.pirq);
	case MAP_PIRQ_TYPE_MSI:
	case MAP_PIRQ_TYPE_MSI_SEG:
	case MAP_PIRQ_TYPE_MULTI_MSI:
		return map_messages(v, d, &a->map);
	default:
		return -EINVAL;
	}
}

static long unmap_pirq(struct vcpu *v, union physdev *a)
{
	struct domain *d;
	int rc;

	d = domain_from_arg(v, a->unmap.domid, &rc);
	return d ? irq_unmap(d, (uint32_t)a->unmap.pirq) : rc;
}

static long setup_gsi(struct vcpu *v, union physdev *a)
{
	struct gsi_wiring w = { .level = a->gsi.triggering,
				.low = a->gsi.polarity };

	(void)v;
	return irq_gsi_setup((uint32_t)a->gsi.gsi, &w);
}

static long free_pirq(struct vcpu *v, union physdev *a)
{
	if (a->free.type != MAP_PIRQ_TYPE_GSI &&
	    a->free.type != MAP_PIRQ_TYPE_MSI)
		return -EINVAL;
	return irq_promise(v->domain, a->free.type == MAP_PIRQ_TYPE_GSI,
			   &a->free.pirq);
}

/* ---- PCI functions: we keep nothing of them but their messages ---- */

static long function_known(struct vcpu *v, union physdev *a)
{
	uint16_t function;

	(void)v;
	return function_of(0, a->bus.bus, a->bus.devfn, &function);
}

static long function_known_seg(struct vcpu *v, union physdev *a)
{
	uint16_t function;

	(void)v;
	return function_of(a->pci.seg, a->pci.bus, a->pci.devfn, &function);
}

/* It may be gone by the time we are told. */
static long function_removed(struct vcpu *v, union physdev *a)
{
	(void)v;
	(void)a;
	return 0;
}

static long restore(uint32_t segment, uint32_t bus, uint32_t devfn)
{
	uint16_t function;
	int rc = function_of(segment, bus, devfn, &function);

	if (!rc)
		irq_msi_restore(function);
	return rc;
}

static long restore_msi(struct vcpu *v, union physdev *a)
{
	(void)v;
	return restore(0, a->bus.bus, a->bus.devfn);
}

static long restore_msi_ext(struct vcpu *v, union physdev *a)
{
	(void)v;
	return restore(a->pci.seg, a->pci.bus, a->pci.devfn);
}

/* Where its table is, we look up with each mapping. */
static long msix_announced(struct vcpu *v, union physdev *a)
{
	uint16_t function;
	int rc = function_of(a->pci.seg, a->pci.bus, a->pci.devfn, &function);

	(void)v;
	if (!rc && !irq_function_has_msix(function))
		rc = -ENODEV;
	return rc;
}

/* We use the ports, and no memory-mapped configuration space. */
static long mmcfg_reserved(struct vcpu *v, union physdev *a)
{
	(void)v;
	return a->mmcfg.start_bus > a->mmcfg.end_bus ? -EINVAL : 0;
}

/* No debug port is ours, so none needs us to let go of it. */
static long debug_port(struct vcpu *v, union physdev *a)
{
	(void)v;
	return a->debug.op == PHYSDEVOP_DBGP_RESET_PREPARE ||
			       a->debug.op == PHYSDEVOP_DBGP_RESET_DONE
		       ? 0
		       : -EINVAL;
}

enum { PRIVILEGED = 1, ANSWERS = 2 };

static const struct op {
	long (*fn)(struct vcpu *v, union physdev *a);
	uint8_t bytes, flags;
	uint8_t layout; /* beyond NO_LAYOUT: enum arg, if widths differ */
} ops[] = {
#define NO_LAYOUT     0
#define LAYOUT_OF(id) (ARG_##id + 1)
#define OP(fn, type, flags)                                 \
	{                                                   \
		fn, sizeof(struct physdev_##type), flags, 0 \
	}
#define OP_BY_WIDTH(fn, id, flags)          \
	{                                   \
		fn, 0, flags, LAYOUT_OF(id) \
	}
	[PHYSDEVOP_irq_status_query] =
		OP(status_query, irq_status_query, ANSWERS),
	[PHYSDEVOP_set_iopl] = OP(set_iopl, set_iopl, 0),
	[PHYSDEVOP_set_iobitmap] = OP_BY_WIDTH(set_iobitmap, set_iobitmap, 0),
	[PHYSDEVOP_apic_read] =
		OP_BY_WIDTH(apic_read, physdev_apic, PRIVILEGED | ANSWERS),
	[PHYSDEVOP_apic_write] =
		OP_BY_WIDTH(apic_write, physdev_apic, PRIVILEGED),
	[PHYSDEVOP_alloc_irq_vector] =
		OP(alloc_vector, irq, PRIVILEGED | ANSWERS),
	[PHYSDEVOP_eoi] = OP(eoi, eoi, 0),
	[PHYSDEVOP_map_pirq] = OP_BY_WIDTH(map_pirq, physdev_map_pirq, ANSWERS),
	[PHYSDEVOP_unmap_pirq] = OP(unmap_pirq, unmap_pirq, 0),
	[PHYSDEVOP_pirq_eoi_gmfn_v1] =
		OP_BY_WIDTH(eoi_page_v1, frame_number, 0),
	[PHYSDEVOP_pirq_eoi_gmfn_v2] = OP_BY_WIDTH(eoi_page, frame_number, 0),
	[PHYSDEVOP_setup_gsi] = OP(setup_gsi, setup_gsi, PRIVILEGED),
	[PHYSDEVOP_get_free_pirq] = OP(free_pirq, get_free_pirq, ANSWERS),
	[PHYSDEVOP_manage_pci_add] = OP(function_known, manage_pci, PRIVILEGED),
	[PHYSDEVOP_manage_pci_remove] =
		OP(function_removed, manage_pci, PRIVILEGED),
	[PHYSDEVOP_restore_msi] = OP(restore_msi, restore_msi, PRIVILEGED),
	[PHYSDEVOP_manage_pci_add_ext] =
		OP(function_known, manage_pci_ext, PRIVILEGED),
	[PHYSDEVOP_pci_mmcfg_reserved] =
		OP(mmcfg_reserved, pci_mmcfg_reserved, PRIVILEGED),
	[PHYSDEVOP_pci_device_add] =
		OP(function_known_seg, pci_device_add, PRIVILEGED),
	[PHYSDEVOP_pci_device_remove] =
		OP(function_removed, pci_device, PRIVILEGED),
	[PHYSDEVOP_restore_msi_ext] =
		OP(restore_msi_ext, pci_device, PRIVILEGED),
	[PHYSDEVOP_dbgp_op] = OP(debug_port, dbgp_op, PRIVILEGED),
	[PHYSDEVOP_prepare_msix] = OP(msix_announced, pci_device, PRIVILEGED),
	[PHYSDEVOP_release_msix] = OP(msix_announced, pci_device, PRIVILEGED),
};
_Static_assert(sizeof(struct frame_number) ==
		       sizeof(struct physdev_pirq_eoi_gmfn),
	       "");

static int arg_in(struct vcpu *v, const struct op *op, union physdev *a,
		  uint64_t va)
{
	if (op->layout != NO_LAYOUT)
		return arg_read(v, (enum arg)(op->layout - 1), a, va);
	return guest_copy_from(a, va, op->bytes);
}

static int arg_out(struct vcpu *v, const struct op *op, const union physdev *a,
		   uint64_t va)
{
	if (op->layout != NO_LAYOUT)
		return arg_write(v, (enum arg)(op->layout - 1), va, a);
	return guest_copy_to(va, a, op->bytes);
}

/* physdev_op(cmd, arg) */
long hc_physdev_op(struct vcpu *v, struct call_args *args)
{
	const struct op *op;
	union physdev a;
	long rc;

	if (args->a[0] >= ARRAY_SIZE(ops) || !ops[args->a[0]].fn)
		return -ENOSYS;
	op = &ops[args->a[0]];
	if ((op->flags & PRIVILEGED) && !v->domain->privileged)
		return -EPERM;
	if (arg_in(v, op, &a, args->a[1]))
		return -EFAULT;
	rc = op->fn(v, &a);
	if (!rc && (op->flags & ANSWERS) && arg_out(v, op, &a, args->a[1]))
		return -EFAULT;
	return rc;
}
