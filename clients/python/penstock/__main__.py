"""python3 -m penstock worker app:worker --slots 4 --ventilator tcp://host:5555"""

import argparse
import importlib
import logging
import os
import sys

from .errors import StartError


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python3 -m penstock", description="Penstock in Python")
    commands = parser.add_subparsers(dest="command", required=True)
    worker = commands.add_parser(
        "worker", help="run the handlers of a module",
        description="Runs the handlers of a module until SIGTERM, which drains: what runs is "
                    "finished, what waits is handed back. A second SIGTERM ends it at once.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    worker.add_argument("app", metavar="MODULE:NAME",
                        help="where the Worker is, such as app:worker")
    worker.add_argument("--slots", default=os.environ.get("PENSTOCK_SLOTS", "1"),
                        help="calls of handlers at a time")
    worker.add_argument("--ventilator", metavar="EP", help="any port of the ventilator",
                        default=os.environ.get("PENSTOCK_VENTILATOR", "tcp://127.0.0.1:5555"))
    worker.add_argument("--ventilator-control", metavar="EP", default=None,
                        help="its control, where that isn't the port beside its door")
    worker.add_argument("--kinds", metavar="A,B", default="",
                        help="only these of the module's kinds")
    worker.add_argument("--labels", metavar="X,Y", default=os.environ.get("PENSTOCK_LABELS", ""),
                        help="what this worker offers")
    worker.add_argument("--min-priority", metavar="N", help="take no jobs below this priority",
                        default=os.environ.get("PENSTOCK_MIN_PRIORITY", "0"))
    worker.add_argument("--quiet", action="store_true", help="log warnings only")
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.WARNING if options.quiet else logging.INFO, stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(message)s")
    try:
        _load(options.app).run(
            ventilator=options.ventilator, control=options.ventilator_control, slots=options.slots,
            kinds=_names(options.kinds), labels=_names(options.labels),
            min_priority=options.min_priority)
    except StartError as error:
        sys.exit(f"penstock worker: {error}")


def _load(where):
    try:
        from .worker import Worker
    except ImportError as error:
        raise StartError(error) from error
    module_name, _, name = where.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name:
            raise
        raise StartError(f"there is no module {module_name!r} here. Run this in the directory that "
                         f"holds {module_name}.py") from error
    found = getattr(module, name or "worker", None)
    if not isinstance(found, Worker):
        raise StartError(f"{where} is no penstock.Worker. Name one as MODULE:NAME, like app:worker")
    return found


def _names(text):
    return [name for name in text.split(",") if name]


if __name__ == "__main__":
    main()
