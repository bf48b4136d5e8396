from peers import OUTCOMES, PYTHON, Peer


class Celery(Peer):
    key, name = "celery", "Celery + Redis"
    packages = ("celery", "python3-celery", "python3-redis", "redis-server")
    versions_of = ("python3-celery", "redis-server", "python3-redis")
    first_jobs, most_jobs = 300, 20_000
    durability = "Redis in memory (save \"\", appendonly no); acknowledged on receipt, the default"
    ends = OUTCOMES + ", one .get() after the other"
    lacks = "bytes: payloads are 100 characters in JSON. Bulk: delay() is a round trip each"

    def start(self):
        self.start_redis()
        self.start_one("workers", [PYTHON, "-m", "celery", "-A", "celery_app", "worker",
                                   "--concurrency", 2, "--loglevel", "WARNING"],
                       **self.environment())
        self.run(1)  # waits for the worker

    def environment(self):
        return {"BENCH_REDIS_PORT": str(self.port)}

    def run(self, jobs):
        return self.line_of("client", [PYTHON, "celery_app.py", jobs], **self.environment())


PEER = Celery
