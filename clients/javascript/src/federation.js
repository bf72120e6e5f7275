// Accreditation: a chain of OpenID Federation 1.0 subordinate statements, leaf first, up to a root
// of the trust file. Judged at a time that the caller gives, not now (docs/verifying.md).
//
// What the chain says is judged here; whether a leaf may sign this document is the caller's step.

import { entityOf } from "./entity.js";
import { readPair } from "./jwt.js";
import { keySet } from "./keys.js";
import { ACCREDITATION_ENTRY, commit, encodeEntry, included, readProof } from "./merkle.js";
import { hex, isIndex, isInstant, isObject, isText, isTexts } from "./strict.js";

export const ISSUER = "xinji_credential_issuer";
export const STATUS_PROVIDER = "xinji_status_provider";
const TAG = "xinji/accreditation/1";
const MAX_STATEMENTS = 8;
const LIMITED = ["province", "school_type", "credential_types"];

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
    throw new ChainError("chain", `a chain has 1 to ${MAX_STATEMENTS} statements`);
  }
  return accreditation.map((item) => formed(() => readStatement(item)));
}

// Whatever a reader throws on a statement's form is a broken chain.
function formed(read) {
  try {
    return read();
  } catch (error) {
    throw error instanceof ChainError ? error : new ChainError("chain", error.message);
  }
}

function readStatement(item) {
  const pair = readPair(item, "entity-statement+jwt");
  const { iss, sub, iat, exp, jwks, metadata = {}, metadata_policy: policy = {}, constraints = {} } = pair.payload;
  const subject = entityOf(sub);
  const known = !("crit" in pair.payload) && !("metadata_policy_crit" in pair.payload);
  if (subject === null || !isText(iss) || !isInstant(iat) || !isInstant(exp) || iat >= exp || !known) {
    throw new ChainError("chain", "a statement of another form");
  }
  if (![metadata, policy, constraints].every(isObject)) throw new ChainError("chain", "a statement of another form");
  const statement = { ...pair, subject, iss, sub, iat, exp, metadata, policy, constraints, keys: keySet(jwks) };
  return { ...statement, commitment: commitmentOf(pair, subject), proof: item.proof, status: item.status ?? null };
}

const commitmentOf = ({ suites }, { code }) =>
  commit(TAG, code, Object.fromEntries(Object.entries(suites).map(([id, { token }]) => [id, token])));

/** Return the keys in the leaf's metadata, which sign credentials or lists and never statements. */
export function serviceKeys(statement, kind) {
  const keys = keySet(statement.metadata[kind]?.jwks);
  if (keys.some(({ kid }) => statement.keys.some((key) => key.kid === kid))) {
    throw new ChainError("chain", "a key that signs statements may sign nothing else");
  }
  return keys;
}

/** Return the registered names of a statement's subject. */
export function namesOf(statement) {
  const entity = statement.metadata.federation_entity;
  const name = isText(entity?.organization_name) ? entity.organization_name : null;
  const english = isText(entity?.["organization_name#en"]) ? entity["organization_name#en"] : name;
  return { entity_id: statement.sub, name, name_en: english };
}

/** Check what needs no trust file: order, suites, and the signatures below the last statement. */
export function checkLinks(statements, suites) {
  statements.forEach((statement, at) => {
    if (!suites.every((id) => id in statement.suites)) throw new ChainError("chain", "a statement lacks a suite");
    const superior = statements[at + 1];
    if (superior === undefined) return;
    // Only authorities accredit: a school's own keys make nobody else a school.
    if (superior.sub !== statement.iss || superior.subject.kind !== "authority") {
      throw new ChainError("chain", "statements that do not follow one another");
    }
    if (!statement.signedBy(superior.keys)) throw new ChainError("chain", "a statement is badly signed");
  });
  const seen = [...statements.map(({ sub }) => sub), statements.at(-1).iss];
  if (new Set(seen).size !== seen.length) throw new ChainError("chain", "somebody stands twice in the chain");
}

/** Return the trust file's root above the chain, after checking its signature and its provinces. */
export function checkRoot(statements, trust) {
  const last = statements.at(-1);
  const root = trust.roots.find((one) => one.entityId === last.iss);
  if (root === undefined) throw new ChainError("unknown_root", "the chain leads to another root");
  if (!last.signedBy(root.keys)) throw new ChainError("chain", "a statement is not signed by the root");
  if (!statements.every(({ subject }) => root.provinces.includes(subject.province))) {
    throw new ChainError("province", "the root does not answer for this province");
  }
  return root;
}

/**
 * Hold the leaf against what the authorities above may accredit: `metadata_policy` (`subset_of`
 * only, OpenID Federation 1.0 §6.1) and `constraints.max_path_length`, which counts the
 * authorities between a statement's issuer and the leaf (§6.2.1).
 */
export function checkLimits(statements, kind) {
  statements.forEach(({ policy, constraints }, below) => {
    const { max_path_length: longest = below === 0 ? 0 : undefined, ...others } = constraints;
    if (!isIndex(longest) || Object.keys(others).length > 0) throw new ChainError("chain", "an authority without a limit that is known here");
    if (below > longest) throw new ChainError("chain", `${below} authorities where ${longest} are allowed`);
    const limits = policy[kind] ?? {};
    if (below > 0 && kind === ISSUER && !LIMITED.every((name) => Object.hasOwn(limits, name))) {
      throw new ChainError("chain", "an authority without limits");
    }
    for (const [name, operators] of Object.entries(limits)) checkLimit(statements[0].metadata[kind], name, operators);
  });
}

function checkLimit(metadata, name, operators) {
  const allowed = isObject(operators) && Object.keys(operators).length === 1 ? operators.subset_of : undefined;
  if (!isTexts(allowed, 256)) throw new ChainError("chain", "a limit that is not known here");
  const claimed = metadata?.[name];
  if (!isTexts(claimed, 256) || !claimed.every((value) => allowed.includes(value))) {
    const kind = { province: "province", credential_types: "type" }[name] ?? "not_accredited";
    throw new ChainError(kind, `${name} goes beyond a superior's limit`);
  }
}

/** Check that each statement stands in the log under `head`: what nobody could see accredits nobody. */
export function checkLogged(statements, head) {
  for (const { subject, commitment, proof } of statements) {
    let logged = false;
    try {
      logged = head !== null && included(encodeEntry(ACCREDITATION_ENTRY, subject.code, commitment), readProof(proof), head);
    } catch {
      // A proof that cannot be read proves nothing.
    }
    if (!logged) throw new ChainError("unlogged", `no good log proof for the statement about ${subject.id}`);
  }
}

/**
 * Check each statement, and what later became of it, at the time `at` (POSIX seconds). A later
 * status can lie long after the bundle's checkpoint and can only take away: its place in the log is not asked.
 */
export function checkTimes(statements, root, at) {
  statements.forEach((statement, place) => {
    if (at < statement.iat || at >= statement.exp) throw new ChainError("expired", "a statement was not in force");
    if (statement.status === null) return;
    const { state, since } = formed(() => readStatus(statement, statements[place + 1]?.keys ?? root.keys));
    if (at >= since) throw new ChainError(state === "retired" ? "expired" : "compromised", `a statement is ${state}`);
  });
}

function readStatus(statement, superiorKeys) {
  const pair = readPair(statement.status, "xinji-statement-status+jwt");
  const { iss, sub, statement: commitment, state, since } = pair.payload;
  const about = iss === statement.iss && sub === statement.sub && commitment === hex(statement.commitment);
  if (!about || !pair.signedBy(superiorKeys) || !["retired", "compromised"].includes(state) || !isInstant(since)) {
    throw new ChainError("chain", "a statement's status that is not about it, or is badly signed");
  }
  return { state, since };
}
