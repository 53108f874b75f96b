/* SPDX-License-Identifier: MIT */
/*
 * Ports.
 *
 * IN and OUT raise #GP in ring 3; the hypervisor emulates them when the
 * guest's virtual IOPL (PHYSDEVOP_set_iopl) allows, or its I/O bitmap
 * (PHYSDEVOP_set_iobitmap) names the port. Otherwise the guest gets the #GP.
 * For the kernel IOPL 1 is enough, a user program needs 3.
 *
 * Allowed does not mean real. Only the initial domain drives devices. Other
 * guests read all ones, as from a bus without the device, and their writes go
 * nowhere: kernels probe the keyboard, the speaker and PCI like this and
 * conclude that there is none. Even the initial domain does not reach what
 * the hypervisor drives itself, such as the interrupt controllers.
 *
 * The forms count too: 1, 2 and 4 bytes, the port in DX or in the instruction;
 * a byte or word leaves the rest of RAX alone, a doubleword clears its upper
 * half. INS and OUTS move to and from memory, and fault there as they should.
 *
 * Tried with and without privilege.
 */
#include "lodger.h"

/* The masters of the old interrupt controllers: the hypervisor's. */
#define PIC_MASK 0x21

static int in_byte(unsigned int port, unsigned long *value)
{
	unsigned long v = 0x1122334455667788UL;

	probe_begin();
	__asm__ __volatile__(PROBE("in %%dx, %%al")
			     : "+a"(v)
			     : "d"(port)
			     : "memory");
	*value = v;
	return probe_end();
}

static long set_iopl(unsigned int iopl)
{
	struct physdev_set_iopl set;

	set.iopl = iopl;
	return HYPERVISOR_physdev_op(PHYSDEVOP_set_iopl, &set);
}

static void forms(unsigned int port)
{
	unsigned long v;

	TEST_RESULT(in_byte(port, &v), NO_FAULT);
	TEST_RESULT(v, 0x11223344556677ffUL);
	v = 0x1122334455667788UL;
	__asm__ __volatile__("in %%dx, %%ax" : "+a"(v) : "d"(port));
	TEST_RESULT(v, 0x112233445566ffffUL);
	v = 0x1122334455667788UL;
	__asm__ __volatile__("in %%dx, %%eax" : "+a"(v) : "d"(port));
	TEST_RESULT(v, 0xffffffffUL);
	v = 0x1122334455667788UL;
	__asm__ __volatile__("in $0x21, %%al" : "+a"(v));
	TEST_RESULT(v, 0x11223344556677ffUL);
	__asm__ __volatile__("out %%al, %%dx" : : "a"(0), "d"(port));
	__asm__ __volatile__("out %%ax, %%dx" : : "a"(0), "d"(port));
	__asm__ __volatile__("out %%eax, %%dx" : : "a"(0), "d"(port));
	__asm__ __volatile__("out %%al, $0x21" : : "a"(0xff));
}

static void strings(unsigned int port)
{
	unsigned char bytes[8];
	unsigned char *to = bytes;
	unsigned long count = 4;

	memset(bytes, 0, sizeof(bytes));
	__asm__ __volatile__("rep insb"
			     : "+D"(to), "+c"(count)
			     : "d"(port)
			     : "memory");
	TEST_RESULT(count, 0);
	TEST_RESULT(to, bytes + 4);
	TEST_RESULT(bytes[3], 0xff);
	TEST_RESULT(bytes[4], 0);
	to = (unsigned char *)0x10000000000UL;
	probe_begin();
	__asm__ __volatile__(PROBE("insb") : "+D"(to) : "d"(port) : "memory");
	TEST_RESULT(probe_end(), TRAP_PF);
	TEST_RESULT(probe_fault.cr2, 0x10000000000UL);
	to = bytes;
	__asm__ __volatile__("outsb" : "+S"(to) : "d"(port) : "memory");
	TEST_RESULT(to, bytes + 1);
}

extern const char user_code[], user_code_end[];
__asm__(".section .rodata\n"
	"user_code:\n"
	"	in	$0x21, %al\n"
	"	syscall\n"
	"user_code_end:\n"
	"	.previous");

static void user_mode(void)
{
	struct user program;

	user_create(&program, user_code, user_code_end);
	TEST_RESULT(set_iopl(1), 0);
	TEST_RESULT(user_run(&program), TRAP_GP);
	TEST_RESULT(set_iopl(3), 0);
	TEST_RESULT(user_run(&program), VECTOR_SYSCALL);
	TEST_RESULT(program.regs.rax & 0xff, 0xff);
	TEST_RESULT(set_iopl(1), 0);
	user_destroy(&program);
}

static void bitmap(void)
{
	static uint8_t bits[1024];
	struct physdev_set_iobitmap set;
	unsigned long v;

	memset(bits, 0xff, sizeof(bits));
	bits[PIC_MASK / 8] &= (uint8_t) ~(1 << PIC_MASK % 8);
	memset(&set, 0, sizeof(set));
	set_xen_guest_handle(set.bitmap, bits);
	set.nr_ports = 0x100;
	TEST_RESULT(HYPERVISOR_physdev_op(PHYSDEVOP_set_iobitmap, &set), 0);
	TEST_RESULT(in_byte(PIC_MASK, &v), NO_FAULT);
	TEST_RESULT(in_byte(PIC_MASK + 1, &v), TRAP_GP);
	TEST_RESULT(in_byte(0x300, &v), TRAP_GP);
	set.nr_ports = 65537;
	TEST_RESULT(HYPERVISOR_physdev_op(PHYSDEVOP_set_iobitmap, &set),
		    -XEN_EINVAL);
	set.nr_ports = 0;
	TEST_RESULT(HYPERVISOR_physdev_op(PHYSDEVOP_set_iobitmap, &set), 0);
	TEST_RESULT(in_byte(PIC_MASK, &v), TRAP_GP);
}

void test_main(void)
{
	unsigned long v;

	TEST_RESULT(in_byte(PIC_MASK, &v), TRAP_GP);
	TEST_RESULT(v, 0x1122334455667788UL);
	bitmap();
	TEST_RESULT(set_iopl(4), -XEN_EINVAL);
	TEST_RESULT(set_iopl(1), 0);
	forms(PIC_MASK);
	strings(PIC_MASK);
	if (!is_initial_domain()) {
		static const unsigned int ports[] = { 0x61,  0x64,  0x70,
						      0x3f8, 0xcf8, 0x1234,
						      0xffff };
		unsigned int i;

		for (i = 0; i < ARRAY_SIZE(ports); i++)
			forms(ports[i]);
	}
	user_mode();
	TEST_RESULT(set_iopl(0), 0);
	TEST_RESULT(in_byte(PIC_MASK, &v), TRAP_GP);
}
