#!/usr/bin/env python3
"""A small probe on gopher.py, found on PYTHONPATH, for tests of the contract."""

import gopher

probe = gopher.Probe("golden", report_period=5, word="plain")
rows = 0
while probe.wait():
    if probe.params["word"] == "unsupported":
        gopher.unsupported("this word cannot be said here")
    rows += 1
    items = "".join(item + "," for item in ("first", "second") if probe.on(item))
    probe.row("live", "python", items, probe.params["word"], rows)
    probe.event("live", "python", "rows", "INFO", 9, "a row | was written")
