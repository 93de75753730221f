"""The probe contract (protocol 1) for Python 3.6 and newer, with the standard library alone.

    probe = gopher.Probe("users", report_period=5)
    while probe.wait():
        probe.row("users", socket.gethostname(), count_users())

`wait` reads the configuration that the agent sends on stdin, applies it, answers it, and returns True when a period
begins: at once after a change, then every `report_period` seconds. It returns False when the probe is to stop: stdin
was closed, SIGTERM came, or nobody reads stdout any more. Rows are gathered and written when `wait` is called.
"""

import json
import math
import os
import select
import signal
import sys
import time

MAX_LINE = 64 * 1024
_EXACT = 1 << 53
_ESCAPES = str.maketrans({"|": "\\|", "\\": "\\\\", "\n": "\\n"})


def encode(value):
    """The text of one field.

    None and what is not finite are absent, hence empty. A float that is whole and below 2^53 is written as an
    integer, any other in the shortest form that reads back as the same number.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        if not math.isfinite(value):
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
    raise TypeError("a field is text, a number or None, not %r" % (value,))


def histogram(bounds, counts, total, maximum):
    """The value of a histogram field.

    `counts` are cumulative, one for each of the rising `bounds`, and are the increase since the previous row; the last
    bound may be math.inf. `total` is the sum of what was observed, `maximum` the largest of it.
    """
    if len(bounds) != len(counts) or not bounds:
        raise ValueError("a histogram has as many counts as bounds, and at least one")
    words = [str(len(bounds))]
    for bound, count in zip(bounds, counts):
        words += ["+Inf" if bound == math.inf else encode(bound), encode(count)]
    return " ".join(words + [encode(total), encode(maximum)])


def line(table, *fields):
    """The line of a row as bytes; None when it would be longer than a line may be."""
    text = "|%s|\n" % "|".join(encode(value) for value in (table,) + fields)
    data = text.encode("utf-8", "replace")
    return data if len(data) <= MAX_LINE else None


def log(text):
    """Writes a line to the agent's log."""
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except BrokenPipeError:
        pass  # The agent has gone; stdin says so too.


def unsupported(reason):
    """Ends the probe: it cannot work here, and starting it again would not help."""
    log(reason)
    sys.exit(78)


class Probe:
    """One probe: its rows, its configuration and its periods.

    `name` is the probe's name in the manifest. Further arguments are its parameters with the manifest's defaults;
    `report_period` (seconds) is one of them.
    """

    def __init__(self, name, **defaults):
        self.name = name
        self.params = dict(defaults)
        self.items = frozenset()
        self.scope = {}
        self._defaults = dict(defaults)
        self._running = False
        self._stopped = False
        self._greeted = False
        self._due = 0.0
        self._input = bytearray()
        self._output = []
        self._gathered = 0
        self._wake, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake)
        signal.signal(signal.SIGTERM, self._terminate)

    def on(self, item):
        """True when the item is on."""
        return item in self.items

    def row(self, table, *fields):
        """Gathers one row; None is absent, and then the table keeps its last value."""
        data = line(table, *fields)
        if data is None:
            log("a row of table %s has over %d bytes and was not written" % (table, MAX_LINE))
            return
        self._output.append(data)
        self._gathered += len(data)
        if self._gathered >= MAX_LINE:
            self.flush()

    def event(self, entity, entity_id, metric, severity_text, severity_number, body,
              pid=None, comm=None, ip=None, container_id=None, pod_id=None, device=None):
        """Gathers one event; severities are those of OpenTelemetry, 1 to 24."""
        self.row("event", entity, entity_id, metric, pid, comm, ip, container_id, pod_id, device,
                 severity_text, severity_number, body)

    def flush(self):
        """Writes the gathered rows."""
        data = memoryview(b"".join(self._output))
        self._output = []
        self._gathered = 0
        try:
            while data and not self._stopped:
                data = data[os.write(1, data):]
        except BrokenPipeError:
            self._stopped = True

    def wait(self):
        """Waits for the next period; False when the probe is to stop."""
        if not self._greeted:
            self._greeted = True
            self.row("ready")
        while True:
            self.flush()
            if self._stopped:
                return False
            rest = max(0.0, self._due - time.monotonic()) if self._running else None
            readable = select.select([0, self._wake], [], [], rest)[0]
            if self._wake in readable:
                os.read(self._wake, 512)
            if 0 in readable:
                self._read()
            elif not readable:
                # A probe that was late does not catch up: periods that have passed are left out.
                self._due = max(self._due + self._period(), time.monotonic())
                return True

    def _period(self):
        return float(self.params.get("report_period", 5))

    def _terminate(self, _signal, _frame):
        self._stopped = True

    def _read(self):
        data = os.read(0, 1 << 16)
        if not data:
            self._stopped = True
            return
        self._input += data
        while b"\n" in self._input and not self._stopped:
            text, _, self._input = self._input.partition(b"\n")
            try:
                self._apply(json.loads(text.decode("utf-8")))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                log("a configuration line was refused, the one before stays: %r" % (error,))

    def _apply(self, config):
        if config["version"] != 1:
            raise ValueError("version %r is not spoken here, only 1" % (config["version"],))
        generation = int(config["generation"])
        wanted = config["probes"].get(self.name)
        before = (self._running, self.params, self.items)
        if wanted is not None:
            self.params = dict(self._defaults, **wanted.get("params", {}))
            self.items = frozenset(wanted.get("items", ()))
            self.scope = wanted.get("scope", {})
        self._running = wanted is not None
        now = time.monotonic()
        if before != (self._running, self.params, self.items):
            self._due = now
        self._due = min(self._due, now + self._period())
        self.row("applied", generation)
        self.flush()
