import assert from "node:assert/strict";
import { test } from "node:test";
import { verify } from "../src/index.js";
import { DIPLOMA, NOW, World } from "./world.js";

test("a good credential", () => {
  const world = new World();
  const started = performance.now();
  const report = verify(world.bundle(), world.trust(), { now: NOW });
  console.log(performance.now() - started);
  assert.deepEqual(report.steps.map(({ code }) => code), []);
});
