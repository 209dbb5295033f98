// viem, ethers and cast send through `weft shield` as they come from npm: sealed, and nothing changes for them.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { ContractFactory, JsonRpcProvider, Wallet, parseEther as parseEthers } from "ethers";
import { bytesToHex, parseAbi, parseEther } from "viem";
import { Chain, accounts, chains } from "../lib/chain.mjs";
import { WETH9 } from "../lib/code.mjs";
import { A, binary, devnet, rpc, start, until } from "../lib/devnet.mjs";

const CAST = createRequire(import.meta.url).resolve("@foundry-rs/cast-linux-amd64/bin/cast");
const run = promisify(execFile);
const [viemUser, ethersUser, castUser, rich] = accounts;

const node = await devnet("--sealed");
const dir = mkdtempSync(join(tmpdir(), "weft-shield-"));
const file = (name) => join(dir, name);
writeFileSync(file("pass"), "open sesame\n");
const payer = (await run(binary(), ["keys", "new", file("payer"), "--passphrase", file("pass")])).stdout.trim();

// Whoever has ether pays in for the payer.
const behind = chains(node)[A];
const { feeVault } = await rpc(node.urls[A], "weft_getEpoch");
const deposit = await behind.wallet(rich).writeContract({
  address: feeVault,
  abi: parseAbi(["function deposit(address payer) payable"]),
  functionName: "deposit",
  args: [payer],
  value: parseEther("1"),
});
await behind.client.waitForTransactionReceipt({ hash: deposit });

const options = ["--port", "0", "--dir", file("shield"), "--key", file("payer"), "--passphrase", file("pass")];
const shield = start(["shield", "--rpc", node.urls[A], ...options]);
const { url } = await until("the shield is ready", () => {
  const [line, rest] = shield.output().split("\n", 2);
  return rest === undefined ? null : JSON.parse(line);
});
const events = (name) => shield.output().split("\n").filter((line) => line.includes(`"event":"${name}"`));

test("viem deploys, sends, reads and waits", async () => {
  const chain = new Chain(A, url);
  const [client, wallet] = [chain.client, chain.wallet(viemUser)];
  assert.equal(await wallet.getChainId(), A);
  const creation = await client.waitForTransactionReceipt({ hash: await wallet.deployContract(WETH9) });
  assert.equal(creation.status, "success");
  const weth = { address: creation.contractAddress, abi: WETH9.abi };
  const hash = await wallet.writeContract({ ...weth, functionName: "deposit", value: parseEther("2") });
  // Nobody can read it yet, the node included.
  assert.equal(await rpc(node.urls[A], "eth_getTransactionByHash", hash), null);
  assert.equal((await client.waitForTransactionReceipt({ hash })).status, "success");
  const held = await client.readContract({ ...weth, functionName: "balanceOf", args: [viemUser.address] });
  assert.equal(held, parseEther("2"));
});

test("ethers deploys, sends, reads and waits", async (t) => {
  const provider = new JsonRpcProvider(url, undefined, { pollingInterval: 25, cacheTimeout: -1 });
  t.after(() => provider.destroy());
  const wallet = new Wallet(bytesToHex(ethersUser.getHdKey().privateKey), provider);
  const weth = await new ContractFactory(WETH9.abi, WETH9.bytecode, wallet).deploy();
  await weth.waitForDeployment();
  // Two at once: the second one's nonce counts what is sealed.
  const [first, second] = [await weth.deposit({ value: parseEthers("3") }), await weth.deposit({ value: 1n })];
  assert.equal((await first.wait()).status, 1);
  assert.equal((await second.wait()).status, 1);
  assert.equal(await weth.balanceOf(wallet.address), parseEthers("3") + 1n);
});

test("cast deploys, sends, reads and waits", async () => {
  const cast = async (command, ...more) => (await run(CAST, [command, "--rpc-url", url, ...more])).stdout.trim();
  const signer = ["--private-key", bytesToHex(castUser.getHdKey().privateKey), "--json"];
  const created = JSON.parse(await cast("send", ...signer, "--create", WETH9.bytecode));
  assert.equal(created.status, "0x1");
  const weth = created.contractAddress;
  const sent = JSON.parse(await cast("send", ...signer, weth, "deposit()", "--value", "5ether"));
  assert.equal(sent.status, "0x1");
  assert.equal((await cast("call", weth, "balanceOf(address)(uint256)", castUser.address)).split(" ")[0], String(parseEther("5")));
});

test("every transaction was promised before it was answered, and no promise was broken", async () => {
  await until("all are decided", () => (events("decided").length === 7 ? true : null));
  assert.equal(events("promised").length, 7);
  assert.deepEqual(events("alarm"), []);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.match(metrics, /^weft_shield_alarms 0$/m);
  assert.match(metrics, /^weft_shield_included 7$/m);
});
