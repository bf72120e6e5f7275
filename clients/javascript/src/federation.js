// Accreditation: a chain of OpenID Federation 1.0 subordinate statements, leaf first, up to a root
// of the trust file. Validated at a time that the caller gives, not now (docs/verifying.md).
//
// What the chain says is judged here; whether a leaf may issue this credential is the caller's step.

import { authorityCode, entryCode } from "./entity.js";
import { readPair } from "./jwt.js";
import { keySet } from "./keys.js";
import { ACCREDITATION_ENTRY, commit, encodeEntry, included, readProof } from "./merkle.js";
import { hex, isIndex, isInstant, isObject, isText, isTexts } from "./strict.js";

const TAG = "xinji/accreditation/1";
const MAX_STATEMENTS = 5; // Province, city, county, school, and one above for a later national root.

/** A chain that does not hold; `kind` is what follows `issuer_` in the report's codes. */
export class ChainError extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

/** Read the statements of `accreditation` without judging them. Raises ChainError("chain"). */
export function readStatements(accreditation) {
  if (!Array.isArray(accreditation) || accreditation.length === 0 || accreditation.length > MAX_STATEMENTS) {
    throw new ChainError("chain", "a chain has 1 to 5 statements");
  }
  try {
    return accreditation.map(readStatement);
  } catch (error) {
    throw error instanceof ChainError ? error : new ChainError("chain", error.message);
  }
}

function readStatement(item) {
  const pair = readPair(item, "entity-statement+jwt");
  const { iss, sub, iat, exp, metadata, metadata_policy: policy, constraints } = pair.payload;
  const formed = isText(iss) && isText(sub) && isInstant(iat) && isInstant(exp) && entryCode(sub) !== null;
  if (!formed || "crit" in pair.payload || "metadata_policy_crit" in pair.payload) {
    throw new ChainError("chain", "a statement of another form");
  }
  return {
    ...pair,
    ...{ iss, sub, iat, exp, policy, constraints },
    keys: pair.payload.jwks === undefined ? [] : keySet(pair.payload.jwks),
    metadata: isObject(metadata) ? metadata : {},
    proof: item.proof,
    status: item.status ?? null,
  };
}

/** Return the registered names of a statement's subject. */
export function namesOf(statement) {
  const entity = statement.metadata.federation_entity;
  const name = isObject(entity) && isText(entity.organization_name) ? entity.organization_name : null;
  const english = isObject(entity) && isText(entity["organization_name#en"]) ? entity["organization_name#en"] : name;
  return { entity_id: statement.sub, name, name_en: english };
}

/** Check what needs no trust file: order, signatures below the root, path lengths, suites. */
export function checkLinks(statements, suites) {
  statements.forEach((statement, at) => {
    if (!suites.every((id) => id in statement.suites)) throw new ChainError("chain", "a statement lacks a suite");
    const superior = statements[at + 1];
    if (superior === undefined) return;
    if (superior.sub !== statement.iss) throw new ChainError("chain", "statements that do not follow one another");
    if (!statement.signedBy(superior.keys)) throw new ChainError("chain", "a statement is badly signed");
    checkIntermediate(superior, at);
  });
}

// Only authorities accredit: a school's own keys make nobody else a school.
function checkIntermediate(statement, below) {
  if (authorityCode(statement.sub) === null || !isObject(statement.policy?.xinji_credential_issuer)) {
    throw new ChainError("chain", "an intermediate that is no authority with limits");
  }
  const limit = statement.constraints?.max_path_length;
  if (limit !== undefined && !(isIndex(limit) && below <= limit)) throw new ChainError("chain", "the chain is too long");
  const unknown = Object.keys(statement.constraints ?? {}).filter((name) => name !== "max_path_length");
  if (unknown.length > 0) throw new ChainError("chain", "a constraint that is not known here");
}

/** Return the trust file's root above the chain, and check its signature on the last statement. */
export function checkRoot(statements, trust) {
  const last = statements.at(-1);
  const root = trust.roots.find((one) => one.entityId === last.iss);
  if (root === undefined) throw new ChainError("unknown_root", "the chain leads to another root");
  if (!last.signedBy(root.keys)) throw new ChainError("chain", "a statement is not signed by the root");
  return root;
}

/** Apply the superiors' `metadata_policy` for `entityType` (`subset_of` only, OpenID Federation 1.0 §6.1) to the leaf. */
export function checkPolicies(statements, entityType) {
  const metadata = statements[0].metadata[entityType];
  for (const { policy } of statements.slice(1)) {
    for (const [name, operators] of Object.entries(policy[entityType] ?? {})) {
      const kind = { province: "province", credential_types: "type" }[name] ?? "not_accredited";
      const allowed = isObject(operators) ? operators.subset_of : undefined;
      if (!isTexts(allowed) || Object.keys(operators).length !== 1) {
        throw new ChainError("not_accredited", "a limit that is not known here");
      }
      if (!isTexts(metadata[name]) || !metadata[name].every((value) => allowed.includes(value))) {
        throw new ChainError(kind, `${name} goes beyond a superior's limit`);
      }
    }
  }
}

/** Check that each statement, and each statement's status, stands in the log under `head`. */
export function checkLogged(statements, head) {
  for (const statement of statements) {
    checkEntry(statement, statement.sub, statement.proof, head);
    if (statement.status !== null) {
      checkEntry(readPairOrFail(statement.status), statement.sub, statement.status.proof, head);
    }
  }
}

function checkEntry(pair, subject, proof, head) {
  const entry = encodeEntry(ACCREDITATION_ENTRY, entryCode(subject), commitmentOf(pair, subject));
  let fits = false;
  try {
    fits = head !== null && included(entry, readProof(proof), head);
  } catch {
    // A proof that cannot be read proves nothing.
  }
  if (!fits) throw new ChainError("unlogged", `no good log proof for the statement about ${subject}`);
}

const commitmentOf = ({ suites }, subject) =>
  commit(TAG, entryCode(subject), Object.fromEntries(Object.entries(suites).map(([id, { token }]) => [id, token])));

/** Check each statement, and what later became of it, at the time `at` (POSIX seconds). */
export function checkTimes(statements, root, at) {
  statements.forEach((statement, place) => {
    if (at < statement.iat || at >= statement.exp) throw new ChainError("expired", "a statement was not in force");
    if (statement.status === null) return;
    const superiorKeys = statements[place + 1]?.keys ?? root.keys;
    const { state, since } = readStatementStatus(statement, superiorKeys);
    if (at < since) return;
    throw new ChainError(state === "retired" ? "expired" : "compromised", `a statement is ${state}`);
  });
}

function readStatementStatus(statement, superiorKeys) {
  const pair = readPairOrFail(statement.status);
  const { iss, sub, statement: commitment, state, since } = pair.payload;
  const about = iss === statement.iss && sub === statement.sub && commitment === hex(commitmentOf(statement, statement.sub));
  if (!about || !pair.signedBy(superiorKeys) || !["retired", "compromised"].includes(state) || !isInstant(since)) {
    throw new ChainError("chain", "a statement's status that is not about it, or is badly signed");
  }
  return { state, since };
}

function readPairOrFail(item) {
  try {
    return readPair(item, "xinji-statement-status+jwt");
  } catch (error) {
    throw new ChainError("chain", error.message);
  }
}
