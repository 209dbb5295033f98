// A `weft dev` process of a test file, and its JSON-RPC as plain as it comes.
import { spawn } from "node:child_process";
import { after } from "node:test";

export const A = 901;
export const B = 902;
export const C = 903;
export const CHAIN_IDS = [A, B, C];

const START_MS = 20_000;
const LOG_CHARACTERS = 20_000;
// Runs a command until standard input ends: that is, as long as the test's process lives.
const UNTIL_STDIN_ENDS = 'exec 3<&0; "$@" </dev/null & node=$!; (read -r _ <&3; kill $node) & wait $node';

/** Starts rollups 901, 902 and 903 on free ports, without an L1, for the tests of one file and stops them afterwards. */
export function devnet(...options) {
  return devnetOnL1("--no-l1", ...options);
}

/** The same on an L1 of its own. */
export function devnetOnL1(...options) {
  return ready(start(["dev", "--json", "--port", "0", ...options]));
}

/** The same as `devnet`, run by a command that takes another one at its end. */
export function devnetUnder([program, ...before], ...options) {
  return ready(run(program, [...before, binary(), "dev", "--json", "--port", "0", "--no-l1", ...options]));
}

async function ready(node) {
  const banner = await until(
    "weft dev is ready",
    () => {
      if (node.child.exitCode !== null) throw new Error(`weft ended with ${node.child.exitCode}:\n${node.log()}`);
      const [line, rest] = node.output().split("\n", 2);
      return rest === undefined ? null : JSON.parse(line);
    },
    START_MS,
  );
  const urls = Object.fromEntries(banner.rollups.map(({ chainId, url }) => [chainId, url]));
  for (const id of CHAIN_IDS) {
    const answer = Number(await rpc(urls[id], "eth_chainId"));
    if (answer !== id) throw new Error(`${urls[id]} is chain ${answer}, not ${id}`);
  }
  return { urls, l1: banner.l1, stop: node.stop };
}

/** Starts `weft` with `options`; it ends with the test file, however that ends. */
export function start(options) {
  return run(binary(), options);
}

/** Starts a program that ends with the test file, however that ends. */
export function run(program, options) {
  const child = spawn("bash", ["-c", UNTIL_STDIN_ENDS, "bash", program, ...options]);
  let [output, log] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (log = (log + text).slice(-LOG_CHARACTERS)));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const stop = () => {
    child.stdin.end();
    return ended;
  };
  after(stop);
  return { child, stop, output: () => output, log: () => log };
}

/** Returns the `weft` binary under test. */
export function binary() {
  const path = process.env.WEFT_BIN;
  if (!path) throw new Error("WEFT_BIN is not set; use run.sh");
  return path;
}

/** Calls a JSON-RPC method; throws an `RpcError` for an error response. */
export async function rpc(url, method, ...params) {
  const { body } = await post(url, JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }));
  if (body.error) throw new RpcError(method, body.error);
  return body.result;
}

/** Posts `text` as it is and returns the HTTP status and the decoded response. */
export async function post(url, text) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: text,
  });
  const answer = await response.text();
  return { status: response.status, body: answer === "" ? undefined : JSON.parse(answer) };
}

/** An error response. */
export class RpcError extends Error {
  constructor(method, { code, message, data }) {
    super(`${method}: ${message} (${code})`);
    Object.assign(this, { method, code, reason: message, data });
  }
}

/** Asks again until `ask` returns something other than null or undefined. */
export async function until(what, ask, timeoutMs = 15_000) {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null && answer !== undefined) return answer;
    if (Date.now() > end) throw new Error(`timed out after ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
