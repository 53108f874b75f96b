/* SPDX-License-Identifier: MIT */
/*
 * What the storm's guests do: page-table operations of every kind, most often
 * nearly right. Each is one function, which says what it tries and returns 0
 * or -errno; storm.c makes the steps of them.
 */
#include <stdio.h>
#include <string.h>

#include "model/update.h"
#include "mm/mm.h"
#include "pte.h"
#include "source.h"
#include "storm_guests.h"

struct host_guest storm_guest[2];
char storm_said[HOST_MAX_CPUS][STORM_SAID];

static struct vcpu *me(void)
{
	return host_this->current;
}

static struct host_guest *mine(void)
{
	return &storm_guest[me()->domain != storm_guest[0].d];
}

static struct host_guest *other(void)
{
	return &storm_guest[mine() == &storm_guest[0]];
}

#define SAY(...) snprintf(storm_said[host_this->id], STORM_SAID, __VA_ARGS__)

static uint64_t some_mfn(void)
{
	return pick_mfn(mine(), other());
}

static uint64_t some_entry(void)
{
	return pick_entry(mine(), other());
}

static uint64_t some_va(void)
{
	return pick_va(mine());
}

/* ---- operations: each returns 0 or -errno ---- */

/* A batch: often several requests for one table, as kernels make them. */
static int op_mmu_update(void)
{
	struct domain *owner = me()->domain;
	struct mmu_update req[6];
	unsigned int n = pick(2) ? 1 : 1 + pick(ARRAY_SIZE(req)), done;
	uint64_t table = 0;
	struct mm_locked m;
	int rc;

	if (owner->privileged && one_in(3))
		owner = other()->d;
	else if (one_in(8))
		owner = &domain_io;
	for (unsigned int i = 0; i < n; i++) {
		if (i == 0 || one_in(3))
			table = some_mfn();
		req[i].ptr = table << PAGE_SHIFT | pick_index() * 8 |
			     (one_in(4) ? pick(8) : 0);
		req[i].val = some_entry();
	}
	m = mm_lock(me()->domain);
	rc = mm_update(m, owner, req, n, &done);
	mm_unlock(m);
	SAY("%u of %u mmu_updates, at last %#lx = %#lx, frames of dom%u", done,
	    n, req[MIN(done, n - 1)].ptr, req[MIN(done, n - 1)].val, owner->id);
	return rc;
}

/* Puts the first mapping of a page back, so that the guest can go on. */
static int op_map_again(void)
{
	unsigned int i = pick(mine()->nr);
	struct host_guest *g = mine();
	uint64_t val =
		frame_mfn(g->frame[i]).v << PAGE_SHIFT | PTE_P | PTE_US | PTE_A;
	struct mm_locked m;
	int rc;

	val |= pick(2) ? PTE_RW : 0;
	SAY("map page %u again: %#lx", i, val);
	m = mm_lock(g->d);
	rc = mm_update_one(m, g->d, (frame_mfn(g->l1).v << PAGE_SHIFT) + i * 8,
			   val);
	mm_unlock(m);
	return rc;
}

static int op_update_va(void)
{
	static const uint64_t flags[] = { 0,
					  UVMF_TLB_FLUSH,
					  UVMF_INVLPG,
					  UVMF_TLB_FLUSH | UVMF_ALL,
					  UVMF_INVLPG | UVMF_ALL,
					  3 };
	uint64_t va = some_va(), val = some_entry();
	uint64_t f = flags[pick(ARRAY_SIZE(flags))];

	SAY("update_va_mapping %#lx = %#lx, flags %#lx", va, val, f);
	return mm_update_va(me(), va, val, f, me()->domain);
}

static int ext(unsigned int cmd, uint64_t arg1, uint64_t arg2)
{
	struct mmuext_op op = { .cmd = cmd };

	op.arg1.mfn = arg1;
	op.arg2.src_mfn = arg2;
	SAY("mmuext %u %#lx %#lx", cmd, arg1, arg2);
	return mm_ext_one(me(), me()->domain, &op);
}

static int op_pin(void)
{
	return ext(MMUEXT_PIN_L1_TABLE + pick(4), some_mfn(), 0);
}

static int op_unpin(void)
{
	return ext(MMUEXT_UNPIN_TABLE, some_mfn(), 0);
}

static int op_root(void)
{
	uint64_t m = one_in(8) ? 0 : some_mfn();

	if (pick(2))
		m = frame_mfn(mine()->root).v;
	return ext(pick(2) ? MMUEXT_NEW_BASEPTR : MMUEXT_NEW_USER_BASEPTR, m,
		   0);
}

static int op_flush(void)
{
	static const unsigned int cmds[] = { MMUEXT_TLB_FLUSH_LOCAL,
					     MMUEXT_TLB_FLUSH_ALL,
					     MMUEXT_INVLPG_LOCAL,
					     MMUEXT_INVLPG_ALL };

	return ext(cmds[pick(ARRAY_SIZE(cmds))], some_va(), 0);
}

static int op_page(void)
{
	return ext(pick(2) ? MMUEXT_CLEAR_PAGE : MMUEXT_COPY_PAGE, some_mfn(),
		   some_mfn());
}

/* The guest writes an entry where it can: into pages that are data now. */
static int op_write(void)
{
	uint64_t va = host_guest_va(pick(mine()->nr)), e = some_entry();
	unsigned int i = pick_index();

	SAY("write %#lx = %#lx", va + 8 * i, e);
	return host_guest_write(va + 8 * i, &e, sizeof(e));
}

/* A frame of g's whose type is t now, or any. */
static uint64_t frame_of_type(const struct host_guest *g, enum frame_type t)
{
	unsigned int start = pick(g->nr);

	for (unsigned int i = 0; i < g->nr; i++) {
		const struct frame *f = g->frame[(start + i) % g->nr];

		if (frame_type_of(f) == t)
			return frame_mfn(f).v;
	}
	return frame_mfn(g->frame[start]).v;
}

/* What an entry of a table of that level should lead to, most often. */
static enum frame_type type_for(const struct host_guest *g, unsigned int level,
				unsigned int index)
{
	if (level == 1)
		return FRAME_WRITABLE;
	if (level == 3 && g->d->width == WIDTH_32 && index == 3)
		return pick(2) ? FRAME_L2_HV : FRAME_WRITABLE;
	return (enum frame_type)level;
}

/*
 * What a kernel does for a new table: fills a page with entries for tables
 * of the level below (or for pages), maps it read-only, and pins it.
 */
static int op_build(void)
{
	struct host_guest *g = mine();
	unsigned int page = pick(g->nr - 4), level = 1 + pick(4);
	unsigned int from = pick_index(), n = 1 + pick(6);
	bool root = level == 3 && g->d->width == WIDTH_32;
	uint64_t m = frame_mfn(g->frame[page]).v;
	struct mm_locked lock;
	int rc = 0;

	for (unsigned int i = 0; i < n; i++) {
		unsigned int at = (from + 3 * i) % (root ? 4 : 512);
		uint64_t e = frame_of_type(g, type_for(g, level, at))
				     << PAGE_SHIFT |
			     pick_flags();

		rc |= host_guest_write(host_guest_va(page) + at * 8, &e, 8);
	}
	lock = mm_lock(g->d);
	rc |= mm_update_one(lock, g->d,
			    (frame_mfn(g->l1).v << PAGE_SHIFT) + page * 8,
			    m << PAGE_SHIFT | PTE_P | PTE_A);
	mm_unlock(lock);
	rc = ext(MMUEXT_PIN_L1_TABLE + level - 1, m, 0);
	SAY("build L%u of page %u, frame %#lx, %u entries from %u", level, page,
	    m, n, from);
	return rc;
}

/* Unpins, or leaves a root, or clears the entry of, a table in use. */
static int op_drop(void)
{
	struct host_guest *g = mine();
	static const enum frame_type types[][4] = {
		{ FRAME_L1, FRAME_L2, FRAME_L3, FRAME_L4 },
		{ FRAME_L1, FRAME_L2, FRAME_L2_HV, FRAME_L3_ROOT },
	};
	enum frame_type t = types[g->d->width][pick(4)];
	uint64_t m = frame_of_type(g, t);
	unsigned int i = pick_index();
	struct mm_locked lock;
	int rc;

	if (pick(2) || t == FRAME_L1)
		return ext(MMUEXT_UNPIN_TABLE, m, 0);
	SAY("clear %#lx[%u], type %u", m, i, t);
	lock = mm_lock(g->d);
	rc = mm_update_one(lock, g->d, (m << PAGE_SHIFT) + i * 8, 0);
	mm_unlock(lock);
	return rc;
}

static int op_read(void)
{
	uint64_t va = some_va();
	uint8_t byte;

	if (mine()->d->width == WIDTH_32)
		va = (uint32_t)va; /* it cannot name more */
	SAY("read %#lx", va);
	return host_guest_read(va, &byte, 1);
}

/* mov %rax,(%rdi) at a table, as the guest would execute it. */
static int op_ptwr(void)
{
	static const uint8_t codes[][4][4] = {
		{ { 0x48, 0x89, 0x07 },
		  { 0x48, 0x87, 0x07 },
		  { 0x89, 0x07 },
		  { 0xf0, 0x48, 0x0f, 0xb1 } },
		{ { 0x89, 0x07 },
		  { 0x87, 0x07 },
		  { 0x66, 0x89, 0x07 },
		  { 0xf0, 0x0f, 0xc7, 0x0f } },
	};
	const uint8_t(*code)[4] = codes[mine()->d->width];
	uint64_t va = host_guest_va(pick(mine()->nr)) + 8 * pick_index();
	uint64_t at = host_guest_va(pick(4)) + 256;
	struct cpu_user_regs *regs = me()->regs;
	bool done;
	int rc;

	SAY("code at %#lx", at);
	rc = host_guest_write(at, code[pick(4)], 4);
	if (rc)
		return rc;
	rc = host_guest_write(at + 4, "\x0f\x0f\x0f\x0f", 4);
	regs->rip = at;
	regs->rdi = va;
	regs->rax = some_entry();
	if (mine()->d->width == WIDTH_32)
		regs->rax = (uint32_t)regs->rax;
	SAY("ptwr %#lx = %#lx", va, regs->rax);
	done = mm_ptwr_fault(me(), va);
	return done ? rc : -EFAULT;
}

static int op_decrease(void)
{
	uint64_t m = some_mfn();

	SAY("decrease %#lx", m);
	return mm_decrease(me()->domain, guest_mfn(m), 0);
}

/* Gives a page back as a kernel does: unmapped, but perhaps not flushed. */
static int op_give_back(void)
{
	struct host_guest *g = mine();
	unsigned int i = pick(g->nr - 4);
	uint64_t m = frame_mfn(g->frame[i]).v;
	struct mm_locked lock = mm_lock(g->d);
	int rc;

	rc = mm_update_one(lock, g->d,
			   (frame_mfn(g->l1).v << PAGE_SHIFT) + i * 8, 0);
	mm_unlock(lock);
	SAY("give back page %u, frame %#lx, unmapped: %d", i, m, rc);
	return mm_decrease(g->d, guest_mfn(m), 0);
}

/* A page for one that was given back. */
static int op_populate(void)
{
	struct host_guest *g = mine();
	struct frame *f;
	int rc = frame_alloc_domain(g->d, 0, &f);

	SAY("populate %#lx", rc ? 0 : frame_mfn(f).v);
	if (rc)
		return rc;
	for (unsigned int i = 0; i < g->nr; i++) {
		uint64_t refs = atomic64_load(&g->frame[i]->refs);

		if ((refs & FRAME_OWNED) && (refs & FRAME_COUNT_MASK) &&
		    g->frame[i]->owner == g->d->id)
			continue;
		g->frame[i] = f;
		return 0;
	}
	return frame_disown(f) ? 0 : -EINVAL;
}

/* As a builder has it: frames kept for one of them, or for none. */
static int op_claim(void)
{
	struct domain *d = storm_guest[pick(2)].d;
	uint64_t pages = pick(3) ? pick(30) : 0;

	SAY("claim %lu for dom%u", pages, d->id);
	return frame_claim(d, pages);
}

static int op_gdt(void)
{
	uint64_t frames[2];

	frames[0] = some_mfn();
	frames[1] = some_mfn();
	SAY("set_gdt %#lx %#lx", frames[0], frames[1]);
	return mm_gdt_set(me(), frames, pick(3) * 512);
}

static int op_ldt(void)
{
	uint64_t va = host_guest_va(pick(mine()->nr));

	SAY("set_ldt %#lx", va);
	if (pick(2))
		return mm_ldt_set(me(), va, pick(1025));
	return mm_ldt_fault(me(), pick(3) * PAGE_SIZE) ? 0 : -EFAULT;
}

static int op_descriptor(void)
{
	uint64_t at = some_mfn() << PAGE_SHIFT | pick_index() * 8;
	uint64_t desc = pick(2) ? 0x00cffb000000ffff : 0x0000890000000067;

	SAY("update_descriptor %#lx = %#lx", at, desc);
	return mm_descriptor_update(me()->domain, at, desc);
}

static int op_mode(void)
{
	struct vcpu *v = me();

	SAY("kernel mode %u", !v->trap.kernel_mode);
	if (v->trap.kernel_mode && !v->mm.root_user)
		return -EINVAL;
	v->trap.kernel_mode = !v->trap.kernel_mode;
	mm_root_activate(v);
	return 0;
}

/* CPU 1 runs the first guest's second vcpu, the second guest, or nothing. */
int storm_switch(void)
{
	struct vcpu *to[] = { storm_guest[0].d->vcpu[1],
			      storm_guest[1].d->vcpu[0], NULL };
	unsigned int i = pick(3);

	SAY("cpu 1 runs %u", i);
	if (host_in_fiber())
		return 0;
	host_cpu_select(1);
	host_vcpu_enter(to[i]);
	return 0;
}

static int op_fill(void)
{
	SAY("speculation on cpu %u", host_this->id);
	host_tlb_fill(host_this->id);
	return 0;
}

static const struct {
	int (*run)(void);
	unsigned int weight;
} operations[] = {
	{ op_mmu_update, 12 }, { op_map_again, 10 }, { op_update_va, 10 },
	{ op_pin, 12 },	       { op_unpin, 8 },	     { op_root, 8 },
	{ op_flush, 3 },       { op_page, 2 },	     { op_write, 10 },
	{ op_build, 25 },      { op_read, 4 },	     { op_ptwr, 6 },
	{ op_decrease, 2 },    { op_populate, 6 },   { op_gdt, 3 },
	{ op_ldt, 3 },	       { op_descriptor, 3 }, { op_mode, 3 },
	{ storm_switch, 4 },   { op_fill, 4 },	     { op_drop, 12 },
	{ op_give_back, 4 },   { op_claim, 2 },
};

int storm_operate(void)
{
	unsigned int total = 0, at, i = 0;

	for (unsigned int k = 0; k < ARRAY_SIZE(operations); k++)
		total += operations[k].weight;
	at = pick(total);
	while (at >= operations[i].weight)
		at -= operations[i++].weight;
	SAY("?");
	return operations[i].run();
}
