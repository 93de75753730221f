#!/usr/bin/env python3
"""Instructions that the probe `net` adds to a request and to a connection: guest.py, in a guest that counts them.

tests/vm/run with VM_ICOUNT=2 makes a guest whose clock advances by 4 ns with each instruction, so that time is a count.
"""

import contextlib
import socket
import statistics
import time

from netprobe import Probe, figure, say

NS_PER_INSTRUCTION = 4
TURNS = 3
# Time flies in the guest while it waits for its files.
PATIENCE = 36_000


def requests(count):
    """100 bytes there, 1000 back, over one connection; ns for each."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        begun = time.monotonic_ns()
        for _ in range(count):
            client.send(b"x" * 100)
            accepted.recv(1000)
            accepted.send(b"y" * 1000)
            client.recv(2000)
        passed = time.monotonic_ns() - begun
        client.close()
        accepted.close()
    return passed / count


def connections(count):
    """Connections with one request each; ns for each."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        begun = time.monotonic_ns()
        for _ in range(count):
            client = socket.create_connection(server.getsockname())
            accepted, _ = server.accept()
            client.send(b"x" * 100)
            accepted.recv(1000)
            accepted.send(b"y" * 1000)
            client.recv(2000)
            client.close()
            accepted.close()
        return (time.monotonic_ns() - begun) / count


def main():
    works = (("request", requests, 1000), ("connection", connections, 300))
    states = (("without", contextlib.nullcontext), ("with every item", lambda: Probe(patience=PATIENCE)),
              ("without tcp_delay and udp_socket", lambda: Probe(("tcp_delay", "udp_socket"), patience=PATIENCE)))
    found = {}
    for _ in range(TURNS):
        for state, made in states:
            say(state)
            with made():
                for name, work, count in works:
                    work(count // 10)
                    found.setdefault((name, state), []).append(work(count) / NS_PER_INSTRUCTION)
    for name, _, _ in works:
        plain = statistics.median(found[name, "without"])
        figure(f"instructions of a {name} over loopback, both ends", "instructions", plain)
        for state, _ in states[1:]:
            added = statistics.median(found[name, state]) - plain
            figure(f"instructions added to a {name}, {state}", "instructions", added)
            figure(f"instructions added to a {name}, {state}, of those without", "%", added / plain * 100)


main()
