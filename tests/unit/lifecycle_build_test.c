/* SPDX-License-Identifier: MIT */
/*
 * A domain is created and built, then looked at as its kernel would: through
 * its own page tables. The oracle agrees with every count. Whatever runs out
 * on the way, nothing is lost and one line says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lifecycle_world.h"
#include "mm/mm.h"
#include "pte.h"

#define RAMDISK_BYTES 9000

static struct kernel_image kernel;
static uint8_t ramdisk[RAMDISK_BYTES];
static struct domain *d;
static struct vcpu *v;
static struct start_info si;

static struct domain_config config(void)
{
	return (struct domain_config){
		.name = "web",
		.first_id = 1,
		.max_pages = WORLD_PAGES,
		.vcpus = 2,
		.weight = 300,
		.boot_index = LIFECYCLE_NO_INDEX,
	};
}

static struct domain_image image(void)
{
	return (struct domain_image){
		.kernel = &kernel,
		.ramdisk = ramdisk,
		.ramdisk_bytes = RAMDISK_BYTES,
		.cmdline = "console=hvc0",
		.pages = WORLD_PAGES,
	};
}

/* Builds it and lets this CPU be in its kernel. */
static void make(unsigned int flags)
{
	struct domain_config c = config();
	struct domain_image i = image();

	for (unsigned int at = 0; at < RAMDISK_BYTES; at++)
		ramdisk[at] = (uint8_t)(at * 13 + at / 300);
	kernel = world_kernel(flags);
	world_make(2048);
	assert_int_equal(lifecycle_create(&c, &d), 0);
	assert_int_equal(lifecycle_build(d, &i), 0);
	v = d->vcpu[0];
	host_vcpu_enter(v);
	assert_int_equal(host_guest_read(v->regs->rsi, &si, sizeof(si)), 0);
}

static uint64_t peek(uint64_t va)
{
	uint64_t word;

	assert_int_equal(host_guest_read(va, &word, sizeof(word)), 0);
	return word;
}

static void assert_bytes(uint64_t va, const uint8_t *expected, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t byte;

		assert_int_equal(host_guest_read(va + i, &byte, 1), 0);
		assert_int_equal(byte, expected[i]);
	}
}

static void created(void **state)
{
	struct domain_config c = config();

	(void)state;
	world_make(128);
	assert_int_equal(lifecycle_create(&c, &d), 0);
	assert_int_equal(d->id, 1);
	assert_string_equal(d->name, "web");
	assert_ptr_equal(domain_find(1), d);
	assert_int_equal(d->sched.weight, 300);
	assert_int_equal(d->shared_frame->owner, 1);
	assert_int_equal(d->frames.max_pages, WORLD_PAGES);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(d->vcpu[i]->id, i);
		assert_int_equal(d->vcpu[i]->info->evtchn_upcall_mask, 1);
		assert_ptr_equal(d->vcpu[i]->info, &d->shared->vcpu_info[i]);
		assert_false(d->vcpu[i]->initialised);
		assert_int_equal(d->vcpu[i]->sched.stop,
				 VCPU_DOWN | VCPU_PAUSED);
	}
	world_check("created");
	c.vcpus = 33;
	assert_int_equal(lifecycle_create(&c, &d), -EINVAL);
	c.vcpus = 0;
	assert_int_equal(lifecycle_create(&c, &d), -EINVAL);
	host_fini();
}

/* Each allocation of a creation fails once. */
static void creation_undone(void **state)
{
	struct domain_config c = config();
	unsigned int failed = 0;
	uint64_t before;
	int rc;

	(void)state;
	host_explore_begin(1U << HOST_ALLOC_FAIL, 1);
	do {
		world_make(128);
		before = frame_free_pages();
		host_explore_on();
		rc = lifecycle_create(&c, &d);
		host_choose_nothing();
		if (rc) {
			failed++;
			assert_int_equal(rc, -ENOMEM);
			assert_int_equal(frame_free_pages(), before);
			assert_null(domain_next(-1));
		}
		world_check("creation");
		host_fini();
	} while (host_explore_next());
	assert_true(failed >= 6); /* domain, shared_info, vcpus and registers */
}

static void started(void **state)
{
	(void)state;
	make(WORLD_APART | WORLD_HYPERCALL);
	assert_int_equal(v->regs->rip, WORLD_ENTRY);
	assert_int_equal(v->regs->cs, FLAT_KERNEL_CS);
	assert_int_equal(v->regs->ss, FLAT_KERNEL_SS);
	assert_int_equal(v->regs->rflags, 0x202);
	assert_int_equal(v->regs->rsp % PAGE_SIZE, 0);
	assert_int_equal(v->trap.kernel_sp, v->regs->rsp);
	assert_int_equal(v->regs->rax | v->regs->rbx | v->regs->rcx |
				 v->regs->rdx | v->regs->rdi | v->regs->rbp |
				 v->regs->r8 | v->regs->r15,
			 0);
	assert_true(v->trap.kernel_mode);
	assert_true(v->initialised);
	assert_null(v->mm.root_user);
	/* Its time is there before its first instruction. */
	assert_true(v->info->time.tsc_to_system_mul);
	assert_int_equal(v->info->time.version & 1, 0);
	assert_true(d->shared->wc_sec);
	/* The stack is a page that it can write, and the next one is free. */
	assert_int_equal(host_guest_write(v->regs->rsp - 8, ramdisk, 8), 0);
	assert_int_equal(host_guest_write(v->regs->rsp, ramdisk, 8), 0);
	assert_int_equal(d->vcpu[0]->sched.stop, VCPU_PAUSED);
	host_fini();
}

static void start_info(void **state)
{
	(void)state;
	make(WORLD_APART);
	assert_string_equal(si.magic, "xen-3.0-x86_64");
	assert_int_equal(si.nr_pages, WORLD_PAGES);
	assert_int_equal(si.shared_info, frame_mfn(d->shared_frame).v << 12);
	assert_int_equal(si.flags, SIF_MOD_START_PFN);
	assert_int_equal(si.store_mfn, 0);
	assert_int_equal(si.store_evtchn, 0);
	assert_int_equal(si.mfn_list, WORLD_P2M);
	assert_int_equal(si.mod_len, RAMDISK_BYTES);
	assert_string_equal((const char *)si.cmd_line, "console=hvc0");
	assert_int_equal(si.first_p2m_pfn, 1024);
	assert_int_equal(si.nr_p2m_frames, 3 + 3);
	assert_int_equal(si.mod_start, 1024 + 3 + 3);
	assert_int_not_equal(si.console.domU.evtchn, 0);
	assert_ptr_equal(d->console.ring,
			 arch_frame_ptr(mfn(si.console.domU.mfn)));
	assert_int_equal(frame_of(mfn(si.console.domU.mfn))->owner, d->id);
	host_fini();
}

/* pfn, frame and machine-to-physical table agree; so do the addresses. */
static void frames_listed(void **state)
{
	static bool seen[2048];

	(void)state;
	memset(seen, 0, sizeof(seen));
	make(WORLD_APART);
	for (uint64_t pfn = 0; pfn < WORLD_PAGES; pfn++) {
		uint64_t m = peek(si.mfn_list + pfn * 8);

		assert_true(m < frame_limit && !seen[m]);
		seen[m] = true;
		assert_int_equal(arch_m2p[m], pfn);
		assert_int_equal(frame_of(mfn(m))->owner, d->id);
	}
	assert_int_equal(d->frames.tot_pages, WORLD_PAGES);
	world_check("built");
	host_fini();
}

/* Pages of the region lie at their address; only tables are read-only. */
static void mapped(void **state)
{
	uint64_t first, end, mark = 0;

	(void)state;
	make(WORLD_APART);
	first = (si.pt_base - WORLD_BASE) >> PAGE_SHIFT;
	end = first + si.nr_pt_frames;
	for (uint64_t pfn = 0; pfn < 1024; pfn++) {
		uint64_t m = peek(si.mfn_list + pfn * 8);
		uint64_t va = WORLD_BASE + pfn * PAGE_SIZE + 24, word;
		bool table = pfn >= first && pfn < end;

		word = peek(va);
		assert_memory_equal(&word, (char *)arch_frame_ptr(mfn(m)) + 24,
				    8);
		mark = word;
		assert_int_equal(host_guest_write(va, &mark, 8),
				 table ? -EFAULT : 0);
		if (!table)
			assert_int_equal(frame_type_of(frame_of(mfn(m))),
					 FRAME_WRITABLE);
		else
			assert_true(frame_is_validated(frame_of(mfn(m))));
	}
	assert_int_equal(
		host_guest_read(WORLD_BASE + 1024 * PAGE_SIZE, &mark, 8),
		-EFAULT);
	assert_int_equal(host_guest_write(si.mfn_list, &mark, 8), 0);
	host_fini();
}

/* L4 first, as pt_base says; pinned, as Linux expects when it unpins it. */
static void root(void **state)
{
	struct mmuext_op unpin = { .cmd = MMUEXT_UNPIN_TABLE };
	uint64_t m;

	(void)state;
	make(WORLD_APART);
	m = peek(si.mfn_list + ((si.pt_base - WORLD_BASE) >> PAGE_SHIFT) * 8);
	assert_int_equal(frame_mfn(v->mm.root_kernel).v, m);
	unpin.arg1.mfn = m;
	assert_int_equal(mm_ext_one(v, d, &unpin), 0);
	assert_int_equal(mm_ext_one(v, d, &unpin), -EINVAL);
	assert_true(frame_has_type(v->mm.root_kernel, FRAME_L4));
	host_fini();
}

static void kernel_and_ramdisk(void **state)
{
	uint8_t zeros[0x1000] = { 0 };
	uint64_t pfn;

	(void)state;
	make(WORLD_APART);
	assert_bytes(WORLD_KERNEL, world_bytes, 0x1100);
	assert_bytes(WORLD_KERNEL + 0x1100, zeros, 0x1000);
	assert_bytes(WORLD_KERNEL + 0x3f80, world_bytes + 0x1100, 0x700);
	assert_bytes(WORLD_KERNEL + 0x4680, zeros, 0x1000);
	for (unsigned int i = 0; i < RAMDISK_BYTES; i++) {
		pfn = si.mod_start + i / PAGE_SIZE;
		assert_int_equal(
			((uint8_t *)arch_frame_ptr(mfn(
				peek(si.mfn_list + pfn * 8))))[i % PAGE_SIZE],
			ramdisk[i]);
	}
	host_fini();
}

static void old_kernels_layout(void **state)
{
	(void)state;
	make(0);
	assert_int_equal(si.flags, 0);
	assert_int_equal(si.mod_start, WORLD_KERNEL + 0x6000);
	assert_bytes(si.mod_start, ramdisk, RAMDISK_BYTES);
	assert_int_equal(si.mfn_list, si.mod_start + 3 * PAGE_SIZE);
	assert_int_equal(si.first_p2m_pfn, 0);
	assert_int_equal(si.nr_p2m_frames, 0);
	assert_int_equal(arch_m2p[peek(si.mfn_list + 77 * 8)], 77);
	host_fini();
}

static void hypercall_page(void **state)
{
	static const uint8_t call29[32] = {
		0x51, 0x41, 0x53, 0xb8, 29,   0,    0,	  0,
		0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3, 0xcc, 0xcc,
	};
	static const uint8_t iret[12] = { 0x51, 0x41, 0x53, 0x50, 0xb8, 23,
					  0,	0,    0,    0x0f, 0x05, 0xcc };
	static const uint8_t int3[8] = { 0xcc, 0xcc, 0xcc, 0xcc,
					 0xcc, 0xcc, 0xcc, 0xcc };

	(void)state;
	make(WORLD_HYPERCALL);
	assert_bytes(WORLD_PAGE + 29 * 32, call29, 16);
	assert_bytes(WORLD_PAGE + 29 * 32 + 24, int3, 8);
	assert_bytes(WORLD_PAGE + 23 * 32, iret, 12);
	assert_int_equal(peek(WORLD_PAGE + 127 * 32 + 3) & 0xffff, 0x7fb8);
	host_fini();
	make(0);
	assert_int_equal(peek(WORLD_PAGE + 29 * 32), 0);
	host_fini();
}

static void privileged(void **state)
{
	struct domain_config c = config();
	struct domain_image i = image();

	(void)state;
	kernel = world_kernel(WORLD_APART);
	world_make(2048);
	c.privileged = true;
	c.first_id = 0;
	i.initial = true;
	i.ramdisk = NULL;
	i.ramdisk_bytes = 0;
	assert_int_equal(lifecycle_create(&c, &d), 0);
	assert_int_equal(d->id, 0);
	assert_int_equal(lifecycle_build(d, &i), 0);
	host_vcpu_enter(d->vcpu[0]);
	assert_int_equal(
		host_guest_read(d->vcpu[0]->regs->rsi, &si, sizeof(si)), 0);
	assert_int_equal(si.flags, SIF_PRIVILEGED | SIF_INITDOMAIN);
	assert_int_equal(si.mod_start, 0);
	assert_int_equal(si.mod_len, 0);
	assert_int_equal(si.console.domU.mfn, 0);
	assert_null(d->console.ring);
	world_check("built");
	host_fini();
}

static void long_command_line(void **state)
{
	static char line[2000];
	struct domain_config c = config();
	struct domain_image i = image();

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	i.cmdline = line;
	kernel = world_kernel(WORLD_APART);
	world_make(2048);
	assert_int_equal(lifecycle_create(&c, &d), 0);
	assert_int_equal(lifecycle_build(d, &i), 0);
	host_vcpu_enter(d->vcpu[0]);
	assert_int_equal(
		host_guest_read(d->vcpu[0]->regs->rsi, &si, sizeof(si)), 0);
	assert_int_equal(strlen((const char *)si.cmd_line), 1023);
	assert_true(world_said("guest web: command line cut after 1023"));
	host_fini();
}

/* A building that is refused leaves a domain that can be destroyed. */
static void expect_refused(struct domain_image *i, uint64_t max_pages,
			   unsigned int frames, int error, const char *text)
{
	struct domain_config c = config();
	uint64_t before;

	world_make(frames);
	before = frame_free_pages();
	c.max_pages = max_pages;
	assert_int_equal(lifecycle_create(&c, &d), 0);
	assert_int_equal(lifecycle_build(d, i), error);
	if (!world_said(text))
		fail_msg("not \"%s\" but %s", text, host_console_text());
	lifecycle_destroy(d);
	lifecycle_reap(); /* one step each */
	lifecycle_reap();
	assert_null(domain_find(1));
	assert_int_equal(frame_free_pages(), before);
	host_fini();
}

static void refused(void **state)
{
	struct domain_image i = image();

	(void)state;
	kernel = world_kernel(WORLD_APART);
	expect_refused(&i, WORLD_PAGES, 1000, -ENOMEM,
		       "guest web: 4 MiB asked for, 3 MiB free");
	i.pages = 1030; /* a ramdisk more than there is room for */
	expect_refused(&i, WORLD_PAGES, 2048, -EINVAL,
		       "guest web: 4120 KiB asked for, its kernel, ramdisk and "
		       "tables need 4132 KiB");
	i.pages = WORLD_PAGES;
	kernel.p2m_base = WORLD_KERNEL - WORLD_PAGES;
	expect_refused(&i, WORLD_PAGES, 2048, -EINVAL,
		       "guest web: its kernel "
		       "at 0xffffffff80100000 and 8 KiB of ramdisk do not fit");
}

/* Memory may run out at any allocation: orders shrink, or it ends well. */
static void memory_runs_out(void **state)
{
	struct domain_config c = config();
	struct domain_image i = image();
	unsigned int failed = 0, smaller = 0;
	uint64_t before;
	int rc;

	(void)state;
	kernel = world_kernel(WORLD_APART);
	for (unsigned int seed = 1; seed < 60; seed++) {
		world_make(2048);
		before = frame_free_pages();
		assert_int_equal(lifecycle_create(&c, &d), 0);
		host_choose_random(seed);
		host_choose_rate(HOST_ALLOC_FAIL, seed * 5);
		host_choose_rate(HOST_PREEMPT, 300);
		rc = lifecycle_build(d, &i);
		smaller += !rc && host_choices_made(HOST_ALLOC_FAIL);
		host_choose_nothing();
		failed += rc != 0;
		lifecycle_destroy(d);
		for (unsigned int n = 0; domain_find(1) && n < 10000; n++)
			lifecycle_reap();
		assert_int_equal(frame_free_pages(), before);
		world_check("destroyed");
		host_fini();
	}
	assert_true(failed > 10);
	assert_true(smaller > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(created),
		cmocka_unit_test(creation_undone),
		cmocka_unit_test(started),
		cmocka_unit_test(start_info),
		cmocka_unit_test(frames_listed),
		cmocka_unit_test(mapped),
		cmocka_unit_test(root),
		cmocka_unit_test(kernel_and_ramdisk),
		cmocka_unit_test(old_kernels_layout),
		cmocka_unit_test(hypercall_page),
		cmocka_unit_test(privileged),
		cmocka_unit_test(long_command_line),
		cmocka_unit_test(refused),
		cmocka_unit_test(memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
