// The two suites. No suite ever borrows an algorithm from the other.

import { sha256, sm3 } from "./hashes.js";

export const SUITES = {
  gm: { alg: "SGD_SM3_SM2", sdAlg: "sm3", hash: sm3 },
  intl: { alg: "ES256", sdAlg: "sha-256", hash: sha256 },
};

export const SUITE_IDS = Object.keys(SUITES);
