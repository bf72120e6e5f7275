// The trust file: what a verifier believes before it reads anything. Pinned, versioned, expiring,
// signed by k of n of its roots; an update also by k of n of the roots of the file it replaces.

import { readChains } from "./chains.js";
import { readJwt } from "./jwt.js";
import { keySet } from "./keys.js";
import { HASHES } from "./hashes.js";
import { readVkey } from "./note.js";
import { FormatError, fromB64, fromB64u, isIndex, isObject, isText, strictJson } from "./strict.js";
import { SUITES } from "./suites.js";

export class TrustError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

const TYP = "xinji-trust+json";
const MAX_TRUST = 1_048_576;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?Z$/;

/**
 * Read a trust file (JWS General JSON Serialization, RFC 7515 §7.2.1) and check it at `now`
 * (POSIX seconds): its form, its time, and the signatures of at least `threshold` of its own roots.
 *
 * Raises TrustError with a code: trust_missing, trust_malformed, trust_expired, trust_signatures.
 */
export function openTrust(source, now) {
  if (source === null || source === undefined) throw new TrustError("trust_missing", "no trust file");
  const file = readFile(source);
  if (now < file.trust.issuedAt - 300) throw new TrustError("trust_expired", "the trust file is of the future");
  if (now >= file.trust.expiresAt) throw new TrustError("trust_expired", "the trust file has expired");
  checkSigned(file, file.trust);
  return file.trust;
}

/**
 * Return the trust in `next` as the successor of the pinned `previous`: signed by k of n of the
 * roots of both, of a higher version (or the very same file). The pinned file may have expired.
 */
export function updateTrust(previous, next, now) {
  const pinned = readFile(previous);
  checkSigned(pinned, pinned.trust);
  const trust = openTrust(next, now);
  const file = readFile(next);
  if (file.payload === pinned.payload) return trust;
  if (trust.version <= pinned.trust.version) throw new TrustError("trust_rollback", "an older trust file, or another of the same version");
  checkSigned(file, pinned.trust);
  return trust;
}

function readFile(source) {
  try {
    const file = isObject(source) ? source : strictJson(source, { limit: MAX_TRUST });
    if (!isObject(file) || !isText(file.payload, MAX_TRUST) || !Array.isArray(file.signatures) || file.signatures.length > 64) {
      throw new FormatError("not a JWS in general form");
    }
    const signatures = file.signatures.map(({ protected: header, signature }) => ({ header, signature }));
    return { payload: file.payload, signatures, trust: readTrust(strictJson(fromB64u(file.payload))) };
  } catch (error) {
    throw new TrustError("trust_malformed", error.message);
  }
}

// A root counts once, however many of its keys have signed.
function checkSigned({ payload, signatures }, { roots, threshold }) {
  const signed = roots.filter(({ keys }) => signatures.some((signature) => signedWith(payload, signature, keys)));
  if (signed.length < threshold) {
    throw new TrustError("trust_signatures", `${signed.length} roots have signed, ${threshold} must`);
  }
}

function signedWith(payload, { header, signature }, keys) {
  return Object.values(SUITES).some(({ alg }) => {
    try {
      return readJwt(`${header}.${payload}.${signature}`, { typ: TYP, alg }).signedBy(keys);
    } catch {
      return false; // A signature of another kind counts for nothing.
    }
  });
}

function readTrust(content) {
  const { format, version, issued_at: issued, expires_at: expires, threshold, roots, logs, witness_policy: policy } = content;
  if (format !== "xinji/trust/1" || !isIndex(version) || version < 1) throw new FormatError("not a trust file");
  const trust = {
    version,
    issuedAt: instant(issued),
    expiresAt: instant(expires),
    threshold,
    roots: list(roots).map(readRoot),
    logs: list(logs).map(readLog),
    witnesses: readWitnesses(policy),
    chains: readChains(list(content.chains)),
    verifierHost: isText(content.verifier_host) ? content.verifier_host : null,
  };
  unique(trust.roots.map(({ entityId }) => entityId));
  unique(trust.roots.flatMap(({ keys }) => keys.map(({ kid }) => kid)));
  unique(trust.logs.map(({ origin }) => origin));
  if (!isIndex(threshold) || threshold < 1 || threshold > trust.roots.length) throw new FormatError("a threshold out of reach");
  return trust;
}

function readRoot({ entity_id: entityId, provinces, jwks }) {
  const formed = isText(entityId) && list(provinces).every((province) => /^[0-9]{2}$/.test(province));
  if (!formed) throw new FormatError("a root of another form");
  return { entityId, provinces, keys: keySet(jwks) };
}

function readLog({ origin, hash, vkeys, final }) {
  const keys = list(vkeys).map(readVkey);
  const named = keys.length > 0 && keys.every(({ timed }) => timed === null);
  if (!isText(origin) || !Object.hasOwn(HASHES, hash) || !named) throw new FormatError("a log of another form");
  unique(keys.map(({ text }) => text));
  return { origin, hash: HASHES[hash], vkeys: keys, final: readFinal(final) };
}

// Where a log that was closed ended: a larger tree, or another one of that size, proves misbehaviour.
function readFinal(final) {
  if (final === undefined || final === null) return null;
  const root = fromB64(final.root);
  if (!isIndex(final.size) || root.length !== 32) throw new FormatError("final is the size and the root of the last checkpoint");
  return { size: final.size, root };
}

function readWitnesses({ quorum, witnesses }) {
  const organisations = list(witnesses).map(({ organisation, vkeys }) => {
    const keys = list(vkeys).map(readVkey);
    if (!isText(organisation) || !keys.every(({ timed }) => timed !== null)) throw new FormatError("a witness of another form");
    return { organisation, vkeys: keys };
  });
  unique(organisations.map(({ organisation }) => organisation));
  // A key under two names would let one machine count twice.
  unique(organisations.flatMap(({ vkeys }) => vkeys.map(({ point }) => String(point))));
  if (!isIndex(quorum) || quorum > organisations.length || (quorum === 0) !== (organisations.length === 0)) throw new FormatError("a quorum out of reach");
  return { quorum, organisations };
}

function list(value) {
  if (!Array.isArray(value) || value.length > 256) throw new FormatError("not a list");
  return value;
}

function unique(values) {
  if (new Set(values).size !== values.length) throw new FormatError("something is named twice");
}

function instant(text) {
  const at = typeof text === "string" && INSTANT.test(text) ? Date.parse(text) / 1000 : Number.NaN;
  if (Number.isNaN(at)) throw new FormatError("not an instant");
  return at;
}
