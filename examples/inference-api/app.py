"""The model server: one kind, `add`, in the place where a real one would have `predict`.

    PYTHONPATH=../../clients/python /usr/bin/python3 -m penstock worker app:worker --slots 4
"""

import penstock

worker = penstock.Worker()


class Adder:
    """Stands for a model: slow to load, quick to ask."""

    def __init__(self, weights):
        self.weights = weights

    def predict(self, a, b):
        return self.weights[0] * a + self.weights[1] * b


model = None


@worker.startup
def load_model():
    # Once per process, before it joins: no request ever waits for a model that is being loaded.
    global model
    model = Adder(weights=(1, 1))


@worker.kind("add")
def add(payload):
    try:
        return model.predict(payload["a"], payload["b"])
    except (KeyError, TypeError) as error:
        raise penstock.Fail("bad-input", "a and b must be numbers", retryable=False) from error
