// The tracks: everything by time, on one axis.

/** Where more has happened, its marks have no names. */
const MOST_LABELLED = 200;
const GUTTER = 118, RIGHT = 14, GAP = 9;
const FUNCTIONS = [["SizeTracking", "size-tracking"], ["Cleaner", "cleaner"], ["Logging", "logging"], ["Plotting", "plotting"], ["Driver", "driver"], ["Audit", "audit"]];
/** Of whom there is nothing yet, an audit needs no row. */
const rowsOfFunctions = () => FUNCTIONS.filter(([key]) => key !== "Audit" || once("has audits", () => all("invocation").some(it => it.group === key)));
const DEAD = ["TrackingDlq", "LoggingDlq", "CleanerDlq", "ScheduleDlq"];
const tracksAt = s("svg", { role: "img", "aria-label": "Total, alarm, run, queues and functions by time" });
const view = { from: 0, to: 60000, follows: true };
let pointed, followed;

const width = () => Math.max(300, tracksAt.clientWidth || 900);
const x = at => GUTTER + ((at - view.from) / (view.to - view.from)) * (width() - GUTTER - RIGHT);
const timeAt = px => view.from + ((px - GUTTER) / (width() - GUTTER - RIGHT)) * (view.to - view.from);

/** The items of a list that can be seen. Nothing lasts longer than `longest` but what is looked for from the start. */
function visible(list, T, longest = Infinity) {
  const end = Math.min(view.to, T), from = longest === Infinity ? 0 : until(list, view.from - longest);
  return list.slice(from, until(list, end)).filter(it => (endOf(it, T) ?? T) >= view.from || it.until === undefined);
}

const label = (y, text, value, tone = "") => [
  s("text", { x: 12, y, class: "small quiet" }, text),
  value === undefined ? null : s("text", { x: GUTTER - 10, y, class: `small strong end ${tone}` }, value),
];

/** A bar, and on it the first of the texts that there is room for. */
function bar(it, T, y, height, className, texts, key, onClass = "") {
  const left = Math.max(GUTTER, x(it.at)), right = Math.min(width() - RIGHT, x(endOf(it, T) ?? T)), wide = Math.max(2, right - left);
  if (right < GUTTER) return [];
  const text = texts.find(text => wide > text.length * 5.8 + 8);
  return [
    s("rect", { x: left, y, width: wide, height, rx: Math.min(3, wide / 2), class: className, "data-key": key }, texts.length ? s("title", {}, texts[0]) : null),
    text ? s("text", { x: left + 6, y: y + height / 2 + 4, class: `small ${onClass}`, "pointer-events": "none" }, text) : null,
  ];
}

/** What would lie on what was drawn already is left out: an hour's thousands are as many bars as there are pixels. */
function spaced(list, apart = 2) {
  let last = -Infinity;
  return list.filter(it => {
    const at = x(it.until ?? it.at);
    if (it.failed || at - last >= apart) { last = at; return true; }
    return false;
  });
}

function drawTracks(T) {
  const parts = [], right = width() - RIGHT, reading = pointed ?? T;
  let y = 8;
  const clip = s("clipPath", { id: "plot" }, s("rect", { x: GUTTER, y: 0, width: right - GUTTER, height: 2000 }));
  const track = (height, draw) => {
    draw(y, height);
    y += height + GAP;
    parts.push(s("line", { x1: 0, x2: width(), y1: y - GAP / 2, y2: y - GAP / 2, class: "rule" }));
  };
  if (followed) track(44, (top, height) => drawObject(parts, T, top, height));
  track(168, (top, height) => drawTotal(parts, T, top, height, reading));
  track(38, (top, height) => drawAlarm(parts, T, top, height, reading));
  track(60, (top, height) => drawRun(parts, T, top, height, reading));
  track(58, (top, height) => drawQueues(parts, T, top, height, reading));
  track(rowsOfFunctions().length * 15, (top, height) => drawInvocations(parts, T, top, height));
  const bottom = y - GAP / 2;
  const grid = ticks().map(([at, text]) => [
    s("line", { x1: x(at), x2: x(at), y1: 4, y2: bottom, class: "rule" }),
    s("text", { x: x(at), y: bottom + 15, class: "small quiet mid" }, text),
  ]);
  const inside = at => at >= view.from && at <= view.to;
  const line = (at, className) => inside(at) ? s("line", { x1: x(at), x2: x(at), y1: 4, y2: bottom, class: className, "pointer-events": "none" }) : null;
  tracksAt.replaceChildren(s("defs", {}, clip), ...grid.flat(), ...parts.flat(9).filter(Boolean),
    line(T, "present") ?? "", pointed === undefined ? "" : line(pointed, "cursor") ?? "",
    pointed === undefined ? "" : s("text", { x: Math.min(Math.max(x(pointed), GUTTER + 34), right - 34), y: bottom + 29, class: "small strong mid" }, time(pointed, true)),
    s("text", { x: 12, y: bottom + 15, class: "small quiet" }, "UTC"));
  tracksAt.setAttribute("height", bottom + 34);
}

function ticks() {
  const steps = [100, 200, 500, 1000, 2000, 5000, 10000, 15000, 30000, 60000, 120000, 300000, 600000, 1800000, 3600000, 7200000, 21600000, 86400000];
  const step = steps.find(it => (it / (view.to - view.from)) * (width() - GUTTER) >= 74) ?? 86400000, list = [];
  for (let at = Math.ceil(view.from / step) * step; at <= view.to; at += step) list.push([at, step < 1000 ? time(at, true).slice(3, -2) : time(at)]);
  return list;
}

function drawTotal(parts, T, top, height, reading) {
  const limit = about.stack.threshold_bytes, list = commits(), end = until(list, Math.min(T, view.to));
  const start = Math.max(0, until(list, view.from) - 1), seen = list.slice(start, end);
  const first = seen.length ? seen[0].event.document.total_size - (seen[0].at > view.from ? seen[0].event.document.size_delta : 0) : totalAt(view.from);
  const most = Math.max(1, limit * 1.35, first, ...seen.map(it => it.event.document.total_size)) * 1.18;
  const scale = value => top + height - (value / most) * (height - 6);
  const right = Math.min(width() - RIGHT, x(T));
  let path = `M${GUTTER},${scale(first)}`, last = GUTTER, most_here = first, least_here = first, value_here = first;
  // Of the totals of one pixel the greatest, the least and the last are to be seen.
  const step = px => { path += `V${scale(most_here)}V${scale(least_here)}V${scale(value_here)}H${px}`; };
  for (const { at, event } of seen) {
    const px = Math.max(GUTTER, x(at)), value = event.document.total_size;
    if (px - last >= 1) { step(px); [last, most_here, least_here] = [px, value_here, value_here]; }
    [most_here, least_here, value_here] = [Math.max(most_here, value), Math.min(least_here, value), value];
  }
  step(Math.max(GUTTER, right));
  const floor = scale(0);
  parts.push(s("rect", { x: GUTTER, y: top, width: width() - RIGHT - GUTTER, height: scale(limit) - top, class: "above" }));
  parts.push(s("line", { x1: GUTTER, x2: width() - RIGHT, y1: floor, y2: floor, class: "edge-of-track" }));
  for (const value of [Math.round(most * 0.4), Math.round(most * 0.75)]) {
    const round = value >= 10 ? Number(value.toPrecision(1)) : value;
    if (Math.abs(scale(round) - scale(limit)) < 14) continue;
    parts.push(s("line", { x1: GUTTER, x2: width() - RIGHT, y1: scale(round), y2: scale(round), class: "rule" }), s("text", { x: GUTTER - 10, y: scale(round) + 4, class: "small quiet end" }, bytes(round)));
  }
  if (right > GUTTER) parts.push(s("path", { d: `${path}V${floor}H${GUTTER}Z`, class: "area" }), s("path", { d: path, class: seen.length > MOST_LABELLED ? "step dense" : "step" }));
  parts.push(s("line", { x1: GUTTER, x2: width() - RIGHT, y1: scale(limit), y2: scale(limit), class: "threshold" }));
  parts.push(s("text", { x: GUTTER - 10, y: scale(limit) + 4, class: "small strong end over" }, `threshold ${bytes(limit)}`));
  const marks = [];
  let lastMark = -Infinity;
  const labels = [];
  // Where the line goes up or down, and from where to where.
  const rises = seen.length > MOST_LABELLED ? [] : seen.map(({ at, event }) => { const ends = [scale(event.document.total_size), scale(event.document.total_size - event.document.size_delta)]; return [x(at), Math.min(...ends), Math.max(...ends)]; });
  const named = [];
  for (const { at, event } of seen) {
    const px = x(at), it = event.document, gone = isDeletion(event);
    if (px < GUTTER || (seen.length > MOST_LABELLED && px - lastMark < 4 && it.object_name !== followed)) continue;
    lastMark = px;
    const py = scale(it.total_size), sharp = gone ? [[-7, -7], [7, -7], [0, 6]] : [[-7, 7], [7, 7], [0, -6]];
    const faded = followed && followed !== it.object_name ? " faded" : "";
    marks.push(s("polygon", { points: sharp.map(([dx, dy]) => `${px + dx},${py + dy}`).join(" "), class: (gone ? "gone-mark" : "added-mark") + faded, "data-key": `event/${event.id}` },
      s("title", {}, `${it.object_name} ${delta(it.size_delta)}: it ${verb(event)} by ${doerInWords(event)}`)));
    if (seen.length <= MOST_LABELLED) named.push({ px, py, it, gone, faded });
  }
  // What is gone is named first, if there is not room for all.
  for (const { px, py, it, gone, faded } of named.sort((a, b) => b.gone - a.gone || a.px - b.px)) {
    const text = `${it.object_name.length > 24 ? `${it.object_name.slice(0, 23)}…` : it.object_name} ${delta(it.size_delta)}`, long = text.length * 6.2;
    // Where it covers no other, and no line.
    const spots = [[11, -8], [11, 17], [-11 - long, -8], [-11 - long, 17], [11, 31]].map(([dx, dy]) => [px + dx, py + dy]);
    const spot = spots.find(([left, base]) => left > GUTTER && left + long < width() - RIGHT && base > top + 9 && base < top + height - 3
      && Math.abs(base - 4 - scale(limit)) > 7 && !labels.some(it => left < it[0] + it[2] + 6 && it[0] < left + long + 6 && Math.abs(base - it[1]) < 13) && !rises.some(it => it[0] > left - 3 && it[0] < left + long + 3 && base - 10 < it[2] && base + 2 > it[1]));
    if (!spot) continue;
    labels.push([...spot, long]);
    marks.push(s("text", { x: spot[0], y: spot[1], class: `small ${gone ? "gone" : "added"}${faded}`, "pointer-events": "none" }, text));
  }
  parts.push(s("g", { "clip-path": "url(#plot)" }, marks));
  const value = totalAt(Math.min(reading, T));
  parts.push(label(top + 14, "total", bytes(value), value >= limit ? "over" : "total"));
}

function drawAlarm(parts, T, top, height, reading) {
  const length = period(), px = (length / (view.to - view.from)) * (width() - GUTTER), group = [];
  for (const alarm of visible(alarmMap(), T)) {
    const it = { ...alarm, at: Math.max(alarm.at, view.from) };
    const state = alarm.state === "INSUFFICIENT_DATA" ? "no data" : alarm.state, point = causeOf(alarm);
    group.push(bar(it, T, top, 18, alarm.state, [point === undefined ? state : `${state} after ${bytes(point)}`, state], `alarm/${alarm.id}`));
  }
  if (px >= 6) {
    for (let at = periodOf(view.from); at <= view.to; at += length) {
      group.push(s("line", { x1: x(at), x2: x(at), y1: top + 18, y2: top + 36, class: "period" }));
      const middle = x(at + length / 2), isOver = at + length <= T;
      const point = at <= T ? datapoint(at, T) : undefined;
      const words = point === undefined ? "" : px > 62 ? `max ${bytes(point)}` : bytes(point);
      // That of a period which isn't over stands before the present.
      if (words && px > words.length * 6.6 + 6 && (isOver || middle + words.length * 3.3 < x(T)) && middle > GUTTER + 24 && middle < width() - RIGHT - 24) group.push(s("text", { x: middle, y: top + 33, class: `small mid ${point >= about.stack.threshold_bytes ? "over strong" : "quiet"}` }, words, s("title", {}, `The highest total that this period of the alarm saw: ${grouped(point)} bytes`)));
    }
  }
  parts.push(s("g", { "clip-path": "url(#plot)" }, group.flat(9).filter(Boolean)));
  const state = alarmAt(Math.min(reading, T))?.state;
  parts.push(label(top + 13, "alarm", state === "INSUFFICIENT_DATA" ? "no data" : state, { ALARM: "over", OK: "added" }[state] ?? "quiet"), label(top + 32, "its periods"));
}

function drawRun(parts, T, top, height, reading) {
  const group = [], shown = machineOf(runAt(T)).id;
  for (const run of visible(all("run").filter(it => it.machine === shown), T)) {
    const failed = endOf(run, T) !== undefined && run.status !== "SUCCEEDED";
    group.push(bar(run, T, top, 17, failed ? "fill-failed" : "fill-run", [`${noun(run)} ${shortly(run)}${endOf(run, T) === undefined ? "" : `: ${run.error ?? run.status.toLowerCase()}`}`], `run/${run.id}`, failed ? "on-running" : ""));
    for (const phase of visible(phasesOf(run.id), T)) {
      const outcome = outcomeAt(phase, T), count = phase.states.filter(it => it.name === phase.name && it.at <= T).length;
      const text = `${phase.name}${phase.cycle ? ` (cycle ${phase.cycle})` : ""}${count > 1 ? ` × ${count}` : ""}`;
      group.push(bar(phase, T, top + 21, 21, `fill-${outcome}`, [text, phase.name], `state/${phase.id}`, outcome === "running" || outcome === "failed" ? "on-running" : ""));
    }
    // The attempts themselves, and between them the pauses.
    const attempts = visible(statesOf(run.id), T, 120000).flatMap(state => (state.attempts ?? []).map(it => ({ ...it, key: `state/${state.id}`, failed: Boolean(it.error) })));
    for (const it of spaced(attempts)) if (it.at <= T) group.push(bar(it, T, top + 46, 11, it.error && it.until <= T ? "fill-failed" : "fill-look", [], it.key));
  }
  parts.push(s("g", { "clip-path": "url(#plot)" }, group.flat(9).filter(Boolean)));
  const run = runAt(Math.min(reading, T)), phase = run && goesOn(run, Math.min(reading, T)) ? phaseAt(run, Math.min(reading, T)) : undefined;
  parts.push(label(top + 12, shown === "audit" ? "audit" : "run", phase?.cycle ? `cycle ${phase.cycle}` : ""), label(top + 35, "states"), label(top + 55, "attempts"));
}

function drawQueues(parts, T, top, height, reading) {
  const rows = [["TrackingQueue", "queue to ledger"], ["LoggingQueue", "queue to log"]];
  for (const [row, [queue, text]] of rows.entries()) {
    const base = top + 17 + row * 20, samples = once(queue, () => all("queue").filter(it => it.queue === queue).map((it, at, list) => ({ ...it, until: list[at + 1]?.at })));
    const count = it => it.waiting + it.delayed + it.in_flight, most = Math.max(3, ...samples.map(count));
    const group = visible(samples, T).filter(count).map(it => {
      const tall = (count(it) / most) * 16, busy = (it.in_flight / most) * 16;
      const all = { x: x(it.at), width: Math.max(1.5, x(endOf(it, T) ?? T) - x(it.at)), "data-key": `queue/${it.id}` };
      const title = `${plural(it.waiting + it.delayed, "message")} waiting, ${it.in_flight} in flight`;
      return [s("rect", { ...all, y: base - tall, height: tall, class: "queue" }, s("title", {}, title)), s("rect", { ...all, y: base - busy, height: busy, class: "flight" })];
    });
    parts.push(s("g", { "clip-path": "url(#plot)" }, group.flat()), s("line", { x1: GUTTER, x2: width() - RIGHT, y1: base, y2: base, class: "edge-of-track" }));
    const at = samples[until(samples, Math.min(reading, T)) - 1];
    parts.push(label(base - 3, text, at ? String(count(at)) : ""));
  }
  const dead = once("dead", () => all("queue").filter(it => DEAD.includes(it.queue)));
  const counts = new Map();
  for (const it of dead.slice(0, until(dead, Math.min(reading, T)))) counts.set(it.queue, it.waiting + it.delayed + it.in_flight);
  const total = [...counts.values()].reduce((sum, it) => sum + it, 0);
  const marks = visible(dead.map(it => ({ ...it, until: it.at })), T).filter(it => it.waiting + it.in_flight > 0).map(it => s("circle", { cx: x(it.at), cy: top + 50, r: 4, class: "dead", "data-key": `queue/${it.id}` }, s("title", {}, `${it.queue}: ${plural(it.waiting, "message")}`)));
  parts.push(s("g", { "clip-path": "url(#plot)" }, marks), label(top + 54, "dead letters", dead.length ? String(total) : "", total ? "over" : ""));
}

function drawInvocations(parts, T, top) {
  for (const [row, [key, text]] of rowsOfFunctions().entries()) {
    const y = top + row * 15, list = once(`invocations of ${key}`, () => all("invocation").filter(it => it.group === key));
    const seen = visible(list, T, 120000).filter(it => it.until >= view.from);
    const group = spaced(seen).map(it => bar(it, T, y, 11, `invocation${it.failed ? " failed" : ""}`, [], `invocation/${it.id}`));
    parts.push(s("g", { "clip-path": "url(#plot)" }, group.flat(9).filter(Boolean)), label(y + 10, text, seen.length ? counted(seen.length) : ""));
  }
}

/** One object's way. */
function drawObject(parts, T, top, height) {
  const group = [], events = (byName("event").get(followed) ?? []).filter(it => it.at <= T);
  for (const [at, event] of events.entries()) {
    if (isDeletion(event)) continue;
    const next = events[at + 1];
    group.push(bar({ at: event.at, until: next?.at }, T, top, 16, "fill-done", [`in the bucket, ${bytes(event.document.size ?? 0)}`], `event/${event.id}`));
  }
  const marks = [];
  const mark = (at, text, className, key) => at <= T && marks.push({ at, text, className, key });
  for (const event of events) {
    group.push(s("line", { x1: x(event.at), x2: x(Math.min(T, event.until)), y1: top + 25, y2: top + 25, class: "step" }));
    mark(event.at, isDeletion(event) ? "deleted" : "uploaded", isDeletion(event) ? "gone-mark" : "added-mark", `event/${event.id}`);
    mark(event.until, "recorded", "flight", `event/${event.id}`);
  }
  for (const { at, cleaning } of byName("cleaning").get(followed) ?? []) mark(at, "chosen", "dead", `cleaning/${cleaning.id}`);
  for (const line of byName("line").get(followed) ?? []) if (line.contract === "object-event-line") mark(Date.parse(line.document.timestamp), "logged", "flight", `line/${line.id}`);
  // What stands close together is named together.
  const names = [];
  for (const { at, text, className, key } of marks.sort((a, b) => a.at - b.at)) {
    const px = x(at), last = names.at(-1);
    group.push(s("circle", { cx: px, cy: top + 25, r: 4, class: className, "data-key": key }, s("title", {}, `${time(at, true)} ${text}`)));
    if (last && px - last.px < last.text.length * 5.6 + 12) last.text += `, ${text}`; else names.push({ px, text });
  }
  for (const { px, text } of names) group.push(s("text", { x: px - 4, y: top + 41, class: "small quiet" }, text));
  const short = followed.length > 16 ? `${followed.slice(0, 15)}…` : followed;
  parts.push(s("g", { "clip-path": "url(#plot)" }, group.flat(9).filter(Boolean)), s("text", { x: 12, y: top + 13, class: "small strong" }, short, s("title", {}, followed)), label(top + 29, "its events"));
}

// ---- Moving

function look(from, to) {
  const span = Math.min(Math.max(to - from, 500), 7 * 86400000), middle = (from + to) / 2;
  [view.from, view.to, view.follows] = [middle - span / 2, middle + span / 2, false];
  changed();
}
const zoom = (factor, around = (view.from + view.to) / 2) => look(around - (around - view.from) * factor, around + (view.to - around) * factor);
const pan = share => look(view.from + (view.to - view.from) * share, view.to + (view.to - view.from) * share);
function followPresent() { view.follows = true; changed(); }
function fitRun() {
  const run = runAt(present());
  if (!run) return followPresent();
  const end = run.until ?? present(), margin = Math.max(1500, (end - run.at) * 0.04);
  look(run.at - margin, end + margin);
}

let dragged;
tracksAt.addEventListener("pointerdown", event => { if (event.button === 0) dragged = { x: event.clientX, from: view.from, to: view.to, moved: false, id: event.pointerId }; });
tracksAt.addEventListener("pointermove", event => {
  const box = tracksAt.getBoundingClientRect(), px = event.clientX - box.left;
  if (dragged && (dragged.moved || Math.abs(event.clientX - dragged.x) > 3)) {
    if (!dragged.moved) { dragged.moved = true; tracksAt.setPointerCapture(dragged.id); tracksAt.classList.add("dragged"); }
    const by = ((dragged.x - event.clientX) / (width() - GUTTER - RIGHT)) * (dragged.to - dragged.from);
    look(dragged.from + by, dragged.to + by);
  }
  pointed = px >= GUTTER && px <= width() - RIGHT ? timeAt(px) : undefined;
  changed();
});
const drop = () => { tracksAt.classList.remove("dragged"); setTimeout(() => { dragged = undefined; }); };
tracksAt.addEventListener("pointerup", drop);
tracksAt.addEventListener("pointercancel", drop);
tracksAt.addEventListener("pointerleave", () => { pointed = undefined; changed(); });
tracksAt.addEventListener("wheel", event => {
  if (!event.ctrlKey && !event.metaKey && !event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
  event.preventDefault();
  if (event.ctrlKey || event.metaKey) zoom(Math.exp(event.deltaY * 0.004), timeAt(event.clientX - tracksAt.getBoundingClientRect().left));
  else pan((event.deltaX || event.deltaY) / width());
}, { passive: false });
tracksAt.addEventListener("click", event => { if (!dragged?.moved) choose(event.target.closest("[data-key]")?.dataset.key); });
tracksAt.addEventListener("dblclick", fitRun);
