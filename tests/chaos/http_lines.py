"""One HTTP request at a time on connections that are kept, for a client that has hundreds under way.
What breaks is an OSError; whether the request was read is then unknown."""

import asyncio
import json


class Gateway:
    def __init__(self, port):
        self._port = port
        self._idle = []

    async def ask(self, method, path, body=None, headers=(), patience=3.0):
        """(status, what the JSON says)."""
        try:
            return await asyncio.wait_for(self._ask(method, path, body, headers), patience)
        except (asyncio.TimeoutError, EOFError, ValueError, IndexError) as error:
            raise OSError(f"no whole answer: {type(error).__name__}") from error

    async def _ask(self, method, path, body, headers):
        reader, writer = await self._connection()
        try:
            writer.write(self._request(method, path, body, headers))
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
            length = [line.split(":")[1] for line in head if line.startswith("content-length:")]
            said = await reader.readexactly(int(length[0])) if length else b""
            status = int(head[0].split()[1])
        except BaseException:
            writer.close()
            raise
        if "connection: close" in head:
            writer.close()
        else:
            self._idle.append((reader, writer))
        return status, json.loads(said) if said else None

    async def _connection(self):
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self._port)

    def _request(self, method, path, body, headers):
        data = json.dumps(body).encode() if body is not None else b""
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self._port}",
                 *(f"{name}: {value}" for name, value in headers)]
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + data
