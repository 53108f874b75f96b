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

/* Where the registers are, in the order of their hardware numbers. */
static const uint8_t gpr_offset[16] = {
#define GPR(name) offsetof(struct cpu_user_regs, name)
	GPR(rax), GPR(rcx), GPR(rdx), GPR(rbx), GPR(rsp), GPR(rbp),
	GPR(rsi), GPR(rdi), GPR(r8),  GPR(r9),	GPR(r10), GPR(r11),
	GPR(r12), GPR(r13), GPR(r14), GPR(r15),
#undef GPR
};

uint64_t *insn_gpr(const struct vcpu *v, unsigned int n)
{
	return (uint64_t *)(void *)((char *)v->regs + gpr_offset[n & 15]);
}

/* String instructions and compares have operands that they do not name. */
static void load_implicit(const struct vcpu *v, struct insn_regs *out)
{
	static const uint8_t used[] = { 0, 1, 2, 3, 7 }; /* all but RSI... */

	for (size_t i = 0; i < ARRAY_SIZE(used); i++)
		out->gpr[used[i]] = *insn_gpr(v, used[i]);
}

/* In 32-bit code each segment may have a base, in a descriptor of the guest's;
 * that may have changed since it was loaded, to the guest's own confusion. */
static uint64_t segment_base32(const struct vcpu *v, unsigned int segment)
{
	uint16_t selector;

	if (segment == INSN_CS)
		selector = v->regs->cs;
	else if (segment == INSN_SS)
		selector = v->regs->ss;
	else
		selector = arch_segment_selector(segment);
	return mm_segment_base(v, selector);
}

void insn_regs_load(struct vcpu *v, const struct insn *insn,
		    struct insn_regs *out)
{
	const struct cpu_user_regs *r = v->regs;

	if (insn->base < 16)
		out->gpr[insn->base] = *insn_gpr(v, insn->base);
	if (insn->index < 16)
		out->gpr[insn->index] = *insn_gpr(v, insn->index);
	if (insn->reg < 16)
		out->gpr[insn->reg] = *insn_gpr(v, insn->reg);
	if (insn->op >= INSN_STOS && insn->op <= INSN_LAST_WRITE)
		load_implicit(v, out);
	out->rip = r->rip;
	out->flags = r->rflags;
	if (unlikely(insn->width == DECODE_32))
		out->segment_base[insn->segment] =
			segment_base32(v, insn->segment);
	else if (unlikely(insn->segment >= INSN_FS))
		out->segment_base[insn->segment] = arch_segment_base_get(
			v, insn->segment == INSN_FS ? SEGBASE_FS
			   : v->trap.kernel_mode    ? SEGBASE_GS_KERNEL
						    : SEGBASE_GS_USER);
}

/* The next page may be missing: what lies in this one will do. */
static aside size_t fetch_at_edge(uint64_t rip, uint8_t *bytes)
{
	size_t first = PAGE_SIZE - (rip & ~PAGE_MASK);

	if (guest_copy_from(bytes, rip, INSN_MAX_LENGTH) == 0)
		return INSN_MAX_LENGTH;
	if (first < INSN_MAX_LENGTH && guest_copy_from(bytes, rip, first) == 0)
		return first;
	return 0;
}

size_t insn_fetch(const struct vcpu *v, uint64_t rip,
		  uint8_t bytes[INSN_BUFFER])
{
	unsigned int failed = 0;
	uint64_t low, high;

	if (unlikely(v->domain->width == WIDTH_32))
		rip = (uint32_t)(rip + segment_base32(v, INSN_CS));
	if (unlikely(!arch_words_begin(rip)))
		return 0;
	arch_word_load(rip, 0, low, failed);
	arch_word_load(rip, 8, high, failed);
	arch_words_end();
	if (unlikely(failed))
		return fetch_at_edge(rip, bytes);
	__builtin_memcpy(bytes, &low, sizeof(low));
	__builtin_memcpy(bytes + 8, &high, sizeof(high));
	return INSN_MAX_LENGTH;
}

struct ptwr {
	struct insn insn;
	struct insn_regs regs;
	uint64_t address; /* of the operand */
	struct frame *table;
};

static bool decode_write(struct vcpu *v, uint64_t va, struct ptwr *w)
{
	uint8_t bytes[INSN_BUFFER];
	size_t n = insn_fetch(v, v->regs->rip, bytes);

	if (decode_insn(bytes, n, mm_width(v->domain)->decode, &w->insn) !=
		    DECODE_OK ||
	    w->insn.op == INSN_NONE || w->insn.op > INSN_LAST_WRITE)
		return false;
	insn_regs_load(v, &w->insn, &w->regs);
	w->address = decode_address(&w->insn, &w->regs);
	return (w->address & PAGE_MASK) == (va & PAGE_MASK) &&
	       (w->address & 7) + w->insn.operand_bytes <= 8;
}

/* A table in use, of a level that the width lets its guests write. */
static bool may_be_written(const struct domain *d, const struct frame *f)
{
	enum frame_type t = frame_type_of(f);

	return is_table(t) && level_of(t) <= mm_width(d)->ptwr_level &&
	       frame_has_type(f, t);
}

/*
 * The frame that va maps read-only, if it is a table of v's: an L1. Higher
 * tables change by mmu_update only, since a write there may mean much work;
 * but GNU Mach writes its L2 tables, and what is interrupted is repeated.
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
	if (!f || f->owner != v->domain->id || !may_be_written(v->domain, f))
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

static void retire(struct vcpu *v, const struct insn_write *done,
		   const struct insn_regs *regs)
{
	for (unsigned int i = 0; i < done->gprs; i++)
		*insn_gpr(v, done->gpr[i].number) = done->gpr[i].value;
	v->regs->rip = regs->rip;
	v->regs->rflags = regs->flags;
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
	retire(v, &out, &w->regs);
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
