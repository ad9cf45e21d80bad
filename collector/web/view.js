// Puts what app.js has learned on the page.

import { element, keyed, setAttribute, setText } from "./dom.js";
import { bits, count, duration, moment, plural, short } from "./format.js";
import { DOMAINS, portsOf, stateOf } from "./ports.js";

const at = (id) => document.getElementById(id);
const filterForm = at("event-filter");

/** Hand over what the page's controls do. */
export function connect(actions) {
  at("pause").addEventListener("click", () => {
    const paused = at("pause").getAttribute("aria-pressed") !== "true";
    setAttribute(at("pause"), "aria-pressed", String(paused));
    actions.pause(paused);
  });
  at("older").addEventListener("click", actions.older);
  at("find").addEventListener("input", actions.find);
  filterForm.addEventListener("input", () => filterForm.checkValidity() && actions.filterEvents());
  filterForm.addEventListener("submit", (event) => event.preventDefault());
}

/** The filter that is set, with a kind only once it is a whole one. */
export function eventFilter() {
  const { severity, kind, text, chosen } = filterForm.elements;
  return {
    severity: severity.value,
    kind: kind.validity.valid ? kind.value : "",
    text: text.value,
    chosen: chosen.checked,
  };
}

export function showAlert(reason, since) {
  const shown = since ? ` What is shown is from ${since.toLocaleTimeString([], { hour12: false })}.` : "";
  setText(at("alert"), reason && `The collector has a problem: ${reason}.${shown} Trying again.`);
  at("alert").hidden = !reason;
  at("main").classList.toggle("old", Boolean(reason));
  document.title = reason ? "(!) fabricscope" : "fabricscope";
}

export function showSummary(status) {
  const stale = status.stale > 0 ? `, ${count(status.stale)} stale` : "";
  setText(at("summary"), `${plural(status.live, "host")} live${stale} · ${plural(status.series, "series", "series")}`);
}

export function showWelcome(visible, address) {
  at("welcome").hidden = !visible;
  const reachable = address.replace(/^(0\.0\.0\.0|\[::\])?:/, `${location.hostname}:`);
  setText(at("start-command"), `fabricscope probe --set 'probe.collectors=["${reachable}"]'`);
}

export function showHosts(hosts, chosen, more) {
  at("hosts").hidden = hosts.length === 0;
  const wanted = at("find").value.trim().toLowerCase();
  const found = hosts.filter((host) => searchable(host).includes(wanted));
  keyed(at("host-list"), found, (host) => host.host, makeHost, (item, host) => updateHost(item, host, host.host === chosen));
  const notes = [];
  if (found.length < hosts.length) notes.push(`${found.length} of ${hosts.length} match.`);
  if (more) notes.push(`Only the first ${hosts.length} hosts are listed; /api/v1/hosts has all.`);
  setText(at("host-note"), notes.join(" "));
  at("host-note").hidden = notes.length === 0;
}

function searchable(host) {
  const labels = Object.entries(host.labels).map(([name, value]) => `${name}=${value}`);
  return [host.host, host.cluster, host.status, ...labels].join("\n").toLowerCase();
}

function makeHost(host) {
  const link = element(
    "a",
    { href: `#${new URLSearchParams({ host: host.host })}` },
    element("span", { class: "badge" }),
    element("span", { class: "name" }, host.host),
    element("span", { class: "about" }),
  );
  return element("li", {}, link);
}

function updateHost(item, host, isChosen) {
  const [badge, , about] = item.firstChild.children;
  setAttribute(item.firstChild, "aria-current", isChosen ? "true" : null);
  showHostBadge(badge, host);
  setText(about, `${host.cluster} · ${freshness(host)} · ${plural(host.series, "series", "series")}`);
}

function showHostBadge(badge, host) {
  const [text, level] = host.status !== "live" ? ["stale", "bad"] : host.connected ? ["live", "ok"] : ["disconnected", "warn"];
  setText(badge, text);
  setAttribute(badge, "class", `badge ${level}`);
}

const freshness = (host) => (host.silent_seconds < 5 ? "now" : `${duration(host.silent_seconds)} ago`);

export function hideHost() {
  at("detail").hidden = true;
}

export function focusHost() {
  at("detail").focus({ preventScroll: true });
  if (matchMedia("(max-width: 60rem)").matches) at("detail").scrollIntoView();
}

export function showHost(host, values, meter, cut) {
  at("detail").hidden = false;
  setText(at("detail-title"), host.host);
  showHostBadge(at("detail-status"), host);
  const labels = Object.entries(host.labels).map(([name, value]) => `${name}=${value}`);
  setText(
    at("detail-about"),
    [`heard ${freshness(host)}`, `probe ${host.software_version}`, ...labels].join(" · "),
  );
  const notes = [];
  const silent = host.samplers.filter((sampler) => !sampler.fresh).map((sampler) => sampler.sampler);
  if (host.status === "stale") notes.push("The probe is silent: its values are withdrawn until it is heard again.");
  else if (silent.length > 0) notes.push(`No fresh values from: ${silent.join(", ")}.`);
  if (cut) notes.push("This host has more series than fit here; the API has all.");
  setText(at("detail-note"), notes.join(" "));
  at("detail-note").hidden = notes.length === 0;
  const shown = DOMAINS.map((domain) => ({ domain, ports: portsOf(domain, values, meter) }));
  keyed(
    at("domains"),
    shown.filter(({ ports }) => ports.length > 0),
    ({ domain }) => `${host.host} ${domain.title}`,
    makeDomain,
    updateDomain,
  );
}

function makeDomain({ domain, ports }) {
  const columns = domain.received ? ["State", "Port", "Rate", "Receives", "Sends", "Errors"] : ["State", "Device", "Link", "Errors"];
  const head = element("tr", {}, ...columns.map((title) => element("th", { scope: "col", "data-label": title }, title)));
  const table = element("table", {}, element("thead", {}, head), element("tbody"));
  const made = element("details", {}, element("summary"), table);
  // A long list of links that are all well says nothing; open it on demand.
  made.open = domain.received !== undefined || ports.length <= 4 || ports.some(isBad);
  return made;
}

const isBad = (port) => ["bad", "warn"].includes(stateOf(port)[1]);

function updateDomain(made, { domain, ports }) {
  const bad = ports.filter(isBad).length;
  setText(made.querySelector("summary"), `${domain.title}: ${ports.length}${bad > 0 ? `, ${bad} not well` : ""}`);
  keyed(made.querySelector("tbody"), ports, (port) => port.name, () => makePort(domain), updatePort);
}

function makePort(domain) {
  const cell = (label, ...children) => element("td", { "data-label": label }, ...children);
  const moved = (label) => cell(label, element("span"), element("meter", { min: "0", max: "1", "aria-label": `${label}, share of the rate` }));
  const state = cell("State", element("span", { class: "badge" }));
  const name = element("th", { scope: "row" });
  const errors = cell("Errors", element("span", { class: "none" }, "0"), element("details", {}, element("summary"), element("ul")));
  const rows = domain.received
    ? [state, name, cell("Rate"), moved("Receives"), moved("Sends"), errors]
    : [state, name, cell("Link"), errors];
  return element("tr", {}, ...rows);
}

function updatePort(row, port) {
  const [state, name, rate, ...others] = row.children;
  const [text, level] = stateOf(port);
  setText(state.firstChild, text);
  setAttribute(state.firstChild, "class", `badge ${level}`);
  setText(name, port.kind ? `${port.name} (${port.kind})` : port.name);
  setText(rate, port.transfers === null && port.lanes === null ? (port.rate === null ? "–" : bits(port.rate)) : lanes(port));
  const errors = others.pop();
  if (others.length > 0) {
    showMoved(others[0], port.received, port.rate);
    showMoved(others[1], port.sent, port.rate);
  }
  showErrors(errors, port);
}

function lanes(port) {
  const speed = port.transfers === null ? "" : short(port.transfers, "T/s");
  const less = port.lanesMax !== null && port.lanes !== port.lanesMax ? ` (of ×${port.lanesMax})` : "";
  return `${speed} ×${port.lanes ?? "?"}${less}`;
}

function showMoved(cell, bytesPerSecond, rate) {
  const [text, share] = cell.children;
  setText(text, bytesPerSecond === null ? "–" : bits(bytesPerSecond));
  share.hidden = bytesPerSecond === null || !rate;
  if (!share.hidden) share.value = bytesPerSecond / rate;
}

function showErrors(cell, port) {
  const growth = port.errorGrowth > 0 ? ` (+${count(port.errorGrowth)})` : "";
  const blind = port.blind.length > 0 ? " at ceiling" : "";
  const [none, some] = cell.children;
  none.hidden = port.errorTotal > 0;
  some.hidden = port.errorTotal === 0;
  setAttribute(cell, "class", port.errorGrowth > 0 || blind ? "growing" : "");
  setText(some.firstChild, `${count(port.errorTotal)}${growth}${blind}`);
  keyed(some.lastChild, port.errors, (error) => error.what, () => element("li"), (item, error) => {
    setText(item, `${error.what}: ${count(error.value)}${error.saturated ? ", at its ceiling" : ""}`);
  });
}

export function showEvents(events, hasOlder, problem) {
  keyed(at("event-list"), events, (event) => event.id, makeEvent, () => {});
  at("older").hidden = !hasOlder;
  const none = Object.values(eventFilter()).some(Boolean) ? "No event matches." : "Nothing has happened yet.";
  setText(at("event-note"), problem || (events.length === 0 ? none : ""));
  at("event-note").hidden = !problem && events.length > 0;
}

function makeEvent(event) {
  const subject = Object.entries(event.subject).map(([key, value]) => `${key}=${value}`).join(" ");
  const attributes = Object.entries(event.attributes).map(([key, value]) => `${key}: ${value}`);
  return element(
    "li",
    { title: [...attributes, `received: ${moment(event.received)}`].join("\n") },
    element("time", { datetime: event.time }, moment(event.time)),
    element("span", { class: `badge ${event.severity}` }, event.severity),
    element("span", { class: "where" }, event.host),
    element("span", { class: "what" }, element("code", {}, event.kind), ` ${event.message}`, element("small", {}, ` ${subject}`)),
  );
}
