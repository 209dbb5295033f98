// Wallets that sign elsewhere, and have one current chain.
import type { Hash } from "viem";
import type { Rollup } from "./realm.js";
import { type Signer, SignerError, localAccount } from "./signer.js";

/** Asks a wallet to sign and send a transaction on `rollup`. */
export async function sendByWallet(signer: Signer, { chainId, chain }: Rollup, body: object): Promise<Hash> {
  if (!("transport" in signer)) throw new SignerError("only a wallet client can sign elsewhere");
  if ((await signer.getChainId()) !== chainId) await signer.switchChain({ id: chainId });
  return signer.sendTransaction({ account: signer.account!, chain, ...body } as never);
}

/** Remembers the chains that wallets are on; what it returns switches them back, since dApps rely on them. */
export async function chainsOfWallets(signers: readonly Signer[]): Promise<() => Promise<void>> {
  const wallets = new Set(signers.filter((signer) => "transport" in signer));
  const elsewhere = [...wallets].filter((wallet) => !localAccount(wallet));
  const before = await Promise.all(elsewhere.map(async (wallet) => [wallet, await wallet.getChainId()] as const));
  return async () => {
    for (const [wallet, id] of before) {
      if ((await wallet.getChainId()) !== id) await wallet.switchChain({ id });
    }
  };
}
