#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Debian's kernels run the ramdisk's selftest (initrd/selftest.sh).

Each of the two kernels has to pass on each CPU model, machine and loader. The
short run takes a choice in which every two of these values meet at least
once; the long run takes all. The same selftest on Debian's own Xen shows
that the test asks for nothing that a hypervisor need not give.
"""

import itertools

import harness

KERNELS = {"amd64": "vmlinuz-amd64", "cloud": "vmlinuz-cloud"}
CPUS = ["qemu64", "Nehalem", "Haswell-noTSX", "EPYC", "max"]
MACHINES = ["pc", "q35"]
LOADERS = ["direct", "grub-bios", "grub-efi"]


def pairs(choice):
    """The pairs of values that meet in a choice."""
    return set(itertools.combinations(enumerate(choice), 2))


def pairwise(*values):
    """A short list of choices in which every pair of values meets."""
    every = list(itertools.product(*values))
    missing = set().union(*map(pairs, every))
    while missing:
        best = max(every, key=lambda choice: len(pairs(choice) & missing))
        missing -= pairs(best)
        yield best


def verdict(machine, seconds):
    machine.expect(r"selftest: .*200 processes", seconds)
    found = machine.expect(r"SELFTEST (PASS|FAIL.*)\n", seconds)
    if found.group(1) != "PASS":
        raise harness.Failure(found.group(0))
    reason = machine.ends(30)
    if reason != "guest-shutdown":
        raise harness.Failure("power-off ended as " + str(reason))


def on_lodge(kernel, cpu, machine, loader):
    modules = harness.guest("web", KERNELS[kernel], "selftest")
    with harness.Machine(modules, cpu=cpu, machine=machine,
                         loader=loader) as pc:
        verdict(pc, 150)
        pc.refuse(r"web.*(BUG|WARNING(?!: See https)|Call Trace|Oops)")


def on_xen():
    modules = [harness.GUESTS + "/vmlinuz-amd64 console=hvc0 selftest",
               harness.GUESTS + "/initrd.img"]
    with harness.Machine(modules, kernel=harness.GUESTS + "/xen",
                         line="console=com1 com1=115200,8n1 dom0_mem=512M",
                         cpu="max,-smap,-smep") as pc:
        verdict(pc, 150)


short = set(pairwise(CPUS, MACHINES, LOADERS, KERNELS))
for choice in itertools.product(CPUS, MACHINES, LOADERS, KERNELS):
    cpu, machine, loader, kernel = choice
    harness.add("selftest-%s-%s-%s-%s" % choice, on_lodge, kernel=kernel,
                cpu=cpu, machine=machine, loader=loader,
                long=choice not in short)
harness.add("selftest-on-xen", on_xen, long=True)

if __name__ == "__main__":
    harness.main()
