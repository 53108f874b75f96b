/* SPDX-License-Identifier: MIT */
/*
 * A CPU's own tables in its area of the trampoline slot: the GDT window,
 * whose page 14 (selectors e000 to efff) is ours and has the flat segments
 * that the interface promises to guests of the width that runs here; the TSS
 * with the stacks; the IDT; the SYSCALL stubs.
 *
 * Pages 0 to 13 of the window show the GDT frames of the guest that runs
 * here, the LDT window its LDT as far as it was touched. Guests' frames are
 * mapped here for the processor alone: supervisor, so no guest reads them
 * through us.
 */
#include "arch.h"
#include "domain/domain.h"
#include "frame/frame.h"
#include "lib/string.h"
#include "pte.h"
#include "x86/cpu.h"
#include "x86/entry.h"
#include "x86/map.h"
#include "x86/msr.h"
#include "x86/offsets.h"
#include "x86/paging.h"
#include "x86/switch.h"
#include "x86/vectors.h"

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3, iomap;
} __attribute__((packed));

struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_mid;
	uint32_t offset_high, reserved;
};

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

#define DESC_TSS_AVAILABLE 0x9UL
#define DESC_LDT	   0x2UL
#define DESC_PRESENT	   (1UL << 47)
#define GATE_INTERRUPT	   0x8e
#define GATE_DPL1	   0x20
#define GATE_DPL3	   0x60

static uint64_t area(void)
{
	return CPU_AREA(this_cpu()->id);
}

/* A 16-byte system descriptor. */
static void system_descriptor(uint64_t *d, uint64_t base, uint64_t limit,
			      uint64_t type)
{
	d[0] = (limit & 0xffff) | (base & 0xffffff) << 16 | type << 40 |
	       DESC_PRESENT | (limit >> 16 & 0xf) << 48 |
	       (base >> 24 & 0xff) << 56;
	d[1] = base >> 32;
}

static uint64_t *own_descriptors(void)
{
	return (uint64_t *)(area() + CPU_AREA_GDT_OWN);
}

static uint64_t *descriptor(uint16_t selector)
{
	return own_descriptors() + ((selector & 0xfff) >> 3);
}

/*
 * The flat segments, from selector e018 on, which mean something else in each
 * width: none; 32-bit code and data, 64-bit code of ring 3. Or 32-bit code
 * and data of ring 1, and of ring 3. A 32-bit guest must not have the one for
 * 64-bit code: its addresses are what keeps ring 1 out of our range.
 */
#define FLAT_FIRST 0xe018
static const uint64_t flat[][4] = {
	[WIDTH_64] = { 0, 0x00cffb000000ffffUL, 0x00cff3000000ffffUL,
		       0x00affb000000ffffUL },
	[WIDTH_32] = { 0x00cfbb000000ffffUL, 0x00cfb3000000ffffUL,
		       0x00cffb000000ffffUL, 0x00cff3000000ffffUL },
};

static const uint64_t guest_end[] = {
	[WIDTH_64] = 0x0000800000000000UL,
	[WIDTH_32] = ABI_HV32_START,
};

static void width_set(enum domain_width width)
{
	memcpy(descriptor(FLAT_FIRST), flat[width], sizeof(flat[width]));
	this_cpu()->guest_end = guest_end[width];
}

void segments_width_load(enum domain_width width)
{
	if (unlikely(*descriptor(FLAT_FIRST) != flat[width][0]))
		width_set(width);
}

static void gdt_fill(void)
{
	*descriptor(SEL_HV_CS) = 0x00af9b000000ffffUL;
	*descriptor(SEL_HV_DS) = 0x00cf93000000ffffUL;
	width_set(WIDTH_64);
	system_descriptor(descriptor(SEL_TSS), area() + CPU_AREA_TSS,
			  sizeof(struct tss) - 1, DESC_TSS_AVAILABLE);
	*descriptor(SEL_LDT) = 0;
}

static void gdt_load(void)
{
	struct table_pointer gdtr = {
		.limit = CPU_AREA_GDT_OWN + PAGE_SIZE - 1,
		.base = area() + CPU_AREA_GDT,
	};
	uint64_t cs = SEL_HV_CS;

	__asm__ volatile("lgdt %0\n\t"
			 "push %1\n\t"
			 "lea 1f(%%rip), %%rax\n\t"
			 "push %%rax\n\t"
			 "lretq\n"
			 "1:\n\t"
			 "mov %2, %%ss\n\t"
			 "mov %3, %%ds\n\t"
			 "mov %3, %%es\n\t"
			 :
			 : "m"(gdtr), "r"(cs), "r"(SEL_HV_DS), "r"(0)
			 : "rax", "memory");
}

static void tss_fill(void)
{
	struct tss *tss = (void *)(area() + CPU_AREA_TSS);
	uint64_t stack = area() + CPU_AREA_STACK;

	memset(tss, 0, sizeof(*tss));
	tss->rsp[0] = (uint64_t)guest_frame() + REGS_HW_END;
	tss->ist[IST_DF - 1] = stack + CPU_STACK_IST_TOP(1);
	tss->ist[IST_NMI - 1] = stack + CPU_STACK_IST_TOP(2);
	tss->ist[IST_MC - 1] = stack + CPU_STACK_IST_TOP(3);
	tss->ist[IST_DB - 1] = stack + CPU_STACK_IST_TOP(4);
	tss->iomap = sizeof(*tss);
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
}

static unsigned int ist_of(unsigned int vector)
{
	switch (vector) {
	case 1:
		return IST_DB;
	case 2:
		return IST_NMI;
	case 8:
		return IST_DF;
	case 18:
		return IST_MC;
	default:
		return 0;
	}
}

static void gate_set(unsigned int vector, uint64_t at, uint8_t type)
{
	struct gate *idt = (void *)(area() + CPU_AREA_IDT);

	idt[vector] = (struct gate){
		.offset_low = (uint16_t)at,
		.offset_mid = (uint16_t)(at >> 16),
		.offset_high = (uint32_t)(at >> 32),
		.selector = SEL_HV_CS,
		.ist = (uint8_t)ist_of(vector),
		.type = type,
	};
}

/*
 * int3 and into come directly; so does the hypercall of 32-bit kernels, from
 * ring 1 alone; other `int n` are emulated from the #GP (trap/).
 */
static void idt_fill(void)
{
	struct table_pointer idtr = { 256 * sizeof(struct gate) - 1,
				      area() + CPU_AREA_IDT };

	for (unsigned int v = 0; v < 256; v++)
		gate_set(v, entry_points.vectors + 16 * v,
			 v == 3 || v == 4 ? GATE_INTERRUPT | GATE_DPL3
					  : GATE_INTERRUPT);
	gate_set(VECTOR_HYPERCALL, entry_points.hypercall32,
		 GATE_INTERRUPT | GATE_DPL1);
	__asm__ volatile("lidt %0" : : "m"(idtr));
}

static void syscall_init(void)
{
	uint64_t stub = area() + CPU_AREA_STUB;
	uint64_t phys = paging_virt_phys(stub);

	/* The stub's page is read-only and executable: write it elsewhere. */
	memcpy(arch_frame_ptr(mfn(phys >> PAGE_SHIFT)),
	       (const void *)entry_points.syscall_stub,
	       entry_points.syscall_stub_end - entry_points.syscall_stub);
	msr_write(MSR_STAR,
		  (uint64_t)FLAT_RING3_CS32 << 48 | (uint64_t)SEL_HV_CS << 32);
	msr_write(MSR_LSTAR, stub);
	msr_write(MSR_CSTAR, stub + entry_points.syscall32_stub -
				     entry_points.syscall_stub);
	msr_write(MSR_SYSENTER_CS, 0); /* a guest's SYSENTER is #GP */
	/* TF IF DF IOPL NT RF VM AC: all off while we are in. */
	msr_write(MSR_SYSCALL_MASK, 0x77700);
}

void segments_init(void)
{
	gdt_fill();
	gdt_load();
	tss_fill();
	idt_fill();
	syscall_init();
}

/* Where the guest has no GDT page: descriptors that are not present, so
 * that a selector there faults as one beyond the limit does. */
static const uint64_t empty_page[TABLE_ENTRIES]
	__attribute__((aligned(PAGE_SIZE)));

void arch_gdt_load(struct vcpu *v)
{
	uint64_t at = area() + CPU_AREA_GDT;
	uint64_t none = paging_image_phys(empty_page) | PTE_P | PTE_A | PTE_NX;

	for (unsigned int i = 0; i < GDT_GUEST_PAGES; i++) {
		struct frame *f = v->mm.gdt[i];
		uint64_t pte = f ? mfn_to_maddr(frame_mfn(f)).v | PTE_P |
					       PTE_RW | PTE_A | PTE_D | PTE_NX
				 : none;

		paging_window_set(at + i * PAGE_SIZE, pte);
	}
}

void arch_ldt_map_page(struct vcpu *v, unsigned int page, mfn_t m)
{
	(void)v;
	paging_window_set(area() + CPU_AREA_LDT + page * PAGE_SIZE,
			  mfn_to_maddr(m).v | PTE_P | PTE_RW | PTE_A | PTE_D |
				  PTE_NX);
}

void arch_ldt_load(struct vcpu *v)
{
	uint64_t at = area() + CPU_AREA_LDT;

	for (unsigned int i = 0; i < LDT_PAGES; i++) {
		if (v->mm.ldt[i])
			arch_ldt_map_page(v, i, frame_mfn(v->mm.ldt[i]));
		else
			paging_window_set(at + i * PAGE_SIZE, 0);
	}
	if (v->mm.ldt_entries) {
		system_descriptor(descriptor(SEL_LDT), at,
				  v->mm.ldt_entries * 8 - 1, DESC_LDT);
		__asm__ volatile("lldt %w0" : : "r"(SEL_LDT));
	} else {
		__asm__ volatile("lldt %w0" : : "r"(0));
	}
}
