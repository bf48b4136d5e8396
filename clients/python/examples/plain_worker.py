import sys, time, msgpack, zmq

control = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5556"
sockets = zmq.Context()

while True:
    with sockets.socket(zmq.REQ) as ask:
        ask.linger = 0
        ask.connect(control)
        ask.send(msgpack.packb({"type": "join", "kinds": ["add"], "slots": 1, "via": control}))
        lane = msgpack.unpackb(ask.recv()) if ask.poll(5000) else {"error": "no answer"}
    if lane["error"]:  # the sink is not there yet, for instance: ask again
        print(lane["error"], file=sys.stderr)
        time.sleep(1)
        continue
    with sockets.socket(zmq.PULL) as jobs, sockets.socket(zmq.PUSH) as results:
        jobs.reconnect_ivl = -1  # a lane lives for one connection
        jobs.connect(lane["endpoint"])
        results.connect(lane["sink"])
        while jobs.poll(lane["ping"] * 3000):  # milliseconds; silence for three pings: join again
            job = msgpack.unpackb(jobs.recv())
            if job["type"] == "job":
                value = job["payload"]["a"] + job["payload"]["b"]
                results.send(msgpack.packb({"type": "result", "id": job["id"], "value": value,
                                            "attempt": job["attempt"], "epoch": job["epoch"]}))
