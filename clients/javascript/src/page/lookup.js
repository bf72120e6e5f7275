// The page's requests, all to its own host: the share, the trust file, a fresh status list.

import { openShare, shareKeys } from "../share.js";
import { b64u, strictJson } from "../strict.js";

const MAX_ANSWER = 8_388_608;

/** A look-up that gave no share; `code` names the page's sentence, `values` fill it in. */
export class LookupError extends Error {
  constructor(code, values = {}) {
    super(code);
    this.code = code;
    this.values = values;
  }
}

const PROBLEMS = new Set(["share_unknown", "share_expired", "share_withdrawn", "share_locked", "pin_needed", "too_many_lookups"]);
const STATUSES = { 401: "pin_needed", 404: "share_unknown", 410: "share_expired", 429: "too_many_lookups" };

async function request(address, options = {}) {
  const fixed = { credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer", redirect: "error" };
  try {
    return await fetch(address, { ...fixed, ...options });
  } catch {
    throw new LookupError("lookup_failed");
  }
}

/** Look a share up and open it: `{ bundle }` as text, with the fresh status and anchor put in. */
export async function fetchShare(code, pin) {
  const keys = shareKeys(code);
  const response = await request("/v/lookup", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ id: b64u(keys.id), ...(pin === "" ? {} : { pin }) }),
  });
  const text = await response.text().catch(() => "");
  if (!response.ok) throw problemOf(response, text);
  try {
    const answer = strictJson(text, { limit: MAX_ANSWER });
    const bundle = strictJson(openShare(answer, keys), { limit: MAX_ANSWER });
    const status = answer.status ?? bundle.status;
    const format = status?.log ? "xinji/bundle/2" : bundle.format; // What is saved must say which form it has.
    return { ...bundle, format, status, anchor: answer.anchor ?? bundle.anchor };
  } catch {
    throw new LookupError("share_sealed");
  }
}

function problemOf(response, text) {
  let problem = {};
  try {
    problem = JSON.parse(text);
  } catch {
    // A proxy's own page: the status code has to do.
  }
  const named = String(problem.type ?? "").replace("urn:xinji:problem:", "");
  const code = PROBLEMS.has(named) ? named : STATUSES[response.status] ?? "lookup_failed";
  return new LookupError(code, { seconds: response.headers.get("retry-after") ?? 60, ...problem.params });
}

/** Return the text of this host's trust file, or null. */
export async function fetchTrust() {
  try {
    const response = await request("/trust.json");
    return response.ok ? await response.text() : null;
  } catch {
    return null;
  }
}

/**
 * Return the status of `bundle` with fresh list tokens where this host publishes them, else
 * undefined. Which list is asked for tells nothing about whose credential is checked.
 */
export async function fetchStatus(bundle) {
  const { uri } = bundle.status ?? {};
  try {
    if (new URL(uri).origin !== location.origin) return undefined;
    const fresh = { ...bundle.status };
    for (const [suite, address] of [["intl", uri], ["gm", `${uri}.gm`]]) {
      if (typeof bundle.credential[suite] !== "string") continue;
      const response = await request(address);
      if (!response.ok) return undefined;
      fresh[suite] = (await response.text()).trim();
    }
    return fresh;
  } catch {
    return undefined;
  }
}

/**
 * Return the bundle that is worth saving after `report` was made with a fetched `status`. It must hold by itself:
 * newer list tokens do not go with an older checkpoint of their own, nor with keys that the bundle does not accredit.
 */
export function toSave(bundle, status, report) {
  const holds = !bundle.status.log && report.steps[2].code !== "status_key_unknown";
  return holds ? { ...bundle, status } : bundle;
}
