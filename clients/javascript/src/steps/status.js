// Step 3: the province's fresh, signed status list, and the reason if one is stated.

import { unwrap } from "../attempt.js";
import { schoolCode } from "../entity.js";
import {
  ChainError,
  checkLimits,
  checkLinks,
  checkLogged,
  checkRoot,
  checkTimes,
  readStatements,
  serviceKeys,
  STATUS_PROVIDER,
} from "../federation.js";
import { Finding, iso } from "../report.js";
import { headOfStatus } from "./log.js";
import { readListToken, reasonOf, statusAt, STATES } from "../statuslist.js";
import { isObject } from "../strict.js";

const CLOCK_SKEW = 300;

/** `given`: the verifier brought `status` itself; its lists may be younger than its log, and signed with a newer key. */
export function checkStatus(status, credentialRead, { trust, head, now, given }) {
  // 3a. The lists are there, one for each suite of the credential.
  if (!isObject(status)) throw new Finding("status_missing");
  const credential = unwrap(credentialRead);
  const { ids, uri, index, jti, iss } = credential;
  if (ids.some((id) => status[id] === undefined || status[id] === null)) throw new Finding("status_missing");
  const lists = ids.map((id) => readListToken(status[id], id));
  const issued = lists.map(({ iat }) => iat);
  const [issuedAt, expires] = [Math.min(...issued), Math.min(...lists.map(({ exp }) => exp))];

  // 3b. They are signed by the province's own service, accredited when it signed them.
  // Their signer's accreditation lies under the credential's checkpoint, unless the status names a log of its own.
  const province = schoolCode(iss)?.slice(2, 4);
  let under = head;
  if (status.log !== undefined && status.log !== null) {
    under = trust === null ? undefined : headOfStatus(status.log, trust, given ? null : Math.max(...issued));
  }
  const keys = keysOfService(status.accreditation, lists, { ids, province, trust, head: under, given, at: issuedAt });

  // 3c. They are the lists that the credential names, and agree about it.
  if (status.uri !== uri || lists.some(({ sub }) => sub !== uri)) throw new Finding("status_mismatch", { uri });
  const states = lists.map(({ list }) => statusAt(list, index));
  if (states.some((state) => state !== states[0])) throw new Finding("status_mismatch", { uri, index });

  // 3d. They are fresh, and what they say.
  const evidence = { uri, index, as_of: iso(issuedAt), valid_until: iso(expires) };
  if (trust === null) throw new Finding("status_no_trust", evidence);
  if (now >= expires || Math.max(...issued) > now + CLOCK_SKEW) throw new Finding("status_stale", evidence);
  const [state] = states;
  if (state === 0) return { code: "status_ok", evidence: { ...evidence, state: "valid" } };
  const reason = reasonOf(status.statement, { iss: lists[0].iss, jti, state, keys });
  const why = reason === null ? {} : { reason: reason.reason, since: iso(reason.since) };
  throw new Finding(`status_${STATES[state]}`, { ...evidence, state: STATES[state], ...why });
}

function keysOfService(accreditation, lists, { ids, province, trust, head, given, at }) {
  try {
    const statements = readStatements(accreditation);
    const [leaf] = statements;
    checkLinks(statements, ids);
    // Only the province itself keeps its lists: a county's keys must not speak for every school.
    const { kind, code } = leaf.subject;
    const own = kind === "status" && leaf.sub === `${leaf.iss}/status` && code === `0000${province}0000`;
    const provinces = leaf.metadata[STATUS_PROVIDER]?.province;
    if (!own || !Array.isArray(provinces) || provinces.length !== 1 || provinces[0] !== province) {
      throw new ChainError("chain", "not the status service of the school's province");
    }
    checkLimits(statements, STATUS_PROVIDER);
    if (head !== undefined) checkLogged(statements, head);
    if (trust !== null) checkTimes(statements, checkRoot(statements, trust), at);
    const keys = serviceKeys(leaf, STATUS_PROVIDER);
    if (given && lists.some((list) => !keys.some(({ kid }) => kid === list.kid))) {
      throw new Finding("status_key_unknown", { as_of: iso(at) });
    }
    if (!lists.every((list) => list.iss === leaf.sub && list.signedBy(keys))) {
      throw new ChainError("chain", "a list is badly signed");
    }
    return keys;
  } catch (error) {
    if (error instanceof Finding) throw error;
    throw new Finding("status_signature", { detail: error.message });
  }
}
