// Step 2: the accreditation chain at T, up to a root of the trust file, every statement logged.

import { attempt, unwrap } from "../attempt.js";
import { schoolCode } from "../entity.js";
import { ChainError, checkLinks, checkLogged, checkPolicies, checkRoot, checkTimes } from "../federation.js";
import { decodeEntry } from "../merkle.js";
import { Finding, iso } from "../report.js";
import { fromB64, isObject, isTexts } from "../strict.js";

const BACKDATING = 30 * 86_400;

export function checkIssuer(read, readChain, { trust, time, head, log }) {
  try {
    const statements = unwrap(readChain);
    const credential = unwrap(read);
    return judgeIssuer(credential, statements, { trust, time, head, log });
  } catch (error) {
    if (error instanceof ChainError) throw new Finding(`issuer_${error.kind}`, { detail: error.message });
    throw error;
  }
}

function judgeIssuer(credential, statements, { trust, time, head, log }) {
  const [leaf] = statements;
  const metadata = leaf.metadata.xinji_credential_issuer;
  const code = schoolCode(credential.iss);
  // 2a. The leaf speaks of this issuer, with one and the same code everywhere.
  if (leaf.sub !== credential.iss || !isObject(metadata)) {
    if (isObject(metadata) && schoolCode(leaf.sub) !== code) throw new Finding("issuer_code_mismatch", codes(credential, leaf, log));
    throw new Finding("issuer_not_accredited", { entity_id: credential.iss });
  }
  const logged = attempt(() => decodeEntry(fromB64(log.entry)).code).value ?? code;
  if (code === null || !isTexts(metadata.school_code) || metadata.school_code.some((one) => one !== code) || logged !== code) {
    throw new Finding("issuer_code_mismatch", codes(credential, leaf, log));
  }
  // 2b. The chain's own links, then its limits.
  checkLinks(statements, credential.ids);
  const root = trust === null ? null : checkRoot(statements, trust);
  checkPolicies(statements, "xinji_credential_issuer");
  checkPlace(metadata, code, root);
  if (!isTexts(metadata.credential_types) || !metadata.credential_types.includes(credential.vct)) {
    throw new Finding("issuer_type", { detail: credential.vct });
  }
  // 2c. Every statement is public.
  checkLogged(statements, head);
  // 2d. All of it at T, which must not be far from the day of issue.
  const chain = statements.map(({ iss }) => iss);
  const evidence = { entity_id: credential.iss, school_code: code, chain };
  if (trust === null || time === null) throw new Finding("issuer_no_trust", evidence);
  checkTimes(statements, root, time);
  if (time < credential.iat || time > credential.iat + BACKDATING) {
    throw new Finding("issuer_backdated", { time: iso(time), since: iso(credential.iat) });
  }
  return { code: "issuer_ok", evidence: { ...evidence, time: iso(time) } };
}

function codes(credential, leaf, log) {
  const entry = attempt(() => decodeEntry(fromB64(log.entry)).code).value ?? "?";
  return { detail: `iss ${credential.iss}, statement ${leaf.sub}, log entry ${entry}` };
}

// Digits 1-2 of a school code are its type, digits 3-4 its province.
function checkPlace(metadata, code, root) {
  const { province, school_type: type } = metadata;
  if (!isTexts(type) || !type.includes(code.slice(0, 2))) throw new Finding("issuer_not_accredited", { school_code: code });
  const inPlace = isTexts(province) && province.includes(code.slice(2, 4));
  if (!inPlace || (root !== null && !province.every((one) => root.provinces.includes(one)))) {
    throw new Finding("issuer_province", { school_code: code });
  }
}
