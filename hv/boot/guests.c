/* SPDX-License-Identifier: MIT */
/*
 * Guests from boot modules. Nothing of it can be done by halves: a mistake in
 * a string, a kernel that is none, memory that is not there stop the boot
 * with one line, because a machine that runs only some of its guests would
 * be found out much later.
 *
 * Each guest may ask for a reboot at any time, so its kernel stays unpacked
 * and its ramdisk where the loader put it; domain 0's do not, since the
 * machine reboots with it.
 */
#include "boot/boot.h"
#include "boot/modules.h"
#include "frame/frame.h"
#include "grant/grant.h"
#include "lib/string.h"
#include "log/log.h"
#include "mm/mm.h"
#include "trap/trap.h"

#define DOM0_RESERVE_MAX  (128UL << (20 - PAGE_SHIFT)) /* pages */
#define DOM0_RESERVE_PART 16			       /* one part of so many */
/* Below 4 GiB, if not all memory is: what Linux bounces devices' data in. */
#define DOM0_LOW_PAGES (64UL << (20 - PAGE_SHIFT))
#define NAME_SHOWN     64

_Static_assert(BOOT_GUESTS_MAX <= LIFECYCLE_ENDS_MAX,
	       "each guest has a place for its end");

static struct {
	struct hv_options options;
	struct boot_plan plan;
	struct guest {
		unsigned int kernel, ramdisk; /* shared modules' numbers */
		uint64_t pages, max_pages;
		uint32_t vcpus;
	} guest[BOOT_GUESTS_MAX];
	unsigned int running; /* guests that did not end for good */
} boot;

static const char *name_of(unsigned int i)
{
	return boot.plan.guest[i].options.name;
}

/* ---- preparing ---- */

/* The strings lie in the loader's memory: keeps a copy of each for good. */
static int strings_keep(const struct boot_module *modules, unsigned int n,
			struct boot_module *kept, const char **strings)
{
	size_t bytes = 1;
	char *at;

	for (unsigned int i = 0; i < n; i++)
		if (modules[i].string)
			bytes += strlen(modules[i].string) + 1;
	at = frame_alloc_bytes(bytes);
	if (!at) {
		log_error("no memory for the strings of %u modules", n);
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < n; i++) {
		const char *s = modules[i].string ? modules[i].string : "";
		size_t length = strlen(s) + 1;

		kept[i] = modules[i];
		kept[i].string = strings[i] = modules[i].string ? at : "";
		if (modules[i].string)
			at = (char *)memcpy(at, s, length) + length;
	}
	return 0;
}

static int kernel_prepare(unsigned int i)
{
	const struct boot_guest *g = &boot.plan.guest[i];
	char file[NAME_SHOWN];
	struct image_error err = { "" };
	int rc = modules_kernel_get(g->kernel, &boot.guest[i].kernel, &err);

	modules_name(g->kernel, file, sizeof(file));
	if (rc) {
		log_error("guest %s: module %u (%s): %s", name_of(i), g->kernel,
			  file, err.text);
		return rc;
	}
	if (g->dom0 && !modules_kernel(boot.guest[i].kernel)->dom0_capable) {
		log_error("guest %s: module %u (%s): this kernel says that it "
			  "cannot be domain 0: expected domain=NAME",
			  name_of(i), g->kernel, file);
		return -EINVAL;
	}
	if (g->ramdisk != BOOT_NO_MODULE)
		boot.guest[i].ramdisk = modules_ramdisk_get(g->ramdisk);
	return 0;
}

int boot_guests_prepare(const struct boot_module *modules, unsigned int n,
			const struct hv_options *options)
{
	static struct boot_module kept[BOOT_MODULES_MAX];
	static const char *strings[BOOT_MODULES_MAX];
	struct option_error err;
	unsigned int known = MIN(n, BOOT_MODULES_MAX);
	int rc = strings_keep(modules, known, kept, strings);

	if (rc)
		return rc;
	memset(&boot, 0, sizeof(boot));
	boot.options = *options;
	grant_limits_set(options->grant_frames, options->maptrack_frames);
	modules_init(kept, known);
	rc = options_plan(strings, n, &boot.plan, &err);
	if (rc) {
		log_error("%s", err.text);
		return rc;
	}
	for (unsigned int i = 0; !rc && i < boot.plan.nr_guests; i++)
		rc = kernel_prepare(i);
	return rc;
}

/* ---- how much of what ---- */

/* Pages beside its memory that a guest takes: its structures, while it is
 * built a list of its memory in one piece, and companions of its roots. */
static uint64_t overhead(uint64_t pages, uint32_t vcpus, bool dom0)
{
	return 32 + 8 * (uint64_t)vcpus + pages / 256 +
	       (arch_separates_roots(dom0) ? mm_companion_pages(pages) : 0);
}

static uint64_t request_pages(const struct memory_request *m, uint64_t have)
{
	uint64_t pages = m->bytes >> PAGE_SHIFT;

	if (!m->all_but)
		return pages;
	return have > pages ? have - pages : 0;
}

/* Domain 0's memory, of `have` pages that the other guests do not need. */
static uint64_t dom0_pages(uint64_t have)
{
	const struct hv_options *o = &boot.options;
	uint64_t reserve = MIN(have / DOM0_RESERVE_PART, DOM0_RESERVE_MAX);
	uint64_t most = have - reserve, pages = most;

	if (o->dom0_mem.bytes)
		pages = request_pages(&o->dom0_mem, have);
	if (o->dom0_mem_min.bytes)
		pages = MAX(pages, request_pages(&o->dom0_mem_min, have));
	if (o->dom0_mem_max.bytes)
		pages = MIN(pages, request_pages(&o->dom0_mem_max, have));
	if (pages > most) {
		log_warn("dom0_mem: %lu MiB asked for, %lu MiB given",
			 pages >> 8, most >> 8);
		pages = most;
	}
	return pages;
}

static uint32_t dom0_vcpus(void)
{
	uint32_t n = MAX(boot.options.dom0_vcpus_min, 1U);

	if (boot.options.dom0_vcpus_max)
		n = boot.options.dom0_vcpus_max;
	return MIN(n, (uint32_t)DOMAIN_MAX_VCPUS);
}

static int domu_sizes(uint64_t *left)
{
	for (unsigned int i = 0; i < boot.plan.nr_guests; i++) {
		const struct boot_guest *g = &boot.plan.guest[i];
		uint64_t pages = g->options.memory >> PAGE_SHIFT, need;

		if (g->dom0)
			continue;
		need = pages + overhead(pages, g->options.vcpus, false);
		if (need > *left) {
			log_error("guest %s: %lu MiB asked for, %lu MiB free",
				  name_of(i), pages >> 8, *left >> 8);
			return -ENOMEM;
		}
		*left -= need;
		boot.guest[i].pages = boot.guest[i].max_pages = pages;
		boot.guest[i].vcpus = g->options.vcpus;
	}
	return 0;
}

static void dom0_size(uint64_t left)
{
	const struct memory_request *max = &boot.options.dom0_mem_max;
	struct guest *g = &boot.guest[0];
	uint64_t own;

	g->vcpus = dom0_vcpus();
	own = overhead(left, g->vcpus, true);
	left = left > own ? left - own : 0;
	g->pages = dom0_pages(left);
	g->max_pages = UINT32_MAX; /* no limit, as Xen has none */
	if (max->bytes)
		g->max_pages = MAX(g->pages, request_pages(max, left));
}

/* ---- starting ---- */

static int guest_create(unsigned int i, struct domain **out)
{
	const struct boot_guest *g = &boot.plan.guest[i];
	struct domain_config config = {
		.name = name_of(i),
		.first_id = g->dom0 ? 0 : 1,
		.max_pages = boot.guest[i].max_pages,
		.vcpus = boot.guest[i].vcpus,
		.weight = g->dom0 ? SCHED_WEIGHT_DEFAULT : g->options.weight,
		.boot_index = i,
		.privileged = g->dom0,
		.width = modules_kernel(boot.guest[i].kernel)->width,
	};
	int rc = lifecycle_create(&config, out);

	if (rc)
		log_error("guest %s: no memory for its structures (%d)",
			  name_of(i), rc);
	return rc;
}

static int guest_build(unsigned int i, struct domain **out)
{
	const struct boot_guest *g = &boot.plan.guest[i];
	const struct kernel_image *k = modules_kernel(boot.guest[i].kernel);
	struct domain_image image = {
		.kernel = k,
		.cmdline = g->options.cmdline,
		.pages = boot.guest[i].pages,
		.initial = g->dom0,
	};
	int rc = guest_create(i, out);

	if (rc)
		return rc;
	if (g->dom0)
		arch_access_give(*out);
	if (g->ramdisk != BOOT_NO_MODULE) {
		const struct boot_module *r =
			modules_ramdisk(boot.guest[i].ramdisk);

		image.ramdisk = r->data;
		image.ramdisk_bytes = r->bytes;
	}
	rc = lifecycle_build(*out, &image);
	if (rc) {
		(*out)->boot_index = LIFECYCLE_NO_INDEX; /* nobody's end */
		lifecycle_destroy(*out);
		return rc;
	}
	log_info("domain %u (%s): %s %s, %lu MiB, %u vcpus", (*out)->id,
		 name_of(i), k->guest_os, k->guest_version, image.pages >> 8,
		 boot.guest[i].vcpus);
	return 0;
}

/* Domain 0 is built once. */
static void dom0_modules_put(void)
{
	modules_kernel_put(boot.guest[0].kernel);
	if (boot.plan.guest[0].ramdisk != BOOT_NO_MODULE)
		modules_ramdisk_put(boot.guest[0].ramdisk);
}

/* The log's ring as it was asked for; it is never smaller than at first. */
static void log_size(void)
{
	size_t bytes = boot.options.conring_bytes;
	char *ring = NULL;

	if (bytes > LOG_RING_BYTES)
		ring = frame_alloc_bytes(bytes);
	log_ring_set(boot.options.console_to_ring, ring, bytes);
	if (bytes > LOG_RING_BYTES && !ring)
		log_warn("no memory for conring_size=%zu", bytes);
}

int boot_guests_start(void)
{
	struct domain *built[BOOT_GUESTS_MAX];
	unsigned int n = boot.plan.nr_guests;
	uint64_t left;
	int rc;

	log_size();
	if (boot.plan.guest[0].dom0 && frame_limit >> (32 - PAGE_SHIFT))
		frame_low_kept = DOM0_LOW_PAGES;
	left = frame_free_pages();
	left -= MIN(left, frame_low_kept);
	rc = domu_sizes(&left);
	trap_cpuid_prepare();
	if (!rc && boot.plan.guest[0].dom0)
		dom0_size(left);
	for (unsigned int i = 0; !rc && i < n; i++)
		rc = guest_build(i, &built[i]);
	if (rc)
		return rc;
	if (boot.plan.guest[0].dom0)
		dom0_modules_put();
	if (boot.plan.guest[0].dom0 && !boot.options.vga_keep)
		arch_screen_give();
	boot.running = n;
	for (unsigned int i = 0; i < n; i++)
		lifecycle_unpause(built[i]);
	return 0;
}

/* ---- the ends ---- */

static void dom0_ended(const struct domain_end *e)
{
	switch (e->shutdown_code) {
	case SHUTDOWN_poweroff:
	case SHUTDOWN_suspend: /* nobody could wake it */
		log_info("domain 0 has powered off, and so does the machine");
		arch_machine_off();
	case SHUTDOWN_reboot:
	case SHUTDOWN_watchdog:
		log_info("domain 0 has ended, the machine reboots");
		arch_machine_reboot();
	default:
		break;
	}
	if (boot.options.noreboot) {
		log_error("domain 0 has crashed; with noreboot the machine "
			  "stays as it is");
		arch_panic();
	}
	log_error("domain 0 has crashed, the machine reboots");
	arch_machine_reboot();
}

static void guest_gone(const struct domain_end *e, const char *how)
{
	log_info("guest %s %s", e->name, how);
	if (--boot.running)
		return;
	log_info("no guest is left: the machine powers off");
	arch_machine_off();
}

static void guest_ended(const struct domain_end *e)
{
	struct domain *d;

	switch (e->shutdown_code) {
	case SHUTDOWN_poweroff:
		guest_gone(e, "has powered off");
		break;
	case SHUTDOWN_suspend:
		guest_gone(e, "has suspended itself, which nobody can undo");
		break;
	case SHUTDOWN_reboot:
		log_info("guest %s reboots", e->name);
		if (guest_build(e->boot_index, &d))
			guest_gone(e, "could not be started again");
		else
			lifecycle_unpause(d);
		break;
	default:
		guest_gone(e, "has crashed");
		break;
	}
}

void boot_work(void)
{
	struct domain_end e;

	while (lifecycle_ended(&e)) {
		if (boot.plan.guest[e.boot_index].dom0)
			dom0_ended(&e);
		else
			guest_ended(&e);
	}
}
