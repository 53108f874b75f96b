/* SPDX-License-Identifier: MIT */
/*
 * A plugin of QEMU: when the machine first executes some addresses.
 *
 * out=FILE at=ADDRESS... [count=on]. For each address, when it is reached for
 * the first time, a line goes to the file: the address (hexadecimal), how many
 * instructions the machine had executed since its reset (0 without count=on),
 * and how many nanoseconds QEMU had run. Counting slows QEMU down, so the time
 * and the instructions are taken in two runs.
 *
 * QEMU's own header of this interface is not in Debian's packages; what we
 * use of it (version 1) is declared here as QEMU documents it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

enum { CALLBACK_NO_REGISTERS = 0 };
enum { INLINE_ADD_U64 = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(
	plugin_id id, void (*call)(plugin_id, struct qemu_plugin_tb *));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *,
						 size_t n);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*call)(unsigned int, void *),
					    int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn,
						int operation, void *number,
						uint64_t operand);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;
int qemu_plugin_install(plugin_id id, const void *info, int n, char **words);

#define PLACES_MAX 8

struct place {
	uint64_t address;
	int reached;
};

static struct place places[PLACES_MAX];
static int n_places;
static int counting;
static uint64_t executed;
static struct timespec start;
static FILE *out;

static void reached(unsigned int cpu, void *data)
{
	struct place *place = data;
	struct timespec now;

	(void)cpu;
	if (place->reached)
		return;
	place->reached = 1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	fprintf(out, "%lx %lu %ld\n", place->address, executed,
		(now.tv_sec - start.tv_sec) * 1000000000L + now.tv_nsec -
			start.tv_nsec);
	fflush(out);
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
	size_t n;
	int i;

	(void)id;
	for (n = 0; n < qemu_plugin_tb_n_insns(tb); n++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, n);

		for (i = 0; i < n_places; i++)
			if (qemu_plugin_insn_vaddr(insn) == places[i].address)
				qemu_plugin_register_vcpu_insn_exec_cb(
					insn, reached, CALLBACK_NO_REGISTERS,
					&places[i]);
		if (counting)
			qemu_plugin_register_vcpu_insn_exec_inline(
				insn, INLINE_ADD_U64, &executed, 1);
	}
}

/* One word of the plugin's arguments; 0 or -1. */
static int take(const char *word)
{
	if (strncmp(word, "out=", 4) == 0) {
		out = fopen(word + 4, "w");
	} else if (strncmp(word, "at=", 3) == 0 && n_places < PLACES_MAX) {
		places[n_places++].address = strtoul(word + 3, NULL, 0);
	} else if (strcmp(word, "count=on") == 0) {
		counting = 1;
	} else {
		return -1;
	}
	return 0;
}

__attribute__((visibility("default"))) int
qemu_plugin_install(plugin_id id, const void *info, int n, char **words)
{
	int i;

	(void)info;
	for (i = 0; i < n; i++)
		if (take(words[i]))
			return -1;
	if (!out)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &start);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
