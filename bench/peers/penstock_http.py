"""Penstock as FastAPI + Celery are measured: one POST a job, by ab."""

from pipeline import Penstock, get_json
from peers import Peer
from peers.ab import AB_LACKS, posts_until


class PenstockHttp(Peer):
    key, name = "penstock_http", "Penstock over HTTP (ab)"
    packages = ("apache2-utils",)
    first_jobs, most_jobs = 1_000, 200_000
    durability = "memory (the default): answered 202 after the sink has stored the job"
    ends = "all requests are answered, and the sink has counted all outcomes"
    lacks = AB_LACKS + ". The gateway keeps the connections of ab"

    def start(self):
        self.penstock = Penstock(self.house, self.at.penstock, 2, gateway=True)

    def _succeeded(self):
        kinds = get_json(self.penstock.at.http, "/v1/stats")["kinds"]
        return sum(kind["succeeded"] for kind in kinds if kind["kind"] == "echo")

    def run(self, jobs):
        url = f"http://127.0.0.1:{self.penstock.at.http}/v1/kinds/echo/jobs"
        return posts_until(self, jobs, url, self._succeeded)


PEER = PenstockHttp
