// The dashboard. Everything that comes from logs reaches the page as text, never as markup.

import { LEVELS, clock, compact, drawChart } from "./chart.js";
import { Live } from "./live.js";

const $ = (id) => document.getElementById(id);
const RANGES = { "15m": 15, "1h": 60, "6h": 360, "24h": 1440, "7d": 10080, all: 0 };
const SEVERITIES = ["low", "medium", "high", "critical"];
const ROWS_KEPT = 400;

const state = {
  range: "24h", levels: new Set(), service: "", q: "", severity: "", paused: false,
  cursor: null, dropped: 0, anomalies: [], started: false,
};

// Control characters and those that turn the direction of text are shown, not obeyed.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
const shown = (text) => String(text).replace(
  HIDDEN, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = shown(text);
  return node;
}

// Mouse, Enter and space do the same.
function opens(node, action) {
  node.addEventListener("click", action);
  node.addEventListener("keydown", (event) => {
    if (event.target !== node || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    action();
  });
}

async function get(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== "" && one !== undefined && one !== null) query.append(key, one);
    }
  }
  const answer = await fetch(`${path}?${query}`);
  if (!answer.ok) throw new Error((await answer.json()).detail ?? answer.statusText);
  return answer.json();
}

const span = () => (RANGES[state.range] ? { sinceMinutes: RANGES[state.range] } : {});
const filters = () => ({
  q: state.q, service: state.service, level: [...state.levels],
});

function segments(host, values, isOn, onClick) {
  if (host.children.length) { // the focus stays where it is
    values.forEach(([value], at) => {
      host.children[at].setAttribute("aria-pressed", String(isOn(value)));
    });
    return;
  }
  host.replaceChildren(...values.map(([value, label]) => {
    const button = element("button", "", label);
    button.type = "button";
    button.setAttribute("aria-pressed", String(isOn(value)));
    button.addEventListener("click", () => onClick(value));
    return button;
  }));
}

// --- totals and chart -------------------------------------------------------------------

const percent = (share) => `${(share * 100).toFixed(share && share < 0.1 ? 2 : 1)} %`;
const millis = (ms) => (ms === null || ms === undefined ? "–"
  : ms >= 10000 ? `${(ms / 1000).toFixed(1)} s` : `${ms >= 100 ? Math.round(ms) : ms.toFixed(1)} ms`);

async function overview() {
  const [summary, trend, found] = await Promise.all([
    get("/api/v1/analytics/summary", span()),
    get("/api/v1/analytics/trends", { ...span(), by: "level" }),
    get("/api/v1/anomalies", { ...span(), limit: 500 }),
  ]);
  if (!state.started) {
    state.started = true;
    if (!summary.total && state.range !== "all") {
      const all = await get("/api/v1/analytics/summary");
      if (all.total) return setRange("all"); // there are records, only none this recent
    }
  }
  $("t-records").textContent = compact(summary.total);
  $("t-errors").textContent = percent(summary.error_rate);
  $("t-errcount").textContent = `${compact(summary.error_count)} errors`;
  $("t-p95").textContent = millis(summary.response_time?.p95);
  $("t-p50").textContent = `median ${millis(summary.response_time?.p50)}`;
  const names = Object.keys(summary.by_service).filter(Boolean);
  $("t-services").textContent = String(names.length);
  services(names);
  state.anomalies = found.items;
  $("t-anomalies").textContent = found.next_cursor ? "500+" : String(found.items.length);
  const severe = found.items.filter((a) => SEVERITIES.indexOf(a.severity) >= 2).length;
  $("t-severe").textContent = severe ? `${severe} high or critical` : "none high or critical";
  const now = Date.now();
  const minutes = RANGES[state.range];
  drawChart($("chart"), trend, state.anomalies, minutes ? [now - minutes * 60e3, now] : null);
  anomalies();
}

function services(names) {
  const select = $("service");
  const known = [...select.options].map((option) => option.value);
  for (const name of names.toSorted()) {
    if (!known.includes(name)) select.append(new Option(name, name));
  }
}

async function health() {
  const mark = $("health");
  try {
    const answer = await fetch("/health");
    const found = await answer.json();
    mark.className = `health ${found.status === "ok" ? "ok" : "degraded"}`;
    mark.textContent = found.status;
    $("t-rate").textContent = `${found.requests_per_second} requests/s`;
    $("t-lag").textContent = found.lag ? `${compact(found.lag)} not yet scored` : "all scored";
    $("parts").textContent = `${Object.entries(found.services)
      .map(([name, part]) => `${name} ${part.detail ?? part.status}`).join(" · ")} · up ${uptime(found.uptime_seconds)} · ${found.profile} profile`;
  } catch {
    mark.className = "health down";
    mark.textContent = "unreachable";
  }
}

function uptime(seconds) {
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} d`;
}

// --- log table --------------------------------------------------------------------------

function row(log, fresh) {
  const line = element("tr", fresh ? "fresh" : "");
  const at = new Date(log.timestamp);
  const today = at.toDateString() === new Date().toDateString();
  const time = element("td", "", today
    ? at.toLocaleTimeString([], { hour12: false })
    : `${clock(at.getTime(), 2 * 86400e3)}`);
  time.title = log.timestamp;
  const level = element("td", `level level-${log.level}`, log.level);
  const message = element("td", "message", log.message);
  message.title = shown(log.message.slice(0, 500));
  line.append(
    time, level, element("td", "", log.service ?? ""), message,
    element("td", "num", log.status_code ?? ""),
    element("td", "num", log.response_time === null ? "" : log.response_time.toFixed(1)),
  );
  line.tabIndex = -1; // by the arrow keys, see below
  opens(line, () => {
    if (line.nextSibling?.classList?.contains("detail")) {
      line.nextSibling.remove();
      return;
    }
    const detail = element("tr", "detail");
    const cell = element("td", "", JSON.stringify(
      Object.fromEntries(Object.entries(log).filter(([, value]) => value !== null)), null, 2,
    ));
    cell.colSpan = 6;
    detail.append(cell);
    line.after(detail);
  });
  return line;
}

async function table() {
  const page = await get("/api/v1/logs", { ...filters(), ...span(), limit: 100 });
  $("rows").replaceChildren(...page.items.map((log) => row(log, false)));
  if ($("rows").firstChild) $("rows").firstChild.tabIndex = 0;
  state.cursor = page.next_cursor;
  state.dropped = 0;
  $("more").hidden = !page.next_cursor;
  $("empty").hidden = page.items.length > 0;
  $("hint").hidden = Boolean(state.q || state.service || state.levels.size);
  $("nothing").hidden = !$("hint").hidden;
  $("count").textContent = `${compact(page.total)} match`;
  live.subscribe(filters());
}

async function older() {
  const page = await get("/api/v1/logs", {
    ...filters(), ...span(), limit: 100, cursor: state.cursor,
  });
  $("rows").append(...page.items.map((log) => row(log, false)));
  state.cursor = page.next_cursor;
  $("more").hidden = !page.next_cursor;
}

function arrived(logs) {
  if (state.paused) return;
  const rows = $("rows");
  rows.prepend(...logs.reverse().map((log) => row(log, true)));
  while (rows.children.length > ROWS_KEPT) rows.lastChild.remove();
  $("empty").hidden = true;
}

// --- anomalies --------------------------------------------------------------------------

function anomalies() {
  const host = $("anomalies");
  const focused = host.contains(document.activeElement) && document.activeElement.dataset.id;
  const open = new Set([...host.querySelectorAll("[data-open]")].map((n) => n.dataset.id));
  const shown = incidents(
    state.anomalies.filter((a) => !state.severity || a.severity === state.severity));
  if (!shown.length) {
    host.replaceChildren(element("p", "empty", "Nothing unusual was found."));
    return;
  }
  host.replaceChildren(...shown.map((anomaly) => {
    const item = element("article");
    item.dataset.id = anomaly.id;
    const line = element("div", "line");
    const at = element("time", "", clock(Date.parse(anomaly.timestamp), 2 * 86400e3));
    at.title = anomaly.timestamp;
    const badge = element("span", `badge badge-${anomaly.severity}`, anomaly.severity);
    badge.title = `score ${anomaly.anomaly_score.toFixed(3)}, confidence ${anomaly.confidence.toFixed(2)}`;
    line.append(badge, element("span", "what", anomaly.kind.replaceAll("_", " ")),
      element("span", "muted", anomaly.service ?? ""));
    if (anomaly.windows > 1) line.append(element("span", "times", `${anomaly.windows} windows`));
    line.append(at);
    const reasons = element("ul");
    for (const reason of anomaly.reasons ?? []) reasons.append(element("li", "", reason));
    item.append(line, reasons);
    item.tabIndex = 0;
    item.setAttribute("aria-expanded", "false");
    opens(item, () => context(item, anomaly.id));
    if (open.has(String(anomaly.id))) context(item, anomaly.id);
    return item;
  }));
  if (focused) host.querySelector(`[data-id="${focused}"]`)?.focus();
}

// Findings of one incident, window after window, are shown as one: the worst of them.
function incidents(found) {
  const groups = new Map();
  for (const anomaly of found) {
    const key = [anomaly.kind, anomaly.service, anomaly.incident_start ?? anomaly.id].join("|");
    const group = groups.get(key);
    if (!group) groups.set(key, { ...anomaly, windows: 1 });
    else if (anomaly.anomaly_score > group.anomaly_score) {
      groups.set(key, { ...anomaly, timestamp: group.timestamp, windows: group.windows + 1 });
    } else group.windows += 1;
  }
  return [...groups.values()];
}

async function context(item, id) {
  const old = item.querySelector(".context");
  if (old) {
    old.remove();
    delete item.dataset.open;
    item.setAttribute("aria-expanded", "false");
    return;
  }
  item.dataset.open = "yes";
  item.setAttribute("aria-expanded", "true");
  const box = element("div", "context", "…");
  item.append(box);
  const found = await get(`/api/v1/anomalies/${id}`);
  box.replaceChildren(...found.context.map((log) => element(
    "div", log.id === found.log_id ? "at" : "",
    `${log.timestamp.slice(11, 19)} ${log.level.padEnd(5)} ${log.message}`,
  )));
}

// --- wiring -----------------------------------------------------------------------------

function controls() {
  segments($("ranges"), Object.keys(RANGES).map((name) => [name, name]),
    (name) => name === state.range, setRange);
  segments($("levels"), LEVELS.map((level) => [level, level.toLowerCase()]),
    (level) => state.levels.has(level), (level) => {
      if (!state.levels.delete(level)) state.levels.add(level);
      controls();
      guarded(table)();
    });
  segments($("severities"), [["", "all"], ...SEVERITIES.map((s) => [s, s])],
    (severity) => severity === state.severity, (severity) => {
      state.severity = severity;
      controls();
      anomalies();
    });
}

function setRange(name) {
  state.range = name;
  controls();
  guarded(overview)();
  guarded(table)();
}

function guarded(work) {
  return async (...given) => {
    try {
      await work(...given);
    } catch (error) {
      $("count").textContent = error.message;
    }
  };
}

function theme(dark) {
  document.documentElement.classList.toggle("dark", dark);
}
const asked = new URLSearchParams(location.search).get("theme");
theme(asked ? asked === "dark"
  : (localStorage.getItem("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark");
$("theme").addEventListener("click", () => {
  const dark = !document.documentElement.classList.contains("dark");
  localStorage.setItem("theme", dark ? "dark" : "light");
  theme(dark);
});

for (const level of LEVELS) {
  const key = element("span");
  key.append(element("i", `key-${level}`), level.toLowerCase());
  $("legend").append(key);
}

let typing;
$("q").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => { state.q = $("q").value; guarded(table)(); }, 250);
});
$("rows").addEventListener("keydown", (event) => {
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  let to = step && event.target[step];
  while (to && to.tabIndex < 0 && to.classList.contains("detail")) to = to[step];
  if (!to) return;
  event.preventDefault();
  for (const old of $("rows").querySelectorAll("[tabindex='0']")) old.tabIndex = -1;
  to.tabIndex = 0;
  to.focus();
});
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("service").addEventListener("change", () => {
  state.service = $("service").value;
  guarded(table)();
});
$("pause").addEventListener("click", () => {
  state.paused = !state.paused;
  $("pause").textContent = state.paused ? "resume" : "pause";
  $("live").textContent = state.paused ? "paused" : "live";
  $("live").classList.toggle("off", state.paused);
  if (!state.paused) guarded(table)();
});
$("more").addEventListener("click", guarded(older));

let stale = false; // something arrived: the totals have changed
const live = new Live(
  (logs) => { stale = true; arrived(logs); },
  (topic, payload) => {
    if (topic === "anomalies") stale = true;
    if (topic === "gap") {
      stale = true;
      state.dropped += payload.dropped;
      if (!state.paused) $("live").textContent = `live, ${compact(state.dropped)} not shown`;
    }
  },
  (up) => {
    $("live").classList.toggle("off", !up);
    $("live").textContent = up ? "live" : "reconnecting";
  },
);

controls();
guarded(overview)();
guarded(table)();
health();
setInterval(health, 5000);
setInterval(() => {
  if (!stale || document.hidden) return;
  stale = false;
  guarded(overview)();
}, 2000);
addEventListener("resize", () => guarded(overview)());
