# SPDX-License-Identifier: MIT
"""The benchmark guest in QEMU, on one hypervisor or the other."""

import os
import subprocess
import sys
import tempfile
import time

OUT = "build/bench"
GUEST = OUT + "/guest.elf"
LODGE = "build/lodge"
XEN = "build/guests/xen"
UNPROTECTED = "spec-ctrl=no xpti=no"
# The column's name, its processor, and words for either hypervisor.
COLUMNS = {"C": ("qemu64", UNPROTECTED), "A": ("qemu64", ""),
           "B": ("Nehalem", "")}
# Each defence against speculation forced on alone, and the column's C that it
# is compared with. The last: whether Xen, too, obeys without the register.
FORCED = [
    ("separated page tables (Meltdown)", "spec-ctrl=no xpti=yes", True),
    ("return stack overwritten at entry", "spec-ctrl=no,rsb xpti=no", True),
    ("IBRS at entry", "spec-ctrl=no,msr-sc,ibrs xpti=no", False),
    ("IBPB at entry", "spec-ctrl=no,ibpb-entry xpti=no", False),
    ("branch history cleared at entry", "spec-ctrl=no,bhb-entry xpti=no",
     False),
    ("VERW at exit", "spec-ctrl=no,md-clear xpti=no", False),
]
FORCED_OPERATIONS = ("null_version", "user_syscall", "pf_user", "new_baseptr",
                     "pin_2m")
LINE = "console=com1 com1=115200 dom0_mem=128M noreboot=1 "
ENDS = (b"TEST PASS", b"TEST FAIL", b"noreboot' set", b"with noreboot",
        b"Panic on")
# Shift 3: a tick of the virtual clock is 8 ns. The counts are those of
# shift 0, and boots, which wait for the clock, are quicker. Sleep off: a
# processor that waits moves the clock instead of waiting.
ICOUNT = "shift=3,sleep=off"
PATIENCE = 240

os.chdir(os.path.dirname(os.path.abspath(__file__)) + "/..")


def boot(hypervisor, cpu, words, guest_words="", extra=(), memory=512,
         icount=ICOUNT):
    """What the guest prints on this hypervisor."""
    options = ["-icount", icount] if icount else []
    text = watched(["-c", cpu, "-m", "%dM" % memory, "-k", hypervisor, "-a",
                    LINE + words, "-r", "%s %s,%s" % (GUEST, guest_words, GUEST),
                    "--",
                    *options, *extra], *ENDS)
    if "TEST PASS" not in text:
        sys.exit("the benchmark guest failed on %s (%s %s):\n%s"
                 % (hypervisor, cpu, words, text))
    return text


def watched(options, *ends):
    """All that scripts/qemu with these options prints, up to one of ENDS."""
    with tempfile.NamedTemporaryFile(dir=OUT, prefix="serial.") as serial:
        process = subprocess.Popen(
            ["timeout", "-k", "5", str(PATIENCE), "scripts/qemu", "-s",
             serial.name, *options], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            text = watch(process, serial.name, ends)
        finally:
            process.terminate()
            errors = process.communicate()[1].decode()
    return text + errors


def watch(process, path, ends):
    """Wait for one of these marks, or the end; all that was printed."""
    while True:
        ended = process.poll() is not None
        with open(path, "rb") as file:
            text = file.read()
        if ended or any(mark in text for mark in ends):
            return text.decode("latin-1")
        time.sleep(0.1)


def figures(text):
    """{name: (least, median)} in instructions, from the guest's lines."""
    found, tick = {}, 1
    for name, value in lines(text):
        if name == "nops":
            tick = value["min"] / value["per"]
        scale = tick * value["per"]
        found[name] = (value["min"] / scale, value["median"] / scale)
    return found


def lines(text):
    """(name, {key: number}) of each line of the guest, in order."""
    for line in text.splitlines():
        words = line.split()
        if "BENCH" in words:
            name, *pairs = words[words.index("BENCH") + 1:]
            yield name, {key: int(number) for key, number in
                         (pair.split("=") for pair in pairs)}


def operations():
    """(name, title, aims) of each line of the table."""
    with open("bench/operations.tsv", encoding="utf-8") as file:
        return [line.rstrip("\n").split("\t") for line in file
                if not line.startswith("#")]
