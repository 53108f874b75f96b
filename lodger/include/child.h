/* SPDX-License-Identifier: MIT */
/*
 * Children: small guests that a privileged one builds by hypercalls. 64-bit
 * only.
 */
#ifndef LODGER_CHILD_H
#define LODGER_CHILD_H

#include "control.h"

#define CHILD_PAGES_MAX 2048

/* Where everything lies, in the child's own frame numbers. */
struct plan {
	unsigned long p2m, info, console, l4, l3, l2, l1, nr_l1, stack, end;
	unsigned long entry, calls;
};

struct child {
	domid_t dom;
	unsigned long pages;
	xen_pfn_t shared; /* the machine's frame of its shared_info */
	struct plan plan;
	xen_pfn_t frame[CHILD_PAGES_MAX]; /* the machine's, by pfn */
};

/* The image that children run: our ramdisk, an ELF file. NULL: none. */
const void *child_image(void);
/*
 * A new domain with that image, this command line, and a console. It is
 * paused. An error leaves nothing behind.
 */
long child_create(struct child *child, unsigned long pages, const char *line);
/*
 * What save and restore do, without a file between: another domain that goes
 * on where from, which is paused, has stopped.
 */
long child_copy(struct child *child, const struct child *from);

/* What it has written; it is forgotten there. */
size_t child_output(const struct child *child, char *out, size_t size);
/* Waits until it has shut down and returns the reason (SHUTDOWN_*). */
unsigned int child_wait(const struct child *child);
/* Waits until nobody knows a domain that was destroyed. */
void child_gone(const struct child *child);
/* Destroys it and waits. */
void child_destroy(const struct child *child);

/* The parts, for those who build otherwise. */
long child_empty(struct child *child, unsigned long pages);
void *child_page(const struct child *child, unsigned long pfn);
void child_write_frames(const struct child *child);
/* Makes l4 the root and lets the vCPU begin with this. */
long child_start(const struct child *child, vcpu_guest_context_t *context);

#endif
