// Bundles: legs on several rollups that are included together or not at all.
import {
  type Abi,
  type Address,
  type ContractFunctionArgs,
  type ContractFunctionName,
  type Hash,
  type Hex,
  type TransactionReceipt,
  TransactionReceiptNotFoundError,
  encodeFunctionData,
} from "viem";
import { Nonces, feesOf, gasOf } from "./gas.js";
import { bundleId, markerList, withSuffix } from "./marker.js";
import { type Included, NotIncludedError, type Outcome, type WaitOptions, poll, waitForOutcome } from "./outcome.js";
import type { Realm, Rollup } from "./realm.js";
import { request } from "./rpc.js";
import { type Signer, SignerError, accountOf, addressOf, localAccount, randomSalt } from "./signer.js";
import { chainsOfWallets, sendByWallet } from "./wallet.js";

const CREATE2_DEPLOYER = "0x4e59b44847b379578588920ca78fbf26c0b4956c";
const MAX_LEGS = 64;

/** Where a leg's marker goes (P18). */
export type MarkerKind = "suffix" | "accessList";

/** A transaction of a bundle. */
export interface Leg {
  chainId: number;
  account: Signer;
  /** Absent in a creation. */
  to?: Address | undefined;
  value?: bigint | undefined;
  data?: Hex | undefined;
  /** True when the bundle stands even if this leg reverts. */
  mayRevert?: boolean | undefined;
  /** Gas limit; estimated when absent. */
  gas?: bigint | undefined;
  /** Where the marker goes; where it harms least when absent. */
  marker?: MarkerKind | undefined;
}

/** A call of a contract as a leg. */
export type CallLeg<
  abi extends Abi | readonly unknown[],
  name extends ContractFunctionName<abi, "nonpayable" | "payable">,
> = Omit<Leg, "to" | "data"> & {
  abi: abi;
  address: Address;
  functionName: name;
  args?: ContractFunctionArgs<abi, "nonpayable" | "payable", name>;
};

/** Settings of `bundle`. */
export interface BundleOptions {
  /** Distinguishes bundles that are otherwise the same; random when absent. */
  salt?: Hex;
}

/** A leg as `weft_sendBundle` takes it. */
export interface SignedLeg {
  chainId: number;
  raw: Hex;
  mayRevert: boolean;
}

/** The bundle cannot be built from what was given. */
export class InvalidBundleError extends Error {
  override readonly name = "InvalidBundleError";
}

/** What `weft_simulateBundle` answers. */
export interface BundleSimulation {
  bundleId: Hex;
  included: boolean;
  hops: number;
  legs: { chainId: Hex; txHash: Hash; ran: boolean; success?: boolean; gasUsed?: Hex; output?: Hex }[];
  cause?: string;
  reason?: string;
  leg?: number;
  revertData?: Hex;
}

/** Starts a bundle. */
export function bundle(realm: Realm, { salt = randomSalt() }: BundleOptions = {}): Bundle {
  return new Bundle(realm, salt);
}

/** A bundle that is being built: legs run in the order in which they are added. */
export class Bundle {
  readonly #legs: Leg[] = [];
  readonly #errors: Abi[number][] = [];

  constructor(
    readonly realm: Realm,
    readonly salt: Hex,
  ) {}

  /** Legs so far. */
  get legs(): readonly Leg[] {
    return this.#legs;
  }

  /** Adds a transfer, creation, or call with ready-made data. */
  leg(leg: Leg): this {
    this.realm.rollup(leg.chainId);
    accountOf(leg.account);
    if (!leg.to && !leg.data) throw new InvalidBundleError("a leg needs a receiver or the code that it creates");
    if (!leg.to && leg.marker === "suffix") throw new InvalidBundleError("a creation is marked by its access list");
    if (this.#legs.length === MAX_LEGS) throw new InvalidBundleError(`a bundle has at most ${MAX_LEGS} legs`);
    this.#legs.push(leg);
    return this;
  }

  /** Adds a typed call. The errors in `abi` are decoded if the bundle is removed. */
  call<
    const abi extends Abi | readonly unknown[],
    name extends ContractFunctionName<abi, "nonpayable" | "payable">,
  >(call: CallLeg<abi, name>): this {
    const { abi, address, functionName, args, ...leg } = call;
    const data = encodeFunctionData({ abi, functionName, args } as never);
    this.leg({ ...leg, to: address, data });
    this.#errors.push(...(abi as Abi).filter((entry) => entry.type === "error"));
    return this;
  }

  /** Signs every leg; all accounts must have their keys here. */
  async sign(): Promise<SignedBundle> {
    this.#notEmpty();
    const kinds = await Promise.all(this.#legs.map((leg) => this.#markerKind(leg)));
    const id = bundleId(this.#legs.map((leg) => this.#shape(leg)), {
      domain: this.realm.domain,
      salt: this.salt,
      level: 0,
    });
    const nonces = new Nonces();
    const legs: SignedLeg[] = [];
    for (const [index, leg] of this.#legs.entries()) legs.push(await this.#signLeg(leg, kinds[index]!, id, nonces));
    return new SignedBundle(this.realm, id, this.salt, legs, this.#errors);
  }

  /** Signs and sends; wallets that sign elsewhere are asked leg by leg, and the node holds their legs meanwhile. */
  async send(): Promise<SentBundle> {
    this.#notEmpty();
    if (this.#legs.every((leg) => localAccount(leg.account))) return (await this.sign()).send();
    return this.#sendByWallets();
  }

  #notEmpty(): void {
    if (this.#legs.length === 0) throw new InvalidBundleError("a bundle needs a leg");
  }

  #shape({ chainId, account, to, value = 0n, data = "0x", mayRevert = false }: Leg) {
    const { network } = this.realm.rollup(chainId);
    return { network, sender: addressOf(account), to, value, data, mayRevert };
  }

  async #markerKind({ chainId, to, data = "0x", marker }: Leg): Promise<MarkerKind> {
    if (!to || to.toLowerCase() === CREATE2_DEPLOYER) return "accessList";
    if (marker || data !== "0x") return marker ?? "suffix";
    const code = await this.realm.rollup(chainId).client.getCode({ address: to, blockTag: "pending" });
    return code ? "accessList" : "suffix";
  }

  async #signLeg(leg: Leg, kind: MarkerKind, id: Hex, nonces: Nonces): Promise<SignedLeg> {
    const { chainId, to, value = 0n, data = "0x", mayRevert = false } = leg;
    const account = localAccount(leg.account);
    if (!account) throw new SignerError(`the wallet of ${addressOf(leg.account)} signs elsewhere; use send()`);
    const rollup = this.realm.rollup(chainId);
    const body = { value, data: kind === "suffix" ? withSuffix(data, id) : data };
    const list = kind === "accessList" ? { accessList: markerList(id) } : {};
    const gas = leg.gas ?? (await gasOf(rollup, { from: account.address, to, ...body, ...list }));
    const rest = { gas, nonce: await nonces.take(rollup, account.address), ...(await feesOf(rollup)) };
    const receiver = to ? { to } : {};
    const raw = await account.signTransaction({ type: "eip1559", chainId, ...receiver, ...body, ...list, ...rest });
    return { chainId, raw, mayRevert };
  }

  async #sendByWallets(): Promise<SentBundle> {
    const legs = this.#legs.map(({ chainId, account, to, value = 0n, data = "0x", mayRevert = false, marker }) => ({
      chainId,
      from: addressOf(account),
      to: to ?? null,
      value: `0x${value.toString(16)}`,
      data,
      mayRevert,
      ...(marker && to ? { marker } : {}),
    }));
    const prepared = await this.realm.request<Prepared>("weft_prepareBundle", { salt: this.salt, legs });
    const nonces = new Nonces();
    const hashes: Hash[] = [];
    const restore = await chainsOfWallets(this.#legs.map(({ account }) => account));
    try {
      for (const [index, leg] of this.#legs.entries()) {
        hashes.push(await this.#sendLeg(leg, prepared.legs[index]!, nonces));
      }
    } finally {
      await restore();
    }
    return new SentBundle(this.realm, prepared.bundleId, hashes, this.#errors);
  }

  async #sendLeg(leg: Leg, { data, accessList }: PreparedLeg, nonces: Nonces): Promise<Hash> {
    const rollup = this.realm.rollup(leg.chainId);
    const from = addressOf(leg.account);
    const draft = { from, to: leg.to, value: leg.value ?? 0n, data, accessList };
    const gas = leg.gas ?? (await gasOf(rollup, draft));
    const rest = { gas, nonce: await nonces.take(rollup, from), ...(await feesOf(rollup)) };
    const body = { to: leg.to ?? null, value: draft.value, data, ...(accessList ? { accessList } : {}), ...rest };
    const local = localAccount(leg.account);
    if (!local) return sendByWallet(leg.account, rollup, body);
    const raw = await local.signTransaction({ type: "eip1559", chainId: leg.chainId, ...body });
    return request(rollup.client, "eth_sendRawTransaction", [raw]);
  }
}

interface PreparedLeg {
  data: Hex;
  accessList?: { address: Address; storageKeys: Hex[] }[];
}

interface Prepared {
  bundleId: Hex;
  legs: PreparedLeg[];
}

/** A bundle with all signatures. Sending it twice is refused, so a request that got no answer can be repeated. */
export class SignedBundle {
  constructor(
    readonly realm: Realm,
    readonly id: Hex,
    readonly salt: Hex,
    readonly legs: readonly SignedLeg[],
    readonly errors: Abi,
  ) {}

  /** Runs the bundle on the pending state of all rollups and forgets it. */
  simulate(): Promise<BundleSimulation> {
    return this.realm.request("weft_simulateBundle", this.#body());
  }

  /** Hands the bundle to the sequencer. */
  async send(): Promise<SentBundle> {
    const answer = await this.realm.request<{ bundleId: Hex; txHashes: Hash[] }>("weft_sendBundle", this.#body());
    if (answer.bundleId !== this.id) {
      throw new InvalidBundleError(`the node calls the bundle ${answer.bundleId}, its markers say ${this.id}`);
    }
    return new SentBundle(this.realm, this.id, answer.txHashes, this.errors);
  }

  #body() {
    return { salt: this.salt, legs: this.legs };
  }
}

/** A bundle that is on its way. */
export class SentBundle {
  constructor(
    readonly realm: Realm,
    readonly id: Hex,
    /** Transactions of the legs, in order. */
    readonly hashes: readonly Hash[],
    readonly errors: Abi,
  ) {}

  /** Waits until it is decided what becomes of the bundle. */
  outcome(options?: WaitOptions): Promise<Outcome> {
    return waitForOutcome(this.realm, this.id, options);
  }

  /** Waits until the bundle is included; throws `NotIncludedError` when it is removed or dropped. */
  async wait(options?: WaitOptions): Promise<Included> {
    const outcome = await this.outcome(options);
    if (outcome.outcome !== "included") throw new NotIncludedError(outcome, this.errors);
    return outcome;
  }

  /** Waits until the bundle is included and its blocks are closed; returns a receipt for every leg, in order. */
  async receipts(options: WaitOptions = {}): Promise<TransactionReceipt[]> {
    const { siblings } = await this.wait(options);
    const receipt = ({ chainId, txHash }: { chainId: number; txHash: Hash }) =>
      poll(() => receiptOf(this.realm.rollup(chainId), txHash), txHash, options);
    return Promise.all(siblings.map(receipt));
  }
}

/** Returns a receipt, or null as long as there is none. */
export function receiptOf({ client }: Rollup, hash: Hash): Promise<TransactionReceipt | null> {
  return client.getTransactionReceipt({ hash }).catch((error: unknown) => {
    if (error instanceof TransactionReceiptNotFoundError) return null;
    throw error;
  });
}
