"use strict";
// Draws what page.py put into #charts. Colours come from the style sheet, and change with it.

const charts = JSON.parse(document.getElementById("charts").textContent);
const choices = (charts.find((c) => c.type === "choices") || { choices: [] }).choices;
const kinds = ["#0b84a5", "#e08a1e", "#6f9e3f", "#b04a8b", "#7a6bc4", "#c0504d", "#3fa796", "#8a8d91"];
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let drawn = [];

function short(value) {
  if (value >= 1e6) return +(value / 1e6).toPrecision(3) + " M";
  if (value >= 1e4) return +(value / 1e3).toPrecision(3) + " k";
  return (+value.toPrecision(3)).toLocaleString("en");
}

function axis(title, log, more) {
  const first = (v) => +(v / 10 ** Math.floor(Math.log10(v) + 1e-9)).toPrecision(6);
  const isRound = (v) => [1, 2, 5].includes(first(v));
  const isPower = (v) => first(v) === 1;
  const fits = more && more.wide ? isPower : isRound;
  return {
    type: log ? "logarithmic" : "linear",
    title: { display: true, text: title, color: style("--quiet") },
    grid: { color: style("--line"), borderColor: style("--line") },
    ticks: { color: style("--quiet"), maxRotation: 0, autoSkip: !log,
      callback: (v) => (log ? (v > 0 && fits(v) ? short(v) : null) : short(v)) },
    ...(more || {}).scale,
  };
}

// Whiskers from the lowest to the highest round, and each bar's value behind it.
const marks = {
  id: "marks",
  afterDatasetsDraw(chart, _, options) {
    if (!options.bars) return;
    const { ctx, scales: { x } } = chart;
    const last = chart.getDatasetMeta(chart.data.datasets.length - 1).data;
    ctx.save();
    ctx.strokeStyle = style("--ink");
    ctx.fillStyle = style("--ink");
    ctx.font = "12px system-ui, 'DejaVu Sans', sans-serif";
    ctx.textBaseline = "middle";
    options.bars.forEach((bar, i) => {
      const y = last[i].y;
      let end = x.getPixelForValue(bar.value);
      if (bar.low !== null && bar.high > bar.low) {
        const from = x.getPixelForValue(bar.low), to = x.getPixelForValue(bar.high);
        ctx.beginPath();
        ctx.moveTo(from, y); ctx.lineTo(to, y);
        ctx.moveTo(from, y - 4); ctx.lineTo(from, y + 4);
        ctx.moveTo(to, y - 4); ctx.lineTo(to, y + 4);
        ctx.stroke();
        end = Math.max(end, to);
      }
      ctx.fillText(short(bar.value), end + 6, y);
    });
    ctx.restore();
  },
};

// A name in lines of some words each, where there is no room beside the bars.
function wrapped(name) {
  return name.split(" ").reduce((lines, word) => {
    const last = lines.length - 1;
    if (last >= 0 && lines[last].length + word.length < 16) lines[last] += " " + word;
    else lines.push(word);
    return lines;
  }, []);
}

function drawBars(canvas, chart) {
  const narrow = canvas.parentNode.clientWidth < 460;
  const rows = chart.bars;
  const stacked = rows.some((r) => r.parts);
  const roles = stacked ? [...new Set(rows.flatMap((r) => Object.keys(r.parts || {})))] : [];
  const sets = stacked
    ? roles.map((role, i) => ({ label: role, backgroundColor: kinds[i % kinds.length],
        data: rows.map((r) => (r.parts || {})[role] || 0) }))
    : [{ label: chart.unit, data: rows.map((r) => r.value),
        backgroundColor: rows.map((r) => style(r.ours ? "--accent" : "--other")) }];
  if (stacked && rows.some((r) => !r.parts)) {
    sets.push({ label: "in all", backgroundColor: style("--other"),
      data: rows.map((r) => (r.parts ? 0 : r.value)) });
  }
  const values = rows.map((r) => r.value), tops = rows.map((r) => r.high || r.value);
  const scale = chart.log
    ? { min: 10 ** Math.floor(Math.log10(Math.min(...values) * 0.6)), max: Math.max(...tops) * 4 }
    : { min: 0, suggestedMax: Math.max(...tops) * 1.15 };
  return new Chart(canvas, {
    type: "bar",
    data: { labels: rows.map((r) => (narrow ? wrapped(r.name) : r.name)), datasets: sets.map((s) => ({ ...s, maxBarThickness: 20 })) },
    plugins: [marks],
    options: {
      layout: { padding: { right: 48 } }, // for the values behind the bars
      indexAxis: "y", animation: false, maintainAspectRatio: false, responsive: true,
      scales: {
        x: { ...axis(chart.unit + (chart.log ? " (logarithmic)" : ""), chart.log, { scale, wide: true }), stacked },
        y: { stacked, grid: { display: false }, ticks: { color: style("--ink"), autoSkip: false, font: { size: narrow ? 10 : 12 } } },
      },
      plugins: { marks: { bars: rows }, legend: { display: stacked, position: "bottom",
        labels: { color: style("--quiet"), boxWidth: 12 } } },
    },
  });
}

function drawHistogram(canvas, chart) {
  const points = chart.series.flatMap((s) => s.points);
  return new Chart(canvas, {
    type: "line",
    data: { datasets: chart.series.map((s, i) => ({
      label: `${s.name} (${s.count})`, data: s.points.map(([x, y]) => ({ x, y })), stepped: "before",
      pointRadius: 0, borderWidth: 1.8, borderColor: kinds[i % kinds.length],
      backgroundColor: kinds[i % kinds.length] + "33", fill: "origin" })) },
    options: {
      animation: false, maintainAspectRatio: false, responsive: true,
      scales: {
        x: axis(`${chart.unit}, submit to outcome (logarithmic; the last bin has all that were slower)`, true,
          { scale: { min: Math.min(...points.map((p) => p[0])), max: Math.max(...points.map((p) => p[0])) } }),
        y: axis("% of its samples", false, { scale: { min: 0 } }),
      },
      plugins: { legend: { position: "bottom", labels: { color: style("--quiet"), boxWidth: 12 } } },
    },
  });
}

function drawLines(canvas, chart) {
  const select = document.getElementById("round");
  const series = choices[select.selectedIndex][chart.of];
  return new Chart(canvas, {
    type: "line",
    data: { datasets: Object.entries(series).map(([name, points], i) => ({
      label: name, data: points.map(([x, y]) => ({ x, y })), pointRadius: 1.5, borderWidth: 2,
      borderColor: kinds[i % kinds.length], backgroundColor: kinds[i % kinds.length] })) },
    options: {
      animation: false, maintainAspectRatio: false, responsive: true,
      scales: { x: axis(chart.x, false, { scale: { min: 0 } }), y: axis(chart.y, false, { scale: { min: 0 } }) },
      plugins: { legend: { position: "bottom", labels: { color: style("--quiet"), boxWidth: 12 } } },
    },
  });
}

const draw = { bars: drawBars, histogram: drawHistogram, lines: drawLines };

function drawAll() {
  drawn.forEach((chart) => chart.destroy());
  drawn = [...document.querySelectorAll("canvas[data-chart]")].map((canvas) => {
    const chart = charts[canvas.dataset.chart];
    return draw[chart.type](canvas, chart);
  });
}

drawAll();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
const select = document.getElementById("round");
if (select) select.addEventListener("change", drawAll);
