// What the report's page shows: a plain description of the page, from a report and a language.
// The server's fallback (credentials/routes/report_view.py) must give the same; a test compares them.

import labels from "../labels.json" with { type: "json" };
import messages from "../messages.json" with { type: "json" };
import { day, moment, written } from "../report.js";
import { speaker } from "./words.js";

const TONES = {
  ...{ valid: "passed", operator_only: "unchecked", incomplete: "unchecked" },
  ...{ revoked: "failed", suspended: "failed", superseded: "failed", mismatch: "failed" },
};
const ICONS = { passed: "check", failed: "cross", unchecked: "question" };
const VERDICT_ICONS = { suspended: "warning", superseded: "warning", mismatch: "warning" };
// Values that only machines compare: set in the face of code, never grouped or translated.
const CODES = new Set("keys entity_id school_code chain uri origin commitment contract transaction anchored_root".split(" "));

/** Describe the page of `report` in `language`. */
export function viewOf(report, language) {
  const say = speaker(language);
  const { code } = report.verdict;
  const steps = Object.fromEntries(report.steps.map((one) => [one.step, one]));
  const checkedAt = moment(Date.parse(report.checked_at) / 1000, language);
  return {
    verdict: {
      code,
      tone: TONES[code],
      icon: VERDICT_ICONS[code] ?? ICONS[TONES[code]],
      text: report.verdict[language],
      means: messages.verdicts[code][`${language}_means`],
      reason: reasonLine(steps.status, say, language),
    },
    checked: say(`checked_${report.checked_on}`, { moment: checkedAt }),
    award: report.credential === null ? null : awardOf(report, steps, say, language),
    checks: report.steps.map((step) => checkOf(step, say, language)),
    convinces: say(report.checked_on === "server" ? "convinces_server" : "convinces"),
    identity: steps.holder.result === "passed" ? null : say("identity"),
  };
}

function reasonLine({ evidence }, say, language) {
  if (typeof evidence.reason !== "string") return null;
  const reason = messages.reasons[evidence.reason]?.[language] ?? evidence.reason;
  return [say("reason", { reason }), say("since", { moment: written(evidence.since, language) })];
}

function awardOf({ credential, verdict, time }, steps, say, language) {
  const type = labels.types[credential.vct];
  const proven = steps.integrity.result === "passed";
  const { issuer, claims } = credential;
  const name = (language === "en" ? issuer.name_en : issuer.name) ?? issuer.name ?? issuer.entity_id;
  const facts = proven ? claimFacts(claims, type, language) : [];
  const holder = type !== undefined && proven ? claims[type.holder] : undefined;
  const more = [
    { label: say("issued_on"), value: day(credential.issued_on, language), code: false },
    ...(time === null ? [] : [{ label: say("witnessed"), value: written(time, language), code: false }]),
    { label: say("credential_id"), value: credential.id, code: true },
  ];
  return {
    title: type?.[language] ?? credential.vct,
    warning: verdict.code === "mismatch" ? say("unproven") : null,
    holder: holder === undefined ? null : shown(holder),
    issuer: name,
    issuerCode: issuer.code,
    issuerNote: steps.issuer.result === "passed" ? null : say("issuer_unproven"),
    accreditedBy: [...issuer.chain].reverse().map((one) => authorityName(one, language)),
    facts,
    more,
    empty: proven ? (Object.keys(claims).length === 0 ? say("no_fields") : null) : say("withheld"),
  };
}

// Fields in the type's order, then what the type does not know, under its own name.
function claimFacts(claims, type, language) {
  const fields = type?.fields ?? [];
  const known = fields.filter(({ name }) => Object.hasOwn(claims, name) && name !== type.holder);
  const facts = known.map((field) => ({
    label: field[language],
    value: fieldValue(claims[field.name], field, language),
    code: field.name === type.number,
  }));
  const strangers = Object.keys(claims).filter((name) => !fields.some((field) => field.name === name));
  return [...facts, ...strangers.map((name) => ({ label: name, value: shown(claims[name]), code: false }))];
}

function fieldValue(value, { words, date }, language) {
  if (words !== undefined && Object.hasOwn(words, String(value))) return words[String(value)][language];
  if (date && typeof value === "string") return day(value, language);
  return shown(value);
}

const shown = (value) => (typeof value === "string" ? value : JSON.stringify(value));

function authorityName({ entity_id: id, name, name_en: english }, language) {
  const code = /\/authorities\/(\d{6})$/.exec(id)?.[1];
  const own = (language === "en" ? english : name) ?? name ?? labels.provinces[code?.slice(0, 2)]?.[language] ?? id;
  return code === undefined ? own : `${own} (${code})`;
}

function checkOf({ step, result, code, evidence, ...sentences }, say, language) {
  return {
    name: messages.steps[step][language],
    tone: result,
    icon: ICONS[result],
    result: messages.results[result][language],
    sentence: sentences[language],
    code,
    facts: Object.entries(evidence).map(([name, value]) => ({
      label: messages.evidence[name]?.[language] ?? name,
      value: evidenceValue(name, value, say, language),
      code: CODES.has(name),
    })),
  };
}

function evidenceValue(name, value, say, language) {
  if (name === "reason") return messages.reasons[value]?.[language] ?? String(value);
  if (name === "state" && Object.hasOwn(labels.words, `state_${value}`)) return say(`state_${value}`);
  return written(value, language);
}
