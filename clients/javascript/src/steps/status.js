// Step 3: the province's fresh, signed status list, and the reason if one is stated.

import { unwrap } from "../attempt.js";
import { authorityCode, schoolCode, statusServiceCode } from "../entity.js";
import { ChainError, checkLinks, checkLogged, checkPolicies, checkRoot, checkTimes, readStatements } from "../federation.js";
import { keySet } from "../keys.js";
import { Finding, iso } from "../report.js";
import { readListToken, reasonOf, statusAt, STATES } from "../statuslist.js";
import { isObject, isTexts } from "../strict.js";

const CLOCK_SKEW = 300;

export function checkStatus(status, read, { trust, head, now }) {
  if (!isObject(status)) throw new Finding("status_missing");
  const credential = unwrap(read);
  if (credential.ids.some((id) => status[id] === undefined || status[id] === null)) throw new Finding("status_missing");
  const lists = Object.fromEntries(credential.ids.map((id) => [id, readListToken(status[id], id)]));
  const [first] = Object.values(lists);
  const about = Object.values(lists).every(({ sub, iss }) => sub === credential.uri && iss === first.iss);
  if (!about || status.uri !== credential.uri) throw new Finding("status_mismatch", { uri: credential.uri });
  const states = credential.ids.map((id) => statusAt(lists[id].list, credential.index));
  if (new Set(states).size !== 1) throw new Finding("status_mismatch", { index: credential.index });

  const issuedAt = Math.min(...Object.values(lists).map(({ iat }) => iat));
  const expires = Math.min(...Object.values(lists).map(({ exp }) => exp));
  const keys = statusKeys(status, lists, credential, { trust, head, at: issuedAt });
  const evidence = { uri: credential.uri, index: credential.index, as_of: iso(issuedAt), valid_until: iso(expires) };
  if (trust === null) throw new Finding("status_no_trust", evidence);
  if (now >= expires || Object.values(lists).some(({ iat }) => iat > now + CLOCK_SKEW)) {
    throw new Finding("status_stale", evidence);
  }
  const state = states[0];
  if (state === 0) return { code: "status_ok", evidence: { ...evidence, state: "valid" } };
  const reason = reasonOf(status.statement, { iss: first.iss, jti: credential.jti, state, keys });
  const why = reason === null ? {} : { reason: reason.reason, since: iso(reason.since) };
  throw new Finding(`status_${STATES[state]}`, { ...evidence, state: STATES[state], ...why });
}

/** Return the keys of the province's status service, whose accreditation must hold when the list was made. */
function statusKeys(status, lists, credential, { trust, head, at }) {
  try {
    const statements = readStatements(status.accreditation);
    const [leaf] = statements;
    const metadata = leaf.metadata.xinji_status_provider;
    const province = schoolCode(credential.iss)?.slice(2, 4);
    const service = statusServiceCode(leaf.sub);
    // Only the province itself keeps its lists: a county's keys must not speak for every school.
    const entitled = service === `${province}0000` && authorityCode(leaf.iss) === service && leaf.sub === lists[credential.ids[0]].iss;
    if (!entitled || !isTexts(metadata?.province) || !metadata.province.includes(province)) {
      throw new ChainError("chain", "the list's signer is not the province's status service");
    }
    checkLinks(statements, credential.ids);
    checkPolicies(statements, "xinji_status_provider");
    checkLogged(statements, head);
    if (trust !== null) {
      const root = checkRoot(statements, trust);
      if (!metadata.province.every((one) => root.provinces.includes(one))) throw new ChainError("province", "another province's root");
      checkTimes(statements, root, at);
    }
    const keys = keySet(metadata.jwks);
    if (!Object.values(lists).every((list) => list.signedBy(keys))) throw new ChainError("chain", "a list is badly signed");
    return keys;
  } catch (error) {
    throw new Finding("status_signature", { detail: error.message });
  }
}
