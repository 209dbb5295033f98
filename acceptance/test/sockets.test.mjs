// viem and ethers over WebSocket on every rollup, and sends that answer with their receipt (EIP-7966).
import assert from "node:assert/strict";
import { test } from "node:test";
import { Contract, JsonRpcProvider, Wallet, WebSocketProvider } from "ethers";
import { bytesToHex, createPublicClient, parseEther, webSocket } from "viem";
import { sendRawTransactionSync } from "viem/actions";
import { accounts, chains } from "../lib/chain.mjs";
import { WETH9 } from "../lib/code.mjs";
import { CHAIN_IDS, devnet, until } from "../lib/devnet.mjs";

const [viemUser, ethersUser, sender] = accounts;
const chain = chains(await devnet());

for (const id of CHAIN_IDS) {
  const here = chain[id];
  const socket = here.url.replace("http", "ws");

  test(`viem hears about blocks, logs and transactions of ${id}`, async (t) => {
    const weth = await here.deploy(viemUser, WETH9);
    await here.done(weth.hash);
    const client = createPublicClient({ chain: here.definition, transport: webSocket(socket, { reconnect: false }) });
    t.after(async () => (await client.transport.getRpcClient()).close());
    const heard = { blocks: [], logs: [], pending: [] };
    const onError = (error) => assert.fail(error);
    const stops = [
      client.watchBlocks({ onBlock: ({ number }) => heard.blocks.push(number), onError }),
      client.watchContractEvent({ ...weth, abi: WETH9.abi, onLogs: (logs) => heard.logs.push(...logs), onError }),
      client.watchPendingTransactions({ onTransactions: (hashes) => heard.pending.push(...hashes), onError }),
    ];
    // A subscription begins when its answer is there.
    await until("viem is subscribed", async () => {
      const hash = await here.send(viemUser, { to: sender.address, value: 1n });
      await here.done(hash);
      return heard.pending.includes(hash) || null;
    });
    const receipt = await here.done(here.call(viemUser, weth.address, WETH9, "deposit", [], { value: 5n }));
    const log = await until("the log", () => heard.logs[0]);
    assert.deepEqual([log.eventName, log.args.wad, log.blockHash], ["Deposit", 5n, receipt.blockHash]);
    await until("the block", () => heard.blocks.includes(receipt.blockNumber) || null);
    assert.ok(heard.pending.includes(receipt.transactionHash));
    stops.forEach((stop) => stop());
  });

  test(`ethers hears about blocks and events of ${id}`, async (t) => {
    const weth = await here.deploy(ethersUser, WETH9);
    await here.done(weth.hash);
    const provider = new WebSocketProvider(socket);
    t.after(() => provider.destroy());
    const contract = new Contract(weth.address, WETH9.abi, new Wallet(bytesToHex(sender.getHdKey().privateKey), provider));
    const [blocks, events] = [[], []];
    await provider.on("block", (number) => blocks.push(number));
    await contract.on("Deposit", (who, wad) => events.push([who, wad]));
    // Waiting is left to us: ethers looks when a block comes, and empty slots have none (P9).
    const receipt = await here.done((await contract.deposit({ value: 6n })).hash);
    assert.deepEqual(await until("the event", () => events[0]), [sender.address, 6n]);
    await until("the block", () => blocks.includes(Number(receipt.blockNumber)) || null);
  });

  test(`a send on ${id} answers with its receipt`, async () => {
    const before = await here.balance(accounts[9].address);
    const to = accounts[9].address;
    const serializedTransaction = await here.sign(viemUser, { to, value: parseEther("1") });
    const receipt = await sendRawTransactionSync(here.client, { serializedTransaction });
    assert.deepEqual([receipt.status, receipt.gasUsed], ["success", 21_000n]);
    const provider = new JsonRpcProvider(here.url, id, { staticNetwork: true });
    const raw = await here.sign(viemUser, { to, value: 1n });
    const answer = await provider.send("eth_sendRawTransactionSync", [raw]);
    provider.destroy();
    assert.equal(answer.status, "0x1");
    assert.equal(await here.balance(to), before + parseEther("1") + 1n);
  });
}
