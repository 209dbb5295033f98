// Compiles src/ with the pinned solc-js into artifacts/<Name>.json.
// `node compile.mjs` writes; `node compile.mjs --check` compares byte for byte and exits 1 on a difference. `--changed FILE`, for
// mutate.mjs, writes what depends on that file, without the IR pipeline where that can be and `--ir` does not ask for it.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));
const artifacts = join(root, "artifacts");
const solc = createRequire(import.meta.url)("solc");

const settings = {
  // Keep in step with foundry.toml.
  evmVersion: "prague",
  viaIR: true,
  optimizer: { enabled: true, runs: 10_000 },
  metadata: { bytecodeHash: "none", appendCBOR: false },
};

const files = readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".sol"))
  .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"))
  .sort();
const sources = Object.fromEntries(
  files.map((file) => [file, { content: readFileSync(join(root, file), "utf8") }]),
);

// Files that no other pipeline compiles: they have too many variables.
const NEED_IR = ["src/l1/lib/Parts.sol", "src/test/Program.sol"];

const at = process.argv.indexOf("--changed") + 1;
const wanted = at === 0 ? files : files.filter((file) => closure(file).has(process.argv[at]));
const needsIr = (file) => NEED_IR.some((needs) => closure(file).has(needs));
if (at !== 0) settings.viaIR = process.argv.includes("--ir") || wanted.some(needsIr);

const outputs = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"];
const selection = Object.fromEntries(wanted.map((file) => [file, { "*": outputs }]));
const input = { language: "Solidity", sources, settings: { ...settings, outputSelection: selection } };
const output = JSON.parse(solc.compile(JSON.stringify(input)));

const problems = (output.errors ?? []).filter((error) => error.severity !== "info");
for (const problem of problems) process.stderr.write(problem.formattedMessage);
if (problems.some((problem) => problem.severity === "error")) process.exit(1);

// Every file that `file` imports, and itself.
function closure(file, seen = new Set()) {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, path] of sources[file].content.matchAll(/from "([^"]+)";/g)) {
    closure(posix.join(posix.dirname(file), path), seen);
  }
  return seen;
}

// Hash over compiler, settings and sources: an artifact tells what it was built from.
function sourceHash(file) {
  const used = [...closure(file)].sort().map((path) => [path, sources[path].content]);
  const text = JSON.stringify({ compiler: solc.version(), settings, used });
  return "0x" + createHash("sha256").update(text).digest("hex");
}

const built = new Map();
for (const file of files) {
  for (const [name, contract] of Object.entries(output.contracts?.[file] ?? {})) {
    const bytecode = contract.evm.bytecode.object;
    const isLibrary = sources[file].content.includes(`library ${name} {`);
    if (bytecode === "" || isLibrary) continue;
    const artifact = {
      abi: contract.abi,
      bytecode: "0x" + bytecode,
      deployedBytecode: "0x" + contract.evm.deployedBytecode.object,
      sourceHash: sourceHash(file),
    };
    built.set(`${name}.json`, JSON.stringify(artifact, null, 2) + "\n");
  }
}

if (process.argv.includes("--check")) {
  const present = existsSync(artifacts) ? readdirSync(artifacts) : [];
  const names = [...new Set([...present, ...built.keys()])].sort();
  const stale = names.filter((name) => {
    const path = join(artifacts, name);
    return !built.has(name) || !existsSync(path) || readFileSync(path, "utf8") !== built.get(name);
  });
  for (const name of stale) console.error(`artifacts/${name} differs from its sources; run node compile.mjs`);
  process.exit(stale.length === 0 ? 0 : 1);
}

if (at === 0) rmSync(artifacts, { recursive: true, force: true });
mkdirSync(artifacts, { recursive: true });
for (const [name, text] of built) writeFileSync(join(artifacts, name), text);
console.log(`${built.size} artifacts from ${files.length} files, solc ${solc.version()}`);
