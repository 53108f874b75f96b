/* SPDX-License-Identifier: MIT */
/*
 * A guest built by hypercalls: what a loader does before the first instruction
 * at lodger's _start. The child's frames appear in order at VIRT_BASE: 1 MiB
 * that nobody uses, the image, the list of frames, start_info, the console's
 * page, the page tables, the boot stack. The tables map all of it, themselves
 * for reading only.
 *
 * All is written through foreign mappings while the frames are still ordinary
 * memory. Then the mappings go, the root is pinned (the hypervisor checks all
 * tables), and the vCPU gets its registers.
 */
#include "lodger.h"
#include <xen/io/console.h>

#ifndef __i386__

struct elf_header {
	unsigned char ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, program, section;
	uint32_t flags;
	uint16_t size, program_size, programs;
};

struct elf_program {
	uint32_t type, flags;
	uint64_t offset, address, physical, in_file, in_memory, align;
};

#define PT_LOAD	   1
#define PER_PAGE   512
#define COPY_PAGES 64

const void *child_image(void)
{
	const void *image = (const void *)start_info->mod_start;

	if (!start_info->mod_len)
		return NULL;
	if (start_info->flags & SIF_MOD_START_PFN)
		image = pfn_to_virt(start_info->mod_start);
	return memcmp(image, "\177ELF", 4) == 0 ? image : NULL;
}

static const struct elf_program *program(const struct elf_header *elf,
					 unsigned int i)
{
	return (const struct elf_program *)((const char *)elf + elf->program) +
	       i;
}

static unsigned long image_end_pfn(const struct elf_header *elf)
{
	unsigned long end = 0, this_end;
	unsigned int i;

	for (i = 0; i < elf->programs; i++) {
		const struct elf_program *p = program(elf, i);

		this_end = (p->physical + p->in_memory + PAGE_SIZE - 1) /
			   PAGE_SIZE;
		if (p->type == PT_LOAD && this_end > end)
			end = this_end;
	}
	return end;
}

static void make_plan(struct child *child, const struct elf_header *elf)
{
	unsigned long pages = child->pages;
	struct plan *plan = &child->plan;

	plan->p2m = image_end_pfn(elf);
	plan->info = plan->p2m + (pages + PER_PAGE - 1) / PER_PAGE;
	plan->console = plan->info + 1;
	plan->l4 = plan->console + 1;
	plan->l3 = plan->l4 + 1;
	plan->l2 = plan->l3 + 1;
	plan->l1 = plan->l2 + 1;
	plan->nr_l1 = (pages + PER_PAGE - 1) / PER_PAGE;
	plan->stack = plan->l1 + plan->nr_l1;
	plan->end = plan->stack + 1;
	plan->entry = (unsigned long)elf->entry;
	/* The child is the program that we are. */
	plan->calls = virt_to_pfn(hypercall_page);
}

void *child_page(const struct child *child, unsigned long pfn)
{
	return control_map(0, child->dom, &child->frame[pfn], 1);
}

static unsigned long long least(unsigned long long a, unsigned long long b)
{
	return a < b ? a : b;
}

/* All frames are zero when they come. */
static void copy_image(const struct child *child, const struct elf_header *elf)
{
	unsigned long pfn, n;
	unsigned int i, pages;
	const char *from;
	char *to;

	for (i = 0; i < elf->programs; i++) {
		const struct elf_program *p = program(elf, i);

		if (p->type != PT_LOAD)
			continue;
		from = (const char *)elf + p->offset;
		pfn = p->physical / PAGE_SIZE;
		for (n = 0; n < p->in_file; n += pages * PAGE_SIZE) {
			pages = (unsigned int)least(
				COPY_PAGES,
				(p->in_file - n + PAGE_SIZE - 1) / PAGE_SIZE);
			to = control_map(0, child->dom,
					 &child->frame[pfn + n / PAGE_SIZE],
					 pages);
			memcpy(to, from + n,
			       least(p->in_file - n, pages * PAGE_SIZE));
			control_unmap(0, pages);
		}
	}
}

static pte_t entry_of(const struct child *child, unsigned long pfn, pte_t flags)
{
	return pte_make(child->frame[pfn], flags);
}

static void write_tables(const struct child *child)
{
	const struct plan *plan = &child->plan;
	unsigned long pfn, i, k;
	pte_t *table;

	for (i = 0, pfn = 0; i < plan->nr_l1; i++) {
		table = child_page(child, plan->l1 + i);
		for (k = 0; k < PER_PAGE && pfn < child->pages; k++, pfn++)
			table[k] = entry_of(child, pfn,
					    pfn >= plan->l4 && pfn < plan->stack
						    ? PTE_RO
						    : PTE_RW);
	}
	table = child_page(child, plan->l2);
	for (i = 0; i < plan->nr_l1; i++)
		table[(VIRT_BASE >> 21 & 511) + i] =
			entry_of(child, plan->l1 + i, PTE_TABLE);
	table = child_page(child, plan->l3);
	table[VIRT_BASE >> 30 & 511] = entry_of(child, plan->l2, PTE_TABLE);
	table = child_page(child, plan->l4);
	table[VIRT_BASE >> 39 & 511] = entry_of(child, plan->l3, PTE_TABLE);
}

void child_write_frames(const struct child *child)
{
	unsigned long done, n;
	void *list;

	for (done = 0; done < child->pages; done += PER_PAGE) {
		n = (unsigned long)least(PER_PAGE, child->pages - done);
		list = child_page(child, child->plan.p2m + done / PER_PAGE);
		memcpy(list, &child->frame[done], n * sizeof(xen_pfn_t));
	}
}

static unsigned long address(unsigned long pfn)
{
	return VIRT_BASE + pfn * PAGE_SIZE;
}

static void write_info(const struct child *child, const char *line)
{
	const struct plan *plan = &child->plan;
	start_info_t *info = child_page(child, plan->info);

	memcpy(info->magic, start_info->magic, sizeof(info->magic));
	info->nr_pages = child->pages;
	info->shared_info = child->shared * PAGE_SIZE;
	info->console.domU.mfn = child->frame[plan->console];
	info->pt_base = address(plan->l4);
	info->nr_pt_frames = plan->stack - plan->l4;
	info->mfn_list = address(plan->p2m);
	memcpy(info->cmd_line, line,
	       (size_t)least(strlen(line), MAX_GUEST_CMDLINE - 1));
}

long child_start(const struct child *child, vcpu_guest_context_t *context)
{
	xen_pfn_t root = child->frame[child->plan.l4];
	struct mmuext_op pin;
	long rc;

	memset(&pin, 0, sizeof(pin));
	pin.cmd = MMUEXT_PIN_L4_TABLE;
	pin.arg1.mfn = root;
	rc = HYPERVISOR_mmuext_op(&pin, 1, NULL, child->dom);
	if (rc)
		return rc;
	context->ctrlreg[3] = xen_pfn_to_cr3(root);
	return control_context(child->dom, XEN_DOMCTL_setvcpucontext, 0,
			       context);
}

static long first_start(const struct child *child)
{
	static vcpu_guest_context_t context;
	const struct plan *plan = &child->plan;

	memset(&context, 0, sizeof(context));
	context.flags = VGCF_in_kernel | VGCF_online;
	context.user_regs.rip = plan->entry;
	context.user_regs.rsp = address(plan->end);
	context.user_regs.rsi = address(plan->info);
	context.user_regs.rflags = RFLAGS_IF;
	context.user_regs.cs = FLAT_KERNEL_CS;
	context.user_regs.ss = FLAT_KERNEL_SS;
	context.kernel_ss = FLAT_KERNEL_SS;
	context.kernel_sp = address(plan->end);
	return child_start(child, &context);
}

static long write_calls(const struct child *child)
{
	xen_domctl_t op;

	memset(&op, 0, sizeof(op));
	op.u.hypercall_init.gmfn = child->frame[child->plan.calls];
	return control_domctl(XEN_DOMCTL_hypercall_init, child->dom, &op);
}

static long build(struct child *child, const struct elf_header *elf,
		  const char *line)
{
	long rc;

	make_plan(child, elf);
	TEST_ASSERT(child->plan.end <= child->pages, "%lu pages are too few",
		    child->pages);
	copy_image(child, elf);
	child_write_frames(child);
	write_tables(child);
	write_info(child, line);
	control_unmap(0, 1);
	rc = write_calls(child);
	return rc ? rc : first_start(child);
}

static long give_memory(struct child *child)
{
	xen_domctl_getdomaininfo_t info;
	unsigned long i;
	long got;

	for (i = 0; i < child->pages; i++)
		child->frame[i] = i;
	got = control_populate(child->dom, 0, (unsigned int)child->pages,
			       child->frame);
	if (got != (long)child->pages)
		return got < 0 ? got : -XEN_ENOMEM;
	got = control_info(child->dom, &info);
	child->shared = (xen_pfn_t)info.shared_info_frame;
	return got;
}

long child_empty(struct child *child, unsigned long pages)
{
	long rc;

	TEST_ASSERT(pages <= CHILD_PAGES_MAX, "no child has %lu pages", pages);
	child->pages = pages;
	rc = control_create(&child->dom);
	if (rc)
		return rc;
	rc = control_limits(child->dom, pages);
	if (!rc)
		rc = give_memory(child);
	if (rc)
		child_destroy(child);
	return rc;
}

long child_create(struct child *child, unsigned long pages, const char *line)
{
	const void *image = child_image();
	long rc;

	TEST_ASSERT(image, "the ramdisk is no guest");
	rc = child_empty(child, pages);
	if (rc)
		return rc;
	rc = build(child, image, line);
	if (rc)
		child_destroy(child);
	return rc;
}

size_t child_output(const struct child *child, char *out, size_t size)
{
	struct xencons_interface *ring = child_page(child, child->plan.console);
	XENCONS_RING_IDX cons = ring->out_cons, prod = ring->out_prod;
	size_t n = 0;

	for (; cons != prod && n + 1 < size; cons++)
		out[n++] = ring->out[MASK_XENCONS_IDX(cons, ring->out)];
	out[n] = '\0';
	barrier();
	ring->out_cons = cons;
	control_unmap(0, 1);
	return n;
}

unsigned int child_wait(const struct child *child)
{
	uint64_t end = clock_now() + 60 * SECOND;
	xen_domctl_getdomaininfo_t info;

	for (;;) {
		TEST_RESULT(control_info(child->dom, &info), 0);
		if (info.flags & XEN_DOMINF_shutdown)
			break;
		TEST_ASSERT(clock_now() < end, "domain %u runs on", child->dom);
		HYPERVISOR_sched_op(SCHEDOP_yield, 0);
	}
	return info.flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;
}

void child_gone(const struct child *child)
{
	uint64_t end = clock_now() + 60 * SECOND;
	xen_domctl_getdomaininfo_t info;

	while (control_info(child->dom, &info) == 0) {
		TEST_ASSERT(clock_now() < end, "domain %u lingers", child->dom);
		HYPERVISOR_sched_op(SCHEDOP_yield, 0);
	}
}

void child_destroy(const struct child *child)
{
	TEST_RESULT(control_destroy(child->dom), 0);
	child_gone(child);
}

#endif
