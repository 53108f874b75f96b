/* SPDX-License-Identifier: MIT */
/*
 * What the boot loader's command lines ask for: which guests to start from
 * which modules, and the hypervisor's own options. Pure functions over
 * strings; nothing here acts.
 */
#ifndef LODGE_BOOT_OPTIONS_H
#define LODGE_BOOT_OPTIONS_H

#include "domain/domain.h"
#include "log/log.h"
#include "types.h"

#define BOOT_MODULES_MAX 64
#define BOOT_GUESTS_MAX	 32
#define BOOT_NO_MODULE	 (~0U)
/* A guest that names no memory=, vcpus= or weight= gets this. */
#define BOOT_MEMORY_DEFAULT (256UL << 20)
#define BOOT_WEIGHT_DEFAULT 256U
#define BOOT_WEIGHT_MAX	    65535U

/* One line for a person: which module, which word, what was expected. */
struct option_error {
	char text[240];
};

enum module_kind {
	MODULE_PLAIN, /* no domain= and no ramdisk=: by position, as in Xen */
	MODULE_DOMAIN,
	MODULE_RAMDISK,
};

/* One module's string, taken apart. */
struct module_options {
	enum module_kind kind;
	char name[DOMAIN_NAME_MAX]; /* of the guest; "" for a plain module */
	uint64_t memory;	    /* bytes, whole pages */
	uint32_t vcpus, weight;
	const char *cmdline; /* the guest's own, inside the string given */
};

/* A guest to start: which modules, and how. */
struct boot_guest {
	unsigned int kernel;  /* module numbers */
	unsigned int ramdisk; /* or BOOT_NO_MODULE */
	bool dom0; /* then options has a name and a command line, no more */
	struct module_options options;
};

struct boot_plan {
	unsigned int nr_guests;
	struct boot_guest guest[BOOT_GUESTS_MAX];
};

/*
 * Takes apart the string of module number `module`. The first word is the
 * file's name, or GRUB's placeholder. Returns -EINVAL and a message for an
 * unknown, malformed or repeated option, or when the first word is an option.
 */
[[nodiscard]] int options_parse_module(unsigned int module, const char *string,
				       struct module_options *out,
				       struct option_error *err);

/*
 * Decides from the strings of all modules which guests there are. A plain
 * module 0 is domain 0's kernel, a plain module 1 then its ramdisk. Besides
 * what options_parse_module() refuses: no module, two guests of one name, a
 * ramdisk of no guest or a second one, a plain module elsewhere (-EINVAL).
 */
[[nodiscard]] int options_plan(const char *const *strings, unsigned int nr,
			       struct boot_plan *out, struct option_error *err);

/* --- the hypervisor's own line ------------------------------------------- */

enum option_choice { CHOICE_DEFAULT, CHOICE_OFF, CHOICE_ON };

#define CONSOLE_COM1 1U
#define CONSOLE_COM2 2U
#define CONSOLE_VGA  4U

/* com1=BAUD[/CLOCK][,8n1[,PORT[,IRQ]]]; what is not named is 0. */
struct uart_options {
	bool given;
	uint32_t baud;	/* 0: as the firmware left it ("auto") */
	uint32_t clock; /* Hz */
	uint8_t data_bits, stop_bits;
	char parity; /* n, o, e, m or s */
	uint16_t port;
	uint8_t irq;
};

/* dom0_mem= is a list of sizes; -SIZE means "all memory but that". */
struct memory_request {
	uint64_t bytes; /* 0: not given */
	bool all_but;
};

/* spec-ctrl= and xpti=, by the names of their parts. */
struct spec_options {
	enum option_choice msr_sc, rsb, verw, ibpb_entry, bhb_entry;
	enum option_choice ibrs, ibpb, ssbd, psfd, stibp, l1d_flush;
	enum option_choice bhi_dis_s, unpriv_mmio;
	enum option_choice xpti_dom0, xpti_domu;
	bool idle_parts; /* some are known and change nothing here */
};

struct hv_options {
	uint32_t console; /* CONSOLE_* bits */
	struct uart_options com[2];
	enum log_level loglvl, guest_loglvl;
	struct memory_request dom0_mem, dom0_mem_min, dom0_mem_max;
	uint32_t dom0_vcpus_min, dom0_vcpus_max; /* max 0: as many as CPUs */
	uint32_t grant_frames, maptrack_frames; /* of a domain; 0: not said */
	size_t conring_bytes; /* of the log's ring; 0: not said */
	bool console_to_ring; /* it keeps domain 0's console, too */
	bool noreboot;
	bool vga_keep; /* we write on the screen when domain 0 runs, too */
	struct spec_options spec;
};

/* Told each word that is passed over, as one line for a person. */
typedef void option_report_fn(void *ctx, const char *message);

/*
 * Fills `out` with the defaults and then by the words of `line`; NULL is an
 * empty line. It cannot fail: words that are unknown (they may be meant for
 * Xen) or malformed are reported and passed over. A first word that is no
 * option is the file's name and not reported.
 */
void options_parse_hv(const char *line, struct hv_options *out,
		      option_report_fn *report, void *ctx);

#endif
