/* SPDX-License-Identifier: MIT */
/*
 * Parsing: one refusal for each way in which a file can be wrong, and none
 * that is not one.
 */
#include "unit/image_parse.h"

static void test_not_our_kind_of_elf(void **state)
{
	struct sample s;

	(void)state;
	sample_kernel(&s);
	sample_header(&s)->type = 1;
	expect_refusal(&s, -ENOEXEC, "not an executable");
	sample_header(&s)->machine = 183;
	expect_refusal(&s, -ENOEXEC, "not for x86-64");
	/* A 64-bit file for i386, a 32-bit one for x86-64 (x32). */
	sample_header(&s)->machine = ELF_MACHINE_386;
	expect_refusal(&s, -ENOEXEC, "class 2 for machine 3");
	sample_header(&s)->machine = ELF_MACHINE_X86_64;
	sample_header(&s)->class = ELF_CLASS_32;
	expect_refusal(&s, -ENOEXEC, "class 1 for machine 62");
	s.bytes[0] = 'x';
	expect_refusal(&s, -ENOEXEC, "not an ELF file");
	sample_bare(&s);
	expect_refusal(&s, -ENOEXEC, "not a Xen guest kernel: no Xen notes");
	sample_segment(&s, 0)->type = 0;
	expect_refusal(&s, -ENOEXEC, "nothing to load");
	sample_header(&s)->phnum = 0;
	expect_refusal(&s, -ENOEXEC, "without program headers");
}

static void test_narrow(void **state)
{
	static const char *const pae[] = { "yes", "yes[extended-cr3]",
					   "bimodal" };
	struct kernel_image k;
	struct sample s;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		sample_kernel32(&s);
		sample_text(&s, XEN_ELFNOTE_PAE_MODE, pae[i]);
		sample_narrow(&s);
		expect_kernel(&s, &k);
		assert_int_equal(k.width, WIDTH_32);
		assert_int_equal(k.segment[0].paddr, SAMPLE_PADDR);
		assert_int_equal(k.segment[0].offset, SAMPLE_TEXT);
		assert_int_equal(k.segment[0].filesz, SAMPLE_TEXT_SIZE);
		assert_int_equal(k.segment[0].memsz, 0x3000);
		assert_int_equal(k.vstart, SAMPLE_BASE32 + SAMPLE_PADDR);
		assert_int_equal(k.entry, SAMPLE_BASE32 + SAMPLE_PADDR);
	}
	sample_kernel32(&s);
	sample_narrow(&s);
	expect_refusal(&s, -EOPNOTSUPP, "without PAE");
	sample_kernel32(&s);
	sample_text(&s, XEN_ELFNOTE_PAE_MODE, "no");
	sample_narrow(&s);
	expect_refusal(&s, -EOPNOTSUPP, "without PAE");
}

/* Each end of a 32-bit kernel against the hypervisor's range and 4 GiB. */
static void test_narrow_ends(void **state)
{
	static const uint64_t bad[] = { 0xf4800000, 0xf5800000, 0xfeffe000,
					0xffffe000 };
	struct kernel_image k;
	struct sample s;

	(void)state;
	for (unsigned i = 0; i <= 4; i++) {
		uint64_t base = i < 4 ? bad[i] : 0xf47fd000;

		sample_kernel32(&s);
		sample_number(&s, XEN_ELFNOTE_VIRT_BASE, base);
		sample_number(&s, XEN_ELFNOTE_ENTRY, base + SAMPLE_PADDR);
		sample_text(&s, XEN_ELFNOTE_PAE_MODE, "yes");
		sample_narrow(&s);
		if (i < 4)
			expect_refusal(&s, -EBADMSG, "not a guest's");
		else
			expect_kernel(&s, &k);
	}
	sample_kernel32(&s);
	sample_text(&s, XEN_ELFNOTE_PAE_MODE, "yes");
	sample_number(&s, XEN_ELFNOTE_HV_START_LOW, 0xf5800001);
	sample_narrow(&s);
	expect_refusal(&s, -EOPNOTSUPP, "wants the hypervisor above");
}

static void test_hvm_only(void **state)
{
	struct kernel_image k;
	struct sample s;

	(void)state;
	sample_bare(&s);
	sample_note(&s, XEN_ELFNOTE_PHYS32_ENTRY, "\0\0\0\1", 4);
	expect_refusal(&s, -ENOEXEC, "hardware virtualization only");
	/* Linux with PVHVM drivers, but without paravirtualization. */
	sample_number(&s, XEN_ELFNOTE_VIRT_BASE, SAMPLE_BASE);
	sample_number(&s, XEN_ELFNOTE_HYPERCALL_PAGE,
		      SAMPLE_BASE + SAMPLE_PADDR);
	expect_refusal(&s, -ENOEXEC, "hardware virtualization only");
	/* Linux with both. */
	sample_number(&s, XEN_ELFNOTE_ENTRY, SAMPLE_BASE + SAMPLE_PADDR);
	expect_kernel(&s, &k);
}

static void test_interface_and_loader(void **state)
{
	struct sample s;

	(void)state;
	sample_kernel(&s);
	sample_text(&s, XEN_ELFNOTE_LOADER, "special");
	expect_refusal(&s, -EOPNOTSUPP, "loader 'special'");
	sample_text(&s, XEN_ELFNOTE_XEN_VERSION, "xen-3.0-extra");
	expect_refusal(&s, -EOPNOTSUPP, "interface 'xen-3.0-extra'");
	sample_kernel(&s);
	sample_number(&s, XEN_ELFNOTE_HV_START_LOW, 0xffff880000000000UL);
	expect_refusal(&s, -EOPNOTSUPP, "wants the hypervisor above");
}

static void test_features(void **state)
{
	struct kernel_image k;
	struct sample s;

	(void)state;
	sample_bare(&s);
	sample_text(&s, XEN_ELFNOTE_FEATURES,
		    "dom0||auto_translated_physmap|novelty|");
	expect_kernel(&s, &k);
	assert_int_equal(k.features,
			 1 << XENFEAT_dom0 |
				 1 << XENFEAT_auto_translated_physmap);
	assert_int_equal(k.features_required, 0);
	sample_text(&s, XEN_ELFNOTE_FEATURES, "dom0|!auto_translated_physmap");
	expect_refusal(&s, -EOPNOTSUPP, "feature auto_translated_physmap");
	sample_text(&s, XEN_ELFNOTE_FEATURES, "!novelty|dom0");
	expect_refusal(&s, -EOPNOTSUPP, "feature novelty");
	sample_text(&s, XEN_ELFNOTE_FEATURES, "!dom");
	expect_refusal(&s, -EOPNOTSUPP, "feature dom,");
	sample_kernel(&s);
	sample_number(&s, XEN_ELFNOTE_SUPPORTED_FEATURES, 1);
	expect_kernel(&s, &k);
	assert_false(k.dom0_capable);
}

static void test_segments_out_of_range(void **state)
{
	struct elf_segment *seg;
	struct sample s;

	(void)state;
	sample_kernel(&s);
	seg = sample_segment(&s, 0);
	seg->memsz = seg->filesz - 1;
	expect_refusal(&s, -EBADMSG, "in the file");
	seg->filesz = seg->memsz = s.size;
	expect_refusal(&s, -EBADMSG, "truncated");
	seg->offset = UINT64_MAX - 10;
	seg->filesz = 20;
	expect_refusal(&s, -EBADMSG, "truncated");
	seg->filesz = 0;
	seg->offset = 0;
	seg->memsz = UINT64_MAX - 0x1000;
	expect_refusal(&s, -EBADMSG, "out of range");
	seg->memsz = 0x7f000001;
	expect_refusal(&s, -EBADMSG, "not a guest's");
	seg->paddr = UINT64_MAX - 0xfff;
	expect_refusal(&s, -EBADMSG, "out of range");
}

static void test_virtual_places_that_are_not_the_guests(void **state)
{
	static const uint64_t bases[] = {
		0xffff800000000000UL, /* the hypervisor */
		0xffff87fffefff000UL, /* its last page */
		0x0000800000000000UL, /* not canonical */
		0x00007ffffefff000UL, /* runs out of the lower half */
		0xfffffffffffff000UL, /* wraps */
	};
	struct sample s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		sample_kernel(&s);
		sample_number(&s, XEN_ELFNOTE_VIRT_BASE, bases[i]);
		expect_refusal(&s, -EBADMSG, "not a guest's");
	}
	sample_number(&s, XEN_ELFNOTE_VIRT_BASE, SAMPLE_BASE + 0x800);
	expect_refusal(&s, -EBADMSG, "VIRT_BASE");
}

static void test_addresses_outside_the_image(void **state)
{
	static const struct {
		uint32_t note;
		uint64_t value;
		const char *says;
	} wrong[] = {
		{ XEN_ELFNOTE_ENTRY, SAMPLE_BASE + SAMPLE_PADDR - 1, "entry" },
		{ XEN_ELFNOTE_ENTRY, SAMPLE_BASE + SAMPLE_PADDR + 0x3000,
		  "entry" },
		{ XEN_ELFNOTE_HYPERCALL_PAGE, SAMPLE_BASE, "HYPERCALL_PAGE" },
		{ XEN_ELFNOTE_HYPERCALL_PAGE, SAMPLE_BASE + SAMPLE_PADDR + 8,
		  "HYPERCALL_PAGE" },
		{ XEN_ELFNOTE_INIT_P2M, 0xffff800000000000UL, "INIT_P2M" },
		{ XEN_ELFNOTE_INIT_P2M, 0xfffffffffffff000UL, "INIT_P2M" },
		{ XEN_ELFNOTE_INIT_P2M, 0x8000000001UL, "INIT_P2M" },
		{ XEN_ELFNOTE_INIT_P2M, SAMPLE_BASE + SAMPLE_PADDR,
		  "INIT_P2M" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct sample s;

		sample_kernel(&s);
		sample_number(&s, wrong[i].note, wrong[i].value);
		expect_refusal(&s, -EBADMSG, wrong[i].says);
	}
}

/* The image's last page may end before the segment's bytes do. */
static void test_hypercall_page_must_be_whole(void **state)
{
	struct kernel_image k;
	struct sample s;

	(void)state;
	sample_kernel(&s);
	sample_number(&s, XEN_ELFNOTE_HYPERCALL_PAGE,
		      SAMPLE_BASE + SAMPLE_PADDR + 0x2000);
	expect_kernel(&s, &k);
	assert_true(k.has_hypercall_page);
	sample_segment(&s, 0)->memsz = 0x2800;
	expect_refusal(&s, -EBADMSG, "HYPERCALL_PAGE");
}

/* Twenty program headers: headers 2 and up are of segments in a row. */
static void many_segments(struct sample *s, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		struct elf_segment *seg = sample_segment(s, 2 + i);

		*seg = *sample_segment(s, 0);
		seg->filesz = 16;
		seg->memsz = 0x1000;
		seg->paddr = SAMPLE_PADDR + 0x10000 - i * 0x1000;
	}
	sample_header(s)->phnum = 2 + nr;
}

static void test_many_segments(void **state)
{
	struct kernel_image k;
	struct sample s;

	(void)state;
	sample_kernel(&s);
	/* There is no room for sixteen headers before the notes. */
	sample_segment(&s, 1)->offset = SAMPLE_NOTES + 0x800;
	memcpy(s.bytes + SAMPLE_NOTES + 0x800, s.bytes + SAMPLE_NOTES, 0x400);
	many_segments(&s, IMAGE_SEGMENTS_MAX - 3);
	expect_kernel(&s, &k);
	assert_int_equal(k.nr_segments, IMAGE_SEGMENTS_MAX - 2);
	assert_int_equal(k.vstart, SAMPLE_BASE + SAMPLE_PADDR);
	assert_int_equal(k.vend, SAMPLE_BASE + SAMPLE_PADDR + 0x11000);
	many_segments(&s, IMAGE_SEGMENTS_MAX - 1);
	expect_refusal(&s, -EBADMSG, "overlap");
	many_segments(&s, IMAGE_SEGMENTS_MAX);
	expect_refusal(&s, -EBADMSG, "more than 16 segments");
	sample_header(&s)->phnum = 65;
	expect_refusal(&s, -EBADMSG, "65 program headers");
	sample_header(&s)->phnum = 5;
	sample_header(&s)->phentsize = 32;
	expect_refusal(&s, -EBADMSG, "of 32 bytes");
}

/* Notes may cover the whole file many times over: the walk is bounded. */
static void test_work_on_notes_is_bounded(void **state)
{
	struct sample s;

	(void)state;
	sample_bare(&s);
	memset(s.bytes + SAMPLE_TEXT, 0, SAMPLE_TEXT_SIZE);
	for (unsigned int i = 2; i < 50; i++)
		*sample_segment(&s, i) = (struct elf_segment){
			.type = ELF_SEGMENT_NOTE,
			.offset = SAMPLE_TEXT,
			.filesz = SAMPLE_TEXT_SIZE,
		};
	sample_header(&s)->phnum = 50;
	expect_refusal(&s, -EBADMSG, "more than 4096 notes");
}

static void test_file_cut_anywhere_is_refused(void **state)
{
	struct kernel_image k;
	struct image_error err;
	struct sample s;
	size_t whole;

	(void)state;
	sample_kernel(&s);
	whole = s.size;
	for (s.size = 0; s.size < whole; s.size++)
		assert_true(try_parse(&s, &k, &err) < 0);
	assert_int_equal(try_parse(&s, &k, &err), 0);
	sample_kernel32(&s);
	sample_text(&s, XEN_ELFNOTE_PAE_MODE, "yes");
	sample_narrow(&s);
	for (s.size = 0; s.size < whole; s.size++)
		assert_true(try_parse(&s, &k, &err) < 0);
	assert_int_equal(try_parse(&s, &k, &err), 0);
}

/* A flipped bit may go unnoticed; what is accepted then is still sane. */
static void flip_bits(struct sample *s)
{
	struct kernel_image k;
	struct image_error err;
	unsigned int refused = 0;

	for (size_t bit = 0; bit < (SAMPLE_NOTES + s->notes_size) * 8; bit++) {
		s->bytes[bit / 8] ^= 1 << bit % 8;
		if (try_parse(s, &k, &err))
			refused++;
		else
			assert_true(sample_is_sane(&k));
		s->bytes[bit / 8] ^= 1 << bit % 8;
	}
	assert_true(refused > 400);
}

static void test_flipped_bits(void **state)
{
	struct sample s;

	(void)state;
	sample_kernel(&s);
	flip_bits(&s);
	sample_kernel32(&s);
	sample_text(&s, XEN_ELFNOTE_PAE_MODE, "yes");
	sample_narrow(&s);
	flip_bits(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_our_kind_of_elf),
		cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_narrow_ends),
		cmocka_unit_test(test_hvm_only),
		cmocka_unit_test(test_interface_and_loader),
		cmocka_unit_test(test_features),
		cmocka_unit_test(test_segments_out_of_range),
		cmocka_unit_test(test_virtual_places_that_are_not_the_guests),
		cmocka_unit_test(test_addresses_outside_the_image),
		cmocka_unit_test(test_hypercall_page_must_be_whole),
		cmocka_unit_test(test_many_segments),
		cmocka_unit_test(test_work_on_notes_is_bounded),
		cmocka_unit_test(test_file_cut_anywhere_is_refused),
		cmocka_unit_test(test_flipped_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
