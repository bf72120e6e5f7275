// A little world for the tests: a province, a school, a log, a witness, and one credential in it.
// Everything is signed with fresh keys; `bundle()` and `trust()` take changes, so that a test says
// only what it breaks. The tree holds the world's entries among strangers'.

import { randomBytes } from "node:crypto";
import { deflateSync } from "node:zlib";
import { ed25519 } from "@noble/curves/ed25519";
import { p256 } from "@noble/curves/nist";
import { sm2 } from "sm-crypto-v2";
import { sha256, sm3 } from "../src/hashes.js";
import { commit, encodeEntry } from "../src/merkle.js";
import { b64, b64u, concat, hex, utf8 } from "../src/strict.js";

export const BASE = "http://localhost:8000";
export const NOW = 1_782_800_000;
export const ISSUED = Math.floor((NOW - 5 * 86_400) / 86_400) * 86_400;
export const SCHOOL = "4141010459";
export const VCT = "urn:xinji:credential:diploma:1";

export function makeKey(alg) {
  if (alg === "EdDSA") {
    const secret = ed25519.utils.randomPrivateKey();
    return { alg, point: ed25519.getPublicKey(secret), sign: (data) => ed25519.sign(data, secret) };
  }
  const { privateKey, publicKey } = sm2.generateKeyPairHex();
  const secret = alg === "ES256" ? p256.utils.randomPrivateKey() : privateKey;
  const point = alg === "ES256" ? p256.getPublicKey(secret, false) : Uint8Array.from(Buffer.from(publicKey, "hex"));
  const sign =
    alg === "ES256"
      ? (data) => p256.sign(sha256(data), secret, { lowS: false }).toCompactRawBytes()
      : (data) => Uint8Array.from(Buffer.from(sm2.doSignature(data, secret, { hash: true }), "hex"));
  const crv = alg === "ES256" ? "P-256" : "SM2-P-256";
  const [x, y] = [b64u(point.subarray(1, 33)), b64u(point.subarray(33))];
  const kid = b64u(sha256(utf8(`{"crv":"${crv}","kty":"EC","x":"${x}","y":"${y}"}`)));
  return { alg, point, sign, kid, jwk: { kty: "EC", crv, x, y, kid, alg, use: "sig" } };
}

export const makePair = () => ({ gm: makeKey("SGD_SM3_SM2"), intl: makeKey("ES256") });
export const jwksOf = (pair) => ({ keys: [pair.gm.jwk, pair.intl.jwk] });

export function signJwt(payload, key, typ, header = {}) {
  const encode = (value) => b64u(utf8(typeof value === "string" ? value : JSON.stringify(value)));
  const input = `${encode({ alg: key.alg, typ, kid: key.kid, ...header })}.${encode(payload)}`;
  return `${input}.${b64u(key.sign(utf8(input)))}`;
}

export const signPair = (payload, keys, typ) => ({
  gm: signJwt(payload, keys.gm, typ),
  intl: signJwt(payload, keys.intl, typ),
});

// The tree, by the recursive definition of RFC 9162 §2.1.1: the verifier under test uses none of this.
export function rootOf(h, leaves) {
  if (leaves.length === 0) return h(new Uint8Array());
  if (leaves.length === 1) return h(concat([0], leaves[0]));
  const split = 2 ** Math.ceil(Math.log2(leaves.length) - 1);
  return h(concat([1], rootOf(h, leaves.slice(0, split)), rootOf(h, leaves.slice(split))));
}

export function pathOf(h, leaves, index) {
  if (leaves.length <= 1) return [];
  const split = 2 ** Math.ceil(Math.log2(leaves.length) - 1);
  return index < split
    ? [...pathOf(h, leaves.slice(0, split), index), rootOf(h, leaves.slice(split))]
    : [...pathOf(h, leaves.slice(split), index - split), rootOf(h, leaves.slice(0, split))];
}

const KIND = { log: { EdDSA: concat([1]), SGD_SM3_SM2: concat([0xff], utf8("xinji/sm2/v1")) } };
KIND.witness = { EdDSA: concat([4]), SGD_SM3_SM2: concat([0xff], utf8("xinji/sm2-cosignature/v1")) };
const HEAD = { EdDSA: "cosignature/v1", SGD_SM3_SM2: "xinji/sm2-cosignature/v1" };

const keyIdOf = (role, name, key) => sha256(concat(utf8(`${name}\n`), KIND[role][key.alg], key.point)).subarray(0, 4);
export const vkeyOf = (role, name, key) =>
  `${name}+${hex(keyIdOf(role, name, key))}+${b64(concat(KIND[role][key.alg], key.point))}`;

export const logLine = (text, name, key) => `— ${name} ${b64(concat(keyIdOf("log", name, key), key.sign(utf8(text))))}\n`;

export function cosignature(text, name, key, time) {
  const seconds = new Uint8Array(8);
  new DataView(seconds.buffer).setBigUint64(0, BigInt(time));
  const signature = key.sign(utf8(`${HEAD[key.alg]}\ntime ${time}\n${text}`));
  return `— ${name} ${b64(concat(keyIdOf("witness", name, key), seconds, signature))}\n`;
}

export const DIPLOMA = {
  name: "陈𠮷",
  gender: "2",
  birthdate: "2004-02-29",
  school_name: "郑州大学",
  level: "21",
  major: "计算机科学与技术",
  study_length: 4,
  graduation_date: "2026-06-25",
  certificate_number: "104591202605000123",
};

/** One world. Fields are plain data; change them before `bundle()` and what depends on them follows. */
export class World {
  keys = {
    root: makePair(),
    school: makePair(),
    issuing: makePair(),
    status: makePair(),
    statusFederation: makePair(),
    log: [makeKey("SGD_SM3_SM2"), makeKey("EdDSA")],
    witnesses: [[makeKey("SGD_SM3_SM2"), makeKey("EdDSA")]],
  };

  hashName = "sm3";
  origin = "localhost:8000/log";
  rootId = `${BASE}/authorities/410000`;
  schoolId = `${BASE}/schools/${SCHOOL}`;
  statusId = `${BASE}/authorities/410000/status`;
  witnessTime = ISSUED + 86_400;
  claims = DIPLOMA;
  state = 0;
  index = 70_001;
  listIssued = NOW - 3600;
  suites = ["gm", "intl"];
  statusIntermediates = []; // At most one: { id, keys, statement }.
  intermediates = []; // From the school's superior upwards: { id, keys, statement }.
  extraCheckpointLines = "";

  constructor(changes = {}) {
    Object.assign(this, changes);
  }

  payload() {
    return {
      iss: this.schoolId,
      iat: ISSUED,
      jti: "urn:uuid:0190f3c0-0000-7000-8000-000000000001",
      vct: VCT,
      status: { status_list: { idx: this.index, uri: `${BASE}/status/41/1` } },
    };
  }

  leafMetadata() {
    return {
      school_code: [SCHOOL],
      school_type: ["41"],
      province: ["41"],
      credential_types: [VCT],
      jwks: jwksOf(this.keys.issuing),
    };
  }

  leafStatement() {
    return {
      iss: this.intermediates[0]?.id ?? this.rootId,
      sub: this.schoolId,
      iat: ISSUED - 86_400,
      exp: ISSUED + 365 * 86_400,
      jwks: jwksOf(this.keys.school),
      metadata: {
        federation_entity: { organization_name: "郑州大学", "organization_name#en": "Zhengzhou University" },
        xinji_credential_issuer: this.leafMetadata(),
      },
    };
  }

  statusStatement() {
    return {
      iss: this.rootId,
      sub: this.statusId,
      iat: ISSUED - 86_400,
      exp: ISSUED + 365 * 86_400,
      jwks: jwksOf(this.keys.statusFederation),
      metadata: { xinji_status_provider: { province: ["41"], jwks: jwksOf(this.keys.status) } },
    };
  }

  listPayload() {
    const packed = new Uint8Array(2 ** 18);
    packed[this.index >> 2] |= this.state << (2 * (this.index & 3));
    return {
      sub: `${BASE}/status/41/1`,
      iss: this.statusId,
      iat: this.listIssued,
      exp: this.listIssued + 86_400,
      ttl: 21_600,
      status_list: { bits: 2, lst: b64u(deflateSync(packed)) },
    };
  }

  reason = null; // Payload of the status statement, or null.

  bundle() {
    const h = this.hashName === "sm3" ? sm3 : sha256;
    const claims = Array.isArray(this.claims) ? this.claims : Object.entries(this.claims);
    const disclosures = claims.map(([name, value]) =>
      b64u(utf8(JSON.stringify([b64u(randomBytes(16)), name, value]))),
    );
    const credential = { disclosures };
    for (const suite of this.suites) {
      const hash = suite === "gm" ? sm3 : sha256;
      const digests = disclosures.map((one) => b64u(hash(utf8(one))));
      while (digests.length < 24) digests.push(b64u(randomBytes(32)));
      const payload = { ...this.payload(), _sd_alg: suite === "gm" ? "sm3" : "sha-256", _sd: digests.sort() };
      credential[suite] = signJwt(payload, this.keys.issuing[suite], "dc+sd-jwt");
    }
    this.change?.(credential);

    const chain = [{ statement: this.leafStatement(), by: this.intermediates[0]?.keys ?? this.keys.root }];
    this.intermediates.forEach(({ statement }, at) =>
      chain.push({ statement, by: this.intermediates[at + 1]?.keys ?? this.keys.root }),
    );
    const accreditation = chain.map((link) => this.logged(link, this.statementStatus));
    const statusChain = [{ statement: this.statusStatement(), by: this.statusIntermediates[0]?.keys ?? this.keys.root }];
    this.statusIntermediates.forEach(({ statement }) => statusChain.push({ statement, by: this.keys.root }));
    const statusAccreditation = statusChain.map((link) => this.logged(link));

    const tokens = Object.fromEntries(this.suites.map((suite) => [suite, credential[suite]]));
    const entry = encodeEntry(1, SCHOOL, commit("xinji/credential/1", SCHOOL, tokens));
    const entries = [randomBytes(43), ...[...accreditation, ...statusAccreditation].flatMap((one) => one.entries)];
    entries.push(randomBytes(43), entry, randomBytes(43), randomBytes(43));
    this.entries = entries;
    const prove = (one) => {
      const index = entries.indexOf(one);
      return { index, path: pathOf(h, entries, index).map(b64) };
    };
    const text = `${this.origin}\n${entries.length}\n${b64(rootOf(h, entries))}\n`;
    const strip = ({ entries: [own, later], ...item }) => ({
      ...item,
      proof: prove(own),
      status: item.status === null ? null : { ...item.status, proof: prove(later) },
    });
    const list = this.listPayload();
    return {
      format: "xinji/bundle/1",
      credential,
      accreditation: accreditation.map(strip),
      log: { origin: this.origin, entry: b64(entry), ...prove(entry), checkpoint: `${text}\n${this.lines(text)}` },
      anchor: {
        ...{ mode: "embedded", chain_id: 19_531, contract: "0x01", transaction: "0x02", block_number: 7, block_hash: "0x03" },
        size: entries.length,
        root: b64(rootOf(h, entries)),
      },
      status: {
        uri: list.sub,
        ...signPair(list, this.keys.status, "statuslist+jwt"),
        accreditation: statusAccreditation.map(strip),
        statement: this.reason === null ? null : signPair(this.reason, this.keys.status, "xinji-status-statement+jwt"),
      },
      key_binding: null,
    };
  }

  statementStatus = null; // (payload of the statement, commitment hex) => payload of its status, or null.

  logged({ statement, by }, later = null) {
    const pair = signPair(statement, by, "entity-statement+jwt");
    const code = /(\d{10})$/.exec(statement.sub)?.[1] ?? /(\d{6})(\/status)?$/.exec(statement.sub)[1].padStart(10, "0");
    const commitment = commit("xinji/accreditation/1", code, pair);
    const entries = [encodeEntry(3, code, commitment)];
    const payload = later?.(statement, hex(commitment)) ?? null;
    if (payload === null) return { ...pair, status: null, entries };
    const status = signPair(payload, by, "xinji-statement-status+jwt");
    entries.push(encodeEntry(3, code, commit("xinji/accreditation/1", code, status)));
    return { ...pair, status, entries };
  }

  lines(text) {
    const own = this.keys.log.map((key) => logLine(text, this.origin, key));
    const seen = this.keys.witnesses.flatMap((keys, at) =>
      keys.map((key) => cosignature(text, `witness${at}.example`, key, this.witnessTime + at)),
    );
    return [...own, ...seen].join("") + this.extraCheckpointLines;
  }

  trustPayload() {
    return {
      format: "xinji/trust/1",
      version: 1,
      issued_at: "2026-06-01T00:00:00Z",
      expires_at: "2027-06-01T00:00:00Z",
      threshold: 1,
      roots: [{ entity_id: this.rootId, provinces: ["41"], jwks: jwksOf(this.keys.root) }],
      logs: [
        {
          origin: this.origin,
          hash: this.hashName,
          vkeys: this.keys.log.map((key) => vkeyOf("log", this.origin, key)),
        },
      ],
      witness_policy: {
        quorum: 1,
        witnesses: this.keys.witnesses.map((keys, at) => ({
          organisation: `见证单位${at}`,
          vkeys: keys.map((key) => vkeyOf("witness", `witness${at}.example`, key)),
        })),
      },
      chains: [],
      verifier_host: "localhost:8000",
    };
  }

  trust(change = {}) {
    return signTrust({ ...this.trustPayload(), ...change }, [this.keys.root.gm]);
  }
}

export function signTrust(payload, keys) {
  const encoded = b64u(utf8(JSON.stringify(payload)));
  const signatures = keys.map((key) => {
    const header = b64u(utf8(JSON.stringify({ alg: key.alg, kid: key.kid, typ: "xinji-trust+json" })));
    return { protected: header, signature: b64u(key.sign(utf8(`${header}.${encoded}`))) };
  });
  return { payload: encoded, signatures };
}

