#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Debian's domain 0 and Xen's tools manage guests, unmodified.

One boot goes through what a user of "xl" does in a month: looks around,
creates Debian guests with a disk and a network that carry data both ways,
watches, pauses, resizes, renames, saves, restores, reboots and destroys them,
and at the end as much memory is free as before. HYPERVISOR=xen makes the same
on Debian's own Xen (see dom0.py), which is where each expectation comes from.
"""

import json
import re
import tempfile

import dom0
import harness

DISK = "/images/disk"
# What connects or goes in its own time, in a guest's shell.
SOON = "for i in $(seq 100); do %s && break; sleep 0.1; false; done"


def check(condition, text):
    if not condition:
        raise harness.Failure(text)


# --- looking around ----------------------------------------------------------

def free(pc):
    """MiB that no domain has."""
    return int(pc.show("xl info free_memory", r"^(\d+)$").group(1))


def looks(pc):
    """The tools read the machine, the list of domains, and the log."""
    pc.do("ps -C xenconsoled && ps -C %s" % pc.store)
    info = pc.do("xl info -n")
    for pattern in (r"^xen_version +: 4\.17", r"^xen_caps +:.*xen-3.0-x86_64",
                    r"^nr_cpus +: [1-9]", r"^total_memory +: \d{4}",
                    r"^cpu_mhz +: [1-9]", r"^xen_scheduler +: credit",
                    r"^virt_caps +:.*\bpv\b", r"^hw_caps +: [0-9a-f]{8}:",
                    r"^platform_params +: virt_start=0xffff800000000000",
                    r"^ +0: +\d+ +\d+ +10$", r"^xen_commandline +: \S"):
        check(re.search(pattern, info, re.MULTILINE),
              "no /%s/ in xl info:\n%s" % (pattern, info))
    check(pc.domain("Domain-0")[3].startswith("r"), "domain 0 does not run")
    listed = json.loads(re.search(r"^\[.*^\]", pc.do("xl list -l"),
                                  re.MULTILINE | re.DOTALL).group(0))
    check(listed[0]["domid"] == 0, "xl list -l begins with another")
    pc.show("xl uptime", r"^Domain-0 +0 +0:0\d:\d\d")
    pc.show("xl vcpu-list", r"^Domain-0 +0 +0 +\d +r-- +[\d.]+ +all / all")
    pc.show("xl cpupool-list", r"^Pool-0 +1 +credit2? +y +1")
    pc.show("xl sched-credit2", r"^Domain-0 +0 +256 +0")
    pc.show("xl dmesg | sed s/^/./", r"Command line: console=com1|\.\S.*\n\.\S")
    before = pc.do("xl dmesg | wc -l")
    pc.do("xl debug-keys h")
    check(int(pc.do("xl dmesg | wc -l")) > int(before) + 5,
          "no list of keys in the log")
    pc.show("xenstore-ls", r'^ +name = "Domain-0"')
    pc.show("xenstore-ls /local/domain/0/control", "feature-poweroff")
    pc.show("lsevtchn 0", r"VCPU 0: Virtual IRQ 0$")
    pc.show("xentop -b -i 2 -d 1", r"^ +Domain-0 +-+r +\d+ .*no limit")
    pc.show("xl domname 0; xl domid Domain-0", r"Domain-0\n0")


def self_tests(pc):
    """Programs of Xen's own with which it tests xenstored and resources."""
    pc.show("test-xenstore", "ta err +: [0-9]+ ns")
    text = pc.do("test-resource")
    check("Test grant table" in text and not re.search(r"\bfail", text, re.I),
          text)


# --- a guest and its devices -------------------------------------------------

def creates(pc):
    """A Debian guest with two vcpus comes to its shell."""
    pc.do("dd if=/dev/urandom of=%s bs=1M count=16 status=none;"
          " losetup /dev/loop0 %s" % (DISK, DISK))
    pc.do("xl create /guest/linux.cfg vcpus=2", 120)
    check(pc.domain("linux")[1] == 128, "the guest has another size")
    pc.enter("linux")
    pc.show("grep -c ^processor /proc/cpuinfo; uname -r", r"^2\n6\.")
    pc.do(SOON % "test -b /dev/xvda")
    pc.leave()
    check(pc.domain("linux")[2] == 2, "xl does not see its second vcpu")


def sum_of(text):
    return re.search(r"[0-9a-f]{32}", text).group(0)


def disk(pc):
    """What either side writes is what the other side reads."""
    want = sum_of(pc.do("md5sum <%s" % DISK))
    pc.enter("linux")
    check(sum_of(pc.do("md5sum </dev/xvda")) == want,
          "the guest reads another disk")
    pc.do("dd if=/dev/urandom of=/tmp/data bs=64k count=64 2>/dev/null")
    want = sum_of(pc.do("md5sum </tmp/data"))
    pc.do("dd if=/tmp/data of=/dev/xvda bs=64k seek=100 conv=fsync"
          " 2>/dev/null")
    pc.leave()
    got = sum_of(pc.do("dd if=%s bs=64k skip=100 count=64 status=none"
                       " | md5sum" % DISK))
    check(got == want, "the guest wrote something else")


def network(pc):
    """Packets and streams through the bridge, both ways."""
    pc.do("ping -c 2 -W 5 10.0.0.2")
    pc.do("nc -l -p 1000 -e md5sum &")
    sums = re.findall("[0-9a-f]{32}", pc.inside(
        "linux", "ping -c 2 10.0.0.1 >/dev/null && md5sum </tmp/data &&"
        " nc 10.0.0.1 1000 </tmp/data"))
    check(len(sums) == 2 and sums[0] == sums[1], "sent and came: %s" % sums)
    want = sum_of(pc.do("md5sum <%s" % DISK))
    pc.do("nc -l -p 1001 -e cat %s &" % DISK)
    got = sum_of(pc.inside("linux", "nc 10.0.0.1 1001 </dev/null | md5sum"))
    check(got == want, "the other way it came to another sum")


def attaches(pc):
    """Disks and network cards come and go while the guest runs."""
    pc.do("dd if=/dev/urandom of=/images/more bs=1M count=4 status=none;"
          " losetup /dev/loop1 /images/more")
    want = sum_of(pc.do("md5sum </images/more"))
    pc.do("xl block-attach linux phy:/dev/loop1 xvdb w")
    pc.until("xl block-list linux", r"^51728 .* 4 ")
    check(sum_of(pc.inside("linux", SOON % "test -b /dev/xvdb" +
                           "; md5sum </dev/xvdb")) == want,
          "the new disk has other data")
    pc.do("xl block-detach linux xvdb")
    pc.inside("linux", SOON % "! test -e /sys/block/xvdb")
    pc.do("xl network-attach linux mac=00:16:3e:00:00:03 bridge=xenbr0")
    pc.until("xl network-list linux", r"^1 .*00:16:3e:00:00:03 .* 4 ")
    pc.inside("linux", "grep -q 03$ /sys/class/net/eth1/address")
    pc.do("xl network-detach linux 1")
    pc.inside("linux", SOON % "! test -e /sys/class/net/eth1")


# --- what xl does to a guest -------------------------------------------------

def cpu_time(pc):
    return float(pc.show("xl list linux", r"([\d.]+)$").group(1))


def pauses(pc):
    """A paused guest uses no time, and then goes on."""
    pc.enter("linux")
    pc.do("while sleep 0.1; do md5sum /tmp/data >/dev/null; done &")
    pc.leave()
    pc.do("xl pause linux")
    check(pc.domain("linux")[3] == "--p---", "it is not shown as paused")
    before = cpu_time(pc)
    pc.do("sleep 2")
    check(cpu_time(pc) == before, "a paused guest ran")
    pc.do("xl unpause linux")
    pc.do("sleep 1")
    check(cpu_time(pc) > before, "it does not run again")
    pc.inside("linux", "kill %1")


def resizes(pc):
    """The balloon gives memory back and takes it; the limit can be moved."""
    pc.do("xl mem-set linux 100")
    pc.until("xl list linux", r"^linux +\d+ +100 ")
    pc.do("xl mem-set linux 128")
    pc.until("xl list linux", r"^linux +\d+ +128 ")
    pc.do("xl mem-max linux 200")
    pc.show("xentop -b -i 1", r"^ +linux .* 20[4-6]\d\d\d ")
    pc.do("xl vcpu-set linux 1")
    pc.until("xl vcpu-list linux", r"^linux +\d+ +1 +- +--p")
    # The guest's kernel learns of it, the guest's user switches it on.
    pc.do("xl vcpu-set --ignore-host linux 2")
    pc.inside("linux", "echo 1 >/sys/devices/system/cpu/cpu1/online")
    pc.until("xl vcpu-list linux", r"^linux +\d+ +1 +0 +[r-][b-]- ")
    pc.do("xl vcpu-pin linux all 0")
    pc.do("xl sched-credit2 -d linux -w 512")
    pc.show("xl sched-credit2 -d linux", r"^linux +\d+ +512 ")


def renames(pc):
    pc.do("xl rename linux other")
    pc.domain("other")
    pc.do("xl rename other linux")


def triggers(pc):
    """An NMI and a SysRq reach the guest's kernel."""
    pc.do("xl trigger linux nmi")
    pc.do("xl sysrq linux h")
    text = pc.inside("linux", "sleep 1; dmesg | tail -n 20")
    check("NMI" in text and "sysrq: HELP" in text, text)


def saves(pc):
    """To a file and back: the guest's memory and devices go on."""
    pc.enter("linux")
    pc.do("memory=$(md5sum </tmp/data)")
    pc.leave()
    pc.do("xl save linux /images/saved", 120)
    check(pc.run("xl domid linux")[0] != 0, "a saved guest is still there")
    pc.do("xl restore /images/saved", 120)
    pc.enter("linux")
    pc.do('[ "$memory" = "$(md5sum </tmp/data)" ]')
    pc.do("ping -c 2 10.0.0.1")
    pc.show("grep -c ^processor /proc/cpuinfo", "^2$")
    pc.leave()
    disk(pc)
    pc.do("rm /images/saved")


def migrates(pc):
    """The same while it runs, to this very host (Debian's Xen is built
    without what that needs)."""
    if dom0.XEN:
        return
    pc.enter("linux")
    pc.do("dd if=/dev/urandom of=/tmp/data bs=64k count=64 2>/dev/null")
    pc.do("memory=$(md5sum </tmp/data)")
    pc.do("while cp /tmp/data /tmp/copy; do rm /tmp/copy; done &")
    pc.leave()
    before = pc.domain("linux")[0]
    pc.do("xl migrate -s '' linux 'xl migrate-receive'", 240)
    check(pc.domain("linux")[0] > before, "it is the same domain as before")
    pc.enter("linux")
    pc.do('kill %1; [ "$memory" = "$(md5sum </tmp/data)" ]')
    pc.do("ping -c 2 10.0.0.1")
    pc.leave()


def moves(pc, there):
    """From one machine to another while it writes."""
    pc.do("sed '/^disk/d' /guest/linux.cfg >/tmp/moves.cfg;"
          " xl create /tmp/moves.cfg vcpus=2", 120)
    pc.enter("linux")
    pc.do("dd if=/dev/urandom of=/tmp/data bs=64k count=64 2>/dev/null")
    pc.do("sum=$(md5sum </tmp/data)")
    pc.do("while cp /tmp/data /tmp/copy; do rm /tmp/copy; done &")
    pc.leave()
    for here, other, address in ((pc, there, 11), (there, pc, 1)):
        other.do("ping -c 2 10.0.0.2")
        other.do("nc -l -p 1002 -e /guest/receive &")
        here.do("xl migrate -s '' linux 'busybox nc 10.0.0.%d 1002'" % address, 300)
        check(here.run("xl domid linux")[0] != 0, "it is still there")
        other.enter("linux")
        other.do('[ "$sum" = "$(md5sum </tmp/data)" ]')
        other.show("jobs | wc -l; uptime", r"^1\n.* up ")
        other.leave()
        here.do("ping -c 2 10.0.0.2")


# --- ends --------------------------------------------------------------------

def reboots(pc):
    before = pc.domain("linux")[0]
    pc.do("xl reboot linux")
    pc.until("xl list linux", r"^linux +%d " % (before + 1), 120)
    pc.inside("linux", SOON % "test -b /dev/xvda")


def shuts_down(pc):
    pc.do("xl shutdown -w linux", 120)
    pc.until("xl list", r"\A(?!(.|\n)*^linux )", 90)


def crashes(pc):
    """A crash is seen where users look."""
    pc.do("sed 's/^name.*/name = \"crash\"/; /^vif/d' /guest/linux.cfg"
          " >/tmp/crash.cfg; xl create /tmp/crash.cfg", 120)
    pc.enter("crash")
    pc.send("echo c >/proc/sysrq-trigger\r")
    pc.expect("Kernel panic", 60)
    pc.leave()
    pc.until("xl list crash", r"^crash .* ---sc- ")
    pc.do("xl destroy crash")
    check(pc.run("xl domid crash")[0] != 0, "a destroyed guest is still there")
    check("(null)" not in pc.do("xl list"), "something is left of it")


def grub(pc, name):
    """GRUB as a guest finds the disk that it was given."""
    pc.do("xl create /guest/%s.cfg" % name, 120)
    pc.console(name)
    pc.again("\r", "grub> ", 60)
    pc.send("ls\r")
    pc.expect(r"\(xen/xvda\)", 20)
    pc.expect("grub> ", 20)
    pc.leave()
    pc.do("xl destroy " + name)


def grubs(pc):
    grub(pc, "grub64")
    if not dom0.XEN:  # Debian's has no 32-bit guests
        grub(pc, "grub32")


def ends(pc):
    """Domain 0's power-off is the machine's."""
    pc.send("poweroff\r")
    reason = pc.ends(60)
    check(reason == "guest-shutdown", "power-off ended as " + str(reason))


# --- the cases ---------------------------------------------------------------

def goes(pc, *steps):
    """One step after the other; each with the time that it took."""
    for step in steps:
        start = pc.seconds()
        step(pc)
        print("%6.1f s  %s" % (pc.seconds() - start, step.__name__),
              flush=True)


def everything():
    with dom0.Shell() as pc:
        pc.boots()
        print("%6.1f s  boot" % pc.seconds(), flush=True)
        goes(pc, looks, self_tests)
        before = free(pc)
        goes(pc, creates, disk, network, attaches, pauses, resizes, renames,
             triggers, saves, migrates, reboots, shuts_down, crashes, grubs)
        check(free(pc) == before, "%d MiB are gone" % (before - free(pc)))
        goes(pc, ends)


def other_store():
    """With oxenstored, which Debian's init prefers, and two vcpus."""
    with dom0.Shell("xenstored=oxenstored", vcpus=2) as pc:
        pc.boots()
        goes(pc, looks, creates, disk, network, attaches, saves, shuts_down,
             ends)


def two_machines():
    """A wire between two machines; a guest goes there and back."""
    if dom0.XEN:
        raise harness.Skip("Debian's Xen cannot migrate these guests")
    with tempfile.TemporaryDirectory() as folder:
        wire = "stream,id=wire,addr.type=unix,addr.path=%s/wire" % folder
        card = ["-device", "e1000,netdev=wire,mac=52:54:00:00:00:0%d"]
        with (dom0.Shell(extra=["-netdev", wire + ",server=on",
                                card[0], card[1] % 1]) as one,
              dom0.Shell("address=11", another="-two",
                         extra=["-netdev", wire + ",server=off",
                                card[0], card[1] % 2]) as two):
            one.boots()
            two.boots()
            moves(one, two)


if __name__ == "__main__":
    # Until Lodge has all that they ask for, these are no part of "make test".
    harness.add("dom0-xl", everything, long=True)
    harness.add("dom0-oxenstored", other_store, long=True)
    harness.add("dom0-migrate", two_machines, long=True)
    harness.main()
