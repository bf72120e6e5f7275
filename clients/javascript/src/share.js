// Share codes: reading what a person typed or scanned, and opening the ciphertext.
// HKDF-SM3 and SM4-GCM as design §4 says; the key never leaves the device.

import { sm4 } from "sm-crypto-v2";
import { hkdfSm3 } from "./hashes.js";
import { FormatError, fromB64u, fromUtf8, utf8 } from "./strict.js";

export const ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"; // GB 32100: no I, O, S, V, Z.
const LENGTH = 20;

/** A code that cannot be right: `code` is code_length, code_sign (with `sign`) or code_check. */
export class CodeError extends Error {
  constructor(code, sign = "") {
    super(code);
    this.code = code;
    this.sign = sign;
  }
}

/** Return the 20 signs of a code in any case, width and grouping; its check sign is checked. */
export function parseCode(text) {
  if (text.length > 200) throw new CodeError("code_length");
  const signs = text.normalize("NFKC").toUpperCase().replace(/[\s\-\u2010-\u2014\u2212\u00b7]/g, "");
  const stranger = [...signs].find((sign) => !ALPHABET.includes(sign));
  if (stranger !== undefined) throw new CodeError("code_sign", stranger);
  if (signs.length !== LENGTH) throw new CodeError("code_length");
  if (checkSign(signs.slice(0, -1)) !== signs.at(-1)) throw new CodeError("code_check");
  return signs;
}

/** Return the check sign of 19 signs: weights 3^1 … 3^19 modulo 31. */
export function checkSign(signs) {
  let weight = 1;
  let sum = 0;
  for (const sign of signs) {
    weight = (weight * 3) % 31;
    sum += ALPHABET.indexOf(sign) * weight;
  }
  return ALPHABET[(31 - (sum % 31)) % 31];
}

/** Group a code in fours with hyphens. */
export const grouped = (code) => code.match(/.{1,4}/g).join("-");

/** Derive the look-up id, which is sent, and the key, which is not (16 bytes each). */
export function shareKeys(code) {
  const signs = utf8(code.slice(0, -1));
  const derive = (info) => hkdfSm3(signs, utf8("xinji/share/1"), utf8(info), 16);
  return { id: derive("id"), key: derive("key") };
}

/** Decrypt a look-up's answer into the bundle's text. */
export function openShare({ nonce, ciphertext }, { id, key }) {
  const iv = fromB64u(nonce);
  const sealed = fromB64u(ciphertext);
  if (iv.length !== 12 || sealed.length < 16) throw new FormatError("not a sealed share");
  const options = { mode: "gcm", iv, associatedData: id, tag: sealed.subarray(-16), output: "array" };
  let bytes;
  try {
    bytes = sm4.decrypt(sealed.subarray(0, -16), key, options);
  } catch {
    throw new FormatError("the share does not open with this code");
  }
  return fromUtf8(bytes);
}

/**
 * Read a scanned text: a code alone, or an address `https://<host>/v#<code>`.
 * Returns `{ code }`, `{ foreign: host }` for another verifier's address, or null for anything else.
 */
export function parseScan(text, hosts) {
  let url;
  try {
    url = new URL(text);
  } catch {
    return codeOrNull(text);
  }
  if (!/^https?:$/.test(url.protocol) || url.hash === "") return codeOrNull(text);
  if (!hosts.includes(url.host)) return { foreign: url.host };
  return url.pathname === "/v" ? codeOrNull(decodeFragment(url.hash)) : null;
}

export function decodeFragment(hash) {
  try {
    return decodeURIComponent(hash.slice(1));
  } catch {
    return hash.slice(1);
  }
}

function codeOrNull(text) {
  try {
    return { code: parseCode(text) };
  } catch {
    return null;
  }
}
