// Who signs a leg: an account with a key here, or a wallet elsewhere.
import { type Account, type Address, type LocalAccount, type WalletClient, toHex } from "viem";

/** An account that signs here (`privateKeyToAccount`), or a wallet client, whose wallet asks its user. */
export type Signer = LocalAccount | WalletClient;

/** A leg has no usable account. */
export class SignerError extends Error {
  override readonly name = "SignerError";
}

/** Returns the account of a signer. */
export function accountOf(signer: Signer): Account {
  if (!("transport" in signer)) return signer;
  if (!signer.account) throw new SignerError("the wallet client has no account; create it with one");
  return signer.account;
}

/** Returns the address of a signer. */
export function addressOf(signer: Signer): Address {
  return accountOf(signer).address;
}

/** Returns the account when its key is here. */
export function localAccount(signer: Signer): LocalAccount | undefined {
  const account = accountOf(signer);
  return account.type === "local" ? account : undefined;
}

/** Returns 32 random bytes. */
export function randomSalt() {
  return toHex(crypto.getRandomValues(new Uint8Array(32)));
}
