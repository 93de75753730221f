#!/usr/bin/env python3
"""Cases in which connections fail or packets are dropped: what the kernel counts is what the probes must tell. Run as
traffic.py is.
"""
import ctypes
import errno
import fcntl
import mmap
import os
import platform
import socket
import struct
import sys
import threading
import time

sys.dont_write_bytecode = True
from cable import HERE, cable, ip, pair, ss
from traffic import counters, endpoint, link, run, tell


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def tcp(addresses, from_port, to_port, flags, payload=b""):
    """A segment, the first of a connection or one out of the blue."""
    def segment(check):
        return struct.pack("!HHIIBBHHH", from_port, to_port, 0, 0, 5 << 4, flags, 100, check, 0) + payload

    pseudo_header = addresses + struct.pack("!HH", socket.IPPROTO_TCP, 20 + len(payload))
    return segment(checksum(pseudo_header + segment(0)))


def strange_segments(connection, many):
    """Sends segments in the name of a connection's other end that are far from what its window admits."""
    (source, from_port), (target, to_port) = connection.getsockname(), connection.getpeername()
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    addresses = socket.inet_aton(source) + socket.inet_aton(target)
    segment = tcp(addresses, from_port, to_port, 0x10, b"x" * 1000)
    raw.bind((source, 0))
    for _ in range(many):
        raw.sendto(segment, (target, 0))


def segments_out_of_the_window():
    second = cable()
    port, client, served = pair(second)
    strange_segments(client, 50)
    wait(lambda: second(ss, served)["d"] == 50)
    return [{**link("server", sk_drops=50, rx_bytes=0, backlog_drops=0), "server_port": port},
            {**link("client", sk_drops=ss(client)["d"]), "server_port": port}]


def wait(holds):
    while not holds():
        time.sleep(0.02)


def a_request_that_nobody_completes():
    """The address that asks is nobody's: what answers it is sent again, and the request is given up at last."""
    second = cable()
    with open("/proc/sys/net/ipv4/tcp_synack_retries", "w") as file:
        file.write("1")
    ip("neigh replace 10.77.0.3 lladdr 02:00:00:00:00:03 dev here")
    server = socket.create_server((HERE, 0))
    raw = second(socket.socket, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    addresses = socket.inet_aton("10.77.0.3") + socket.inet_aton(HERE)
    header = struct.pack("!BBHHHBBH", 0x45, 0, 40, 1, 0, 64, socket.IPPROTO_TCP, 0) + addresses
    segment = tcp(addresses, 4444, server.getsockname()[1], 0x02)
    raw.sendto(header + segment, (HERE, 0))
    wait(lambda: counters()["Tcp:RetransSegs"] == 1)
    wait(lambda: counters()["TcpExt:TCPTimeouts"] == 2)
    again = counters()["Tcp:RetransSegs"]
    return [endpoint("server", retran_synacks=again, req_drops=1, synack_sent=counters()["Tcp:OutSegs"],
                     passive_open=0)]


class Page:
    """Memory that is not there: who reads it waits until it is brought."""

    def __init__(self):
        self.memory = mmap.mmap(-1, mmap.PAGESIZE)
        self.at = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        number = {"x86_64": 323, "aarch64": 282}[platform.machine()]
        self.faults = ctypes.CDLL(None, use_errno=True).syscall(number, 0)
        if self.faults < 0:
            raise OSError(ctypes.get_errno(), "userfaultfd")
        fcntl.ioctl(self.faults, 0xC018AA3F, struct.pack("QQQ", 0xAA, 0, 0))  # UFFDIO_API
        missing = struct.pack("QQQQ", self.at, mmap.PAGESIZE, 1, 0)
        fcntl.ioctl(self.faults, 0xC020AA00, missing)  # UFFDIO_REGISTER, UFFDIO_REGISTER_MODE_MISSING

    def until_somebody_waits(self):
        os.read(self.faults, 32)

    def bring(self):
        fcntl.ioctl(self.faults, 0xC020AA04, struct.pack("QQQq", self.at, mmap.PAGESIZE, 0, 0))  # UFFDIO_ZEROPAGE


def a_backlog_that_is_full():
    """Somebody writes, and holds the socket, while the page he writes from is not there."""
    second = cable()
    port, client, served = pair(second)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        served.setsockopt(socket.SOL_SOCKET, option, 1)
    page = Page()
    writing = threading.Thread(target=served.send, args=(page.memory,))
    writing.start()
    page.until_somebody_waits()
    strange_segments(client, 500)
    # Each is dropped, or kept for later; the drops before it are counted when it arrives.
    wait(lambda: second(counters)["Tcp:InSegs"] >= 500)
    page.bring()
    writing.join()
    wait(lambda: second(ss, served)["d"] >= 500)
    time.sleep(0.5)
    full, most = second(counters)["TcpExt:TCPBacklogDrop"], second(ss, served)["d"]
    assert 0 < full < most, (full, most)
    # What the other end repeats may be dropped too, later.
    tell([{**link("server", backlog_drops=full, sk_drops=[most, most + 10]), "server_port": port}])
    sys.stdin.read()


def a_peer_that_is_gone():
    """One connection's segments vanish; another's neighbour does not answer any more, and the kernel knows."""
    second = cable()
    # Both before the neighbour is lost: to connect to one that is slow to come back may fail.
    (_, client, served), (_, other, other_served) = pair(second), pair(second)
    second(ip, "link set there down")
    with open("/proc/sys/net/ipv4/neigh/here/retrans_time_ms", "w") as file:
        file.write("50")
    ip("neigh flush dev here")
    reasons = [ends_by_itself(client)]
    second(ip, "link set there up")
    ip("neigh replace 10.77.0.2 lladdr 02:00:00:00:00:02 dev here nud permanent")
    reasons.append(ends_by_itself(other))
    assert reasons == ["EHOSTUNREACH", "ETIMEDOUT"], reasons
    given_up = counters()["TcpExt:TCPAbortOnTimeout"]
    assert given_up == 2
    return [link("client", tmout_count=given_up)]


def ends_by_itself(connection):
    """Writes to a peer that does not answer; by what the connection ends."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1500)
    connection.sendall(b"x")
    try:
        connection.recv(1)
    except OSError as error:
        return errno.errorcode[error.errno]


def windows_of_zero():
    """Nobody reads: the window is closed on both sides, and stays so."""
    second = cable()
    port, client, served = pair(second)
    client.setblocking(False)
    window = lambda: struct.unpack_from("I", client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232), 228)[0]
    while window():
        try:
            client.send(b"x" * 100_000)
        except BlockingIOError:
            time.sleep(0.01)
    there = second(counters)
    assert there["TcpExt:TCPToZeroWindowAdv"] == there["TcpExt:TCPFromZeroWindowAdv"] + 1
    tell([{**link("client", **{"zero_snd_wnd_count": [1, 100], "zero_rcv_wnd_count": 0, "zero_win_tx_ratio.last": 1,
                               "snd_wnd.last": 0}), "server_port": port},
          {**link("server", **{"zero_rcv_wnd_count": [1, 100], "zero_snd_wnd_count": 0, "zero_win_rx_ratio.last": 1,
                               "rcv_wnd.last": 0}), "server_port": port}])
    sys.stdin.read()


def receive_buffers_that_shrink():
    """The peers send what they were allowed to, and there is no room for it any more."""
    second = cable()
    for done in range(4):
        _, client, served = pair(second)
        served.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        client.sendall(b"x" * 1000)  # it finds an empty queue, and so a place
        wait(lambda: "unacked" not in ss(client))
        client.sendall(b"x" * 50_000)
        wait(lambda: refused(second(counters)) > done)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    return [link("server", rmem_scheduls=refused(second(counters)))]


def refused(said):
    return said["TcpExt:TCPRcvQDrop"] + said["TcpExt:TCPOFODrop"]


if __name__ == "__main__":
    run(globals())
