#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Domain 0 and the machine: what Debian's kernel sees of it, and works with.

The devices on the PCI bus are those that QEMU says it has; a disk and a
network card work; memory of a device is reached, also where it lies above
all RAM; the screen is domain 0's; the kernel has nothing to complain about
that it has not on Debian's Xen (HYPERVISOR=xen); it switches the machine off,
or resets it.
"""

import hashlib
import re

import dom0
import harness

DISK = 2 << 20
# With these the shared memory's BAR does not fit below 4 GiB.
SHARED = 4 << 30
SIGNS = "BUG|WARNING|Call Trace|Oops|general protection|rcu.*stall|error -"
# What the kernel says on Debian's Xen, too.
USUAL = "Return Stack Overflow: WARNING: See|hpet_acpi_add"


def devices(disk):
    """QEMU's options for the devices that the tests below look for."""
    return ["-drive", "file=%s,format=raw,if=ide,snapshot=on"
            % disk,
            "-drive", "file=%s,format=raw,if=none,id=virtio,"
            "snapshot=on" % disk,
            "-device", "virtio-blk-pci,drive=virtio",
            "-netdev", "user,id=net", "-device", "e1000,netdev=net",
            "-object", "memory-backend-ram,id=shared,size=%d" % SHARED,
            "-device", "ivshmem-plain,memdev=shared"]


def bus(pc):
    """Each device that QEMU has on the bus, and no other."""
    known = {"%02x:%02x.%x %04x:%04x"
             % (d["bus"], d["slot"], d["function"], d["id"]["vendor"],
                d["id"]["device"])
             for b in pc.command("query-pci") for d in b["devices"]}
    text = pc.do("cd /sys/bus/pci/devices; for d in *; do "
                 "echo device $d $(cat $d/vendor $d/device); done; cd /")
    seen = {"%s %s:%s" % found for found in
            re.findall("device 0000:(.*) 0x(....) 0x(....)", text)}
    if seen != known:
        raise harness.Failure("QEMU has %s, Linux sees %s"
                              % (sorted(known), sorted(seen)))


def disks(pc, modules, digest):
    """All of both disks."""
    pc.do("modprobe -a sd_mod virtio_pci virtio_blk " + modules)
    for name in ("sda", "vda"):
        pc.until("cat /proc/partitions", " %d %s$" % (DISK >> 10, name))
        pc.show("md5sum /dev/" + name, digest, 120)


def network(pc):
    """QEMU's own gateway answers."""
    pc.do("modprobe e1000")
    pc.until("ls /sys/class/net", r"eth0")
    pc.do("ip address add 10.0.2.15/24 dev eth0; ip link set eth0 up")
    pc.until("busybox ping -c 1 -w 5 10.0.2.2", " 0% packet loss")


def far_memory(pc):
    """A BAR above all RAM: its first word and its last, each by itself."""
    device = pc.show("grep -l 0x1af4 /sys/bus/pci/devices/*/vendor | "
                     "sed s/vendor// | while read d; do "
                     "grep -q 0x1110 $d/device && echo at=$d; done",
                     "at=(.*)/").group(1)
    pc.do("echo 1 >%s/enable" % device)
    start, last = pc.show("sed -n 3p %s/resource" % device,
                          "0x(\\w+) 0x(\\w+)").groups()
    start, last = int(start, 16), int(last, 16)
    if start < 4 << 30 or last - start != SHARED - 1:
        raise harness.Failure("a BAR at %#x to %#x" % (start, last))
    values = {start: 0x12345678, last - 3: 0x9abcdef0, start + 4096: 5}
    for at, value in values.items():
        pc.do("busybox devmem %#x 32 %#x" % (at, value))
    for at, value in values.items():
        pc.show("busybox devmem %#x 32" % at, "0x%08X" % value)


def interrupts(pc):
    """Devices' interrupts have come."""
    text = pc.do("cat /proc/interrupts")
    for name in ("eth0", "virtio"):
        counts = [int(count) for count in
                  re.findall(r":\s+(\d+)\s.*%s" % name, text)]
        if not any(counts):
            raise harness.Failure("no interrupt of %s:\n%s" % (name, text))


def complaints(pc):
    """The kernel has none."""
    text = pc.do("dmesg | grep -E '%s' | grep -vE '%s' || :"
                 % (SIGNS, USUAL))
    lines = [line for line in text.splitlines() if line.startswith("[")]
    if lines:
        raise harness.Failure("the kernel complains:\n" + "\n".join(lines))


def screen(pc):
    """What is written to the kernel's screen is in the adapter's memory, of
    which the screen shows some part."""
    pc.do("echo seen-$((6*7)) >/dev/tty0")
    path = pc.folder + "/adapter"
    pc.command("pmemsave", val=0xb8000, size=0x8000, filename=path)
    with open(path, "rb") as file:
        if b"seen-42" not in file.read()[::2]:
            raise harness.Failure("not on the screen")


def works(end, reason, modules, **where):
    """Everything, and then the end of it all."""
    disk = "%s/%s.disk" % (harness.LOGS, harness.current)
    with open(disk, "wb") as file:
        block = hashlib.sha256(b"disk").digest() * 128
        data = b"".join(bytes([i & 255]) + block[1:]
                        for i in range(DISK // len(block)))
        file.write(data)
    with dom0.Shell("xen=no console=tty0 console=hvc0",
                    extra=devices(disk), **where) as pc:
        pc.boots()
        bus(pc)
        far_memory(pc)
        disks(pc, modules, hashlib.md5(data).hexdigest())
        network(pc)
        interrupts(pc)
        screen(pc)
        complaints(pc)
        pc.send("busybox %s -f\r" % end)
        if pc.ends(60) != reason:
            raise harness.Failure("%s ended as %s" % (end, pc.reason))


if __name__ == "__main__":
    harness.add("dom0-pc", works, end="poweroff", reason="guest-shutdown",
                modules="ata_piix")
    harness.add("dom0-q35", works, end="reboot", reason="guest-reset",
                modules="ahci", machine="q35")
    harness.main()
