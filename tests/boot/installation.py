#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Debian on a disk, on which our own package was installed: the machine boots
into the hypervisor by default, from the menu that Debian's 20_linux_xen wrote;
Debian's init starts its daemons; the guest in /etc/xen/auto starts by itself.
"""

import os

import harness

DISK = harness.BUILD + "/installation/disk.img"


def boots(loader="disk", **where):
    if not os.path.exists(DISK):
        raise harness.Skip("the disk can be made by root only")
    with harness.Machine(kernel=DISK, loader=loader, memory="1G",
                         **where) as pc:
        pc.expect(r"Loading Xen 4\.17-lodge", 120)
        pc.expect(r"Lodge", 60)
        pc.expect(r"lodge login:", 600)
        pc.send("root\n")
        pc.expect(r"# $", 60)
        pc.send("cat /sys/hypervisor/version/extra\n")
        pc.expect(r"^\.0-lodge", 30)
        pc.send("xl list\n")
        pc.expect(r"^Domain-0 +0 +512 +1 ", 60)
        # It is Debian's own script that starts the guest, after the prompt.
        pc.send("until xl list | grep '^first .* 160 *1 '; do sleep 2; done\n")
        pc.expect(r"^first +\d+ +160 +1 ", 300)
        pc.send("xl shutdown -w first && echo guest is $?\n")
        pc.expect(r"^guest is 0", 300)
        pc.send("poweroff\n")
        pc.expect(harness.OFF, 200)
        assert pc.ends(60) == "guest-shutdown"
        pc.refuse(r"Call Trace|BUG:|Oops")


harness.add("installation", boots)
harness.add("installation-efi", boots, loader="disk-efi", machine="q35",
            long=True)

if __name__ == "__main__":
    harness.main()
