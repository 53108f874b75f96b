#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Debian's installer, unmodified, to its first screen.

Its ramdisk unpacks to a good hundred megabytes, and it draws with escape
sequences: the first thing that a person would read is "[!!]" and a title.
"""

import harness


def first_screen(**where):
    modules = ["%s/di/linux domain=installer memory=1200M -- console=hvc0 "
               "quiet" % harness.GUESTS,
               "%s/di/initrd.gz ramdisk=installer" % harness.GUESTS]
    with harness.Machine(modules, memory="2G", **where) as pc:
        pc.expect(r"\[!!\] Select a language", 240)
        pc.expect(r"English", 20)
        print("first screen after %.1f s" % pc.seconds())


harness.add("installer", first_screen)
harness.add("installer-q35", first_screen, machine="q35", cpu="EPYC",
            long=True)

if __name__ == "__main__":
    harness.main()
