#!/usr/bin/python3
"""The slow service that the study asks: every request takes a while, and nothing but time.

    server.py [--port PORT] [--seed N] [--from S] [--to S]

GET /ask/CONFIGURATION/NUMBER   answers after from..to seconds: JSON {configuration, request, job,
                                seconds, begun, ended}. How long follows from seed and NUMBER alone,
                                so every configuration asks for the same.
GET /seen/CONFIGURATION         what arrived for it, in order, answered or not, and how many were
                                being served at most at once.

It counts a request when it arrives, so one that is sent twice is counted twice, whatever becomes of
the answers.
"""

import argparse
import asyncio
import json
import random
import time

HEAD_MAX = 16_384
IDLE = 60  # seconds for which a connection may say nothing


def seconds_of(seed, number, low, high):
    """How long request `number` takes."""
    return random.Random(f"{seed} {number}").uniform(low, high)


class Service:
    def __init__(self, seed, low, high):
        self.seed, self.low, self.high = seed, low, high
        self.arrived = {}       # configuration -> [what arrived]
        self.at_once = {}       # configuration -> (now, most)

    async def answer(self, method, path, headers):
        """(status, what to say)"""
        parts = path.strip("/").split("/")
        if method != "GET":
            return 405, {"error": "GET only"}
        if len(parts) == 2 and parts[0] == "seen":
            return 200, {"arrived": self.arrived.get(parts[1], []),
                         "most_at_once": self.at_once.get(parts[1], (0, 0))[1]}
        if len(parts) == 3 and parts[0] == "ask" and parts[2].isascii() and parts[2].isdigit():
            return 200, await self.serve(parts[1], int(parts[2]), headers)
        return 404, {"error": "there are /ask/CONFIGURATION/NUMBER and /seen/CONFIGURATION"}

    async def serve(self, configuration, number, headers):
        seconds = seconds_of(self.seed, number, self.low, self.high)
        entry = {"request": number, "job": headers.get("penstock-job", ""),
                 "attempt": headers.get("penstock-attempt", ""), "begun": time.time(),
                 "ended": None}
        self.arrived.setdefault(configuration, []).append(entry)
        self.count(configuration, 1)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.count(configuration, -1)
        entry["ended"] = time.time()
        return {"configuration": configuration, "seconds": seconds, **entry}

    def count(self, configuration, change):
        now, most = self.at_once.get(configuration, (0, 0))
        self.at_once[configuration] = (now + change, max(most, now + change))

    async def connected(self, reader, writer):
        try:
            while await self.exchange(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError,
                asyncio.LimitOverrunError, ValueError):
            pass  # nobody is there any more, or it spoke no HTTP
        finally:
            writer.close()

    async def exchange(self, reader, writer):
        """One request. False: the connection ends with it."""
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), IDLE)
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, version = first.split(" ")
        headers = {name.strip().lower(): value.strip()
                   for name, _, value in (line.partition(":") for line in lines if line)}
        status, said = await self.answer(method, path, headers)
        body = json.dumps(said).encode()
        keeps = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
        writer.write(f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\n"
                     f"Content-Length: {len(body)}\r\n"
                     f"Connection: {'keep-alive' if keeps else 'close'}\r\n\r\n".encode() + body)
        await writer.drain()
        return keeps


async def serve(options):
    service = Service(options.seed, options.low, options.high)
    server = await asyncio.start_server(service.connected, "127.0.0.1", options.port,
                                        limit=HEAD_MAX, backlog=128)
    print(f"listens on {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="default: any")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--from", dest="low", type=float, default=1.8)
    parser.add_argument("--to", dest="high", type=float, default=2.1)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
