// The state machine's graph.

const machineAt = s("svg", { role: "group", "aria-label": "The state machine" });
const drawnNodes = new Map(), drawnEdges = [];
let shownCycle, showsAll = false, drawnStates;

/** Which states are drawn: the story, with those that errors have led to, or all if somebody wants to see them. */
function statesToDraw(T) {
  const run = runAt(T), machine = machineOf(run), story = new Set(machine.story.nodes.map(node => node.name));
  if (showsAll) return new Set(machine.graph.nodes.map(node => node.name));
  for (const state of run ? statesOf(run.id) : []) if (state.at <= T) story.add(state.name);
  return story;
}

function drawMachine(machine, names) {
  const isStory = names.size === machine.story.nodes.length, whole = isStory ? machine.story : machine.graph;
  const graph = { nodes: whole.nodes.filter(node => names.has(node.name)), edges: whole.edges.filter(edge => names.has(edge.from) && names.has(edge.to)) };
  const points = showsAll || isStory ? [[whole.width, whole.height]] : graph.nodes.map(node => [node.x + node.width + 14, node.y + node.height + 2]);
  drawnNodes.clear(); drawnEdges.length = 0;
  machineAt.setAttribute("viewBox", `0 0 ${Math.max(1, ...points.map(it => it[0]))} ${Math.max(1, ...points.map(it => it[1]))}`);
  const head = s("marker", { id: "head", viewBox: "0 0 8 8", refX: 7.5, refY: 4, markerWidth: 5.5, markerHeight: 5.5, orient: "auto-start-reverse" }, s("path", { d: "M0,0L8,4L0,8Z", fill: "context-stroke" }));
  const nodes = graph.nodes.map(node => {
    const inner = node.type === "Map", quiet = ["Choice", "Wait", "Pass"].includes(node.type);
    const badge = s("text", { x: node.x + node.width - 4, y: node.y - 3, class: "small badge" });
    const at = s("g", { class: `node ${node.type}`, tabindex: 0, role: "button", "data-name": node.name },
      s("rect", { x: node.x, y: node.y, width: node.width, height: node.height, rx: inner ? 10 : 6 }),
      s("text", { x: node.x + node.width / 2, y: node.y + (inner ? 16 : node.height / 2 + 4), class: "small" }, node.name),
      badge, s("title", {}, node.comment ?? `${node.name} (${node.type})`));
    if (quiet) at.classList.add("quiet-node");
    drawnNodes.set(node.name, { at, badge, node, className: at.getAttribute("class") });
    return at;
  });
  const edges = graph.edges.filter(edge => edge.points.length > 1).map(edge => {
    const at = s("path", { d: smooth(edge.points), class: `edge${edge.catch ? " catch" : ""}`, "marker-end": "url(#head)" });
    drawnEdges.push({ at, edge });
    return at;
  });
  // An error's way that has no room in the drawing is seen when it is taken.
  const place = name => graph.nodes.find(node => node.name === name);
  for (const edge of graph.edges.filter(edge => edge.points.length < 2)) {
    const [from, to] = [place(edge.from), place(edge.to)], [a, b] = [from, to].map(node => [node.x + node.width, node.y + node.height / 2]), far = Math.max(a[0], b[0]) + 20;
    const at = s("path", { d: `M${a}C${far},${a[1]} ${far},${b[1]} ${b}`, class: "edge catch untaken", "marker-end": "url(#head)" });
    drawnEdges.push({ at, edge });
    edges.push(at);
  }
  // A Map is behind the edges inside it.
  const maps = nodes.filter((_, at) => graph.nodes[at].type === "Map");
  machineAt.replaceChildren(s("defs", {}, head), ...maps, ...edges, ...nodes.filter(it => !maps.includes(it)));
}

/** Through all of the points, with round corners. */
function smooth(points) {
  let path = `M${points[0]}`;
  for (let at = 1; at < points.length - 1; at += 1) {
    const [a, b, c] = [points[at - 1], points[at], points[at + 1]];
    const near = (from, to) => { const long = Math.hypot(to[0] - from[0], to[1] - from[1]) || 1, share = Math.min(7, long / 2) / long; return [to[0] + (from[0] - to[0]) * share, to[1] + (from[1] - to[1]) * share]; };
    path += `L${near(a, b)}Q${b} ${near(c, b)}`;
  }
  return `${path}L${points.at(-1)}`;
}

/** Which cycles there are, and the one that is shown. */
function cyclesAt(T) {
  const run = runAt(T), cycles = run ? [...new Set(statesOf(run.id).filter(it => it.at <= T && it.cycle).map(it => it.cycle))] : [];
  return { cycles, cycle: cycles.includes(shownCycle) ? shownCycle : cycles.at(-1) };
}

function colourMachine(T) {
  const names = statesToDraw(T), machine = machineOf(runAt(T)), key = `${machine.id}/${[...names].join()}`;
  if (drawnStates !== key) { drawnStates = key; drawMachine(machine, names); at.machine.textContent = machine.id === "audit" ? "The audit's state machine" : "The state machine"; at.whole.textContent = showsAll ? "Less" : "All states"; }
  const run = runAt(T), { cycle } = cyclesAt(T), states = run ? statesOf(run.id).filter(it => it.at <= T && (it.cycle === undefined || it.cycle === cycle)) : [];
  const byNode = new Map(), taken = new Set();
  for (const [at, state] of states.entries()) {
    if (!byNode.has(state.name)) byNode.set(state.name, []);
    byNode.get(state.name).push(state);
    // Where a Map was entered or left, the one before is inside it.
    const before = states.slice(0, at).findLast(it => it.cycle === state.cycle);
    if (before) taken.add(`${before.name}>${state.name}`);
  }
  for (const [name, { at, badge, className }] of drawnNodes) {
    const list = byNode.get(name) ?? [], last = list.at(-1);
    const shown = last ? `${className} ${outcomeAt(last, T)}` : className;
    if (at.getAttribute("class") !== shown) at.setAttribute("class", shown);
    const text = list.length > 1 ? `× ${list.length}` : "";
    if (badge.textContent !== text) badge.textContent = text;
  }
  for (const { at, edge } of drawnEdges) at.classList.toggle("taken", taken.has(`${edge.from}>${edge.to}`));
}

function chooseNode(name) {
  const T = present(), run = runAt(T), { cycle } = cyclesAt(T);
  const state = run && statesOf(run.id).findLast(it => it.name === name && it.at <= T && (it.cycle === undefined || it.cycle === cycle));
  choose(state ? `state/${state.id}` : `node/${name}`);
}
machineAt.addEventListener("click", event => { const node = event.target.closest("[data-name]"); if (node) chooseNode(node.dataset.name); });
machineAt.addEventListener("keydown", event => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); chooseNode(event.target.dataset.name); } });
