// P14: what was promised is on disk. The kernel's own record of a node under load says so: each answer that names a
// transaction leaves after the log that holds it was flushed.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createReadStream, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { keccak256 } from "viem";
import { accounts, chains } from "../lib/chain.mjs";
import { A, devnetUnder, rpc } from "../lib/devnet.mjs";

const SENDERS = accounts.slice(0, 5);
const EACH = 8;
const CALLS = "write,writev,pwrite64,pwritev,sendto,sendmsg,fdatasync,fsync";
const FLUSH = /\bf(?:data)?sync\(/;
// A line of a call that another thread interrupted, and the one that ends it.
const BEGINS = /<unfinished \.\.\.>$/;
const ENDS = /<\.\.\. (\w+) resumed>/;

/** True where a process may look at the system calls of another one. */
function canTrace() {
  try {
    execFileSync("strace", ["-o", "/dev/null", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Text as strace shows bytes with `-xx`. */
const shown = (hex) => hex.replace(/^0x/, "").replace(/../g, "\\x$&");
const letters = (text) => shown(Buffer.from(text).toString("hex"));
const LOG = letters("/log/");
const SOCKET = letters("socket:");

/** Follows what a trace says of transactions: which were written to the log, which of these were flushed, which answered. */
class Order {
  #unflushed = new Set();
  #flushing = new Map();
  #flushed = new Set();
  answered = new Set();
  early = [];

  constructor(transactions) {
    this.transactions = transactions.map(({ raw, hash }) => ({ hash, raw: shown(raw), named: letters(hash.slice(2)) }));
  }

  take(line) {
    const thread = line.slice(0, line.indexOf(" "));
    const ended = line.match(ENDS)?.[1];
    if (ended) {
      if (ended.endsWith("sync")) this.#flush(thread);
    } else if (FLUSH.test(line)) {
      if (line.includes(LOG)) this.#flushing.set(thread, [...this.#unflushed]);
      if (!BEGINS.test(line)) this.#flush(thread);
    } else if (line.includes(LOG)) {
      this.#named(line, "raw").forEach((hash) => this.#unflushed.add(hash));
    } else if (line.includes(SOCKET)) {
      this.#named(line, "named").forEach((hash) => this.#answer(hash));
    }
  }

  #named(line, by) {
    return this.transactions.filter((transaction) => line.includes(transaction[by])).map(({ hash }) => hash);
  }

  #flush(thread) {
    for (const hash of this.#flushing.get(thread) ?? []) {
      this.#unflushed.delete(hash);
      this.#flushed.add(hash);
    }
    this.#flushing.delete(thread);
  }

  #answer(hash) {
    this.answered.add(hash);
    if (!this.#flushed.has(hash)) this.early.push(hash);
  }
}

async function linesOf(file) {
  const lines = [];
  for await (const line of createInterface({ input: createReadStream(file) })) lines.push(line);
  return lines;
}

function follow(lines, transactions) {
  const order = new Order(transactions);
  lines.forEach((line) => order.take(line));
  return order;
}

test("no answer leaves before the log that holds its transaction is flushed", async (t) => {
  if (!canTrace()) return t.skip("strace is not there, or may not look at other processes");
  const directory = mkdtempSync(join(tmpdir(), "weft-flush-"));
  const trace = join(directory, "trace");
  // `-D` leaves the node in its place, so that it is stopped and not what looks at it.
  const strace = ["strace", "-D", "-f", "-y", "-xx", "-s", "65536", "-o", trace, "-e", `trace=${CALLS}`];
  const node = await devnetUnder(strace, "--data-dir", join(directory, "data"));
  const home = chains(node)[A];
  const transactions = [];
  for (const sender of SENDERS) {
    for (let count = 0; count < EACH; count++) {
      const raw = await home.sign(sender, { to: sender.address, value: 1n, gas: 21_000n });
      transactions.push({ raw, hash: keccak256(raw) });
    }
  }
  // Senders side by side, so that groups form in the log; one half waits for receipts.
  const of = (index) => transactions.slice(index * EACH, (index + 1) * EACH);
  await Promise.all(
    SENDERS.map(async (_, index) => {
      const method = index % 2 ? "eth_sendRawTransactionSync" : "eth_sendRawTransaction";
      for (const { raw } of of(index)) await rpc(node.urls[A], method, raw);
    }),
  );
  await node.stop();

  const lines = await linesOf(trace);
  const order = follow(lines, transactions);
  assert.equal(order.answered.size, transactions.length, "every answer is in the trace");
  assert.deepEqual(order.early, []);
  // Without the flushes the same trace is refused, and so it is when all of them came at the end.
  const isFlush = (line) => FLUSH.test(line) || /resumed/.test(line);
  const others = lines.filter((line) => !isFlush(line));
  assert.notDeepEqual(follow(others, transactions).early, []);
  assert.notDeepEqual(follow([...others, ...lines.filter(isFlush)], transactions).early, []);
});
