// What goes on, why it waits, and what has happened, in sentences. Objects' names are parts of their own, so that they can be
// followed; everything is text.

const name = object => ({ object });

/** Objects in a row. */
const listed = objects => objects.flatMap((it, at) => [at === 0 ? "" : at === objects.length - 1 ? " and " : ", ", it].flat());
const noun = run => run.machine === "audit" ? "audit" : "run";

/** A sentence about the moment, and why nothing goes faster. */
function now(T) {
  const run = runAt(T), total = totalAt(T), limit = about.stack.threshold_bytes;
  if (!run) {
    const sentence = total >= limit ? ["The bucket is over its limit."] : ["No run yet."];
    return { sentence, why: [`The bucket holds ${bytes(total)}. At ${bytes(limit)} the alarm calls the cleaner, which deletes objects.`] };
  }
  const plan = planOf(run, T), end = endOf(run, T);
  if (end !== undefined) return ended(run, T);
  const phase = phaseAt(run, T);
  const cycle = phase?.cycle && plan ? `Cycle ${phase.cycle} of ${plan.cycles.length}: ` : "";
  const doing = {
    AcquireRunLock: "The run takes the stack for itself.",
    PrepareRun: "The run prepares the bucket.",
    AlignWindow: "The run waits until a period of the alarm begins.",
    Upload: "The run uploads objects, and waits until the ledger has them.",
    WaitForDeletion: "The run waits for the cleaner to make room.",
    WaitForAlarmOk: "The run waits until the alarm is OK again.",
    CheckRun: "The run checks that all went as it should.",
    CallPlotApi: "The run has a plot made.",
    ReleaseRunLock: "The run gives the stack back.",
    ReleaseRunLockAfterFailure: "The run has failed, and gives the stack back.",
    ReadRunLock: "Another run holds the stack.",
    AcquireAuditLock: "The audit makes sure that it is the only one.",
    PrepareAudit: "The audit looks whether events reach the ledger.",
    LetEventsArrive: "The audit waits for events that may be on their way.",
    CompareObjects: "The audit compares every object of the bucket with the ledger.",
    SumUp: "The audit compares the sums of bucket and ledger.",
    CompareRows: "The audit compares every row of the ledger with the bucket.",
    ReportAudit: "The audit adds up what it found.",
    ReleaseAuditLock: "The audit is done.",
  }[phase?.name] ?? (phase ? `The ${noun(run)} is in ${phase.name}.` : run.machine === "audit" ? "An audit starts." : "A run starts.");
  const sentence = cycle ? cycle + doing[0].toLowerCase() + doing.slice(1) : doing;
  return { sentence: [sentence], why: why(run, phase, T) };
}

function ended(run, T) {
  const took = `It took ${lasting(run.until - run.at)}.`;
  if (run.status !== "SUCCEEDED") {
    const status = { FAILED: "failed", TIMED_OUT: "ran out of time", ABORTED: "was stopped" }[run.status] ?? run.status;
    return { failed: true, sentence: [`The ${noun(run)} ${status}${run.error ? `: ${run.error}` : ""}.`], why: [asSentence(run.cause), " ", took] };
  }
  if (run.machine === "audit") return { sentence: [audited(run.output)], why: [`${found(run.output)} `, took] };
  const report = run.output ?? {}, totals = report.observed_timeline?.map(bytes).join(", ");
  const gone = commits().map(it => it.event).filter(event => isDeletion(event) && event.at >= run.at);
  const sized = object => {
    const at = gone.findIndex(event => event.document.object_name === object), [event] = at < 0 ? [] : gone.splice(at, 1);
    return event ? [name(object), ` (${bytes(-event.document.size_delta)})`] : name(object);
  };
  // Who called it is said once if it was the same for all.
  const deleted = [...new Set((report.cleanings ?? []).map(it => it.invoked_by))].flatMap(by => {
    const objects = report.cleanings.filter(it => it.invoked_by === by).flatMap(it => it.deleted);
    return [`The cleaner, ${by === "alarm" ? "called by the alarm" : "on its schedule"}, deleted `, ...listed(objects.map(sized)), ". "];
  });
  const matches = JSON.stringify(report.observed_timeline) === JSON.stringify(report.expected_timeline);
  return {
    sentence: [matches ? "The run succeeded: every total was the expected one." : "The run ended, with other totals than expected."],
    why: [totals ? `The bucket's total went ${totals}. ` : "", ...deleted, took],
  };
}

/** What an audit came to. */
function audited(report) {
  const wrong = report?.drift_before?.objects ?? 0, left = report?.drift_after?.objects ?? 0;
  if (!wrong) return "The audit succeeded: the ledger has every object as it is in the bucket.";
  if (!report.repaired) return `The audit found ${plural(wrong, "object")} that the ledger has wrong, and changed nothing.`;
  return `The audit found ${plural(wrong, "object")} that the ledger had wrong, and put ${left ? `all but ${left}` : wrong === 1 ? "it" : "them"} right.`;
}
const found = report => report?.found ? `The bucket holds ${plural(report.found.listed.objects, "object")}, ${bytes(report.found.listed.bytes)}.` : "";

/** What a phase waits for, and what has to come before. */
function why(run, phase, T) {
  if (!phase) return [""];
  const limit = about.stack.threshold_bytes, total = totalAt(T), alarm = alarmAt(T);
  const state = phase.states.findLast(it => it.at <= T) ?? phase.states[0];
  const attempt = state.attempts?.findLast(it => it.at <= T);
  if (attempt?.error && attempt.until <= T && goesOn(state, T)) return [`Attempt ${state.attempts.indexOf(attempt) + 1} failed with ${attempt.error}. ${asSentence(attempt.cause)} It is tried again.`];
  const plan = planOf(run, T), cycle = plan?.cycles.find(it => it.number === phase.cycle);
  const ends = `the alarm's period ends in ${seconds(periodOf(T) + period() - T)}`;
  // The last answer is of a look that may be a second old; the ledger is looked at just now.
  const since = phasesOf(run.id).find(it => it.cycle === phase.cycle).at;
  const seen = (object, gone) => commits().some(({ at, event }) => at <= T && event.at >= since && event.document.object_name === object && isDeletion(event) === gone);
  if (phase.name === "PrepareRun") {
    const answer = phase.states.findLast(it => it.attempts?.at(-1)?.output?.Payload)?.attempts.at(-1).output.Payload;
    return [answer?.waiting_for ? `It waits: ${answer.waiting_for}.` : "It checks the scenario and empties the bucket of what earlier runs have left."];
  }
  if (phase.name === "AlignWindow") {
    const opens = Date.parse(phase.states[0].attempts?.at(-1)?.output?.Payload?.opens_at);
    return [opens > T ? `The next period begins in ${seconds(opens - T)}. Uploads then have all of a period before the alarm looks.` : "Uploads should have enough of a period before the alarm looks."];
  }
  if (phase.name === "Upload" && cycle) {
    const missing = cycle.upload.filter(it => !seen(it.object_name, false));
    return missing.length ? [...missing.flatMap((it, at) => [at ? ", " : "", name(it.object_name), ` (${bytes(it.size_bytes)})`]), missing.length === 1 ? " is not recorded in the ledger yet." : " are not recorded in the ledger yet."] : ["The ledger has recorded all of the cycle's uploads."];
  }
  if (phase.name === "WaitForDeletion" && cycle) {
    if (!cycle.expected_deletions.length) return [`Nothing has to go: ${bytes(total)} are below the threshold of ${bytes(limit)}.`];
    const missing = cycle.expected_deletions.filter(it => !seen(it, true));
    if (!missing.length) return ["The ledger has recorded every expected deletion. The run looks once a second."];
    const objects = [...missing.flatMap((it, at) => [at ? ", " : "", name(it)]), missing.length === 1 ? " is not deleted yet: " : " are not deleted yet: "];
    const chosen = missing.some(it => (byName("cleaning").get(it) ?? []).some(entry => entry.at >= since && entry.at <= T));
    if (chosen) return [...objects, "the cleaner is deleting, and the event is on its way to the ledger."];
    if (alarm?.state === "ALARM" && total >= limit) return [...objects, "the alarm has gone off, and the cleaner is at work."];
    return [...objects, total >= limit ? `the total of ${bytes(total)} has reached the threshold of ${bytes(limit)}, and ${ends}. Then it goes off and calls the cleaner.` : `the total is ${bytes(total)}.`];
  }
  if (phase.name === "WaitForAlarmOk") {
    if (alarm?.state !== "ALARM") return ["The alarm is OK. The run looks once a second."];
    const point = datapoint(periodOf(T), T);
    const now = point >= limit ? `In this period the total still was ${bytes(point)}; another one has to pass below ${bytes(limit)}.` : `If the highest total of that period is below ${bytes(limit)}, the alarm is OK then, and can go off again.`;
    return [`The alarm has been in ALARM since ${time(alarm.at)}, and ${ends}. ${now}`];
  }
  return [machineOf(run).graph.nodes.find(node => node.name === phase.name)?.comment ?? ""];
}

/** A decision of the cleaner. */
function decision(line) {
  const it = line.document, many = it.chosen_count > it.chosen.length ? ` and ${it.chosen_count - it.chosen.length} more` : "";
  const called = it.invoked_by === "alarm" ? "The alarm called the cleaner" : "The cleaner looked on its schedule";
  const totals = `${bytes(it.ledger_total_size)} would become ${bytes(it.projected_total_size)}`;
  if (!it.chosen.length) return [`${called}. ${it.message}.`];
  const outcomes = { Deleted: "deleted", AlreadyGone: "found gone", Overwritten: "kept, because it had been overwritten", Refused: "not allowed to delete", Failed: "failed to delete", Kept: "kept", DryRun: "would delete" };
  const objects = it.chosen.flatMap((object, at) => [at ? ", " : "", name(object.object_name), ` (${bytes(object.size)}${object.outcome === "Deleted" ? "" : `: ${outcomes[object.outcome]}`})`]);
  const verb = it.dry_run ? "would delete " : it.chosen.every(object => object.outcome === "Deleted") ? "deleted " : "chose ";
  const reason = `: the total of ${bytes(it.ledger_total_size)} had reached the threshold of ${bytes(it.threshold_bytes)}; ${it.dry_run ? totals : `${bytes(it.projected_total_size)} ${it.projected_total_size === 1 ? "is" : "are"} left`}.`;
  return [`${called}, and it ${verb}`, ...objects, many, reason];
}

/** What has happened, the newest first. */
function story(T, object, most = 150) {
  const entries = [], limit = about.stack.threshold_bytes;
  const add = (at, tone, key, ...text) => entries.push({ at, tone, key, text });
  for (const run of past("run", T)) {
    const cycles = run.input?.cycles?.length;
    add(run.at, "run", `run/${run.id}`, run.machine === "audit" ? "An audit started." : `A run of ${cycles ? plural(cycles, "cycle") : "the default scenario"} started. In each cycle it uploads objects, waits until the cleaner has made room, and waits until the alarm is OK again.`);
    if (endOf(run, T) === undefined) continue;
    const text = run.status === "SUCCEEDED" ? run.machine === "audit" ? audited(run.output) : "The run succeeded." : `The ${noun(run)} failed: ${run.error ?? run.status}. ${asSentence(run.cause)}`;
    add(run.until, run.status === "SUCCEEDED" ? "run" : "over", `run/${run.id}`, text);
  }
  for (const state of past("state", T)) {
    const failed = state.attempts?.filter(it => it.error && it.until <= T) ?? [];
    for (const attempt of failed) add(attempt.until, "over", `state/${state.id}`, `${state.name} failed with ${attempt.error}${state.outcome === "done" ? ", and was tried again" : ""}.`);
    if (state.name === "AlignWindow") add(state.at, "run", `state/${state.id}`, `Cycle ${state.cycle} began.`);
  }
  // Of all there are, the newest are enough.
  const recorded = (object ? commits().filter(({ event }) => event.document.object_name === object) : commits()).filter(({ at }) => at <= T).slice(-most);
  for (const { at, event } of recorded) {
    const it = event.document, was = it.total_size - it.size_delta;
    if (isDeletion(event) && doer(event).who === "cleaner") add(at, "gone", `event/${event.id}`, "The ledger has recorded that ", name(it.object_name), ` (${bytes(-it.size_delta)}) is gone. The total is ${bytes(it.total_size)}.`);
    else if (isDeletion(event)) add(at, "gone", `event/${event.id}`, name(it.object_name), ` (${bytes(-it.size_delta)}) ${verb(event)} by ${doerInWords(event)}. The total is ${bytes(it.total_size)}.`);
    else {
      const crossing = was < limit && it.total_size >= limit ? `, which reaches the threshold of ${bytes(limit)}` : "";
      add(at, "added", `event/${event.id}`, name(it.object_name), ` (${bytes(it.size ?? it.size_delta)}) ${verb(event)} by ${doerInWords(event)}. The total is ${bytes(it.total_size)}${crossing}.`);
    }
  }
  for (const [at, alarm] of past("alarm", T).entries()) {
    if (at === 0 && alarm.id === "now") continue;
    const point = causeOf(alarm), was = point === undefined ? "" : ` The highest total of its period was ${bytes(point)}.`;
    const text = { ALARM: "The alarm went off.", OK: "The alarm is OK again.", INSUFFICIENT_DATA: "The alarm has no data." }[alarm.state] ?? `The alarm is in ${alarm.state}.`;
    add(alarm.at, alarm.state === "ALARM" ? "over" : "added", `alarm/${alarm.id}`, text + was);
  }
  for (const line of past("line", T)) {
    // That there was nothing to do is said every minute.
    if (line.contract === "cleaner-decision-line" && (line.document.chosen.length || line.document.excess_bytes)) add(Date.parse(line.document.timestamp), "gone", `line/${line.id}`, ...decision(line));
  }
  const about_object = entry => !object || entry.text.some(part => part.object === object);
  return entries.filter(about_object).sort((a, b) => b.at - a.at).slice(0, most);
}

/** A sentence, with names that can be followed. */
const spoken = parts => parts.filter(part => part !== "").map(part => part?.object === undefined ? part : h("button", { class: "name", type: "button", title: "Follow this object", onclick: event => { event.stopPropagation(); follow(part.object); } }, part.object));
