/* SPDX-License-Identifier: MIT */
/*
 * xen_version(cmd, arg): who we are and what we can do. The version is that of
 * Debian's Xen, by which its tools choose the programs that go with it.
 *
 * XENVER_version comes first: guests use it as the hypercall that does
 * nothing, to have pending events delivered.
 */
#include "argument.h"
#include "call/call.h"
#include "frame/frame.h"
#include "lib/printf.h"
#include "lib/string.h"

#define FEATURE(name) (1U << XENFEAT_##name)

static xen_commandline_t commandline;

/* Without the file's name, which QEMU puts first. */
void version_set_commandline(const char *text)
{
	bool name = false;
	size_t n = 0;

	while (text[n] && text[n] != ' ' && text[n] != '=')
		name |= text[n++] == '/';
	if (name && text[n] != '=')
		text += n + (text[n] == ' ');
	snprintf(commandline, sizeof(commandline), "%s", text);
}

/* Fields of the interface that hold text: always copied whole. */
static const xen_extraversion_t extraversion = ".0-lodge";
static const xen_capabilities_info_t capabilities =
	"xen-3.0-x86_64 xen-3.0-x86_32p ";
static const xen_changeset_info_t changeset = "lodge";
static const xen_commandline_t denied = "<denied>";

static long compile_info(uint64_t arg)
{
	static const struct xen_compile_info info = {
		.compiler = "gcc " __VERSION__,
		.compile_by = "lodge",
		.compile_domain = "lodge",
		.compile_date = "reproducible",
	};

	return guest_copy_to(arg, &info, sizeof(info));
}

/*
 * Features of submap 0. What is not here a guest does not try: page tables
 * and descriptor tables stay read-only to it, and it translates its own
 * frame numbers.
 */
static const uint32_t features_of_width[] = {
	[WIDTH_64] = 0,
	[WIDTH_32] =
		FEATURE(pae_pgdir_above_4gb), /* its root may be anywhere */
};

static uint32_t features(const struct domain *d)
{
	uint32_t f = FEATURE(mmu_pt_update_preserve_ad) |
		     FEATURE(highmem_assist) | FEATURE(direct_mapped) |
		     FEATURE(gnttab_map_avail_bits); /* Linux insists */

	f |= features_of_width[d->width];
	if (d->mm.vm_assist >> VMASST_TYPE_pae_extended_cr3 & 1)
		f |= FEATURE(pae_pgdir_above_4gb);
	if (d->privileged && d->id == 0)
		f |= FEATURE(dom0);
	return f;
}

static long get_features(const struct domain *d, uint64_t arg)
{
	struct xen_feature_info info;

	if (guest_copy_from(&info, arg, sizeof(info)))
		return -EFAULT;
	if (info.submap_idx >= XENFEAT_NR_SUBMAPS)
		return -EINVAL;
	info.submap = features(d);
	return guest_copy_to(arg, &info, sizeof(info));
}

static long platform_parameters(const struct vcpu *v, uint64_t arg)
{
	static const struct xen_platform_parameters p[] = {
		[WIDTH_64] = { .virt_start = ABI_HV_START },
		[WIDTH_32] = { .virt_start = ABI_HV32_START },
	};

	return arg_write_platform_parameters(v, arg, &p[v->domain->width]);
}

long hc_xen_version(struct vcpu *v, struct call_args *args)
{
	const struct domain *d = v->domain;
	uint64_t arg = args->a[1];

	if (likely((uint32_t)args->a[0] == XENVER_version))
		return ABI_VERSION_MAJOR << 16 | ABI_VERSION_MINOR;
	switch ((uint32_t)args->a[0]) {
	case XENVER_extraversion:
		return guest_copy_to(arg, extraversion, sizeof(extraversion));
	case XENVER_compile_info:
		return compile_info(arg);
	case XENVER_capabilities:
		return guest_copy_to(arg, capabilities, sizeof(capabilities));
	case XENVER_changeset:
		return guest_copy_to(arg, changeset, sizeof(changeset));
	case XENVER_platform_parameters:
		return platform_parameters(v, arg);
	case XENVER_get_features:
		return get_features(d, arg);
	case XENVER_pagesize:
		return PAGE_SIZE;
	case XENVER_guest_handle:
		return guest_copy_to(arg, d->handle, sizeof(d->handle));
	case XENVER_commandline:
		if (!d->privileged)
			return guest_copy_to(arg, denied, sizeof(denied));
		return guest_copy_to(arg, commandline, sizeof(commandline));
	case XENVER_build_id:
		return -ENODATA;
	default:
		return -ENOSYS;
	}
}
