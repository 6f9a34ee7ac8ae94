// What was recorded, and what it says about a moment. `T` is that moment: the present, or where the replay is.

const about = { stack: { threshold_bytes: 0, period_seconds: 60, name: "", place: "", bucket_name: "" }, machines: [], vocabulary: {} };
const KINDS = ["run", "state", "event", "cleaning", "row", "alarm", "queue", "invocation", "line"];
let kept, sorted, version = 0;

function forget() {
  kept = Object.fromEntries(KINDS.map(kind => [kind, new Map()]));
  sorted = {};
}
forget();

function put(records) {
  for (const record of records) {
    if (!kept[record.kind]) continue;
    const was = kept[record.kind].get(record.id);
    kept[record.kind].set(record.id, record);
    const list = sorted[record.kind];
    // Most come in order: then nothing has to be sorted again.
    if (!was && list && (!list.length || list.at(-1).at <= record.at)) list.push(record);
    else sorted[record.kind] = undefined;
  }
  derived.clear();
  version += 1;
}

/** Of what happened at the same moment: an execution's events have numbers. */
const byId = new Intl.Collator("en", { numeric: true }).compare;

/** All of a kind, by time. */
function all(kind) {
  sorted[kind] ??= [...kept[kind].values()].sort((a, b) => a.at - b.at || byId(a.id, b.id));
  return sorted[kind];
}

/** How many of `list` began at `at` or before. */
function until(list, at) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle].at <= at) low = middle + 1; else high = middle;
  }
  return low;
}
const past = (kind, T) => all(kind).slice(0, until(all(kind), T));
const latest = (kind, T) => all(kind)[until(all(kind), T) - 1];

/** What is worked out of the records, until there are others. */
const derived = new Map();
function once(name, work) {
  if (!derived.has(name)) derived.set(name, work());
  return derived.get(name);
}

// ---- The ledger

/** Events by the moment the ledger recorded them, which is when the total changed. */
const commits = () => once("commits", () => all("event").map(it => ({ at: it.until, event: it })).sort((a, b) => a.at - b.at || byId(a.event.id, b.event.id)));
function totalAt(T) {
  const list = commits(), count = until(list, T);
  if (count > 0) return list[count - 1].event.document.total_size;
  if (list.length) return list[0].event.document.total_size - list[0].event.document.size_delta;
  return once("first total", () => [...kept.row.values()].filter(it => it.contract === "object-row").reduce((sum, it) => sum + it.document.size, 0));
}
const isDeletion = event => !/^(ObjectCreated|Audit:(Added|Corrected))/.test(event.document.event_type);

/** The newest row of each object. */
function ledgerAt(T) {
  const rows = new Map();
  for (const it of all("row")) rows.set(it.document.object_name, undefined);
  for (const { at, event } of commits()) {
    if (at > T) break;
    const { object_name, size, size_delta } = event.document;
    rows.set(object_name, { name: object_name, size: size ?? -size_delta, live: size !== null && size !== undefined, at: event.at, event });
  }
  for (const row of all("row")) {
    if (row.at > T) break;
    const name = row.document.object_name, known = rows.get(name), live = row.contract === "object-row";
    if (!known || known.event.until <= row.at) rows.set(name, { name, size: live ? row.document.size : row.document.last_size, live, at: known?.at ?? row.at, event: known?.event, row });
  }
  return [...rows.values()].filter(Boolean).sort((a, b) => b.live - a.live || (b.live ? b.size - a.size : b.at - a.at));
}

const byName = kind => once(`${kind} by name`, () => {
  const names = new Map();
  const add = (name, it) => { if (!names.has(name)) names.set(name, []); names.get(name).push(it); };
  for (const it of all(kind)) {
    if (kind === "cleaning") for (const object of it.document.objects.filter(object => !object.taken_over)) add(object.object_name, { at: Date.parse(object.chosen_at), object, cleaning: it });
    else if (it.document?.object_name) add(it.document.object_name, it);
  }
  return names;
});

/** What happened to the object, or to its row. */
const verb = event => ({ "Audit:Added": "was added to the ledger", "Audit:Corrected": "was corrected in the ledger", "Audit:Removed": "was removed from the ledger" }[event.document.event_type] ?? (isDeletion(event) ? "was deleted" : "was uploaded"));

/** Who deleted or uploaded: the cleaner's own record, or a line of the driver's, says so. */
function doer(event) {
  const { object_name } = event.document;
  if (event.document.event_type.startsWith("Audit:")) return { who: "audit" };
  const near = it => Math.abs(it.at - event.at) < 5000;
  if (isDeletion(event)) {
    const chosen = (byName("cleaning").get(object_name) ?? []).filter(it => it.at <= event.at + 1000 && event.at - it.at < 900000 && it.object.outcome !== "Kept").at(-1);
    if (chosen) return { who: "cleaner", by: chosen.cleaning.document.invoked_by, cleaning: chosen.cleaning };
  }
  const words = isDeletion(event) ? /delet/ : /upload/;
  const line = (byName("line").get(object_name) ?? []).find(it => it.group === "Driver" && words.test(it.document.message) && near(it));
  return line ? { who: "driver", line } : { who: "other" };
}
function doerInWords(event) {
  const { who, by } = doer(event);
  if (who === "cleaner") return by === "alarm" ? "the cleaner, called by the alarm" : "the cleaner, on its schedule";
  if (who === "driver") return isDeletion(event) ? "the driver, which clears what earlier runs have left" : "the driver";
  return who === "audit" ? "an audit" : "somebody else";
}

// ---- The alarm

const period = () => about.stack.period_seconds * 1000;
const periodOf = at => Math.floor(at / period()) * period();
/** The totals that the log told, each at the moment by which the metric has it. */
const toldTotals = () => once("told totals", () => all("line").filter(line => line.contract === "total-size-line").map(line => ({ at: line.at, total: line.document.total_size })));
/** Of each of the alarm's periods the greatest of them. */
const datapoints = () => once("datapoints", () => {
  const points = new Map();
  for (const { at, total } of toldTotals()) points.set(periodOf(at), Math.max(points.get(periodOf(at)) ?? 0, total));
  return points;
});
/** What the period that begins at `start` has seen by T. */
function datapoint(start, T) {
  if (start + period() <= T) return datapoints().get(start);
  const list = toldTotals(), seen = list.slice(until(list, start - 1), until(list, T)).map(it => it.total);
  return seen.length ? Math.max(...seen) : undefined;
}
const alarmAt = T => latest("alarm", T);
/** The datapoint that brought the alarm into a state, in bytes, as CloudWatch gives its reason. */
function causeOf(alarm) {
  const point = alarm.reason?.match(/\[([\d.]+) \(/)?.[1];
  return point === undefined ? undefined : Number(point);
}
const alarmMap = () => once("alarms", () => all("alarm").map((it, at, list) => ({ ...it, until: list[at + 1]?.at })));

// ---- Runs

/** The run that the page is about: the one that was picked, the newest one, or an audit, if it alone goes on. */
let picked;
function runAt(T) {
  const chosen = picked && kept.run.get(picked);
  if (chosen?.at <= T) return chosen;
  const [runs, audits] = ["driver", "audit"].map(id => once(`runs of ${id}`, () => all("run").filter(it => it.machine === id)));
  const [run, audit] = [runs, audits].map(list => list[until(list, T) - 1]);
  return audit && (!run || (goesOn(audit, T) && !goesOn(run, T))) ? audit : run;
}
const endOf = (it, T) => (it.until !== undefined && it.until <= T ? it.until : undefined);
const goesOn = (it, T) => it.at <= T && endOf(it, T) === undefined;

const NOTHING = { id: "driver", graph: { nodes: [], edges: [], width: 1, height: 1 }, story: { nodes: [], edges: [], width: 1, height: 1 } };
const machineOf = run => about.machines.find(it => it.id === (run?.machine ?? "driver")) ?? NOTHING;

/** A run's states by time. */
const statesOf = run => once(`states of ${run}`, () => all("state").filter(it => it.run === run));

/** Consecutive states with the task that they are about: what looks again and again is one phase. */
const phasesOf = run => once(`phases of ${run}`, () => {
  const phases = [];
  const { id, graph } = machineOf(kept.run.get(run)), kinds = new Map(graph.nodes.map(node => [node.name, node.type]));
  for (const state of statesOf(run)) {
    const type = kinds.get(state.name);
    // Of the driver's Map the states inside are told, of the audit's the Map alone.
    if (type === "Map" && id === "driver") continue;
    const last = phases.at(-1), leads = type === "Task" || type === "Map" || type === "Fail" || type === "Succeed" || !last || last.cycle !== state.cycle;
    if (leads && !(last?.name === state.name && last.cycle === state.cycle)) phases.push({ id: state.id, run, name: state.name, cycle: state.cycle, at: state.at, states: [state] });
    else last.states.push(state);
  }
  for (const [at, phase] of phases.entries()) {
    const last = phase.states.at(-1);
    phase.until = phases[at + 1]?.at ?? last.until;
    const failed = phase.states.find(it => it.outcome === "failed" || it.outcome === "caught");
    phase.outcome = last.outcome === "running" ? "running" : failed ? failed.outcome : "done";
  }
  return phases;
});
const phaseAt = (run, T) => { const list = phasesOf(run.id); return list[until(list, T) - 1]; };
/** How it stands at T. */
const outcomeAt = (it, T) => (endOf(it, T) === undefined ? "running" : it.outcome);
const planOf = (run, T) => {
  const state = statesOf(run.id).findLast(it => it.name === "PrepareRun" && it.at <= T && it.attempts?.some(attempt => attempt.output?.Payload?.plan));
  return state?.attempts.findLast(attempt => attempt.output?.Payload?.plan).output.Payload.plan;
};
const shortly = run => run.id.slice(0, 8);
