/* SPDX-License-Identifier: MIT */
/*
 * A guest whose kernel executes instructions that fault: its code, data and
 * stack, and what it sees when one is carried out for it, or is not.
 */
#ifndef UNIT_TRAP_WORLD_H
#define UNIT_TRAP_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/host.h"
#include "pte.h"
#include "trap/emulate.h"
#include "processor.h"
#include "trap/trap.h"

#define CODE		host_guest_va(0)
#define DATA		host_guest_va(4)
#define STACK		host_guest_va(3)
#define HANDLER(vector) (0xffffffff81000000UL + (vector)*16UL)
#define INSN(...)                           \
	((const uint8_t[]){ __VA_ARGS__ }), \
		sizeof((const uint8_t[]){ __VA_ARGS__ })

static struct host_guest g;
static struct vcpu *v;

static inline int setup(void **state)
{
	(void)state;
	host_init(64, 1);
	host_guest_make(&g, 16, 2, false);
	v = g.d->vcpu[0];
	trap_vcpu_init(v);
	v->mm.root_user = g.l4;
	host_vcpu_enter(v);
	v->regs->rsp = STACK + 0x800;
	v->regs->rflags = EFLAGS_ONE | EFLAGS_IF;
	v->trap.kernel_sp = STACK + 0xf00;
	for (unsigned int i = 0; i < 256; i++)
		v->trap.gates[i] = (struct trap_gate){
			.address = HANDLER(i),
			.dpl = i == 0x80   ? 3
			       : i == 0x81 ? 1
					   : 0,
		};
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	v->mm.root_user = NULL;
	host_fini();
	return 0;
}

/* Executes code of the guest, which faults with that vector and error. */
static inline void run(unsigned int vector, uint32_t error, const uint8_t *code,
		       size_t n)
{
	assert_int_equal(host_guest_write(CODE, code, n), 0);
	v->regs->rip = CODE;
	trap_exception(v, vector, error, 0);
}

/* It was carried out: RIP is behind it, in the same mode. */
static inline void does(const uint8_t *code, size_t n)
{
	bool kernel = v->trap.kernel_mode;

	run(VECTOR_GP, 0, code, n);
	assert_int_equal(v->regs->rip, CODE + n);
	assert_int_equal(v->trap.kernel_mode, kernel);
}

/* The guest got this vector, with RIP at the instruction (or offset on). */
static inline void reflected(unsigned int vector, uint32_t error,
			     unsigned int offset)
{
	uint64_t w[4];

	assert_int_equal(v->regs->rip, HANDLER(vector));
	assert_int_equal(host_guest_read(v->regs->rsp, w, sizeof(w)), 0);
	if (vector == VECTOR_GP || vector == VECTOR_PF) {
		assert_int_equal(w[2], error);
		assert_int_equal(w[3], CODE + offset);
	} else {
		assert_int_equal(w[2], CODE + offset);
	}
}

static inline void refuses(const uint8_t *code, size_t n)
{
	run(VECTOR_GP, 0, code, n);
	reflected(VECTOR_GP, 0, 0);
	v->regs->rsp = STACK + 0x800;
}

static inline void user_mode(void)
{
	if (v->trap.kernel_mode)
		trap_mode_set(v, false);
}

#endif
