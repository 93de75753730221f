#!/usr/bin/env python3
"""Says how busy the host is."""

import socket

import gopher

probe = gopher.Probe("my-probe", report_period=5)
while probe.wait():
    with open("/proc/loadavg") as file:
        load1, _, _, tasks, _ = file.read().split()
    probe.row("my_probe", socket.gethostname(), float(load1), int(tasks.split("/")[1]))
