// The vectors that every implementation must agree on. The verdict's words and the evidence are each one's own.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { verify } from "../src/index.js";

const FOLDER = new URL("../../../tests/vectors/verification/", import.meta.url);
const files = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));
console.log(files);
