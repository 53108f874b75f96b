#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The machine under Lodge: how much memory, which loader, how it ends.

Small guests show it; each boots as domain 0. Memory is never walked at boot,
so that a machine with 16 GiB costs QEMU little more than a small one.
"""

import gzip
import os

import harness

SMALL = "build/guest/hypercall.elf"


def passes(pc):
    pc.expect("TEST PASS", 60)
    reason = pc.ends(20)
    if reason != "guest-shutdown":
        raise harness.Failure("power-off ended as " + str(reason))


def boots(**where):
    with harness.Machine([SMALL], **where) as pc:
        passes(pc)


def resident(pc):
    """MiB of memory that QEMU really uses; it is a child of timeout."""
    with open("/proc/{0}/task/{0}/children".format(pc.process.pid)) as file:
        child = file.read().split()[0]
    with open("/proc/%s/status" % child) as file:
        return int(file.read().split("VmRSS:")[1].split()[0]) // 1024


def large():
    # A domain 0 of moderate size leaves the rest of the memory free.
    with harness.Machine([SMALL], memory="16G",
                         line="console=com1 dom0_mem=64M") as pc:
        pc.expect("TEST PASS", 60)
        used = resident(pc)
        print("%d MiB of 16 GiB are in use" % used)
        if used > 1024:
            raise harness.Failure("%d MiB were touched at boot" % used)


def reboots(**where):
    with harness.Machine([harness.GUESTS + "/bad-reboot.elf"],
                         **where) as pc:
        reason = pc.ends(60)
        if reason != "guest-reset":
            raise harness.Failure("the reboot ended as " + str(reason))


def gunzipped():
    """A gzipped plain ELF is a kernel, too."""
    packed = "%s/%s.gz" % (harness.LOGS, os.path.basename(SMALL))
    with open(SMALL, "rb") as file, gzip.open(packed, "wb") as out:
        out.write(file.read())
    with harness.Machine([packed]) as pc:
        passes(pc)


harness.add("machine-64M", boots, memory="64M")
harness.add("machine-100M-q35", boots, memory="100M", machine="q35")
harness.add("machine-16G", large)
harness.add("machine-6G-holes", boots, memory="6G", machine="q35")
harness.add("machine-grub-bios", boots, loader="grub-bios")
harness.add("machine-grub-efi", boots, loader="grub-efi", machine="q35")
harness.add("machine-4-cpus", boots, extra=["-smp", "4"])
harness.add("machine-gzip", gunzipped)
harness.add("machine-reboots", reboots)
harness.add("machine-reboots-q35", reboots, machine="q35")
for model in ("Nehalem", "Haswell-noTSX", "EPYC", "max"):
    harness.add("machine-" + model, boots, cpu=model, long=True)

if __name__ == "__main__":
    harness.main()
