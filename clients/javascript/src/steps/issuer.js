// Step 2: the accreditation chain at T, up to a root of the trust file, every statement logged.

import { attempt, unwrap } from "../attempt.js";
import { schoolCode } from "../entity.js";
import { ChainError, checkLimits, checkLinks, checkLogged, checkRoot, checkTimes, ISSUER } from "../federation.js";
import { decodeEntry } from "../merkle.js";
import { Finding, iso } from "../report.js";
import { fromB64, isObject, isTexts, same } from "../strict.js";

const BACKDATING = 30 * 86_400;

export function checkIssuer(credentialRead, statementsRead, context) {
  try {
    return judge(unwrap(credentialRead), unwrap(statementsRead), context);
  } catch (error) {
    throw error instanceof ChainError ? new Finding(`issuer_${error.kind}`, { detail: error.message }) : error;
  }
}

function judge(credential, statements, { trust, time, head, log }) {
  // 2a. The chain's own links, up to a root.
  checkLinks(statements, credential.ids);
  const root = trust === null ? null : checkRoot(statements, trust);

  // 2b. It speaks of this issuer, with one and the same code everywhere.
  const [leaf] = statements;
  const metadata = leaf.metadata[ISSUER];
  if (!isObject(metadata)) throw new Finding("issuer_not_accredited", { entity_id: leaf.sub });
  const code = schoolCode(credential.iss);
  const inEntry = attempt(() => decodeEntry(fromB64(log.entry)).code).value ?? code;
  const codes = [schoolCode(leaf.sub), inEntry, ...(isTexts(metadata.school_code) ? metadata.school_code : [null])];
  if (code === null || codes.some((one) => one !== code)) {
    throw new Finding("issuer_code_mismatch", { entity_id: credential.iss, detail: codes.join(", ") });
  }
  if (leaf.sub !== credential.iss) throw new Finding("issuer_not_accredited", { entity_id: credential.iss });

  // 2c. It may issue this type, here, within what every superior allows.
  checkLimits(statements, ISSUER);
  checkPlace(metadata, code);
  if (!isTexts(metadata.credential_types) || !metadata.credential_types.includes(credential.vct)) {
    throw new Finding("issuer_type", { detail: credential.vct });
  }

  // 2d. Every statement is public.
  checkLogged(statements, head);

  // 2e. All of it held at T, which must not be far from the day of issue.
  const evidence = { entity_id: credential.iss, school_code: code, chain: statements.map(({ iss }) => iss) };
  if (trust === null || time === null) throw new Finding("issuer_no_trust", evidence);
  checkTimes(statements, root, time);
  if (time < credential.iat || time > credential.iat + BACKDATING) {
    throw new Finding("issuer_backdated", { time: iso(time), since: iso(credential.iat) });
  }
  return { code: "issuer_ok", evidence: { ...evidence, time: iso(time) } };
}

// Digits 1-2 of a school code are its type, digits 3-4 its province.
function checkPlace({ province, school_type: type }, code) {
  if (!same(type, [code.slice(0, 2)])) throw new Finding("issuer_not_accredited", { school_code: code });
  if (!same(province, [code.slice(2, 4)])) throw new Finding("issuer_province", { school_code: code });
}
