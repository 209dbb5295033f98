// The request of `wallet_sendCalls` (EIP-5792), which comes from a dApp and can be anything.
import { type Address, type Hex, isAddress, isHex, numberToHex } from "viem";

/** Most calls in one request: the legs of a bundle. */
export const MAX_CALLS = 64;

/** An error with a code of EIP-1193 or EIP-5792. */
export class ProviderError extends Error {
  override readonly name = "ProviderError";

  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** Returns an error for parameters that make no sense. */
export function invalid(why: string): ProviderError {
  return new ProviderError(-32602, why);
}

/** A call with the chain that it goes to. */
export interface ChainCall {
  chainId: number;
  to: Address;
  data?: Hex;
  value?: bigint;
}

/**
 * Splits calls over several chains into what `sendCalls` of viem and wagmi takes: neither passes on a chain id per call,
 * so the chain ids travel as a capability.
 */
export function severalChains(calls: readonly ChainCall[]) {
  const chainIds = calls.map(({ chainId }) => numberToHex(chainId));
  return {
    calls: calls.map(({ chainId: _, ...call }) => call),
    capabilities: { severalChains: { chainIds } },
  };
}

/** What a dApp sends. */
export interface CallsRequest {
  version?: unknown;
  id?: unknown;
  chainId?: unknown;
  from?: unknown;
  calls?: unknown;
  capabilities?: unknown;
}

/** What was understood. */
export interface Calls {
  id: string | undefined;
  chainId: number;
  from: Address | undefined;
  legs: { chainId: number; to: Address | undefined; data: Hex | undefined; value: bigint }[];
}

/** Reads a request; throws `ProviderError` for one that cannot be served. */
export function parseCalls(body: CallsRequest | undefined): Calls {
  if (typeof body !== "object" || body === null) throw invalid("the first parameter is an object");
  const { calls, from, id } = body;
  if (!Array.isArray(calls) || calls.length === 0) throw invalid("`calls` is a list with at least one call");
  if (calls.length > MAX_CALLS) throw new ProviderError(5740, `${calls.length} calls; ${MAX_CALLS} are the most`);
  if (from !== undefined && (typeof from !== "string" || !isAddress(from))) throw invalid("`from` is an address");
  if (id !== undefined && (typeof id !== "string" || id.length > 4_096)) throw invalid("`id` is a text of at most 4096");
  const chainId = chainNumber(body.chainId, "`chainId`");
  const perCall = chainsOf(body.capabilities, calls.length);
  const legs = calls.map((call, index) => parseCall(call, index, perCall?.[index] ?? chainId));
  return { id, chainId, from, legs };
}

function parseCall(call: unknown, index: number, chainId: number): Calls["legs"][number] {
  const where = `call ${index}`;
  if (typeof call !== "object" || call === null) throw invalid(`${where} is no object`);
  const { to, data, value, chainId: own, capabilities } = call as Record<string, unknown>;
  refuseUnknown(capabilities, []);
  if (to !== undefined && to !== null && (typeof to !== "string" || !isAddress(to))) throw invalid(`${where}: bad \`to\``);
  if (data !== undefined && (!isHex(data) || data.length % 2)) throw invalid(`${where}: \`data\` is not bytes`);
  if (value !== undefined && !quantity(value)) throw invalid(`${where}: \`value\` is not a number in hex`);
  if (!to && !data) throw invalid(`${where} has neither receiver nor data`);
  return {
    chainId: own === undefined ? chainId : chainNumber(own, `${where}: \`chainId\``),
    to: (to as Address | null | undefined) ?? undefined,
    data: data as Hex | undefined,
    value: BigInt((value as Hex | undefined) ?? 0),
  };
}

function quantity(value: unknown): value is Hex {
  return typeof value === "string" && /^0x[0-9a-fA-F]{1,64}$/.test(value);
}

function chainNumber(value: unknown, what: string): number {
  if (!quantity(value) || !Number.isSafeInteger(Number(value))) throw invalid(`${what} is not a number in hex`);
  return Number(value);
}

function chainsOf(capabilities: unknown, calls: number): number[] | undefined {
  refuseUnknown(capabilities, ["atomic", "severalChains"]);
  const ours = (capabilities as { severalChains?: { chainIds?: unknown } } | undefined)?.severalChains;
  if (ours === undefined) return undefined;
  if (!Array.isArray(ours.chainIds) || ours.chainIds.length !== calls) {
    throw invalid("`severalChains.chainIds` names one chain for each call");
  }
  return ours.chainIds.map((id, index) => chainNumber(id, `chain of call ${index}`));
}

/** A capability that is not understood may be ignored only where the dApp says so. */
function refuseUnknown(capabilities: unknown, known: readonly string[]): void {
  if (capabilities === undefined || capabilities === null) return;
  if (typeof capabilities !== "object") throw invalid("`capabilities` is an object");
  for (const [name, value] of Object.entries(capabilities)) {
    const optional = (value as { optional?: unknown } | null)?.optional === true;
    if (!known.includes(name) && !optional) throw new ProviderError(5700, `capability ${name} is not supported`);
  }
}
