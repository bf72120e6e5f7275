// The report: steps with a code, a result and a sentence in both languages, and the verdict over them.

import messages from "./messages.json" with { type: "json" };

const BEIJING = 8 * 3600;
const MONTHS = "January February March April May June July August September October November December".split(" ");

/** What a step found; thrown inside steps, never out of `verify`. */
export class Finding extends Error {
  constructor(code, evidence = {}) {
    super(code);
    this.code = code;
    this.evidence = evidence;
  }
}

/** Write POSIX seconds as an ISO instant. */
export const iso = (seconds) => new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z");

/** Return a report's step for `code`. */
export function stepOf(code, found = {}) {
  const evidence = Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
  const { step, result, zh, en } = messages.codes[code];
  return { step, result, code, zh: fill(zh, evidence, "zh"), en: fill(en, evidence, "en"), evidence };
}

/** Write a value of the evidence for a reader of `language`. */
export function written(value, language) {
  if (value === undefined || value === null) return "?";
  if (Array.isArray(value)) return value.map((item) => written(item, language)).join(language === "zh" ? "、" : ", ");
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value)) {
    return moment(Date.parse(value) / 1000, language);
  }
  return String(value);
}

/** Write POSIX seconds in Beijing time: 2026年6月30日 14:03, 30 June 2026 14:03. */
export function moment(seconds, language) {
  const [date, time] = new Date((seconds + BEIJING) * 1000).toISOString().split("T");
  return `${day(date, language)} ${time.slice(0, 5)}`;
}

/** Write an ISO day: 2026年6月30日, 30 June 2026. What is no day stays as it is. */
export function day(date, language) {
  const at = /^\d{4}-\d\d-\d\d$/.test(date) ? new Date(`${date}T00:00:00Z`) : new Date(Number.NaN);
  if (Number.isNaN(at.getTime()) || !at.toISOString().startsWith(date)) return date;
  const [year, month, dayOfMonth] = date.split("-").map(Number);
  return language === "zh" ? `${year}年${month}月${dayOfMonth}日` : `${dayOfMonth} ${MONTHS[month - 1]} ${year}`;
}

const fill = (sentence, evidence, language) =>
  sentence.replace(/\{(\w+)\}/g, (_, name) => written(evidence[name], language));

/**
 * Return the verdict over `steps`: what failed decides first (a signed status alone names itself),
 * then a trust file without witnesses, then what could not be checked. Anchor and holder may stay open.
 */
export function verdictOf(steps, { witnessesNamed }) {
  const failed = steps.filter(({ result }) => result === "failed");
  const statuses = { status_revoked: "revoked", status_suspended: "suspended", status_superseded: "superseded" };
  const open = steps.some(({ step, result }) => result === "unchecked" && step !== "anchor" && step !== "holder");
  let code = "valid";
  if (failed.length === 1 && Object.hasOwn(statuses, failed[0].code)) code = statuses[failed[0].code];
  else if (failed.length > 0) code = "mismatch";
  else if (witnessesNamed === false) code = "operator_only";
  else if (open) code = "incomplete";
  const { zh, en } = messages.verdicts[code];
  return { code, zh, en };
}
