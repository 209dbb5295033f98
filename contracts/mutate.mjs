// Mutation testing: changes one check or operator of a contract at a time, or notes something behind a call, and shows that some
// test fails.
// `node mutate.mjs [--sample N] [--seed S] [--only PART]` prints every mutant that survives, and exits 1 if one does that is
// not in mutants.json, where those stand that change nothing anybody can see, each with its reason.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));
const forge = join(root, "node_modules/@foundry-rs/forge-linux-amd64/bin/forge");

function option(name, missing) {
  const place = process.argv.indexOf(`--${name}`);
  return place < 0 ? missing : process.argv[place + 1];
}

// What is tried at a line of code. Each rule names what it finds and what it puts there.
const rules = [
  ["a check is left out", /\bif \((.+)\) revert\b/g, () => "if (false) revert"],
  ["a check always fails", /\bif \((.+)\) (revert|return)\b/g, (_, __, what) => `if (true) ${what}`],
  ["a return is left out", /\bif \((.+)\) (return)\b/g, () => "if (false) return"],
  ["all becomes any", / && /g, () => " || "],
  ["any becomes all", / \|\| /g, () => " && "],
  ["equal becomes unequal", / == /g, () => " != "],
  ["unequal becomes equal", / != /g, () => " == "],
  ["below becomes at most", / < /g, () => " <= "],
  ["at most becomes below", / <= /g, () => " < "],
  ["above becomes at least", / > /g, () => " >= "],
  ["at least becomes above", / >= /g, () => " > "],
  ["plus becomes minus", / \+ /g, () => " - "],
  ["minus becomes plus", / - /g, () => " + "],
  ["a division is a product", / \/ /g, () => " * "],
  ["a lock or right is left out", /\b(only\(address\(hub\)\)|only\(escape\)|onlyBridge|lock)( (?=\{|returns)|$)/g, () => ""],
  ["true becomes false", /= true;/g, () => "= false;"],
];

// What notes that something is done, and what calls others: a note behind the call is what lets them call again from within it.
const NOTE = /^\s+(delete .+|_note\(.+\)|[\w.[\]]+ = (0|true|false)|.+\[.+\] = .+);$/;
const CALL = /^\s+.*(\.call\{.*|\.slash\(.*|\b_?pay\(.*|safeTransfer\(.*|\.payExit\(.*);$/;

function movesOf(file, lines) {
  const found = [];
  lines.forEach((line, at) => {
    if (!isCode(line) || !NOTE.test(line)) return;
    for (let to = at + 1; to < lines.length && lines[to] !== "    }"; to++) {
      if (!CALL.test(lines[to])) continue;
      const id = `${file}: ${line.trim()} -> behind ${lines[to].trim()}`;
      found.push({ file, at, to, name: "a note is made behind a call", id });
    }
  });
  return found;
}

// The lines of a file with the mutant in it.
function mutated(lines, { at, to, text }) {
  if (to === undefined) return lines.with(at, text);
  return [...lines.slice(0, at), ...lines.slice(at + 1, to + 1), lines[at], ...lines.slice(to + 1)];
}

const isCode = (line) => !/^\s*(\/\/|\*|\/\*|import |pragma |error |event |for \(uint256 i = 0)/.test(line);

function mutantsOf(file) {
  const lines = readFileSync(join(root, file), "utf8").split("\n");
  const found = movesOf(file, lines);
  lines.forEach((line, at) => {
    if (!isCode(line)) return;
    for (const [name, pattern, replace] of rules) {
      for (const match of line.matchAll(pattern)) {
        const text = line.slice(0, match.index) + replace(...match) + line.slice(match.index + match[0].length);
        if (text === line) continue;
        // A line is named by what stands there, so that lines above may change.
        const id = `${file}: ${line.trim()} -> ${text.trim()}`;
        found.push({ file, at, text, name, id });
      }
    }
  });
  return found;
}

// All contracts but demonstrations and stand-ins for tests.
function sources() {
  return readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".sol"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !/\/(interfaces|demo|test)\//.test(file))
    .sort();
}

// The same choice for the same seed, on every machine.
const rank = (id, seed) => createHash("sha256").update(`${seed} ${id}`).digest("hex");

const only = option("only", "");
let mutants = sources().filter((file) => file.includes(only)).flatMap(mutantsOf);
const seed = option("seed", "0");
const sample = Number(option("sample", mutants.length));
mutants = mutants.sort((a, b) => (rank(a.id, seed) < rank(b.id, seed) ? -1 : 1)).slice(0, sample);

const listed = join(root, "mutants.json");
const known = new Map(existsSync(listed) ? Object.entries(JSON.parse(readFileSync(listed, "utf8"))) : []);

// A copy, so that a run that is stopped leaves nothing behind in the sources.
const work = mkdtempSync(join(tmpdir(), "mutants-"));
mkdirSync(join(work, "contracts"));
const here = join(work, "contracts");
for (const name of ["src", "test", "snapshots", "foundry.toml", "solcjs", "compile.mjs", "package.json", "artifacts"]) {
  cpSync(join(root, name), join(here, name), { recursive: true });
}
symlinkSync(join(root, "node_modules"), join(here, "node_modules"));
symlinkSync(join(root, "../vectors"), join(work, "vectors"));

const settings = { ...process.env, FOUNDRY_INVARIANT_RUNS: "8", FOUNDRY_FUZZ_SEED: "0x1" };
// A change of creation code changes golden addresses, which says nothing about what the code does.
const unasked = ["--no-match-test", "test_gas|noByteCanBeChanged|golden|overhead_isBounded"];
const L1 = ["--match-path", "test/l1/*"];
const ROLLUPS = ["--no-match-path", "test/l1/*"];

function choiceOf(file) {
  if (file.startsWith("src/l1/")) return L1;
  return file.startsWith("src/lib/") ? [] : ROLLUPS;
}

// Without the IR pipeline what depends on a file compiles in seconds; with it Bridge.sol takes ten. Tests of the contracts on rollups
// look at creation code, which is another one without it. The tests take what is built from the artifacts.
function build(file) {
  rmSync(join(here, "artifacts"), { recursive: true });
  cpSync(join(root, "artifacts"), join(here, "artifacts"), { recursive: true });
  const pipeline = file.startsWith("src/l1/") ? [] : ["--ir"];
  return spawnSync("node", ["compile.mjs", "--changed", file, ...pipeline], { cwd: here }).status === 0;
}

function tests(file) {
  const choice = [...choiceOf(file), ...unasked];
  const run = spawnSync(forge, ["test", "--fail-fast", ...choice], { cwd: here, env: settings, encoding: "utf8" });
  const said = run.stdout + run.stderr;
  if (/Compiler run failed|Compiler error/.test(said)) return "no code";
  return run.status === 0 ? "survived" : "killed";
}

try {
  for (const file of new Set(mutants.map((mutant) => mutant.file))) {
    const first = build(file) ? tests(file) : "no code";
    if (first !== "survived") throw new Error(`the tests do not pass without a mutant of ${file}: ${first}`);
  }
  const tally = { killed: 0, survived: 0, equivalent: 0, "no code": 0 };
  const bad = [];
  for (const [index, mutant] of mutants.entries()) {
    const path = join(here, mutant.file);
    const before = readFileSync(path, "utf8");
    writeFileSync(path, mutated(before.split("\n"), mutant).join("\n"));
    let fate = build(mutant.file) ? tests(mutant.file) : "no code";
    writeFileSync(path, before);
    if (fate === "survived" && known.has(mutant.id)) fate = "equivalent";
    tally[fate]++;
    if (fate === "survived") bad.push(mutant);
    console.log(`${index + 1}/${mutants.length} ${fate}: ${mutant.name}: ${mutant.file}:${mutant.at + 1}`);
  }
  console.log(JSON.stringify(tally));
  for (const { name, id } of bad) console.log(`survived: ${name}\n  ${id}`);
  process.exitCode = bad.length === 0 ? 0 : 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
