/* SPDX-License-Identifier: MIT */
/*
 * The one door to the interface's public headers, which libxen-dev ships and
 * which are the definition of everything a guest sees. __XEN_TOOLS__ makes
 * them show the control interfaces and their latest forms.
 */
#ifndef LODGE_ABI_H
#define LODGE_ABI_H

#include <stddef.h>
#include <stdint.h>

#define __XEN_TOOLS__ 1

#include <xen/xen.h>

#include <xen/callback.h>
#include <xen/domctl.h>
#include <xen/event_channel.h>
#include <xen/features.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/nmi.h>
#include <xen/physdev.h>
#include <xen/platform.h>
#include <xen/arch-x86/xen-mca.h>
#include <xen/sched.h>
#include <xen/sysctl.h>
#include <xen/vcpu.h>
#include <xen/version.h>
#include <xen/arch-x86/cpuid.h>
#include <xen/foreign/x86_32.h>

/* The interface version that this hypervisor reports: Debian 12's Xen. */
#define ABI_VERSION_MAJOR 4
#define ABI_VERSION_MINOR 17

/* Hypervisor's part of every guest's address space: L4 slots 256 to 271. */
#define ABI_HV_SLOT_FIRST 256
#define ABI_HV_SLOT_LAST  271
#define ABI_HV_START	  0xffff800000000000UL
#define ABI_HV_END	  0xffff880000000000UL
#define ABI_HV_SHIFT	  43 /* of the range: it is as large as aligned */
/* The same of a 32-bit guest's: slots of the L2 that its fourth L3 entry
 * refers to. */
#define ABI_HV32_SLOT_FIRST 428
#define ABI_HV32_SLOT_LAST  511
#define ABI_HV32_START	    0xf5800000UL
#define ABI_HV32_END	    0x100000000UL

#endif
