// What must hold after every story: I1 conservation, I2 no trace of a failure, I3 receipts everywhere or nowhere.
import assert from "node:assert/strict";
import { COINBASE, CrossChainToken, SYSTEM_SENDER } from "./code.mjs";
import { GENESIS_BALANCE, accounts, slotOf } from "./chain.mjs";
import { CHAIN_IDS } from "./devnet.mjs";

const ETHER = "0x0000000000000000000000000000000000000000";

/** Follows ether and tokens over all rollups of a story. */
export class Ledger {
  #chains;
  #holders;
  #tokens;

  /**
   * `holders`: by chain id, the contracts of the story; the development accounts come on top.
   * `tokens`: tokens that are burned here and minted there, each as `{ chainId: address }`.
   */
  constructor(chains, { holders = {}, tokens = [] } = {}) {
    this.#chains = chains;
    this.#tokens = tokens;
    this.#holders = Object.fromEntries(
      CHAIN_IDS.map((id) => [id, [...accounts.map(({ address }) => address), COINBASE, ...(holders[id] ?? [])]]),
    );
  }

  /** Remembers where things stand. */
  async mark() {
    const entries = CHAIN_IDS.map(async (id) => [id, await this.#stand(id)]);
    return { chains: Object.fromEntries(await Promise.all(entries)), supplies: await this.#supplies() };
  }

  /**
   * I1. A token's supply over all chains is what it was. A rollup's ether is what came in at genesis and since, minus
   * what left, minus burned fees; the ether of all rollups together is that of genesis.
   */
  async conserved({ supplies }) {
    assert.deepEqual(await this.#supplies(), supplies, "token supply over all chains");
    const escrow = await etherEscrow(this.#chains[CHAIN_IDS[0]]);
    let total = 0n;
    for (const id of CHAIN_IDS) {
      const balances = await Promise.all(this.#holders[id].map((address) => this.#chains[id].balance(address)));
      const held = balances.reduce((sum, balance) => sum + balance, 0n);
      assert.equal(held + (await burned(this.#chains[id])), escrow[id], `ether and burned fees of rollup ${id}`);
      total += escrow[id];
    }
    const genesis = GENESIS_BALANCE * BigInt(accounts.length * CHAIN_IDS.length);
    assert.equal(total, genesis, "ether over all rollups");
  }

  /** I2. No account or storage changed; `except` names accounts by chain id that may have changed. */
  async untouched({ chains }, except = {}) {
    for (const id of CHAIN_IDS) {
      const now = await this.#stand(id);
      for (const address of this.#holders[id]) {
        if (address === COINBASE || except[id]?.includes(address)) continue;
        assert.deepEqual(now.accounts[address], chains[id].accounts[address], `account ${address} on ${id}`);
      }
    }
  }

  /** I3, failed: no chain has a receipt of anything since `mark`; `except` lists transactions that may be there. */
  async absent({ chains }, except = []) {
    for (const id of CHAIN_IDS) {
      const blocks = await this.#chains[id].blocksAfter(chains[id].number);
      const found = blocks.flatMap((block) => block.transactions.map(({ hash }) => hash));
      assert.deepEqual(found.filter((hash) => !except.includes(hash)), [], `transactions on ${id}`);
    }
  }

  async #stand(id) {
    const chain = this.#chains[id];
    const number = await chain.client.getBlockNumber();
    const accounts = await Promise.all(
      this.#holders[id].map(async (address) => {
        const proof = await chain.rpc("eth_getProof", address, [], "latest");
        const { balance, nonce, codeHash, storageHash } = proof;
        return [address, { balance: BigInt(balance), nonce: Number(nonce), codeHash, storageHash }];
      }),
    );
    return { number, accounts: Object.fromEntries(accounts) };
  }

  #supplies() {
    return Promise.all(
      this.#tokens.map(async (forms) => {
        const supplies = Object.entries(forms).map(([id, address]) =>
          this.#chains[id].read(address, CrossChainToken, "totalSupply"),
        );
        return (await Promise.all(supplies)).reduce((sum, supply) => sum + supply, 0n);
      }),
    );
  }
}

/**
 * I3, included: a transaction of rollup `home` has a receipt there; returns the receipts, in the same slot, of the system
 * transactions that it caused on `others`.
 */
export async function inboundReceipts(chains, homeId, receipt, others) {
  const home = chains[homeId];
  const block = await home.client.getBlock({ blockHash: receipt.blockHash });
  return Promise.all(
    others.map(async (id) => {
      const inbound = await systemTransactions(chains[id], slotOf(block), receipt.transactionHash);
      assert.equal(inbound.length, 1, `one system transaction of ${receipt.transactionHash} on ${id}`);
      const [{ hash, from, gasPrice, r, s }] = inbound;
      assert.deepEqual([from, gasPrice, BigInt(r), BigInt(s)], [SYSTEM_SENDER, 0n, 0n, 0n]);
      const there = await chains[id].client.getTransactionReceipt({ hash });
      assert.deepEqual([there.status, there.type, there.effectiveGasPrice], ["success", "legacy", 0n]);
      return there;
    }),
  );
}

/** Asserts that transactions are in blocks of the same slot. */
export async function sameSlot(...pairs) {
  const slots = pairs.map(async ([chain, receipt]) =>
    slotOf(await chain.client.getBlock({ blockHash: receipt.blockHash })),
  );
  assert.equal(new Set(await Promise.all(slots)).size, 1, "one slot");
}

/** Returns the ether escrow by chain id. */
export async function etherEscrow(chain) {
  const entries = await chain.rpc("weft_escrow");
  const ether = entries.filter(({ token, originNetwork }) => token === ETHER && Number(originNetwork) === 0);
  return Object.fromEntries(ether.map(({ chainId, balance }) => [Number(chainId), BigInt(balance)]));
}

async function systemTransactions(chain, slot, origin) {
  const blocks = await chain.blocksAfter(0n);
  const block = blocks.find((candidate) => slotOf(candidate) === slot);
  assert.ok(block, `rollup ${chain.id} has a block in the slot`);
  const system = block.transactions.filter(({ from }) => from === SYSTEM_SENDER);
  const receipts = await Promise.all(system.map(({ hash }) => chain.rpc("eth_getTransactionReceipt", hash)));
  return system.filter((_, index) => JSON.stringify(receipts[index].weftOrigin).includes(origin));
}

/** Returns the base fees that a rollup has burned. */
async function burned(chain) {
  let total = 0n;
  for (const { number, baseFeePerGas, transactions } of await chain.blocksAfter(0n)) {
    if (transactions.length === 0) continue;
    const receipts = await chain.rpc("eth_getBlockReceipts", `0x${number.toString(16)}`);
    const paid = receipts.filter(({ from }) => from !== SYSTEM_SENDER);
    total += paid.reduce((sum, { gasUsed }) => sum + BigInt(gasUsed) * baseFeePerGas, 0n);
  }
  return total;
}
