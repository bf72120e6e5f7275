// Which addresses of a node the page takes: its own host's paths, http and https; nothing that smuggles.

import assert from "node:assert/strict";
import { test } from "node:test";
import { checkedAddress, keepNode, nodeAddress } from "../src/page/setting.js";

const BASE = "https://henan.example/v";

test("addresses of nodes", () => {
  for (const [typed, address] of [
    ["", ""],
    [" /node ", "https://henan.example/node"],
    ["http://127.0.0.1:8545", "http://127.0.0.1:8545/"],
    ["https://node.example/rpc", "https://node.example/rpc"],
  ]) {
    assert.equal(checkedAddress(typed, BASE), address);
  }
  for (const wrong of ["//evil.example", "/\\evil.example", "node", "javascript:alert(1)", "ftp://a", "https://u:p@a", "http://", "data:,x"]) {
    assert.equal(checkedAddress(wrong, BASE), null, wrong);
  }
});

test("without storage nothing is kept, and nothing breaks", () => {
  keepNode("https://node.example/");
  assert.equal(nodeAddress(), "");
});
