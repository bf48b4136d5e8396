from peers import OUTCOMES, Peer


class Nats(Peer):
    key, name = "nats", "NATS JetStream (libnats)"
    packages, programs = ("nats-server", "libnats-dev"), ("nats",)
    versions_of = ("nats-server", "libnats-dev")
    first_jobs, most_jobs = 5_000, 300_000
    durability = "a work queue stream in memory, one replica; each publish is acknowledged"
    ends = OUTCOMES + ", over core NATS"
    lacks = "stored outcomes: results are messages that nobody keeps. Workers fetch 64 at once"

    def start(self):
        self.start_one("nats-server", ["nats-server", "-a", "127.0.0.1", "-p", self.port, "-js",
                                       "-sd", self.house.directory()])
        self.wait_for_port(self.port)
        self.start_workers()


PEER = Nats
