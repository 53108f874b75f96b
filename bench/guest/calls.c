/* SPDX-License-Identifier: MIT */
/* Hypercalls that do little: the way in and out, multicalls, and copying. */
#include "bench.h"

#define UNKNOWN 63 /* no call has this number */
#define LIST	64

static multicall_entry_t list[LIST];
static char buffer[4096] __attribute__((aligned(4096)));
static trap_info_t table[257];

static long null_unknown(void)
{
	return call0(UNKNOWN);
}

static long null_version(void)
{
	return call2(__HYPERVISOR_xen_version, XENVER_version, 0);
}

static void fill_list(void)
{
	unsigned int i;

	memset(list, 0, sizeof(list));
	for (i = 0; i < LIST; i++) {
		list[i].op = __HYPERVISOR_xen_version;
		list[i].args[0] = XENVER_version;
	}
}

static long multicall(unsigned long n)
{
	return call2(__HYPERVISOR_multicall, HV_ARG(list), n);
}

static long multicall_1(void)
{
	return multicall(1);
}

static long multicall_16(void)
{
	return multicall(16);
}

static long multicall_64(void)
{
	return multicall(64);
}

static long stack_switch(void)
{
	return call2(__HYPERVISOR_stack_switch, FLAT_KERNEL_SS,
		     HV_ARG(buffer + sizeof(buffer)));
}

static long base_fs(void)
{
	return call2(__HYPERVISOR_set_segment_base, SEGBASE_FS, 0x1000);
}

static long base_gs_user(void)
{
	return call2(__HYPERVISOR_set_segment_base, SEGBASE_GS_USER, 0x1000);
}

static long taskswitch(void)
{
	return call2(__HYPERVISOR_fpu_taskswitch, 1, 0);
}

static void taskswitch_off(void)
{
	HYPERVISOR_fpu_taskswitch(0);
}

static long yield(void)
{
	return call2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
}

/* --- arguments of 4 bytes to 4 KiB, either way --- */

static struct physdev_set_iopl iopl = { 1 };
static evtchn_status_t status;

static long copy_in_4(void)
{
	return call2(__HYPERVISOR_physdev_op, PHYSDEVOP_set_iopl,
		     HV_ARG(&iopl));
}

static void status_setup(void)
{
	status.dom = DOMID_SELF;
	status.port = (evtchn_port_t)event_bind_ipi(0);
}

static void status_close(void)
{
	event_close(status.port);
}

static long copy_both_24(void)
{
	return call2(__HYPERVISOR_event_channel_op, EVTCHNOP_status,
		     HV_ARG(&status));
}

static long copy_out_16(void)
{
	return call2(__HYPERVISOR_xen_version, XENVER_extraversion,
		     HV_ARG(buffer));
}

static long copy_out_64(void)
{
	return call2(__HYPERVISOR_xen_version, XENVER_changeset,
		     HV_ARG(buffer));
}

static long copy_out_1024(void)
{
	return call2(__HYPERVISOR_xen_version, XENVER_capabilities,
		     HV_ARG(buffer));
}

/* The vectors of devices, which no trap of ours uses. */
static void fill_table(unsigned int n)
{
	unsigned int i;

	memset(table, 0, sizeof(table));
	for (i = 0; i < n; i++) {
		table[i].vector = (uint8_t)(32 + i % 224);
		table[i].cs = FLAT_KERNEL_CS;
		table[i].address = (unsigned long)handle_ud2;
	}
}

static void fill_table_1(void)
{
	fill_table(1);
}

static void fill_table_256(void)
{
	fill_table(256);
}

static long copy_in_traps(void)
{
	return call2(__HYPERVISOR_set_trap_table, HV_ARG(table), 0);
}

/* --- the console --- */

static char line[64] =
	"a line of sixty-four characters, to the console and the serial.\n";

static long console_64(void)
{
	return call3(__HYPERVISOR_console_io, CONSOLEIO_write, sizeof(line),
		     HV_ARG(line));
}

static const struct operation calls[] = {
	{ "null_unknown", null_unknown, .want = -XEN_ENOSYS },
	{ "null_version", null_version, .want = 0x40011 },
	{ "multicall_1", multicall_1, .setup = fill_list },
	{ "multicall_16", multicall_16, .per = 16, .setup = fill_list },
	{ "multicall_64", multicall_64, .per = 64, .setup = fill_list },
	{ "yield", yield, .want = 0 },
	{ "stack_switch", stack_switch, .want = 0 },
	{ "segment_base_fs", base_fs, .want = 0 },
	{ "segment_base_gs_user", base_gs_user, .want = 0 },
	{ "fpu_taskswitch", taskswitch, .cleanup = taskswitch_off },
	{ "copy_in_4", copy_in_4, .want = 0 },
	{ "copy_both_24", copy_both_24, .setup = status_setup,
	  .cleanup = status_close },
	{ "copy_out_16", copy_out_16, .want = 0 },
	{ "copy_out_64", copy_out_64, .want = 0 },
	{ "copy_out_1024", copy_out_1024, .want = 0 },
	{ "copy_in_traps_32", copy_in_traps, .setup = fill_table_1 },
	{ "copy_in_traps_4096", copy_in_traps, .setup = fill_table_256 },
	{ "console_64", console_64, .runs = 8 }
};

void bench_calls(void)
{
	measure(calls, ARRAY_SIZE(calls));
}
