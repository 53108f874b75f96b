/* SPDX-License-Identifier: MIT */
/*
 * A domain for control software: created with its limits and nothing else,
 * paused once. Its builder then gives it memory, page tables and a context by
 * other calls, and ends the pause.
 *
 * Whatever of the configuration cannot be had is refused here, with a line in
 * the log that names it: a tool's own message is seldom more than a number.
 */
#include "control/control.h"
#include "grant/grant.h"
#include "lib/string.h"
#include "lifecycle/lifecycle.h"
#include "log/log.h"
#include "sched/sched.h"

/* How the toolstack is to be told what it should have said instead. */
static int refuse(const char *what)
{
	log_warn("createdomain: %s", what);
	return -EINVAL;
}

/* Of s3_integrity and oos_off there is nothing to do without the hardware
 * that they are for. */
#define FLAGS_TAKEN                                             \
	(XEN_DOMCTL_CDF_s3_integrity | XEN_DOMCTL_CDF_oos_off | \
	 XEN_DOMCTL_CDF_xs_domain)

static int flags_check(const struct xen_domctl_createdomain *c)
{
	if (c->flags & (XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap))
		return refuse("no HVM and PVH here: only type=\"pv\"");
	if (c->flags & XEN_DOMCTL_CDF_iommu)
		return refuse("no IOMMU: only without passthrough=");
	if (c->flags & XEN_DOMCTL_CDF_vpmu)
		return refuse("no performance counters: only without vpmu=");
	if (c->flags & ~FLAGS_TAKEN)
		return refuse("flags that only HVM guests have");
	if (c->iommu_opts)
		return refuse("options of an IOMMU, and there is none");
	if (c->vmtrace_size)
		return refuse("no tracing: only without vmtrace_buf_kb=");
	if (c->arch.emulation_flags)
		return refuse("emulated devices, which PV guests do not have");
	if (c->arch.misc_flags & ~XEN_X86_MSR_RELAXED)
		return refuse("unknown misc_flags");
	return 0;
}

static int limits_check(const struct xen_domctl_createdomain *c,
			struct grant_limits *grants)
{
	uint32_t version = XEN_DOMCTL_GRANT_version(c->grant_opts);

	if (c->max_vcpus == 0 || c->max_vcpus > DOMAIN_MAX_VCPUS) {
		log_warn("createdomain: %u vcpus asked for: maxvcpus= may be "
			 "1 to %u",
			 c->max_vcpus, DOMAIN_MAX_VCPUS);
		return -EINVAL;
	}
	if (version == 0 || version > 2 ||
	    (c->grant_opts & ~(uint32_t)XEN_DOMCTL_GRANT_version_mask))
		return refuse("max_grant_version= may be 1 or 2");
	if (c->cpupool_id) {
		log_warn("createdomain: no pool %u: only pool=\"Pool-0\"",
			 c->cpupool_id);
		return -ESRCH;
	}
	return grant_limits_choose(c->max_grant_frames, c->max_maptrack_frames,
				   version, grants);
}

/* Ids go up, as long as there are any, so that one that just ended is not
 * taken for the next. Changed by one domctl at a time. */
static uint16_t last_id;

static int create_any(struct domain_config *c, struct domain **d)
{
	int rc;

	c->first_id = (uint16_t)(last_id + 1);
	c->last_id = DOMAIN_IDS - 1;
	rc = c->first_id < DOMAIN_IDS ? lifecycle_create(c, d) : -ENFILE;
	if (rc != -ENFILE)
		return rc;
	c->first_id = 1;
	return lifecycle_create(c, d);
}

static int create_chosen(struct domain_config *c, uint16_t id,
			 struct domain **d)
{
	int rc;

	if (id >= DOMAIN_IDS) {
		log_warn("createdomain: id %u asked for: domid= may be 1 to %u",
			 id, DOMAIN_IDS - 1);
		return -EINVAL;
	}
	c->first_id = c->last_id = id;
	rc = lifecycle_create(c, d);
	return rc == -ENFILE ? -EEXIST : rc;
}

static int create_as(struct domain_config *c, uint16_t id, uint8_t width,
		     struct domain **d)
{
	bool any = id == 0 || id >= DOMID_FIRST_RESERVED;
	int rc;

	c->width = width;
	rc = any ? create_any(c, d) : create_chosen(c, id, d);
	if (any && !rc)
		last_id = (*d)->id;
	return rc;
}

/*
 * Its width is chosen later: begun as a narrow one, it has its shared_info
 * where guests of either width can name it, if there is memory.
 */
static int create(struct domain_config *c, uint16_t id, struct domain **d)
{
	int rc = create_as(c, id, WIDTH_32, d);

	if (rc == -ENOMEM)
		rc = create_as(c, id, WIDTH_64, d);
	else if (!rc)
		rc = lifecycle_width_set(*d, WIDTH_64);
	if (rc == -ENOMEM)
		log_warn("createdomain: no memory for the structures of a "
			 "domain of %u vcpus: see dom0_mem=",
			 c->vcpus);
	return rc;
}

/* Its ports, one more than the highest; the tools' -1 is all. */
static uint32_t max_ports(uint32_t highest)
{
	return MIN(highest, (uint32_t)EVENT_PORTS_MAX - 1) + 1;
}

int control_create(struct xen_domctl *op)
{
	const struct xen_domctl_createdomain *c = &op->u.createdomain;
	struct domain_config config = {
		.name = "",
		.vcpus = c->max_vcpus,
		.weight = SCHED_WEIGHT_DEFAULT,
		.boot_index = LIFECYCLE_NO_INDEX,
		.max_ports = max_ports(c->max_evtchn_port),
		.stays = true,
		.is_xenstore = c->flags & XEN_DOMCTL_CDF_xs_domain,
	};
	struct domain *d;
	int rc = flags_check(c);

	if (!rc)
		rc = limits_check(c, &config.grants);
	memcpy(config.handle, c->handle, sizeof(config.handle));
	if (!rc)
		rc = create(&config, op->domain, &d);
	if (rc)
		return rc;
	d->msr_relaxed = c->arch.misc_flags & XEN_X86_MSR_RELAXED;
	op->domain = d->id;
	return sched_hold_domain(d);
}

/* They exist since it was created, as many as it was created for. */
int control_max_vcpus(struct domain *d, struct xen_domctl *op)
{
	return op->u.max_vcpus.max == d->max_vcpus ? 0 : -EINVAL;
}

/* Below what it has it gets no more until it has given that back. */
int control_max_mem(struct domain *d, struct xen_domctl *op)
{
	spin_lock(&d->frames.lock);
	d->frames.max_pages = op->u.max_mem.max_memkb >> (PAGE_SHIFT - 10);
	spin_unlock(&d->frames.lock);
	return 0;
}

static const uint8_t bits_of_width[] = { [WIDTH_64] = 64, [WIDTH_32] = 32 };

int control_set_address_size(struct domain *d, struct xen_domctl *op)
{
	for (size_t w = 0; w < ARRAY_SIZE(bits_of_width); w++)
		if (bits_of_width[w] == op->u.address_size.size)
			return w == d->width
				       ? 0
				       : lifecycle_width_set(d, (uint8_t)w);
	return -EINVAL;
}

int control_get_address_size(struct domain *d, struct xen_domctl *op)
{
	op->u.address_size.size = bits_of_width[d->width];
	return 0;
}
