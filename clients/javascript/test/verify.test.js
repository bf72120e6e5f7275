import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { verify } from "../src/index.js";
import { b64, b64u, utf8 } from "../src/strict.js";
import { BASE, cosignature, DIPLOMA, ISSUED, jwksOf, logLine, makeKey, makePair, NOW, SCHOOL, signJwt, signPair, VCT, World } from "./world.js";

const GOOD = ["integrity_ok", "issuer_ok", "status_ok", "inclusion_ok", "witnesses_ok", "anchor_embedded", "holder_not_bound"];
const STEPS = ["integrity", "issuer", "status", "inclusion", "witnesses", "anchor", "holder"];

const check = (bundle, trust, options = {}) => verify(bundle, trust, { now: NOW, ...options });
const codesOf = (report) => report.steps.map(({ code }) => code);

/** Assert that exactly `expected` (step → code) differs from a good report, and the verdict. */
function finds(report, verdict, expected) {
  assert.deepEqual(report.steps.map(({ step }) => step), STEPS);
  const wanted = GOOD.map((code, at) => expected[STEPS[at]] ?? code);
  assert.deepEqual(codesOf(report), wanted, JSON.stringify(report.steps.map((one) => one.evidence.detail)));
  assert.equal(report.verdict.code, verdict);
}

const found = (world, verdict, expected, options = {}) => finds(check(world.bundle(), world.trust(), options), verdict, expected);

function edited(change) {
  const world = new World();
  const bundle = world.bundle();
  change(bundle, world);
  return check(bundle, world.trust());
}

// A valid value of the same length with another last byte.
function flipped(text) {
  const bytes = Buffer.from(text, "base64");
  bytes[bytes.length - 1] ^= 1;
  return text.includes("-") || text.includes("_") ? b64u(bytes) : bytes.toString("base64");
}

function resigned(token, key, change) {
  const [header, payload] = token.split(".").slice(0, 2).map((part) => JSON.parse(Buffer.from(part, "base64url")));
  return signJwt({ ...payload, ...change }, key, header.typ);
}

describe("a good credential", () => {
  test("is valid and says what was awarded, to whom, by whom", () => {
    const world = new World();
    const report = check(world.bundle(), world.trust());
    finds(report, "valid", {});
    assert.deepEqual(report.credential.claims, DIPLOMA);
    assert.equal(report.credential.issuer.name, "郑州大学");
    assert.equal(report.credential.issuer.name_en, "Zhengzhou University");
    assert.equal(report.credential.issuer.code, SCHOOL);
    assert.equal(report.time, new Date(world.witnessTime * 1000).toISOString().replace(".000", ""));
    assert.equal(report.checked_on, "offline");
  });
  for (const suites of [["gm"], ["intl"]]) {
    test(`is valid in ${suites} alone`, () => found(new World({ suites }), "valid", {}));
  }
  test("is valid on a SHA-256 log", () => found(new World({ hashName: "sha-256" }), "valid", {}));
  test("may show no field at all", () => found(new World({ claims: {} }), "valid", {}));
  test("reads the same as text, bytes and object", () => {
    const world = new World();
    const [bundle, trust] = [JSON.stringify(world.bundle()), JSON.stringify(world.trust())];
    for (const form of [bundle, utf8(bundle), JSON.parse(bundle)]) finds(check(form, trust), "valid", {});
  });
  test("needs no Web Crypto", () => {
    const world = new World();
    const [bundle, trust] = [world.bundle(), world.trust()];
    const { subtle } = globalThis.crypto;
    Object.defineProperty(globalThis.crypto, "subtle", { value: undefined, configurable: true });
    try {
      finds(check(bundle, trust), "valid", {});
    } finally {
      Object.defineProperty(globalThis.crypto, "subtle", { value: subtle, configurable: true });
    }
  });
});

describe("integrity", () => {
  const other = { inclusion: "inclusion_entry_mismatch" };
  test("a changed signature", () => {
    const report = edited(({ credential }) => {
      const parts = credential.gm.split(".");
      credential.gm = [parts[0], parts[1], b64u(Buffer.from(parts[2], "base64url").map((byte, at) => (at === 5 ? byte ^ 1 : byte)))].join(".");
    });
    finds(report, "mismatch", { integrity: "integrity_signature", ...other });
    assert.deepEqual(report.credential.claims, {}, "unproven fields are not shown");
  });
  test("a key of somebody else", () => {
    const report = edited(({ credential }) => {
      credential.intl = resigned(credential.intl, makeKey("ES256"), {});
    });
    finds(report, "mismatch", { integrity: "integrity_signature", ...other });
  });
  test("a federation key may not sign credentials", () => {
    const world = new World();
    world.change = (credential) => {
      credential.gm = resigned(credential.gm, world.keys.school.gm, {});
    };
    found(world, "mismatch", { integrity: "integrity_signature" });
  });
  test("a tampered disclosure", () => {
    const report = edited(({ credential }) => {
      const parts = JSON.parse(Buffer.from(credential.disclosures[0], "base64url"));
      credential.disclosures[0] = b64u(utf8(JSON.stringify([parts[0], parts[1], "李四"])));
    });
    finds(report, "mismatch", { integrity: "integrity_disclosure" });
  });
  test("a disclosure given twice", () => {
    const report = edited(({ credential }) => credential.disclosures.push(credential.disclosures[0]));
    finds(report, "mismatch", { integrity: "integrity_disclosure" });
  });
  for (const [name, encoded] of Object.entries({
    "is not JSON": b64u(utf8("[1,")),
    "is padded": `${b64u(utf8('["a","b","c"]'))}=`,
    "has four parts": b64u(utf8('["a","b","c","d"]')),
    "is empty": "",
    "repeats a name": b64u(utf8('["a","b",{"x":1,"x":2}]')),
  })) {
    test(`a disclosure that ${name}`, () => {
      finds(edited(({ credential }) => credential.disclosures.push(encoded)), "mismatch", { integrity: "integrity_disclosure" });
    });
  }
  for (const name of ["iss", "_sd", "...", "vct", "status", "exp", "cnf"]) {
    test(`a signed disclosure that would replace ${name}`, () => {
      found(new World({ claims: { ...DIPLOMA, [name]: "x" } }), "mismatch", { integrity: "integrity_disclosure" });
    });
  }
  test("two signed disclosures of one field", () => {
    found(new World({ claims: [["name", "张三"], ["name", "李四"]] }), "mismatch", { integrity: "integrity_disclosure" });
  });
  test("a kid that names no key", () => {
    const world = new World();
    world.change = (credential) => {
      const payload = JSON.parse(Buffer.from(credential.gm.split(".")[1], "base64url"));
      credential.gm = signJwt(payload, world.keys.issuing.gm, "dc+sd-jwt", { kid: "another" });
    };
    found(world, "mismatch", { integrity: "integrity_signature" });
  });
  test("a signed disclosure with digests of its own", () => {
    found(new World({ claims: { name: { _sd: ["x"] } } }), "mismatch", { integrity: "integrity_disclosure" });
  });
  test("a claim called __proto__ stays a claim", () => {
    const world = new World({ claims: JSON.parse('{"__proto__":{"admin":true}}') });
    const report = check(world.bundle(), world.trust());
    assert.equal(report.credential.claims.admin, undefined);
    assert.deepEqual(Object.keys(report.credential.claims), ["__proto__"]);
  });
  test("suites that say different things", () => {
    const world = new World();
    world.change = (credential) => {
      credential.intl = resigned(credential.intl, world.keys.issuing.intl, { jti: "urn:uuid:another" });
    };
    found(world, "mismatch", { integrity: "integrity_suites_differ" });
  });
  test("a disclosure that one suite alone signed", () => {
    const world = new World();
    world.change = (credential) => {
      const payload = JSON.parse(Buffer.from(credential.intl.split(".")[1], "base64url"));
      const digests = payload._sd.map((digest, at) => (at < 24 ? b64u(utf8(`decoy number ${at} ${digest.slice(0, 18)}`)) : digest));
      credential.intl = resigned(credential.intl, world.keys.issuing.intl, { _sd: digests });
    };
    found(world, "mismatch", { integrity: "integrity_disclosure" });
  });
  test("a suite left away after issuing", () => {
    const report = edited(({ credential }) => delete credential.intl);
    finds(report, "mismatch", { ...other });
  });
  for (const [name, change] of Object.entries({
    "alg none": (token, key) => signJwt({}, { ...key, alg: "none" }, "dc+sd-jwt"),
    "another typ": (token, key) => signJwt(JSON.parse(Buffer.from(token.split(".")[1], "base64url")), key, "JWT"),
    "a critical extension": (token, key) =>
      signJwt(JSON.parse(Buffer.from(token.split(".")[1], "base64url")), key, "dc+sd-jwt", { crit: ["x"], x: 1 }),
    "two parts": (token) => token.split(".").slice(0, 2).join("."),
    "the international suite in its place": (token, key, credential) => credential.intl,
    "a repeated member": (token, key) =>
      signJwt(`{"iss":"a",${Buffer.from(token.split(".")[1], "base64url").toString().slice(1)}`, key, "dc+sd-jwt"),
    "a time beyond the calendar": (token, key) => resigned(token, key, { iat: 9e15 }),
    "an exp of its own": (token, key) => resigned(token, key, { exp: NOW + 1 }),
    "an index beyond the list": (token, key) =>
      resigned(token, key, { status: { status_list: { idx: 2 ** 20, uri: "x" } } }),
    "no status": (token, key) => resigned(token, key, { status: 5 }),
    "the other suite's digests": (token, key) => resigned(token, key, { _sd_alg: "sha-256" }),
  })) {
    test(`a gm token with ${name}`, () => {
      const report = edited(({ credential }, world) => {
        credential.gm = change(credential.gm, world.keys.issuing.gm, credential);
      });
      assert.equal(report.steps[0].code, "integrity_malformed");
      assert.equal(report.verdict.code, "mismatch");
    });
  }
  for (const [name, bundle] of Object.entries({
    "an empty text": "",
    "no JSON": "{",
    "an array": "[]",
    null: "null",
    "another format": '{"format":"xinji/bundle/2"}',
    "bytes that are no UTF-8": new Uint8Array([0x7b, 0xff, 0x7d]),
    "a BOM": `\ufeff{"format":"xinji/bundle/1"}`,
    "deep nesting": "[".repeat(100_000),
    "wrong types everywhere":
      '{"format":"xinji/bundle/1","credential":[],"accreditation":{},"log":7,"anchor":[],"status":"x","key_binding":0}',
  })) {
    test(`${name} for a bundle`, () => {
      const report = check(bundle, new World().trust());
      assert.equal(report.steps[0].code, "integrity_malformed");
      assert.equal(report.verdict.code, "mismatch");
      assert.equal(report.credential, null);
    });
  }
  test("a repeated name in the bundle", () => {
    const world = new World();
    const text = JSON.stringify(world.bundle());
    const report = check(`{"status":null,${text.slice(1)}`, world.trust());
    assert.equal(report.steps[0].code, "integrity_malformed");
  });
});

describe("issuer", () => {
  const leaf = (change) => {
    const world = new World();
    const statement = world.leafStatement();
    change(statement, world);
    world.leafStatement = () => statement;
    return world;
  };
  const metadata = (change) => leaf(({ metadata: all }) => Object.assign(all.xinji_credential_issuer, change));

  test("no chain at all", () => {
    const report = edited((bundle) => delete bundle.accreditation);
    finds(report, "mismatch", { integrity: "integrity_signature", issuer: "issuer_chain" });
  });
  test("a statement signed by somebody else", () => {
    const report = edited((bundle, world) => {
      bundle.accreditation[0] = { ...bundle.accreditation[0], ...signPair(world.leafStatement(), makePair(), "entity-statement+jwt") };
    });
    finds(report, "mismatch", { issuer: "issuer_chain" });
  });
  test("a statement without the credential's suite", () => {
    finds(edited(({ accreditation: [first] }) => delete first.gm), "mismatch", { issuer: "issuer_chain" });
  });
  test("a statement whose suites differ", () => {
    const report = edited(({ accreditation: [first] }, world) => {
      first.intl = resigned(first.intl, world.keys.root.intl, { exp: NOW + 1 });
    });
    finds(report, "mismatch", { integrity: "integrity_signature", issuer: "issuer_chain" });
  });
  test("a statement with a critical claim", () => {
    found(leaf((statement) => Object.assign(statement, { crit: ["x"], x: 1 })), "mismatch", {
      integrity: "integrity_signature",
      issuer: "issuer_chain",
    });
  });
  test("a root that the trust file does not name", () => {
    const world = new World();
    const bundle = world.bundle();
    const stranger = new World({ rootId: `${BASE}/authorities/610000` });
    const trust = stranger.trust({ logs: world.trustPayload().logs, witness_policy: world.trustPayload().witness_policy });
    const report = check(bundle, trust);
    finds(report, "mismatch", { issuer: "issuer_unknown_root", status: "status_signature" });
  });
  test("a root of the same name with other keys", () => {
    const world = new World();
    const bundle = world.bundle();
    const stranger = new World();
    const { logs, witness_policy } = world.trustPayload();
    const report = check(bundle, stranger.trust({ logs, witness_policy }));
    finds(report, "mismatch", { issuer: "issuer_chain", status: "status_signature" });
  });
  test("accredited only after T", () => found(leaf((s, world) => (s.iat = world.witnessTime + 1)), "mismatch", { issuer: "issuer_expired" }));
  test("accredited from T on", () => found(leaf((s, world) => (s.iat = world.witnessTime)), "valid", {}));
  test("expired at T", () => found(leaf((s, world) => (s.exp = world.witnessTime)), "mismatch", { issuer: "issuer_expired" }));
  test("expired after T, before now", () => found(leaf((s, world) => (s.exp = world.witnessTime + 1)), "valid", {}));
  test("a type it may not issue", () => found(metadata({ credential_types: ["urn:xinji:credential:degree:1"] }), "mismatch", { issuer: "issuer_type" }));
  test("another province in its metadata", () => found(metadata({ province: ["61"] }), "mismatch", { issuer: "issuer_province" }));
  test("two provinces in its metadata", () => found(metadata({ province: ["41", "61"] }), "mismatch", { issuer: "issuer_province" }));
  test("a province that the root does not answer for", () => {
    const world = new World();
    const { roots } = world.trustPayload();
    roots[0].provinces = ["61"];
    finds(check(world.bundle(), world.trust({ roots })), "mismatch", { issuer: "issuer_province", status: "status_signature" });
  });
  test("another school type", () => found(metadata({ school_type: ["31"] }), "mismatch", { issuer: "issuer_not_accredited" }));
  test("another school code in its metadata", () => found(metadata({ school_code: ["4141010475"] }), "mismatch", { issuer: "issuer_code_mismatch" }));
  test("a school that signs in another's name", () => {
    const world = new World();
    world.payload = () => ({ ...World.prototype.payload.call(world), iss: `${BASE}/schools/4141010475` });
    const report = check(world.bundle(), world.trust());
    assert.equal(report.steps[1].code, "issuer_code_mismatch");
    assert.equal(report.credential.issuer.name, null, "the name belongs to another school");
  });
  test("the same code under another host", () => {
    const world = new World();
    world.payload = () => ({ ...World.prototype.payload.call(world), iss: `http://elsewhere.example/schools/${SCHOOL}` });
    found(world, "mismatch", { issuer: "issuer_not_accredited" });
  });
  test("another code in the log entry", () => {
    const report = edited(({ log }) => {
      const entry = Buffer.from(log.entry, "base64");
      entry.write("4141010475", 1, "ascii");
      log.entry = entry.toString("base64");
    });
    finds(report, "mismatch", { issuer: "issuer_code_mismatch", inclusion: "inclusion_proof" });
  });
  test("no issuing metadata", () => {
    found(leaf(({ metadata: all }) => delete all.xinji_credential_issuer), "mismatch", {
      integrity: "integrity_signature",
      issuer: "issuer_not_accredited",
    });
  });
  test("a key that signs statements and credentials", () => {
    const world = new World();
    world.keys.issuing = world.keys.school;
    found(world, "mismatch", { integrity: "integrity_signature" });
  });
  test("seen more than 30 days after the day of issue", () => {
    found(new World({ witnessTime: ISSUED + 30 * 86_400 + 1 }), "mismatch", { issuer: "issuer_backdated" });
    found(new World({ witnessTime: ISSUED + 30 * 86_400 }), "valid", {});
  });
  test("seen before the day of issue", () => {
    found(new World({ witnessTime: ISSUED - 1 }), "mismatch", { issuer: "issuer_backdated" });
    found(new World({ witnessTime: ISSUED }), "valid", {});
  });
  test("an unlogged statement", () => {
    finds(edited(({ accreditation: [first] }) => delete first.proof), "mismatch", { issuer: "issuer_unlogged" });
    finds(edited(({ accreditation: [first] }) => (first.proof.index += 1)), "mismatch", { issuer: "issuer_unlogged" });
    finds(edited(({ accreditation: [first] }) => first.proof.path.push(b64(new Uint8Array(32)))), "mismatch", { issuer: "issuer_unlogged" });
  });

  for (const [name, state, since, code, verdict] of [
    ["retired before T", "retired", -1, "issuer_expired", "mismatch"],
    ["retired after T", "retired", 1, "issuer_ok", "valid"],
    ["compromised at T", "compromised", 0, "issuer_compromised", "mismatch"],
    ["compromised after T", "compromised", 1, "issuer_ok", "valid"],
  ]) {
    const statementStatus = (world) => (statement, commitment) => ({
      ...{ iss: statement.iss, sub: statement.sub, statement: commitment, state },
      ...{ since: world.witnessTime + since, iat: NOW },
    });
    test(`a statement ${name}`, () => {
      const world = new World();
      world.statementStatus = statementStatus(world);
      found(world, verdict, { issuer: code });
    });
  }
  test("a statement's status about another statement", () => {
    const world = new World();
    world.statementStatus = ({ iss, sub }) => ({ iss, sub, statement: "00".repeat(32), state: "retired", since: NOW, iat: NOW });
    found(world, "mismatch", { issuer: "issuer_chain" });
  });
  test("a statement's status signed by somebody else", () => {
    const world = new World();
    world.statementStatus = ({ iss, sub }, statement) => ({ iss, sub, statement, state: "retired", since: NOW, iat: NOW });
    const bundle = world.bundle();
    const [first] = bundle.accreditation;
    const payload = JSON.parse(Buffer.from(first.status.gm.split(".")[1], "base64url"));
    Object.assign(first.status, signPair(payload, makePair(), "xinji-statement-status+jwt"));
    finds(check(bundle, world.trust()), "mismatch", { issuer: "issuer_chain" });
  });

  describe("below intermediates", () => {
    const limits = { province: ["41"], school_type: ["41"], credential_types: [VCT] };
    const authority = (code, changes = {}) => {
      const keys = makePair();
      return { id: `${BASE}/authorities/${code}`, keys, changes };
    };
    const chain = (...authorities) => {
      const world = new World();
      world.intermediates = authorities.map(({ id, keys, changes }, at) => {
        const policy = Object.fromEntries(Object.entries({ ...limits, ...changes.limits }).map(([name, subset_of]) => [name, { subset_of }]));
        const statement = {
          iss: authorities[at + 1]?.id ?? world.rootId,
          ...{ sub: id, iat: ISSUED - 86_400, exp: ISSUED + 86_400 * 365, jwks: jwksOf(keys) },
          metadata: { federation_entity: { organization_name: `教育局${at}` } },
          metadata_policy: { xinji_credential_issuer: policy },
          constraints: { max_path_length: at + 1 },
          ...changes.statement,
        };
        return { id, keys, statement };
      });
      return world;
    };

    test("a county under a city", () => {
      const world = chain(authority("410103"), authority("410100"));
      const report = check(world.bundle(), world.trust());
      finds(report, "valid", {});
      assert.deepEqual(report.credential.issuer.chain.map((one) => one.name), ["教育局0", "教育局1", null]);
      assert.equal(report.credential.issuer.chain.at(-1).entity_id, world.rootId);
    });
    test("a path longer than allowed", () => {
      found(chain(authority("410103"), authority("410100", { statement: { constraints: { max_path_length: 1 } } })), "mismatch", { issuer: "issuer_chain" });
    });
    for (const [name, statement] of Object.entries({
      "without a path length": { constraints: undefined },
      "with an unknown constraint": { constraints: { max_path_length: 1, naming_constraints: {} } },
      "without limits": { metadata_policy: undefined },
      "with an unknown operator": { metadata_policy: { xinji_credential_issuer: { ...Object.fromEntries(Object.keys(limits).map((k) => [k, { value: limits[k] }])) } } },
      "with another subject": { sub: `${BASE}/authorities/410104` },
    })) {
      test(`an authority ${name}`, () => {
        found(chain(authority("410100", { statement })), "mismatch", { issuer: "issuer_chain" });
      });
    }
    for (const [name, value, code] of [
      ["credential_types", ["urn:x"], "issuer_type"],
      ["province", ["61"], "issuer_province"],
      ["school_type", ["31"], "issuer_not_accredited"],
    ]) {
      test(`a limit of ${name} at any place above`, () => {
        found(chain(authority("410103"), authority("410100", { limits: { [name]: value } })), "mismatch", { issuer: code });
      });
    }
    test("a school that accredits a school", () => {
      const world = new World();
      const rogue = { id: `${BASE}/schools/4141010475`, keys: makePair() };
      const statement = {
        ...{ iss: world.rootId, sub: rogue.id, iat: ISSUED - 86_400, exp: ISSUED + 86_400 * 365, jwks: jwksOf(rogue.keys) },
        metadata: {},
        metadata_policy: { xinji_credential_issuer: Object.fromEntries(Object.entries(limits).map(([k, v]) => [k, { subset_of: v }])) },
        constraints: { max_path_length: 9 },
      };
      world.intermediates = [{ ...rogue, statement }];
      found(world, "mismatch", { issuer: "issuer_chain" });
    });
    test("a chain without its middle", () => {
      const world = chain(authority("410103"), authority("410100"));
      const bundle = world.bundle();
      bundle.accreditation.splice(1, 1);
      finds(check(bundle, world.trust()), "mismatch", { issuer: "issuer_chain" });
    });
    test("an authority that stands twice", () => {
      const twice = authority("410100");
      found(chain(twice, twice), "mismatch", { issuer: "issuer_chain" });
    });
    test("a county that accredits the province's status service", () => {
      const world = chain(authority("410103"));
      [world.intermediates, world.statusIntermediates] = [[], world.intermediates];
      const statement = { ...world.statusStatement(), iss: world.statusIntermediates[0].id };
      world.statusStatement = () => statement;
      found(world, "mismatch", { status: "status_signature" });
    });
    test("a chain of nine", () => {
      const report = edited((bundle) => (bundle.accreditation = Array(9).fill(bundle.accreditation[0])));
      finds(report, "mismatch", { integrity: "integrity_signature", issuer: "issuer_chain" });
    });
  });
});

describe("status", () => {
  for (const [state, code] of [
    [1, "revoked"],
    [2, "suspended"],
    [3, "superseded"],
  ]) {
    test(`${code} is the verdict, with its reason`, () => {
      const world = new World({ state });
      world.reason = { iss: world.statusId, jti: world.payload().jti, status: state, reason: "fraud", at: NOW - 100, iat: NOW - 90 };
      const report = check(world.bundle(), world.trust());
      finds(report, code, { status: `status_${code}` });
      assert.equal(report.steps[2].evidence.reason, "fraud");
      assert.match(report.steps[2].zh, /^截至 \d+年\d+月\d+日 \d\d:\d\d（北京时间）/);
    });
  }
  for (const [name, change] of Object.entries({
    "another credential": (reason) => (reason.jti = "urn:uuid:x"),
    "another state": (reason) => (reason.status = 2),
    "another service": (reason) => (reason.iss = `${BASE}/authorities/610000/status`),
  })) {
    test(`a reason for ${name} is not shown`, () => {
      const world = new World({ state: 1 });
      world.reason = { iss: world.statusId, jti: world.payload().jti, status: 1, reason: "fraud", at: NOW - 100 };
      change(world.reason);
      const report = check(world.bundle(), world.trust());
      finds(report, "revoked", { status: "status_revoked" });
      assert.equal(report.steps[2].evidence.reason, undefined);
    });
  }
  test("a reason that somebody else signed is not shown", () => {
    const world = new World({ state: 1 });
    const bundle = world.bundle();
    const payload = { iss: world.statusId, jti: world.payload().jti, status: 1, reason: "fraud", at: NOW - 100 };
    bundle.status.statement = signPair(payload, makePair(), "xinji-status-statement+jwt");
    const report = check(bundle, world.trust());
    finds(report, "revoked", { status: "status_revoked" });
    assert.equal(report.steps[2].evidence.reason, undefined);
  });
  test("a revoked credential that was tampered with is a mismatch", () => {
    const world = new World({ state: 1 });
    const bundle = world.bundle();
    bundle.credential.disclosures.push(b64u(utf8('["a","b","c"]')));
    finds(check(bundle, world.trust()), "mismatch", { integrity: "integrity_disclosure", status: "status_revoked" });
  });
  test("a revoked credential with another tree's proof is a mismatch", () => {
    const world = new World({ state: 1 });
    const bundle = world.bundle();
    bundle.log.path.pop();
    finds(check(bundle, world.trust()), "mismatch", { status: "status_revoked", inclusion: "inclusion_proof" });
  });
  test("an expired list could not be checked, whatever it says", () => {
    for (const state of [0, 1]) {
      const world = new World({ state, listIssued: NOW - 86_400 });
      const report = check(world.bundle(), world.trust());
      finds(report, "incomplete", { status: "status_stale" });
      assert.ok(report.steps[2].evidence.as_of);
    }
    found(new World({ listIssued: NOW - 86_399 }), "valid", {});
  });
  test("a list from the future could not be checked", () => {
    found(new World({ listIssued: NOW + 301 }), "incomplete", { status: "status_stale" });
    found(new World({ listIssued: NOW + 300 }), "valid", {});
  });
  test("a fresh list replaces the bundle's", () => {
    const world = new World({ listIssued: NOW - 90_000 });
    const bundle = world.bundle();
    const { status } = Object.assign(world, { listIssued: NOW - 10, state: 1 }).bundle();
    const fresh = { ...bundle.status, gm: status.gm, intl: status.intl };
    finds(check(bundle, world.trust(), { status: fresh }), "revoked", { status: "status_revoked" });
    finds(check(bundle, world.trust(), { status: "{" }), "mismatch", { status: "status_missing" });
  });
  test("missing", () => {
    finds(edited((bundle) => (bundle.status = null)), "mismatch", { status: "status_missing" });
    finds(edited(({ status }) => delete status.gm), "mismatch", { status: "status_missing" });
  });
  test("a list that somebody else signed", () => {
    const report = edited(({ status }, world) => Object.assign(status, signPair(world.listPayload(), makePair(), "statuslist+jwt")));
    finds(report, "mismatch", { status: "status_signature" });
  });
  test("a list that the school itself signed", () => {
    const report = edited(({ status }, world) => Object.assign(status, signPair(world.listPayload(), world.keys.issuing, "statuslist+jwt")));
    finds(report, "mismatch", { status: "status_signature" });
  });
  for (const [name, change] of Object.entries({
    "of a county": (world) => Object.assign(world, { statusId: `${BASE}/authorities/410103/status` }),
    "of another province": (world) => Object.assign(world, { statusId: `${BASE}/authorities/610000/status` }),
    "of a city that the trust file names as a root": (world) =>
      Object.assign(world, { rootId: `${BASE}/authorities/410100`, statusId: `${BASE}/authorities/410100/status` }),
    "that is a school": (world) => Object.assign(world, { statusId: `${BASE}/schools/4141010475` }),
    "that was accredited later": (world) => {
      const statement = { ...world.statusStatement(), iat: NOW };
      world.statusStatement = () => statement;
    },
    "without its metadata": (world) => {
      const statement = { ...world.statusStatement(), metadata: {} };
      world.statusStatement = () => statement;
    },
  })) {
    test(`a list by a service ${name}`, () => {
      const world = new World();
      change(world);
      found(world, "mismatch", { status: "status_signature" });
    });
  }
  test("a list that names another service than signed it", () => {
    const report = edited(({ status }, world) => {
      const list = { ...world.listPayload(), iss: `${BASE}/authorities/610000/status` };
      Object.assign(status, signPair(list, world.keys.status, "statuslist+jwt"));
    });
    finds(report, "mismatch", { status: "status_signature" });
  });
  test("a service without a log proof", () => {
    finds(edited(({ status }) => delete status.accreditation[0].proof), "mismatch", { status: "status_signature" });
  });
  for (const [name, change] of Object.entries({
    "of another address": (list) => (list.sub = `${BASE}/status/41/2`),
    "that ends too early": (list) => (list.status_list.lst = b64u(Buffer.from("eJxjYAAAAAIAAQ", "base64url"))),
    "of another width": (list) => (list.status_list.bits = 1),
    "that is no zlib stream": (list) => (list.status_list.lst = "AAAA"),
    "that is cut": (list) => (list.status_list.lst = list.status_list.lst.slice(0, 40)),
  })) {
    test(`a list ${name}`, () => {
      const report = edited(({ status }, world) => {
        const list = world.listPayload();
        change(list);
        Object.assign(status, signPair(list, world.keys.status, "statuslist+jwt"));
      });
      finds(report, "mismatch", { status: "status_mismatch" });
    });
  }
  test("a list that unpacks to gigabytes", async () => {
    const { deflateSync } = await import("node:zlib");
    const bomb = b64u(deflateSync(new Uint8Array(2 ** 28)));
    const started = performance.now();
    const report = edited(({ status }, world) => {
      const list = { ...world.listPayload(), status_list: { bits: 2, lst: bomb } };
      Object.assign(status, signPair(list, world.keys.status, "statuslist+jwt"));
    });
    finds(report, "mismatch", { status: "status_mismatch" });
    assert.ok(performance.now() - started < 20_000);
  });
  test("lists that differ between the suites", () => {
    const report = edited(({ status }, world) => {
      world.state = 1;
      status.gm = signPair(world.listPayload(), world.keys.status, "statuslist+jwt").gm;
    });
    finds(report, "mismatch", { status: "status_mismatch" });
  });
  test("another address than the credential's beside the lists", () => {
    finds(edited(({ status }) => (status.uri += "0")), "mismatch", { status: "status_mismatch" });
  });
});

describe("inclusion", () => {
  for (const name of ["origin", "entry", "index", "path", "checkpoint"]) {
    test(`without ${name}`, () => {
      const report = edited(({ log }) => delete log[name]);
      assert.equal(report.steps[3].code, "inclusion_missing");
      assert.equal(report.verdict.code, "mismatch");
    });
  }
  test("no log part", () => {
    const report = edited((bundle) => (bundle.log = null));
    finds(report, "mismatch", {
      ...{ issuer: "issuer_unlogged", status: "status_signature" },
      ...{ inclusion: "inclusion_missing", witnesses: "witnesses_missing" },
    });
  });
  test("another tree's proof", () => {
    const { log } = new World().bundle();
    finds(edited((bundle) => (bundle.log.path = log.path)), "mismatch", { inclusion: "inclusion_proof" });
  });
  test("another place", () => finds(edited(({ log }) => (log.index -= 1)), "mismatch", { inclusion: "inclusion_proof" }));
  for (const [name, index] of Object.entries({ negative: -1, fraction: 0.5, text: "1", huge: 2 ** 52 })) {
    test(`an index that is ${name}`, () => finds(edited(({ log }) => (log.index = index)), "mismatch", { inclusion: "inclusion_proof" }));
  }
  test("a longer path", () => finds(edited(({ log }) => log.path.push(b64(new Uint8Array(32)))), "mismatch", { inclusion: "inclusion_proof" }));
  test("a shorter path", () => finds(edited(({ log }) => log.path.pop()), "mismatch", { inclusion: "inclusion_proof" }));
  test("a path of 10 000", () => {
    finds(edited(({ log }) => (log.path = Array(10_000).fill(log.path[0]))), "mismatch", { inclusion: "inclusion_proof" });
  });
  test("another credential's entry", () => {
    const report = edited(({ log }) => {
      log.entry = flipped(log.entry);
    });
    finds(report, "mismatch", { inclusion: "inclusion_entry_mismatch" });
  });
  test("an entry of another type", () => {
    const report = edited(({ log }) => {
      const entry = Buffer.from(log.entry, "base64");
      entry[0] = 3;
      log.entry = entry.toString("base64");
    });
    finds(report, "mismatch", { inclusion: "inclusion_entry_mismatch" });
  });
  test("a log that the trust file does not name", () => {
    const world = new World();
    const logs = new World({ origin: "elsewhere.example/log" }).trustPayload().logs;
    finds(check(world.bundle(), world.trust({ logs })), "mismatch", { inclusion: "inclusion_unknown_log" });
  });
  test("another log's checkpoint under this origin", () => {
    const report = edited(({ log }) => (log.checkpoint = new World().bundle().log.checkpoint));
    assert.equal(report.steps[3].code, "inclusion_checkpoint_signature");
  });
  for (const at of [0, 1]) {
    test(`without the log's line ${at}`, () => {
      const report = edited(({ log }) => {
        const lines = log.checkpoint.split("\n");
        lines.splice(4 + at, 1);
        log.checkpoint = lines.join("\n");
      });
      finds(report, "mismatch", { inclusion: "inclusion_checkpoint_signature" });
    });
  }
  test("a checkpoint with an extension line that nobody signed", () => {
    const report = edited(({ log }) => (log.checkpoint = log.checkpoint.replace("\n\n", "\nextension\n\n")));
    finds(report, "mismatch", { inclusion: "inclusion_checkpoint_signature", witnesses: "witnesses_quorum", issuer: "issuer_no_trust" });
  });
  test("a line by an unknown key is ignored", () => {
    const key = makeKey("EdDSA");
    found(new World({ extraCheckpointLines: cosignature("x", "stranger.example", key, NOW) }), "valid", {});
  });
});

describe("witnesses", () => {
  const quorum = (world, quorum) => world.trust({ witness_policy: { ...world.trustPayload().witness_policy, quorum } });
  const three = () => {
    const world = new World();
    world.keys.witnesses = [0, 1, 2].map(() => [makeKey("SGD_SM3_SM2"), makeKey("EdDSA")]);
    return world;
  };
  test("T is when the quorum was complete", () => {
    for (const [needed, late] of [[1, 0], [2, 1], [3, 2]]) {
      const world = three();
      const report = check(world.bundle(), quorum(world, needed));
      finds(report, "valid", {});
      assert.equal(Date.parse(report.time) / 1000, world.witnessTime + late);
    }
  });
  test("an organisation counts once, however many keys it has", () => {
    const world = new World();
    const bundle = world.bundle();
    const policy = world.trustPayload().witness_policy;
    const stranger = new World().trustPayload().witness_policy.witnesses[0];
    policy.witnesses.push({ ...stranger, organisation: "别的单位" });
    const report = check(bundle, world.trust({ witness_policy: { ...policy, quorum: 2 } }));
    finds(report, "mismatch", { issuer: "issuer_no_trust", witnesses: "witnesses_quorum" });
    assert.equal(report.time, null);
    assert.equal(report.steps[4].zh, "见证单位不足：有效 1 家，要求 2 家。");
  });
  test("an organisation counts from its earliest line on", () => {
    const world = new World();
    const [[sm2, ed25519]] = world.keys.witnesses;
    world.lines = (text) => {
      const own = world.keys.log.map((key) => logLine(text, world.origin, key)).join("");
      const late = cosignature(text, "witness0.example", sm2, world.witnessTime + 50);
      return own + late + cosignature(text, "witness0.example", ed25519, world.witnessTime);
    };
    const report = check(world.bundle(), world.trust());
    finds(report, "valid", {});
    assert.equal(Date.parse(report.time) / 1000, world.witnessTime);
  });
  test("no cosignature", () => {
    const world = new World();
    const policy = world.trustPayload().witness_policy;
    world.keys.witnesses = [];
    finds(check(world.bundle(), world.trust({ witness_policy: policy })), "mismatch", {
      ...{ issuer: "issuer_no_trust", witnesses: "witnesses_missing" },
    });
  });
  test("a cosignature whose time was changed", () => {
    const report = edited(({ log }) => {
      const lines = log.checkpoint.split("\n");
      for (const at of [6, 7]) {
        const [dash, name, encoded] = lines[at].split(" ");
        const bytes = Buffer.from(encoded, "base64");
        bytes[11] ^= 1; // The last byte of the time, after the four of the key id.
        lines[at] = [dash, name, bytes.toString("base64")].join(" ");
      }
      log.checkpoint = lines.join("\n");
    });
    finds(report, "mismatch", { issuer: "issuer_no_trust", witnesses: "witnesses_quorum" });
  });
  test("none named: the operator alone vouches", () => {
    const world = new World();
    const trust = world.trust({ witness_policy: { quorum: 0, witnesses: [] } });
    finds(check(world.bundle(), trust), "operator_only", { issuer: "issuer_no_trust", witnesses: "witnesses_none_named" });
  });
  test("none named, and something failed: a mismatch", () => {
    const world = new World();
    const bundle = world.bundle();
    bundle.log.path.pop();
    const trust = world.trust({ witness_policy: { quorum: 0, witnesses: [] } });
    assert.equal(check(bundle, trust).verdict.code, "mismatch");
  });
});

describe("anchor", () => {
  const anchored = (change) => edited(({ anchor }) => Object.assign(anchor, change));
  test("absent", () => finds(edited((bundle) => (bundle.anchor = null)), "valid", { anchor: "anchor_absent" }));
  test("on another engine: reported, not checked", () => finds(anchored({ mode: "rpc" }), "valid", { anchor: "anchor_not_checked" }));
  test("of the same size with another root", () => {
    finds(anchored({ root: b64(new Uint8Array(32)) }), "mismatch", { anchor: "anchor_mismatch" });
  });
  test("of fewer entries", () => finds(anchored({ size: 1 }), "mismatch", { anchor: "anchor_mismatch" }));
  test("of more entries", () => finds(anchored({ size: 99, root: b64(new Uint8Array(32)) }), "valid", {}));
  for (const [name, change] of Object.entries({ "no root": { root: null }, "no size": { size: "7" }, "no mode": { mode: 1 } })) {
    test(`with ${name}`, () => finds(anchored(change), "mismatch", { anchor: "anchor_mismatch" }));
  }
});

describe("holder", () => {
  test("a binding that answers nobody's nonce", () => {
    finds(edited((bundle) => (bundle.key_binding = "a.b.c")), "mismatch", { holder: "holder_failed" });
  });
});

describe("without a usable trust file", () => {
  const open = {
    ...{ issuer: "issuer_no_trust", status: "status_no_trust" },
    ...{ inclusion: "inclusion_no_trust", witnesses: "witnesses_none_named" },
  };
  test("none", () => finds(check(new World().bundle(), null), "incomplete", open));
  test("expired", () => {
    const world = new World();
    finds(check(world.bundle(), world.trust({ expires_at: "2026-06-02T00:00:00Z" })), "incomplete", open);
  });
  test("not JSON", () => finds(check(new World().bundle(), "{"), "incomplete", open));
  test("what the bundle itself contradicts still fails", () => {
    const bundle = new World().bundle();
    bundle.log.path.pop();
    finds(check(bundle, null), "mismatch", { ...open, inclusion: "inclusion_proof" });
  });
});

test("hostile values anywhere never throw", () => {
  const world = new World();
  const text = JSON.stringify(world.bundle());
  const trust = JSON.stringify(world.trust());
  const places = [];
  JSON.parse(text, function remember(name, value) {
    places.push(name);
    return value;
  });
  for (const hostile of [null, -1, "x", {}, [[]]]) {
    for (const place of new Set(places.filter((name) => name !== "" && !/^\d+$/.test(name)))) {
      const bundle = JSON.parse(text, (name, value) => (name === place ? hostile : value));
      const report = check(bundle, trust);
      assert.equal(report.steps.length, 7);
      assert.ok(report.steps.every(({ zh, en }) => zh !== "" && en !== ""), place);
    }
  }
});
