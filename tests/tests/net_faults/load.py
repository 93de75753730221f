#!/usr/bin/env python3
"""Loads the network beyond what a probe keeps, and says so in words.

usage: load.py CASE [COUNT]; says "ready", begins when a line comes, says "done", and ends when stdin does.
"""
import socket
import struct
import sys

COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 0


def ready():
    print("ready", flush=True)
    sys.stdin.readline()


def listener(backlog=128, address="127.0.0.1", port=0):
    server = socket.socket()
    server.bind((address, port))
    server.listen(backlog)
    return server


def exactly(connection, size):
    while size:
        size -= len(connection.recv(size))


def crowd():
    """Connections that are there before; then one byte from each client."""
    server = listener()
    pairs = []
    for _ in range(COUNT):
        client = socket.create_connection(server.getsockname())
        pairs.append((client, server.accept()[0]))
    ready()
    for client, served in pairs:
        client.send(b"x")
        served.recv(1)
    return pairs


def peers():
    """Each connection from another address, with ten bytes that wait for the server."""
    server = listener()
    ready()
    for number in range(COUNT):
        client = socket.create_connection(
            server.getsockname(), source_address=(f"127.1.{number >> 8}.{number & 255}", 0))
        client.send(b"x" * 10)
        served = server.accept()[0]
        exactly(served, 10)
        served.close()
        client.close()


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def request(source, port, target, target_port):
    """An IPv4 packet: SYN from any address."""
    source, target = struct.pack("!I", source), socket.inet_aton(target)
    tcp = struct.pack("!HHIIBBHHH", port, target_port, 1, 0, 5 << 4, 2, 65535, 0, 0)
    total = checksum(source + target + struct.pack("!HH", 6, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack("!H", total) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + source + target
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp


def flood():
    """Requests over the cable of the namespace, each from an address of its own; nobody ends the handshake."""
    server = listener(64, "10.77.0.1", 80)
    cable = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    cable.bind(("there", 0))
    header = bytes.fromhex("020000000001" "020000000002" "0800")
    frames = [header + request((11 << 24) + 7 * number, 1024 + number % 60_000, "10.77.0.1", 80)
              for number in range(COUNT)]
    ready()
    for frame in frames:
        cable.send(frame)
    return server, cable


kept = globals()[sys.argv[1]]()
print("done", flush=True)
sys.stdin.read()
