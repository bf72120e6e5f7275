// The two hashes, and HKDF over SM3. Bytes in, bytes out.

import { sha256 as nobleSha256 } from "@noble/hashes/sha2";
import { hkdf, sm3 as smSm3 } from "sm-crypto-v2";

export const sha256 = (data) => nobleSha256(data);

/** SM3 (GB/T 32905). */
export function sm3(data) {
  const text = smSm3(data);
  const bytes = new Uint8Array(32);
  for (let at = 0; at < 32; at += 1) bytes[at] = Number.parseInt(text.slice(2 * at, 2 * at + 2), 16);
  return bytes;
}

/** HKDF (RFC 5869) with HMAC-SM3, extract and expand in one. */
export const hkdfSm3 = (ikm, salt, info, length) => hkdf(ikm, salt, info, length);

/** A log's hash by the name that the trust file gives it. */
export const HASHES = { sm3, "sha-256": sha256 };
