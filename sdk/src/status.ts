// The answer of `wallet_getCallsStatus` (EIP-5792), from the outcome of a bundle.
import type { Hex } from "viem";
import type { Outcome } from "./outcome.js";
import type { Realm } from "./realm.js";
import { request } from "./rpc.js";

const PENDING = 100;
const CONFIRMED = 200;
const NEVER_IN_A_BLOCK = 400;
const REVERTED = 500;

/** A receipt as the node gives it. */
interface RawReceipt {
  status: Hex;
  logs: object[];
  [field: string]: unknown;
}

/** Returns status, receipts and what Weft knows beyond. A removed bundle has no receipts: nothing of it is on a chain. */
export async function callsStatus(realm: Realm, outcome: Outcome | null): Promise<object> {
  if (!outcome) return { status: PENDING };
  if (outcome.outcome === "included") return included(realm, outcome);
  const failed = outcome.outcome === "removed" && (outcome.cause === "Failed" || outcome.cause === "Sibling");
  const { siblings, system, ...why } = outcome;
  return { status: failed ? REVERTED : NEVER_IN_A_BLOCK, receipts: [], capabilities: { severalChains: why } };
}

async function included(realm: Realm, { siblings, bundleId }: Outcome): Promise<object> {
  const receipts = await Promise.all(
    siblings.map(async ({ chainId, txHash }) => {
      const { client } = realm.rollup(chainId);
      const receipt = await request<RawReceipt | null>(client, "eth_getTransactionReceipt", [txHash]);
      return receipt && { ...receipt, chainId: `0x${chainId.toString(16)}` };
    }),
  );
  // Included in the open slot: receipts come with its blocks.
  if (receipts.includes(null)) return { status: PENDING };
  return { status: CONFIRMED, receipts, capabilities: { severalChains: { bundleId } } };
}
