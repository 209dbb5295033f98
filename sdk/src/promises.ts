// What a node says was promised, checked against a key that the caller trusts (P14).
import type { Address, Hex } from "viem";
import { FalseClaimError } from "./claim.js";
import type { Domain } from "./marker.js";
import { type ExecutionPromise, type OrderPromise, type Statement, readExecutionPromise, readOrderPromise } from "./promise.js";
import type { Realm } from "./realm.js";

/** A promise whose encoding, realm, path and signature were checked. */
export interface CheckedPromise<S extends Statement> {
  promise: S;
  key: Address;
  /** The signed promise: what counts as evidence, and what `weft verify-promise` wants as `encoding`. */
  encoding: Hex;
}

/** Promises about one item. Either may come later than the other, the result after the position as a rule. */
export interface Promises {
  /** It has this place in the order. */
  order: CheckedPromise<OrderPromise> | undefined;
  /** It was executed with this result. */
  execution: CheckedPromise<ExecutionPromise> | undefined;
  /** Whether one of them names what was asked about. */
  named: boolean;
}

/** The key that signs promises, as the node tells it: compare it with the one that you know. */
export interface PromiseKey {
  key: Address;
  /** Whether it signs now, and why not. */
  signing: boolean;
  stopped: string | null;
}

interface Told {
  order: { encoding: Hex } | null;
  execution: { encoding: Hex } | null;
}

/** Returns the key that the node says promises are signed with. */
export function getPromiseKey(realm: Realm): Promise<PromiseKey> {
  return realm.request("weft_getPromiseKey");
}

/**
 * Returns what `key` promised about an item, transaction or bundle; null when the node knows of nothing. The words beside
 * the encoding are not read. Throws `EncodingError` or `FalseClaimError` when a promise binds nobody, or not about this.
 *
 * Both are about the same item. A promise of a position names items and bundles, one of a result items and transactions.
 * Where both are there, one must name `id`; while there is one alone, `named` tells whether it does. The item of a single
 * transaction is `itemHash`, which both name.
 */
export async function getPromises(realm: Realm, id: Hex, key: Address): Promise<Promises | null> {
  const told = await realm.request<Told | null>("weft_getPromise", id);
  if (!told) return null;
  const order = await checked(readOrderPromise, realm, told.order, key);
  const execution = await checked(readExecutionPromise, realm, told.execution, key);
  const named = names(order?.promise, execution?.promise).includes(id.toLowerCase() as Hex);
  const areOne = !order || !execution || (named && order.promise.item === execution.promise.item);
  if (areOne) return { order, execution, named };
  throw new FalseClaimError(`the node shows promises about something else than ${id}`);
}

async function checked<S extends Statement>(
  read: (domain: Domain, input: Hex, key: Address) => Promise<S>,
  { domain }: Realm,
  told: { encoding: Hex } | null,
  key: Address,
): Promise<CheckedPromise<S> | undefined> {
  return told ? { promise: await read(domain, told.encoding, key), key, encoding: told.encoding } : undefined;
}

function names(order: OrderPromise | undefined, execution: ExecutionPromise | undefined): (Hex | undefined)[] {
  return [order?.item, order?.bundle, execution?.item, ...(execution?.legs.map(({ txHash }) => txHash) ?? [])];
}
