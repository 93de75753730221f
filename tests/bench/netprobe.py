"""What the measurements of the network probe share: the probe process, figures, nginx, kernel memory, CPU time."""

import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
RELEASE = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
SOURCES = ROOT / "probes/net"


def figure(name, unit, measured, at_least=None, at_most=None):
    """Prints one figure as a line of JSON, as gopher-bench does."""
    bound, goal, reached = "", None, None
    if at_least is not None:
        bound, goal, reached = "min", at_least, measured >= at_least
    if at_most is not None:
        bound, goal, reached = "max", at_most, measured <= at_most
    line = {"figure": name, "unit": unit, "measured": measured, "bound": bound, "goal": goal, "reached": reached}
    print(json.dumps(line), flush=True)


def say(text):
    print(text, file=sys.stderr, flush=True)


class Probe:
    """The process `net` as the agent runs it, the whole host in scope; ended when left."""

    def __init__(self, without=(), period=5, sample=5000, patience=60):
        self.patience = patience
        self.rows = self.lost = 0
        self.applied = threading.Event()
        probes = {}
        manifest = tomllib.loads((SOURCES / "probe.toml").read_text())
        for probe in manifest["probe"]:
            params = {name: param["default"] for name, param in probe.get("params", {}).items()}
            params.update({name: value for name, value in
                           (("report_period", period), ("sample_period", sample)) if name in params})
            items = [item["name"] for item in probe["item"] if item["name"] not in without]
            scope = {"all": True, "processes": [], "containers": []}
            probes[probe["name"]] = {"items": items, "params": params, "scope": scope}
        self.told = json.dumps({"version": manifest["protocol"], "generation": 1, "probes": probes}) + "\n"

    def __enter__(self):
        self.child = subprocess.Popen([RELEASE / "net"], cwd=SOURCES, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True, bufsize=1)
        self.pid = self.child.pid
        threading.Thread(target=self.read, daemon=True).start()
        self.child.stdin.write(self.told)
        self.child.stdin.flush()
        if not self.applied.wait(self.patience):
            raise RuntimeError(f"the probe did not say that it works within {self.patience} s")
        return self

    def read(self):
        for line in self.child.stdout:
            if line.startswith("|applied|"):
                self.applied.set()
            elif line.startswith("|lost|"):
                self.lost += 1
                say(f"the probe says: {line.strip()}")
            elif line.startswith(("|tcp_", "|endpoint_", "|proc_")):
                self.rows += 1

    def __exit__(self, *_):
        self.child.stdin.close()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def programs(self):
        """Numbers of the programs that are attached now."""
        return set(held(self.pid, "link_type").values())


def held(pid, what):
    """prog_id, or else map_id, of each file descriptor that has a field."""
    found = {}
    for file in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            fields = dict(re.findall(r"^(\w+):\s*(\S+)$", file.read_text(), re.M))
        except OSError:
            continue
        if what in fields:
            found[file.name] = int(fields.get("prog_id", fields.get("map_id", 0)))
    return found


def map_bytes(pid):
    """Kernel memory of a process's maps, each once: memlock of fdinfo."""
    maps = {}
    for file in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            fields = dict(re.findall(r"^(\w+):\s*(\S+)$", file.read_text(), re.M))
        except OSError:
            continue
        if "map_id" in fields:
            maps[fields["map_id"]] = int(fields["memlock"])
    return sum(maps.values())


def resident(pid):
    """VmRSS, and the largest it ever was, in bytes."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return tuple(int(re.search(rf"{name}:\s*(\d+)", status)[1]) * 1024 for name in ("VmRSS", "VmHWM"))


def cpu(pid):
    """Seconds that all threads of a process have run."""
    return time.clock_gettime((~pid << 3) | 2)


class Nginx:
    """nginx with one worker, a small page, on a port of its own."""

    def __init__(self, port):
        self.port = port
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gopher-bench-nginx-"))
        places = "".join(f"{name}_temp_path {self.folder}/{name};\n"
                         for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.folder / "nginx.conf").write_text(
            f"daemon off;\nuser root;\nworker_processes 1;\npid {self.folder}/nginx.pid;\nerror_log stderr error;\n"
            f"events {{ worker_connections 4096; }}\nhttp {{\n{places}access_log off;\nkeepalive_requests 100000000;\n"
            f"server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 \"{'x' * 600}\"; }} }}\n}}\n")

    def __enter__(self):
        self.child = subprocess.Popen(["nginx", "-p", self.folder, "-c", self.folder / "nginx.conf"],
                                      stdin=subprocess.DEVNULL)
        time.sleep(0.5)
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait()
        shutil.rmtree(self.folder)

    def requests_per_second(self, seconds, close):
        """By wrk, 32 connections, each kept or each for one request."""
        header = ["-H", "Connection: close"] if close else []
        command = ["wrk", "-t", "1", "-c", "32", "-d", str(seconds), *header, f"http://127.0.0.1:{self.port}/"]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])


def iperf3_bits_per_second(port, seconds):
    """One stream over loopback, as the receiver counts it."""
    server = subprocess.Popen(["iperf3", "-s", "-1", "-B", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL)
    time.sleep(0.3)
    command = ["iperf3", "-J", "-c", "127.0.0.1", "-p", str(port), "-t", str(seconds)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    server.wait()
    return json.loads(text)["end"]["sum_received"]["bits_per_second"]


def ratios(pairs, first, second, work):
    """Runs the work in two states by turns, the other one first each time; the ratios of second to first."""
    found, values = [], []
    for number in range(pairs):
        states = [first, second] if number % 2 == 0 else [second, first]
        measured = {}
        for state in states:
            with state() as _:
                measured[state] = work()
        found.append(measured[second] / measured[first])
        values.append(measured[first])
    return statistics.median(found), statistics.median(values), found
