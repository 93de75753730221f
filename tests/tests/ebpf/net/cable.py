#!/usr/bin/env python3
"""Cases across a cable between two network namespaces, one that delays and loses where it shall: what the kernel
says of each connection (ss) and of each namespace (nstat) is what the probes must tell. Run as traffic.py is.
"""
from concurrent.futures import ThreadPoolExecutor
import fcntl
import heapq
import itertools
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
from traffic import ME, counters, drain, drain_exactly, endpoint, in_new_network, link, run, tell, unshare_network

HERE, THERE = "10.77.0.1", "10.77.0.2"


class Second:
    """The namespace at the other end: `second(function, …)` runs there."""

    def __init__(self):
        self.thread = ThreadPoolExecutor(1)
        self(unshare_network)
        self.path = self(lambda: f"/proc/{ME}/task/{threading.get_native_id()}/ns/net")

    def __call__(self, function, *arguments):
        return self.thread.submit(function, *arguments).result()


def ip(command):
    subprocess.run(["ip"] + command.split(), check=True)


def up(device, address):
    ip(f"addr add {address}/24 dev {device}")
    ip(f"link set {device} up")
    ip("link set lo up")


def cable():
    """Two namespaces, this thread in the first one. Gives the second one."""
    unshare_network()
    second = Second()
    ip(f"link add here type veth peer name there netns {second.path}")
    second(up, "there", THERE)
    up("here", HERE)
    return second


def bad_cable(delay, loss=0):
    """The same with a delay in ms each way, and a loss in percent: by netem, or where the kernel has none, by hand."""
    second = cable()
    if netem("here", delay, loss) and second(netem, "there", delay, loss):
        return second
    ip("link del here")
    ends = [tunnel("here", HERE), second(tunnel, "there", THERE)]
    for way in (ends, ends[::-1]):
        threading.Thread(target=carry, args=(*way, delay / 1000, loss / 100), daemon=True).start()
    return second


def netem(device, delay, loss):
    command = f"tc qdisc add dev {device} root netem limit 100000 delay {delay}ms loss {loss}%"
    return subprocess.run(command.split(), stderr=subprocess.DEVNULL).returncode == 0


def tunnel(device, address):
    """A network device whose packets are read and written here."""
    file = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(file, 0x400454CA, struct.pack("16sH22x", device.encode(), 0x1001))  # TUNSETIFF: IFF_TUN | IFF_NO_PI
    up(device, address)
    return file


def carry(source, sink, delay, loss):
    os.set_blocking(source, False)
    waiting, number = [], itertools.count()
    while True:
        left = waiting[0][0] - time.monotonic() if waiting else 0.05
        if left > 0:
            time.sleep(min(left, 0.0005))
        while waiting and waiting[0][0] <= time.monotonic():
            os.write(sink, heapq.heappop(waiting)[2])
        try:
            while packet := os.read(source, 65536):
                if random.random() >= loss:
                    heapq.heappush(waiting, (time.monotonic() + delay, next(number), packet))
        except BlockingIOError:
            pass


def pair(second, port=0):
    """A connection from the first namespace to the second."""
    server = second(socket.create_server, (THERE, port))
    client = socket.create_connection(server.getsockname())
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    served = server.accept()[0]
    served.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return str(server.getsockname()[1]), client, served


def ss(connection):
    """What ss says of a connection of this namespace."""
    ports = f"sport = :{connection.getsockname()[1]} and dport = :{connection.getpeername()[1]}"
    shown = subprocess.run(["ss", "-HtinmO", ports], stdout=subprocess.PIPE, text=True, check=True).stdout
    said = dict(word.split(":", 1) for word in shown.split() if word.count(":") == 1)
    memory = said["skmem"].strip("()").split(",")
    return {**said, **{word.rstrip("0123456789"): int(word.lstrip("abcdefghijklmnopqrstuvwxyz")) for word in memory}}


def segments(said):
    return {"segs_in": int(said["segs_in"]), "segs_out": int(said["segs_out"])}


def questions(client, served, many):
    for size in range(1, many + 1):
        client.sendall(b"q" * size)
        drain_exactly(served, size)
        served.sendall(b"a" * (many - size + 1))
        drain_exactly(client, many - size + 1)


def bulk(client, served, size):
    reading = threading.Thread(target=drain_exactly, args=(served, size))
    reading.start()
    client.sendall(b"b" * size)
    reading.join()


def segments_of_an_open_connection():
    second = cable()
    port, client, served = pair(second)
    questions(client, served, 50)
    here = ss(client)
    assert here["data_segs_out"] == here["data_segs_in"] == "50", here
    bulk(client, served, 3_000_000)
    while (here := ss(client)) and "unacked" in here:
        pass
    there = second(ss, served)
    assert int(here["data_segs_out"]) == int(there["data_segs_in"]), (here, there)
    answers = sum(range(1, 51))
    sent = answers + 3_000_000
    again = int(here.get("retrans", "0/0").split("/")[1])
    client_told = link("client", tx_bytes=sent, rx_bytes=answers, retran_packets=again, **segments(here))
    server_told = link("server", tx_bytes=answers, rx_bytes=sent, **segments(there))
    tell([{**client_told, "server_port": port}, {**server_told, "server_port": port}])
    sys.stdin.read()


def ends(client, served):
    """Both sides close, and neither before the other's end has come: else the kernel answers for no connection."""
    client.shutdown(socket.SHUT_WR)
    drain(served, [0])
    served.close()
    drain(client, [0])
    client.close()


def all_segments_of_connections():
    second = cable()
    many = 10
    for _ in range(many):
        _, client, served = pair(second)
        questions(client, served, 20)
        ends(client, served)
    here, there = counters(), second(counters)
    # The answer to the first segment is the listener's.
    return [link("client", segs_in=here["Tcp:InSegs"], segs_out=here["Tcp:OutSegs"] + here["Tcp:RetransSegs"]),
            link("server", segs_in=there["Tcp:InSegs"],
                 segs_out=there["Tcp:OutSegs"] + there["Tcp:RetransSegs"] - many)]


def a_look_at_a_slow_connection():
    """The last look finds what ss says: nothing but one segment each way has happened for more than a period."""
    second = bad_cable(delay=25)
    port, client, served = pair(second)
    questions(client, served, 5)
    bulk(client, served, 300_000)
    time.sleep(10)
    client.sendall(b"l")
    drain_exactly(served, 1)
    while "unacked" in (here := ss(client)):
        time.sleep(0.01)
    there = second(ss, served)
    assert float(here["rtt"].split("/")[0]) > 50, here
    tell([{**looked_at("client", client, here), "server_port": port},
          {**looked_at("server", served, there), "server_port": port}])
    sys.stdin.read()


def looked_at(role, connection, said):
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
    exact = {
        "srtt": round(float(said["rtt"].split("/")[0]) * 1000),
        "rto": float(said["rto"]),
        "ato": float(said.get("ato", 0)),
        "snd_cwnd": int(said["cwnd"]),
        "snd_wnd": struct.unpack_from("I", info, 228)[0],
        "reordering": int(said.get("reordering", 3)),
        "notsent_bytes": int(said.get("notsent", 0)),
        "notack_bytes": 0,
        "sk_rcvbuf": said["rb"],
        "sk_sndbuf": said["tb"],
    }
    if "rcv_rtt" in said:
        exact["rcv_rtt"] = round(float(said["rcv_rtt"]) * 1000)
    return link(role, **{f"{name}.last": value for name, value in exact.items()})


def a_slow_handshake():
    second = bad_cable(delay=25)
    begun = time.monotonic_ns()
    port, client, _ = pair(second)
    took = time.monotonic_ns() - begun
    rtt = round(float(ss(client)["rtt"].split("/")[0]) * 1000)
    tell([{**link("client", **{"syn_srtt.count": 1, "syn_srtt.max": rtt}), "server_port": port},
          {**endpoint("client", **{"estab_latency.count": 1, "estab_latency.max": [50_000_000, took]}),
           "server_port": port}])
    sys.stdin.read()


def segments_that_get_lost():
    second = bad_cable(delay=5, loss=4)
    size = 200_000
    back = 0
    while True:
        port, client, served = pair(second)
        bulk(client, served, size)
        bulk(served, client, size)
        ends(client, served)
        back += size
        here, there = counters(), second(counters)
        if min(here["Tcp:RetransSegs"], there["Tcp:RetransSegs"]) >= 5:
            break
    while any(second(open_connections)):
        time.sleep(0.05)
    here, there = counters(), second(counters)
    again = there["Tcp:RetransSegs"]
    return [link("client", tx_bytes=back, rx_bytes=back, retran_packets=here["Tcp:RetransSegs"]),
            link("server", tx_bytes=back, rx_bytes=back, retran_packets=again),
            endpoint("client", retran_syn=here["TcpExt:TCPSynRetrans"])]


def open_connections():
    """Those of this namespace whose end may still be sent again."""
    lines = [line.split() for line in open("/proc/thread-self/net/tcp")][1:]
    return [line for line in lines if line[3] not in ("06", "0A")]  # TIME_WAIT, LISTEN


if __name__ == "__main__":
    run(globals())
