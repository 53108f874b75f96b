/* SPDX-License-Identifier: MIT */
/*
 * Arguments of hypercalls as 32-bit guests lay them out: all of them, and
 * nowhere else. (What is more than an argument, such as start_info and
 * shared_info, is in <xen/foreign/x86_32.h>.)
 *
 * Each structure is a table of its fields: type, name, the member of the
 * 64-bit structure that it becomes, offset. The structures, the checks of
 * their offsets, and the translations (frame/argument.c) are made from it. On
 * i386 eight bytes are aligned to four, and a pointer or long has four.
 */
#ifndef LODGE_LAYOUT32_H
#define LODGE_LAYOUT32_H

#include "abi.h"

/* A number of a list of frames, xen_pfn_t or long. */
struct frame_number {
	uint64_t v;
};

/*
 * LAYOUT(ours, the interface's 64-bit structure, bytes): the structures that
 * are translated. Of what ends in an address of eight bytes, which a guest
 * may fill by half, only the half that it fills is read.
 */
#define LAYOUTS(LAYOUT)                                                     \
	LAYOUT(sched_poll, struct sched_poll, 16)                           \
	LAYOUT(set_singleshot, struct vcpu_set_singleshot_timer, 12)        \
	LAYOUT(runstate_area, struct vcpu_register_runstate_memory_area, 4) \
	LAYOUT(time_area, struct vcpu_register_time_memory_area, 4)         \
	LAYOUT(runstate_info, struct vcpu_runstate_info, 44)                \
	LAYOUT(memory_reservation, struct xen_memory_reservation, 20)       \
	LAYOUT(memory_exchange, struct xen_memory_exchange, 44)             \
	LAYOUT(memory_map, struct xen_memory_map, 8)                        \
	LAYOUT(foreign_memory_map, struct xen_foreign_memory_map, 12)       \
	LAYOUT(machphys_mapping, struct xen_machphys_mapping, 12)           \
	LAYOUT(machphys_list, struct xen_machphys_mfn_list, 12)             \
	LAYOUT(mmuext_op, struct mmuext_op, 12)                             \
	LAYOUT(trap_info, struct trap_info, 8)                              \
	LAYOUT(nmi_callback, struct xennmi_callback, 8)                     \
	LAYOUT(set_iobitmap, struct physdev_set_iobitmap, 8)                \
	LAYOUT(physdev_apic, struct physdev_apic, 12)                       \
	LAYOUT(physdev_map_pirq, struct physdev_map_pirq, 36)               \
	LAYOUT(getidletime, struct xenpf_getidletime, 20)                   \
	LAYOUT(mc_physcpuinfo, struct xen_mc_physcpuinfo, 12)               \
	LAYOUT(platform_parameters, struct xen_platform_parameters, 4)      \
	LAYOUT(frame_number, struct frame_number, 4)                        \
	LAYOUT(acquire_resource, struct xen_mem_acquire_resource, 28)       \
	LAYOUT(setup_table, struct gnttab_setup_table, 16)                  \
	LAYOUT(status_frames, struct gnttab_get_status_frames, 12)          \
	LAYOUT(grant_transfer, struct gnttab_transfer, 16)                  \
	LAYOUT(grant_copy, struct gnttab_copy, 24)

#define FIELDS_sched_poll(F)               \
	F(uint32_t, ports, ports.p, 0)     \
	F(uint32_t, nr_ports, nr_ports, 4) \
	F(uint64_t, timeout, timeout, 8)
#define FIELDS_set_singleshot(F)                       \
	F(uint64_t, timeout_abs_ns, timeout_abs_ns, 0) \
	F(uint32_t, flags, flags, 8)
#define FIELDS_runstate_area(F) F(uint32_t, h, addr.p, 0)
#define FIELDS_time_area(F)	F(uint32_t, h, addr.p, 0)
#define FIELDS_runstate_info(F)                            \
	F(uint32_t, state, state, 0)                       \
	F(uint64_t, state_entry_time, state_entry_time, 4) \
	F(uint64_t, time_running, time[0], 12)             \
	F(uint64_t, time_runnable, time[1], 20)            \
	F(uint64_t, time_blocked, time[2], 28)             \
	F(uint64_t, time_offline, time[3], 36)
#define FIELDS_memory_reservation(F)                 \
	F(uint32_t, extent_start, extent_start.p, 0) \
	F(uint32_t, nr_extents, nr_extents, 4)       \
	F(uint32_t, extent_order, extent_order, 8)   \
	F(uint32_t, mem_flags, mem_flags, 12)        \
	F(uint32_t, domid, domid, 16)
#define FIELDS_memory_exchange(F)                      \
	F(uint32_t, in_start, in.extent_start.p, 0)    \
	F(uint32_t, in_nr, in.nr_extents, 4)           \
	F(uint32_t, in_order, in.extent_order, 8)      \
	F(uint32_t, in_flags, in.mem_flags, 12)        \
	F(uint32_t, in_domid, in.domid, 16)            \
	F(uint32_t, out_start, out.extent_start.p, 20) \
	F(uint32_t, out_nr, out.nr_extents, 24)        \
	F(uint32_t, out_order, out.extent_order, 28)   \
	F(uint32_t, out_flags, out.mem_flags, 32)      \
	F(uint32_t, out_domid, out.domid, 36)          \
	F(uint32_t, nr_exchanged, nr_exchanged, 40)
#define FIELDS_memory_map(F)                   \
	F(uint32_t, nr_entries, nr_entries, 0) \
	F(uint32_t, buffer, buffer.p, 4)
#define FIELDS_foreign_memory_map(F)               \
	F(uint32_t, domid, domid, 0)               \
	F(uint32_t, nr_entries, map.nr_entries, 4) \
	F(uint32_t, buffer, map.buffer.p, 8)
#define FIELDS_machphys_mapping(F)       \
	F(uint32_t, v_start, v_start, 0) \
	F(uint32_t, v_end, v_end, 4)     \
	F(uint32_t, max_mfn, max_mfn, 8)
#define FIELDS_machphys_list(F)                    \
	F(uint32_t, max_extents, max_extents, 0)   \
	F(uint32_t, extent_start, extent_start.p, 4) \
	F(uint32_t, nr_extents, nr_extents, 8)
#define FIELDS_mmuext_op(F)            \
	F(uint32_t, cmd, cmd, 0)       \
	F(uint32_t, arg1, arg1.mfn, 4) \
	F(uint32_t, arg2, arg2.src_mfn, 8)
#define FIELDS_trap_info(F)           \
	F(uint8_t, vector, vector, 0) \
	F(uint8_t, flags, flags, 1)   \
	F(uint16_t, cs, cs, 2)        \
	F(uint32_t, address, address, 4)
#define FIELDS_nmi_callback(F)                           \
	F(uint32_t, handler_address, handler_address, 0) \
	F(uint32_t, pad, pad, 4)
#define FIELDS_set_iobitmap(F)           \
	F(uint32_t, bitmap, bitmap.p, 0) \
	F(uint32_t, nr_ports, nr_ports, 4)
#define FIELDS_getidletime(F)                      \
	F(uint32_t, cpumap, cpumap_bitmap.p, 0)    \
	F(uint32_t, nr_cpus, cpumap_nr_cpus, 4)    \
	F(uint32_t, idletime, idletime.p, 8)       \
	F(uint64_t, now, now, 12)
#define FIELDS_mc_physcpuinfo(F)     \
	F(uint32_t, ncpus, ncpus, 0) \
	F(uint32_t, pad, _pad0, 4)   \
	F(uint32_t, info, info.p, 8)
#define FIELDS_physdev_apic(F)                       \
	F(uint32_t, apic_physbase, apic_physbase, 0) \
	F(uint32_t, reg, reg, 4)                     \
	F(uint32_t, value, value, 8)
#define FIELDS_physdev_map_pirq(F)         \
	F(uint32_t, domid, domid, 0)       \
	F(int32_t, type, type, 4)          \
	F(int32_t, index, index, 8)        \
	F(int32_t, pirq, pirq, 12)         \
	F(int32_t, bus, bus, 16)           \
	F(int32_t, devfn, devfn, 20)       \
	F(int32_t, entry_nr, entry_nr, 24) \
	F(uint64_t, table_base, table_base, 28)
#define FIELDS_platform_parameters(F) F(uint32_t, virt_start, virt_start, 0)
#define FIELDS_frame_number(F)	      F(uint32_t, v, v, 0)
#define FIELDS_acquire_resource(F)           \
	F(uint16_t, domid, domid, 0)         \
	F(uint16_t, type, type, 2)           \
	F(uint32_t, id, id, 4)               \
	F(uint32_t, nr_frames, nr_frames, 8) \
	F(uint32_t, pad, pad, 12)            \
	F(uint64_t, frame, frame, 16)        \
	F(uint32_t, frame_list, frame_list.p, 24)
#define FIELDS_setup_table(F)                \
	F(uint32_t, dom, dom, 0)             \
	F(uint32_t, nr_frames, nr_frames, 4) \
	F(int32_t, status, status, 8)        \
	F(uint32_t, frame_list, frame_list.p, 12)
#define FIELDS_status_frames(F)              \
	F(uint32_t, nr_frames, nr_frames, 0) \
	F(uint16_t, dom, dom, 4)             \
	F(int16_t, status, status, 6)        \
	F(uint32_t, frame_list, frame_list.p, 8)
#define FIELDS_grant_transfer(F)     \
	F(uint32_t, mfn, mfn, 0)     \
	F(uint32_t, domid, domid, 4) \
	F(uint32_t, ref, ref, 8)     \
	F(int32_t, status, status, 12)
#define FIELDS_grant_copy(F)                         \
	F(uint32_t, source, source.u.gmfn, 0)        \
	F(uint16_t, source_domid, source.domid, 4)   \
	F(uint16_t, source_offset, source.offset, 6) \
	F(uint32_t, dest, dest.u.gmfn, 8)            \
	F(uint16_t, dest_domid, dest.domid, 12)      \
	F(uint16_t, dest_offset, dest.offset, 14)    \
	F(uint16_t, len, len, 16)                    \
	F(uint16_t, flags, flags, 18)                \
	F(int32_t, status, status, 20)

/* Those that have no 64-bit form of their own: read as they are. */
#define FIELDS_callback_register(F) \
	F(uint16_t, type, , 0)      \
	F(uint16_t, flags, , 2)     \
	F(uint32_t, cs, , 4)        \
	F(uint32_t, eip, , 8)
#define LAYOUT_MEMBER(type, name, member, at) type name;
#define LAYOUT_CHECK(type, name, member, at) \
	_Static_assert(offsetof(layout_checked, name) == (at), #name);
#define LAYOUT_STRUCT(name, wide, bytes)                   \
	struct name##32                                    \
	{                                                  \
		FIELDS_##name(LAYOUT_MEMBER)               \
	}                                                  \
	__attribute__((packed, aligned(4)));               \
	_Static_assert(sizeof(struct name##32) == (bytes), \
		       #name " of 32-bit guests");         \
	static inline void name##32_check(void)            \
	{                                                  \
		typedef struct name##32 layout_checked;    \
		FIELDS_##name(LAYOUT_CHECK)                \
	}

LAYOUTS(LAYOUT_STRUCT)
LAYOUT_STRUCT(callback_register, , 12)

#endif
