// A host's values in, its ports and links out. A domain here is a few lines that say which metrics mean what.

const ERRORS = /_(\w*errors|\w*discards|\w*dropped\w*|\w*drops|link_downed|\w*recoveries|\w*overruns|\w*exceeded)_total$/;

export const DOMAINS = [
  {
    title: "InfiniBand and RoCE",
    prefix: "fabricscope_infiniband_port_",
    identity: ["device", "port"],
    up: "up",
    rate: "rate_bytes_per_second",
    received: "receive_bytes_total",
    sent: "transmit_bytes_total",
  },
  {
    title: "Ethernet",
    prefix: "fabricscope_ethernet_",
    identity: ["device"],
    up: "up",
    switchedOn: "admin_up",
    rate: "speed_bytes_per_second",
    received: "receive_bytes_total",
    sent: "transmit_bytes_total",
  },
  {
    title: "PCI Express",
    prefix: "fabricscope_pcie_",
    identity: ["address"],
    up: "link_up",
    transfers: "link_speed_transfers_per_second",
    lanes: "link_width_lanes",
    lanesMax: "link_width_max_lanes",
    degraded: "link_degraded",
  },
];

/** Remembers counters from one answer to the next, and makes rates of them. */
export class Meter {
  #last = new Map();

  /** Growth of a counter in its unit per second; null for a first, unmoved in time, reset or unreadable value. */
  rate(row) {
    const key = `${row.metric}\n${JSON.stringify(row.labels)}`;
    const now = Date.parse(row.time);
    const last = this.#last.get(key);
    // The same sample again says nothing new: the last rate holds.
    if (last !== undefined && last.now === now) return last.rate;
    const usable = last !== undefined && row.value !== null && last.value !== null && row.quality === "ok";
    const rate = usable && row.value >= last.value ? ((row.value - last.value) * 1000) / (now - last.now) : null;
    this.#last.set(key, { now, value: row.value, rate, first: last?.first ?? row.value });
    return rate;
  }

  /** How much a counter has grown since it was first seen here. */
  growth(row) {
    const first = this.#last.get(`${row.metric}\n${JSON.stringify(row.labels)}`)?.first ?? null;
    return first === null || row.value === null ? 0 : Math.max(0, row.value - first);
  }
}

/** The ports of a domain among a host's values, by name. */
export function portsOf(domain, values, meter) {
  const ports = new Map();
  for (const row of values) {
    if (!row.metric.startsWith(domain.prefix)) continue;
    if (!domain.identity.every((label) => label in row.labels)) continue;
    const name = domain.identity.map((label) => row.labels[label]).join(" / ");
    if (!ports.has(name)) ports.set(name, emptyPort(name));
    fill(ports.get(name), domain, row, row.metric.slice(domain.prefix.length), meter);
  }
  // An info metric alone is no port.
  return [...ports.values()].filter((port) => port.seen).sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
}

function emptyPort(name) {
  return {
    name, seen: false, up: null, off: false, kind: "", rate: null, received: null, sent: null, transfers: null,
    lanes: null, lanesMax: null, degraded: [], errors: [], errorTotal: 0, errorGrowth: 0, blind: [],
  };
}

function fill(port, domain, row, name, meter) {
  if (ERRORS.test(row.metric)) return addError(port, row, name, meter);
  switch (name) {
    case domain.up:
      port.seen = true;
      port.up = row.value === null ? null : row.value === 1;
      break;
    case domain.switchedOn:
      port.off = row.value === 0;
      break;
    case domain.rate:
      port.rate = row.value;
      break;
    case domain.received:
      port.received = meter.rate(row);
      break;
    case domain.sent:
      port.sent = meter.rate(row);
      break;
    case domain.transfers:
      port.transfers = row.value;
      break;
    case domain.lanes:
      port.lanes = row.value;
      break;
    case domain.lanesMax:
      port.lanesMax = row.value;
      break;
    case domain.degraded:
      if (row.value === 1) port.degraded.push(row.labels.property ?? "link");
      break;
    case "info":
      port.kind = row.labels.link_layer === "Ethernet" ? "RoCE" : (row.labels.link_layer ?? row.labels.kind ?? "");
      break;
  }
}

function addError(port, row, name, meter) {
  meter.rate(row);
  if (row.quality === "saturated") port.blind.push(words(name));
  if (!row.value) return;
  const what = row.labels.error ? `${row.labels.error} (${words(name)})` : words(name);
  port.errors.push({ what, value: row.value, growth: meter.growth(row), saturated: row.quality === "saturated" });
  port.errorTotal += row.value;
  port.errorGrowth += meter.growth(row);
}

const words = (name) => name.replace(/_total$/, "").replaceAll("_", " ");

/** What a port's state is called, and how bad that is: ok, bad, off or unknown. */
export function stateOf(port) {
  if (port.off) return ["off", "off"];
  if (port.up === null) return ["unknown", "unknown"];
  if (!port.up) return ["down", "bad"];
  return port.degraded.length > 0 ? ["degraded", "warn"] : ["up", "ok"];
}
