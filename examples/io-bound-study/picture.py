"""The report as a picture: SVG, written by hand."""

import json
import xml.etree.ElementTree
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT = 1120, 70, 20
SERIES = ("#0072b2", "#56b4e9", "#d55e00", "#e69f00", "#009e73")  # workers
ROLES = {"sink": "#7b2d8b", "ventilator": "#a0522d", "gateway": "#cc79a7", "service": "#888888",
         "summaries": "#6b8e23", "run": "#111111"}
BIN = 0.5  # seconds, and at least that part of a run in 400: CPU ticks are 10 ms


class Sheet:
    """Lines of SVG from the top down."""

    def __init__(self):
        self.parts, self.y = [], 0

    def text(self, x, y, text, size=12, anchor="start", colour="#222", weight="normal", more=""):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" '
                          f'text-anchor="{anchor}" font-weight="{weight}"{more}>'
                          f'{escape(text)}</text>')

    def rect(self, x, y, width, height, colour, more=""):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
                          f'height="{height:.1f}" fill="{colour}"{more}/>')

    def line(self, x1, y1, x2, y2, colour="#ccc", width=1.0, more=""):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                          f'stroke="{colour}" stroke-width="{width}"{more}/>')

    def path(self, points, colour, width):
        where = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{where}" fill="none" stroke="{colour}" '
                          f'stroke-width="{width}"/>')

    def legend(self, names, y):
        """Of (name, colour)."""
        x = LEFT
        for name, colour in names:
            self.rect(x, y - 9, 10, 10, colour)
            self.text(x + 14, y, name, 11)
            x += 32 + 6 * len(name)

    def done(self):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{self.y:.0f}" '
                f'viewBox="0 0 {WIDTH} {self.y:.0f}" font-family="sans-serif">\n'
                f'<rect width="{WIDTH}" height="{self.y:.0f}" fill="white"/>\n'
                + "\n".join(self.parts) + "\n</svg>\n")


class Axis:
    """A frame of a chart: from values to places."""

    def __init__(self, sheet, height, low, high, unit, left=LEFT, right=WIDTH - RIGHT, ticks=5):
        self.sheet, self.low, self.high = sheet, low, high
        self.left, self.right, self.top, self.bottom = left, right, sheet.y, sheet.y + height
        step = nice((high - low) / ticks)
        value = low
        while value <= high + step / 1000:
            sheet.line(left, self.at(value), right, self.at(value), "#ddd")
            sheet.text(left - 6, self.at(value) + 4, f"{value:.10g}{unit}", 11, "end", "#555")
            value += step

    def at(self, value):
        share = (value - self.low) / ((self.high - self.low) or 1)
        return self.bottom - share * (self.bottom - self.top)


def nice(step):
    size = 10.0 ** len(str(int(step))) / 10 if step >= 1 else 0.001
    while True:
        for factor in (1, 2, 5):
            if size * factor >= step * 0.999:
                return size * factor
        size *= 10


def draw(report):
    sheet = Sheet()
    sheet.text(LEFT, 28, "Ten slow requests in two chords", 18, weight="bold")
    sheet.text(LEFT, 47, f"{min(report['seconds']):.3f} to {max(report['seconds']):.3f} s each, "
               f"{report['sum']:.2f} s in all, seed {report['seed']}; "
               f"records: {report['records']}", 12, colour="#555")
    sheet.y = 84
    if len({f["slots"] for f in report["configurations"]}) > 2:
        draw_reductions(sheet, report)
    draw_time(sheet, report)
    return sheet.done()


# ---- how much less


def draw_reductions(sheet, report):
    figures = [f for f in report["configurations"] if f["slots"] > 1]
    colour = colours(report)
    slots = sorted({f["slots"] for f in figures})
    sheet.text(LEFT, sheet.y, "Total time, less than one after the other", 14, weight="bold")
    sheet.legend([*colour.items(), ("their study", "#111111")], sheet.y + 20)
    sheet.text(780, sheet.y, "The same at 16, from near", 14, weight="bold")
    sheet.y += 40
    top = sheet.y
    wide = Axis(sheet, 240, 0, 100, " %", right=720)
    pitch = (wide.right - wide.left) / len(slots)
    for i, n in enumerate(slots):
        middle = wide.left + pitch * (i + 0.5)
        here = [next(f for f in figures if (f["series"], f["slots"]) == (name, n))
                for name in colour]
        for j, f in enumerate(here):
            y = wide.at(100 * f["reduction"])
            sheet.rect(middle + (j - len(here) / 2) * 17, y, 15, wide.bottom - y,
                       colour[f["series"]])
        best = 100 * (1 - here[0]["at_best"] / report["sum"])
        sheet.line(middle - 46, wide.at(best), middle + 46, wide.at(best), "#111", 1.5,
                   ' stroke-dasharray="4 3"')
        sheet.text(middle, wide.bottom + 18, f"{n} slots", 12, "middle")
    for n, label in ((2, "prefork, 2 processes"), (16, "gevent, 16")):
        middle = wide.left + pitch * (slots.index(n) + 0.5)
        value = report["theirs"][label]
        mark(sheet, middle + 50, wide.at(100 * value), "#111")
        sheet.text(middle + 60, wide.at(100 * value) + 4, f"{100 * value:.4g} %", 11)
    for f in report["celery"]:
        if f["slots"] in slots and "prefork" in f["configuration"]:
            middle = wide.left + pitch * (slots.index(f["slots"]) + 0.5)
            mark(sheet, middle + 50, wide.at(100 * f["reduction"]), "white")
    sheet.text(wide.left, wide.bottom + 38, "Dashed: the best order that there is. Black diamonds: "
               "their study, Celery on their machine." + (
                   " White: Celery on this machine, prefork." if report["celery"] else ""),
               11, colour="#555")
    sheet.y = top
    draw_near(sheet, report, [f for f in figures if f["slots"] == 16], colour)
    sheet.y = wide.bottom + 76


def draw_near(sheet, report, figures, colour):
    values = [100 * f["reduction"] for f in figures]
    peers = [("their study", 100 * report["theirs"]["gevent, 16"], "#111")] + [
        (f["configuration"].split("-")[1], 100 * f["reduction"], "white")
        for f in report["celery"] if f["slots"] == 16]
    limit = 100 * report["bound"]
    low = min(limit - 0.5, *values, *(value for _, value, _ in peers)) - 0.2
    near = Axis(sheet, 240, round(low * 2 - 0.5) / 2, round(limit * 2 + 0.5) / 2, " %", left=830)
    sheet.rect(near.left, near.at(limit), near.right - near.left,
               near.at(limit - 0.5) - near.at(limit), "#009e73", ' fill-opacity="0.15"')
    sheet.line(near.left, near.at(limit), near.right, near.at(limit), "#111", 1.5,
               ' stroke-dasharray="4 3"')
    pitch = (near.right - near.left) / (len(figures) + len(peers))
    for i, f in enumerate(figures):
        x, y = near.left + pitch * (i + 0.5), near.at(100 * f["reduction"])
        sheet.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" '
                           f'fill="{colour[f["series"]]}"/>')
        sheet.text(x, y + 20, f"{100 * f['reduction']:.2f}", 10, "middle")
    for i, (name, value, fill) in enumerate(peers):
        x = near.left + pitch * (len(figures) + i + 0.5)
        mark(sheet, x, near.at(value), fill)
        # Neighbours' names don't meet: every other one stands lower.
        first, second = (20, 32) if i % 2 else (44, 56)
        sheet.text(x, near.at(value) + first, f"{value:.4g}", 10, "middle")
        sheet.text(min(x, near.right - 20), near.at(value) + second, name, 10, "middle", "#555")
    sheet.text(near.left, near.bottom + 18, f"Dashed: 1 - slowest / sum = {limit:.2f} %.",
               11, colour="#555")
    sheet.text(near.left, near.bottom + 34, "Green: within 0.5 points of it.", 11, colour="#555")


def mark(sheet, x, y, fill):
    sheet.parts.append(f'<path d="M{x:.1f},{y - 7:.1f} l7,7 l-7,7 l-7,-7 z" fill="{fill}" '
                       'stroke="#111" stroke-width="1.5"/>')


# ---- over time


def colours(report):
    return dict(zip(dict.fromkeys(f["series"] for f in report["configurations"]), SERIES))


def roles(report):
    """{process: its role, or the series of a worker}; with one slot the first of two series."""
    series = {}
    for f in report["configurations"]:
        series.setdefault(f["configuration"], f["series"])
    return {name: series.get(name.partition(" ")[0], name) for name in report["processes"]}


def together(report, key):
    """{role: {look: sum over its processes}}"""
    out, role = {}, roles(report)
    for name, series in report["processes"].items():
        to = out.setdefault(role[name], {})
        for at, value in zip(series["at"], series[key]):
            to[at] = to.get(at, 0) + value
    return out


def busy(report, width):
    """{role: {middle of a bin: percent of one core}}"""
    out, role = {}, roles(report)
    for name, series in report["processes"].items():
        to = out.setdefault(role[name], {})
        looks = list(zip(series["at"], series["cpu"]))
        for (before, had), (at, has) in zip(looks, looks[1:]):
            bin = (int((before + at) / 2 / width) + 0.5) * width
            to[bin] = to.get(bin, 0) + 100 * (has - had) / width
    return out


def steps(values, pause):
    """Lines of (time, value), broken where nobody was there."""
    lines, last = [], None
    for at in sorted(values):
        if last is None or at - last > pause:
            lines.append([])
        line = lines[-1]
        if len(line) > 1 and line[-2][1] == line[-1][1] == values[at]:
            line.pop()  # it says nothing: the line is straight here
        line.append((at, values[at]))
        last = at
    return lines


def draw_time(sheet, report):
    looks = report["processes"]["run"]["at"]
    end = max(looks[-1], 1e-9)
    between = end / max(len(looks) - 1, 1)
    width = max(BIN, end / 400, between)

    def x(at):
        return LEFT + (WIDTH - RIGHT - LEFT) * at / end
    workers = colours(report)
    colour = {**ROLES, **workers}  # in this order one over the other
    sheet.text(LEFT, sheet.y, "Over time", 14, weight="bold")
    sheet.legend(workers.items(), sheet.y + 20)
    sheet.legend(ROLES.items(), sheet.y + 38)
    sheet.y += 62
    top = sheet.y
    sheet.y += 34
    charts = (
        ("connections to the service, of workers", "", 130,
         {name: line for name, line in together(report, "to_service").items() if name in workers}),
        ("established TCP connections", "", 130, together(report, "connections")),
        (f"CPU, % of one core, in bins of {width:.2g} s", " %", 170, busy(report, width)),
        ("resident memory, MiB", "", 170, together(report, "rss")),
    )
    for title, unit, height, values in charts:
        sheet.text(LEFT, sheet.y + 14, title, 12, weight="bold")
        sheet.y += 22
        peak = max((v for one in values.values() for v in one.values()), default=1)
        axis = Axis(sheet, height, 0, peak * 1.08 or 1, unit, ticks=4)
        for role in colour:
            for line in steps(values.get(role, {}), 3 * max(between, width)):
                sheet.path([(x(at), axis.at(value)) for at, value in line], colour[role],
                           2 if role in workers else 1.2)
        sheet.y = axis.bottom + 12
    draw_marks(sheet, report, x, top)
    for i in range(9):
        at = end * i / 8
        sheet.text(x(at), sheet.y + 6, f"{at:.{0 if end > 40 else 1}f} s", 11, "middle", "#555")
    sheet.y += 24


def draw_marks(sheet, report, x, top):
    """A band for the time of each configuration, behind the lines; its name above."""
    first = {}
    bands = []
    for mark_ in report["marks"]:
        left, right = x(mark_["from"]), x(mark_["to"])
        series, _, slots = mark_["configuration"].partition(".")[0].rpartition("-")
        if (round(left), round(right)) not in {(round(a), round(b)) for a, b in bands}:
            sheet.rect(left, top + 22, max(right - left, 1), sheet.y - top - 26, "#000",
                       ' fill-opacity="0.05"')
            bands.append((left, right))
            if "." not in mark_["configuration"]:  # the first of its rounds
                sheet.text((left + right) / 2, top + 18, slots, 10, "middle", "#555")
        first.setdefault(series, left)
    if len(bands) > 1:
        for series, left in first.items():
            sheet.text(left, top + 4, series, 11, colour="#222")
    else:
        sheet.text(bands[0][0], top + 4, ", ".join(first), 11, colour="#222")


# ---- as files


def compact(report):
    """JSON that a person can look into: a line for each list of numbers."""
    lines = []
    for key, value in report.items():
        if key == "processes":
            each = [f"  {json.dumps(name)}: {{\n   " + ",\n   ".join(
                f"{json.dumps(k)}: {json.dumps(v)}" for k, v in series.items()) + "}"
                for name, series in value.items()]
            text = "{\n" + ",\n".join(each) + "}"
        elif key in ("configurations", "claims", "marks", "celery"):
            text = "[\n" + ",\n".join(f"  {json.dumps(one)}" for one in value) + "]"
        else:
            text = json.dumps(value)
        lines.append(f" {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def check(folder):
    """Reads both files back. Returns what is wrong with them, or nothing."""
    report = json.loads((folder / "report.json").read_text())
    root = xml.etree.ElementTree.parse(folder / "report.svg").getroot()
    for name, series in report["processes"].items():
        looks = len(series["at"])
        if not looks or any(len(series[key]) != looks for key in
                            ("cpu", "rss", "own", "connections", "to_service")):
            return f"{name} was not looked at the same number of times for everything"
        if min(series["rss"]) <= 0 or sorted(series["cpu"]) != series["cpu"]:
            return f"{name} has no memory, or took back CPU time"
    lines = sum(element.tag.endswith("polyline") for element in root.iter())
    return "" if lines >= 10 else f"the picture has {lines} lines"
