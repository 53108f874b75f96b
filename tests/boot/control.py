#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Domains made and ended by a guest's hypercalls, in numbers: the guests
control-cycles and control-many with more to do than in their own tests.
"""

import harness


def verdict(name, words, **where):
    """Boot the guest with these words, and itself as the ramdisk."""
    elf = "build/guest/%s.elf" % name
    with harness.Machine([elf + " " + words, elf],
                         line=harness.LINE + " dom0_mem=64M", **where) as pc:
        found = pc.expect(r"TEST (PASS|FAIL|SKIP)\b(.*)\n", 850)
        if found.group(1) != "PASS":
            raise harness.Failure(found.group(0).strip())
        pc.ends(30)


def cycles(count, seed):
    """COUNT domains; the guest compares the numbers of free pages."""
    verdict("control-cycles", "cycles=%d seed=%d" % (count, seed))


def many(count, memory):
    """Each is created at the cost of the first, in instructions."""
    verdict("control-many", "guests=%d exact" % count, memory=memory,
            extra=("-icount", "shift=3,sleep=off"))


harness.add("control-cycles-1000", cycles, count=1000, seed=7, long=True)
harness.add("control-many-exact", many, count=30, memory="1G")
harness.add("control-many-500", many, count=500, memory="3G", long=True)

if __name__ == "__main__":
    harness.main()
