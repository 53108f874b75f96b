#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What Lodge cannot boot: one clear message each, and never a hang.

Each case gives the modules (or the machine), and what the message has to
name. The machine then powers off or stands still with its processor halted;
it must not go on, spin, or fall over (a triple fault).
"""

import os
import struct
import time

import harness

FOLDER = harness.LOGS + "/refused"
ENTRY, XEN_VERSION, PHYS32_ENTRY = 1, 5, 18
BASE = 0xffffffff80000000


def file(name, data):
    """Write a module into our folder; its path."""
    os.makedirs(FOLDER, exist_ok=True)
    path = "%s/%s" % (FOLDER, name)
    with open(path, "wb") as out:
        out.write(data)
    return path


def debian(name="vmlinuz-amd64"):
    with open("%s/%s" % (harness.GUESTS, name), "rb") as image:
        return image.read()


def note(kind, data):
    """One ELF note of the owner "Xen"."""
    return (struct.pack("<III", 4, len(data), kind) + b"Xen\0" + data +
            b"\0" * (-len(data) % 4))


def elf64(notes):
    """An executable of one page at 1 MiB, with these notes."""
    code = b"\xeb\xfe" + b"\0" * 4094
    at = 64 + 2 * 56
    header = b"\x7fELF\2\1\1" + b"\0" * 9 + struct.pack(
        "<HHIQQQIHHHHHH", 2, 62, 1, BASE + 0x100000, 64, 0, 0, 64, 56, 2,
        64, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 7, 4096, BASE + 0x100000, 0x100000,
                       4096, 4096, 4096)
    notes_at = struct.pack("<IIQQQQQQ", 4, 4, at, 0, 0, len(notes),
                           len(notes), 4)
    return (header + load + notes_at + notes).ljust(4096, b"\0") + code


def elf32():
    """A 32-bit executable with the notes of a paravirtual kernel."""
    notes = (note(XEN_VERSION, b"xen-3.0\0") +
             note(ENTRY, struct.pack("<I", 0xc0100000)))
    at = 52 + 2 * 32
    header = b"\x7fELF\1\1\1" + b"\0" * 9 + struct.pack(
        "<HHIIIIIHHHHHH", 2, 3, 1, 0xc0100000, 52, 0, 0, 52, 32, 2, 40, 0, 0)
    load = struct.pack("<IIIIIIII", 1, 4096, 0xc0100000, 0x100000, 4096,
                       4096, 7, 4096)
    notes_at = struct.pack("<IIIIIIII", 4, at, 0, 0, len(notes), len(notes),
                           4, 4)
    return (header + load + notes_at + notes).ljust(4096, b"\0") + b"\0" * 4096


def damaged(name):
    """A kernel with bytes changed in the middle of its packed data."""
    data = bytearray(debian(name))
    middle = len(data) // 2
    for at in range(middle, middle + 64):
        data[at] ^= 0x5a
    return bytes(data)


def hvm_only():
    return elf64(note(PHYS32_ENTRY, struct.pack("<Q", 0x100000)))


# name: (what writes the module's file, what the message says besides)
FILES = {
    "no-kernel": (lambda: b"This is a text, no kernel.\n" * 99,
                  "ELF|bzImage"),
    "empty": (lambda: b"", "empty|ELF|bzImage"),
    "truncated-bzimage": (lambda: debian()[:3000000], "truncated"),
    "truncated-elf": (lambda: elf64(b"")[:5000], "truncated"),
    "corrupt-xz": (lambda: damaged("vmlinuz-amd64"), "corrupt"),
    "corrupt-lz4": (lambda: damaged("vmlinuz-cloud"), "corrupt"),
    "no-notes": (lambda: elf64(b""), "[Nn]o.*Xen|Xen.*notes"),
    "32-bit": (elf32, "32-bit"),
    "hvm-only": (hvm_only, "HVM|PVH|hardware"),
}

KERNEL = harness.GUESTS + "/vmlinuz-cloud"
RAMDISK = harness.GUESTS + "/initrd.img"

# name: (modules, what the message says)
WORDS = {
    "unknown-option": ([KERNEL + " domain=web memroy=64M"],
                       "module 0.*memroy=64M.*expected"),
    "malformed-memory": ([KERNEL + " domain=web memory=lots"],
                         "module 0.*memory=lots.*expected"),
    "malformed-vcpus": ([KERNEL + " domain=web vcpus=0"],
                        "module 0.*vcpus=0.*expected"),
    "nameless": ([KERNEL + " domain= memory=64M"],
                 "module 0.*domain=.*expected"),
    "two-of-one-name": ([KERNEL + " domain=web", KERNEL + " domain=web"],
                        "module 1.*web"),
    "ramdisk-of-nobody": ([KERNEL + " domain=web", RAMDISK + " ramdisk=wbe"],
                          "module 1.*wbe"),
}


def stops(pc):
    """After its message the machine is off, or its processor halted."""
    deadline = time.monotonic() + 20
    still = 0
    try:
        while still < 3 and time.monotonic() < deadline:
            # Asked more often, QEMU comes to nothing else.
            time.sleep(0.5)
            still = still + 1 if pc.halted() else 0
        if still:
            return
    except harness.Failure:
        pc.ends(5)
        return
    raise harness.Failure("neither off nor halted")


def refused(message, modules, **where):
    with harness.Machine(modules, memory=where.pop("memory", "512M"),
                         **where) as pc:
        pc.expect(message, 60)
        stops(pc)
        pc.refuse("PANIC|[Pp]anic")


def refused_file(name):
    make, message = FILES[name]
    path = file(name + ".img", make())
    refused(r"(module 0|web|%s.img).*(%s)" % (name, message),
            [path + " domain=web memory=64M"])


def refused_as_domain_0(name):
    make, message = FILES[name]
    path = file(name + ".0", make())
    refused(message, [path])


def too_little_memory():
    """The message says how much was asked for and how much there was."""
    refused(r"web.*\d+.*\d+", [KERNEL + " domain=web memory=2G", RAMDISK +
                               " ramdisk=web"])


def kernel_too_large():
    """A guest with less memory than its kernel takes."""
    refused(r"web.*\d+", [KERNEL + " domain=web memory=16M"])


def passed_over():
    """Words meant for another hypervisor are reported, and it goes on."""
    with harness.Machine(["build/guest/hypercall.elf"],
                         line="console=com1 flummery=3 placebo") as pc:
        pc.expect("flummery", 30)
        pc.expect("placebo", 30)
        pc.expect("TEST PASS", 60)


def on_screen():
    """Without a serial port the screen says why."""
    with harness.Machine([KERNEL + " domain=web memory=lots"],
                         line="console=vga noreboot",
                         loader="grub-bios") as pc:
        deadline = time.monotonic() + 60
        text = ""
        while "memory=lots" not in text:
            try:
                text = pc.screen()
            except harness.Failure:
                raise harness.Failure("the screen was " + text) from None
            if time.monotonic() > deadline:
                raise harness.Failure("on the screen: " + text)
            time.sleep(0.2)


for name in FILES:
    harness.add("refused-" + name, refused_file, name=name)
harness.add("refused-dom0-no-kernel", refused_as_domain_0, name="no-kernel")
harness.add("refused-dom0-hvm-only", refused_as_domain_0, name="hvm-only")
for name, (modules, message) in WORDS.items():
    harness.add("refused-" + name, refused, modules=modules, message=message)
harness.add("refused-no-module", refused, modules=[], message="[Nn]o module")
harness.add("refused-too-little-memory", too_little_memory)
harness.add("refused-kernel-too-large", kernel_too_large)
harness.add("refused-on-screen", on_screen)
harness.add("refused-no-long-mode", refused, modules=[KERNEL], cpu="pentium3",
            message="long mode|64-bit")
harness.add("refused-no-nx", refused, modules=[KERNEL], cpu="qemu64,-nx",
            message=r"\bNX\b|[Nn]o-execute|execute.disable")
harness.add("refused-no-apic", refused, modules=[KERNEL], cpu="qemu64,-apic",
            message="APIC")
harness.add("option-passed-over", passed_over)

if __name__ == "__main__":
    harness.main()
