# SPDX-License-Identifier: MIT
"""A PC under test: start it, wait for what it prints, type, see it end.

A test file declares its cases and ends with harness.main():

    @harness.case("shell-q35", machine="q35")
    def two_shells(machine="pc"): ...

    FILE --list [--long]   the names of its cases
    FILE NAME...           run these (all of the short ones if none is named)

The exit status is 0 if all passed, 77 if one was skipped (the reason is in
its last line), else 1. What a machine wrote to its serial port is kept in
build/test/NAME.log, and the resets of its processor in NAME.cpu.
"""

import json
import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

BUILD = "build"
LOGS = BUILD + "/test"
GUESTS = BUILD + "/guests"
LODGE = BUILD + "/lodge"
LINE = "console=com1"
# What Linux says when it powers off, as domain 0 or not.
OFF = "reboot: (Power down|System halted)"
# No machine of a test outlives this, even if the test itself is killed.
LIMIT = 900

# All paths are those of the tree, wherever the test is called from.
os.chdir(os.path.dirname(os.path.abspath(__file__)) + "/../..")
os.makedirs(LOGS, exist_ok=True)


class Failure(Exception):
    """The machine did something else than the test demands."""


class Skip(Exception):
    """The test cannot be made here; the text says why."""


class Machine:
    """A running QEMU with its serial port; use it in a with statement."""

    def __init__(self, modules=(), kernel=LODGE, line=LINE, loader="direct",
                 machine="pc", cpu="qemu64", memory="1G", extra=(), another=""):
        # A second machine in a case has a name, for logs of its own.
        self.name = current + another
        self.output = ""
        self.seen = 0
        self.reason = None
        self.raw = b""
        self.folder = tempfile.mkdtemp(prefix="lodge-")
        self.start = time.monotonic()
        command = ["scripts/qemu", "-t", str(LIMIT), "-M", machine, "-c", cpu,
                   "-m", memory, "-q", self.folder + "/monitor",
                   "-l", "%s/%s.cpu" % (LOGS, self.name)]
        try:
            command += self._loader(loader, kernel, line, modules)
            self._run(command + ["--", *extra])
        except BaseException:
            self.close()
            raise

    def _loader(self, loader, kernel, line, modules):
        """The options that boot KERNEL with these modules by that loader, or
        the disk KERNEL."""
        if loader.startswith("disk"):
            return ["-b", kernel] + (["-e"] if loader == "disk-efi" else [])
        if loader == "direct":
            strings = [module.replace(",", ",,") for module in modules]
            return ["-k", kernel, "-a", line, "-r", ",".join(strings)]
        iso = self.folder + "/boot.iso"
        subprocess.run(["scripts/iso", iso, kernel, line, *modules],
                       check=True)
        return ["-i", iso] + (["-e"] if loader == "grub-efi" else [])

    def _run(self, command):
        mode = "wb" if self.name != current else "ab"
        self.log = open("%s/%s.log" % (LOGS, self.name), mode)
        self.log.write(("$ %s\n" % " ".join(command)).encode())
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        self.monitor = self._connect()
        self.replies = []
        self.command("qmp_capabilities")

    def _connect(self):
        """Connect to QEMU's monitor, which appears when it has started."""
        link = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + 20
        while True:
            try:
                link.connect(self.folder + "/monitor")
                break
            except OSError:
                if (self.process.poll() is not None or
                        time.monotonic() > deadline):
                    self._read()
                    raise Failure("QEMU did not start: " + self.output)
                time.sleep(0.02)
        link.setblocking(False)
        self.selector.register(link, selectors.EVENT_READ)
        self.partial = b""
        return link

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        """Kill what still runs; the log stays."""
        process = getattr(self, "process", None)
        if process:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdin.close()
            process.stdout.close()
            self.monitor.close()
            self.log.close()
        subprocess.run(["rm", "-rf", self.folder], check=False)

    # --- reading ---

    def _read(self):
        """Take what the serial port has; False at its end."""
        try:
            data = os.read(self.process.stdout.fileno(), 65536)
        except BlockingIOError:
            return True
        self.log.write(data)
        self.log.flush()
        self.output += data.decode("latin-1").replace("\r", "")
        return bool(data)

    def _listen(self):
        """Take the monitor's messages: replies, and why the machine ended."""
        try:
            data = self.monitor.recv(65536)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self.selector.unregister(self.monitor)
            return
        *lines, self.partial = (self.partial + data).split(b"\n")
        for text in lines:
            message = json.loads(text)
            if message.get("event") == "SHUTDOWN":
                self.reason = message["data"]["reason"]
            elif "return" in message or "error" in message:
                self.replies.append(message)

    def _pump(self, seconds):
        """Wait for something to happen; False if the machine is gone."""
        alive = True
        for key, unused in self.selector.select(seconds):
            if key.fileobj is self.process.stdout:
                alive = self._read()
            else:
                self._listen()
        return alive

    def command(self, name, **arguments):
        """A command of QEMU's monitor, and its answer."""
        request = {"execute": name, "arguments": arguments}
        try:
            self.monitor.send(json.dumps(request).encode() + b"\n")
        except ConnectionError:
            raise Failure("the machine has ended") from None
        deadline = time.monotonic() + 20
        while not self.replies:
            if not self._pump(1) or time.monotonic() > deadline:
                raise Failure("QEMU's monitor does not answer")
        return self.replies.pop(0).get("return")

    def expect(self, pattern, seconds=60):
        """Wait until PATTERN appears after what was last waited for."""
        deadline = time.monotonic() + seconds
        regex = re.compile(pattern, re.MULTILINE)
        alive = True
        while True:
            match = regex.search(self.output, self.seen)
            if match:
                self.seen = match.end()
                return match
            if not alive:
                raise Failure("the machine ended (%s) before /%s/"
                              % (self.reason, pattern))
            left = deadline - time.monotonic()
            if left <= 0:
                raise Failure("no /%s/ in %d s" % (pattern, seconds))
            alive = self._pump(left)

    def seconds(self):
        """Since QEMU was started."""
        return time.monotonic() - self.start

    def refuse(self, pattern):
        """Fail if PATTERN was printed at any time."""
        match = re.search(pattern, self.output, re.MULTILINE)
        if match:
            raise Failure("printed /%s/: %s" % (pattern, match.group(0)))

    # --- writing ---

    def send(self, text):
        """Type TEXT, no faster than a fast typist's terminal."""
        for start in range(0, len(text), 8):
            part = text[start:start + 8].encode("latin-1")
            self.process.stdin.write(part)
            self.process.stdin.flush()
            self._pump(0.01)

    # --- the end ---

    def ends(self, seconds=30):
        """Wait for the machine to end: "guest-shutdown" or "guest-reset"."""
        deadline = time.monotonic() + seconds
        while self._pump(max(0, deadline - time.monotonic())):
            if time.monotonic() > deadline:
                raise Failure("the machine still runs after %d s" % seconds)
        self.process.wait(10)
        with open("%s/%s.cpu" % (LOGS, self.name),
                  errors="replace") as resets:
            if "Triple fault" in resets.read():
                raise Failure("triple fault")
        return self.reason

    def halted(self):
        """Whether its first processor stands still."""
        registers = self.command("human-monitor-command",
                                 **{"command-line": "info registers"})
        return "HLT=1" in registers

    def screen(self):
        """The text on the VGA screen: 25 lines of 80 columns."""
        path = self.folder + "/screen"
        self.command("pmemsave", val=0xb8000, size=4000, filename=path)
        with open(path, "rb") as file:
            text = file.read()[::2].decode("latin-1")
        return "\n".join(text[at:at + 80].rstrip()
                         for at in range(0, 2000, 80))


# --- cases -------------------------------------------------------------------

cases = {}
current = ""


def add(name, function, /, *, long=False, **arguments):
    """Declare the case NAME: FUNCTION with these arguments."""
    cases[name] = (function, long, arguments)


def case(name, /, **arguments):
    """The same as a decorator."""
    def declare(function):
        add(name, function, **arguments)
        return function
    return declare


def guest(name, kernel, words="", memory="256M", options="",
          ramdisk="initrd.img"):
    """The modules of a Debian guest that Lodge boots directly."""
    return ["%s/%s domain=%s memory=%s%s -- console=hvc0 name=%s %s"
            % (GUESTS, kernel, name, memory, options, name, words),
            "%s/%s ramdisk=%s" % (GUESTS, ramdisk, name)]


def run(name):
    """Run one case; its exit status."""
    global current
    current = name
    function, unused, arguments = cases[name]
    open("%s/%s.log" % (LOGS, name), "wb").close()
    try:
        function(**arguments)
        return 0
    except Skip as reason:
        print("SKIP %s: %s" % (name, reason))
        return 77
    except Failure as reason:
        print("FAIL %s: %s" % (name, reason))
    except Exception:
        print("FAIL %s: %s" % (name, traceback.format_exc()))
    return 1


def main():
    """Serve the command line of a test file."""
    # A with statement ends its machine when we are told to end.
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(1))
    words = sys.argv[1:]
    every = "--long" in words
    short = [name for name, (unused, long, also) in cases.items()
             if every or not long]
    if "--list" in words:
        print("\n".join(short))
        return
    names = [word for word in words if word in cases] or short
    unknown = [word for word in words
               if word not in cases and word != "--long"]
    if unknown:
        sys.exit("no such case: " + " ".join(unknown))
    statuses = [run(name) for name in names]
    for status in (1, 77):
        if status in statuses:
            sys.exit(status)
