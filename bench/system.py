# SPDX-License-Identifier: MIT
"""Whole systems: what the hypervisor takes, how it starts, and Debian's Linux
on it. Each line is (name, title, Lodge, Xen, bare machine or None); less is
better in all of them."""

import os
import re
import struct
import subprocess
import sys
import tempfile

import machine

sys.path.insert(0, "tests/boot")
import harness  # noqa: E402

GUESTS = "build/guests"
# The cloud kernel cannot be domain 0 of Xen; this one can be all three.
KERNEL = GUESTS + "/vmlinuz-amd64"
RAMDISK = machine.OUT + "/initrd.img"
# Debian's kernel in ring 3 needs what the emulator does without SMAP.
LINUX_CPU = "max,-smap,-smep"
LINUX_MEMORY = 512
PATIENCE = 150
# Xen waits for a change of the clock chip's second: let it always be as long.
FIXED_CLOCK = ["-rtc", "base=2026-01-01,clock=vm"]
NAMES = {machine.LODGE: "lodge", machine.XEN: "xen", None: "bare"}
LINUX = [("linux_syscall", "Linux: null system call"),
         ("linux_pipe", "Linux: pipe, a byte there and back"),
         ("linux_fault", "Linux: page fault of a new mapping"),
         ("linux_unmap", "Linux: munmap, each touched page"),
         ("linux_fork", "Linux: fork, exec, wait")]


# --- the image ---------------------------------------------------------------

def elf(path):
    """(entry, bytes in memory) of an ELF file of either width."""
    with open(path, "rb") as file:
        data = file.read()
    wide = data[4] == 2
    head, program = ("<16x8xQQ14xHH", "<I36xQ8x") if wide else (
        "<16x8xII10xHH", "<I16xI8x")
    entry, at, size, count = struct.unpack_from(head, data)
    total = 0
    for i in range(count):
        kind, bytes_in_memory = struct.unpack_from(program, data,
                                                   at + i * size)
        total += bytes_in_memory if kind == 1 else 0
    return entry, total


def image(*hypervisors):
    """Two lines: the file, and what it takes once loaded."""
    yield ("image_file", "hypervisor's image, bytes of the ELF file",
           *(os.path.getsize(path) for path in hypervisors), None)
    yield ("image_memory", "the same loaded, bytes, before tables",
           *(elf(path)[1] for path in hypervisors), None)


# --- memory ------------------------------------------------------------------

def kept_lodge(mib):
    """Lodge refuses a guest that is too large, and says what is free then."""
    text = machine.watched(
        ["-c", "qemu64", "-m", "%dM" % mib, "-k", machine.LODGE,
         "-a", "console=com1", "-r", machine.GUEST +
         " domain=large memory=1000G"], b"MiB free")
    return (mib - int(re.search(r"(\d+) MiB free", text).group(1))) * 1024


def kept_xen(mib):
    """Xen tells domain 0. Not scrubbing at boot leaves the memory of the
    machine that runs QEMU alone; it changes nothing else."""
    text = machine.boot(machine.XEN, "qemu64", "bootscrub=0",
                        "only=none physinfo", memory=mib, icount=None)
    own, free = re.search(r"PHYSINFO own=(\d+) free=(\d+)", text).groups()
    return mib * 1024 - (int(own) + int(free)) * 4


def memory():
    """Kibibytes that no guest can have."""
    for mib in (1024, 16384):
        yield ("kept_%dg" % (mib // 1024),
               "memory kept of %d GiB, KiB" % (mib // 1024),
               kept_lodge(mib), kept_xen(mib), None)


# --- the start ---------------------------------------------------------------

def reach(hypervisor, count):
    """{place: (instructions, seconds)}, counted from the reset, of the
    hypervisor's first instruction and the guest's."""
    places = {"hypervisor": elf(hypervisor)[0], "guest": elf(machine.GUEST)[0]}
    with tempfile.NamedTemporaryFile(dir=machine.OUT) as out:
        plugin = "%s/reach.so,out=%s%s" % (
            machine.OUT, out.name, ",count=on" if count else "")
        for address in places.values():
            plugin += ",at=0x%x" % address
        machine.boot(hypervisor, "qemu64", "", "only=none",
                     ["-plugin", plugin, *(FIXED_CLOCK if count else [])],
                     icount=machine.ICOUNT if count else None)
        found = {}
        for line in out.read().decode().splitlines():
            address, executed, nanoseconds = line.split()
            found[int(address, 16)] = (int(executed), int(nanoseconds) / 1e9)
    return {name: found[address] for name, address in places.items()}


def start(*hypervisors):
    """From reset to the guest: instructions, then seconds, best of three."""
    counts = [reach(path, True) for path in hypervisors]
    yield ("start_firmware", "reset to the hypervisor, instructions",
           *(c["hypervisor"][0] for c in counts), None)
    yield ("start_guest", "hypervisor to the guest, instructions",
           *(c["guest"][0] - c["hypervisor"][0] for c in counts), None)
    times = [[reach(path, False) for unused in range(3)]
             for path in hypervisors]
    yield ("start_seconds", "reset to the guest, seconds",
           *(min(t["guest"][1] for t in each) for each in times), None)
    yield ("start_seconds_own", "hypervisor to the guest, seconds",
           *(min(t["guest"][1] - t["hypervisor"][1] for t in each)
             for each in times), None)


# --- Linux -------------------------------------------------------------------

def linux_machine(hypervisor, icount):
    """The same kernel and ramdisk with the same memory, on one of three."""
    harness.current = "bench-" + NAMES[hypervisor]
    words = {"cpu": LINUX_CPU, "memory": "1G",
             "extra": ["-icount", machine.ICOUNT] if icount else []}
    if hypervisor is None:
        return harness.Machine([RAMDISK], kernel=KERNEL, line="console=ttyS0",
                               **dict(words, memory="%dM" % LINUX_MEMORY))
    if hypervisor == machine.LODGE:
        return harness.Machine(
            ["%s domain=one memory=%dM -- console=hvc0"
             % (KERNEL, LINUX_MEMORY), RAMDISK + " ramdisk=one"], **words)
    return harness.Machine(
        [KERNEL + " console=hvc0", RAMDISK], kernel=hypervisor,
        line="console=com1 com1=115200 dom0_mem=%dM dom0_max_vcpus=1"
        % LINUX_MEMORY, **words)


def shell(hypervisor):
    """Seconds from QEMU's start to the shell."""
    with linux_machine(hypervisor, False) as pc:
        pc.expect("Type poweroff to stop it", PATIENCE)
        return pc.seconds()


def program(hypervisor):
    """The figures of bench/linux.c, in instructions."""
    with linux_machine(hypervisor, True) as pc:
        pc.expect("Type poweroff to stop it", PATIENCE)
        pc.expect("# ", PATIENCE)
        pc.send("/etc/linux\r")
        pc.expect("LINUX PASS", PATIENCE)
        return machine.figures(pc.output)


def linux(*hypervisors):
    """Time to the shell, and what it costs to work there."""
    three = [*hypervisors, None]
    yield ("linux_shell", "Linux: QEMU's start to the shell, seconds",
           *(min(shell(path) for unused in range(2)) for path in three))
    found = [program(path) for path in three]
    for name, title in LINUX:
        yield (name, title + ", instructions", *(f[name][0] for f in found))


# --- all of it ---------------------------------------------------------------

def measure():
    """All lines, each as soon as it is known."""
    both = (machine.LODGE, machine.XEN)
    yield from image(*both)
    yield from memory()
    yield from start(*both)
    yield from linux(*both)
