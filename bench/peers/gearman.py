from peers import OUTCOMES, Peer


class Gearman(Peer):
    key, name = "gearman", "Gearman (libgearman)"
    packages, programs = ("gearman-job-server", "libgearman-dev"), ("gearman",)
    versions_of = ("gearman-job-server",)
    first_jobs, most_jobs = 2_000, 200_000
    durability = "memory (no -q)"
    ends = OUTCOMES
    lacks = "outcomes for anybody but the connected client. 1,000 foreground tasks at once"

    def start(self):
        self.start_one("gearmand", ["gearmand", "--listen", "127.0.0.1", "--port", self.port,
                                    "--log-file", "stderr"])
        self.wait_for_port(self.port)
        self.start_workers()


PEER = Gearman
