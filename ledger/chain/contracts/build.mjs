// Compiles src/*.sol into artifacts/: ABI and bytecode for the server, and the compiler's input,
// from which anybody can compile again. `node build.mjs [FOLDER]` writes to FOLDER instead.
// Same sources and same lock file give the same bytes; a test compares them.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "artifacts");
const names = readdirSync(join(here, "src")).filter((file) => file.endsWith(".sol")).sort();

const settings = {
  evmVersion: "paris", // What Besu, FISCO BCOS and CometBFT chains all run: no PUSH0, no MCOPY.
  optimizer: { enabled: true, runs: 200 },
  metadata: { bytecodeHash: "none" },
  outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode"] } },
};

function read(path) {
  const found = path.startsWith("@") ? join(here, "node_modules", path) : join(here, path);
  return readFileSync(found, "utf8");
}

function compile(sources, onImport) {
  const input = { language: "Solidity", sources, settings };
  const output = JSON.parse(solc.compile(JSON.stringify(input), onImport ? { import: onImport } : undefined));
  const problems = (output.errors ?? []).map((problem) => problem.formattedMessage);
  if (problems.length) {
    throw new Error(problems.join("\n")); // Warnings count: the sources compile without any.
  }
  return { input, output };
}

mkdirSync(out, { recursive: true });
for (const file of names) {
  const main = `src/${file}`;
  const sources = { [main]: { content: read(main) } };
  compile(sources, (path) => {
    sources[path] = { content: read(path) };
    return { contents: sources[path].content };
  });
  // Once more, with every imported source named: what is written down is what was compiled.
  const sorted = Object.fromEntries(Object.entries(sources).sort(([a], [b]) => (a < b ? -1 : 1)));
  const { input, output } = compile(sorted);
  const name = file.replace(/\.sol$/, "");
  const contract = output.contracts[main][name];
  const artifact = {
    contract: name,
    compiler: solc.version(),
    evmVersion: settings.evmVersion,
    abi: contract.abi,
    bytecode: `0x${contract.evm.bytecode.object}`,
    deployedBytecode: `0x${contract.evm.deployedBytecode.object}`,
    immutables: Object.values(contract.evm.deployedBytecode.immutableReferences ?? {}).flat(),
  };
  writeFileSync(join(out, `${name}.json`), `${JSON.stringify(artifact, null, 1)}\n`);
  writeFileSync(join(out, `${name}.input.json`), `${JSON.stringify(input, null, 1)}\n`);
}
