"""A worker on a thread, beside a pipeline that the test drives."""

import logging
import threading
import unittest
from unittest import mock

import penstock
from penstock import loop
from tests.fakes import FakePipeline

logging.getLogger("penstock").addHandler(logging.NullHandler())


class Running:
    """A worker on a thread of this process."""

    def __init__(self, worker, pipeline, **options):
        self.worker = worker
        self.error = None
        self.thread = threading.Thread(target=self._run, args=(pipeline.address, options))
        self.thread.start()

    def _run(self, address, options):
        try:
            self.worker.run(ventilator=address, **options)
        except Exception as error:
            self.error = error

    def ended(self):
        self.thread.join(10)
        return not self.thread.is_alive()


class WorkerCase(unittest.TestCase):
    def patch(self, module, name, value):
        patched = mock.patch.object(module, name, value)
        patched.start()
        self.addCleanup(patched.stop)

    def setUp(self):
        # Most tests don't say that results are recorded, and none is about the wait for that.
        self.patch(loop, "SETTLE_SECONDS", 0.1)
        self.pipeline = FakePipeline()
        self.worker = penstock.Worker()
        self.gate = threading.Event()
        self.entered = threading.Event()

        @self.worker.kind("echo")
        def echo(payload):
            return payload

        @self.worker.kind("wait")
        def wait(job):
            self.entered.set()
            self.gate.wait(10)
            return job.id

    def tearDown(self):
        self.gate.set()
        self.worker.stop()
        if hasattr(self, "running"):
            self.assertTrue(self.running.ended())
        self.pipeline.close()

    def start(self, **options):
        self.running = Running(self.worker, self.pipeline, **options)

    def start_joined(self, **options):
        said = options.pop("said", {})
        self.start(**options)
        return self.pipeline.grant(**said)
