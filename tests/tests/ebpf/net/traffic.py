#!/usr/bin/env python3
"""Makes traffic, counts it itself or has the kernel count it, and prints what the probes must tell of it.

usage: traffic.py CASE; prints {"pid": …, "wanted": [{"table": …, "fields": {…}, …labels…}, …]}. A field is a number, or
[least, most]; "name.count" and "name.max" are those of a histogram.
"""
import array
import ctypes
import errno
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time

ME = os.getpid()


def listener(family=socket.AF_INET, backlog=64):
    server = socket.socket(family)
    server.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
    server.listen(backlog)
    return server


def pair(family=socket.AF_INET):
    server = listener(family)
    client = socket.create_connection(server.getsockname()[:2])
    return server, client, server.accept()[0]


def drain(connection, into, flags=0, size=65536):
    while data := connection.recv(size, flags):
        into[0] += len(data)


def link(role, **fields):
    return {"table": "tcp_metric", "role": role, "fields": fields}


def endpoint(role, **fields):
    return {"table": "endpoint_tcp", "role": role, "fields": fields}


def counters():
    """The kernel's own counters of this thread's network namespace, as nstat shows them."""
    files = [open(f"/proc/thread-self/net/{name}") for name in ("snmp", "netstat")]
    lines = [line.split() for file in files for line in file]
    return {names[0] + name: int(value) for names, values in zip(lines[::2], lines[1::2])
            for name, value in zip(names[1:], values[1:])}


def unshare_network():
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000):  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), "unshare")


def in_new_network():
    """A network namespace with two ends of a cable; nobody is at the other one."""
    unshare_network()
    for command in ("link set lo up", "link add here type veth peer name there", "addr add 10.77.0.1/24 dev here",
                    "link set here up", "link set there up"):
        subprocess.run(["ip"] + command.split(), check=True)


def short_connections(family=socket.AF_INET, many=60, asked=30_000, answered=777):
    server = listener(family)

    def serve():
        for _ in range(many):
            connection = server.accept()[0]
            left = asked
            while left:
                left -= len(connection.recv(left))
            connection.sendall(b"a" * answered)
            connection.close()

    serving = threading.Thread(target=serve)
    serving.start()
    for _ in range(many):
        with socket.create_connection(server.getsockname()[:2]) as client:
            client.sendall(b"q" * asked)
            drain(client, [0])
    serving.join()
    port = str(server.getsockname()[1])
    sent, got = many * asked, many * answered
    return [
        {**link("client", tx_bytes=sent, rx_bytes=got, **{"syn_srtt.count": many}), "server_port": port},
        {**link("server", tx_bytes=got, rx_bytes=sent, **{"syn_srtt.count": many}), "server_port": port},
        endpoint("client", syn_sent=many, active_open=many, active_open_failed=0, **{"estab_latency.count": many}),
        endpoint("server", passive_open=many, passive_open_failed=0, synack_sent=many),
    ]


def short_connections_of_ipv6():
    return short_connections(socket.AF_INET6, many=20)


def another_network():
    in_new_network()
    return short_connections(many=20)


def ways_to_read_and_write():
    server, client, served = pair()
    got = [0]
    reader = threading.Thread(target=drain, args=(served, got, socket.MSG_WAITALL, 100_000))
    sent = 0
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    client.setblocking(False)
    refused = 0
    while sent < 2_000_000 or not refused:
        try:
            sent += client.send(b"x" * 50_000)
        except BlockingIOError:
            refused += 1
            # Nothing is read before the kernel has refused a write.
            if refused == 1:
                reader.start()
            time.sleep(0.001)
    client.setblocking(True)
    with open("/proc/self/exe", "rb") as file:
        size = min(os.fstat(file.fileno()).st_size, 1_000_000)
        done = 0
        while done < size:
            done += os.sendfile(client.fileno(), file.fileno(), done, size - done)
        sent += done
    output, into = os.pipe()
    for _ in range(20):
        os.write(into, b"s" * 3000)
        left = 3000
        while left:
            left -= os.splice(output, client.fileno(), left)
        sent += 3000
    client.shutdown(socket.SHUT_WR)
    reader.join()
    assert got[0] == sent, (got, sent)
    back = 0
    served.sendall(b"b" * 40_000)
    served.close()
    while moved := os.splice(client.fileno(), into, 4096):
        os.read(output, moved)
        back += moved
    assert back == 40_000
    return [link("client", tx_bytes=sent, rx_bytes=back), link("server", tx_bytes=back, rx_bytes=sent)]


def a_connection_that_stays():
    """Its counters are told while it is open."""
    server, client, served = pair()
    client.sendall(b"x" * 12_345)
    drain_exactly(served, 12_345)
    tell([link("client", tx_bytes=12_345), link("server", rx_bytes=12_345)])
    sys.stdin.read()


def a_connection_from_before():
    server, client, served = pair()
    client.sendall(b"x" * 5000)
    drain_exactly(served, 5000)
    port = str(server.getsockname()[1])
    tell([{**link("client", tx_bytes=321, rx_bytes=12, **{"syn_srtt.count": 0}), "server_port": port},
          {**link("server", tx_bytes=12, rx_bytes=321, **{"syn_srtt.count": 0}), "server_port": port}])
    sys.stdin.readline()
    client.sendall(b"y" * 321)
    drain_exactly(served, 321)
    served.sendall(b"z" * 12)
    drain_exactly(client, 12)
    sys.stdin.read()


def a_handshake_from_before():
    server = listener(backlog=0)
    address = server.getsockname()
    waiting = socket.create_connection(address)
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex(address)
    tell([{**endpoint("client", active_open=1, **{"estab_latency.count": 0}), "server_port": str(address[1])}])
    sys.stdin.readline()
    accepted = server.accept()
    sys.stdin.read()
    del waiting, accepted


def more_peers_than_places():
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sent = 0
    for port in range(10_000, 19_000):
        sender.connect(("127.0.0.1", port))
        while True:
            try:
                sent += sender.send(b"x")
                break
            except ConnectionRefusedError:
                pass  # by who is not at the peer before
    return [{"table": "endpoint_udp", "fields": {"bind_sends": sent}}]


def drain_exactly(connection, size):
    while size:
        size -= len(connection.recv(size))


def repeated_syn():
    in_new_network()
    subprocess.run("ip neigh add 10.77.0.2 lladdr 02:00:00:00:00:02 dev here".split(), check=True)
    client = socket.socket()
    client.settimeout(3.5)
    try:
        client.connect(("10.77.0.2", 80))
    except TimeoutError:
        pass
    client.close()
    repeats = counters()["TcpExt:TCPSynRetrans"]
    assert repeats >= 1
    assert counters()["Tcp:RetransSegs"] == repeats
    return [endpoint("client", syn_sent=1, retran_syn=repeats, active_open=0, active_open_failed=1),
            link("client", retran_packets=repeats)]


def nobody_answers_for_the_address():
    in_new_network()
    client = socket.socket()
    try:
        client.connect(("10.77.0.9", 80))
    except OSError as error:
        assert error.errno == errno.EHOSTUNREACH, error
    return [endpoint("client", syn_sent=1, syn_drop=[1, 8], active_open_failed=1)]


def queue_of_accepted_connections_is_full():
    in_new_network()
    server = listener(backlog=1)
    address = server.getsockname()
    waiting = [socket.create_connection(address) for _ in range(2)]
    more = []
    for _ in range(20):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(address)
        more.append(client)
    time.sleep(0.3)
    for client in more:
        client.close()
    full = counters()["TcpExt:ListenOverflows"]
    assert full >= 20 and full == counters()["TcpExt:ListenDrops"]
    del waiting
    return [endpoint("server", accept_overflow=full, listendrop=full, passive_open=2)]


def datagrams():
    # A port that is asked for, unlike one that the kernel chooses, is told.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(address)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.connect(receiver.getsockname())
    for size in range(100, 200):
        sender.send(b"d" * size)
        receiver.recv(10, socket.MSG_PEEK)
        receiver.recv(1000)
    total = sum(range(100, 200))
    port = str(receiver.getsockname()[1])
    return [
        {"table": "endpoint_udp", "remote_port": port, "fields": {"bind_sends": total, "bind_rcvs": 0}},
        {"table": "endpoint_udp", "local_port": port, "fields": {"bind_sends": 0, "bind_rcvs": total}},
    ]


def datagrams_that_find_no_room():
    in_new_network()
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    receiver.bind(("127.0.0.1", 0))
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(100):
        sender.sendto(b"d" * 300, receiver.getsockname())
    receiver.recv(1000)
    dropped = counters()["Udp:RcvbufErrors"]
    assert dropped > 10
    return [{"table": "endpoint_udp", "fields": {"udp_rcv_drops": 300 * dropped, "bind_sends": 30_000}}]


def data_that_waits():
    return waits_for_its_reader() + waits_for_its_acknowledgement()


def waits_for_its_reader():
    """Again where this process itself cannot tell the delay to a millisecond, unless it never can on a slow machine."""
    for _ in range(40):
        server, client, served = pair()
        before = time.monotonic_ns()
        client.sendall(b"x" * 100)
        sent = time.monotonic_ns()
        time.sleep(0.05)
        slept = time.monotonic_ns()
        served.recv(1000)
        after = time.monotonic_ns()
        if after - before - (slept - sent) < 1_000_000:
            break
    return [{"table": "proc_flow_perf", "role": "server", "server_port": str(server.getsockname()[1]),
             "fields": {"sys_delay.count": 1, "sys_delay.max": [slept - sent, after - before]}}]


def waits_for_its_acknowledgement():
    """After some questions and answers the kernel acknowledges what is not answered with a delay."""
    server, client, served = pair()
    before = time.monotonic_ns()
    for _ in range(40):
        client.sendall(b"q")
        served.recv(1)
        served.sendall(b"a")
        client.recv(1)
    client.sendall(b"q")
    sent = waiting = time.monotonic_ns()
    while fcntl.ioctl(client, 0x5411, b"\0" * 4) != b"\0" * 4:  # SIOCOUTQ: bytes not acknowledged
        waiting = time.monotonic_ns()
        time.sleep(0.001)
    after = time.monotonic_ns()
    return [{"table": "proc_flow_perf", "role": "client", "server_port": str(server.getsockname()[1]),
             "fields": {"net_delay.count": [1, 41], "net_delay.max": [waiting - sent, after - before]}}]


def resets():
    server, client, served = pair()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    try:
        served.recv(1)
    except ConnectionResetError:
        pass
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        refused = socket.socket()
        assert refused.connect_ex(closed.getsockname()) == errno.ECONNREFUSED
    return [link("client", send_rsts=1, receive_rsts=1), link("server", send_rsts=0, receive_rsts=1),
            endpoint("client", active_open=1, active_open_failed=1)]


def a_filter_that_lets_nothing_through():
    server, client, served = pair()
    refuse = array.array("B", struct.pack("HBBI", 6, 0, 0, 0))
    program = struct.pack("HL", 1, refuse.buffer_info()[0])
    served.setsockopt(socket.SOL_SOCKET, 26, program)  # SO_ATTACH_FILTER
    client.send(b"x" * 10)
    time.sleep(0.1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    return [link("server", filter_drops=[2, 20], rx_bytes=0)]


def tell(wanted):
    print(json.dumps({"pid": ME, "wanted": wanted}), flush=True)


def run(cases):
    if wanted := cases[sys.argv[1]]():
        tell(wanted)


if __name__ == "__main__":
    run(globals())
