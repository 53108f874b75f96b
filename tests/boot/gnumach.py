#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""GNU Mach of Debian's i386: a 32-bit kernel, unmodified, described by the
string __xen_guest. It sizes its memory, builds its own page tables, GDT and
traps, runs on them, starts its threads, gets a grant table, and then wants the
page of a xenstore, without which it gives up. Its messages are in its console's
ring, which nobody is told of: the log shows a dead guest's last lines.
"""

import harness

KERNEL = harness.GUESTS + "/gnumach"


def to_its_end(**where):
    modules = [KERNEL + " domain=mach memory=128M"]
    with harness.Machine(modules, **where) as pc:
        pc.expect(r"\(mach\): GNU Mach .*128 MiB", 60)
        pc.expect(r"\[mach\] GNU Mach 1\.8", 60)
        pc.expect(r"\[mach\] Running on xen-3\.0-x86_32p", 10)
        pc.expect(r"\[mach\] vm_page: DIRECTMAP: pages: 28672 \(112M\)", 10)
        pc.expect(r"\[mach\] panic .*couldn't set hiMMU readwrite", 10)
        assert pc.ends(30) == "guest-shutdown"


harness.add("gnumach", to_its_end)
harness.add("gnumach-q35", to_its_end, machine="q35", cpu="max", long=True)

if __name__ == "__main__":
    harness.main()
