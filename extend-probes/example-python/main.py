#!/usr/bin/env python3
"""Says how long the host is up, and how late short sleeps end."""

import math
import os
import socket
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LIB = HERE if os.path.exists(os.path.join(HERE, "gopher.py")) else os.path.join(HERE, "../../probe-sdk/lang")
sys.path.insert(0, LIB)
import gopher  # noqa: E402

BOUNDS = [0.0001, 0.001, 0.01, 0.1, math.inf]


def since_boot():
    """Seconds since the boot."""
    with open("/proc/uptime") as file:
        return float(file.read().split()[0])


def lateness(sleeps):
    """A histogram of how late that many sleeps of a millisecond end."""
    late = []
    for _ in range(sleeps):
        begun = time.monotonic()
        time.sleep(0.001)
        late.append(max(0.0, time.monotonic() - begun - 0.001))
    counts = [sum(seconds <= bound for seconds in late) for bound in BOUNDS]
    return gopher.histogram(BOUNDS, counts, sum(late), max(late))


probe = gopher.Probe("example-python", report_period=5, sleeps=10)
while probe.wait():
    uptime = since_boot() if probe.on("uptime") else None
    late = lateness(int(probe.params["sleeps"])) if probe.on("timer") else None
    probe.row("example_python", socket.gethostname(), uptime, late)
