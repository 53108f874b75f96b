/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls of a paravirtual guest.
 *
 * 64-bit: the number goes in RAX, up to five arguments in RDI, RSI, RDX, R10,
 * R8; the result comes back in RAX. SYSCALL itself uses RCX and R11. 32-bit:
 * EAX, then EBX, ECX, EDX, ESI, EDI, by interrupt 0x82; an argument of 64 bits
 * takes two, the low half first. There are two doors to the same call: the
 * instruction in the guest's own code (hypercall()), and the page of small
 * stubs that the hypervisor wrote into the image, 32 bytes a call
 * (hypercall_by_page()). Errors are negative errno values of <xen/errno.h>.
 */
#ifndef LODGER_HYPERCALL_H
#define LODGER_HYPERCALL_H

#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/callback.h>
#include <xen/event_channel.h>
#include <xen/memory.h>
#include <xen/physdev.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#define XEN_ERRNO(name, value) XEN_##name = value,
enum xen_errno {
#include <xen/errno.h>
	XEN_ERRNO_END
};

#define HV_ARG(x) ((unsigned long)(x))

extern char hypercall_page[4096];

#ifdef __i386__

/* The five-argument call through the gate. */
static __inline__ long hypercall(unsigned long op, unsigned long a1,
				 unsigned long a2, unsigned long a3,
				 unsigned long a4, unsigned long a5)
{
	long result;

	__asm__ __volatile__("int $0x82"
			     : "=a"(result), "+b"(a1), "+c"(a2), "+d"(a3),
			       "+S"(a4), "+D"(a5)
			     : "0"(op)
			     : "memory");
	return result;
}

/* The same call through the hypercall page. */
static __inline__ long hypercall_by_page(unsigned long op, unsigned long a1,
					 unsigned long a2, unsigned long a3,
					 unsigned long a4, unsigned long a5)
{
	unsigned long door = (unsigned long)hypercall_page + op * 32;
	long result;

	__asm__ __volatile__("call *%%eax"
			     : "=a"(result), "+b"(a1), "+c"(a2), "+d"(a3),
			       "+S"(a4), "+D"(a5)
			     : "0"(door)
			     : "memory");
	return result;
}

#else

/* The five-argument call through the SYSCALL instruction. */
static __inline__ long hypercall(unsigned long op, unsigned long a1,
				 unsigned long a2, unsigned long a3,
				 unsigned long a4, unsigned long a5)
{
	register unsigned long r10 __asm__("r10") = a4;
	register unsigned long r8 __asm__("r8") = a5;
	long result;

	__asm__ __volatile__("syscall"
			     : "=a"(result), "+D"(a1), "+S"(a2), "+d"(a3),
			       "+r"(r10), "+r"(r8)
			     : "0"(op)
			     : "rcx", "r11", "memory");
	return result;
}

/* The same call through the hypercall page. */
static __inline__ long hypercall_by_page(unsigned long op, unsigned long a1,
					 unsigned long a2, unsigned long a3,
					 unsigned long a4, unsigned long a5)
{
	register unsigned long r10 __asm__("r10") = a4;
	register unsigned long r8 __asm__("r8") = a5;
	unsigned long door = (unsigned long)hypercall_page + op * 32;
	long result;

	__asm__ __volatile__("call *%%rax"
			     : "=a"(result), "+D"(a1), "+S"(a2), "+d"(a3),
			       "+r"(r10), "+r"(r8)
			     : "0"(door)
			     : "rcx", "r11", "memory");
	return result;
}

#endif

#define HV0(name)    hypercall(__HYPERVISOR_##name, 0, 0, 0, 0, 0)
#define HV1(name, a) hypercall(__HYPERVISOR_##name, HV_ARG(a), 0, 0, 0, 0)
#define HV2(name, a, b) \
	hypercall(__HYPERVISOR_##name, HV_ARG(a), HV_ARG(b), 0, 0, 0)
#define HV3(name, a, b, c) \
	hypercall(__HYPERVISOR_##name, HV_ARG(a), HV_ARG(b), HV_ARG(c), 0, 0)
#define HV4(name, a, b, c, d)                                           \
	hypercall(__HYPERVISOR_##name, HV_ARG(a), HV_ARG(b), HV_ARG(c), \
		  HV_ARG(d), 0)

/* One line a call; arguments in the order of the public headers. */
#define HYPERVISOR_set_trap_table(t)	       HV1(set_trap_table, t)
#define HYPERVISOR_mmu_update(r, n, done, dom) HV4(mmu_update, r, n, done, dom)
#define HYPERVISOR_set_gdt(frames, entries)    HV2(set_gdt, frames, entries)
#define HYPERVISOR_stack_switch(ss, sp)	       HV2(stack_switch, ss, sp)
#define HYPERVISOR_set_callbacks(event, failsafe, syscall) \
	HV3(set_callbacks, event, failsafe, syscall)
#define HYPERVISOR_fpu_taskswitch(set)	       HV1(fpu_taskswitch, set)
#define HYPERVISOR_set_debugreg(reg, v)	       HV2(set_debugreg, reg, v)
#define HYPERVISOR_get_debugreg(reg)	       HV1(get_debugreg, reg)
#define HYPERVISOR_memory_op(cmd, arg)	       HV2(memory_op, cmd, arg)
#define HYPERVISOR_multicall(list, n)	       HV2(multicall, list, n)
#define HYPERVISOR_xen_version(cmd, arg)       HV2(xen_version, cmd, arg)
#define HYPERVISOR_console_io(cmd, n, buf)     HV3(console_io, cmd, n, buf)
#define HYPERVISOR_vm_assist(cmd, type)	       HV2(vm_assist, cmd, type)
#define HYPERVISOR_vcpu_op(cmd, id, arg)       HV3(vcpu_op, cmd, id, arg)
#define HYPERVISOR_set_segment_base(reg, v)    HV2(set_segment_base, reg, v)
#define HYPERVISOR_mmuext_op(op, n, done, dom) HV4(mmuext_op, op, n, done, dom)
#define HYPERVISOR_sched_op(cmd, arg)	       HV2(sched_op, cmd, arg)
#define HYPERVISOR_callback_op(cmd, arg)       HV2(callback_op, cmd, arg)
#define HYPERVISOR_event_channel_op(cmd, arg)  HV2(event_channel_op, cmd, arg)
#define HYPERVISOR_physdev_op(cmd, arg)	       HV2(physdev_op, cmd, arg)

/* Those with arguments of 64 bits, which are two words in a 32-bit guest. */
#ifdef __i386__
#define HV_LOW(x)  ((unsigned long)(uint64_t)(x))
#define HV_HIGH(x) ((unsigned long)((uint64_t)(x) >> 32))
#define HYPERVISOR_update_descriptor(ma, desc)                        \
	HV4(update_descriptor, HV_LOW(ma), HV_HIGH(ma), HV_LOW(desc), \
	    HV_HIGH(desc))
#define HYPERVISOR_update_va_mapping(va, pte, flags) \
	HV4(update_va_mapping, va, HV_LOW(pte), HV_HIGH(pte), flags)
#define HYPERVISOR_set_timer_op(deadline) \
	HV2(set_timer_op, HV_LOW(deadline), HV_HIGH(deadline))
#else
#define HYPERVISOR_update_descriptor(ma, desc) HV2(update_descriptor, ma, desc)
#define HYPERVISOR_update_va_mapping(va, pte, flags) \
	HV3(update_va_mapping, va, pte, flags)
#define HYPERVISOR_set_timer_op(deadline) HV1(set_timer_op, deadline)
#endif

#endif
