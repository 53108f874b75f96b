#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What "make run" promises: two Debian kernels, each with a shell.

Both come to a prompt on the one serial port, each of their lines is marked
with the guest's name, Ctrl-a three times moves the keyboard to the next
guest, a guest that reboots comes back alone, and when the last one powers
off, so does the machine. (The prompt, an unfinished line, shows only for the
guest that has the keyboard.)
"""

import re

import harness

NEXT_GUEST = "\x01\x01\x01"


def greetings(pc, *names, seconds=120):
    """Wait until the shell of each of these guests has said hello."""
    before = pc.seen
    for name in names:
        pc.seen = before
        pc.expect("This is guest %s," % name, seconds)


def ask(pc, command, answer, seconds=60):
    """Type a command, read its answer (no part of what is typed) and the
    prompt that follows: what is typed before it the terminal may drop."""
    tell(pc, command, answer, seconds)
    pc.expect("# ", 20)


def tell(pc, command, answer, seconds=60):
    """The same for a command after which no prompt comes."""
    pc.seen = len(pc.output)
    pc.send(command + "\r")
    pc.expect(answer, seconds)


def whose(pc, name):
    """The keyboard belongs to this guest."""
    ask(pc, "echo this-is-$(hostname)", "this-is-" + name)


def work(pc):
    """A few commands with known answers."""
    ask(pc, "dd if=/dev/zero bs=64k count=128 2>/dev/null | md5sum",
        "96995b58d4cbf6aaa9041b4f00c7f6ae")
    ask(pc, "md5sum -c -s /etc/md5sums && echo sums=$((6*7))", "sums=42")
    ask(pc, "for i in $(seq 100); do /bin/busybox true || break; done;"
        " echo made=$((i*2))", "made=200")
    ask(pc, "sleep 1000 & sleep 0.1; jobs | wc -l | sed s/^/jobs=/",
        "jobs=1")
    ask(pc, "kill %1; dmesg | grep -cE 'BUG|WARNING: [^S]|Call Trace'"
        " | sed s/^/complaints=/", "complaints=0$")


def interrupt(pc):
    """Ctrl-c reaches the foreground job of the guest, and nobody else.

    One that comes while the shell is still starting the job ends nothing, on
    any Linux: then a person presses again."""
    tell(pc, "echo asleep=$((6*7)); sleep 1000", "asleep=42")
    for attempt in range(5):
        pc.send("\x03")
        try:
            pc.expect("# ", 5)
            break
        except harness.Failure:
            pass
    ask(pc, "echo ended=$?", "ended=130")


def two_shells(**where):
    modules = (harness.guest("one", "vmlinuz-amd64") +
               harness.guest("two", "vmlinuz-cloud"))
    with harness.Machine(modules, **where) as pc:
        greetings(pc, "one", "two")
        print("two shells after %.1f s" % pc.seconds())
        whose(pc, "one")
        work(pc)
        interrupt(pc)
        pc.send(NEXT_GUEST)
        whose(pc, "two")
        work(pc)
        pc.send(NEXT_GUEST)
        whose(pc, "one")
        tell(pc, "reboot", "This is guest one,", 120)
        keyboard_to(pc, "one")
        tell(pc, "poweroff", harness.OFF)
        keyboard_to(pc, "two")
        tell(pc, "poweroff", harness.OFF)
        reason = pc.ends(60)
        if reason != "guest-shutdown":
            raise harness.Failure("power-off ended as " + str(reason))


def keyboard_to(pc, name):
    """A guest has gone or come: the keyboard is this one's, at once or when
    it is asked for."""
    try:
        ask(pc, "echo this-is-$(hostname)", "this-is-" + name, 10)
    except harness.Failure:
        pc.send(NEXT_GUEST)
        whose(pc, name)


def marked_lines():
    """Each line that a guest prints carries its name."""
    modules = (harness.guest("alpha", "vmlinuz-cloud") +
               harness.guest("beta", "vmlinuz-cloud"))
    with harness.Machine(modules) as pc:
        greetings(pc, "alpha", "beta")
        for name in ("alpha", "beta"):
            marked = re.findall("^.{0,4}%s.*Linux version" % name, pc.output,
                                re.MULTILINE)
            if len(marked) != 1:
                raise harness.Failure("%d lines of %s have its name where "
                                      "Linux starts" % (len(marked), name))


# Other files use what is above; the cases are this one's alone.
if __name__ == "__main__":
    harness.add("shells-pc", two_shells)
    harness.add("shells-q35", two_shells, machine="q35", cpu="max")
    harness.add("shells-grub-bios", two_shells, loader="grub-bios", cpu="EPYC",
                long=True)
    harness.add("shells-grub-efi", two_shells, loader="grub-efi", cpu="Nehalem",
                long=True)
    # Behind all defences against leaks by speculation (docs/speculation.md).
    harness.add("shells-defended", two_shells,
                line="console=com1 xpti=yes spec-ctrl=msr-sc,ibrs,rsb,md-clear,"
                "ibpb-entry,bhb-entry,ibpb,l1d-flush,ssbd")
    harness.add("shells-marked-lines", marked_lines)
    harness.main()
