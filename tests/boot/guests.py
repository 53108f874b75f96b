#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each guest test of tests/guest boots as domain 0, and gives its verdict in
a line with "TEST PASS", "TEST FAIL reason" or "TEST SKIP reason". It is alone
unless its folder has a file "beside": a line for each other module. A file
"options" there has words for the hypervisor, a file "devices" for QEMU.
"""

import functools
import glob
import os

import harness


def wishes(source, name):
    """The lines of a file in a guest test's folder, if there is one."""
    file = "%s/%s" % (os.path.dirname(source), name)
    if not os.path.exists(file):
        return []
    with open(file) as text:
        return text.read().splitlines()


def verdict(modules, line, **where):
    with harness.Machine(modules, line=line, **where) as pc:
        found = pc.expect(r"TEST (PASS|FAIL|SKIP)\b(.*)\n", 60)
        word, reason = found.group(1), found.group(2).strip()
        if word == "SKIP":
            raise harness.Skip(reason)
        if word == "FAIL":
            raise harness.Failure(reason)
        end = pc.ends(20)
        pc.refuse("TEST FAIL.*")  # of another that is the same program
        if end != "guest-shutdown":
            raise harness.Failure("power-off ended as " + str(end))


def names():
    """The folders; those that say so are built for 32 bits, too."""
    for source in sorted(glob.glob("tests/guest/*/main.c")):
        name = os.path.basename(os.path.dirname(source))
        yield name, source
        with open(source) as text:
            if "Built in both widths." in text.read():
                yield name + "-32", source


for name, source in names():
    elf = ["build/guest/%s.elf" % name] + wishes(source, "beside")
    line = " ".join([harness.LINE] + wishes(source, "options"))
    extra = " ".join(wishes(source, "devices")).split()
    harness.add("guest-" + name,
                functools.partial(verdict, elf, line, extra=extra))
    with open(source) as text:
        if "Tried with and without privilege." in text.read():
            harness.add("guest-%s-unprivileged" % name,
                        functools.partial(verdict,
                                          [elf[0] + " domain=one memory=32M"],
                                          line))
    for cpu, machine in (("max", "q35"), ("Nehalem", "pc")):
        harness.add("guest-%s-%s" % (name, cpu),
                    functools.partial(verdict, elf, line, extra=extra), cpu=cpu,
                    machine=machine, long=True)

if __name__ == "__main__":
    harness.main()
