// Inclusion proofs of RFC 9162 §2.1.3, and the log's 43-byte entries and commitments.

import { sm3 } from "./hashes.js";
import { concat, equalBytes, FormatError, fromB64, isIndex, isObject, utf8 } from "./strict.js";

export const CREDENTIAL_ENTRY = 1;
export const ACCREDITATION_ENTRY = 3;

const LEAF = new Uint8Array([0]);
const NODE = new Uint8Array([1]);

/** Read `{ index, path }` as bundles carry it. */
export function readProof(proof) {
  if (!isObject(proof) || !isIndex(proof.index) || !Array.isArray(proof.path) || proof.path.length > 63) {
    throw new FormatError("not an inclusion proof");
  }
  const path = proof.path.map(fromB64);
  if (path.some((node) => node.length !== 32)) throw new FormatError("a proof of another hash");
  return { index: proof.index, path };
}

/** Whether `proof` places `entry` under `head` (`{ size, root, hash }`). The size comes from the signed head only. */
export function included(entry, { index, path }, { size, root, hash }) {
  if (index >= size) return false;
  let node = hash(concat(LEAF, entry));
  let at = index;
  let last = size - 1;
  for (const sibling of path) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      node = hash(concat(NODE, sibling, node));
      while (at !== 0 && at % 2 === 0) {
        // On the right edge: skip the levels without a sibling.
        at = Math.floor(at / 2);
        last = Math.floor(last / 2);
      }
    } else {
      node = hash(concat(NODE, node, sibling));
    }
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && equalBytes(node, root);
}

/** Return the 43 bytes `type ‖ issuer code ‖ commitment`. */
export const encodeEntry = (type, code, commitment) => concat(new Uint8Array([type]), utf8(code), commitment);

/** Read the 43 bytes of an entry. */
export function decodeEntry(bytes) {
  const code = String.fromCharCode(...bytes.subarray(1, 11));
  if (bytes.length !== 43 || !/^[0-9]{10}$/.test(code)) throw new FormatError("not a log entry");
  return { type: bytes[0], code, commitment: bytes.subarray(11) };
}

/**
 * Return the commitment: SM3(tag ‖ 0x00 ‖ code ‖ count ‖ per suite: length, id, SM3 of the JWT).
 * `tokens` maps suite ids to JWTs without disclosures.
 */
export function commit(tag, code, tokens) {
  const parts = [utf8(tag), new Uint8Array([0]), utf8(code), new Uint8Array([Object.keys(tokens).length])];
  for (const id of Object.keys(tokens).sort()) {
    parts.push(new Uint8Array([id.length]), utf8(id), sm3(utf8(tokens[id])));
  }
  return sm3(concat(...parts));
}

/**
 * Whether `path` proves the tree of `next` (`{ size, root }`) to extend that of `old`: RFC 9162 §2.1.4.2,
 * with halvings in place of shifts, which end at 2^31. Sizes and roots come from signed heads or a chain.
 */
export function consistent(path, old, next, hash) {
  if (old.size < 1 || old.size > next.size) return false;
  if (old.size === next.size) return path.length === 0 && equalBytes(old.root, next.root);
  let at = old.size - 1;
  let last = next.size - 1;
  const up = () => ([at, last] = [Math.floor(at / 2), Math.floor(last / 2)]);
  while (at % 2 === 1) up();
  // A perfect old tree starts the path itself: the proof leaves it out because the verifier has it.
  const steps = at === 0 ? [old.root, ...path] : path;
  if (steps.length === 0) return false;
  let [before] = steps;
  let after = before;
  for (const sibling of steps.slice(1)) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      before = hash(concat(NODE, sibling, before));
      after = hash(concat(NODE, sibling, after));
      while (at !== 0 && at % 2 === 0) up();
    } else {
      after = hash(concat(NODE, after, sibling));
    }
    up();
  }
  return last === 0 && equalBytes(before, old.root) && equalBytes(after, next.root);
}
