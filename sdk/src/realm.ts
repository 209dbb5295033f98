// A realm: the rollups that share one order, found through any of them.
import {
  type Address,
  type Chain,
  type HttpTransport,
  type PublicClient,
  createPublicClient,
  defineChain,
  http,
} from "viem";
import type { Domain } from "./marker.js";
import { request } from "./rpc.js";

/** viem's client of one rollup. */
export type RollupClient = PublicClient<HttpTransport, Chain>;

/** One rollup of a realm. */
export interface Rollup {
  /** EIP-155 id. */
  chainId: number;
  /** Number by which contracts name the rollup. */
  network: number;
  /** Definition for viem and wagmi. */
  chain: Chain;
  client: RollupClient;
}

/** The rollups that share one order. */
export interface Realm {
  domain: Domain;
  slotMs: number;
  rollups: readonly Rollup[];
  /** Returns a rollup; throws `UnknownChainError` for a chain outside the realm. */
  rollup(chainId: number): Rollup;
  /** Calls a `weft_*` method, which is the same on every rollup. */
  request<T>(method: string, ...params: readonly unknown[]): Promise<T>;
}

/** Settings of `realm`. */
export interface RealmOptions {
  /** Milliseconds until a request is given up. */
  timeoutMs?: number;
  /** URLs to use instead of those that the node tells, by chain id; for nodes behind a proxy. */
  urls?: Readonly<Record<number, string>>;
}

/** The chain is not in the realm. */
export class UnknownChainError extends Error {
  override readonly name = "UnknownChainError";

  constructor(
    readonly chainId: number,
    readonly known: readonly number[],
  ) {
    super(`chain ${chainId} is not in the realm; its chains are ${known.join(", ")}`);
  }
}

interface ChainsAnswer {
  chains: { chainId: number; network: number; url: string; wsUrl: string }[];
  manager: Address;
  slotMs: number;
  domain: Domain;
}

/** Discovers the realm of the rollup at `url`. */
export async function realm(url: string, { timeoutMs = 30_000, urls = {} }: RealmOptions = {}): Promise<Realm> {
  const first = createPublicClient({ transport: http(url, { timeout: timeoutMs }) });
  const answer = await request<ChainsAnswer>(first, "weft_chains", []);
  const rollups = answer.chains.map(({ chainId, network, url: told, wsUrl }) => {
    const own = urls[chainId];
    const rpc = own ? { http: [own] } : { http: [told], webSocket: [wsUrl] };
    const chain = definition(chainId, rpc);
    const transport = http(rpc.http[0], { timeout: timeoutMs });
    return { chainId, network, chain, client: createPublicClient({ chain, transport, cacheTime: 0 }) };
  });
  return {
    domain: answer.domain,
    slotMs: answer.slotMs,
    rollups,
    rollup(chainId) {
      const found = rollups.find((rollup) => rollup.chainId === chainId);
      if (!found) throw new UnknownChainError(chainId, rollups.map((rollup) => rollup.chainId));
      return found;
    },
    request: (method, ...params) => request(first, method, params),
  };
}

function definition(id: number, rpc: { http: string[]; webSocket?: string[] }): Chain {
  return defineChain({
    id,
    name: `Weft rollup ${id}`,
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: rpc },
  });
}
