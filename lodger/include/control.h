/* SPDX-License-Identifier: MIT */
/* What a privileged domain does to others: the control calls one by one. */
#ifndef LODGER_CONTROL_H
#define LODGER_CONTROL_H

/* domctl.h reads hvm/save.h, which is no C90. */
#pragma push_macro("__STRICT_ANSI__")
#undef __STRICT_ANSI__
#define inline __inline__
#include <xen/domctl.h>
#undef inline
#pragma pop_macro("__STRICT_ANSI__")
#include <xen/sysctl.h>
#include "hypercall.h"

#define HYPERVISOR_domctl(op) HV1(domctl, op)
#define HYPERVISOR_sysctl(op) HV1(sysctl, op)

/* Issues one with command, version and domain filled in. */
long control_domctl(unsigned int cmd, domid_t dom, xen_domctl_t *op);
long control_sysctl(unsigned int cmd, xen_sysctl_t *op);

/* 0 or an errno; *dom is the new domain's number. It is paused. */
long control_create(domid_t *dom);
/* One vCPU and room for so many pages. */
long control_limits(domid_t dom, unsigned long pages);
long control_pause(domid_t dom);
long control_unpause(domid_t dom);
/* Until it is gone as a domain; its pages may still be on their way. */
long control_destroy(domid_t dom);
/* -ESRCH if there is no such domain. */
long control_info(domid_t dom, xen_domctl_getdomaininfo_t *info);
long control_context(domid_t dom, unsigned int cmd, unsigned int vcpu,
		     vcpu_guest_context_t *context);
/*
 * Gives it pages of this order for these frames of its own (gpfn), which are
 * replaced by the machine's numbers. How many extents it got, or an errno.
 */
long control_populate(domid_t dom, unsigned int order, unsigned int count,
		      xen_pfn_t *frames);
/* The machine's frame of another domain's grant table. */
long control_grant_frame(domid_t dom, xen_pfn_t *mfn);
/* The machine's free pages. */
unsigned long control_free_pages(void);

#define CONTROL_WINDOW_PAGES 128
/*
 * Maps another domain's frames for writing, from this page of the window on.
 * What was there before goes.
 */
void *control_map(unsigned int page, domid_t dom, const xen_pfn_t *mfns,
		  unsigned int n);
/* The same for reading, which page tables allow. */
const void *control_look(unsigned int page, domid_t dom, const xen_pfn_t *mfns,
			 unsigned int n);
void control_unmap(unsigned int page, unsigned int n);

#endif
