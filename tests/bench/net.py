#!/usr/bin/env python3
"""Measures what the probe `net` costs: net.py traffic | hooks | memory | rate; one JSON object per figure on stdout."""

import contextlib
import ctypes
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

from netprobe import (Nginx, Probe, SOURCES, cpu, figure, held, iperf3_bits_per_second, map_bytes, ratios, resident,
                      say)

PAIRS = 5
CONNECTIONS = 50_000
RATE = 10_000
# Where nobody has mounted what it asks for the number of a tracepoint.
TCPLIFE = "mount -t tracefs tracefs /sys/kernel/tracing && exec tcplife"
STATISTICS = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def off():
    return contextlib.nullcontext()


def again():
    return contextlib.nullcontext()


def no_delays():
    return Probe(without=("tcp_delay", "udp_socket"))


def traffic():
    """Throughput with the probe on, against without, by turns; and without against without."""
    with Nginx(free_port()) as nginx:
        works = [
            ("iperf3, one stream over loopback", "Gbit/s", lambda: iperf3_bits_per_second(free_port(), 2) / 1e9),
            ("wrk, 32 kept connections", "requests/s", lambda: nginx.requests_per_second(2, False)),
            ("wrk, a connection per request", "requests/s", lambda: nginx.requests_per_second(2, True)),
        ]
        for name, unit, work in works:
            work()
            states = [("with the probe", Probe, 0.98), ("without tcp_delay and udp_socket", no_delays, 0.98),
                      ("again without the probe", again, None)]
            for what, state, goal in states:
                median, plain, each = ratios(PAIRS, off, state, work)
                figure(f"{name}: {what}, of what it is without", "ratio", median, at_least=goal)
                say(f"{name}, {what}: {' '.join(f'{ratio:.3f}' for ratio in sorted(each))}")
            figure(f"{name}: without the probe", unit, plain)


def sections():
    """The hook of each program, from its source; a name may be cut to 15 bytes."""
    found = {}
    for file in sorted((SOURCES / "bpf").glob("*.h")):
        for section, name in re.findall(r'SEC\("([^"]+)"\)\nint (?:BPF_PROG\()?(\w+)', file.read_text()):
            found[name] = found[name[:15]] = section
    return found


def empty_programs(hooks):
    """Attaches programs that do nothing to these hooks, by libbpf of iproute2; the name of each. They end with us."""
    source = "".join(f'__attribute__((section("{hook}"), used)) int empty_{at}(void *context) {{ return 0; }}\n'
                     for at, hook in enumerate(hooks))
    source += 'char licence[] __attribute__((section("license"), used)) = "GPL";\n'
    libbpf = ctypes.CDLL("libbpf.so.1")
    for name in ("bpf_object__open_file", "bpf_object__next_program", "bpf_program__attach"):
        getattr(libbpf, name).restype = ctypes.c_void_p
    with tempfile.NamedTemporaryFile(suffix=".o") as file:
        command = ["clang", "-O2", "-g", "-target", "bpf", "-x", "c", "-c", "-", "-o", file.name]
        subprocess.run(command, input=source, text=True, check=True)
        whole = ctypes.c_void_p(libbpf.bpf_object__open_file(file.name.encode(), None))
    if not whole or libbpf.bpf_object__load(whole):
        raise RuntimeError("the empty programs could not be loaded")
    program = None
    while program := libbpf.bpf_object__next_program(whole, ctypes.c_void_p(program)):
        if not libbpf.bpf_program__attach(ctypes.c_void_p(program)):
            raise RuntimeError("an empty program could not be attached")
    return {hook: f"empty_{at}" for at, hook in enumerate(hooks)}


def run_times():
    """Name, runs and ns of each program of the kernel, by number."""
    text = subprocess.run(["bpftool", "prog", "show", "-j"], check=True, capture_output=True, text=True).stdout
    return {program["id"]: (program.get("name", ""), program.get("run_cnt", 0), program.get("run_time_ns", 0))
            for program in json.loads(text)}


def short_udp(seconds):
    """Datagrams between two sockets; requests to a port where nobody listens."""
    with socket.socket(type=socket.SOCK_DGRAM) as one, socket.socket(type=socket.SOCK_DGRAM) as two:
        two.bind(("127.0.0.1", 0))
        closed = ("127.0.0.1", free_port())
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            one.sendto(b"x" * 100, two.getsockname())
            two.recv(200)
            with socket.socket() as refused:
                refused.connect_ex(closed)


def hooks():
    """Run time of each hook per event by the kernel's statistics, against an empty program at the same hook."""
    known, before = sections(), STATISTICS.read_text()
    with Probe() as probe, Nginx(free_port()) as nginx:
        mine = {number: name for number, (name, _, _) in run_times().items() if number in probe.programs()}
        wanted = sorted({known[name] for name in mine.values() if known[name].startswith(("tp_btf", "fe"))})
        empty = empty_programs(wanted)
        STATISTICS.write_text("1")
        try:
            nginx.requests_per_second(5, False)
            nginx.requests_per_second(5, True)
            iperf3_bits_per_second(free_port(), 3)
            short_udp(3)
            time.sleep(6)
        finally:
            STATISTICS.write_text(before)
        times = run_times()
        own = {name: (runs, ns) for name, runs, ns in times.values()}
        numbers = set(held(probe.pid, "prog_type").values()) | set(mine)
        for number in sorted(numbers):
            name, runs, ns = times[number]
            hook = known.get(name, "")
            if runs < 100:
                continue
            if hook in empty:
                empty_runs, empty_ns = own[empty[hook]]
                bare = empty_ns / max(empty_runs, 1)
                figure(f"{hook} ({name}), over an empty program", "ns", ns / runs - bare, at_most=100)
                say(f"{name}: {runs} runs, {ns / runs:.0f} ns; empty {bare:.0f} ns")
            else:
                figure(f"{hook} ({name}), per object", "ns", ns / runs)
                say(f"{name}: {runs} runs, {ns / runs:.0f} ns")


def held_open(peers):
    """A child with so many connections of its own, to as many addresses as asked for; it lives until killed."""
    each, children = 5_000, []
    for first in range(0, CONNECTIONS, each):
        child = os.fork()
        if child == 0:
            keep = []
            with socket.create_server(("0.0.0.0", 0), backlog=64) as server:
                port = server.getsockname()[1]
                for number in range(first, first + each):
                    peer = number % peers
                    client = socket.create_connection((f"127.1.{peer >> 8 & 255}.{peer & 255}", port))
                    keep += [client, server.accept()[0]]
                    client.send(b"x")
            time.sleep(600)
            os._exit(0)
        children.append(child)
    return children


def memory():
    """Memory of the probe with many connections open: of few peers, and each of a peer of its own."""
    for what, peers in (("of 8 peers", 8), ("each of a peer of its own", 65_536)):
        with Probe() as probe:
            idle, maps = resident(probe.pid)[0], map_bytes(probe.pid)
            children = held_open(peers)
            try:
                end = time.monotonic() + 60
                while opened() < 2 * CONNECTIONS and time.monotonic() < end:
                    time.sleep(0.5)
                begun = probe.rows
                time.sleep(17)
                now, most = resident(probe.pid)
                name = f"{opened() // 2} connections open, {what}"
                figure(f"{name}: memory of the process", "MB", now / 1e6, at_most=10)
                figure(f"{name}: the most it was", "MB", most / 1e6, at_most=10)
                figure(f"{name}: the process before", "MB", idle / 1e6)
                figure(f"{name}: maps in the kernel", "MB", map_bytes(probe.pid) / 1e6)
                figure(f"{name}: maps in the kernel before", "MB", maps / 1e6)
                figure(f"{name}: rows in three periods", "rows", probe.rows - begun)
            finally:
                for child in children:
                    os.kill(child, 9)
                    os.waitpid(child, 0)
        time.sleep(2)


def opened():
    """Ends of IPv4 connections on this host."""
    return int(re.search(r"TCP: inuse (\d+)", pathlib.Path("/proc/net/sockstat").read_text())[1])


def connections(seconds):
    """Connections at a steady rate, each with one byte; how many there were a second."""
    servers = [socket.create_server((f"127.0.0.{number}", 0), backlog=64) for number in range(2, 10)]
    addresses = [server.getsockname() for server in servers]
    begun, done = time.monotonic(), 0
    while (passed := time.monotonic() - begun) < seconds:
        if done >= passed * RATE:
            time.sleep(0.0005)
            continue
        at = done % len(servers)
        client = socket.socket()
        client.connect(addresses[at])
        accepted, _ = servers[at].accept()
        client.send(b"x")
        accepted.recv(1)
        client.close()
        accepted.close()
        done += 1
    for server in servers:
        server.close()
    return done / (time.monotonic() - begun)


def polled(seconds, period):
    """CPU seconds of `ss -ti` at a period."""
    before = os.times()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        subprocess.run(["ss", "-tinaO"], stdout=subprocess.DEVNULL, check=True)
        time.sleep(period)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def rate():
    """CPU of the probe, of polling by ss and of tcplife, while short connections come at a steady rate."""
    seconds = 30
    with Probe() as probe:
        before = cpu(probe.pid)
        reached = connections(seconds)
        used = (cpu(probe.pid) - before) / seconds
        figure("CPU of the probe at 10,000 connections/s", "% of a core", used * 100, at_most=1)
        figure("connections meanwhile", "connections/s", reached)
        figure("rows meanwhile", "rows", probe.rows)
    child = os.fork()
    if child == 0:
        connections(seconds)
        os._exit(0)
    used = polled(seconds, 5) / seconds
    os.waitpid(child, 0)
    figure("CPU of ss -ti every 5 s at the same rate", "% of a core", used * 100)
    other = subprocess.Popen(["unshare", "-m", "sh", "-c", TCPLIFE], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(2)
    if other.poll() is not None:
        say(f"tcplife does not run here: {other.stderr.read().decode().strip()}")
        return
    reader = os.fork()
    if reader == 0:
        while os.read(other.stdout.fileno(), 1 << 20):
            pass
        os._exit(0)
    before = cpu(other.pid)
    reached = connections(seconds)
    figure("CPU of tcplife at the same rate", "% of a core", (cpu(other.pid) - before) / seconds * 100)
    figure("connections meanwhile, tcplife", "connections/s", reached)
    other.terminate()
    other.wait()
    os.kill(reader, 9)
    os.waitpid(reader, 0)


PARTS = {"traffic": traffic, "hooks": hooks, "memory": memory, "rate": rate}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in PARTS:
        sys.exit(f"usage: net.py {' | '.join(PARTS)}")
    PARTS[sys.argv[1]]()
