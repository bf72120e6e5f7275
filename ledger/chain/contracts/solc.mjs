#!/usr/bin/env node
// What forge takes for a compiler: `--version`, or standard JSON in and out, by npm's solc.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

if (process.argv.includes("--version")) {
  // Without the name of the JavaScript build, which forge would not read.
  console.log(`solc, the solidity compiler\nVersion: ${solc.version().replace(".Emscripten.clang", ".Linux.g++")}`);
} else {
  const here = dirname(fileURLToPath(import.meta.url));
  const find = (path) => ({ contents: readFileSync(join(here, path), "utf8") });
  process.stdout.write(solc.compile(readFileSync(0, "utf8"), { import: find }));
}
