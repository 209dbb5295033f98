// viem against one rollup, with the few helpers that every story needs.
import {
  TransactionReceiptNotFoundError,
  createPublicClient,
  createWalletClient,
  defineChain,
  encodeDeployData,
  encodeFunctionData,
  getContractAddress,
  http,
  parseEther,
} from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { CHAIN_IDS, rpc, until } from "./devnet.mjs";

const MNEMONIC = "test test test test test test test test test test test junk";
const POLLING_MS = 500;
const GAS_PRICE = 10n ** 11n;
// A call into a rollup with a higher base fee needs a price that covers that one too (P29).
const PRIORITY_FEE = 2n * 10n ** 9n;

/** The ten well-known development accounts. */
export const accounts = Array.from({ length: 10 }, (_, addressIndex) => account(addressIndex));

/** Balance of a development account at genesis. */
export const GENESIS_BALANCE = parseEther("10000");

/** Returns the account of the development mnemonic with this index. */
export function account(addressIndex) {
  return mnemonicToAccount(MNEMONIC, { addressIndex });
}

/** Returns a `Chain` for every rollup of a devnet, by chain id. */
export function chains({ urls }) {
  return Object.fromEntries(CHAIN_IDS.map((id) => [id, new Chain(id, urls[id])]));
}

/** One rollup. Nonces are counted here, so that many transactions can be on their way at once. */
export class Chain {
  #nonces = new Map();

  constructor(id, url) {
    const transport = http(url, { retryCount: 0, timeout: 60_000 });
    this.id = id;
    this.url = url;
    this.definition = defineChain({
      id,
      name: `rollup ${id}`,
      nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
      rpcUrls: { default: { http: [url] } },
    });
    this.client = createPublicClient({ chain: this.definition, transport, pollingInterval: POLLING_MS, cacheTime: 0 });
  }

  /** Returns viem's wallet for `account`. */
  wallet(account) {
    return createWalletClient({
      account,
      chain: this.definition,
      transport: http(this.url, { retryCount: 0, timeout: 60_000 }),
      pollingInterval: POLLING_MS,
      cacheTime: 0,
    });
  }

  rpc(method, ...params) {
    return rpc(this.url, method, ...params);
  }

  read(address, { abi }, functionName, ...args) {
    return this.client.readContract({ address, abi, functionName, args, blockTag: "pending" });
  }

  balance(address) {
    return this.client.getBalance({ address, blockTag: "pending" });
  }

  /** Signs a transaction with the account's next nonce, which it takes; `nonce` leaves the count alone. */
  async sign(account, { nonce, ...transaction }) {
    return account.signTransaction({
      type: "eip1559",
      chainId: this.id,
      nonce: nonce ?? (await this.takeNonce(account)),
      gas: 3_000_000n,
      maxFeePerGas: GAS_PRICE,
      maxPriorityFeePerGas: PRIORITY_FEE,
      value: 0n,
      ...transaction,
    });
  }

  /** Forgets the nonces counted here, after transactions that will not be included. */
  forgetNonces() {
    this.#nonces.clear();
  }

  async takeNonce({ address }) {
    if (!this.#nonces.has(address)) {
      this.#nonces.set(address, this.client.getTransactionCount({ address, blockTag: "pending" }));
    }
    const nonce = this.#nonces.get(address);
    this.#nonces.set(address, nonce.then((count) => count + 1));
    return nonce;
  }

  /** Signs and sends a transaction; returns its hash. */
  async send(account, transaction) {
    return this.rpc("eth_sendRawTransaction", await this.sign(account, transaction));
  }

  /** Sends a call of a contract; returns its hash. */
  call(account, address, contract, functionName, args = [], transaction = {}) {
    return this.send(account, { ...transaction, to: address, data: encode(contract, functionName, args) });
  }

  /** Sends a creation; returns the address and the hash. */
  async deploy(account, { abi, bytecode }, ...args) {
    const nonce = await this.takeNonce(account);
    const hash = await this.send(account, { nonce, gas: 8_000_000n, data: encodeDeployData({ abi, bytecode, args }) });
    return { hash, address: getContractAddress({ from: account.address, nonce: BigInt(nonce) }) };
  }

  /**
   * Waits for a receipt; says what became of a transaction that gets none. viem's own waiting looks only when a block
   * appears and can miss one while it looks: with short polling it hangs where empty slots have no blocks (P9).
   */
  async receipt(hash) {
    const look = () => this.client.getTransactionReceipt({ hash }).catch(notFoundYet);
    return until(`receipt of ${hash} on ${this.id}`, look).catch(async (error) => {
      const { siblings, ...known } = (await this.rpc("weft_getOutcome", hash)) ?? {};
      throw new Error(`${error.message}; outcome ${JSON.stringify(known)}`);
    });
  }

  /** Waits for a transaction and insists that it succeeded. */
  async done(hash) {
    const receipt = await this.receipt(await hash);
    if (receipt.status !== "success") throw new Error(`transaction ${receipt.transactionHash} reverted on ${this.id}`);
    return receipt;
  }

  /** Returns the last closed block. */
  head() {
    return this.client.getBlock({ blockTag: "latest", includeTransactions: true });
  }

  /** Returns the blocks after block `number`, up to the last closed one. */
  async blocksAfter(number) {
    const last = await this.client.getBlockNumber();
    const numbers = Array.from({ length: Number(last - number) }, (_, index) => number + 1n + BigInt(index));
    return Promise.all(
      numbers.map((blockNumber) => this.client.getBlock({ blockNumber, includeTransactions: true })),
    );
  }
}

/** Returns the call data for a function of a contract. */
export function encode({ abi }, functionName, args = []) {
  return encodeFunctionData({ abi, functionName, args });
}

/** Returns what identifies the slot of a block: its header carries the hash of the slot header (P9). */
export function slotOf(block) {
  return block.parentBeaconBlockRoot;
}

function notFoundYet(error) {
  if (error instanceof TransactionReceiptNotFoundError) return null;
  throw error;
}
