// Numbers and times in words.

const PREFIXES = ["", "k", "M", "G", "T", "P"];

/** A number with three digits and a decimal prefix, such as "1.25 G". */
export function short(number, unit) {
  let step = 0;
  let scaled = number;
  while (Math.abs(scaled) >= 999.5 && step < PREFIXES.length - 1) {
    scaled /= 1000;
    step += 1;
  }
  const digits = Math.abs(scaled) >= 100 || Number.isInteger(scaled) ? 0 : Math.abs(scaled) >= 10 ? 1 : 2;
  return `${scaled.toFixed(digits)} ${PREFIXES[step]}${unit}`;
}

/** Bytes per second as bits per second, as networks count. */
export const bits = (bytesPerSecond) => short(bytesPerSecond * 8, "b/s");

export const count = (number) => number.toLocaleString("en");

/** A length of time, such as "3 min". */
export function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

/** A moment of the API in local time: the time of day, with the date unless it is today. */
export function moment(text) {
  const date = new Date(text);
  const time = date.toLocaleTimeString([], { hour12: false });
  return date.toDateString() === new Date().toDateString() ? time : `${date.toLocaleDateString()} ${time}`;
}

export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;
