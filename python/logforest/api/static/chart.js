// Stacked bars over time with a mark for every anomaly, as SVG. Text only ever through textContent.

const NS = "http://www.w3.org/2000/svg";
export const LEVELS = ["DEBUG", "INFO", "WARN", "ERROR", "CRITICAL"];
const SECONDS = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

function svg(name, attributes, parent) {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (parent) parent.append(node);
  return node;
}

export const compact = (n) =>
  new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(n);

export function clock(ms, span) {
  const at = new Date(ms);
  const time = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  if (span <= 26 * 3600e3) return time;
  const day = at.toLocaleDateString([], { month: "short", day: "numeric" });
  return span <= 5 * 86400e3 ? `${day} ${time}` : day;
}

// A round number at or above `value`.
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((f) => f * power).find((top) => top >= value);
}

function columns(points, width) {
  const byTime = new Map();
  for (const point of points) {
    const at = Date.parse(point.window_start);
    if (!byTime.has(at)) byTime.set(at, { at, total: 0, levels: {} });
    const column = byTime.get(at);
    column.levels[point.level] = (column.levels[point.level] ?? 0) + point.count;
    column.total += point.count;
  }
  return [...byTime.values()].sort((a, b) => a.at - b.at).map((c) => ({ ...c, width }));
}

export function drawChart(host, trend, anomalies, range) {
  const tip = host.querySelector(".tip");
  host.replaceChildren();
  if (tip) tip.remove();
  const unit = /^(\d+)([smhdw])$/.exec(trend.every);
  const step = Number(unit[1]) * SECONDS[unit[2]] * 1000;
  const bars = columns(trend.points, step);
  if (!bars.length) return;
  const first = range?.[0] ?? bars[0].at;
  const last = Math.max(range?.[1] ?? 0, bars.at(-1).at + step);
  const span = Math.max(last - first, step);
  const W = host.clientWidth - 20, H = host.clientHeight - 8;
  const left = 46, right = 6, top = 18, bottom = 22;
  const x = (ms) => left + ((ms - first) / span) * (W - left - right);
  const max = ceiling(Math.max(...bars.map((b) => b.total)));
  const y = (n) => H - bottom - (n / max) * (H - bottom - top);
  const root = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img" }, host);
  svg("title", {}, root).textContent = "Records over time by level, with anomalies";
  for (const share of [0, 0.5, 1]) {
    const at = y(max * share);
    svg("line", { x1: left, x2: W - right, y1: at, y2: at, class: "grid" }, root);
    svg("text", { x: left - 7, y: at + 4, "text-anchor": "end" }, root).textContent =
      compact(max * share);
  }
  const ticks = Math.max(2, Math.min(8, Math.floor(W / 150)));
  for (let i = 0; i <= ticks; i++) {
    const at = first + (span * i) / ticks;
    svg("text", {
      x: x(at), y: H - 5, "text-anchor": i === 0 ? "start" : i === ticks ? "end" : "middle",
    }, root).textContent = clock(at, span);
  }
  const wide = Math.max(1, x(first + step) - x(first) - (W / (span / step) > 4 ? 1 : 0));
  for (const bar of bars) {
    let base = 0;
    for (const level of LEVELS) {
      const n = bar.levels[level];
      if (!n) continue;
      svg("rect", {
        x: x(bar.at).toFixed(1), width: wide.toFixed(1), y: y(base + n).toFixed(1),
        height: Math.max(0.5, y(base) - y(base + n)).toFixed(1), class: `bar-${level}`,
      }, root);
      base += n;
    }
  }
  const info = document.createElement("div");
  info.className = "tip";
  info.hidden = true;
  host.append(info);
  for (const bar of bars) {
    const hit = svg("rect", {
      x: x(bar.at), width: Math.max(wide, 2), y: top, height: H - top - bottom, class: "hit",
    }, root);
    hit.addEventListener("pointerenter", () => showTip(info, host, bar, x(bar.at)));
    hit.addEventListener("pointerleave", () => { info.hidden = true; });
  }
  const rank = { low: 0, medium: 1, high: 2, critical: 3 }; // the worst on top
  for (const anomaly of anomalies.toSorted((a, b) => rank[a.severity] - rank[b.severity])) {
    const at = Date.parse(anomaly.timestamp);
    if (at < first || at > last) continue;
    const cx = x(at);
    const mark = svg("path", {
      d: `M${cx - 5} ${top - 14}h10l-5 8z`, class: `mark-${anomaly.severity}`,
    }, root);
    svg("title", {}, mark).textContent = `${anomaly.service ?? ""} ${anomaly.kind}: ${anomaly.reason ?? ""}`;
  }
}

function showTip(info, host, bar, at) {
  info.replaceChildren();
  const head = document.createElement("b");
  head.textContent = new Date(bar.at).toLocaleString([], { hour12: false });
  info.append(head);
  for (const level of LEVELS.toReversed()) {
    if (!bar.levels[level]) continue;
    const line = document.createElement("div");
    const name = document.createElement("span");
    name.className = `level level-${level}`;
    name.textContent = `${level} `;
    line.append(name, bar.levels[level].toLocaleString("en"));
    info.append(line);
  }
  info.hidden = false;
  const leftSide = at > host.clientWidth / 2;
  info.style.left = leftSide ? "auto" : `${at + 24}px`;
  info.style.right = leftSide ? `${host.clientWidth - at + 8}px` : "auto";
}
