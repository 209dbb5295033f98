// What must hold after every story: I1 conservation, I2 no trace of a failure, I3 receipts everywhere or nowhere.
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { BEACON_ROOTS, COINBASE, CrossChainToken, DEAD_REGISTRY, HISTORY_STORAGE, SYSTEM_SENDER } from "./code.mjs";
import { GENESIS_BALANCE, accounts, slotOf } from "./chain.mjs";
import { CHAIN_IDS } from "./devnet.mjs";

// Predeploys of the system: they change with every block, whatever happens in it.
const SYSTEM = [SYSTEM_SENDER, COINBASE, DEAD_REGISTRY, HISTORY_STORAGE, BEACON_ROOTS];
const ETHER = "0x0000000000000000000000000000000000000000";

/** Follows every account of all rollups, and tokens that are burned here and minted there. */
export class Ledger {
  #chains;
  #tokens;

  /** Each of `tokens` is `{ chainId: address }`, the forms of one token. */
  constructor(chains, tokens = []) {
    this.#chains = chains;
    this.#tokens = tokens;
  }

  /** Remembers where things stand. */
  async mark() {
    const { chains } = await this.#dump();
    const numbers = await Promise.all(CHAIN_IDS.map((id) => this.#chains[id].client.getBlockNumber()));
    return {
      accounts: Object.fromEntries(chains.map(({ chainId, accounts }) => [chainId, lowerCaseKeys(accounts)])),
      numbers: Object.fromEntries(CHAIN_IDS.map((id, index) => [id, numbers[index]])),
      supplies: await this.#supplies(),
    };
  }

  /**
   * I1. A token's supply over all chains is what it was. A rollup's ether is what came in at genesis and since, minus
   * what left, minus burned fees; the ether of all rollups together is that of genesis.
   */
  async conserved({ supplies }) {
    assert.deepEqual(await this.#supplies(), supplies, "token supply over all chains");
    const { chains } = await this.#dump();
    const escrow = await etherEscrow(this.#chains[CHAIN_IDS[0]]);
    for (const { chainId, accounts } of chains) {
      const balances = Object.values(accounts).map(({ balance }) => BigInt(balance));
      assert.equal(sum(balances) + (await burned(this.#chains[chainId])), escrow[chainId], `ether of ${chainId}`);
    }
    const genesis = GENESIS_BALANCE * BigInt(accounts.length * CHAIN_IDS.length);
    assert.equal(sum(Object.values(escrow)), genesis, "ether over all rollups");
  }

  /** I2. No account and no storage changed; `except` names accounts by chain id that may have changed. */
  async untouched(mark, except = {}) {
    const now = await this.mark();
    for (const id of CHAIN_IDS) {
      const excepted = [...SYSTEM, ...(except[id] ?? []).map((address) => address.toLowerCase())];
      const touched = Object.keys({ ...mark.accounts[id], ...now.accounts[id] }).filter(
        (address) => !isDeepStrictEqual(now.accounts[id][address], mark.accounts[id][address]),
      );
      assert.deepEqual(touched.filter((address) => !excepted.includes(address)), [], `accounts changed on ${id}`);
    }
  }

  /** I3, failed: no chain has a receipt of anything since `mark`; `except` lists transactions that may be there. */
  async absent({ numbers }, except = []) {
    for (const id of CHAIN_IDS) {
      const blocks = await this.#chains[id].blocksAfter(numbers[id]);
      const found = blocks.flatMap((block) => block.transactions.map(({ hash }) => hash));
      assert.deepEqual(found.filter((hash) => !except.includes(hash)), [], `transactions on ${id}`);
    }
  }

  #dump() {
    return this.#chains[CHAIN_IDS[0]].rpc("weft_dumpState");
  }

  #supplies() {
    const supply = ([id, address]) => this.#chains[id].read(address, CrossChainToken, "totalSupply");
    const total = async (forms) => sum(await Promise.all(Object.entries(forms).map(supply)));
    return Promise.all(this.#tokens.map(total));
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
  const ether = entries.filter(({ token, tokenNetwork }) => token === ETHER && tokenNetwork === 0);
  return Object.fromEntries(ether.map(({ chainId, balance }) => [chainId, BigInt(balance)]));
}

async function systemTransactions(chain, slot, origin) {
  const blocks = await chain.blocksAfter(0n);
  const block = blocks.find((candidate) => slotOf(candidate) === slot);
  assert.ok(block, `rollup ${chain.id} has a block in the slot`);
  const system = block.transactions.filter(({ from }) => from === SYSTEM_SENDER);
  const receipts = await Promise.all(system.map(({ hash }) => chain.rpc("eth_getTransactionReceipt", hash)));
  return system.filter((_, index) => receipts[index].weftOrigin.txHash === origin);
}

/** Returns the base fees that a rollup has burned. */
async function burned(chain) {
  let total = 0n;
  for (const { number, baseFeePerGas, transactions } of await chain.blocksAfter(0n)) {
    if (transactions.length === 0) continue;
    const receipts = await chain.rpc("eth_getBlockReceipts", `0x${number.toString(16)}`);
    const paid = receipts.filter(({ from }) => from !== SYSTEM_SENDER);
    total += sum(paid.map(({ gasUsed }) => BigInt(gasUsed))) * baseFeePerGas;
  }
  return total;
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0n);
}

function lowerCaseKeys(object) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key.toLowerCase(), value]));
}
