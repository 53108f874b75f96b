/* SPDX-License-Identifier: MIT */
/*
 * What each CPU has loaded for the vcpu that it runs: registers, segments,
 * descriptor tables, the root. Nothing is pretended: what the core loads can
 * be read back, must make sense, and belongs to the vcpu that runs here.
 */
#include <string.h>

#include "errno.h"
#include "host/host.h"
#include "mm/mm.h"

static struct {
	struct cpu_user_regs regs;
	struct host_loaded loaded;
} cpus[HOST_MAX_CPUS];

void host_vcpus_forget(void)
{
	memset(cpus, 0, sizeof(cpus));
}

struct cpu_user_regs *host_regs(unsigned int cpu)
{
	return &cpus[cpu].regs;
}

const struct host_loaded *host_loaded(unsigned int cpu)
{
	return &cpus[cpu].loaded;
}

static struct host_loaded *loaded(void)
{
	return &cpus[host_this->id].loaded;
}

static void must_run_here(const struct vcpu *v)
{
	if (host_this->current != v)
		host_fail("cpu %u loads something for a vcpu that it does "
			  "not run",
			  host_this->id);
}

int arch_vcpu_init(struct vcpu *v)
{
	v->regs = &v->saved;
	v->xcr0 = 1;
	v->xstate = frame_alloc_bytes(PAGE_SIZE);
	return v->xstate ? 0 : -ENOMEM;
}

void arch_vcpu_exit(struct vcpu *v)
{
	for (unsigned int i = 0; i < host_nr_cpus; i++)
		if (host_cpus[i].current == v)
			host_fail("a vcpu ends that cpu %u runs", i);
	frame_free_bytes(v->xstate, PAGE_SIZE);
	v->xstate = NULL;
}

static void leave(struct vcpu *v)
{
	struct host_loaded *l = loaded();
	bool kernel = v->trap.kernel_mode;

	v->saved = cpus[host_this->id].regs;
	v->regs = &v->saved;
	v->fs_base = l->fs_base;
	v->gs_base_kernel = kernel ? l->gs_base : l->gs_base_inactive;
	v->gs_base_user = kernel ? l->gs_base_inactive : l->gs_base;
	memset(l, 0, sizeof(*l));
}

static void enter(struct vcpu *v)
{
	struct host_loaded *l = loaded();
	bool kernel = v->trap.kernel_mode;

	cpus[host_this->id].regs = v->saved;
	v->regs = &cpus[host_this->id].regs;
	l->fs_base = v->fs_base;
	l->gs_base = kernel ? v->gs_base_kernel : v->gs_base_user;
	l->gs_base_inactive = kernel ? v->gs_base_user : v->gs_base_kernel;
	l->xcr0 = v->xcr0;
	l->cr4 = v->trap.cr4;
	l->task_switched = v->trap.task_switched;
	memcpy(l->debugreg, v->trap.debugreg, sizeof(l->debugreg));
	arch_gdt_load(v);
	arch_ldt_load(v);
	flush_note();
	if (root_guest(v))
		mm_root_activate(v);
	else
		arch_root_load(mfn(0));
}

void arch_switch(struct vcpu *prev, struct vcpu *next)
{
	if (host_this->current != prev)
		host_fail("cpu %u switches from a vcpu that it does not run",
			  host_this->id);
	for (unsigned int i = 0; next && i < host_nr_cpus; i++)
		if (i != host_this->id && host_cpus[i].current == next)
			host_fail("cpu %u takes a vcpu that cpu %u runs",
				  host_this->id, i);
	if (prev)
		leave(prev);
	host_this->current = next;
	if (next)
		enter(next);
	else
		arch_root_load(mfn(0));
}

void arch_gdt_load(struct vcpu *v)
{
	struct host_loaded *l = loaded();

	must_run_here(v);
	for (unsigned int i = 0; i < GDT_GUEST_PAGES; i++)
		l->gdt[i] = v->mm.gdt[i] ? frame_mfn(v->mm.gdt[i]).v : 0;
	l->gdt_entries = v->mm.gdt_entries;
}

void arch_ldt_load(struct vcpu *v)
{
	struct host_loaded *l = loaded();

	must_run_here(v);
	for (unsigned int i = 0; i < LDT_PAGES; i++)
		l->ldt[i] = v->mm.ldt[i] ? frame_mfn(v->mm.ldt[i]).v : 0;
	l->ldt_entries = v->mm.ldt_entries;
}

void arch_ldt_map_page(struct vcpu *v, unsigned int page, mfn_t m)
{
	must_run_here(v);
	loaded()->ldt[page] = m.v;
}

static uint64_t *gs_base(struct vcpu *v, bool kernel)
{
	struct host_loaded *l = loaded();

	return v->trap.kernel_mode == kernel ? &l->gs_base
					     : &l->gs_base_inactive;
}

void arch_segment_base_set(struct vcpu *v, unsigned int which, uint64_t base)
{
	must_run_here(v);
	if (base >= 1UL << 47 && base < -(1UL << 47))
		host_fail("segment base %#lx is not canonical", base);
	if (which == SEGBASE_FS)
		loaded()->fs_base = base;
	else
		*gs_base(v, which == SEGBASE_GS_KERNEL) = base;
}

uint64_t arch_segment_base_get(struct vcpu *v, unsigned int which)
{
	must_run_here(v);
	if (which == SEGBASE_FS)
		return loaded()->fs_base;
	return *gs_base(v, which == SEGBASE_GS_KERNEL);
}

/* A selector of ring 3 or a null one; the rest do not load. */
static uint16_t loadable(uint16_t selector)
{
	return (selector & 3) == 3 ? selector : 0;
}

void arch_gs_user_selector_set(struct vcpu *v, uint16_t selector)
{
	must_run_here(v);
	v->gs_user_selector = loadable(selector);
	*gs_base(v, false) = 0;
}

void arch_swap_gs(void)
{
	struct host_loaded *l = loaded();
	uint64_t base = l->gs_base;

	l->gs_base = l->gs_base_inactive;
	l->gs_base_inactive = base;
}

void arch_data_segments_load(uint16_t ds, uint16_t es, uint16_t fs, uint16_t gs)
{
	struct host_loaded *l = loaded();

	l->ds = loadable(ds);
	l->es = loadable(es);
	l->fs = loadable(fs);
	l->gs = loadable(gs);
}

uint16_t arch_segment_selector(unsigned int segment)
{
	const struct host_loaded *l = loaded();
	const uint16_t selectors[] = { l->es, 0, 0, l->ds, l->fs, l->gs };

	return selectors[segment];
}

void arch_task_switched_set(bool ts)
{
	loaded()->task_switched = ts;
}

void arch_debugreg_load(unsigned int n, uint64_t value)
{
	loaded()->debugreg[n] = value;
}

uint64_t arch_debugreg_read(unsigned int n)
{
	return loaded()->debugreg[n];
}

void arch_cr4_load(struct vcpu *v)
{
	must_run_here(v);
	loaded()->cr4 = v->trap.cr4;
}

void arch_xcr0_load(uint64_t xcr0)
{
	if (!(xcr0 & 1) || (xcr0 & ~arch_xcr0_mask()))
		host_fail("XCR0 cannot be %#lx", xcr0);
	loaded()->xcr0 = xcr0;
}

uint64_t arch_xcr0_mask(void)
{
	return 7;
}
