# Traffic of one process in its network namespace: says its pid, then does what each line on stdin asks for.
import json
import socket
import sys

BACKEND = ("10.244.1.7", 8080)
open_sockets = []


def say(**what):
    print(json.dumps(what), flush=True)


def listener(address, backlog):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(address)
    server.listen(backlog)
    open_sockets.append(server)
    return server


def receive(end, count):
    while count > 0:
        count -= len(end.recv(min(count, 65536)))


def exchange(address, there, back):
    client = socket.create_connection(address)
    server, _ = LISTENER.accept() if address != SERVICE else SERVING.accept()
    open_sockets.extend([client, server])
    # In pieces that the buffers take.
    for _ in range(there // 10000):
        client.sendall(b"x" * 10000)
        receive(server, 10000)
    client.sendall(b"x" * (there % 10000))
    receive(server, there % 10000)
    server.sendall(b"y" * back)
    receive(client, back)
    return client, server


def connections():
    exchange(LISTENER.getsockname(), 1234567, 777)
    # The server closes first: the client's counters have its FIN.
    _, server = exchange(LISTENER.getsockname(), 1, 40000)
    server.shutdown(socket.SHUT_WR)
    say(there=1234568, back=40777)


def short_connections():
    for _ in range(20):
        client, server = exchange(LISTENER.getsockname(), 10, 10)
        client.close()
        server.close()
    say(made=20)


def translated():
    exchange(SERVICE, 100, 50)
    say(there=100, back=50)


def overflow():
    full = listener(("127.0.0.1", 0), 1)
    say(port=full.getsockname()[1])
    sys.stdin.readline()
    for _ in range(6):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(full.getsockname())
        open_sockets.append(client)
    say(done=True)


def datagrams():
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.bind(("127.0.0.1", 5353))
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    open_sockets.append(end)
    for _ in range(50):
        end.sendto(b"z" * 1000, end.getsockname())
    lines = [line.split() for line in open("/proc/self/net/udp")]
    say(dropped=int(next(line[-1] for line in lines if line[1].endswith(":14E9"))))


SERVICE = ("10.96.0.10", 80)
LISTENER = listener(("127.0.0.1", 0), 5)
SERVING = listener(BACKEND, 5) if "service" in sys.argv else None
say(ready=True)
for line in sys.stdin:
    globals()[line.strip()]()
