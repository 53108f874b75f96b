#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The longest that a guest's timer waits for the hypervisor, which works for
another guest, in executed instructions: QEMU's -icount makes time of them.
"""

import harness

NS_PER_INSTRUCTION = 8  # shift 3
MOST = 1000000


def measure(times):
    """The latest of so many timers, in instructions."""
    modules = ["build/guest/delay.elf times=%d after=5" % times,
               "build/guest/delay.elf domain=heavy memory=64M"]
    with harness.Machine(modules, line=harness.LINE + " dom0_mem=64M",
                         extra=["-icount", "shift=3,sleep=off"]) as pc:
        found = pc.expect(r"DELAY latest=(\d+) ", 200)
        return int(found.group(1)) // NS_PER_INSTRUCTION


@harness.case("delay", times=4000)
@harness.case("delay-long", times=40000, long=True)
def delay(times):
    latest = measure(times)
    print("a timer was late by %d instructions" % latest)
    if latest > MOST:
        raise harness.Failure("more than %d" % MOST)


if __name__ == "__main__":
    harness.main()
