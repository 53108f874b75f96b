/* SPDX-License-Identifier: MIT */
/*
 * The kernels of real systems, as their packages ship them: Debian's (an xz
 * bzImage), its cloud flavour (LZ4), the installer's, and GRUB as a guest.
 * What is expected was read off with readelf. A test whose file is not in
 * build/guests is skipped and says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "unit/image_sample.h"

struct module {
	uint8_t *bytes;
	size_t size;
	struct purse purse;
	struct image_alloc mem;
	struct image_file file;
	struct kernel_image kernel;
};

/* Reads a file of build/guests, or skips the test. */
static void module_read(struct module *m, const char *path)
{
	FILE *f = fopen(path, "rb");

	*m = (struct module){ .purse = PURSE(1UL << 30) };
	m->mem = PURSE_ALLOC(&m->purse);
	if (!f) {
		print_message("there is no %s\n", path);
		skip();
	}
	fseek(f, 0, SEEK_END);
	m->size = ftell(f);
	rewind(f);
	m->bytes = malloc(m->size);
	assert_int_equal(fread(m->bytes, 1, m->size, f), m->size);
	fclose(f);
}

static void module_parse(struct module *m)
{
	struct image_error err;

	if (image_unpack(m->bytes, m->size, &m->mem, &m->file, &err) ||
	    image_parse(m->file.data, m->file.size, &m->kernel, &err))
		fail_msg("refused: %s", err.text);
}

static void module_close(struct module *m)
{
	image_release(&m->file, &m->mem);
	assert_int_equal(m->purse.taken, 0);
	free(m->bytes);
}

static void check_linux(const struct kernel_image *k)
{
	assert_string_equal(k->guest_os, "linux");
	assert_int_equal(k->virt_base, 0xffffffff80000000UL);
	assert_int_equal(k->p2m_base, 0x8000000000UL);
	assert_true(k->has_p2m_base && k->mod_start_pfn && k->dom0_capable);
	assert_true(k->suspend_cancel && k->has_hv_start_low);
	assert_int_equal(k->vstart, 0xffffffff81000000UL);
	assert_true(k->nr_segments >= 4);
	/* Per-CPU data are linked at 0 and still mapped with the rest. */
	for (unsigned int i = 0; i < k->nr_segments; i++)
		assert_int_equal(k->segment[i].vaddr,
				 k->virt_base + k->segment[i].paddr);
}

static void test_debian_kernel(void **state)
{
	struct module m;

	(void)state;
	module_read(&m, "build/guests/vmlinuz-amd64");
	module_parse(&m);
	check_linux(&m.kernel);
	/* 33 MiB of dictionary at most, beside the kernel itself. */
	assert_true(m.purse.peak < m.file.size + (34UL << 20));
	module_close(&m);
}

static void test_cloud_kernel(void **state)
{
	struct module m;

	(void)state;
	module_read(&m, "build/guests/vmlinuz-cloud");
	module_parse(&m);
	check_linux(&m.kernel);
	/* LZ4 needs no memory but the result. */
	assert_int_equal(m.purse.peak, m.file.size);
	module_close(&m);
}

static void test_installer_kernel(void **state)
{
	struct module m;

	(void)state;
	module_read(&m, "build/guests/di/linux");
	module_parse(&m);
	check_linux(&m.kernel);
	module_close(&m);
}

static void test_grub(void **state)
{
	struct module m;

	(void)state;
	module_read(&m, "build/guests/grub-x86_64-xen.bin");
	module_parse(&m);
	assert_string_equal(m.kernel.guest_os, "GRUB");
	assert_null(m.file.owned);
	assert_int_equal(m.kernel.entry, 0);
	assert_int_equal(m.kernel.virt_base, 0);
	assert_int_equal(m.kernel.vstart, 0);
	assert_int_equal(m.kernel.nr_segments, 2);
	module_close(&m);
}

/* 32-bit, its last note claims more than there is. */
static void test_grub_narrow(void **state)
{
	struct module m;

	(void)state;
	module_read(&m, "build/guests/grub-i386-xen.bin");
	module_parse(&m);
	assert_string_equal(m.kernel.guest_os, "GRUB");
	assert_int_equal(m.kernel.width, WIDTH_32);
	assert_int_equal(m.kernel.virt_base, 0);
	assert_int_equal(m.kernel.nr_segments, 2);
	module_close(&m);
}

/* 32-bit, gzip'd; its notes are another's, what counts is __xen_guest. */
static void test_gnumach(void **state)
{
	struct module m;

	(void)state;
	module_read(&m, "build/guests/gnumach");
	module_parse(&m);
	assert_string_equal(m.kernel.guest_os, "GNU Mach");
	assert_non_null(m.file.owned);
	assert_true(m.kernel.legacy);
	assert_int_equal(m.kernel.width, WIDTH_32);
	assert_int_equal(m.kernel.entry, 0xc0000000UL);
	assert_int_equal(m.kernel.hypercall_page, 0xc0002000UL);
	assert_int_equal(m.kernel.segment[0].paddr, 0);
	module_close(&m);
}

static void test_xen_itself_is_no_guest(void **state)
{
	struct module m;
	struct image_error err;

	(void)state;
	module_read(&m, "build/guests/xen");
	assert_int_equal(image_unpack(m.bytes, m.size, &m.mem, &m.file, &err),
			 0);
	assert_true(image_parse(m.file.data, m.file.size, &m.kernel, &err) < 0);
	assert_non_null(strstr(err.text, "not a Xen guest kernel"));
	module_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_debian_kernel),
		cmocka_unit_test(test_cloud_kernel),
		cmocka_unit_test(test_installer_kernel),
		cmocka_unit_test(test_grub),
		cmocka_unit_test(test_grub_narrow),
		cmocka_unit_test(test_gnumach),
		cmocka_unit_test(test_xen_itself_is_no_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
