// Seal and send in one call: the key is checked before it is sealed to, the promise before the call returns (P13, P14).
import { type Address, type Hex, parseTransaction } from "viem";
import type { Realm } from "../realm.js";
import { RefusedError } from "../rpc.js";
import { type Signer, addressOf } from "../signer.js";
import { type Committee, checkCommittee } from "./committee.js";
import { gasFor, sizeFor } from "./envelope.js";
import { KeyList } from "./keys.js";
import { signEnvelope } from "./payer.js";
import { bundlePlaintext, transactionPlaintext } from "./plaintext.js";
import type { SealedBundle } from "./plaintext.js";
import { type SealedPart, partPlaintext } from "./parts.js";
import { type BundlePromise, type OrderPromise, SECTION, readBundlePromise, readOrderPromise } from "../promise.js";
import { EpochSealer } from "./schemes.js";
import { FalseClaimError } from "./seal.js";
import { RSA_2048, Setup } from "./setup.js";

const NOT_TAKEN = -38020;
/** Refusals that another epoch or slot may lift. */
const PASSING = ["NoKey", "OtherEpoch", "OtherList", "Expired", "TooLate", "EpochFull", "SlotFull"];
const LOOK_AGAIN_MS = 100;
/** A thousandth of an ether. */
const MAX_FEE_WEI = 10n ** 15n;

/** The key of an epoch, every share checked, with what carriage costs. */
export interface SealingKey {
  list: KeyList;
  epoch: bigint;
  /** Slots in which items sealed to it are ordered. */
  firstSlot: bigint;
  lastSlot: bigint;
  /** When the order has to stand, in milliseconds since the Unix epoch. */
  closeAt: bigint;
  /** Network where deposits lie. */
  home: number;
  weiPerByte: bigint;
  weiPerGas: bigint;
}

/** What is sealed: a signed transaction, a signed bundle with the gas that its legs declare, or one part of a bundle of several users. */
export type SealedContent = { raw: Hex } | { bundle: SealedBundle; gas: bigint } | { part: SealedPart };

/** Terms of `sealAndSend`. */
export interface SealingTerms {
  /** Most that carriage may cost; by default a thousandth of an ether. */
  maxFeeWei?: bigint;
  /** Key that must sign the promise; by default the one that the node names. */
  promiseKey?: Address;
  /** Name that the key list must have, as somebody whom you trust says it: its shares are not checked again. */
  keyList?: Hex;
  /** Whose shares must make the key, and how long it must stay shut; without it the node is trusted to have said the truth. */
  committee?: Committee;
  /** How long to try again in the next epoch, while there is no key or no room; by default 20 s. */
  patienceMs?: number;
}

/** A sealed item with a promised position, which was checked. */
export interface Promised {
  /** Hash of the envelope: `weft_getOutcome` takes it. */
  item: Hex;
  promise: OrderPromise;
  /** The signed promise, for evidence. */
  encoding: Hex;
  envelope: Hex;
  /** The payer's signature over the envelope's hash: who has it may ask for the promise of a bundle. */
  signature: Hex;
}

interface ListAnswer {
  id: Hex;
  list: Hex;
  setup: Hex;
  firstSlot: number;
  lastSlot: number;
  closeAt: number;
  signatures?: Record<number, Hex>;
}

interface EpochAnswer {
  home: number;
  weiPerByte: string;
  weiPerGas: string;
}

const lists = new Map<Hex, KeyList>();

/** Returns the key of an epoch, by default of the open one; undefined when it has none. Takes some tens of milliseconds a member. */
export async function sealingKey(
  realm: Realm,
  { epoch, keyList, committee }: { epoch?: bigint; keyList?: Hex; committee?: Committee } = {},
): Promise<SealingKey | undefined> {
  const params = epoch === undefined ? [] : [Number(epoch)];
  const answer = await realm.request<ListAnswer | null>("weft_keyList", ...params);
  if (!answer) return undefined;
  const list = checked(realm, answer, keyList);
  if (epoch !== undefined && list.epoch !== epoch) throw new FalseClaimError(`a key of epoch ${list.epoch}`);
  if (committee) await checkCommittee(committee, list, answer.signatures ?? {});
  const { home, weiPerByte, weiPerGas } = await realm.request<EpochAnswer>("weft_getEpoch", ...params);
  return {
    list,
    epoch: list.epoch,
    firstSlot: BigInt(answer.firstSlot),
    lastSlot: BigInt(answer.lastSlot),
    closeAt: BigInt(answer.closeAt),
    home: realm.rollup(home).network,
    weiPerByte: BigInt(weiPerByte),
    weiPerGas: BigInt(weiPerGas),
  };
}

/** Reads a key list once: its name is a hash of all shares. */
function checked(realm: Realm, answer: ListAnswer, keyList: Hex | undefined): KeyList {
  const known = lists.get(answer.id);
  if (known && (keyList === undefined || keyList.toLowerCase() === known.id)) return known;
  const setup = Setup.decode(answer.setup);
  // Whoever made another modulus may know its factors, and read everything.
  if (setup.group.modulus !== RSA_2048) throw new FalseClaimError("the setup has another modulus than RSA-2048");
  const list = KeyList.decode(setup, realm.domain, answer.list, keyList === undefined ? {} : { id: keyList });
  if (list.id !== answer.id) throw new FalseClaimError(`the node names key list ${answer.id} and shows ${list.id}`);
  lists.clear();
  lists.set(list.id, list);
  return list;
}

/**
 * Seals to the open epoch and sends; returns with the checked promise of the position. An epoch that ended in between is
 * tried again with the next one; a part of a bundle waits for its own, and throws when that is over. Throws `RefusedError` by the node, `FalseClaimError` when it takes the envelope and
 * promises nothing, or something else.
 */
export async function sealAndSend(
  realm: Realm,
  payer: Signer,
  content: SealedContent,
  terms: SealingTerms = {},
): Promise<Promised> {
  const deadline = Date.now() + (terms.patienceMs ?? 20_000);
  const promiseKey = terms.promiseKey ?? (await realm.request<{ key: Address }>("weft_getPromiseKey")).key;
  for (;;) {
    const { keyList, committee } = terms;
    const key = await sealingKey(realm, { ...(keyList && { keyList }), ...(committee && { committee }) });
    let last: unknown = new FalseClaimError("the open epoch has no key");
    const named = "part" in content ? content.part.bundle.epoch : key?.epoch;
    if (key && key.epoch !== named) {
      last = new RangeError(`the bundle can run in epoch ${named} alone, and epoch ${key.epoch} is open`);
      if (named! < key.epoch) throw last;
    } else if (key) {
      try {
        return await sendTo(realm, key, payer, content, promiseKey, terms.maxFeeWei ?? MAX_FEE_WEI);
      } catch (error) {
        if (!isPassing(error)) throw error;
        last = error;
      }
    }
    if (Date.now() >= deadline) throw last;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

/** What `promiseBundle` may be told. */
export interface BundleTerms {
  /** Order promises of the others, encoded; the node needs them where it started since it gave them. */
  orders?: Hex[];
  /** Key that must sign; by default the one that the node names. */
  promiseKey?: Address;
}

/**
 * Has the positions of sealed items promised together, while their epoch is open: those of `own`, whose payer asks, and of the
 * others, by their hashes. Throws `RefusedError` with the reason of the node, `FalseClaimError` when it promises something else.
 */
export async function promiseBundle(
  realm: Realm,
  own: Promised,
  others: Hex[],
  { orders, promiseKey }: BundleTerms = {},
): Promise<{ promise: BundlePromise; encoding: Hex }> {
  const key = promiseKey ?? (await realm.request<{ key: Address }>("weft_getPromiseKey")).key;
  const items = [own.item, ...others];
  const known = [own.encoding, ...(orders ?? [])];
  const { encoding } = await realm.request<{ encoding: Hex }>("weft_promiseBundle", items, own.signature, known);
  const promise = await readBundlePromise(realm.domain, encoding, key);
  const wanted = [...new Set(items.map((item) => item.toLowerCase()))].sort();
  const named = promise.places.map(({ item }) => item.toLowerCase()).sort();
  if (named.length !== wanted.length || named.some((item, at) => item !== wanted[at])) {
    throw new FalseClaimError("the node promises other envelopes");
  }
  return { promise, encoding };
}

async function sendTo(
  realm: Realm,
  key: SealingKey,
  payer: Signer,
  content: SealedContent,
  promiseKey: Address,
  maxFeeWei: bigint,
): Promise<Promised> {
  const [plaintext, declared] = plaintextOf(realm, content);
  const [size, gas] = [sizeFor((plaintext.length - 2) / 2), gasFor(declared)];
  const fee = key.weiPerByte * (256n << BigInt(size)) + key.weiPerGas * (32_768n << BigInt(gas));
  if (fee > maxFeeWei) throw new RangeError(`carriage may cost ${fee} wei, over the ${maxFeeWei} agreed to`);
  const carriage = {
    payer: addressOf(payer),
    deposit: key.home,
    epoch: key.epoch,
    validUntil: key.lastSlot,
    size,
    gas,
    maxFeeWei: fee,
  };
  const sealed = new EpochSealer(key.list).seal(carriage, plaintext);
  const { id, envelope, signature } = await signEnvelope(realm.domain, sealed, payer);
  const answer = await realm.request<{ item: Hex; promise?: { encoding: Hex } }>("weft_sendSealed", envelope, signature);
  if (answer.item !== id) throw new FalseClaimError(`the node ordered ${answer.item}, not ${id}`);
  if (!answer.promise) throw new FalseClaimError("the node gives no promise");
  const { encoding } = answer.promise;
  const promise = await readOrderPromise(realm.domain, encoding, promiseKey);
  if (promise.item !== id || promise.section !== SECTION.sealed) {
    throw new FalseClaimError(`the node promises a position to ${promise.item}, not to ${id}`);
  }
  return { item: id, promise, encoding, envelope, signature };
}

function plaintextOf(realm: Realm, content: SealedContent): [Hex, bigint] {
  if ("bundle" in content) return [bundlePlaintext(content.bundle), content.gas];
  if ("part" in content) {
    const { gas } = parseTransaction(content.part.leg.raw);
    if (gas === undefined) throw new FalseClaimError("the transaction names no gas");
    return [partPlaintext(content.part), gas];
  }
  const { chainId, gas } = parseTransaction(content.raw);
  if (chainId === undefined || gas === undefined) throw new FalseClaimError("the transaction names no chain or no gas");
  return [transactionPlaintext({ network: realm.rollup(chainId).network, raw: content.raw }), gas];
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof RefusedError) || error.code !== NOT_TAKEN) return false;
  const name = (error.data as { name?: string } | undefined)?.name;
  return name !== undefined && PASSING.includes(name);
}
