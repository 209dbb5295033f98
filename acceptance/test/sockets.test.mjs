// Every client over WebSocket on every rollup, and sends that answer with their receipt (EIP-7966).
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEther } from "viem";
import { accounts, chains } from "../lib/chain.mjs";
import { CLIENTS } from "../lib/clients.mjs";
import { WETH9 } from "../lib/code.mjs";
import { CHAIN_IDS, devnet, until } from "../lib/devnet.mjs";

const ENOUGH = 3;
const [user, sender, friend] = accounts;
const chain = chains(await devnet());
const stories = CHAIN_IDS.flatMap((id) => Object.keys(CLIENTS).map((name) => [name, chain[id]]));

for (const [name, here] of stories) {
  test(`${name} hears about logs of ${here.id}`, async (t) => {
    const client = CLIENTS[name](here, t);
    const weth = await client.deploy(user, WETH9);
    const heard = await client.listen(weth, WETH9, "Deposit");
    // A subscription begins when its answer is there, of which clients do not tell.
    let value = 0n;
    await until("logs", async () => {
      await client.write(user, weth, WETH9, "deposit", [], { value: ++value });
      return heard.length >= ENOUGH || null;
    });
    const first = heard[0][1];
    assert.deepEqual(heard, heard.map((_, index) => [user.address, first + BigInt(index)]));
  });

  if (name !== "cast") {
    test(`${name} hears about blocks and transactions of ${here.id}`, async (t) => {
      const client = CLIENTS[name](here, t);
      const [heads, pending, sent] = [await client.heads(), await client.pending(), []];
      await until("blocks and transactions", async () => {
        sent.push((await client.send(sender, { to: friend.address, value: 1n })).hash);
        return (heads.length >= ENOUGH && pending.length >= ENOUGH) || null;
      });
      const first = sent.indexOf(pending[0]);
      assert.deepEqual(pending, sent.slice(first, first + pending.length));
      assert.deepEqual(heads, heads.map((_, index) => heads[0] + BigInt(index)));
      assert.ok((await here.client.getBlock({ blockNumber: heads.at(-1) })).hash);
    });
  }

  test(`a send by ${name} on ${here.id} answers with its receipt`, async (t) => {
    const client = CLIENTS[name](here, t);
    const before = await here.balance(friend.address);
    const { succeeded, gasUsed, hash } = await client.sendSync(sender, { to: friend.address, value: parseEther("1") });
    assert.deepEqual([succeeded, gasUsed], [true, 21_000n]);
    assert.equal(await here.balance(friend.address), before + parseEther("1"));
    assert.equal((await here.done(hash)).transactionHash, hash);
  });
}
