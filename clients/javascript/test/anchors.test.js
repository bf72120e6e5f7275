// What a chain node answers, and what the verifier makes of it: the vectors that Python agrees on
// (tests/vectors/anchors), and a node of the test's own behind JSON-RPC.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { test } from "node:test";
import { askNode, jsonRpc, verify } from "../src/index.js";
import { consistent } from "../src/merkle.js";
import { concat } from "../src/strict.js";
import { sm3 } from "../src/hashes.js";

const FOLDER = new URL("../../../tests/vectors/anchors/", import.meta.url);
const read = (file) => JSON.parse(readFileSync(new URL(file, FOLDER), "utf8"));
const files = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));

function judged({ now, trust, bundle }, node) {
  const report = verify(bundle, trust, { now: Date.parse(now) / 1000, node });
  return { verdict: report.verdict.code, anchor: report.steps[5].code };
}

test("there are vectors", () => assert.ok(files.length > 30));

for (const file of files) {
  const vector = read(file);
  test(`${file}: ${vector.about}`, () => {
    const node = { ...vector.node, consistency: vector.consistency };
    assert.deepEqual(judged(vector, node), vector.expected);
    assert.notEqual(judged(vector, null).anchor, "anchor_ok");
  });
}

test("whatever a node garbles, nothing passes", () => {
  const vector = read("confirmed.json");
  for (const name of Object.keys(vector.node)) {
    for (const garbled of [undefined, null, 7, "", "0x", [], {}, `0x${"zz".repeat(32)}`, true]) {
      const { anchor } = judged(vector, { ...vector.node, [name]: garbled });
      assert.notEqual(anchor, "anchor_ok", `${name} ${garbled}`);
    }
  }
});

async function serving(answer, use) {
  const asked = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      const question = JSON.parse(body);
      asked.push(question.method);
      const { status = 200, text } = answer(question);
      response.writeHead(status, { "content-type": "application/json" }).end(text);
    });
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  try {
    await use(`http://127.0.0.1:${server.address().port}`, asked);
  } finally {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }
}

const results = ({ node }) => ({ method, params }) => {
  const called = method === "eth_call" && params[0].data.startsWith("0x79feb107") ? node.latest : node.anchor;
  const result = { eth_chainId: node.chain_id, eth_getCode: node.code, eth_call: called }[method];
  return { text: JSON.stringify({ jsonrpc: "2.0", id: 1, result }) };
};

for (const name of ["confirmed.json", "no_claim_latest_is_ours.json", "confirmed_larger_tree.json"]) {
  test(`a node is asked what it needs to be: ${name}`, async () => {
    const vector = read(name);
    await serving(results(vector), async (url, asked) => {
      const node = await askNode(vector.bundle, vector.trust, jsonRpc(url), Date.parse(vector.now) / 1000);
      assert.deepEqual(node, vector.node);
      assert.equal(judged(vector, node).anchor, "anchor_ok");
      assert.deepEqual(asked, ["eth_chainId", "eth_getCode", "eth_call", "eth_call"]);
    });
  });
}

test("nodes that do not answer as they should", async () => {
  const vector = read("confirmed.json");
  const now = Date.parse(vector.now) / 1000;
  const answers = [
    [{ status: 500, text: "" }, "anchor_node_unreachable"],
    [{ text: "x".repeat(2_000_000) }, "anchor_node_unreachable"],
    [{ text: "not json" }, "anchor_node_malformed"],
    [{ text: "[]" }, "anchor_node_malformed"],
    [{ text: '{"jsonrpc":"2.0","id":2,"result":"0x6f0"}' }, "anchor_node_malformed"],
    [{ text: '{"jsonrpc":"2.0","id":1,"error":{"code":-32000}}' }, "anchor_node_malformed"],
    [{ text: '{"jsonrpc":"2.0","id":1,"result":"0x1"}' }, "anchor_node_other_chain"],
  ];
  let address;
  for (const [answer, code] of answers) {
    await serving(() => answer, async (url) => {
      address = url;
      assert.equal(judged(vector, await askNode(vector.bundle, vector.trust, jsonRpc(url), now)).anchor, code);
    });
  }
  const gone = await askNode(vector.bundle, vector.trust, jsonRpc(address), now);
  assert.equal(judged(vector, gone).anchor, "anchor_node_unreachable");
});

test("a chain that the trust file does not name is not asked", async () => {
  for (const name of ["unknown_chain.json", "embedded_in_the_trust_file.json"]) {
    const { bundle, trust, now } = read(name);
    const call = () => assert.fail("asked");
    assert.deepEqual(await askNode(bundle, trust, call, Date.parse(now) / 1000), {});
  }
  assert.deepEqual(await askNode("no bundle", null, () => assert.fail("asked"), 0), {});
});

// The tree by its definition; the verifier under test walks it the other way.
const leaves = Array.from({ length: 40 }, (_, at) => sm3(Uint8Array.of(0, at)));
const split = (size) => 2 ** Math.ceil(Math.log2(size) - 1);
const rootOf = (from, to) =>
  to - from === 1 ? leaves[from] : sm3(concat(Uint8Array.of(1), rootOf(from, from + split(to - from)), rootOf(from + split(to - from), to)));
function prove(old, from, to, known) {
  if (old === to) return known ? [] : [rootOf(from, to)];
  const middle = from + split(to - from);
  return old <= middle ? [...prove(old, from, middle, known), rootOf(middle, to)] : [...prove(old, middle, to, false), rootOf(from, middle)];
}

test("consistency holds for every pair of sizes, and for no changed proof", () => {
  const other = sm3(Uint8Array.of(7));
  for (let next = 1; next <= 40; next += 1) {
    for (let old = 1; old <= next; old += 1) {
      const heads = [{ size: old, root: rootOf(0, old) }, { size: next, root: rootOf(0, next) }];
      const path = prove(old, 0, next, true);
      assert.ok(consistent(path, ...heads, sm3), `${old} ${next}`);
      assert.ok(!consistent([...path, other], ...heads, sm3));
      assert.ok(!consistent(path, { ...heads[0], root: other }, heads[1], sm3));
      assert.ok(!consistent(path, heads[0], { ...heads[1], root: other }, sm3));
      if (path.length > 0) {
        assert.ok(!consistent(path.slice(1), ...heads, sm3));
        assert.ok(!consistent(path.slice(0, -1), ...heads, sm3));
        assert.ok(!consistent([other, ...path.slice(1)], ...heads, sm3));
      }
    }
  }
  assert.ok(!consistent([], { size: 0, root: other }, { size: 3, root: other }, sm3));
});
