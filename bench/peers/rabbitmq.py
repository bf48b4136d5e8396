import os

from peers import OUTCOMES, Peer

SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"  # the other one insists on its own user


class Rabbitmq(Peer):
    key, name = "rabbitmq", "RabbitMQ (librabbitmq)"
    packages, programs = ("rabbitmq-server", "librabbitmq-dev"), ("rabbitmq",)
    versions_of = ("rabbitmq-server", "librabbitmq-dev")
    first_jobs, most_jobs = 3_000, 200_000
    durability = "classic queues that are not durable, messages in memory, no publisher confirms"
    ends = OUTCOMES
    lacks = "stored outcomes: a result is a message in a second queue. Prefetch 64, one ack a job"

    def start(self):
        home, epmd = self.house.directory(), self.port + 1
        # Erlang's name server is ours too: otherwise it would start one that stays behind.
        self.start_one("epmd", ["epmd", "-address", "127.0.0.1", "-port", epmd])
        self.wait_for_port(epmd)
        with open(f"{home}/plugins", "w") as plugins:
            plugins.write("[].\n")
        with open(f"{home}/rabbitmq.conf", "w") as config:
            config.write(f"listeners.tcp.default = 127.0.0.1:{self.port}\n")
        self.start_one("rabbitmq", [SERVER], HOME=home, ERL_EPMD_PORT=str(epmd),
                       RABBITMQ_NODENAME=f"bench{os.getpid()}@localhost",
                       RABBITMQ_MNESIA_BASE=home, RABBITMQ_LOG_BASE=home, RABBITMQ_LOGS="-",
                       RABBITMQ_CONF_ENV_FILE="/dev/null", RABBITMQ_CONFIG_FILE=f"{home}/rabbitmq",
                       RABBITMQ_ENABLED_PLUGINS_FILE=f"{home}/plugins",
                       RABBITMQ_DIST_PORT=str(self.port + 2))
        self.wait_for_port(self.port)
        self.start_workers()


PEER = Rabbitmq
