// A proof made of a log's tiles: against trees that node:crypto hashes level by level, and over HTTP
// from a log of the test's own, for a bundle whose checkpoint is smaller than what was anchored.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { test } from "node:test";
import { askNode, logFiles, openTrust, verify } from "../src/index.js";
import { HASHES } from "../src/hashes.js";
import { consistent } from "../src/merkle.js";
import { readCheckpoint, readNote } from "../src/note.js";
import { checkAnchor } from "../src/steps/anchor.js";
import { consistencyFrom, pathOf } from "../src/tiles.js";
import { b64, fromB64 } from "../src/strict.js";
import { NOW, World } from "./world.js";

const digest = (name, ...parts) => parts.reduce((hash, part) => hash.update(part), createHash(name)).digest();

/** A whole tree: `levels[k]` are the hashes of its perfect subtrees of 2^k leaves. */
class Tree {
  constructor(name, leaves) {
    this.name = name;
    this.levels = [leaves.map((leaf) => digest(name, Uint8Array.of(0), leaf))];
    for (let below = this.levels[0]; below.length > 1; below = this.levels.at(-1)) {
      const pairs = Math.floor(below.length / 2);
      this.levels.push(Array.from({ length: pairs }, (_, at) => digest(name, Uint8Array.of(1), below[2 * at], below[2 * at + 1])));
    }
  }

  /** The root over the first `size` leaves: its perfect subtrees, joined from the right. */
  root(size) {
    const peaks = [];
    let begin = 0;
    for (let level = this.levels.length - 1; level >= 0; level -= 1) {
      if (Math.floor(size / 2 ** level) % 2 === 1) {
        peaks.push(this.levels[level][begin / 2 ** level]);
        begin += 2 ** level;
      }
    }
    return peaks.reduceRight((right, left) => digest(this.name, Uint8Array.of(1), left, right));
  }

  /** The file of a path as C2SP tlog-tiles has it, or null. Partial tiles only of `sizes`, as logs keep them. */
  file(path, sizes) {
    const [, level, rest, partial] = /^tile\/(\d+)\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d+))?$/.exec(path) ?? assert.fail(path);
    const index = Number(rest.replaceAll(/[x/]/g, ""));
    const nodes = (this.levels[8 * Number(level)] ?? []).slice(256 * index, 256 * (index + 1));
    const kept = sizes.some((size) => Math.floor(size / 256 ** Number(level)) - 256 * index === Number(partial));
    if (partial === undefined ? nodes.length < 256 : !kept) return null;
    return Buffer.concat(nodes.slice(0, Number(partial ?? 256)));
  }
}

function reader(tree, sizes, asked = []) {
  return async (path) => {
    asked.push(path);
    const data = tree.file(path, sizes);
    if (data === null) throw new Error("404");
    return new Uint8Array(data);
  };
}

const leaf = (at) => Buffer.from(`leaf ${at}`);
const trees = Object.fromEntries(
  [["sm3", "sm3"], ["sha-256", "sha256"]].map(([id, name]) => [id, new Tree(name, Array.from({ length: 66_000 }, (_, at) => leaf(at)))]),
);

for (const [id, tree] of Object.entries(trees)) {
  test(`a proof made of tiles holds, whatever the sizes: ${id}`, async () => {
    const more = id === "sm3" ? [] : [3, 300, 512, 65_793]; // Our SM3 is slow.
    const sizes = [1, 255, 256, 257, 65_537, 66_000, ...more].toSorted((one, other) => one - other);
    const hash = HASHES[id];
    for (const old of sizes) {
      for (const next of sizes.filter((size) => size >= old)) {
        const asked = [];
        const path = await consistencyFrom(reader(tree, [next], asked), hash, old, next);
        const heads = [{ size: old, root: tree.root(old) }, { size: next, root: tree.root(next) }];
        assert.ok(consistent(path.map(fromB64), ...heads, hash), `${old} ${next}`);
        assert.equal(asked.length, new Set(asked).size, "a tile is fetched once");
        assert.ok(asked.length <= 8);
      }
    }
  });
}

test("a partial tile that is gone begins the full one", async () => {
  const tree = trees.sm3;
  const asked = [];
  const path = await consistencyFrom(reader(tree, [], asked), HASHES.sm3, 300, 400);
  assert.ok(asked.includes("tile/0/001.p/144"));
  assert.ok(asked.includes("tile/0/001"));
  assert.ok(consistent(path.map(fromB64), { size: 300, root: tree.root(300) }, { size: 400, root: tree.root(400) }, HASHES.sm3));
});

test("what a log does not hold gives no proof", async () => {
  const read = reader(trees.sm3, [400]);
  const short = async (path) => (await read(path)).subarray(0, -1);
  const empty = async () => new Uint8Array();
  const gone = () => Promise.reject(new Error("gone"));
  for (const broken of [short, empty, gone]) await assert.rejects(consistencyFrom(broken, HASHES.sm3, 300, 400));
  for (const [old, next] of [[0, 5], [6, 5], [1, 2 ** 53], [1, 1.5]]) await assert.rejects(consistencyFrom(read, HASHES.sm3, old, next));
});

test("sizes beyond 2^31 end in bounded work", async () => {
  const asked = [];
  const anything = async (path) => {
    asked.push(path);
    return new Uint8Array(8192);
  };
  const path = await consistencyFrom(anything, HASHES.sm3, 2 ** 40 + 12_345, 2 ** 52 + 77);
  assert.ok(path.length <= 64);
  assert.ok(asked.length < 40, String(asked.length));
  assert.ok(asked.some((name) => name.startsWith("tile/6/")));
});

test("a tile's number as C2SP writes it", () => {
  const wanted = { 0: "000", 67: "067", 999: "999", 1000: "x001/000", 1234067: "x001/x234/067" };
  for (const [index, path] of Object.entries(wanted)) assert.equal(pathOf(Number(index)), path);
});

// Over HTTP

async function serving(answer, use) {
  const server = createServer((request, response) => answer(request.url, response));
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  try {
    await use(`http://127.0.0.1:${server.address().port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }
}

const CHAIN = { id: "c", mode: "rpc", chain_id: 1776, contract: `0x${"ab".repeat(20)}`, endorsers: [] };

/** A world whose log grew by `more` entries after the credential's checkpoint, and was anchored only then. */
function grown(more, { forged = false } = {}) {
  const world = new World();
  const bundle = { ...world.bundle(), anchor: null };
  const trust = world.trust({ chains: [CHAIN] });
  const before = forged ? world.entries.toReversed() : world.entries;
  const entries = [...before, ...Array.from({ length: more }, (_, at) => leaf(at))];
  const tree = new Tree("sm3", entries);
  const words = (...values) => `0x${values.map((value) => (typeof value === "number" ? value.toString(16) : value.toString("hex")).padStart(64, "0")).join("")}`;
  const size = entries.length;
  const answers = {
    latest: words(2, size, tree.root(size), 1),
    anchor: words(tree.root(size), 0, 7, NOW, 2),
  };
  const call = async (method, params) => {
    if (method === "eth_chainId") return "0x6f0";
    if (method === "eth_getCode") return "0x6080";
    return params[0].data.startsWith("0x79feb107") ? answers.latest : answers.anchor;
  };
  return { bundle, trust, tree, size, call };
}

/** Ask, and judge by step 6 alone: the others are slow, and know nothing of nodes. */
async function judged({ bundle, trust, call }, options) {
  const node = await askNode(bundle, trust, call, NOW, options);
  const { size, root } = readCheckpoint(readNote(bundle.log.checkpoint));
  try {
    return checkAnchor(bundle.anchor, { size, root, hash: HASHES.sm3 }, openTrust(trust, NOW), node).code;
  } catch (error) {
    return error.code;
  }
}

const serve = ({ tree, size }, asked = []) => (url, response) => {
  asked.push(url);
  const data = url.startsWith("/log/") ? tree.file(url.slice(5), [size]) : null;
  response.writeHead(data === null ? 404 : 200).end(data);
};

for (const more of [1, 700]) {
  test(`an anchor of a tree larger by ${more} is proved from the log's files`, async () => {
    const world = grown(more);
    const asked = [];
    await serving(serve(world, asked), async (url) => {
      assert.equal(await judged(world), "anchor_no_consistency");
      const told = [];
      const files = (origin) => (told.push(origin), logFiles(`${url}/log/`));
      assert.equal(await judged(world, { files }), "anchor_ok");
      assert.deepEqual(told, ["localhost:8000/log"]);
      const node = await askNode(world.bundle, world.trust, world.call, NOW, { files });
      const report = verify(world.bundle, world.trust, { now: NOW, node });
      assert.deepEqual([report.verdict.code, report.steps[5].code], ["valid", "anchor_ok"]);
      assert.ok(asked.length > 0 && asked.every((path) => path.startsWith("/log/tile/")));
    });
  });
}

test("files of another history prove nothing, and neither does a log that is not there", async () => {
  const [honest, other] = [grown(40), grown(40, { forged: true })];
  await serving(serve(other), async (url) => {
    const files = () => logFiles(`${url}/log`);
    assert.equal(await judged(honest, { files }), "anchor_no_consistency");
    assert.equal(await judged(other, { files }), "anchor_no_consistency");
    assert.equal(await judged(honest, { files: () => logFiles(`${url}/elsewhere`) }), "anchor_no_consistency");
    assert.equal(await judged(honest, { files: () => null }), "anchor_no_consistency");
  });
  for (const answer of [(_, response) => response.writeHead(302, { location: "/" }).end(), (_, response) => response.end(Buffer.alloc(9000))]) {
    await serving(answer, async (url) => {
      assert.equal(await judged(honest, { files: () => logFiles(url) }), "anchor_no_consistency");
    });
  }
});

test("files are not read where the bundle brings its proof, or the tree is the checkpoint's own", async () => {
  let reads = 0;
  const files = () => ((reads += 1), null);
  const world = grown(0);
  assert.equal(await judged(world, { files }), "anchor_ok");
  const larger = grown(40);
  const at = larger.size - 40;
  const consistency = await consistencyFrom(reader(larger.tree, [larger.size]), HASHES.sm3, at, larger.size);
  const anchor = { mode: "rpc", chain_id: 1776, contract: CHAIN.contract, size: larger.size, root: b64(larger.tree.root(larger.size)), consistency };
  assert.equal(await judged({ ...larger, bundle: { ...larger.bundle, anchor } }, { files }), "anchor_ok");
  const bad = { ...anchor, consistency: [] };
  assert.equal(await judged({ ...larger, bundle: { ...larger.bundle, anchor: bad } }, { files }), "anchor_not_consistent");
  assert.equal(reads, 0);
  assert.equal(await judged(larger, { files }), "anchor_no_consistency");
  assert.equal(reads, 1);
});

test("a log that the trust file does not name is not read", async () => {
  const world = grown(40);
  const renamed = new World({ origin: "other.example/log" });
  const trust = renamed.trust({ chains: [CHAIN] });
  let reads = 0;
  const node = await askNode(world.bundle, trust, world.call, NOW, { files: () => ((reads += 1), null) });
  assert.deepEqual([node.consistency, reads], [undefined, 0]);
});
