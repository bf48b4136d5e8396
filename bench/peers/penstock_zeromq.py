from pipeline import Penstock
from peers import Peer


class PenstockZeromq(Peer):
    key, name = "penstock", "Penstock, in bulk over ZeroMQ"
    first_jobs, most_jobs = 5_000, 1_000_000
    durability = "memory (the default): at the sink, and while open at the ventilator too"
    ends = "the sink has counted all outcomes and told so; then 1,000 values are compared"
    lacks = ("disk, as it is run here. Values are read by id, by who wants them; nothing pushes them "
             "to the submitter")

    def start(self):
        self.penstock = Penstock(self.house, self.at.penstock, 2, gateway=False)

    def client(self, jobs):
        return [self.at.bench + "submit", *self.penstock.flags(), "--jobs", jobs]


PEER = PenstockZeromq
