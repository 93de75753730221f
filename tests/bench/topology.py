#!/usr/bin/env python3
"""Measures the topology of an agent with 100,000 rows of flows; one JSON object per figure on stdout."""

import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request

from netprobe import RELEASE, SOURCES, cpu, figure, resident

ROWS = 100_000
ASKED = 7

# 1,000 processes, each with connections to 100 of the others.
WRITER = """#!/usr/bin/env python3
import json, sys
for line in sys.stdin:
    out = []
    for number in range(ROWS):
        client, peer = number // 100, (number // 100 * 7 + number % 100 * 13 + 1) % 1000
        labels = f"{1000 + client}|worker-{client}|client|10.0.{client >> 8}.{client & 255}||10.0.{peer >> 8}.{peer & 255}"
        values = f"0|{8000 + peer % 10}|2|{number + 1}|{2 * number + 1}|10|12"
        out.append(f"|tcp_metric|{labels}|{values}|{'|' * EMPTY}ebpf|\\n")
    sys.stdout.write("".join(out) + f"|applied|{json.loads(line)['generation']}|\\n")
    sys.stdout.flush()
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def prepare(home, control, scrape):
    """An agent's configuration, and the probe `net` with a process that writes rows at once."""
    home.chmod(0o755)
    probe = home / "probes/net"
    probe.mkdir(parents=True)
    manifest = (SOURCES / "probe.toml").read_text()
    table = re.search(r'name = "tcp_metric".*?fields = \[(.*?)\n\]', manifest, re.S)[1]
    empty = table.count("{ name =") - 14
    manifest = re.sub(r"limits = .*", 'limits = { memory = "512MiB", rows_per_second = 4000000000, series = 1000000 }', manifest)
    (probe / "probe.toml").write_text(re.sub(r"privileges = .*", "", manifest))
    (probe / "net").write_text(WRITER.replace("ROWS", str(ROWS)).replace("EMPTY", str(empty)))
    (probe / "net").chmod(0o755)
    (home / "agent.conf").write_text(
        f'[agent]\nrun_dir = "{home}/run"\nstate_dir = "{home}/state"\nlog_level = "warn"\n'
        f'[folders]\nprobes = ["{home}/probes"]\nextend = []\n[control]\nlisten = "127.0.0.1:{control}"\n'
        f'[export.prometheus]\nlisten = "127.0.0.1:{scrape}"\n'
        f'[probe.tcp]\nstate = "running"\nscope = {{ proc_name = [{{ comm = "^python3$" }}] }}\n')


def fetch(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return answer.read()


def timed(pid, work):
    """Median wall time and CPU of the agent in ms, and the last result."""
    walls, spent = [], []
    for _ in range(ASKED):
        before, begun = cpu(pid), time.monotonic()
        result = work()
        walls.append((time.monotonic() - begun) * 1e3)
        spent.append((cpu(pid) - before) * 1e3)
    return statistics.median(walls), statistics.median(spent), result


def measure(home, port, agent):
    end = time.monotonic() + 60
    while len(rows := [json.loads(fetch(port, "/topology?format=json"))]) and not rows[0]["edges"]:
        if time.monotonic() > end:
            raise RuntimeError("the agent shows no flows within 60 s")
        time.sleep(0.5)
    time.sleep(2)
    before = resident(agent.pid)[0]
    figure(f"memory of the agent with {ROWS:,} rows of tcp_metric", "MB", before / 1e6)
    for form in ("json", "dot", "html"):
        wall, spent, page = timed(agent.pid, lambda: fetch(port, f"/topology?format={form}"))
        figure(f"GET /topology, {ROWS:,} rows, {form}, median", "ms", wall)
        figure(f"GET /topology, {ROWS:,} rows, {form}: CPU of the agent", "ms", spent)
        figure(f"GET /topology, {ROWS:,} rows, {form}: size", "KB", len(page) / 1e3)
    graph = json.loads(fetch(port, "/topology?format=json"))
    figure("nodes and edges of that graph", "of both", len(graph["nodes"]) + len(graph["edges"]))
    command = [RELEASE / "gopher-ctl", "--socket", home / "run/control.sock", "topology"]
    wall, _, _ = timed(agent.pid, lambda: subprocess.run(command, check=True, capture_output=True))
    figure(f"gopher-ctl topology, {ROWS:,} rows, median", "ms", wall)
    figure("memory of the agent, most while asked", "MB", resident(agent.pid)[1] / 1e6)


def main():
    with tempfile.TemporaryDirectory(prefix="gopher-bench-") as folder:
        home, port = pathlib.Path(folder), free_port()
        prepare(home, port, free_port())
        agent = subprocess.Popen([RELEASE / "gala-gopher", "--config", home / "agent.conf"], stdin=subprocess.DEVNULL)
        try:
            time.sleep(2)
            measure(home, port, agent)
        finally:
            agent.terminate()
            agent.wait()


main()
