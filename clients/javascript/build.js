// Build what the server hands out into credentials/static/: the page's program, the scanner,
// the words for the page without JavaScript, the licences, and the list of it all.
//
// `node build.js --to FOLDER` builds elsewhere; the test compares that with what is committed.

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const at = process.argv.indexOf("--to");
const folder = at === -1 ? here("../../credentials/static") : process.argv[at + 1];
const read = (path) => readFileSync(path, "utf8");
const json = (path) => JSON.parse(read(here(path)));

const common = {
  bundle: true,
  minify: true,
  format: "esm",
  charset: "utf8",
  legalComments: "none", // They stand in verifier-licences.txt.
  target: ["chrome90", "firefox90", "safari15"],
  logLevel: "warning",
  absWorkingDir: here("."),
};

mkdirSync(folder, { recursive: true });
await build({
  ...common,
  entryPoints: ["src/page/main.js"],
  outfile: `${folder}/verifier.js`,
  // "crypto" is what sm-crypto-v2 asks of old Nodes; browsers never get there.
  external: ["./scanner.js", "crypto"],
});
await build({ ...common, entryPoints: ["src/page/scanner.js"], outfile: `${folder}/scanner.js` });

const words = { format: "xinji/verify-words/1", messages: json("src/messages.json"), labels: json("src/labels.json") };
writeFileSync(`${folder}/verify-words.json`, `${JSON.stringify(words)}\n`);

const lock = json("package-lock.json");
const used = ["@noble/ciphers", "@noble/curves", "@noble/hashes", "fflate", "jsqr", "sm-crypto-v2"];
const packages = used.map((name) => ({ name, ...lock.packages[`node_modules/${name}`], text: licenceOf(name) }));
const licences = packages.map(({ name, version, license, text }) => `${name} ${version} (${license})\n\n${text.trim()}\n`);
writeFileSync(`${folder}/verifier-licences.txt`, licences.join(`\n${"-".repeat(72)}\n\n`));

const files = {
  "verifier.js": "@xinji/verifier with sm-crypto-v2, @noble/*, fflate | clients/javascript, page/main.js | Apache-2.0, MIT",
  "scanner.js": "jsqr | clients/javascript, page/scanner.js | Apache-2.0",
  "verify-words.json": "@xinji/verifier | messages.json and labels.json | Apache-2.0",
  "verifier-licences.txt": "licences of the packages below | their own LICENSE files | as named",
};
const rows = Object.entries(files).map(([name, about]) => `| ${name} | ${about} | ${integrity(name)} |`);
const list = packages.map(({ name, version, license, integrity: digest }) => `| ${name} | ${version} | ${license} | ${digest} |`);
writeFileSync(
  `${folder}/VENDORED.md`,
  `# Built and vendored files

Made by \`npm ci && npm run build\` in \`clients/javascript\`; a test rebuilds them and compares.

| file | what | made from | licence | integrity |
|---|---|---|---|---|
${rows.join("\n")}

npm packages inside, with the integrity that \`package-lock.json\` pins:

| package | version | licence | npm integrity |
|---|---|---|---|
${list.join("\n")}
`,
);

function integrity(name) {
  return `sha384-${createHash("sha384").update(readFileSync(`${folder}/${name}`)).digest("base64")}`;
}

function licenceOf(name) {
  const root = here(`node_modules/${name}`);
  const file = readdirSync(root).find((one) => /^licen[cs]e/i.test(one));
  if (file === undefined) throw new Error(`${name} brings no licence`);
  return read(`${root}/${file}`);
}
