// wagmi with a connector that returns Weft's provider, as a dApp sets it up.
import { connect, createConfig, createConnector } from "@wagmi/core";
import { type Chain, type EIP1193Provider, http } from "viem";
import type { Realm, WeftProvider } from "@weft/sdk";

/** Returns a configuration of wagmi with a wallet by way of `provider`. */
export function configured(weft: Realm, provider: WeftProvider) {
  const chains = weft.rollups.map(({ chain }) => chain) as [Chain, ...Chain[]];
  const connector = createConnector((own) => ({
    id: "weft",
    name: "Weft",
    type: "weft",
    async connect() {
      const accounts = await provider.request({ method: "eth_requestAccounts" });
      return { accounts, chainId: await this.getChainId() } as never;
    },
    async disconnect() {},
    getAccounts: () => provider.request({ method: "eth_accounts" }),
    getChainId: async () => Number(await provider.request({ method: "eth_chainId" })),
    getProvider: async () => provider as EIP1193Provider,
    isAuthorized: async () => true,
    async switchChain({ chainId }) {
      await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: `0x${chainId.toString(16)}` }] });
      own.emitter.emit("change", { chainId });
      return chains.find(({ id }) => id === chainId)!;
    },
    onAccountsChanged() {},
    onChainChanged() {},
    onDisconnect() {},
  }));
  const transports = Object.fromEntries(chains.map(({ id, rpcUrls }) => [id, http(rpcUrls.default.http[0])]));
  return createConfig({ chains, connectors: [connector], transports });
}

/** The same, connected. */
export async function connected(weft: Realm, provider: WeftProvider) {
  const config = configured(weft, provider);
  await connect(config, { connector: config.connectors[0]! } as never);
  return config;
}
