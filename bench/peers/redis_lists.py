from peers import OUTCOMES, Peer


class RedisLists(Peer):
    key, name = "redis_lists", "Redis lists, batches of 64 (hiredis)"
    packages, programs = ("redis-server", "libhiredis-dev"), ("redis_lists",)
    versions_of = ("redis-server", "libhiredis-dev")
    first_jobs, most_jobs = 20_000, 1_000_000
    durability = "Redis in memory (save \"\", appendonly no)"
    ends = OUTCOMES
    lacks = ("everything but two lists: no ids, no states, no redelivery; a worker that dies "
             "takes its 64 jobs with it")

    def start(self):
        self.start_redis()
        self.start_workers()


PEER = RedisLists
