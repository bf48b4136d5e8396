"""RQ's worker imports this."""


def echo(payload):
    return payload
