// Draws each [data-chart] from the table that data-table names: a row is a day, or an hour where data-step says so; a
// column with data-tone is a series. "stack" piles bars on one another, "lines" draws lines, dashed to a cell with
// data-unfinished. Colours are the page's own, and change with it.

const TONES = { good: "--good", bad: "--bad", wait: "--wait", accent: "--accent", soft: "--line-strong", ink: "--ink", brand: "--brand" };
const named = (options) => new Intl.DateTimeFormat("en-GB", { ...options, timeZone: "UTC" });
const STEPS = {
  day: { ms: 86_400_000, name: "Day", every: [1, 2, 7, 14, 28, 56], text: named({ day: "numeric", month: "short" }) },
  hour: { ms: 3_600_000, name: "Hour", every: [1, 2, 3, 6, 12, 24], text: named({ hour: "2-digit", minute: "2-digit" }) },
};
const HEIGHT = 240;
const WHOLE = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6].flatMap((power) => [power, 2 * power, 5 * power]); // no half jobs
const dark = matchMedia("(prefers-color-scheme: dark)");

function colour(tone) {
  return getComputedStyle(document.documentElement).getPropertyValue(TONES[tone] ?? tone).trim();
}

function wash(tone) {
  return `color-mix(in srgb, ${colour(tone)} 14%, transparent)`;
}

function read(table, step) {
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...table.tBodies[0].rows];
  const series = heads.flatMap((head, column) => head.dataset.tone ? [{
    name: head.textContent,
    tone: head.dataset.tone,
    values: rows.map((row) => number(row.cells[column].dataset.value)),
    unfinished: rows.findIndex((row) => "unfinished" in row.cells[column].dataset),
    texts: rows.map((row) => row.cells[column].textContent),
  }] : []);
  return { times: rows.map((row) => Date.parse(row.querySelector("time").dateTime) / step.ms), series };
}

function number(text) {
  return text === "" ? null : Number(text);
}

// A line, and its dashed end if it has one: what is not over yet will still rise.
function parted(one) {
  const end = one.unfinished;
  if (end < 0) return [one];
  const part = (shown) => one.values.map((value, row) => shown(row) ? value : null);
  return [
    { ...one, values: part((row) => row !== end) },
    { ...one, values: part((row) => row === end || row === end - 1), dashed: true },
  ];
}

// The first series is at the bottom; the tallest sum is drawn first, so that each bar shows only its own part.
function pile(series) {
  const sums = [];
  series.forEach((one, i) => sums.push(one.values.map((value, row) => value + (sums[i - 1]?.[row] ?? 0))));
  return series.map((one, i) => ({ ...one, values: sums[i] })).reverse();
}

function axes(unit, step) {
  const common = { stroke: colour("--ink-soft"), font: "12px system-ui, sans-serif", ticks: { show: false } };
  const grid = { stroke: colour("--line"), width: 1 };
  const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
  return [
    { ...common, grid: { show: false }, incrs: step.every, space: 48, size: 32,
      values: (_, times) => times.map((time) => Number.isInteger(time) ? step.text.format(time * step.ms) : "") },
    { ...common, grid, size: 46, incrs: unit ? undefined : WHOLE,
      values: (_, values) => values.map((value) => short.format(value) + unit) },
  ];
}

function options(kind, shown, times, width, unit, step) {
  const bars = uPlot.paths.bars({ size: [0.7, 40], radius: 0.12 });
  const look = kind === "stack"
    ? (one) => ({ paths: bars, fill: colour(one.tone), width: 0, points: { show: false } })
    : (one) => ({ width: 2, fill: one.tone === "accent" ? wash("accent") : undefined, points: { show: times.length < 40, size: 5 },
      ...(one.dashed && { class: "dashed-end", dash: [4, 4], points: { show: true, size: 8, filter: () => [one.unfinished] } }) });
  return {
    width, height: HEIGHT,
    scales: { x: { time: false, range: [times[0] - 0.5, times.at(-1) + 0.5] }, y: { range: (_, __, most) => [0, most ? most * 1.1 : 1] } },
    axes: axes(unit, step),
    cursor: { y: false, drag: { x: false, y: false }, points: { show: kind !== "stack" } },
    series: [
      { label: step.name, value: (_, time) => time == null ? "" : step.text.format(time * step.ms) },
      ...shown.map((one) => ({
        label: one.name, stroke: colour(one.tone), value: (_, __, ___, row) => row == null ? "" : one.texts[row], ...look(one),
      })),
    ],
  };
}

function draw(part) {
  const step = STEPS[part.dataset.step ?? "day"];
  const { times, series } = read(document.getElementById(part.dataset.table), step);
  const shown = part.dataset.chart === "stack" ? pile(series) : series.flatMap(parted);
  const data = [times, ...shown.map((one) => one.values)];
  part.hidden = false;
  const make = () => new uPlot(options(part.dataset.chart, shown, times, part.clientWidth, part.dataset.unit ?? "", step), data, part);
  let chart = make();
  new ResizeObserver(() => chart.setSize({ width: part.clientWidth, height: HEIGHT })).observe(part);
  const recolour = () => {
    chart.destroy();
    chart = make();
  };
  dark.addEventListener("change", recolour);
  new MutationObserver(recolour).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}

for (const part of document.querySelectorAll("[data-chart]")) draw(part);
