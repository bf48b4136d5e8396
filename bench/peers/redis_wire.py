"""The one question to Redis that bench/run itself asks, without a client library."""

import socket


def count_of_keys(port, database):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as redis:
        redis.sendall(f"SELECT {database}\r\nDBSIZE\r\n".encode())
        said = b""
        while said.count(b"\r\n") < 2:
            said += redis.recv(4096)
    return int(said.split(b"\r\n")[1][1:])
