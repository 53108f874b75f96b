#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A guest that misbehaves takes nobody down but itself (tests/boot/hostile).

Beside it runs a Debian kernel, which has to come to its shell and answer. A
guest that crashes is reported by name; one that never yields or that floods
its console is merely there.
"""

import harness
import shells

CRASHES = ["garbage", "privileged", "hypervisor_write", "page_table",
           "segments", "jump", "stack", "iret", "pointer"]
NEVER_END = ["spin", "flood"]


def modules(bad):
    return (["%s/bad-%s.elf domain=hostile memory=32M" % (harness.GUESTS, bad)]
            + harness.guest("good", "vmlinuz-cloud", "quiet"))


def crash(bad):
    with harness.Machine(modules(bad)) as pc:
        pc.expect(r"hostile.*crash|crash.*hostile", 60)
        pc.expect("This is guest good,", 120)
        shells.keyboard_to(pc, "good")
        shells.tell(pc, "poweroff", harness.OFF)
        pc.ends(60)


def never_ends(bad):
    with harness.Machine(modules(bad)) as pc:
        pc.expect("This is guest good,", 240)
        shells.keyboard_to(pc, "good")
        shells.ask(pc, "md5sum -c -s /etc/md5sums && echo sums=$((6*7))",
                   "sums=42")
        pc.refuse("crash")


for name in CRASHES:
    harness.add("hostile-" + name, crash, bad=name)
for name in NEVER_END:
    harness.add("hostile-" + name, never_ends, bad=name)

if __name__ == "__main__":
    harness.main()
