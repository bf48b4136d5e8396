from peers.rq_redis import Rq


class RqSimple(Rq):
    key, name = "rq_simple", "RQ + Redis, SimpleWorker"
    first_jobs, most_jobs = 200, 20_000
    lacks = "bytes as such: arguments are pickled. A SimpleWorker runs jobs in itself, forks nothing"

    def worker_flags(self):
        return ["--worker-class", "rq.SimpleWorker"]


PEER = RqSimple
