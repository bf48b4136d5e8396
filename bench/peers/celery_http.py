from peers import PYTHON
from peers.ab import AB_LACKS, posts_until
from peers.celery_redis import Celery
from peers.redis_wire import count_of_keys


class FastapiCelery(Celery):
    key, name = "fastapi_celery", "FastAPI + Celery + Redis over HTTP (ab)"
    packages = (*Celery.packages, "python3-fastapi", "python3-uvicorn", "uvicorn", "apache2-utils")
    versions_of = ("python3-fastapi", "uvicorn", "python3-celery", "redis-server")
    first_jobs, most_jobs = 300, 20_000
    durability = Celery.durability
    ends = "all requests are answered, and Redis has all outcomes"
    lacks = (AB_LACKS + ". uvicorn runs one process, its default, and closes each connection of "
             "ab: it keeps none of HTTP/1.0")

    def start(self):
        super().start()
        self.start_one("uvicorn", [PYTHON, "-m", "uvicorn", "fastapi_app:app", "--port",
                                   self.port + 1, "--log-level", "warning"],
                       **self.environment())
        self.wait_for_http(self.port + 1, "/ready")

    def run(self, jobs):
        if jobs == 1:
            return super().run(1)
        return posts_until(self, jobs, f"http://127.0.0.1:{self.port + 1}/jobs",
                           lambda: count_of_keys(self.port, database=1))


PEER = FastapiCelery
