/* SPDX-License-Identifier: MIT */
/*
 * From boot modules to running guests and to their ends: what is kept and
 * what is not, what stops a boot and with which words, how much memory domain
 * 0 gets, and what becomes of the machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "boot/boot.h"
#include "call/call.h"
#include "image_sample.h"
#include "lifecycle_world.h"

#define FRAMES 6000

static struct sample kernel, other;
static uint8_t packed[SAMPLE_MAX];
static size_t packed_bytes;
static uint8_t ramdisk[5000];
static struct hv_options options;
static struct boot_module modules[8];
static unsigned int nr;
static char strings[8][128];

/* A kernel at 1 MiB; domain 0's, if no feature says that it cannot be. */
static void kernel_make(struct sample *s, const char *name)
{
	sample_bare(s);
	sample_header(s)->entry = 0x100040;
	sample_segment(s, 0)->paddr = 0x100000;
	sample_segment(s, 0)->vaddr = SAMPLE_BASE + 0x100000;
	sample_text(s, XEN_ELFNOTE_GUEST_OS, name);
	sample_text(s, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
	sample_number(s, XEN_ELFNOTE_VIRT_BASE, SAMPLE_BASE);
	sample_number(s, XEN_ELFNOTE_ENTRY, SAMPLE_BASE + 0x100040);
	sample_number(s, XEN_ELFNOTE_INIT_P2M, 0x8000000000UL);
	sample_note(s, XEN_ELFNOTE_MOD_START_PFN, "\1\0\0", 4);
}

static void pack(void)
{
	z_stream z = { .next_in = kernel.bytes,
		       .avail_in = (unsigned int)kernel.size,
		       .next_out = packed,
		       .avail_out = sizeof(packed) };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, 0), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	packed_bytes = z.total_out;
	deflateEnd(&z);
}

static void module(const void *data, size_t bytes, const char *string)
{
	strcpy(strings[nr], string);
	modules[nr] = (struct boot_module){ data, bytes, strings[nr] };
	nr++;
}

#define KERNEL	kernel.bytes, kernel.size
#define OTHER	other.bytes, other.size
#define PACKED	packed, packed_bytes
#define RAMDISK ramdisk, sizeof(ramdisk)

static int setup(void **state)
{
	(void)state;
	kernel_make(&kernel, "linux");
	kernel_make(&other, "netbsd");
	pack();
	for (unsigned int i = 0; i < sizeof(ramdisk); i++)
		ramdisk[i] = (uint8_t)(i / 7);
	memset(&options, 0, sizeof(options));
	nr = 0;
	world_make(FRAMES);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_end();
	return 0;
}

static void prepare(void)
{
	if (boot_guests_prepare(modules, nr, &options))
		fail_msg("refused: %s", host_console_text());
	memset(strings, 'z', sizeof(strings)); /* the loader's memory */
}

static void start(void)
{
	prepare();
	if (boot_guests_start())
		fail_msg("not started: %s", host_console_text());
}

/* As the machine's way back to a guest does it. */
static void go_on(void)
{
	call_return();
	while (boot_work_pending()) {
		boot_work();
		call_return();
	}
}

static void go_on_fn(void *arg)
{
	(void)arg;
	go_on();
}

static void end_current(uint32_t reason)
{
	domain_shutdown(current_vcpu()->domain, reason);
}

static void expect_machine(const char *fate)
{
	if (!host_fails(go_on_fn, NULL))
		fail_msg("the machine goes on");
	assert_string_equal(host_failure(), fate);
}

static struct domain *named(const char *name)
{
	for (int id = -1;;) {
		struct domain *d = domain_next(id);

		if (!d || !strcmp(d->name, name))
			return d;
		id = d->id;
	}
}

static void domain_0(void **state)
{
	struct domain *d;

	(void)state;
	module(KERNEL, "vmlinuz root=/dev/sda1 domains=2");
	module(RAMDISK, "initrd.img");
	prepare();
	assert_true(boot_module_needed(0)); /* not packed: used in place */
	assert_true(boot_module_needed(1));
	assert_int_equal(boot_guests_start(), 0);
	assert_false(boot_module_needed(0));
	assert_false(boot_module_needed(1));
	assert_false(boot_module_needed(2));
	d = domain_find(0);
	assert_non_null(d);
	assert_string_equal(d->name, "Domain-0");
	assert_true(d->privileged);
	assert_int_equal(d->max_vcpus, 1);
	assert_null(d->console.ring);
	assert_true(d->frames.tot_pages > FRAMES * 9 / 10);
	assert_true(frame_free_pages() > FRAMES / 20);
	assert_int_equal(d->frames.max_pages, UINT32_MAX);
	go_on();
	assert_ptr_equal(current_vcpu(), d->vcpu[0]);
}

static void cmdline_of(struct domain *d, char out[MAX_GUEST_CMDLINE])
{
	uint64_t va = d->vcpu[0]->regs->rsi;

	host_vcpu_enter(d->vcpu[0]);
	assert_int_equal(
		host_guest_read(va + offsetof(struct start_info, cmd_line), out,
				MAX_GUEST_CMDLINE),
		0);
	host_vcpu_enter(NULL);
}

static void two_guests(void **state)
{
	char line[MAX_GUEST_CMDLINE];
	struct domain *web, *db;

	(void)state;
	module(PACKED,
	       "vmlinuz domain=web memory=5M weight=512 -- console=hvc0 a=b");
	module(RAMDISK, "initrd.img ramdisk=web");
	module(PACKED, "vmlinuz domain=db memory=6M vcpus=3");
	module(RAMDISK, "initrd.img ramdisk=db");
	prepare();
	assert_false(boot_module_needed(0)); /* unpacked */
	assert_true(boot_module_needed(1));
	assert_false(boot_module_needed(2));
	assert_false(boot_module_needed(3)); /* the same bytes */
	assert_int_equal(boot_guests_start(), 0);
	assert_true(boot_module_needed(1)); /* for a reboot */
	web = named("web");
	db = named("db");
	assert_int_equal(web->id, 1);
	assert_int_equal(db->id, 2);
	assert_false(web->privileged);
	assert_int_equal(web->frames.tot_pages, 1280);
	assert_int_equal(db->frames.tot_pages, 1536);
	assert_int_equal(web->sched.weight, 512);
	assert_int_equal(db->max_vcpus, 3);
	assert_non_null(web->console.ring);
	cmdline_of(web, line);
	assert_string_equal(line, "console=hvc0 a=b");
	cmdline_of(db, line);
	assert_string_equal(line, "");
}

static void with_domain_0(void **state)
{
	(void)state;
	module(KERNEL, "vmlinuz");
	module(OTHER, "netbsd domain=bsd memory=8M");
	start();
	assert_string_equal(domain_find(0)->name, "Domain-0");
	assert_string_equal(domain_find(1)->name, "bsd");
	assert_false(boot_module_needed(0));
	assert_true(boot_module_needed(1));
	assert_int_equal(domain_find(1)->frames.tot_pages, 2048);
	assert_true(domain_find(0)->frames.tot_pages > 2500);
	assert_true(world_said("domain 1 (bsd): netbsd"));
}

/* Each with what must be said; all of it in one line. */
static const struct mistake {
	const char *first, *second;
	const char *text;
} mistakes[] = {
	{ NULL, NULL, "no module: expected a kernel as module 0" },
	{ "vmlinuz domain=web memroy=64M", NULL,
	  "module 0 (vmlinuz): "
	  "'memroy=64M' is unknown" },
	{ "domain=web", NULL, "write 'placeholder' before it" },
	{ "k domain=web", "k domain=web", "is the name of a guest already" },
	{ "k domain=web", "i ramdisk=wbe", "ramdisk=wbe is for no guest" },
	{ "k domain=web memory=64M", NULL,
	  "guest web: 64 MiB asked for, 23 MiB free" },
	{ "k domain=web memory=16M", "k domain=db memory=8M",
	  "guest db: 8 MiB asked for, 7 MiB free" },
	{ "k domain=web memory=3M", NULL,
	  "guest web: 3072 KiB asked for, its "
	  "kernel, ramdisk and tables need" },
};

static void refused(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(mistakes); i++) {
		const struct mistake *m = &mistakes[i];

		nr = 0;
		if (m->first)
			module(KERNEL, m->first);
		if (m->second)
			module(KERNEL, m->second);
		host_console_clear();
		if (!boot_guests_prepare(modules, nr, &options) &&
		    !boot_guests_start())
			fail_msg("%s: taken", m->text);
		if (!world_said(m->text))
			fail_msg("not \"%s\" but %s", m->text,
				 host_console_text());
		world_end();
		world_make(FRAMES);
	}
}

static void no_kernel(void **state)
{
	(void)state;
	module(RAMDISK, "initrd.img domain=web");
	assert_true(boot_guests_prepare(modules, nr, &options) < 0);
	assert_true(world_said("guest web: module 0 (initrd.img): "));
	host_console_clear();
	nr = 0;
	packed[packed_bytes / 2] ^= 0x55;
	module(PACKED, "vmlinuz domain=web");
	assert_true(boot_guests_prepare(modules, nr, &options) < 0);
	assert_true(world_said("guest web: module 0 (vmlinuz): "));
	host_console_clear();
	nr = 0;
	/* Features without that of domain 0. */
	sample_note(&kernel, XEN_ELFNOTE_SUPPORTED_FEATURES, "\1\0\0", 4);
	module(KERNEL, "vmlinuz");
	assert_int_equal(boot_guests_prepare(modules, nr, &options), -EINVAL);
	assert_true(world_said("cannot be domain 0"));
}

/* Whatever runs out: an error, and one line at least. */
static void memory_runs_out(void **state)
{
	unsigned int failed = 0;

	(void)state;
	world_end();
	for (unsigned int seed = 1; seed < 60; seed++) {
		world_make(FRAMES);
		nr = 0;
		module(PACKED, "vmlinuz domain=web memory=5M");
		module(RAMDISK, "initrd.img ramdisk=web");
		host_choose_random(seed);
		host_choose_rate(HOST_ALLOC_FAIL, seed * 4);
		if (boot_guests_prepare(modules, nr, &options) ||
		    boot_guests_start()) {
			failed++;
			assert_true(*host_console_text());
		}
		host_choose_nothing();
		world_end();
	}
	assert_in_range(failed, 5, 58);
	world_make(FRAMES);
}

/* ---- ends ---- */

static void reboots(void **state)
{
	struct domain *d;

	(void)state;
	module(PACKED, "vmlinuz domain=web memory=5M vcpus=2 -- again");
	module(RAMDISK, "initrd.img ramdisk=web");
	start();
	memset(packed, 0xee, sizeof(packed)); /* somebody else's now */
	go_on();
	for (unsigned int i = 0; i < 3; i++) {
		char line[MAX_GUEST_CMDLINE];
		uint64_t free = frame_free_pages();

		d = current_vcpu()->domain;
		current_vcpu()->regs->rip = 0x1234;
		end_current(SHUTDOWN_reboot);
		go_on();
		d = named("web");
		assert_ptr_equal(current_vcpu(), d->vcpu[0]);
		assert_int_equal(d->id, 1);
		assert_int_equal(d->vcpu[0]->regs->rip, SAMPLE_BASE + 0x100040);
		assert_int_equal(frame_free_pages(), free);
		cmdline_of(d, line);
		assert_string_equal(line, "again");
		host_vcpu_enter(d->vcpu[0]);
	}
	assert_true(world_said("guest web reboots"));
}

static void one_after_the_other(void **state)
{
	(void)state;
	module(PACKED, "vmlinuz domain=web memory=5M");
	module(PACKED, "vmlinuz domain=db memory=5M");
	start();
	go_on();
	domain_crash(named("web"), "bad");
	if (current_vcpu()->domain != named("web"))
		lifecycle_work(named("web")->vcpu[0]);
	go_on();
	assert_null(named("web"));
	assert_true(world_said("guest web has crashed"));
	assert_ptr_equal(current_vcpu(), named("db")->vcpu[0]);
	end_current(SHUTDOWN_poweroff);
	expect_machine("machine off");
	assert_true(world_said("guest db has powered off"));
}

static void the_last_crash(void **state)
{
	(void)state;
	module(PACKED, "vmlinuz domain=web memory=5M");
	start();
	go_on();
	end_current(SHUTDOWN_crash);
	expect_machine("machine off");
}

static void suspends(void **state)
{
	(void)state;
	module(PACKED, "vmlinuz domain=web memory=5M");
	start();
	go_on();
	end_current(SHUTDOWN_suspend);
	expect_machine("machine off");
	assert_true(world_said("guest web has suspended itself"));
}

/* Its memory is gone meanwhile: the guest is, too. */
static void no_reboot_without_memory(void **state)
{
	(void)state;
	module(PACKED, "vmlinuz domain=web memory=20M");
	start();
	go_on();
	assert_non_null(frame_alloc_hv(0));
	while (frame_free_pages() > 100)
		assert_non_null(frame_alloc_hv(0));
	end_current(SHUTDOWN_reboot);
	call_return();
	assert_true(boot_work_pending());
	while (frame_free_pages() > 5000)
		assert_non_null(frame_alloc_hv(0));
	expect_machine("machine off");
	assert_true(world_said("guest web: 20 MiB asked for, 19 MiB free"));
	assert_true(world_said("guest web could not be started again"));
}

static const struct fate {
	uint32_t reason;
	bool noreboot;
	const char *machine;
} fates[] = {
	{ SHUTDOWN_poweroff, false, "machine off" },
	{ SHUTDOWN_reboot, false, "machine reboot" },
	{ SHUTDOWN_watchdog, false, "machine reboot" },
	{ SHUTDOWN_crash, false, "machine reboot" },
	{ SHUTDOWN_crash, true, "arch_panic" },
};

static void domain_0_ends(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(fates); i++) {
		nr = 0;
		module(KERNEL, "vmlinuz");
		options.noreboot = fates[i].noreboot;
		start();
		go_on();
		end_current(fates[i].reason);
		expect_machine(fates[i].machine);
		world_end();
		world_make(FRAMES);
	}
}

/* ---- domain 0's size ---- */

static uint64_t dom0_pages(void)
{
	uint64_t pages;

	nr = 0;
	world_end();
	world_make(FRAMES);
	module(KERNEL, "vmlinuz");
	start();
	pages = domain_find(0)->frames.tot_pages;
	return pages;
}

#define MIB (1UL << 20)

static void dom0_mem(void **state)
{
	uint64_t all;

	(void)state;
	all = dom0_pages();
	options.dom0_mem.bytes = 10 * MIB;
	assert_int_equal(dom0_pages(), 2560);
	assert_int_equal(domain_find(0)->frames.max_pages, UINT32_MAX);
	options.dom0_mem_max.bytes = 15 * MIB;
	assert_int_equal(dom0_pages(), 2560);
	assert_int_equal(domain_find(0)->frames.max_pages, 3840);
	options.dom0_mem.bytes = 16 * MIB;
	assert_int_equal(dom0_pages(), 3840);
	options.dom0_mem.bytes = 6 * MIB;
	options.dom0_mem_min.bytes = 8 * MIB;
	assert_int_equal(dom0_pages(), 2048);
	options.dom0_mem_max.bytes = 0;
	options.dom0_mem_min.bytes = 0;
	options.dom0_mem.bytes = 1024 * MIB;
	assert_int_equal(dom0_pages(), all);
	assert_true(world_said("dom0_mem: 1024 MiB asked for"));
	options.dom0_mem = (struct memory_request){ 8 * MIB, true };
	assert_in_range(dom0_pages(), FRAMES - 2048 - 100, FRAMES - 2048);
}

static void dom0_vcpus(void **state)
{
	(void)state;
	options.dom0_vcpus_max = 4;
	dom0_pages();
	assert_int_equal(domain_find(0)->max_vcpus, 4);
	options.dom0_vcpus_max = 4095;
	dom0_pages();
	assert_int_equal(domain_find(0)->max_vcpus, 32);
	options.dom0_vcpus_max = 0;
	options.dom0_vcpus_min = 2;
	dom0_pages();
	assert_int_equal(domain_find(0)->max_vcpus, 2);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(domain_0),
		TEST(two_guests),
		TEST(with_domain_0),
		TEST(refused),
		TEST(no_kernel),
		TEST(memory_runs_out),
		TEST(reboots),
		TEST(one_after_the_other),
		TEST(the_last_crash),
		TEST(suspends),
		TEST(no_reboot_without_memory),
		TEST(domain_0_ends),
		TEST(dom0_mem),
		TEST(dom0_vcpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
