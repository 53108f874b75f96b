/* SPDX-License-Identifier: MIT */
/*
 * A plugin of QEMU: which instructions run between two marks.
 *
 * The guest executes XCHG BX, BX where the timed part begins, XCHG CX, CX
 * where it ends, and XCHG DX, DX when all runs of one operation are done: they
 * do nothing and no compiler writes them. Of an operation's windows the
 * shortest is kept, since what an interrupt adds is in no two. Then a line for
 * each instruction in it goes to the file of out=FILE, and then "=":
 *
 *	address times device-accesses bytes
 *
 * QEMU's own header of this interface is not in Debian's packages; what we
 * use of it (version 1) is declared here as QEMU documents it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;

enum { CALLBACK_NO_REGISTERS = 0 };
enum { ACCESS_ANY = 3 };

void qemu_plugin_register_vcpu_tb_trans_cb(
	plugin_id id, void (*call)(plugin_id, struct qemu_plugin_tb *));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *,
						 size_t n);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*call)(unsigned int, void *),
					    int flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(
	struct qemu_plugin_insn *insn,
	void (*call)(unsigned int, uint32_t, uint64_t, void *), int flags,
	int access, void *data);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(uint32_t info, uint64_t addr);
_Bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *address);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;
int qemu_plugin_install(plugin_id id, const void *info, int n, char **words);

struct instruction {
	uint64_t address;
	uint8_t bytes[16];
	uint32_t size, window;
	uint64_t times, device, best_times, best_device;
	struct instruction *next;
};

#define BUCKETS 65536

static struct instruction *buckets[BUCKETS];
static struct instruction *touched[BUCKETS], *best[BUCKETS];
static uint32_t window, n_touched, n_best;
static uint64_t total, best_total;
static int open_now;
static FILE *out;

/* The record of an instruction; one address can hold several in time. */
static struct instruction *lookup(struct qemu_plugin_insn *insn)
{
	uint64_t address = qemu_plugin_insn_vaddr(insn);
	size_t size = qemu_plugin_insn_size(insn);
	const void *bytes = qemu_plugin_insn_data(insn);
	struct instruction **at = &buckets[(address ^ address >> 16) % BUCKETS];

	for (; *at; at = &(*at)->next)
		if ((*at)->address == address && (*at)->size == size &&
		    memcmp((*at)->bytes, bytes, size) == 0)
			return *at;
	*at = calloc(1, sizeof(**at));
	if (!*at)
		abort();
	(*at)->address = address;
	(*at)->size = (uint32_t)size;
	memcpy((*at)->bytes, bytes, size);
	return *at;
}

static void touch(struct instruction *i)
{
	if (i->window == window)
		return;
	i->window = window;
	i->times = 0;
	i->device = 0;
	touched[n_touched++ % BUCKETS] = i;
}

static void executed(unsigned int cpu, void *data)
{
	(void)cpu;
	if (!open_now)
		return;
	touch(data);
	((struct instruction *)data)->times++;
	total++;
}

static void accessed(unsigned int cpu, uint32_t info, uint64_t address,
		     void *data)
{
	struct qemu_plugin_hwaddr *where;

	(void)cpu;
	if (!open_now)
		return;
	where = qemu_plugin_get_hwaddr(info, address);
	if (where && qemu_plugin_hwaddr_is_io(where)) {
		touch(data);
		((struct instruction *)data)->device++;
	}
}

static void begins(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	open_now = 1;
	window++;
	n_touched = 0;
	total = 0;
}

static void ends(unsigned int cpu, void *data)
{
	uint32_t i;

	(void)cpu;
	(void)data;
	if (!open_now)
		return;
	open_now = 0;
	if (n_best && total >= best_total)
		return;
	best_total = total;
	n_best = n_touched < BUCKETS ? n_touched : BUCKETS;
	for (i = 0; i < n_best; i++) {
		best[i] = touched[i];
		best[i]->best_times = best[i]->times;
		best[i]->best_device = best[i]->device;
	}
}

/* All runs of an operation are over: what was the shortest? */
static void finished(unsigned int cpu, void *data)
{
	uint32_t i, b;

	(void)cpu;
	(void)data;
	for (i = 0; i < n_best; i++) {
		fprintf(out, "%lx %lu %lu ", best[i]->address,
			best[i]->best_times, best[i]->best_device);
		for (b = 0; b < best[i]->size; b++)
			fprintf(out, "%02x", best[i]->bytes[b]);
		fputc('\n', out);
	}
	fputs("=\n", out);
	fflush(out);
	n_best = 0;
}

/* What to do when this instruction is executed. */
static void (*action(const struct instruction *i))(unsigned int, void *)
{
	if (i->size != 3 || i->bytes[0] != 0x66 || i->bytes[1] != 0x87)
		return executed;
	switch (i->bytes[2]) {
	case 0xdb:
		return begins;
	case 0xc9:
		return ends;
	case 0xd2:
		return finished;
	default:
		return executed;
	}
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
	size_t n;

	(void)id;
	for (n = 0; n < qemu_plugin_tb_n_insns(tb); n++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, n);
		struct instruction *i = lookup(insn);

		qemu_plugin_register_vcpu_insn_exec_cb(
			insn, action(i), CALLBACK_NO_REGISTERS, i);
		qemu_plugin_register_vcpu_mem_cb(insn, accessed,
						 CALLBACK_NO_REGISTERS,
						 ACCESS_ANY, i);
	}
}

__attribute__((visibility("default"))) int
qemu_plugin_install(plugin_id id, const void *info, int n, char **words)
{
	(void)info;
	if (n != 1 || strncmp(words[0], "out=", 4) != 0)
		return -1;
	out = fopen(words[0] + 4, "w");
	if (!out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
