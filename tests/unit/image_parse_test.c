/* SPDX-License-Identifier: MIT */
/* Parsing: what each header and note does to the description of a kernel. */
#include "unit/image_parse.h"

static void test_kernel_like_linux(void **state)
{
	struct kernel_image k;
	struct sample s;

	(void)state;
	sample_kernel(&s);
	expect_kernel(&s, &k);
	assert_int_equal(k.nr_segments, 1);
	assert_int_equal(k.segment[0].paddr, SAMPLE_PADDR);
	assert_int_equal(k.segment[0].vaddr, SAMPLE_BASE + SAMPLE_PADDR);
	assert_int_equal(k.segment[0].offset, SAMPLE_TEXT);
	assert_int_equal(k.segment[0].filesz, SAMPLE_TEXT_SIZE);
	assert_int_equal(k.segment[0].memsz, 0x3000);
	assert_int_equal(k.vstart, SAMPLE_BASE + SAMPLE_PADDR);
	assert_int_equal(k.vend, SAMPLE_BASE + SAMPLE_PADDR + 0x3000);
	assert_int_equal(k.entry, SAMPLE_BASE + SAMPLE_PADDR + 0x40);
	assert_int_equal(k.virt_base, SAMPLE_BASE);
	assert_int_equal(k.paddr_offset, 0);
	assert_true(k.has_p2m_base);
	assert_int_equal(k.p2m_base, 0x8000000000UL);
	assert_true(k.has_hv_start_low);
	assert_false(k.has_hypercall_page);
	assert_true(k.mod_start_pfn);
	assert_false(k.suspend_cancel);
	assert_false(k.legacy);
	assert_int_equal(k.l1_mfn_mask, 1);
	assert_int_equal(k.l1_mfn_value, 1);
	assert_string_equal(k.guest_os, "linux");
	assert_string_equal(k.guest_version, "2.6");
	assert_int_equal(k.features_required,
			 1 << XENFEAT_writable_page_tables);
	assert_int_equal(k.features, 0x8801 | 1 << XENFEAT_pae_pgdir_above_4gb);
	assert_true(k.dom0_capable);
}

/* GRUB and Mini-OS name no entry and no base: the defaults are the file's. */
static void test_defaults(void **state)
{
	struct kernel_image k;
	struct sample s;

	(void)state;
	sample_bare(&s);
	sample_text(&s, XEN_ELFNOTE_LOADER, "generic");
	expect_kernel(&s, &k);
	assert_int_equal(k.entry, SAMPLE_PADDR);
	assert_int_equal(k.virt_base, 0);
	assert_int_equal(k.vstart, SAMPLE_PADDR);
	assert_false(k.has_p2m_base);
	assert_true(k.dom0_capable);
	assert_string_equal(k.guest_os, "");
}

/* NetBSD's physical addresses are virtual ones, and it says so. */
static void test_paddr_offset(void **state)
{
	struct kernel_image k;
	struct sample s;

	(void)state;
	sample_kernel(&s);
	sample_segment(&s, 0)->paddr += SAMPLE_BASE;
	expect_refusal(&s, -EBADMSG, "PADDR_OFFSET");
	sample_number(&s, XEN_ELFNOTE_PADDR_OFFSET, SAMPLE_BASE);
	expect_kernel(&s, &k);
	assert_int_equal(k.segment[0].paddr, SAMPLE_PADDR);
	assert_int_equal(k.vstart, SAMPLE_BASE + SAMPLE_PADDR);
	sample_number(&s, XEN_ELFNOTE_PADDR_OFFSET, SAMPLE_BASE + (1UL << 30));
	expect_refusal(&s, -EBADMSG, "out of range");
}

static void test_numbers_have_four_or_eight_bytes(void **state)
{
	const uint32_t entry = SAMPLE_PADDR + 0x80;
	struct kernel_image k;
	struct sample s;

	(void)state;
	sample_bare(&s);
	sample_note(&s, XEN_ELFNOTE_ENTRY, &entry, 4);
	expect_kernel(&s, &k);
	assert_int_equal(k.entry, entry);
	sample_note(&s, XEN_ELFNOTE_ENTRY, &entry, 2);
	expect_refusal(&s, -EBADMSG, "Xen note 1: 2 bytes");
}

/* The last note claims 12 bytes, its segment holds 4: GRUB for i386. */
static void test_last_note_is_cut_to_its_segment(void **state)
{
	const uint32_t claim = 0x7fffffff;
	struct kernel_image k;
	struct sample s;
	size_t last;

	(void)state;
	sample_kernel(&s);
	last = SAMPLE_NOTES + s.notes_size;
	sample_text(&s, XEN_ELFNOTE_PAE_MODE, "yes");
	memcpy(s.bytes + last + 4, &claim, 4);
	expect_kernel(&s, &k);
	memcpy(s.bytes + last, &claim, 4);
	expect_kernel(&s, &k);
}

static void test_notes_of_others_are_passed_over(void **state)
{
	struct kernel_image k;
	struct sample s;

	(void)state;
	sample_bare(&s);
	sample_note(&s, 1, "\1\2\3", 3);
	memcpy(s.bytes + SAMPLE_NOTES + 12, "GNU", 4);
	sample_note(&s, 1, "\1\2\3\4", 4);
	memcpy(s.bytes + SAMPLE_NOTES + 20 + 12, "Linu", 4);
	expect_refusal(&s, -ENOEXEC, "no Xen notes");
	sample_text(&s, XEN_ELFNOTE_GUEST_OS, "x\x1b[2J");
	sample_number(&s, 0x1000001, 5);
	expect_kernel(&s, &k);
	assert_string_equal(k.guest_os, "x?[2J");
}

/* Turns the program header of the notes into a section. */
static void notes_to_section(struct sample *s)
{
	struct elf_section *sec = (void *)(s->bytes + 0x200);

	*sec = (struct elf_section){
		.type = ELF_SECTION_NOTE,
		.offset = sample_segment(s, 1)->offset,
		.size = sample_segment(s, 1)->filesz,
	};
	sample_segment(s, 1)->type = 0;
	sample_header(s)->shoff = 0x200;
	sample_header(s)->shnum = 1;
}

static void test_notes_in_sections(void **state)
{
	struct kernel_image k;
	struct sample s;

	(void)state;
	sample_kernel(&s);
	notes_to_section(&s);
	expect_kernel(&s, &k);
	assert_int_equal(k.virt_base, SAMPLE_BASE);
	/* Sections that are not in the file count as none. */
	sample_header(&s)->shoff = s.size - 32;
	expect_refusal(&s, -ENOEXEC, "no Xen notes");
	sample_header(&s)->shoff = UINT64_MAX - 32;
	expect_refusal(&s, -ENOEXEC, "no Xen notes");
}

/* A kernel with the given __xen_guest string instead of notes. */
static void sample_legacy(struct sample *s, const char *guest)
{
	struct elf_section *sec = (void *)(s->bytes + 0x200);

	sample_bare(s);
	sample_segment(s, 1)->type = 0;
	memcpy(s->bytes + 0x300, "\0__xen_guest", 13);
	sec[0] = (struct elf_section){ .offset = 0x300, .size = 13 };
	sec[1] = (struct elf_section){
		.name = 1,
		.type = 1,
		.offset = SAMPLE_NOTES,
		.size = strlen(guest) + 1,
	};
	strcpy((char *)s->bytes + SAMPLE_NOTES, guest);
	sample_header(s)->shoff = 0x200;
	sample_header(s)->shnum = 2;
	sample_header(s)->shstrndx = 0;
}

static void test_legacy_string(void **state)
{
	struct kernel_image k;
	struct sample s;

	(void)state;
	sample_legacy(&s, "GUEST_OS=Mini-OS,XEN_VER=xen-3.0,VIRT_BASE=0x0,"
			  "ELF_PADDR_OFFSET=0x0,HYPERCALL_PAGE=0x1002,"
			  "LOADER=generic,NOVELTY,FEATURES=");
	expect_kernel(&s, &k);
	assert_true(k.legacy);
	assert_string_equal(k.guest_os, "Mini-OS");
	assert_int_equal(k.entry, SAMPLE_PADDR);
	assert_true(k.has_hypercall_page);
	assert_int_equal(k.hypercall_page, 0x1002000);
	assert_false(k.bsd_symtab);
	/* Without ELF_PADDR_OFFSET it is the base. */
	sample_legacy(&s, "LOADER=generic,VIRT_BASE=0xFFFFffff80000000,"
			  "VIRT_ENTRY=0xffffffff81000010,BSD_SYMTAB");
	sample_segment(&s, 0)->paddr += SAMPLE_BASE;
	expect_kernel(&s, &k);
	assert_int_equal(k.vstart, SAMPLE_BASE + SAMPLE_PADDR);
	assert_int_equal(k.entry, SAMPLE_BASE + SAMPLE_PADDR + 16);
	assert_true(k.bsd_symtab);
}

/* GNU Mach's own words. */
static void test_legacy_narrow(void **state)
{
	struct kernel_image k;
	struct sample s;

	(void)state;
	sample_legacy(&s, "GUEST_OS=GNU Mach,GUEST_VERSION=1.3,XEN_VER=xen-3.0,"
			  "VIRT_BASE=0xC0000000,ELF_PADDR_OFFSET=0xC0000000,"
			  "HYPERCALL_PAGE=0x1002,PAE=yes[extended-cr3],"
			  "LOADER=generic,FEATURES=pae_pgdir_above_4gb");
	sample_segment(&s, 0)->paddr += SAMPLE_BASE32;
	sample_header(&s)->entry = SAMPLE_BASE32 + SAMPLE_PADDR;
	sample_narrow(&s);
	expect_kernel(&s, &k);
	assert_true(k.legacy && k.width == WIDTH_32);
	assert_string_equal(k.guest_os, "GNU Mach");
	assert_int_equal(k.segment[0].paddr, SAMPLE_PADDR);
	assert_int_equal(k.hypercall_page, SAMPLE_BASE32 + 0x1002000);
}

static void test_legacy_refusals(void **state)
{
	struct sample s;

	(void)state;
	sample_legacy(&s, "LOADER=generic,VIRT_BASE=0x");
	expect_refusal(&s, -EBADMSG, "VIRT_BASE is no number");
	sample_legacy(&s, "VIRT_BASE=18446744073709551616");
	expect_refusal(&s, -EBADMSG, "VIRT_BASE is no number");
	sample_legacy(&s, "HYPERCALL_PAGE=0xfffffffffffff");
	expect_refusal(&s, -EBADMSG, "HYPERCALL_PAGE");
	sample_legacy(&s, "HYPERCALL_PAGE=0xffffffffffffff");
	expect_refusal(&s, -EBADMSG, "no such frame");
	sample_legacy(&s, "SOMETHING=else");
	expect_refusal(&s, -ENOEXEC, "no Xen notes");
	sample_legacy(&s, "XEN_VER=xen-2.0");
	expect_refusal(&s, -EOPNOTSUPP, "'xen-2.0'");
	sample_legacy(&s, "LOADER=generic");
	((struct elf_section *)(void *)(s.bytes + 0x200))[1].size = 1 << 20;
	expect_refusal(&s, -EBADMSG, "__xen_guest");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_like_linux),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_paddr_offset),
		cmocka_unit_test(test_numbers_have_four_or_eight_bytes),
		cmocka_unit_test(test_last_note_is_cut_to_its_segment),
		cmocka_unit_test(test_notes_of_others_are_passed_over),
		cmocka_unit_test(test_notes_in_sections),
		cmocka_unit_test(test_legacy_string),
		cmocka_unit_test(test_legacy_narrow),
		cmocka_unit_test(test_legacy_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
