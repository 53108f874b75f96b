#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a guest runs on where Meltdown is, looked at from outside.

QEMU's monitor reads the tables that the processor walks while a guest's own
code spins: almost nothing of ours is in them. (shells.py has Debian's Linux
behind all defences at once.)
"""

import re
import struct

import harness

SPIN = harness.GUESTS + "/bad-spin.elf"
TRAMPOLINE = 257
AREA = 1 << 20            # of each processor, the first one after entry text
STACK = AREA + 0x30000
FRAME = 0x000ffffffffff000


def monitor(pc, line):
    return pc.command("human-monitor-command", **{"command-line": line})


def table(pc, address):
    """The 512 entries of a page table."""
    path = pc.folder + "/table"
    pc.command("pmemsave", val=address & FRAME, size=4096, filename=path)
    with open(path, "rb") as file:
        return struct.unpack("<512Q", file.read())


def guests_root(pc):
    """CR3 at a moment when the processor executes a guest's code."""
    for unused in range(200):
        monitor(pc, "stop")
        registers = monitor(pc, "info registers")
        if re.search("CPL=3", registers):
            return int(re.search("CR3=([0-9a-f]+)", registers)[1], 16)
        monitor(pc, "cont")
    raise harness.Failure("no guest executes anything")


def pages(pc, address, level, start=0):
    """Offsets of all present pages below a table."""
    size = 4096 << 9 * (level - 1)
    for at, entry in enumerate(table(pc, address)):
        if not entry & 1:
            continue
        if level == 1:
            yield start + at * size
        else:
            yield from pages(pc, entry, level - 1, start + at * size)


def shown(cpu, line):
    """Slots of ours, and pages of the trampoline, in a spinning guest's root."""
    with harness.Machine([SPIN], cpu=cpu, memory="256M",
                         line="console=com1 " + line) as pc:
        pc.expect("domain 0 .*: ", 30)
        root = table(pc, guests_root(pc))
        return ([slot for slot in range(256, 272) if root[slot] & 1],
                list(pages(pc, root[TRAMPOLINE], 3)))


def separated(cpu="qemu64", line=""):
    slots, mapped = shown(cpu, line)
    if slots != [256, TRAMPOLINE]:
        raise harness.Failure("a guest runs with our slots %s" % slots)
    stack = [page - STACK >> 12 for page in mapped if page >= STACK]
    if stack != [1, 3, 5, 7, 15]:
        raise harness.Failure("pages of stack are mapped: %s" % stack)


def together():
    """The same look sees all where nothing is separated."""
    slots, unused = shown("qemu64", "")
    if slots != list(range(256, 272)):
        raise harness.Failure("a guest runs with our slots %s" % slots)


harness.add("speculation-roots", separated, line="xpti=dom0=yes")
harness.add("speculation-roots-nehalem", separated, cpu="Nehalem")
harness.add("speculation-roots-together", together)

if __name__ == "__main__":
    harness.main()
