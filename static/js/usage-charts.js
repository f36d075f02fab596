// Draws each [data-chart] from the table that data-table names: a row is a day, a column with data-tone is a series.
// "stack" piles bars on one another, "lines" draws lines. Colours are the page's own, and change with it.

const TONES = { good: "--good", bad: "--bad", wait: "--wait", accent: "--accent", soft: "--line-strong", ink: "--ink" };
const DAY_MS = 86_400_000;
const HEIGHT = 240;
const WHOLE = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6].flatMap((power) => [power, 2 * power, 5 * power]); // no half jobs
const dark = matchMedia("(prefers-color-scheme: dark)");
const dayName = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

function colour(tone) {
  return getComputedStyle(document.documentElement).getPropertyValue(TONES[tone] ?? tone).trim();
}

function wash(tone) {
  return `color-mix(in srgb, ${colour(tone)} 14%, transparent)`;
}

function read(table) {
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...table.tBodies[0].rows];
  const series = heads.flatMap((head, column) => head.dataset.tone ? [{
    name: head.textContent,
    tone: head.dataset.tone,
    values: rows.map((row) => number(row.cells[column].dataset.value)),
    texts: rows.map((row) => row.cells[column].textContent),
  }] : []);
  return { days: rows.map((row) => Date.parse(row.querySelector("time").dateTime) / DAY_MS), series };
}

function number(text) {
  return text === "" ? null : Number(text);
}

// The first series is at the bottom; the tallest sum is drawn first, so that each bar shows only its own part.
function pile(series) {
  const sums = [];
  series.forEach((one, i) => sums.push(one.values.map((value, day) => value + (sums[i - 1]?.[day] ?? 0))));
  return series.map((one, i) => ({ ...one, values: sums[i] })).reverse();
}

function axes(unit) {
  const common = { stroke: colour("--ink-soft"), font: "12px system-ui, sans-serif", ticks: { show: false } };
  const grid = { stroke: colour("--line"), width: 1 };
  const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
  return [
    { ...common, grid: { show: false }, incrs: [1, 2, 7, 14, 28, 56], space: 48, size: 32,
      values: (_, days) => days.map((day) => Number.isInteger(day) ? dayName.format(day * DAY_MS) : "") },
    { ...common, grid, size: 46, incrs: unit ? undefined : WHOLE,
      values: (_, values) => values.map((value) => short.format(value) + unit) },
  ];
}

function options(kind, shown, days, width, unit) {
  const bars = uPlot.paths.bars({ size: [0.7, 40], radius: 0.12 });
  const look = kind === "stack"
    ? (one) => ({ paths: bars, fill: colour(one.tone), width: 0, points: { show: false } })
    : (one) => ({ width: 2, fill: one.tone === "accent" ? wash("accent") : undefined, points: { show: days.length < 40, size: 5 } });
  return {
    width, height: HEIGHT,
    scales: { x: { time: false, range: [days[0] - 0.5, days.at(-1) + 0.5] }, y: { range: (_, __, most) => [0, most ? most * 1.1 : 1] } },
    axes: axes(unit),
    cursor: { y: false, drag: { x: false, y: false }, points: { show: kind !== "stack" } },
    series: [
      { label: "Day", value: (_, day) => day == null ? "" : dayName.format(day * DAY_MS) },
      ...shown.map((one) => ({
        label: one.name, stroke: colour(one.tone), value: (_, __, ___, day) => day == null ? "" : one.texts[day], ...look(one),
      })),
    ],
  };
}

function draw(part) {
  const { days, series } = read(document.getElementById(part.dataset.table));
  const shown = part.dataset.chart === "stack" ? pile(series) : series;
  const data = [days, ...shown.map((one) => one.values)];
  part.hidden = false;
  const make = () => new uPlot(options(part.dataset.chart, shown, days, part.clientWidth, part.dataset.unit ?? ""), data, part);
  let chart = make();
  new ResizeObserver(() => chart.setSize({ width: part.clientWidth, height: HEIGHT })).observe(part);
  dark.addEventListener("change", () => {
    chart.destroy();
    chart = make();
  });
}

for (const part of document.querySelectorAll("[data-chart]")) draw(part);
