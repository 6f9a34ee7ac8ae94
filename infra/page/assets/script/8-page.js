// Puts the page together, and keeps it up to date.

const recorded = document.getElementById("recording").textContent.trim();
const isLive = recorded === "";
let taken = Date.now(), replayed, playing, trouble, hasBegun = false;
/** The moment that the page shows. */
const present = () => isLive ? Date.now() : replayed ?? taken;

const at = {
  machine: h("h2", {}, "The state machine"),
  status: h("span", { class: `live${isLive ? "" : " recorded"}`, role: "status" }, isLive ? "connecting" : "recorded"), where: h("span", { class: "where" }), actions: h("div", { class: "actions" }),
  sentence: h("p", { class: "sentence" }), why: h("p", { class: "why" }), figures: h("dl", { class: "figures" }), story: h("ol", { class: "story" }), ledger: h("tbody"), history: h("tbody"), cycles: h("span", { class: "tools tabs" }), whole: h("button", { type: "button", onclick: () => { showsAll = !showsAll; changed(); } }, "All states"),
  object: h("input", { list: "objects", placeholder: "follow an object", "aria-label": "Follow an object", size: 18 }), objects: h("datalist", { id: "objects" }), storyNote: h("span", { class: "quiet" }), ledgerNote: h("span", { class: "quiet" }), runs: h("select", { "aria-label": "Run", hidden: true, onchange: event => { picked = event.target.value; fitRun(); } }),
};

function build() {
  const button = (text, label, act) => h("button", { type: "button", title: label, "aria-label": label, onclick: act }, text);
  const tools = h("span", { class: "tools" }, at.object, button("−", "Show more time (-)", () => zoom(1.6)), button("+", "Show less time (+)", () => zoom(1 / 1.6)), button("Run", "Show the whole run (f)", fitRun), isLive ? button("Now", "Follow the present (n)", followPresent) : "");
  const tracks = h("section", { class: "card tracks", tabindex: 0, "aria-label": "What happened when" }, h("header", {}, h("h2", {}, "What happened when"), at.runs, tools), tracksAt, h("p", { class: "keys" }, "Drag to move, Ctrl and wheel to zoom, click for details. Keys: ← → move, + − zoom, f shows the run, n the present, Esc closes."));
  const legend = h("p", { class: "legend" }, ...[["done", "done"], ["running", "in progress"], ["failed", "failed"], ["caught", "error caught"]].map(([name, text]) => h("span", {}, h("i", { class: `l-${name}` }), text)), at.whole);
  const table = (heads, body, empty) => h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, heads.map(([text, number]) => h("th", { class: number ? "number" : "" }, text)))), body));
  const replay = h("section", { class: "replay", "aria-label": "Replay", hidden: isLive });
  if (!isLive) replay.append(...scrubber());
  document.body.prepend(
    h("header", { class: "bar" }, h("h1", {}, "Spillway"), at.status, at.where, at.actions),
    h("section", { class: "now", "aria-label": "Now" }, h("div", {}, at.sentence, at.why), at.figures), replay,
    h("main", {},
      h("div", { class: "column" }, tracks, h("section", { class: "card" }, h("header", {}, h("h2", {}, "What happened, and why"), at.storyNote), h("div", { class: "scroll" }, at.story)),
        h("div", { class: "pair" },
          h("section", { class: "card" }, h("header", {}, h("h2", {}, "Ledger"), at.ledgerNote), table([["object"], ["size", true], ["state"], [""]], at.ledger)),
          h("section", { class: "card" }, h("header", {}, h("h2", {}, "History"), h("span", { class: "quiet" }, "as the ledger recorded it")), table([["recorded"], ["object"], ["change", true], ["total", true]], at.history)))),
      h("div", { class: "column" }, h("section", { class: "card machine" }, h("header", {}, at.machine, at.cycles), h("div", { class: "body" }, machineAt), legend))),
    detailAt);
  document.body.append(at.objects);
  at.object.addEventListener("change", () => follow(at.object.value));
  for (const list of [at.story, at.ledger, at.history]) list.addEventListener("click", event => choose(event.target.closest("[data-key]")?.dataset.key));
  document.addEventListener("keydown", event => {
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) return chosen ? close() : follow("");
    if (event.target.closest("input, textarea, select, dialog, .node") || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = { ArrowLeft: () => pan(-0.15), ArrowRight: () => pan(0.15), "+": () => zoom(1 / 1.6), "=": () => zoom(1 / 1.6), "-": () => zoom(1.6), f: fitRun, n: followPresent, " ": isLive ? undefined : play }[event.key];
    if (act && !(event.key === " " && event.target.closest("button"))) { event.preventDefault(); act(); }
  });
  new ResizeObserver(() => changed()).observe(tracksAt);
  if (isLive) {
    const { run, upload } = forms();
    at.actions.append(h("button", { class: "main", type: "button", id: "start-run", onclick: run.open }, "Start a run…"), h("button", { type: "button", id: "upload", onclick: upload.open }, "Upload an object…"), at.redrive = h("button", { type: "button", id: "redrive", hidden: true, onclick: redrive }, "Redrive dead letters"));
  }
}

async function redrive() {
  at.redrive.disabled = true;
  for (const queue of ["TrackingDlq", "LoggingDlq"]) {
    const answer = await ask("POST", "/redrive", { queue });
    if (!answer.ok) trouble = answer.reason;
  }
  at.redrive.disabled = false;
  changed();
}

function follow(object) {
  followed = object || undefined;
  at.object.value = object;
  drawn.lists = undefined;
  changed();
}

// ---- The replay of a recording

let slider, playButton, clock;
function bounds() {
  const run = runAt(Infinity), last = Math.max(...KINDS.map(kind => all(kind).at(-1)?.until ?? all(kind).at(-1)?.at ?? 0));
  return run ? [run.at - 500, Math.max(run.until ?? last, last) + 500] : [taken - 60000, taken];
}
function scrubber() {
  playButton = h("button", { type: "button", onclick: play }, "Replay");
  slider = h("input", { type: "range", min: 0, max: 1000, value: 1000, "aria-label": "Moment", oninput: () => { stop(); const [from, to] = bounds(); replayed = slider.value >= 1000 ? undefined : from + ((to - from) * slider.value) / 1000; changed(); } });
  clock = h("span", { class: "quiet" });
  return [playButton, slider, clock, h("select", { id: "speed", "aria-label": "Speed" }, [1, 2, 4, 8, 16].map(it => h("option", { value: it, selected: it === 4 }, `${it} ×`)))];
}
function stop() { playing = undefined; playButton.textContent = "Replay"; }
function play() {
  if (playing) return stop();
  const [from, to] = bounds();
  if (replayed === undefined || replayed >= to) replayed = from;
  playButton.textContent = "Pause";
  const begun = playing = { T: replayed, at: performance.now() };
  const step = () => {
    if (playing !== begun) return;
    const speed = Number(document.getElementById("speed").value), clockNow = performance.now();
    begun.T += (clockNow - begun.at) * speed; begun.at = clockNow;
    replayed = begun.T;
    if (replayed >= to) { replayed = undefined; stop(); } else requestAnimationFrame(step);
    changed();
  };
  step();
}

// ---- Drawing

const drawn = { lists: undefined, second: undefined };
let isDue = false;
function changed() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => { isDue = false; draw(); });
}

function draw() {
  if (!hasBegun) return;
  const T = present();
  if (view.follows) {
    const span = view.to - view.from, run = runAt(T), wanted = run && isLive ? Math.min(Math.max(30000, T - run.at + 4000), 120000) : span;
    // The whole run is in view, as long as it is a short one.
    [view.from, view.to] = [T - wanted * 0.94, T + wanted * 0.06];
  }
  drawTracks(T);
  colourMachine(T);
  drawNow(T);
  // A replay shows more frames than anybody can read lists.
  const lists = `${version}/${isLive ? "" : playing ? Math.floor(performance.now() / 250) : T}/${followed}/${runAt(T)?.id}`;
  if (drawn.lists !== lists) { drawn.lists = lists; drawLists(T); }
  const second = `${version}/${Math.floor(T / 1000)}/${chosen}`;
  if (drawn.second !== second) { drawn.second = second; drawDetail(T); }
  if (!isLive) {
    const [from, to] = bounds();
    if (playing || replayed === undefined) slider.value = replayed === undefined ? 1000 : ((replayed - from) / (to - from)) * 1000;
    clock.textContent = time(T, true).slice(0, -2);
  }
}

function replaceText(element, parts) {
  const key = JSON.stringify(parts);
  if (element.dataset.shown === key) return;
  element.dataset.shown = key;
  element.replaceChildren(...spoken(parts));
}

function drawNow(T) {
  const { sentence, why: reason, failed } = now(T), limit = about.stack.threshold_bytes, total = totalAt(T), alarm = alarmAt(T), run = runAt(T);
  replaceText(at.sentence, sentence);
  at.sentence.classList.toggle("failed", Boolean(failed));
  replaceText(at.why, reason);
  const gone = run ? commits().filter(it => it.at <= T && it.at >= run.at && isDeletion(it.event) && doer(it.event).who === "cleaner") : [];
  const state = alarm?.state === "INSUFFICIENT_DATA" ? "no data" : alarm?.state ?? "–", next = periodOf(T) + period() - T, isOver = run && endOf(run, T) !== undefined;
  const figures = [
    ["total", bytes(total), `threshold ${bytes(limit)}`, total >= limit ? "over" : "fine"],
    ["alarm", state, isOver && !isLive ? " " : `period ends in ${seconds(next)}`, { ALARM: "over", OK: "ok" }[state] ?? ""],
    [run ? noun(run) : "run", run ? lasting((endOf(run, T) ?? T) - run.at).replace(/\.\d s/, " s") : "–", run ? (isOver ? run.status.toLowerCase().replace("_", " ") : "in progress") : "", isOver && run.status !== "SUCCEEDED" ? "over" : ""],
    ["deleted by the cleaner", run ? plural(gone.length, "object") : "–", run ? bytes(gone.reduce((sum, it) => sum - it.event.document.size_delta, 0)) : "", ""],
  ];
  const key = JSON.stringify(figures);
  if (at.figures.dataset.shown !== key) {
    at.figures.dataset.shown = key;
    at.figures.replaceChildren(...figures.map(([term, value, more, tone]) => h("div", {}, h("dt", {}, term), h("dd", { class: tone, title: term === "total" ? `${grouped(total)} bytes` : undefined }, value), h("dd", {}, more))));
  }
}

function drawLists(T) {
  const entries = story(T, followed);
  at.storyNote.textContent = followed ? `about ${followed} only` : "the newest first";
  at.story.replaceChildren(...(entries.length ? entries.map(({ at: when, tone, key, text }) => h("li", { class: tone, "data-key": key, tabindex: 0, onkeydown: event => { if (event.key === "Enter" && event.target === event.currentTarget) choose(key); } }, stamp(when), h("i"), h("span", {}, ...spoken(text)))) : [h("li", { class: "empty" }, "Nothing yet.")]));
  const rows = ledgerAt(T), live = rows.filter(it => it.live);
  at.ledgerNote.textContent = `${plural(live.length, "object")}, ${bytes(live.reduce((sum, it) => sum + it.size, 0))}`;
  at.ledger.replaceChildren(...rows.slice(0, 100).map(row => {
    const who = row.event ? doerInWords(row.event) : "before this recording", key = row.event ? `event/${row.event.id}` : `row/${row.row.id}`;
    return h("tr", { class: row.live ? "" : "deleted", "data-key": key }, h("td", {}, ...spoken([name(row.name)])), h("td", { class: "number" }, row.size === null || row.size === undefined ? "–" : size(row.size)), h("td", {}, row.live ? `uploaded by ${who}` : `deleted by ${who}`), h("td", {}, row.live && isLive ? h("button", { type: "button", class: "delete", "aria-label": `Delete ${row.name}`, onclick: event => { event.stopPropagation(); deleteObject(row.name); } }, "Delete…") : ""));
  }));
  if (!rows.length) at.ledger.replaceChildren(h("tr", {}, h("td", { colspan: 4, class: "quiet" }, "The bucket is empty.")));
  const history = commits().slice(0, until(commits(), T)).slice(-100).reverse().filter(({ event }) => !followed || event.document.object_name === followed);
  at.history.replaceChildren(...history.map(({ at: when, event }) => h("tr", { "data-key": `event/${event.id}` }, h("td", {}, stamp(when)), h("td", {}, ...spoken([name(event.document.object_name)])), h("td", { class: "number", title: `${event.document.size_delta} bytes` }, delta(event.document.size_delta)), h("td", { class: "number" }, size(event.document.total_size)))));
  if (!history.length) at.history.replaceChildren(h("tr", {}, h("td", { colspan: 4, class: "quiet" }, "Nothing recorded yet.")));
  at.objects.replaceChildren(...rows.map(row => h("option", { value: row.name })));
  const { cycles, cycle } = cyclesAt(T);
  at.cycles.replaceChildren(...(cycles.length > 1 ? cycles.map(it => h("button", { type: "button", "aria-pressed": String(it === cycle), onclick: () => { shownCycle = it === cycles.at(-1) ? undefined : it; drawn.lists = undefined; changed(); } }, `Cycle ${it}`)) : []));
  const runs = past("run", T), run = runAt(T);
  at.runs.hidden = runs.length < 2;
  at.runs.replaceChildren(...runs.slice(-30).reverse().map(it => h("option", { value: it.id, selected: it === run }, `${time(it.at)} ${noun(it)} ${it.status.toLowerCase().replace("_", " ")}`)));
  if (at.redrive) {
    const newest = new Map(all("queue").map(it => [it.queue, it.waiting + it.in_flight])), dead = (newest.get("TrackingDlq") ?? 0) + (newest.get("LoggingDlq") ?? 0);
    at.redrive.hidden = dead === 0;
    at.redrive.textContent = `Redrive ${plural(dead, "dead letter")}`;
  }
}

// ---- Data

function begin(recording) {
  const { records, ...rest } = recording;
  Object.assign(about, rest);
  taken = recording.taken_at;
  forget();
  put(records);
  at.where.textContent = `keeps the bucket ${about.stack.bucket_name} under ${bytes(about.stack.threshold_bytes)} by deleting objects`;
  at.where.title = `Stack ${about.stack.name} on ${about.stack.place}`;
  document.title = `Spillway: ${about.stack.name}`;
  hasBegun = true;
  drawnStates = undefined;
}

function told(text) { trouble = text; at.status.textContent = text ?? "live"; at.status.classList.toggle("trouble", Boolean(text)); }

build();
if (isLive) {
  const events = new EventSource("/events");
  events.addEventListener("recording", event => { begin(JSON.parse(event.data)); told(); changed(); });
  events.addEventListener("records", event => { put(JSON.parse(event.data)); changed(); });
  events.addEventListener("trouble", event => { const text = JSON.parse(event.data); told(text ? `the stack does not answer (${text})` : undefined); });
  events.addEventListener("error", () => told("the stack has stopped, or this page lost it; trying again"));
  let last = 0;
  const tick = () => {
    // As often as it makes a difference of a pixel, and four times a second at most; news are drawn at once.
    const pixel = (view.to - view.from) / width(), clockNow = performance.now();
    if (clockNow - last >= Math.min(1000, Math.max(250, pixel)) && !document.hidden) { last = clockNow; changed(); }
    setTimeout(tick, 100);
  };
  tick();
} else {
  begin(JSON.parse(recorded));
  fitRun();
}
