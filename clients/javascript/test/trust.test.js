import assert from "node:assert/strict";
import { test } from "node:test";
import { openTrust, TrustError, updateTrust } from "../src/index.js";
import { b64u, utf8 } from "../src/strict.js";
import { BASE, jwksOf, makeKey, makePair, NOW, signTrust, vkeyOf, World } from "./world.js";

const refused = (source, code, now = NOW) =>
  assert.throws(() => openTrust(source, now), (error) => error instanceof TrustError && error.code === code);

const world = new World();
const payload = (change = {}) => ({ ...world.trustPayload(), ...change });
const root = (keys, code) => ({ entity_id: `${BASE}/authorities/${code}`, provinces: [code.slice(0, 2)], jwks: jwksOf(keys) });

test("a good file opens, as text and as an object", () => {
  const file = world.trust();
  assert.equal(openTrust(file, NOW).version, 1);
  assert.equal(openTrust(JSON.stringify(file), NOW).roots[0].entityId, world.rootId);
});

test("time", () => {
  refused(world.trust({ expires_at: "2026-06-02T00:00:00Z" }), "trust_expired");
  refused(world.trust({ issued_at: "2027-01-01T00:00:00Z" }), "trust_expired");
  assert.ok(openTrust(world.trust(), Date.parse("2027-05-31T23:59:59Z") / 1000));
  refused(world.trust(), "trust_expired", Date.parse("2027-06-01T00:00:00Z") / 1000);
});

test("k of n roots must have signed, a root counting once", () => {
  const [one, two, three] = [makePair(), makePair(), makePair()];
  const content = payload({ threshold: 2, roots: [root(one, "410000"), root(two, "610000"), root(three, "110000")] });
  refused(signTrust(content, [one.gm]), "trust_signatures");
  refused(signTrust(content, [one.gm, one.intl]), "trust_signatures");
  refused(signTrust(content, [one.gm, one.gm]), "trust_signatures");
  refused(signTrust(content, [one.gm, makePair().gm]), "trust_signatures");
  assert.ok(openTrust(signTrust(content, [one.gm, three.intl]), NOW));
});

test("tampering", () => {
  const file = world.trust();
  const content = JSON.parse(Buffer.from(file.payload, "base64url"));
  content.witness_policy.quorum = 0;
  content.witness_policy.witnesses = [];
  refused({ ...file, payload: b64u(utf8(JSON.stringify(content))) }, "trust_signatures");
  refused({ ...file, signatures: [] }, "trust_signatures");
  const header = b64u(utf8(JSON.stringify({ alg: "ES256", kid: world.keys.root.gm.kid, typ: "xinji-trust+json" })));
  refused({ ...file, signatures: [{ ...file.signatures[0], protected: header }] }, "trust_signatures");
  const other = b64u(utf8(JSON.stringify({ alg: "SGD_SM3_SM2", kid: world.keys.root.gm.kid, typ: "JWT" })));
  const signature = b64u(world.keys.root.gm.sign(utf8(`${other}.${file.payload}`)));
  refused({ ...file, signatures: [{ protected: other, signature }] }, "trust_signatures");
});

test("form", () => {
  refused(null, "trust_missing");
  const [log, pair] = [world.trustPayload().logs[0], makePair()];
  const witness = world.trustPayload().witness_policy.witnesses[0];
  for (const [name, change] of Object.entries({
    format: { format: "xinji/trust/2" },
    "version 0": { version: 0 },
    "threshold 0": { threshold: 0 },
    "a threshold out of reach": { threshold: 2 },
    "no roots": { roots: [] },
    "a root twice": { roots: [world.trustPayload().roots[0], world.trustPayload().roots[0]] },
    "two roots with one key": { roots: [root(pair, "410000"), root(pair, "610000")], threshold: 1 },
    "a kid that is no thumbprint": {
      roots: [{ ...root(pair, "410000"), jwks: { keys: [{ ...pair.gm.jwk, kid: pair.intl.jwk.kid }] } }],
    },
    "a private key": { roots: [{ ...root(pair, "410000"), jwks: { keys: [{ ...pair.gm.jwk, d: "AA" }] } }] },
    "a point off the curve": {
      roots: [{ ...root(pair, "410000"), jwks: { keys: [{ ...pair.gm.jwk, y: pair.gm.jwk.x }] } }],
    },
    "a log without keys": { logs: [{ ...log, vkeys: [] }] },
    "a log with a witness's key": { logs: [{ ...log, vkeys: witness.vkeys }] },
    "a log of an unknown hash": { logs: [{ ...log, hash: "md5" }] },
    "a key id of another key": { logs: [{ ...log, vkeys: [log.vkeys[0].replace(/\+[0-9a-f]{8}\+/, "+00000000+")] }] },
    "a quorum out of reach": { witness_policy: { quorum: 2, witnesses: [witness] } },
    "a quorum of nobody asked": { witness_policy: { quorum: 0, witnesses: [witness] } },
    "one key as two organisations": {
      witness_policy: { quorum: 2, witnesses: [witness, { ...witness, organisation: "another" }] },
    },
    "an organisation twice": {
      witness_policy: {
        quorum: 1,
        witnesses: [witness, { ...witness, vkeys: [vkeyOf("witness", "b.example", makeKey("EdDSA"))] }],
      },
    },
    "no policy": { witness_policy: null },
    "a time without zone": { expires_at: "2027-06-01T00:00:00" },
  })) {
    assert.throws(() => openTrust(world.trust(change), NOW), (error) => error.code === "trust_malformed", name);
  }
  for (const source of ["{", "[]", {}, { payload: 5, signatures: [] }, { payload: "e30", signatures: [null] }, 7]) {
    refused(source, "trust_malformed");
  }
});

test("an update needs the roots of the pinned file and a higher version", () => {
  const [old, fresh] = [makePair(), makePair()];
  const pinned = signTrust(payload({ roots: [root(old, "410000")] }), [old.gm]);
  const content = payload({ version: 2, roots: [root(fresh, "410000")] });
  assert.equal(updateTrust(pinned, signTrust(content, [fresh.gm, old.intl]), NOW).version, 2);
  const refuses = (next, code) => assert.throws(() => updateTrust(pinned, next, NOW), (error) => error.code === code);
  refuses(signTrust(content, [fresh.gm]), "trust_signatures");
  refuses(signTrust(content, [old.gm]), "trust_signatures");
  refuses(signTrust({ ...content, version: 1 }, [fresh.gm, old.gm]), "trust_rollback");
  assert.equal(updateTrust(pinned, pinned, NOW).version, 1);
  const ago = signTrust(payload({ roots: [root(old, "410000")], expires_at: "2026-06-10T00:00:00Z" }), [old.gm]);
  assert.equal(updateTrust(ago, signTrust(content, [fresh.gm, old.gm]), NOW).version, 2, "the pinned file may have expired");
});
