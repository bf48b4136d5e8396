from peers import PYTHON, Peer


class Rq(Peer):
    key, name = "rq", "RQ + Redis"
    packages = ("python3-rq", "python3-redis", "redis-server")
    versions_of = ("python3-rq", "redis-server", "python3-redis")
    first_jobs, most_jobs = 50, 10_000
    durability = "Redis in memory (save \"\", appendonly no)"
    ends = "the registry of finished jobs has them all; then each result is read and compared"
    lacks = "bytes as such: arguments are pickled. Each worker forks once a job, its default"

    def worker_flags(self):
        return []

    def start(self):
        self.start_redis()
        for i in range(2):
            self.start_one(f"worker-{i}", [PYTHON, "-m", "rq.cli", "worker", "--quiet", "--url",
                                           f"redis://127.0.0.1:{self.port}",
                                           *self.worker_flags()])
        self.run(2)  # waits for a worker

    def run(self, jobs):
        return self.line_of("client", [PYTHON, "rq_client.py", jobs],
                            BENCH_REDIS_PORT=str(self.port))


PEER = Rq
