"""What a figure is, and what rounds of measuring found of it. Pure: no process, no clock.

A section of the benchmark is one function that measures one round, and a list of the figures that
it finds. Medians, spreads, ratios, the table, the JSON and the HTML page follow from the list.
"""

import dataclasses
import re
import statistics


@dataclasses.dataclass(frozen=True)
class Figure:
    """One number a round; its median is quoted, with the lowest and the highest round."""
    key: str  # in the JSON
    name: str  # in tables
    unit: str
    means: str
    lacks: str = ""  # what it does not mean
    digits: int = 0
    ratio_to: str = ""  # the key of the figure beside which it is shown
    ours: bool = True  # Penstock's, not of what it is measured against

    def value(self, rounds):
        return {"value": _rounded(statistics.median(rounds), self.digits),
                "low": _rounded(min(rounds), self.digits),
                "high": _rounded(max(rounds), self.digits)}


@dataclasses.dataclass(frozen=True)
class Roles(Figure):
    """One number for each role a round, and their sum as `all`: the median of each."""
    digits: int = 3

    def value(self, rounds):
        parts = {role: round(statistics.median(r[role] for r in rounds), self.digits)
                 for role in rounds[0]}
        sums = [sum(r.values()) for r in rounds]
        return {"value": round(sum(parts.values()), self.digits), "parts": parts,
                "low": round(min(sums), self.digits), "high": round(max(sums), self.digits)}


@dataclasses.dataclass(frozen=True)
class Count(Figure):
    """Something counted: the sum of all rounds."""

    def value(self, rounds):
        return {"value": sum(rounds)}


@dataclasses.dataclass(frozen=True)
class Extent(Figure):
    """Of how many the others of its section tell: the same in every round."""

    def value(self, rounds):
        return {"value": rounds[-1]}


@dataclasses.dataclass(frozen=True)
class Ratio:
    """Of two medians."""
    key: str
    name: str
    of: str
    to: str
    means: str
    lacks: str = ""
    digits: int = 3


@dataclasses.dataclass(frozen=True)
class Section:
    name: str
    title: str
    measure: object  # (programs, plan, Found) -> None: one round
    figures: tuple
    ratios: tuple = ()
    is_long: bool = False  # runs only when asked for, in one round unless --rounds says otherwise


class Found:
    """What the rounds of one section found."""

    def __init__(self, section):
        self.section = section
        self._figures = {f.key: f for f in section.figures}
        self._rounds = {f.key: [] for f in section.figures}
        self._samples, self._processes = {}, {}

    def add(self, key, value):
        """One round's value of a figure: a number, or for Roles a dict of numbers."""
        self._rounds[key].append(value)

    def add_samples(self, key, values):
        """Single measurements of one round, for a histogram."""
        self._samples.setdefault(key, []).extend(values)

    def add_processes(self, key, series):
        """What house.Sampler saw of the processes in the round whose value was added last."""
        self._processes.setdefault(key, []).append(series)

    def results(self):
        """As it stands in report.json. A figure that no round found is not there."""
        figures = {key: {**_facts(self._figures[key]), **self._figures[key].value(rounds),
                         "rounds": len(rounds)}
                   for key, rounds in self._rounds.items() if rounds}
        for figure in figures.values():
            beside = figures.get(figure["ratio_to"])
            if beside and beside["value"]:
                figure["ratio"] = _significant(figure["value"] / beside["value"])
        return {"name": self.section.name, "title": self.section.title, "figures": figures,
                "ratios": {r.key: {**dataclasses.asdict(r), "value": round(
                    figures[r.of]["value"] / figures[r.to]["value"], r.digits)}
                    for r in self.section.ratios
                    if r.of in figures and r.to in figures and figures[r.to]["value"]},
                "samples": self._samples,
                "processes": {key: those[self._middle(key)]
                              for key, those in self._processes.items()}}

    def _middle(self, key):
        """The round that stands for all: the one nearest the median."""
        rounds = self._rounds[key]
        middle = statistics.median(rounds)
        return min(range(len(rounds)), key=lambda i: abs(rounds[i] - middle))


def _facts(figure):
    return {name: getattr(figure, name)
            for name in ("name", "unit", "means", "lacks", "digits", "ratio_to", "ours")}


def _rounded(value, digits):
    return round(value, digits) if digits else round(value)


def _significant(ratio):
    return float(f"{ratio:.3g}")


def spread_key(key):
    """throughput_jobs_s -> throughput_spread"""
    return re.sub(r"(_jobs)?_s$", "", key) + "_spread"


def flat(sections):
    """What --json prints of the results of some sections: one key a figure."""
    out = {}
    for section in sections:
        for key, figure in section["figures"].items():
            if "parts" in figure:
                out[key] = {**figure["parts"], "all": figure["value"]}
            else:
                out[key] = figure["value"]
                if "low" in figure:
                    out[spread_key(key)] = [figure["low"], figure["high"]]
        out.update({key: ratio["value"] for key, ratio in section["ratios"].items()})
    return out
