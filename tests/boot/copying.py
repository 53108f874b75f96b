#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Domain 0, a guest test, copies Debian's Linux again and again while that runs
its selftest: no written page is missed, and Linux does not notice that its page
tables are shadowed.
"""

import harness


@harness.case("copying-debian")
@harness.case("copying-debian-max", cpu="max", machine="q35", long=True)
def copying(**where):
    modules = ["build/guest/copy.elf times=6"]
    modules += harness.guest("web", "vmlinuz-cloud", "selftest", memory="160M")
    with harness.Machine(modules, line=harness.LINE + " dom0_mem=256M",
                         **where) as pc:
        for unused in range(6):
            pc.expect(r"pages, (\d+) written in", 300)
        pc.expect(r"SELFTEST PASS", 150)
        pc.expect(r"TEST PASS copy", 100)


if __name__ == "__main__":
    harness.main()
