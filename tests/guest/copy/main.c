/* SPDX-License-Identifier: MIT */
/*
 * Copy: a domain is copied while it runs, as live migration does.
 *
 * Two domains run this program. The one without privilege writes to its
 * memory, makes page tables and programs, and tears them down, without end.
 * Domain 0 turns the log of written pages on, copies every page, and then
 * again and again those that have been written since; at last it stops the
 * writer and copies the rest. Then each page of the copy must be what the
 * page is: a single write that the log has missed is a difference.
 *
 * With "times=N" that is done N times, and then domain 0 waits for the end of
 * the other, which may be any guest.
 *
 * The writer is not to notice: it reads its page tables as it wrote them
 * (accessed and dirty bits among them), and goes on when it is let go.
 */
#define __XEN_TOOLS__ 1
#include "lodger.h"

/* This header wants the language of GNU. */
#undef __STRICT_ANSI__
#define inline __inline__
#include <xen/domctl.h>

#define PAGES_MAX 65536UL /* 256 MiB */
#define ROUNDS	  12
#define WINDOW	  ((void *)(VIRT_BASE + 0x30000000UL))

/* ---- the writer ---- */

extern const char user_code[], user_code_end[];
__asm__(".section .rodata\n"
	"user_code:\n"
	"	incq	-8(%rsp)\n"
	"	mov	-8(%rsp), %rdi\n"
	"	syscall\n"
	"	jmp	user_code\n"
	"user_code_end:\n"
	"	.previous");

#define SCRATCH 512

static unsigned long *scratch[SCRATCH];

/* A page whose dirty bit it cleared is clean until it writes there. */
static void dirty_bits_are_true(unsigned long *page)
{
	pte_t *entry = table_lookup(page);

	TEST_RESULT(table_write(entry, *entry & ~PTE_DIRTY), 0);
	table_flush();
	TEST_ASSERT(*page != 1 && !(*entry & PTE_DIRTY),
		    "an entry became dirty by a read");
	*page = 2;
	TEST_ASSERT(*entry & PTE_DIRTY, "an entry stayed clean after a write");
}

static void write_for_ever(void)
{
	unsigned long seed = 1, turn, i;
	static struct user user;

	for (i = 0; i < SCRATCH; i++)
		scratch[i] = page_alloc();
	for (turn = 0;; turn++) {
		for (i = 0; i < 40; i++) {
			seed = seed * 6364136223846793005UL + 1;
			scratch[(seed >> 33) % SCRATCH][(seed >> 50) % 512] =
				seed;
		}
		if (turn % 4 == 0) {
			user_create(&user, user_code, user_code_end);
			TEST_RESULT(user_run(&user), VECTOR_SYSCALL);
			TEST_RESULT(user.regs.rdi, 1);
			TEST_RESULT(user_run(&user), VECTOR_SYSCALL);
			TEST_RESULT(user.regs.rdi, 2);
			user_destroy(&user);
		}
		dirty_bits_are_true(scratch[turn % SCRATCH]);
	}
}

/* ---- the copier ---- */

static domid_t writer = DOMID_INVALID;
static unsigned long mfn_of[PAGES_MAX];
static char *copy_of[PAGES_MAX];
static unsigned long bits[PAGES_MAX / 64];
static unsigned long nr_pages;
static unsigned long others; /* how often to copy a guest of another kind */

static long domctl(struct xen_domctl *op, unsigned int cmd)
{
	op->cmd = cmd;
	op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	op->domain = writer;
	return HV1(domctl, op);
}

static long shadow_op(unsigned int cmd, unsigned int mode,
		      struct xen_domctl_shadow_op *out)
{
	struct xen_domctl op;
	long rc;

	memset(&op, 0, sizeof(op));
	op.u.shadow_op.op = cmd;
	op.u.shadow_op.mode = mode;
	op.u.shadow_op.pages = PAGES_MAX;
	set_xen_guest_handle(op.u.shadow_op.dirty_bitmap, (uint8_t *)bits);
	rc = domctl(&op, XEN_DOMCTL_shadow_op);
	if (out)
		*out = op.u.shadow_op;
	return rc;
}

static long window_map(unsigned long mfn)
{
	return hypercall(__HYPERVISOR_update_va_mapping_otherdomain,
			 HV_ARG(WINDOW), pte_make(mfn, PTE_RO),
			 UVMF_INVLPG | UVMF_LOCAL, writer, 0);
}

/*
 * The writer's frames, by trying each of the machine's. False when it is just
 * moving them about: Linux does while it starts.
 */
static int frames_find(void)
{
	unsigned long last = (unsigned long)HYPERVISOR_memory_op(
			      XENMEM_maximum_ram_page, NULL), mfn, pfn;

	memset(mfn_of, 0, sizeof(mfn_of));
	nr_pages = 0;
	for (mfn = 0; mfn <= last; mfn++) {
		if (window_map(mfn))
			continue;
		pfn = M2P[mfn];
		if (pfn == ~0UL)
			continue; /* shared_info has no place in it */
		if (pfn >= PAGES_MAX || mfn_of[pfn])
			return 0;
		mfn_of[pfn] = mfn;
		if (!copy_of[pfn])
			copy_of[pfn] = page_alloc();
		nr_pages++;
	}
	return 1;
}

static void page_copy(unsigned long pfn)
{
	TEST_RESULT(window_map(mfn_of[pfn]), 0);
	memcpy(copy_of[pfn], WINDOW, PAGE_SIZE);
}

static unsigned long round(unsigned int op, unsigned int mode)
{
	struct xen_domctl_shadow_op done;
	unsigned long pfn, n = 0;

	TEST_RESULT(shadow_op(op, mode, &done), 0);
	TEST_ASSERT(done.pages == PAGES_MAX, "%lu pages", (long)done.pages);
	for (pfn = 0; pfn < PAGES_MAX; pfn++) {
		if (!(bits[pfn / 64] >> (pfn % 64) & 1))
			continue;
		TEST_ASSERT(mfn_of[pfn], "pfn %lx is no page", pfn);
		page_copy(pfn);
		n++;
	}
	TEST_RESULT(done.stats.dirty_count, n);
	return n;
}

/*
 * A page that differs must be reported next time: the hypervisor may still
 * make an event pending while the domain is paused.
 */
static void compare(void)
{
	static unsigned long differs[PAGES_MAX / 64];
	unsigned long pfn;

	memset(differs, 0, sizeof(differs));
	for (pfn = 0; pfn < PAGES_MAX; pfn++) {
		if (!mfn_of[pfn])
			continue;
		TEST_RESULT(window_map(mfn_of[pfn]), 0);
		if (memcmp(copy_of[pfn], WINDOW, PAGE_SIZE))
			differs[pfn / 64] |= 1UL << (pfn % 64);
	}
	TEST_RESULT(shadow_op(XEN_DOMCTL_SHADOW_OP_PEEK, 0, NULL), 0);
	for (pfn = 0; pfn < PAGES_MAX; pfn++)
		TEST_ASSERT(!(differs[pfn / 64] & ~bits[pfn / 64] &
			      1UL << (pfn % 64)),
			    "pfn %lx was written unnoticed", pfn);
}

static unsigned int flags(void)
{
	struct xen_domctl op;

	TEST_RESULT(domctl(&op, XEN_DOMCTL_getdomaininfo), 0);
	return op.u.getdomaininfo.flags;
}

static void let_it_run(void)
{
	unsigned long until = clock_now() + 20 * MILLISECOND;

	while (clock_now() < until)
		HYPERVISOR_sched_op(SCHEDOP_yield, NULL);
}

static void refusals(void)
{
	struct xen_domctl op;

	TEST_RESULT(round(XEN_DOMCTL_SHADOW_OP_PEEK, 0) > 0, 1);
	TEST_RESULT(shadow_op(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY, 0, NULL),
		    -XEN_EEXIST);
	TEST_RESULT(shadow_op(99, 0, NULL), -XEN_EINVAL);
	memset(&op, 0, sizeof(op));
	op.cmd = XEN_DOMCTL_pausedomain;
	op.interface_version = XEN_DOMCTL_INTERFACE_VERSION - 1;
	TEST_RESULT(HV1(domctl, &op), -XEN_EACCES);
	op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	op.domain = DOMID_FIRST_RESERVED - 1;
	TEST_RESULT(HV1(domctl, &op), -XEN_ESRCH);
	TEST_RESULT(HV1(domctl, 8), -XEN_EFAULT);
}

static void copy_it(void)
{
	unsigned long i, n, least = nr_pages, total = 0;
	struct xen_domctl op;

	TEST_RESULT(shadow_op(XEN_DOMCTL_SHADOW_OP_CLEAN, 0, NULL),
		    -XEN_EINVAL);
	TEST_RESULT(shadow_op(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY, 0, NULL),
		    0);
	for (i = 0; i < PAGES_MAX; i++)
		if (mfn_of[i])
			page_copy(i);
	let_it_run();
	refusals();
	for (i = 0; i < ROUNDS; i++) {
		n = round(XEN_DOMCTL_SHADOW_OP_CLEAN, 0);
		least = n < least ? n : least;
		total += n;
		let_it_run();
	}
	TEST_RESULT(domctl(&op, XEN_DOMCTL_pausedomain), 0);
	TEST_ASSERT(flags() & XEN_DOMINF_paused, "not paused");
	round(XEN_DOMCTL_SHADOW_OP_CLEAN, XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL);
	compare();
	printf("%lu pages, %lu written in %u rounds, %lu in the least\n",
	       nr_pages, total, ROUNDS, least);
	TEST_ASSERT(total > ROUNDS && least < nr_pages / 2,
		    "the log says all or nothing");
}

static void let_it_go(void)
{
	struct xen_domctl op;
	uint64_t before;

	TEST_RESULT(shadow_op(XEN_DOMCTL_SHADOW_OP_OFF, 0, NULL), 0);
	TEST_RESULT(domctl(&op, XEN_DOMCTL_unpausedomain), 0);
	TEST_RESULT(domctl(&op, XEN_DOMCTL_unpausedomain), -XEN_EINVAL);
	TEST_RESULT(domctl(&op, XEN_DOMCTL_getdomaininfo), 0);
	before = op.u.getdomaininfo.cpu_time;
	let_it_run();
	TEST_RESULT(domctl(&op, XEN_DOMCTL_getdomaininfo), 0);
	/* Another guest may have nothing to do just now. */
	TEST_ASSERT(op.u.getdomaininfo.cpu_time > before || others,
		    "it does not run");
	TEST_ASSERT(!(flags() & (XEN_DOMINF_shutdown | XEN_DOMINF_dying)),
		    "the writer is dead");
}

static void wait_for_its_end(void)
{
	struct xen_domctl op;

	while (domctl(&op, XEN_DOMCTL_getdomaininfo) == 0 &&
	       !(op.u.getdomaininfo.flags & XEN_DOMINF_dying))
		let_it_run();
}

void test_main(void)
{
	struct xen_domctl op;
	unsigned long i;

	others = option_number("times=", 0);

	if (!is_initial_domain())
		write_for_ever();
	for (writer = 1; writer < 8; writer++)
		if (domctl(&op, XEN_DOMCTL_getdomaininfo) == 0)
			break;
	if (writer == 8)
		test_skip("there is no second domain to copy");
	TEST_RESULT(table_map(WINDOW, virt_to_mfn(page_alloc()), PTE_RO), 0);
	for (i = 0; i < others || !i; i++) {
		while (!frames_find())
			let_it_run();
		copy_it();
		let_it_go();
	}
	if (others)
		wait_for_its_end();
}
