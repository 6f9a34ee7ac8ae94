// What one thing got and gave, why it waits, and what was written meanwhile.

const detailAt = h("aside", { hidden: true, "aria-label": "Details" });
let chosen, focusBefore;

function choose(key) {
  if (!key) return;
  if (!chosen) focusBefore = document.activeElement;
  chosen = key;
  drawDetail(present(), true);
}
function close() {
  if (!chosen) return;
  chosen = undefined;
  detailAt.hidden = true;
  focusBefore?.focus?.();
}

/** JSON with what its contract says of each field. */
function json(value, contract, path = "", top = true) {
  const words = about.vocabulary[contract] ?? {};
  const plain = it => it === null ? h("span", { class: "quiet" }, "null") : h("span", { class: typeof it === "string" ? "s" : "n" }, JSON.stringify(it));
  const what = at => words[at] ? h("span", { class: "what" }, `  ${words[at].replaceAll("`", "")}`) : "";
  const inside = (it, at) => it !== null && typeof it === "object" ? json(it, contract, at, false) : plain(it);
  if (value === null || typeof value !== "object") return top ? h("div", { class: "json" }, inside(value, path)) : plain(value);
  const rows = Array.isArray(value)
    ? value.map(it => h("div", {}, inside(it, `${path}[]`)))
    : Object.entries(value).map(([key, it]) => {
      const at = path ? `${path}.${key}` : key;
      return h("div", {}, h("span", { class: "k" }, `${key}: `), it !== null && typeof it === "object" ? [what(at), inside(it, at)] : [inside(it, at), what(at)]);
    });
  const empty = rows.length ? "" : h("span", { class: "quiet" }, Array.isArray(value) ? "[]" : "{}");
  return h("div", { class: top ? "json" : "" }, top && words[""] && !path ? h("div", { class: "json-top what" }, words[""].replaceAll("`", "")) : "", ...rows.map(row => { if (top) row.className = "json-top"; return row; }), empty);
}

/** A function's own name: size-tracking. */
const kebab = name => name.replace(/(?<=.)[A-Z]/g, it => `-${it}`).toLowerCase();
const section = (title, ...content) => h("section", {}, h("h3", {}, title), ...content);
const facts = pairs => h("dl", { class: "facts" }, pairs.filter(([, it]) => it !== undefined && it !== "").flatMap(([term, it]) => [h("dt", {}, term), h("dd", {}, it)]));
const moment = at => at === undefined ? "" : [stamp(at), h("span", { class: "quiet" }, ` .${pad(new Date(at).getUTCMilliseconds(), 3)}`)];
const failure = it => it?.error ? h("p", { class: "error" }, h("b", {}, it.error), it.cause ? `: ${it.cause}` : "") : "";

function lines(list, title = "Log lines") {
  if (!list.length) return "";
  return section(title, h("ol", { class: "lines" }, list.slice(-40).map(line => {
    const text = typeof line.document === "string" ? line.document : line.document.message ?? JSON.stringify(line.document);
    const object = line.document?.object_name;
    return h("li", {}, h("time", {}, time(Date.parse(line.document?.timestamp) || line.at, true)), text, object && !text.includes(object) ? [" ", ...spoken([name(object)])] : "");
  })));
}

const DETAILS = {
  run(run, T) {
    const { sentence, why } = goesOn(run, T) ? now(T) : ended(run, T);
    const audit = run.machine === "audit";
    return [`${audit ? "Audit" : "Run"} ${run.id}`, facts([["started", moment(run.at)], ["ended", moment(endOf(run, T))], ["lasted", lasting((endOf(run, T) ?? T) - run.at)], ["states entered", String(statesOf(run.id).filter(it => it.at <= T).length)]]),
      goesOn(run, T) ? h("p", { class: "waits" }, ...spoken([...sentence, " ", ...why])) : failure(run),
      section("Input", json(run.input ?? {}, audit ? "audit-input" : "run-input")), endOf(run, T) !== undefined && run.output ? section("Output", json(run.output, audit ? "audit-report" : "run-report")) : ""];
  },
  state(state, T) {
    const run = kept.run.get(state.run), { id, graph } = machineOf(run), node = graph.nodes.find(it => it.name === state.name) ?? {}, phase = phasesOf(state.run).find(it => it.states.includes(state));
    const goes = goesOn(state, T) || (phase && goesOn(phase, T) && phase.states.includes(state) && goesOn(run ?? state, T)), end = endOf(state, T);
    const attempts = (state.attempts ?? []).filter(it => it.at <= T), last = attempts.at(-1);
    const payload = (it, contract) => it?.Payload !== undefined && contract ? it.Payload : it;
    const looks = phase?.states.filter(it => it.name === phase.name && it.at <= T) ?? [], errors = graph.edges.filter(it => it.from === state.name && it.catch).map(it => it.to);
    const wrote = all("line").slice(until(all("line"), state.at), until(all("line"), (end ?? T) + 400)).filter(it => it.group.toLowerCase() === id && it.at <= T && (!it.document.span?.run_id || it.document.span.run_id === state.run));
    return [`${state.name}${state.cycle ? ` (cycle ${state.cycle})` : ""}`,
      node.comment ? h("p", {}, node.comment) : "",
      facts([["type", node.type], ["state", { running: "in progress", done: "done", caught: "its error was caught", failed: "failed" }[outcomeAt(state, T)]], ["entered", moment(state.at)], ["left", moment(end)], ["lasted", lasting((end ?? T) - state.at)], ["on an error", errors.join(", ")]]),
      goes && run ? h("p", { class: "waits" }, h("b", {}, "Why it waits: "), ...spoken(why(run, phase ?? { states: [state], name: state.name, cycle: state.cycle, at: state.at }, T))) : "",
      end !== undefined ? failure(state) : "",
      attempts.length > 1 || attempts.some(it => it.error) ? section("Attempts", h("ol", { class: "lines" }, attempts.map((it, at) => h("li", {}, `${at + 1}. `, stamp(it.at), it.until !== undefined && it.until <= T ? [it.error ? "failed" : "succeeded", ` after ${lasting(it.until - it.at)}`, failure(it)] : "goes on")))) : "",
      looks.length > 1 ? section(`It has looked ${plural(looks.length, "time")}`, h("div", { class: "tabs" }, looks.slice(-30).map(it => [h("button", { type: "button", "aria-pressed": String(it === state), onclick: () => choose(`state/${it.id}`) }, time(it.at)), " "]))) : "",
      last ? section("Got", json(payload(last.input, node.request), node.request)) : section("Input", json(state.input ?? null)),
      last?.until <= T && last.output !== undefined ? section("Gave", json(payload(last.output, node.response), node.response)) : "",
      !last && end !== undefined && state.output !== undefined ? section("Output", json(state.output)) : "",
      lines(wrote)];
  },
  node(_, T, name) {
    const { graph } = machineOf(runAt(T)), node = graph.nodes.find(it => it.name === name) ?? {};
    return [name, node.comment ? h("p", {}, node.comment) : "", facts([["type", node.type], ["state", "not entered by this run so far"], ["leads to", graph.edges.filter(it => it.from === name && !it.catch).map(it => it.to).join(", ")], ["on an error", graph.edges.filter(it => it.from === name && it.catch).map(it => it.to).join(", ")]])];
  },
  event(event, T) {
    const it = event.document, { cleaning } = doer(event);
    const wrote = (byName("line").get(it.object_name) ?? []).filter(line => line.at <= T && Math.abs(line.at - event.at) < 30000);
    return [`${it.object_name} ${verb(event)}`, facts([["by", doerInWords(event)], ["size", size(Math.abs(it.size_delta))], [it.event_type.startsWith("Audit:") ? "as of" : isDeletion(event) ? "deleted" : "uploaded", moment(event.at)], ["recorded", moment(event.until)], ["on its way for", lasting(event.until - event.at)], ["total then", size(it.total_size)]]),
      h("p", {}, h("button", { type: "button", onclick: () => follow(it.object_name) }, "Follow this object")),
      section("Record in the history", json(it, "history-record")), cleaning ? section("The cleaning that chose it", json(cleaning.document, "cleaning-record")) : "", lines(wrote)];
  },
  cleaning(cleaning) { return ["A cleaning", section("Record", json(cleaning.document, "cleaning-record"))]; },
  row(row) { return [row.document.object_name, section("Row of the ledger", json(row.document, row.contract))]; },
  alarm(alarm, T) {
    const next = all("alarm")[all("alarm").indexOf(alarm) + 1];
    return [`The alarm: ${alarm.state}`, facts([["since", moment(alarm.at)], ["until", next && next.at <= T ? moment(next.at) : ""], ["threshold", size(about.stack.threshold_bytes)], ["period", lasting(period())], ["name", about.stack.alarm_name]]),
      !next && alarm.state === "ALARM" ? h("p", { class: "waits" }, `Its period ends in ${seconds(periodOf(T) + period() - T)}.`) : "", alarm.reason ? section("CloudWatch's reason", h("p", {}, alarm.reason)) : ""];
  },
  queue(queue) { return [queue.queue, facts([[queue.within_seconds ? `at most, in ${queue.within_seconds} s from` : "looked at", moment(queue.at)], ["waiting", String(queue.waiting)], ["delayed", String(queue.delayed)], ["in flight", String(queue.in_flight)]]), h("p", { class: "quiet" }, queue.queue === "LoggingQueue" ? "Messages wait three seconds here: logging tells what an event has changed, which the ledger has to know first." : queue.queue.endsWith("Dlq") ? "Nothing reads this queue. What is in it was given up." : "Messages are received by size-tracking, which applies them to the ledger.")]; },
  invocation(it, T) {
    const wrote = all("line").filter(line => line.request_id === it.id), decided = wrote.find(line => line.contract === "cleaner-decision-line");
    const states = it.group === "Driver" ? all("state").filter(state => state.attempts?.some(attempt => attempt.at <= it.at + 300 && (attempt.until ?? T) >= it.until - 300)) : [];
    return [`An invocation of ${kebab(it.function)}`, facts([["began", moment(it.at)], ["ended", moment(it.until)], ["took", lasting(it.until - it.at)], ["outcome", it.failed ? "an error" : "success"], ["request", it.id], ["for", states[0]?.name]]),
      decided ? h("p", { class: "waits" }, ...spoken(decision(decided))) : "", lines(wrote), ...wrote.filter(line => line.contract !== "log-line" && line.contract !== "text").slice(0, 6).map(line => section(`Line (${line.contract})`, json(line.document, line.contract)))];
  },
  line(line) {
    const decided = line.contract === "cleaner-decision-line";
    return [decided ? "A decision of the cleaner" : "A log line", decided ? h("p", { class: "waits" }, ...spoken(decision(line))) : "", section("Line", json(line.document, line.contract))];
  },
};

function drawDetail(T, isNew = false) {
  if (!chosen) return;
  const [kind, id] = [chosen.slice(0, chosen.indexOf("/")), chosen.slice(chosen.indexOf("/") + 1)], it = kept[kind]?.get(id);
  if (kind !== "node" && !it) return close();
  const [title, ...content] = DETAILS[kind](it, T, id);
  const scrolled = isNew ? 0 : detailAt.scrollTop;
  const button = h("button", { type: "button", "aria-label": "Close the details", onclick: close }, "Close");
  const focused = detailAt.contains(document.activeElement);
  detailAt.replaceChildren(h("header", {}, h("h2", {}, title), button), h("div", { class: "body" }, content.filter(part => part !== "")));
  detailAt.hidden = false;
  detailAt.scrollTop = scrolled;
  if (isNew || focused) button.focus({ preventScroll: true });
}
