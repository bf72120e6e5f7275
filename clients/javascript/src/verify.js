// Verify a bundle: numbered steps, one report. Pure: no network, no clock but `now`.
//
// Each step raises a Finding with its code, or returns what later steps need. "Could not be
// checked" is only for what the verifier's side lacks; what a bundle must carry and lacks fails.

import { attempt, unwrap } from "./attempt.js";
import { describe } from "./describe.js";
import { readStatements } from "./federation.js";
import { Finding, iso, stepOf, verdictOf } from "./report.js";
import { readCredential } from "./sdjwt.js";
import { checkAnchor } from "./steps/anchor.js";
import { checkHolder } from "./steps/holder.js";
import { checkIntegrity } from "./steps/integrity.js";
import { checkIssuer } from "./steps/issuer.js";
import { checkInclusion, checkWitnesses, headOf, openCheckpoint } from "./steps/log.js";
import { checkStatus } from "./steps/status.js";
import { isObject, strictJson } from "./strict.js";
import { openTrust } from "./trust.js";

// In the second the status may name a `log` of its own; nothing else differs.
const FORMATS = new Set(["xinji/bundle/1", "xinji/bundle/2"]);

/**
 * Verify `bundle` (text, bytes or parsed) against the trust file `trustFile` (text or parsed, or null).
 *
 * Options: `now` in POSIX seconds; `status`, a fresh status object that replaces the bundle's own;
 * `node`, what the verifier's own chain node answered to `askNode`, if it was asked; `checkedOn`: "device", "server" or "offline". Returns a report (format xinji/report/1); never throws
 * for what the bundle or the trust file holds.
 */
export function verify(bundle, trustFile, { now = Math.floor(Date.now() / 1000), status, node = null, checkedOn = "offline" } = {}) {
  const steps = [];
  // Run one step. What a library throws on hostile input is that step's finding too.
  const run = (fallback, check) => {
    try {
      const { code, evidence, ...found } = check();
      steps.push(stepOf(code, evidence));
      return found;
    } catch (error) {
      const finding = error instanceof Finding ? error : new Finding(fallback, { detail: error.message });
      steps.push(stepOf(finding.code, finding.evidence));
      return {};
    }
  };

  const trust = usable(trustFile, now);
  const parts = readBundle(bundle);
  const fresh = status === undefined ? undefined : attempt(() => strict(status)).value ?? {};
  const statements = attempt(() => readStatements(parts.accreditation));
  const credential = attempt(() => readCredential(parts.credential));
  const checkpoint = attempt(() => openCheckpoint(parts.log));
  const head = headOf(checkpoint, parts.log, trust);

  // T, which issuer needs, is what the witnesses' step finds.
  const witnessed = attempt(() => checkWitnesses(checkpoint, trust));
  const time = witnessed.value?.time ?? null;

  // 1. Integrity: both suites' signatures, the disclosures, and that the suites agree.
  const { claims = {} } = run("integrity_malformed", () => checkIntegrity(credential, statements));

  // 2. Issuer: the accreditation chain at T, up to a root of the trust file, every statement logged.
  run("issuer_chain", () => checkIssuer(credential, statements, { trust, time, head, log: parts.log }));

  // 3. Status: the fresh, signed list of the province.
  run("status_mismatch", () => checkStatus(fresh ?? parts.status, credential, { trust, head, now, given: fresh !== undefined }));

  // 4. Inclusion: the log's entry is this credential, and lies under the log's signed checkpoint.
  run("inclusion_proof", () => checkInclusion(parts.log, credential, { trust, checkpoint, head }));

  // 5. Witnesses: a quorum of other organisations saw that checkpoint.
  run("witnesses_missing", () => unwrap(witnessed));

  // 6. Anchor: it must not contradict the checkpoint; a chain node of one's own, if asked, confirms it.
  run("anchor_mismatch", () => checkAnchor(parts.anchor, head, trust, node));

  // 7. Holder: only key binding to this verifier's own nonce would pass.
  run("holder_failed", () => checkHolder(parts.key_binding));

  const witnessesNamed = trust === null ? null : trust.witnesses.quorum > 0;
  return {
    format: "xinji/report/1",
    verdict: verdictOf(steps, { witnessesNamed }),
    checked_at: iso(now),
    checked_on: checkedOn,
    time: time === null ? null : iso(time),
    credential: describe(credential.value, statements.value, claims),
    steps,
  };
}

function usable(trustFile, now) {
  return attempt(() => openTrust(trustFile, now)).value ?? null;
}

// A bundle that cannot be read is taken for an empty one: every step then says what is missing.
function readBundle(bundle) {
  const { value } = attempt(() => strict(bundle));
  return isObject(value) && FORMATS.has(value.format) ? value : {};
}

// What was parsed elsewhere is written and read again: the same bounds hold for it.
const strict = (source) =>
  strictJson(typeof source === "string" || source instanceof Uint8Array ? source : JSON.stringify(source));
