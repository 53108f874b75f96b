/* SPDX-License-Identifier: MIT */
/*
 * Writable page tables: a guest writes its page table directly, as if it were
 * writable. The table is mapped read-only, the write faults, and we carry out
 * the instruction as a checked update of one entry. Linux needs it: it clears
 * and write-protects entries with plain atomic instructions at every fork.
 *
 * What a hostile guest tries: a write that crosses an entry (refused: it is
 * the guest's own fault then); an instruction whose bytes or operands change
 * while we look (bytes are fetched once; the entry is replaced only if it is
 * still what the instruction saw, otherwise the guest executes it again); an
 * operand elsewhere than the fault (the address is computed from the decoded
 * instruction and must lie in the page that faulted); a bit offset beyond
 * the operand (the decoder moves the address as the processor does).
 */
#include "decode/decode.h"
#include "lib/string.h"
#include "mm/entry.h"

/* The registers in the order of their hardware numbers. */
#define FOR_EACH_GPR(do)                                                               \
	do                                                                             \
	(0, rax) do(1, rcx) do(2, rdx) do(3, rbx) do(4, rsp) do(5, rbp) do(6, rsi) do( \
		7,                                                                     \
		rdi) do(8,                                                             \
			r8) do(9,                                                      \
			       r9) do(10,                                              \
				      r10) do(11,                                      \
					      r11) do(12,                              \
						      r12) do(13,                      \
							      r13) do(14,              \
								      r14) do(15,      \
									      r15)

void insn_regs_load(struct vcpu *v, const struct insn *insn,
		    struct insn_regs *out)
{
	const struct cpu_user_regs *r = v->regs;

#define LOAD(n, name) out->gpr[n] = r->name;
	FOR_EACH_GPR(LOAD)
#undef LOAD
	out->rip = r->rip;
	out->flags = r->rflags;
	memset(out->segment_base, 0, sizeof(out->segment_base));
	if (insn->segment == INSN_FS)
		out->segment_base[INSN_FS] =
			arch_segment_base_get(v, SEGBASE_FS);
	if (insn->segment == INSN_GS)
		out->segment_base[INSN_GS] = arch_segment_base_get(
			v, v->trap.kernel_mode ? SEGBASE_GS_KERNEL
					       : SEGBASE_GS_USER);
}

void insn_regs_store(struct vcpu *v, const struct insn_regs *in)
{
	struct cpu_user_regs *r = v->regs;

#define STORE(n, name) r->name = in->gpr[n];
	FOR_EACH_GPR(STORE)
#undef STORE
	r->rip = in->rip;
	r->rflags = in->flags;
}

size_t insn_fetch(uint64_t rip, uint8_t bytes[INSN_MAX_LENGTH])
{
	size_t first = PAGE_SIZE - (rip & ~PAGE_MASK);

	if (guest_copy_from(bytes, rip, INSN_MAX_LENGTH) == 0)
		return INSN_MAX_LENGTH;
	/* The next page may be missing: what lies in this one will do. */
	if (first < INSN_MAX_LENGTH && guest_copy_from(bytes, rip, first) == 0)
		return first;
	return 0;
}

struct ptwr {
	struct insn insn;
	struct insn_regs regs;
	uint64_t address; /* of the operand */
	struct frame *table;
};

static bool decode_write(struct vcpu *v, uint64_t va, struct ptwr *w)
{
	uint8_t bytes[INSN_MAX_LENGTH];
	size_t n = insn_fetch(v->regs->rip, bytes);

	if (decode_insn(bytes, n, DECODE_64, &w->insn) != DECODE_OK ||
	    w->insn.op == INSN_NONE || w->insn.op > INSN_LAST_WRITE)
		return false;
	insn_regs_load(v, &w->insn, &w->regs);
	w->address = decode_address(&w->insn, &w->regs);
	return (w->address & PAGE_MASK) == (va & PAGE_MASK) &&
	       (w->address & 7) + w->insn.operand_bytes <= 8;
}

/*
 * The frame that va maps read-only, if it is a validated L1 of v's. Higher
 * tables change by mmu_update only: a write there may mean much work.
 */
static struct frame *table_at(struct mm_locked m, struct vcpu *v, uint64_t va)
{
	struct mm_place at;
	struct frame *f;
	uint64_t e;

	if (!mm_walk(m, root_guest(v), va, &at))
		return NULL;
	e = shared_load64(at.entry);
	if ((e & (PTE_P | PTE_RW)) != PTE_P)
		return NULL;
	f = frame_lookup(pte_mfn(e));
	if (!f || f->owner != v->domain->id || !frame_has_type(f, FRAME_L1))
		return NULL;
	return f;
}

/* Puts the operand's new bytes into the entry that they are part of. */
static uint64_t merge(const struct ptwr *w, uint64_t entry, uint64_t value)
{
	unsigned int shift = 8 * (w->address & 7);
	uint64_t mask = w->insn.operand_bytes == 8
				? ~0UL
				: (1UL << 8 * w->insn.operand_bytes) - 1;

	return (entry & ~(mask << shift)) | ((value & mask) << shift);
}

static bool apply(struct mm_locked m, struct vcpu *v, struct ptwr *w)
{
	unsigned int idx = (unsigned int)(w->address & ~PAGE_MASK) / 8;
	uint64_t *entry = (uint64_t *)frame_ptr(w->table) + idx;
	uint64_t old = shared_load64(entry);
	struct insn_write out;
	int rc = 0;

	if (!insn_write_value(&w->insn, old >> 8 * (w->address & 7), &w->regs,
			      &out))
		return false;
	if (out.store)
		rc = mm_entry_update(m, w->table, idx, merge(w, old, out.value),
				     v->domain, false, &old);
	/* Changed meanwhile, or interrupted: the guest comes back here. */
	if (rc == -EAGAIN || rc == -ERESTART)
		return true;
	if (rc)
		return false;
	insn_write_retire(&w->insn, &out, &w->regs);
	insn_regs_store(v, &w->regs);
	return true;
}

bool mm_ptwr_fault(struct vcpu *v, uint64_t va)
{
	struct mm_locked m;
	bool done = false;
	struct ptwr w;

	/* Copies code, so before the lock. */
	if (!decode_write(v, va, &w))
		return false;
	m = mm_lock(v->domain);
	if (mm_settle(m))
		done = true; /* interrupted: the guest comes back here */
	else if ((w.table = table_at(m, v, va)))
		done = apply(m, v, &w);
	mm_unlock(m);
	return done;
}
