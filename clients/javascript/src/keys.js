// Public keys of the three algorithms. A key only answers whether a signature is its own.
//
// Everything runs in the page's own code: `crypto.subtle` is missing on plain-http addresses
// of a local network, and knows no SM2 anywhere.

import { ed25519 } from "@noble/curves/ed25519";
import { p256 } from "@noble/curves/nist";
import { sm2 } from "sm-crypto-v2";
import { sha256 } from "./hashes.js";
import { b64u, concat, FormatError, fromB64u, hex, isObject, utf8 } from "./strict.js";

// GB/T 32918.2 with the default signer id of GM/T 0009; the options stand here and nowhere else.
const SM2_OPTIONS = { hash: true, userId: "1234567812345678" };
const SM2_N = 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n;
const CURVES = { "SM2-P-256": "SGD_SM3_SM2", "P-256": "ES256" };

function verifySm2(signature, data, point) {
  const r = BigInt(`0x${hex(signature.subarray(0, 32))}`);
  const s = BigInt(`0x${hex(signature.subarray(32))}`);
  if (r < 1n || s < 1n || r >= SM2_N || s >= SM2_N || r + s === SM2_N) return false;
  return sm2.doVerifySignature(data, hex(signature), hex(point), SM2_OPTIONS);
}

const VERIFY = {
  SGD_SM3_SM2: verifySm2,
  // Issuers need not normalise S, so high values are good signatures (FIPS 186-5 §6.4.2).
  ES256: (signature, data, point) => p256.verify(signature, sha256(data), point, { lowS: false }),
  EdDSA: (signature, data, point) => ed25519.verify(signature, data, point, { zip215: false }),
};

/** Return whether `signature` (64 bytes) over `data` was made with the key of `point`. */
export function verifyRaw(alg, signature, data, point) {
  if (signature.length !== 64) return false;
  try {
    return VERIFY[alg](signature, data, point) === true;
  } catch {
    return false; // The libraries throw on values out of range.
  }
}

/** Refuse an uncompressed point that does not lie on its curve. */
export function checkPoint(alg, point) {
  if (point.length !== 65 || point[0] !== 4) throw new FormatError("not an uncompressed point");
  try {
    if (alg === "ES256") p256.ProjectivePoint.fromHex(point).assertValidity();
    else if (!sm2.verifyPublicKey(hex(point))) throw new FormatError("not on the curve");
  } catch {
    throw new FormatError("a point that is not on its curve");
  }
}

/**
 * Read a public JWK: `{ kid, alg, verify(signature, data) }`. `kid` must be the key's RFC 7638
 * thumbprint with SHA-256, so that nobody can give a key another's name.
 */
export function publicKey(jwk) {
  if (!isObject(jwk) || jwk.kty !== "EC" || !Object.hasOwn(CURVES, jwk.crv) || "d" in jwk) {
    throw new FormatError("not a public key that is known here");
  }
  const alg = CURVES[jwk.crv];
  const x = fromB64u(jwk.x);
  const y = fromB64u(jwk.y);
  if (x.length !== 32 || y.length !== 32 || jwk.alg !== alg) throw new FormatError("a key of another form");
  const point = concat(new Uint8Array([4]), x, y);
  checkPoint(alg, point);
  const kid = b64u(sha256(utf8(`{"crv":"${jwk.crv}","kty":"EC","x":"${jwk.x}","y":"${jwk.y}"}`)));
  if (jwk.kid !== kid) throw new FormatError("kid is not the key's thumbprint");
  return { kid, alg, verify: (signature, data) => verifyRaw(alg, signature, data, point) };
}

/** Read a JWK set of at most 16 different keys. */
export function keySet(jwks) {
  if (!isObject(jwks) || !Array.isArray(jwks.keys) || jwks.keys.length > 16) throw new FormatError("not a key set");
  const keys = jwks.keys.map(publicKey);
  if (new Set(keys.map((key) => key.kid)).size !== keys.length) throw new FormatError("a key stands twice");
  return keys;
}
