/* SPDX-License-Identifier: MIT */
/*
 * The boot CPU's way from boot.S to the first guest. Two halves: on the boot
 * tables, until there is an address space of our own; then, on this CPU's
 * stack at its final place, the rest.
 *
 * The distribution's unpackers run in the second half (hv/image/): they are
 * ordinary programs' code, with SSE and a stack protector, so for that time
 * FS points at a page for the protector's word. Interrupts stay off, and no
 * guest exists yet.
 */
#include "arch.h"
#include "boot/boot.h"
#include "bug.h"
#include "call/call.h"
#include "log/log.h"
#include "sched/sched.h"
#include "time/time.h"
#include "x86/acpi.h"
#include "x86/apic.h"
#include "x86/console.h"
#include "x86/cpu.h"
#include "x86/map.h"
#include "x86/memory.h"
#include "x86/msr.h"
#include "x86/multiboot.h"
#include "x86/offsets.h"
#include "x86/paging.h"
#include "x86/switch.h"
#include "x86/tsc.h"

extern char boot_cpu_stack[];
_Noreturn void stack_switch(uint64_t sp, void (*fn)(void));
_Noreturn void enter_first_guest(void);
_Noreturn void boot_main(uint32_t magic, uint32_t info, uint64_t image_phys);

#define READING_US 5000000

static struct boot_info boot;
static struct hv_options options;
static struct boot_module modules[MULTIBOOT_MODULES];

static void option_pass(void *ctx, const char *message)
{
	(void)ctx;
	(void)message;
}

static void option_note(void *ctx, const char *message)
{
	(void)ctx;
	log_info("%s", message);
}

/* The page whose word at 0x28 the unpackers' stack protector checks. */
static uint8_t protector_page[64];

static int guests_prepare(void)
{
	int rc;

	for (unsigned int i = 0; i < boot.nmodules; i++)
		modules[i] = (struct boot_module){
			.data = (void *)(MAP_DIRECT + boot.modules[i].start),
			.bytes = boot.modules[i].end - boot.modules[i].start,
			.string = boot.modules[i].string,
		};
	msr_write(MSR_FS_BASE, (uint64_t)protector_page);
	rc = boot_guests_prepare(modules, boot.nmodules, &options);
	msr_write(MSR_FS_BASE, 0);
	return rc;
}

/*
 * No guest can run. Whoever sits before the screen wants to read why, so the
 * machine does not go off at once under his eyes; with noreboot it stays.
 */
static _Noreturn void give_up(void)
{
	log_error("no guest can run: the machine stops here");
	if (options.noreboot)
		arch_panic();
	if (!boot.efi && (options.console & CONSOLE_VGA))
		tsc_delay_us(READING_US);
	arch_machine_off();
}

/* On this CPU's own stack, in our own address space. */
static void boot_second_half(void)
{
	paging_early_done();
	segments_init();
	speculation_init();
	memory_give(&boot.memory);
	memory_report(&boot);
	if (acpi_init(boot.rsdp, boot.rsdp_bytes, paging_map_firmware))
		log_warn("no ACPI tables: one CPU, no power-off");
	tsc_calibrate();
	apic_setup();
	apic_init();
	time_init();
	sched_init();
	apic_devices_init();
	console_listen();
	if (guests_prepare() || boot_guests_start())
		give_up();
	memory_give_modules(&boot);
	enter_first_guest();
}

void boot_main(uint32_t magic, uint32_t info, uint64_t image_phys)
{
	struct memory_map *m = &boot.memory;
	int rc = multiboot_read(magic, info, &boot);

	options_parse_hv(boot.cmdline, &options, option_pass, NULL);
	console_setup(&options, boot.efi);
	version_set_commandline(boot.cmdline);
	log_set_levels(options.loglvl, options.guest_loglvl);
	log_info("Lodge %u.%u, a hypervisor for paravirtual guests",
		 ABI_VERSION_MAJOR, ABI_VERSION_MINOR);
	options_parse_hv(boot.cmdline, &options, option_note, NULL);
	if (rc || m->n == 0)
		panic("no boot loader that we know: magic %#x", magic);
	if (boot.truncated)
		log_warn("the loader told more than we have room for");
	cpu_detect();
	cpu_init();
	speculation_prepare(&options.spec);
	memory_in_use(&boot, image_phys);
	paging_init(m, image_phys);
	paging_map_cpu_area(0, paging_image_phys(boot_cpu_stack));
	paging_activate();
	stack_switch(CPU_AREA(0) + CPU_AREA_STACK + CPU_STACK_SIZE -
			     CPU_BLOCK_SIZE - REGS_BYTES - 8,
		     boot_second_half);
}
