// Steps 4 and 5: the entry in the log, the log's own signature, and who else saw the checkpoint.

import { attempt, unwrap } from "../attempt.js";
import { schoolCode } from "../entity.js";
import { HASHES } from "../hashes.js";
import { CREDENTIAL_ENTRY, commit, decodeEntry, included, readProof } from "../merkle.js";
import { checkLine, lineOf, readCheckpoint, readNote } from "../note.js";
import { Finding, iso } from "../report.js";
import { equalBytes, fromB64, hex, isObject } from "../strict.js";

const CREDENTIAL_TAG = "xinji/credential/1";

const CLOCKS = 600; // Seconds by which the clocks of witnesses and of a log may differ (docs/ledger-format.md §7).

/** Read the checkpoint of a bundle's log part: `{ note, origin, size, root }`. Nothing is verified yet. */
export function openCheckpoint(log) {
  const note = readNote(log.checkpoint);
  return { note, ...readCheckpoint(note) };
}

// The head that proofs are made against. Whether its log and its witnesses vouch for it is told by their own steps.
export function headOf({ value: checkpoint }, log, trust) {
  if (checkpoint === undefined) return null;
  return { size: checkpoint.size, root: checkpoint.root, hash: knownLog(trust, log)?.hash ?? HASHES.sm3 };
}

const knownLog = (trust, log) => trust?.logs.find(({ origin }) => origin === log.origin);

const signedByLog = (known, { note, origin }) =>
  origin === known.origin && known.vkeys.every((vkey) => checkLine(note, vkey) === true);

// Whether a well signed checkpoint proves that its log went on, or was written anew, after it was closed.
const beyondFinal = ({ final }, { size, root }) =>
  final !== null && (size > final.size || (size === final.size && !equalBytes(root, final.root)));

export function checkInclusion(log, read, { trust, checkpoint, head }) {
  const needed = ["origin", "entry", "index", "path", "checkpoint"];
  if (!isObject(log) || needed.some((name) => log[name] === undefined || log[name] === null)) throw new Finding("inclusion_missing");
  const known = knownLog(trust, log);
  if (trust !== null && known === undefined) throw new Finding("inclusion_unknown_log", { origin: log.origin });
  const { value: opened } = checkpoint;
  const signed = opened?.origin === log.origin && (trust === null || signedByLog(known, opened));
  if (!signed) throw new Finding("inclusion_checkpoint_signature", { origin: log.origin });
  if (trust !== null && beyondFinal(known, opened)) {
    throw new Finding("inclusion_beyond_final", { origin: log.origin, tree_size: opened.size });
  }

  const credential = unwrap(read);
  const entry = attempt(() => fromB64(log.entry));
  const content = attempt(() => decodeEntry(entry.value));
  const tokens = Object.fromEntries(Object.entries(credential.suites).map(([id, { token }]) => [id, token]));
  const commitment = commit(CREDENTIAL_TAG, schoolCode(credential.iss) ?? content.value?.code ?? "", tokens);
  const evidence = { origin: log.origin, index: log.index, tree_size: head.size, commitment: hex(commitment) };
  if (content.value?.type !== CREDENTIAL_ENTRY || !equalBytes(content.value.commitment, commitment)) {
    throw new Finding("inclusion_entry_mismatch", evidence);
  }
  if (!included(entry.value, readProof(log), head)) throw new Finding("inclusion_proof", evidence);
  return { code: trust === null ? "inclusion_no_trust" : "inclusion_ok", evidence };
}

/** Count organisations, each once, at its earliest time; T is when the quorum was complete. */
export function checkWitnesses({ value: checkpoint }, trust) {
  if (trust === null || trust.witnesses.quorum === 0) throw new Finding("witnesses_none_named");
  if (checkpoint === undefined) throw new Finding("witnesses_missing");
  const { quorum, organisations } = trust.witnesses;
  const seen = [];
  for (const { organisation, vkeys } of organisations) {
    const times = vkeys.map((vkey) => checkLine(checkpoint.note, vkey)).filter((time) => typeof time === "number");
    if (times.length > 0) seen.push({ organisation, time: Math.min(...times) });
  }
  const evidence = { witnesses: seen.length, quorum, organisations: seen.map(({ organisation }) => organisation) };
  if (seen.length < quorum) {
    const tried = organisations.some(({ vkeys }) => vkeys.some((vkey) => lineOf(checkpoint.note, vkey) !== undefined));
    throw new Finding(tried ? "witnesses_quorum" : "witnesses_missing", evidence);
  }
  const time = seen.map((one) => one.time).sort((one, other) => one - other)[quorum - 1];
  return { code: "witnesses_ok", evidence: { ...evidence, time: iso(time) }, time };
}

/**
 * Return the head under which the accreditation in a status part lies that names a `log` of its own: any log of
 * the trust file, well signed, seen by the quorum, and not older than the list (`listedAt`; null for a list that
 * the verifier brought, which is younger than the bundle).
 */
export function headOfStatus(log, trust, listedAt) {
  const fail = (detail, more = {}) => new Finding("status_log", { origin: log.origin, detail, ...more });
  const known = knownLog(trust, log);
  if (known === undefined) throw fail("no log of the trust file");
  const checkpoint = attempt(() => openCheckpoint(log));
  const { value: opened } = checkpoint;
  if (opened === undefined || !signedByLog(known, opened)) throw fail("the checkpoint is not signed by its log");
  if (beyondFinal(known, opened)) throw new Finding("status_beyond_final", { origin: log.origin, tree_size: opened.size });
  if (trust.witnesses.quorum > 0) {
    const { value: seen, error } = attempt(() => checkWitnesses(checkpoint, trust));
    if (error !== undefined) throw fail(error.message);
    if (listedAt !== null && seen.time + CLOCKS < listedAt) throw fail(`the list is younger: ${iso(listedAt)}`, { time: iso(seen.time) });
  }
  return headOf(checkpoint, log, trust);
}
