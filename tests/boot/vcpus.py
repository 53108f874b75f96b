#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Guests with several vcpus on one processor.

Debian's Linux brings up all that it was given; its selftest, whose threads
and children spread over them, passes while another such guest does the same
beside it. Lodge has one processor here, so every IPI, every flush of another
vcpu's translations and every spinning vcpu is between vcpus that wait for
each other's turn. Small guests (tests/guest) do the same on purpose.
"""

import harness
import shells

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


def hotplug():
    """Linux takes its CPUs down and up again while they have work."""
    modules = harness.guest("web", "vmlinuz-amd64", options=" vcpus=4")
    with harness.Machine(modules) as pc:
        pc.expect("This is guest web,", 120)
        pc.expect("# ", 20)
        shells.ask(pc, "echo cpus=$(nproc)", "cpus=4")
        shells.ask(pc, "for i in 1 2 3 4 5 6; do (while :; do :; done) &"
                   " done; sleep 0.5; jobs | wc -l | sed s/^/busy=/",
                   "busy=6")
        for turn in range(3):
            shells.ask(pc, "for n in 1 2 3; do"
                       " echo 0 >/sys/devices/system/cpu/cpu$n/online; done;"
                       " echo down%d=$(nproc)" % turn, "down%d=1" % turn)
            shells.ask(pc, "for n in 3 1 2; do"
                       " echo 1 >/sys/devices/system/cpu/cpu$n/online; done;"
                       " echo up%d=$(nproc)" % turn, "up%d=4" % turn)
        shells.ask(pc, "kill $(jobs -p); wait; echo $(dmesg | grep -cE"
                   " 'BUG|WARNING: [^S]|Call Trace') complaints",
                   "^(.web. )?0 complaints")
        shells.tell(pc, "poweroff", harness.OFF)
        pc.ends(60)


def small(name, vcpus):
    """A guest test as domain 0 with several vcpus."""
    with harness.Machine(["build/guest/%s.elf" % name],
                         line="%s dom0_max_vcpus=%d"
                         % (harness.LINE, vcpus)) as pc:
        found = pc.expect(r"TEST (PASS|FAIL|SKIP)\b.*\n", 60)
        if found.group(1) != "PASS":
            raise harness.Failure(found.group(0))
        reason = pc.ends(20)
        if reason != "guest-shutdown":
            raise harness.Failure("power-off ended as " + str(reason))


def watchdog():
    """A domain 0 that is not heard of any more: the machine starts anew."""
    with harness.Machine(["build/guest/watchdog.elf expire"]) as pc:
        pc.expect("watchdog has not been heard of", 30)
        reason = pc.ends(20)
        if reason != "guest-reset":
            raise harness.Failure("it ended as " + str(reason))


harness.add("vcpus-watchdog", watchdog)
for vcpus in (2, 4):
    for guest in ("smp", "vcpus"):
        harness.add("vcpus-%s-%d" % (guest, vcpus), small, name=guest,
                    vcpus=vcpus)
harness.add("vcpus-amd64", both, kernel="vmlinuz-amd64")
harness.add("vcpus-hotplug", hotplug)
harness.add("vcpus-cloud-max", both, kernel="vmlinuz-cloud", cpu="max",
            long=True)

if __name__ == "__main__":
    harness.main()
