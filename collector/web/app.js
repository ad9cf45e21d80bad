// Asks the API again and again and shows what it says. Rendering is in view.js.

import * as view from "./view.js";
import { Meter } from "./ports.js";

const REFRESH_MS = 2000;
const TIMEOUT_MS = 10000;
const EVENTS_PER_PAGE = 50;
const MAX_HOSTS = 1000;

const page = {
  chosen: new URLSearchParams(location.hash.slice(1)).get("host"),
  meter: new Meter(),
  hosts: [],
  more: false,
  events: [],
  after: null,
  paused: false,
  answered: null,
};

/** A problem that the API answered with, as opposed to no answer. */
class Problem extends Error {
  constructor(problem) {
    super([problem.detail, problem.remedy].filter(Boolean).join(": "));
    this.status = problem.status;
  }
}

async function ask(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value)).toString();
  const response = await fetch(`/api/v1/${path}${query && "?"}${query}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const body = await response.json();
  if (!response.ok) throw new Problem(body);
  return body;
}

async function refresh() {
  const [status, listed] = await Promise.all([ask("status"), ask("hosts", { limit: MAX_HOSTS })]);
  page.hosts = listed.hosts;
  page.more = listed.after !== null;
  if (!page.hosts.some((host) => host.host === page.chosen)) {
    const other = page.hosts.find((host) => host.status === "live") ?? page.hosts[0];
    // A host named in the address stays chosen while the list is longer than what is shown.
    if (!(page.chosen && page.more)) page.chosen = other?.host ?? null;
  }
  view.showSummary(status);
  view.showHosts(page.hosts, page.chosen, page.more);
  view.showWelcome(page.hosts.length === 0, status.probe_address);
  await Promise.all([refreshHost(), refreshEvents()]);
}

async function refreshHost() {
  const name = page.chosen;
  if (name === null) return view.hideHost();
  try {
    const [host, answer] = await Promise.all([
      ask(`hosts/${encodeURIComponent(name)}`),
      ask("values", { host: name, limit: 10000 }),
    ]);
    if (name === page.chosen) view.showHost(host, answer.values, page.meter, answer.after !== null);
  } catch (error) {
    if (error.status !== 404) throw error;
    view.hideHost();
  }
}

async function refreshEvents() {
  const filter = view.eventFilter();
  const asked = JSON.stringify(filter);
  try {
    const answer = await ask("events", { ...eventParameters(filter), limit: EVENTS_PER_PAGE });
    if (asked !== JSON.stringify(view.eventFilter())) return;
    mergeEvents(answer, asked);
    view.showEvents(page.events, page.after !== null, "");
  } catch (error) {
    // Without the store there are no events, but all the rest.
    if (!(error instanceof Problem)) throw error;
    view.showEvents([], false, error.message);
    page.events = [];
  }
}

/** New events before those that are shown; a page that does not touch them, or another filter, starts anew. */
function mergeEvents(answer, asked) {
  const known = new Set(page.events.map((event) => event.id));
  const touches = answer.after === null || answer.events.some((event) => known.has(event.id));
  if (asked !== page.asked || !touches || page.events.length <= EVENTS_PER_PAGE) {
    page.events = answer.events;
    page.after = answer.after;
  } else {
    page.events = [...answer.events.filter((event) => !known.has(event.id)), ...page.events];
  }
  page.asked = asked;
}

async function showOlder() {
  const filter = view.eventFilter();
  const answer = await ask("events", { ...eventParameters(filter), limit: EVENTS_PER_PAGE, after: page.after });
  page.events = [...page.events, ...answer.events];
  page.after = answer.after;
  view.showEvents(page.events, page.after !== null, "");
}

function eventParameters({ chosen, ...parameters }) {
  return { ...parameters, host: chosen ? page.chosen : "" };
}

/** Run `work`; say so when the collector does not answer. */
async function attempt(work) {
  try {
    await work();
    page.answered = new Date();
    view.showAlert("");
  } catch (error) {
    const reason = error instanceof Problem ? error.message : "it does not answer";
    view.showAlert(reason, page.answered);
  }
}

let timer = 0;

async function turn() {
  clearTimeout(timer);
  if (!page.paused && !document.hidden) await attempt(refresh);
  clearTimeout(timer);
  timer = setTimeout(turn, REFRESH_MS);
}

view.connect({
  pause(paused) {
    page.paused = paused;
    if (!paused) turn();
  },
  older: () => attempt(showOlder),
  filterEvents: () => attempt(refreshEvents),
  find: () => view.showHosts(page.hosts, page.chosen, page.more),
});
addEventListener("hashchange", () => {
  page.chosen = new URLSearchParams(location.hash.slice(1)).get("host") ?? page.chosen;
  page.meter = new Meter();
  view.showHosts(page.hosts, page.chosen, page.more);
  attempt(async () => {
    await Promise.all([refreshHost(), refreshEvents()]);
    view.focusHost();
  });
});
document.addEventListener("visibilitychange", () => document.hidden || turn());
turn();
