#!/usr/bin/env python3
"""Reads HAProxy's statistics sockets and writes a row per process, frontend, backend and server."""

import csv
import os
import socket
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LIB = HERE if os.path.exists(os.path.join(HERE, "gopher.py")) else os.path.join(HERE, "../../probe-sdk/lang")
sys.path.insert(0, LIB)
import gopher  # noqa: E402

QUESTION = b"show info;show stat\n"
MAX_ANSWER = 16 << 20
UP = ("UP", "OPEN", "no check")

# Values of `show info` in the order of table haproxy; a percentage becomes a share.
INFO = ["Uptime_sec", "Nbthread", "Idle_pct/100", "CurrConns", "Maxconn", "CumConns", "ConnRate", "SessRate", "CumReq"]

# Columns of `show stat` in the order of the tables; milliseconds become seconds.
SESSIONS = "scur smax slim stot rate"
CODES = "hrsp_1xx hrsp_2xx hrsp_3xx hrsp_4xx hrsp_5xx hrsp_other"
TIMES = "qtime/1000 ctime/1000 rtime/1000 ttime/1000"
FAILURES = "econ eresp wretr wredis cli_abrt srv_abrt eint"
CHANGES = "weight chkdown downtime lastchg"
FRONTEND = " ".join([SESSIONS, "conn_tot conn_rate req_tot req_rate bin bout dreq dresp ereq eint", CODES]).split()
BACKEND = " ".join(["qcur qmax", SESSIONS, "connect reuse req_tot bin bout dreq dresp", FAILURES, CODES, TIMES,
                    "act bck", CHANGES]).split()
SERVER = " ".join(["qcur qmax", SESSIONS, "connect reuse req_tot bin bout dresp", FAILURES, CODES, TIMES,
                   CHANGES, "chkfail check_duration/1000"]).split()


class Unusable(Exception):
    """What a socket gave is no answer."""


def ask(path, timeout):
    """The answer of a statistics socket; the timeout is for the whole of it."""
    deadline = time.monotonic() + timeout
    answer = bytearray()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(timeout)
        peer.connect(path)
        peer.sendall(QUESTION)
        while True:
            rest = deadline - time.monotonic()
            if rest <= 0:
                raise Unusable("no whole answer within %g s" % timeout)
            peer.settimeout(rest)
            data = peer.recv(1 << 16)
            if not data:
                return answer.decode("utf-8", "replace")
            answer += data
            if len(answer) > MAX_ANSWER:
                raise Unusable("an answer of over %d bytes" % MAX_ANSWER)


def parse(answer):
    """The values of `show info` by name, and the rows of `show stat` by column, whatever columns there are."""
    head, _, table = answer.partition("\n\n# ")
    if not table.endswith("\n\n"):
        raise Unusable("an answer that is cut off, or not HAProxy's: %.60r" % answer)
    info = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    return info, list(csv.DictReader(table.splitlines()))


def value(values, name):
    """A number by its name, absent when there is none; `name/1000` scales."""
    name, _, divisor = name.partition("/")
    try:
        number = int(values.get(name) or "")
    except ValueError:
        return None
    return number / int(divisor) if divisor else number


def report(probe, path, info, rows):
    """Writes the rows of one HAProxy process."""
    limit = int(probe.params["max_proxies"])
    names = dict.fromkeys(row.get("pxname") for row in rows)
    kept = set(list(names)[:limit])
    probe.row("haproxy", path, info.get("Version"), 1, *[value(info, name) for name in INFO], len(names) - len(kept))
    for row in rows:
        name, kind, status = row.get("pxname"), row.get("type"), row.get("status") or ""
        if name not in kept:
            continue
        up = int(status.startswith(UP))
        if kind == "0" and probe.on("frontend"):
            probe.row("haproxy_frontend", path, name, status, up, *[value(row, column) for column in FRONTEND])
        elif kind == "1" and probe.on("backend"):
            probe.row("haproxy_backend", path, name, status, up, *[value(row, column) for column in BACKEND])
        elif kind == "2" and probe.on("server"):
            probe.row("haproxy_server", path, name, row.get("svname"), status, row.get("check_status"), up,
                      *[value(row, column) for column in SERVER])


def collect(probe, path):
    """Reads and reports one socket; what is wrong with it, or None."""
    try:
        info, rows = parse(ask(path, float(probe.params["timeout"])))
    except socket.timeout:
        problem = "no whole answer within %g s" % probe.params["timeout"]
    except (OSError, Unusable, csv.Error) as error:
        problem = str(error)
    else:
        report(probe, path, info, rows)
        return None
    probe.row("haproxy", path, None, 0, *[None] * (len(INFO) + 1))
    return problem


def main():
    probe = gopher.Probe("haproxy", report_period=5, socket=["/run/haproxy/admin.sock"], timeout=2, max_proxies=1000)
    problems = {}
    while probe.wait():
        for path in probe.params["socket"]:
            problem = collect(probe, path)
            if problem and problem != problems.get(path):
                gopher.log("socket %s: %s; it is tried again every period" % (path, problem))
            elif path in problems and not problem:
                gopher.log("socket %s answers again" % path)
            problems[path] = problem
            if not problem:
                del problems[path]


main()
