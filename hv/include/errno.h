/* SPDX-License-Identifier: MIT */
/*
 * Error numbers: the interface's own, under the names every C programmer
 * knows. Functions return 0 or the negative of one of these; a guest sees
 * the same number. ERESTART never reaches a guest: it means "not finished,
 * run the same hypercall again" (see hv/call/).
 */
#ifndef LODGE_ERRNO_H
#define LODGE_ERRNO_H

#define XEN_ERRNO(name, value) name = (value),
enum {
#include <xen/errno.h>
	ERESTART = 85,
};

#endif
