// Status list tokens (IETF Token Status List) and status statements.

import { Unzlib } from "fflate";
import { readJwt, readPair } from "./jwt.js";
import { FormatError, fromB64u, isInstant, isObject, isText } from "./strict.js";
import { SUITES } from "./suites.js";

const MAX_LIST = 262_144; // Bytes after inflating: 2^20 entries of two bits.
const SLICE = 4096; // Deflate expands at most 1032 times, so a slice gives at most 4 MB.

export const STATES = ["ok", "revoked", "suspended", "superseded"];

/** Read one suite's list token; the signature is the caller's. */
export function readListToken(token, suite) {
  const jwt = readJwt(token, { typ: "statuslist+jwt", alg: SUITES[suite].alg });
  const { sub, iss, iat, exp, status_list: list } = jwt.payload;
  if (!isText(sub) || !isText(iss) || !isInstant(iat) || !isInstant(exp) || !isObject(list)) {
    throw new FormatError("a status list token of another form");
  }
  return { ...jwt, sub, iss, iat, exp, list };
}

/** Return the two bits at `index` of `list` (`{ bits, lst }`), lowest bits first. */
export function statusAt({ bits, lst }, index) {
  if (bits !== 2) throw new FormatError("a status list of another width");
  const bytes = inflate(fromB64u(lst));
  const at = Math.floor(index / 4);
  if (at >= bytes.length) throw new FormatError("the list ends before this index");
  return (bytes[at] >> (2 * (index % 4))) & 3;
}

function inflate(packed) {
  const parts = [];
  let size = 0;
  let ended = false;
  const stream = new Unzlib((part, last) => {
    size += part.length;
    ended ||= last;
    if (size > MAX_LIST) throw new FormatError("a status list that is too large");
    parts.push(part);
  });
  try {
    for (let at = 0; at < packed.length; at += SLICE) {
      stream.push(packed.subarray(at, at + SLICE), at + SLICE >= packed.length);
    }
  } catch (error) {
    throw error instanceof FormatError ? error : new FormatError("a status list that cannot be inflated");
  }
  if (!ended) throw new FormatError("a status list that is cut");
  const bytes = new Uint8Array(size);
  parts.reduce((at, part) => (bytes.set(part, at), at + part.length), 0);
  return bytes;
}

/**
 * Return the reason that a status statement gives, `{ reason, since }`, or null: it is shown only
 * if signed by the list's keys and in agreement with the list.
 */
export function reasonOf(statement, { iss, jti, state, keys }) {
  try {
    const pair = readPair(statement, "xinji-status-statement+jwt");
    const { iss: signer, jti: about, status, reason, at } = pair.payload;
    const agrees = signer === iss && about === jti && status === state && isText(reason, 100) && isInstant(at);
    return agrees && pair.signedBy(keys) ? { reason, since: at } : null;
  } catch {
    return null;
  }
}
