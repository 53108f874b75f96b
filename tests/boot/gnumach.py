#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""GNU Mach of Debian's i386: a 32-bit kernel, unmodified, described by the
string __xen_guest. It sizes its memory, builds its own page tables, GDT and
traps, runs on them, starts its threads, gets a grant table, and then wants the
page of a xenstore, without which it gives up, silently: its console comes
later. What it gave up for is on its stack, the address of the text of its last
message.
"""

import gzip
import re
import time

import harness

KERNEL = harness.GUESTS + "/gnumach"
BASE, TEXT = 0xc0000000, 0x1000  # where offset TEXT of the file appears
LAST_WORDS = b"couldn't set hiMMU readwrite for addr"


def address_of(text):
    with gzip.open(KERNEL) as image:
        return BASE + image.read().index(text) - TEXT


def monitor(pc, line):
    return pc.command("human-monitor-command", **{"command-line": line})


def stack(pc):
    """The words on the stack of the code that runs, if it is 32-bit."""
    found = re.search(r"ESP=([0-9a-f]+)", monitor(pc, "info registers"))
    if not found:
        return []
    dump = monitor(pc, "x /96wx 0x" + found.group(1))
    return [int(word, 16) for word in re.findall(r"0x([0-9a-f]{8})", dump)]


def to_its_end(**where):
    wanted = address_of(LAST_WORDS)
    modules = [KERNEL + " domain=mach memory=128M"]
    with harness.Machine(modules, **where) as pc:
        pc.expect(r"\(mach\): GNU Mach .*128 MiB", 60)
        for _ in range(60):
            if wanted in stack(pc):
                return
            time.sleep(0.5)
        raise harness.Failure("it is not where it should be")


harness.add("gnumach", to_its_end)
harness.add("gnumach-q35", to_its_end, machine="q35", cpu="max", long=True)

if __name__ == "__main__":
    harness.main()
