// Nonce, gas and fees of legs: what a wallet would choose.
import { type AccessList, type Address, type Hex, BaseError, InsufficientFundsError } from "viem";
import type { Rollup } from "./realm.js";

/** Gas of a leg that cannot be estimated, because it needs what an earlier leg does. */
export const GAS_UNKNOWN = 3_000_000n;

/** A transaction as far as its sender decided. */
export interface Draft {
  from: Address;
  to?: Address | null | undefined;
  value: bigint;
  data: Hex;
  accessList?: AccessList | undefined;
}

/** Fees of an EIP-1559 transaction. */
export interface Fees {
  maxFeePerGas: bigint;
  maxPriorityFeePerGas: bigint;
}

/** Returns a gas limit with room for what earlier legs change. */
export async function gasOf({ client }: Rollup, { from, to, value, data, accessList }: Draft): Promise<bigint> {
  const call = { account: from, to: to ?? null, value, data, blockTag: "pending" as const };
  try {
    const estimate = await client.estimateGas(accessList ? { ...call, accessList } : call);
    return estimate === 21_000n ? estimate : (estimate * 3n) / 2n;
  } catch (error) {
    // A revert may be mended by an earlier leg, missing money hardly ever; the node says so when the leg is sent.
    if (error instanceof BaseError && !error.walk((cause) => cause instanceof InsufficientFundsError)) {
      return GAS_UNKNOWN;
    }
    throw error;
  }
}

/** Returns fees that hold for some slots; the node's tip covers the dearest rollup of the realm (P29). */
export async function feesOf({ client }: Rollup): Promise<Fees> {
  const [block, maxPriorityFeePerGas] = await Promise.all([
    client.getBlock({ blockTag: "pending" }),
    client.estimateMaxPriorityFeePerGas(),
  ]);
  return { maxFeePerGas: 2n * (block.baseFeePerGas ?? 0n) + maxPriorityFeePerGas, maxPriorityFeePerGas };
}

/** Hands out consecutive nonces to the legs of one bundle. */
export class Nonces {
  readonly #next = new Map<string, number>();

  async take({ chainId, client }: Rollup, address: Address): Promise<number> {
    const key = `${chainId}:${address.toLowerCase()}`;
    const nonce = this.#next.get(key) ?? (await client.getTransactionCount({ address, blockTag: "pending" }));
    this.#next.set(key, nonce + 1);
    return nonce;
  }
}
