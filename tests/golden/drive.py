#!/usr/bin/env python3
"""Writes the rows of the golden cases on stdin with gopher.py, found on PYTHONPATH."""

import re
import sys

import gopher

PLAIN = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}


def histogram(text):
    words = text.split()
    buckets = words[1:-2]
    return gopher.histogram([float(word) for word in buckets[0::2]], [int(word) for word in buckets[1::2]],
                            float(words[-2]), float(words[-1]))


READERS = {
    "text": lambda text: re.sub(r"\\(.)", lambda found: PLAIN[found.group(1)], text),
    "uint": int,
    "int": int,
    "float": float,
    "absent": lambda _: None,
    "histogram": histogram,
}

row = []
for step in sys.stdin.buffer.read().decode("utf-8").split("\n"):
    word, _, text = step.partition(" ")
    if word == "row":
        row = [text]
    elif word == "line":
        sys.stdout.buffer.write(gopher.line(*row))
    elif word in READERS:
        row.append(READERS[word](text))
