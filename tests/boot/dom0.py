# SPDX-License-Identifier: MIT
"""Domain 0 as the tests have it: Debian's kernel and Xen's tools, with a
shell on the console, and the guests' shells through "xl console".

Which hypervisor is under it: Lodge, or, with HYPERVISOR=xen, Debian's own Xen
4.17 in the same machine. What holds on both is no promise of ours but a fact
about the tools.
"""

import os
import re

import harness

FILES = harness.BUILD + "/dom0"
XEN = os.environ.get("HYPERVISOR") == "xen"
# QEMU's IRET at ring 3 does not bear SMAP, which Xen would switch on.
CPU = "max,-smap,-smep"
LINE = ("console=com1 com1=115200,8n1 dom0_mem=704M dom0_max_vcpus=%d"
        " noreboot=1 loglvl=all guest_loglvl=all")
LEAVE = "\x1d"  # Ctrl-] ends "xl console"


class Shell(harness.Machine):
    """A machine whose console has a shell: domain 0's, or, while we are in
    its console, a guest's. Commands are numbered, so that no line of somebody
    else is taken for the end of one."""

    def __init__(self, words="", vcpus=1, memory="2G", **where):
        for name in ("vmlinuz", "ramdisk"):
            if not os.path.exists(FILES + "/" + name):
                raise harness.Skip("build/dom0 was not made")
        self.number = 0
        self.left = None
        self.store = "oxenstored" if "oxenstored" in words else "xenstored"
        modules = ["%s/vmlinuz console=hvc0 %s" % (FILES, words),
                   FILES + "/ramdisk"]
        kernel = harness.GUESTS + "/xen" if XEN else harness.LODGE
        super().__init__(modules, kernel=kernel, line=LINE % vcpus, cpu=CPU,
                         memory=memory, **where)

    def boots(self, seconds=180):
        """Wait for domain 0's shell."""
        self.expect("This is domain 0, Linux", seconds)
        self.expect("dom0# ", 30)
        self.run("PS1=")

    def run(self, command, seconds=60):
        """Type a command; its exit status, and what was printed meanwhile."""
        self.number += 1
        self.seen = begin = len(self.output)
        then = "" if command.endswith("&") else ";"
        self.send('%s%s echo "<%d $?>"\r' % (command, then, self.number))
        end = self.expect(r"<%d (\d+)>" % self.number, seconds)
        text = self.output[begin:end.start()]
        text = re.sub(r"^\((XEN|lodge)\).*\n", "", text, flags=re.MULTILINE)
        return int(end.group(1)), text

    def do(self, command, seconds=60):
        """The same for one that must succeed; what it printed."""
        status, text = self.run(command, seconds)
        if status:
            raise harness.Failure("status %d of %s:\n%s"
                                  % (status, command, text))
        return text

    def show(self, command, pattern, seconds=60):
        """The same for one that must print PATTERN; the match."""
        text = self.do(command, seconds)
        match = re.search(pattern, text, re.MULTILINE)
        if not match:
            raise harness.Failure("no /%s/ from %s:\n%s"
                                  % (pattern, command, text))
        return match

    def until(self, command, pattern, seconds=60):
        """Try again and again until it prints PATTERN."""
        end = self.seconds() + seconds
        while True:
            unused, text = self.run(command)
            match = re.search(pattern, text, re.MULTILINE)
            if match:
                return match
            if self.seconds() > end:
                raise harness.Failure("no /%s/ in %d s from %s:\n%s"
                                      % (pattern, seconds, command, text))

    # --- guests ---

    def console(self, name):
        """Into a guest's console, whatever that shows."""
        self.number += 1
        self.left = "<%d left>" % self.number
        self.seen = len(self.output)
        self.send('xl console %s; echo "%s"\r' % (name, self.left))

    def enter(self, name, seconds=120):
        """Into a guest's console, to its shell, which is made as quiet as
        domain 0's. A guest that is only being made has no console yet."""
        end = self.seconds() + seconds
        while self.seconds() < end:
            self.console(name)
            found = self.again("read h </proc/sys/kernel/hostname;"
                               " echo in-$h\r", "in-linux|" + self.left,
                               seconds)
            if found.group(0) == "in-linux":
                break
            self.do("sleep 1")
        self.run("stty -echo; PS1=")

    def leave(self):
        """And out again. xenconsole wants to read that key alone."""
        self.again(LEAVE, self.left, 60, pause=20)
        self.left = None

    def again(self, text, pattern, seconds, pause=1):
        """Type this every so often until that comes."""
        end = self.seconds() + seconds
        while True:
            self.send(text)
            try:
                return self.expect(pattern, pause)
            except harness.Failure:
                if self.seconds() > end:
                    raise

    def inside(self, name, command, seconds=60):
        """One command in a guest that has a shell; what it printed."""
        self.enter(name)
        text = self.do(command, seconds)
        self.leave()
        return text

    def domain(self, name):
        """The guest's line of "xl list": id, memory, vcpus, state."""
        match = self.show("xl list", r"^%s +(\d+) +(\d+) +(\d+) +(\S+) "
                          % re.escape(name))
        number, memory, vcpus, state = match.groups()
        return int(number), int(memory), int(vcpus), state
