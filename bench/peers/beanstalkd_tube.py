from peers import Peer


class Beanstalkd(Peer):
    key, name = "beanstalkd", "beanstalkd"
    packages, programs = ("beanstalkd",), ("beanstalkd",)
    versions_of = ("beanstalkd",)
    first_jobs, most_jobs = 5_000, 300_000
    durability = "memory (no -b)"
    ends = "the server has counted the last delete: it keeps no outcomes"
    lacks = "outcomes: nothing comes back. 64 puts are on the way at once, one reserve a worker"

    def start(self):
        self.start_one("beanstalkd", ["beanstalkd", "-l", "127.0.0.1", "-p", self.port])
        self.wait_for_port(self.port)
        self.start_workers()


PEER = Beanstalkd
