// Starting a run, uploading, deleting, redriving: live only. The server reads everything by its contract.

async function ask(method, path, body) {
  try {
    const answer = await fetch(path, { method, body: typeof body === "string" ? body : JSON.stringify(body) });
    const result = await answer.json().catch(() => ({}));
    return answer.ok ? { ok: true, ...result } : { ok: false, field: result.field ?? "", reason: result.reason ?? `The server answered ${answer.status}.` };
  } catch {
    return { ok: false, field: "", reason: "The server does not answer. Is the stack still running?" };
  }
}

const DEFAULT_SCENARIO = `{
  "cycles": [
    {
      "upload": [
        { "object_name": "assignment1.txt", "size_bytes": 18 },
        { "object_name": "assignment2.txt", "size_bytes": 28 }
      ]
    },
    {
      "upload": [
        { "object_name": "assignment3.txt", "size_bytes": 2 }
      ]
    }
  ]
}`;

function form(title, fields, verb, check, submit) {
  const verdict = h("p", { class: "verdict", role: "status" }), send = h("button", { class: "main", type: "submit" }, verb);
  const say = (answer, good = "") => {
    verdict.className = `verdict ${answer.ok ? "good" : "bad"}`;
    verdict.textContent = answer.ok ? good : `${answer.field ? `${answer.field}: ` : ""}${answer.reason}`;
    send.disabled = !answer.ok;
  };
  let latest = 0;
  const typed = async () => {
    const number = ++latest, answer = await check();
    if (number === latest) say(answer, answer.good ?? "");
  };
  const dialog = h("dialog", { "aria-label": title }, h("form", { oninput: typed, onsubmit: async event => {
    event.preventDefault();
    send.disabled = true;
    const answer = await submit();
    if (answer.ok) dialog.close(); else say(answer);
    if (!answer.ok) send.disabled = false;
  } }, h("h2", {}, title), ...fields, verdict, h("div", { class: "buttons" }, h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"), send)));
  document.body.append(dialog);
  return { dialog, open() { typed(); dialog.showModal(); } };
}

function forms() {
  const scenario = h("textarea", { id: "scenario", spellcheck: "false" });
  scenario.value = DEFAULT_SCENARIO;
  const run = form("Start a run", [h("p", { class: "quiet" }, "A scenario: cycles of uploads. After each, the cleaner should delete objects until there is room again."), h("label", {}, "Scenario, as JSON", scenario)], "Start",
    async () => ({ good: "This is a scenario.", ...await ask("POST", "/validate", scenario.value) }),
    async () => { const answer = await ask("POST", "/runs", scenario.value); if (answer.ok) { picked = undefined; followPresent(); } return answer; });
  const object = h("input", { id: "object-name", value: "notes.txt", autocomplete: "off" }), length = h("input", { id: "object-size", type: "number", value: "12", min: "0", max: "16777216" });
  const upload = form("Upload an object", [h("label", {}, "Its name", object), h("label", {}, "Its size in bytes; the content is filler", length)], "Upload",
    async () => !object.value ? { ok: false, field: "object_name", reason: "an object needs a name" } : length.value === "" || Number(length.value) < 0 || Number(length.value) > 16777216 ? { ok: false, field: "size_bytes", reason: "it must be 0 to 16777216 bytes" } : { ok: true },
    () => ask("POST", "/objects", { object_name: object.value, size_bytes: Number(length.value) }));
  return { run, upload };
}

/** Asks before it is done: a deletion is for good. */
let deleting;
function deleteObject(object) {
  const text = h("p", {});
  deleting ??= { text, ...form("Delete an object", [text], "Delete", async () => ({ ok: true }), () => ask("DELETE", "/objects", { object_name: deleting.object })) };
  deleting.object = object;
  deleting.text.replaceChildren("Delete ", h("b", {}, object), " from the bucket? The ledger will hear of it from S3.");
  deleting.open();
}
