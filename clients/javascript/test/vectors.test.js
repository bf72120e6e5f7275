// The vectors that every implementation must agree on (tests/vectors/verification/README.md).

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { verify } from "../src/index.js";

const FOLDER = new URL("../../../tests/vectors/verification/", import.meta.url);
const files = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));

test("there are vectors", () => assert.ok(files.length > 100));

for (const file of files) {
  const { about, now, trust, bundle, status, expected } = JSON.parse(readFileSync(new URL(file, FOLDER), "utf8"));
  test(`${file}: ${about}`, () => {
    const report = verify(bundle, trust, { now: Date.parse(now) / 1000, status });
    const steps = Object.fromEntries(report.steps.map(({ step, code }) => [step, code]));
    assert.deepEqual({ verdict: report.verdict.code, time: report.time, steps }, expected);
  });
}
