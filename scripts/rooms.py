# SPDX-License-Identifier: MIT
"""What the checks know of the tree: the rooms of hv/ and their sources."""

import glob
import os
import re
import subprocess
import sys

os.chdir(os.path.dirname(os.path.abspath(__file__)) + "/..")

with open("hv/LAYERS") as layers:
    # Lowest first; "include" is below all.
    ROOMS = [line.strip() for line in layers
             if line.strip() and not line.startswith("#")]

# Not the core: what needs the machine, and what plays the machine.
MACHINE = ("x86", "host")


def sources(*endings, rooms=ROOMS):
    """The files of these rooms with such endings, in the rooms' order."""
    return [path for room in rooms
            for path in sorted(glob.glob("hv/%s/*" % room))
            if path.endswith(endings)]


def room_of(path):
    return path.split("/")[1]


def core(*endings):
    return sources(*endings, rooms=[room for room in ROOMS
                                    if room not in MACHINE])


def flags(path):
    """How the Makefile lets the compiler find this file's headers."""
    side = "host" if room_of(path) == "host" else "hv"
    if side not in include:
        include[side] = subprocess.run(
            ["make", "-s", side + "-include"], check=True, text=True,
            capture_output=True).stdout.split()
    freestanding = [] if side == "host" else ["-ffreestanding",
                                              "-mgeneral-regs-only"]
    return ["-std=gnu2x", *freestanding, *include[side]]


include = {}


def lines(path):
    """The numbered lines of a C file without what is in comments."""
    with open(path) as file:
        text = file.read()
    text = re.sub(r"/\*.*?\*/",
                  lambda comment: "\n" * comment.group(0).count("\n"),
                  text, flags=re.DOTALL)
    return enumerate(text.split("\n"), 1)


def finish(faults, good):
    """Print the faults, or what is good, and end with that status."""
    print("\n".join(faults) if faults else good)
    sys.exit(1 if faults else 0)
