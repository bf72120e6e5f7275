// `node forge.mjs test …`: forge from npm, with a home of its own and no word to anybody.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const forge = join(here, "node_modules", "@foundry-rs", `forge-${process.platform}-amd64`, "bin", "forge");
const home = join(here, "node_modules", ".forge", "home");
const runs = process.env.XINJI_FORGE_RUNS; // More than the gate's: fuzz runs of each test.
const more = runs ? { FOUNDRY_FUZZ_RUNS: runs, FOUNDRY_INVARIANT_RUNS: String(Math.max(32, runs >> 3)) } : {};
const env = { ...process.env, HOME: home, FOUNDRY_DIR: home, FOUNDRY_DISABLE_NIGHTLY_WARNING: "1", ...more };
const done = spawnSync(forge, process.argv.slice(2), { cwd: here, env, stdio: "inherit" });
process.exit(done.status ?? 1);
