// Elements, numbers and times. What documents hold gets into the page as text only.
"use strict";

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== undefined && child !== null && child !== false) element.append(child);
  }
  return element;
}

const h = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const s = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** A size as people read it. */
function bytes(count) {
  let value = Math.abs(count), unit = 0;
  while (value >= 1023.5 && unit < UNITS.length - 1) { value /= 1024; unit += 1; }
  const decimals = unit === 0 ? 0 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return `${count < 0 ? "−" : ""}${Number(value.toFixed(decimals))} ${UNITS[unit]}`;
}

const grouped = count => String(count).replace(/\B(?=(\d{3})+$)/g, ",");
/** A size with the exact one on hover. */
const size = count => h("span", { title: `${grouped(count)} ${count === 1 ? "byte" : "bytes"}` }, bytes(count));
const delta = count => (count < 0 ? bytes(count) : `+${bytes(count)}`);
const plural = (count, one, many = `${one}s`) => `${grouped(count)} ${count === 1 ? one : many}`;

const pad = (number, digits = 2) => String(number).padStart(digits, "0");
function time(at, exact = false) {
  const date = new Date(at);
  const text = `${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}:${pad(date.getUTCSeconds())}`;
  return exact ? `${text}.${pad(date.getUTCMilliseconds(), 3)}` : text;
}
const stamp = at => h("time", { title: `${new Date(at).toISOString().replace("T", " ").replace("Z", "")} UTC` }, time(at));
/** A length of time: 280 ms, 4.2 s, 3 min 5 s, 2 h 5 min. */
function lasting(millis) {
  if (millis < 1000) return `${Math.max(0, Math.round(millis))} ms`;
  if (millis < 60000) return `${(millis / 1000).toFixed(millis < 10000 ? 1 : 0)} s`;
  const seconds = Math.round(millis / 1000), minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
const seconds = millis => `${Math.max(0, Math.ceil(millis / 1000))} s`;
/** A text of the product's as a sentence of the page's. */
const asSentence = text => text ? text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".") : "";
/** A count in little room. */
const counted = count => count < 10000 ? String(count) : `${Math.round(count / 1000)}k`;
