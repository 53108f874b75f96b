#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Guests with several vcpus on one processor.

Debian's Linux brings up all that it was given; its selftest, whose threads
and children spread over them, passes while another such guest does the same
beside it. Lodge has one processor here, so every IPI, every flush of another
vcpu's translations and every spinning vcpu is between vcpus that wait for
each other's turn.
"""

import harness

SIZES = {"web": 2, "mail": 4}


def both(kernel, cpu="qemu64"):
    modules = []
    for name, vcpus in SIZES.items():
        modules += harness.guest(name, kernel, "selftest",
                                 options=" vcpus=%d" % vcpus)
    with harness.Machine(modules, cpu=cpu) as pc:
        for name, vcpus in SIZES.items():
            pc.seen = 0
            pc.expect(r"%s.*smp: Brought up 1 node, %d CPU" % (name, vcpus),
                      120)
        for name in SIZES:
            pc.seen = 0
            found = pc.expect(r"%s.*SELFTEST (PASS|FAIL.*)\n" % name, 300)
            if found.group(1) != "PASS":
                raise harness.Failure(name + ": " + found.group(0))
        pc.refuse(r"(BUG|WARNING(?!: See https)|Call Trace|Oops|soft lockup)")
        reason = pc.ends(60)
        if reason != "guest-shutdown":
            raise harness.Failure("power-off ended as " + str(reason))


harness.add("vcpus-amd64", both, kernel="vmlinuz-amd64")
harness.add("vcpus-cloud-max", both, kernel="vmlinuz-cloud", cpu="max",
            long=True)

if __name__ == "__main__":
    harness.main()
