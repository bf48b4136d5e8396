"""The results of one run as a page: one file, no URL to anywhere, charts by Debian's Chart.js."""

import html as escaping
import json
import math
import os
import statistics

from house import Failed
from report import number, ratio, titled

HERE = os.path.dirname(os.path.abspath(__file__))
CHART_JS = "/usr/share/javascript/chart.js/chart.min.js"
BINS = 48


def chart_js():
    try:
        with open(CHART_JS, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise Failed(f"{error}; scripts/install-packages bench installs it") from None


def html(results, library):
    """REQUIRES: what bench/run writes to report.json, and the text of Chart.js."""
    charts, body = [], []
    body += _head(results)
    for section in results["sections"]:
        body += _section(section, charts)
    body += _peers(results["peers"], charts)
    body += _processes(results, charts)
    body += _conditions(results)
    return _page(body, charts, library)


def _page(body, charts, library):
    # No tag may begin within a script: neither in the library nor in a name from a report.
    data = json.dumps(charts).replace("<", "\\u003c")
    library = library.replace("</script", "<\\/script").replace("//# sourceMappingURL", "//")
    return "\n".join([
        "<!doctype html>", '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">', "<title>Penstock benchmark</title>",
        f"<style>{_file('page.css')}</style></head><body><main>", *body, "</main>",
        f'<script type="application/json" id="charts">{data}</script>',
        f"<script>{library}</script>", f"<script>{_file('page.js')}</script>",
        "</body></html>", ""])


def _file(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return file.read()


def text(value):
    return escaping.escape(str(value))


# ---- the head: what one would quote ---------------------------------------------------------

TILES = (("throughput_jobs_s", "jobs a second"), ("cpu_us_per_job", "CPU µs a job, all roles"),
         ("idle_p50_us", "µs submit to outcome, idle, p50"),
         ("http_submits_s", "HTTP submits a second"))


def _head(results):
    facts = results["machine"]
    out = ["<header><h1>Penstock benchmark</h1>",
           f"<p>{text(facts['cpu'])}, {facts['cores']} cores, {facts['memory_gib']} GiB · "
           f"{text(facts['system'])}, Linux {text(facts['kernel'])} · {text(results['began'])} · "
           f"<code>{text(results['command'])}</code></p>"]
    if results["others_busy"] > 0.05:
        out.append(f'<p class="warning">Noise: other processes used {results["others_busy"]:.0%} '
                   "of the CPUs before this began. Run it again on a quiet machine.</p>")
    out += [f'<p class="warning">No figures of {text(name)}: {text(why)}</p>'
            for name, why in results["problems"].items()]
    figures = {key: f for s in results["sections"] for key, f in s["figures"].items()}
    tiles = [f"<div><strong>{number(figures[key]['value'], figures[key])}</strong>"
             f"<span>{text(name)}</span></div>" for key, name in TILES if key in figures]
    return [*out, f'<div class="tiles">{"".join(tiles)}</div></header>']


# ---- a section: charts, one for each unit, and a table beside them --------------------------


def _section(section, charts):
    by_unit = {}
    for figure in section["figures"].values():
        if "low" in figure:
            by_unit.setdefault(figure["unit"], []).append(figure)
    plots = []
    for unit, figures in by_unit.items():
        if len(figures) > 1:
            plots.append(_add(charts, bars(unit, [
                (f["name"], f["value"], f["low"], f["high"], f.get("parts"), f["ours"])
                for f in figures])))
    if section["samples"]:
        names = {key: section["figures"][key + "_p50_us"]["name"].removesuffix(", p50").strip()
                 for key in section["samples"] if key + "_p50_us" in section["figures"]}
        plots.append(_add(charts, histogram({names.get(key, key): values for key, values
                                             in section["samples"].items()})))
    return [f'<section><h2>{text(titled(section))}</h2><div class="beside">'
            f'<div>{"".join(plots)}</div><div>{_table(section)}</div></div>',
            _meanings(section), "</section>"]


def _table(section):
    rows = []
    for figure in section["figures"].values():
        cells = [number(figure[k], figure) if k in figure else "" for k in ("value", "low", "high")]
        parts = ", ".join(f"{role} {us:.2f}" for role, us in figure.get("parts", {}).items())
        detail = f"<small>{text(parts)}</small>" if parts else ""
        rows.append(f"<tr><th>{text(figure['name'])}{detail}</th>"
                    + "".join(f"<td>{cell}</td>" for cell in cells)
                    + f"<td>{text(figure['unit'])}</td><td>{figure.get('ratio', '')}</td></tr>")
    rows += [f"<tr><th>{text(one['name'])}</th><td>{one['value']}</td>"
             "<td></td><td></td><td></td><td></td></tr>" for one in section["ratios"].values()]
    return _rows(("", "median", "lowest", "highest", "unit", "ratio"), rows)


def _rows(heads, rows, kind="numbers"):
    head = "".join(f"<th>{text(h)}</th>" for h in heads)
    return (f'<div class="scroll"><table class="{kind}"><thead><tr>{head}</tr></thead>'
            f'<tbody>{"".join(rows)}</tbody></table></div>')


def _meanings(section):
    rows = [f"<tr><th><code>{text(key)}</code></th><td>{text(one['means'])}.</td>"
            f"<td>{text(one['lacks'])}</td></tr>"
            for key, one in {**section["figures"], **section["ratios"]}.items()]
    return ("<details><summary>What these figures mean, and what they do not</summary>"
            + _rows(("figure", "means", "does not mean"), rows, "words") + "</details>")


# ---- peers ----------------------------------------------------------------------------------


def _peers(peers, charts):
    if not peers:
        return []
    measured = sorted((p for p in peers if "jobs_s" in p), key=lambda p: -p["jobs_s"])
    plots = [_add(charts, bars("jobs/s", [
        (p["name"], p["jobs_s"], p["low"], p["high"], None, p["key"].startswith("penstock"))
        for p in measured])), _add(charts, bars("CPU µs/job, all processes", [
            (p["name"], p["cpu_us_per_job_all"], None, None, None,
             p["key"].startswith("penstock")) for p in measured]))] if measured else []
    rows = [f"<tr><th>{text(p['name'])}</th><td>{p['jobs_s']:,.0f}</td><td>{p['low']:,.0f}</td>"
            f"<td>{p['high']:,.0f}</td><td>{p['cpu_us_per_job_all']:,.1f}</td>"
            f"<td>{ratio(p, measured)}</td></tr>" for p in measured]
    rows += [f'<tr><th>{text(p["name"])}</th><td colspan="5" class="why">{text(p["state"])}: '
             f"{text(p['why'])}</td></tr>" for p in peers if "jobs_s" not in p]
    facts = [f"<tr><th>{text(p['name'])}<small>{text(p['version'])}</small></th>"
             f"<td>{text(p['durability'])}</td><td>{text(p['ends'])}</td>"
             f"<td>{text(p['lacks'])}</td></tr>"
             for p in [*measured, *(p for p in peers if "jobs_s" not in p)]]
    return ["<section><h2>Peers: jobs a second, the same job</h2>",
            "<p>100 distinct bytes a job, echoed by 2 workers, submitted by one client; from the "
            "first submit until the outcomes are known. What each stores, and when its clock "
            "ends, is not the same: it stands below.</p>",
            f'<div class="beside"><div>{"".join(plots)}</div><div>',
            _rows(("", "jobs/s", "lowest", "highest", "CPU µs/job", "ratio"), rows),
            "</div></div>",
            _rows(("peer", "stores", "the clock ends when", "lacks"), facts, "words"),
            "</section>"]


# ---- processes over time --------------------------------------------------------------------


def _processes(results, charts):
    rounds = [(figure["name"], series) for section in results["sections"]
              for key, series in section["processes"].items()
              for figure in [section["figures"][key]]]
    rounds += [(p["name"], p["processes"]) for p in results["peers"] if p.get("processes")]
    if not rounds:
        return []
    choices = []
    for name, series in rounds:
        cpu, memory = over_time(series)
        choices.append({"name": name, "cpu": cpu, "memory": memory})
    at = len(charts)
    charts += [{"type": "lines", "x": "seconds", "y": "CPU, % of one core", "of": "cpu"},
               {"type": "lines", "x": "seconds", "y": "resident memory, MiB", "of": "memory"},
               {"type": "choices", "choices": choices}]
    options = "".join(f"<option>{text(name)}</option>" for name, _ in rounds)
    return ["<section><h2>CPU and memory of each process, over one round</h2>",
            "<p>A look every 100 ms, in the round nearest the median. A process that starts "
            "others stands for them too; memory that they share is counted in each.</p>",
            f'<p><label>Round of <select id="round">{options}</select></label></p>',
            f'<div class="beside even"><div>{_canvas(at)}</div><div>{_canvas(at + 1)}</div></div>',
            "</section>"]


def over_time(series):
    """[seconds, CPU seconds, bytes] -> {name: [[seconds, percent]]}, {name: [[seconds, MiB]]}"""
    cpu, memory = {}, {}
    for name, points in series.items():
        memory[name] = [[t, round(size / 2**20, 2)] for t, _, size in points]
        cpu[name] = [[t, round((used - before) / (t - was) * 100, 1)]
                     for (was, before, _), (t, used, _) in zip(points, points[1:])
                     if t - was > 0.02]
    return cpu, memory


# ---- machine and settings -------------------------------------------------------------------


def _conditions(results):
    facts = {**results["machine"], "others busy before": f"{results['others_busy']:.0%}"}
    settings = {**results["settings"], "took seconds": results["took_seconds"]}
    tables = [_rows((title, ""), [f"<tr><th>{text(k.replace('_', ' '))}</th><td>{text(v)}</td>"
                                  "</tr>" for k, v in values.items()], "words")
              for title, values in (("Machine and versions", facts), ("Settings", settings))]
    return ["<section><h2>Machine, versions, settings</h2>",
            f'<div class="beside even"><div>{tables[0]}</div><div>{tables[1]}</div></div>',
            "<p>Medians of interleaved rounds; whiskers are the lowest and the highest round. "
            "Everything ran on this machine, on loopback, in separate processes that share its "
            "cores. Compare ratios, not absolute figures.</p></section>"]


# ---- charts, as data ------------------------------------------------------------------------


def _add(charts, chart):
    charts.append(chart)
    return _canvas(len(charts) - 1, len(chart.get("bars", ())))


def _canvas(index, bar_count=0):
    height = 90 + 34 * bar_count if bar_count else 320
    return (f'<div class="plot" style="height:{height}px">'
            f'<canvas data-chart="{index}"></canvas></div>')


def bars(unit, rows):
    values = [row[1] for row in rows if row[1] > 0]
    wide = bool(values) and max(values) / min(values) >= 100
    return {"type": "bars", "unit": unit, "log": wide,
            "bars": [{"name": name.strip(), "value": value, "low": low, "high": high,
                      "parts": None if wide else parts, "ours": ours}
                     for name, value, low, high, parts, ours in rows]}


def histogram(samples):
    """Shares of each one's samples in bins of equal width on a logarithmic axis."""
    everything = sorted(v for values in samples.values() for v in values if v > 0)
    low, high = everything[0] * 0.95, everything[max(0, int(len(everything) * 0.998) - 1)] * 1.05
    step = math.log(high / low) / BINS
    edges = [low * math.exp(step * i) for i in range(BINS + 1)]
    out = []
    for name, values in samples.items():
        counts = [0] * BINS
        for value in values:
            if value > 0:  # the slowest of all would stretch the axis: they are in the last bin
                counts[min(BINS - 1, max(0, int(math.log(value / low) / step)))] += 1
        out.append({"name": name, "count": len(values), "median": statistics.median(values),
                    "points": [[round(edges[i], 2), round(c / len(values) * 100, 3)]
                               for i, c in enumerate([*counts, counts[-1]])]})
    return {"type": "histogram", "unit": "µs", "series": out}
