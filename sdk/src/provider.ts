// An EIP-1193 provider that answers EIP-5792: `wallet_sendCalls` becomes one bundle, over one chain or several.
import {
  type Address,
  type EIP1193Provider,
  type Hex,
  type LocalAccount,
  createWalletClient,
  custom,
  isAddress,
  isHex,
  numberToHex,
} from "viem";
import { bundle } from "./bundle.js";
import { type Calls, type CallsRequest, MAX_CALLS, ProviderError, invalid, parseCalls } from "./calls.js";
import { type Outcome, getOutcome } from "./outcome.js";
import { type Realm, UnknownChainError } from "./realm.js";
import { RefusedError, request as ask } from "./rpc.js";
import type { Signer } from "./signer.js";
import { callsStatus } from "./status.js";

export { ProviderError, severalChains } from "./calls.js";
export type { ChainCall } from "./calls.js";

/** Bundles of which the provider keeps what it needs for `wallet_getCallsStatus`. */
const KEPT = 1_000;

/** Where the accounts of a provider are: with keys here, or in another wallet. */
export type ProviderOptions =
  | { accounts: readonly LocalAccount[]; onShow?: (id: string) => void }
  | { wallet: Pick<EIP1193Provider, "request">; onShow?: (id: string) => void };

/** The part of EIP-1193 that viem, wagmi and ethers use. */
export interface WeftProvider {
  request(args: { method: string; params?: unknown }): Promise<any>;
  on(event: string, listener: (...args: any[]) => void): unknown;
  removeListener(event: string, listener: (...args: any[]) => void): unknown;
}

/** Wraps accounts or another wallet so that `wallet_sendCalls` is atomic over the chains of a realm. */
export function weftProvider(realm: Realm, options: ProviderOptions): WeftProvider {
  return new Provider(realm, options);
}

interface Sent {
  bundleId: Hex;
  chainId: number;
}

type Handler = (params: readonly unknown[]) => unknown;

class Provider implements WeftProvider {
  readonly #listeners = new Map<string, Set<(...args: any[]) => void>>();
  readonly #sent = new Map<string, Sent>();
  readonly #taken = new Set<string>();
  #chainId: number;

  readonly #own: Record<string, Handler> = {
    wallet_getCapabilities: (params) => this.#capabilities(params),
    wallet_sendCalls: ([body]) => this.#sendCalls(body),
    wallet_getCallsStatus: ([id]) => this.#status(id),
    wallet_showCallsStatus: ([id]) => this.#show(id),
  };

  readonly #accountMethods: Record<string, Handler> = {
    eth_accounts: () => this.#addresses(),
    eth_requestAccounts: () => this.#addresses(),
    eth_chainId: () => numberToHex(this.#chainId),
    wallet_switchEthereumChain: ([target]) => this.#switch(target),
  };

  constructor(
    readonly realm: Realm,
    readonly options: ProviderOptions,
  ) {
    this.#chainId = realm.rollups[0]!.chainId;
  }

  async request({ method, params }: { method: string; params?: unknown }): Promise<unknown> {
    const list = Array.isArray(params) ? params : [];
    const own = this.#own[method];
    if (own) return own(list);
    if ("wallet" in this.options) return this.options.wallet.request({ method, params } as never);
    const handler = this.#accountMethods[method];
    if (handler) return handler(list);
    return ask(this.realm.rollup(this.#chainId).client, method, list);
  }

  on(event: string, listener: (...args: any[]) => void): this {
    const wallet = this.#eventful();
    if (wallet) wallet.on(event as never, listener as never);
    else this.#listeners.set(event, (this.#listeners.get(event) ?? new Set()).add(listener));
    return this;
  }

  removeListener(event: string, listener: (...args: any[]) => void): this {
    const wallet = this.#eventful();
    if (wallet) wallet.removeListener(event as never, listener as never);
    else this.#listeners.get(event)?.delete(listener);
    return this;
  }

  #eventful(): EIP1193Provider | undefined {
    return "wallet" in this.options && "on" in this.options.wallet
      ? (this.options.wallet as EIP1193Provider)
      : undefined;
  }

  #switch(target: unknown): null {
    const chainId = Number((target as { chainId?: Hex } | undefined)?.chainId);
    if (!this.#knows(chainId)) throw new ProviderError(4902, `chain ${chainId} is not in the realm`);
    this.#chainId = chainId;
    for (const listener of this.#listeners.get("chainChanged") ?? []) listener(numberToHex(chainId));
    return null;
  }

  #knows(chainId: number): boolean {
    return this.realm.rollups.some((rollup) => rollup.chainId === chainId);
  }

  async #addresses(): Promise<Address[]> {
    if ("accounts" in this.options) return this.options.accounts.map(({ address }) => address);
    return [...(await this.options.wallet.request({ method: "eth_accounts" }))];
  }

  async #capabilities([address, chains]: readonly unknown[]): Promise<Record<Hex, object>> {
    if (typeof address !== "string" || !isAddress(address)) throw invalid("the first parameter is an address");
    await this.#authorized(address);
    const wanted = Array.isArray(chains) ? chains.map(Number) : this.realm.rollups.map(({ chainId }) => chainId);
    const chainIds = this.realm.rollups.map(({ chainId }) => numberToHex(chainId));
    const capability = { atomic: { status: "supported" }, severalChains: { supported: true, chainIds } };
    const known = wanted.filter((id) => this.#knows(id));
    return Object.fromEntries(known.map((id) => [numberToHex(id), capability]));
  }

  async #authorized(address: Address): Promise<void> {
    const own = await this.#addresses();
    if (!own.some((one) => one.toLowerCase() === address.toLowerCase())) {
      throw new ProviderError(4100, `${address} is not an account of this wallet`);
    }
  }

  async #sendCalls(body: unknown): Promise<{ id: string; capabilities: object }> {
    const calls = parseCalls(body as CallsRequest);
    const unknown = calls.legs.find(({ chainId }) => !this.#knows(chainId));
    if (unknown) throw new ProviderError(5710, `chain ${unknown.chainId} is not in the realm`);
    const from = calls.from ?? (await this.#addresses())[0];
    if (!from) throw new ProviderError(4100, "the wallet has no account");
    await this.#authorized(from);
    const id = calls.id;
    if (id !== undefined && this.#taken.has(id)) throw new ProviderError(5720, `there are calls with the id ${id}`);
    if (id !== undefined) this.#taken.add(id);
    try {
      return await this.#sendBundle(calls, this.#signer(from));
    } catch (error) {
      if (id !== undefined) this.#taken.delete(id);
      throw explained(error);
    }
  }

  async #sendBundle({ legs, id, chainId }: Calls, account: Signer) {
    const draft = bundle(this.realm);
    for (const leg of legs) draft.leg({ ...leg, account });
    const sent = await draft.send();
    this.#keep(id ?? sent.id, { bundleId: sent.id, chainId });
    return { id: id ?? sent.id, capabilities: { severalChains: { bundleId: sent.id } } };
  }

  #signer(from: Address): Signer {
    if ("wallet" in this.options) {
      return createWalletClient({ account: from, transport: custom(this.options.wallet as EIP1193Provider) });
    }
    return this.options.accounts.find(({ address }) => address.toLowerCase() === from.toLowerCase())!;
  }

  #keep(id: string, sent: Sent): void {
    this.#sent.set(id, sent);
    const [oldest] = this.#sent.keys();
    if (this.#sent.size <= KEPT || oldest === undefined) return;
    this.#sent.delete(oldest);
    this.#taken.delete(oldest);
  }

  /** Bundles of other sessions are known by their own id. */
  async #find(id: unknown): Promise<{ sent: Sent; outcome: Outcome | null }> {
    const kept = typeof id === "string" ? this.#sent.get(id) : undefined;
    const bundleId = kept?.bundleId ?? (isHex(id) && id.length === 66 ? id : undefined);
    const outcome = bundleId ? await getOutcome(this.realm, bundleId) : null;
    const chainId = kept?.chainId ?? outcome?.siblings[0]?.chainId;
    if (!bundleId || chainId === undefined) throw new ProviderError(5730, `there are no calls with the id ${String(id)}`);
    return { sent: { bundleId, chainId }, outcome };
  }

  async #status(id: unknown): Promise<object> {
    const { sent, outcome } = await this.#find(id);
    const status = await callsStatus(this.realm, outcome);
    return { version: "2.0.0", id, chainId: numberToHex(sent.chainId), atomic: true, ...status };
  }

  async #show(id: unknown): Promise<null> {
    await this.#find(id);
    this.options.onShow?.(String(id));
    return null;
  }
}

/** Gives errors the codes of EIP-5792 where there are some. */
function explained(error: unknown): unknown {
  if (error instanceof UnknownChainError) return new ProviderError(5710, error.message);
  if (error instanceof RefusedError && error.refusal === "BundleTooLarge") {
    return new ProviderError(5740, `${error.message}; ${MAX_CALLS} calls are the most`);
  }
  return error;
}
