// The payer's signature over an envelope's name: over the 32 bytes as they are, or as wallets sign them (EIP-191).
import { type Hash, type Hex, bytesToHex, hashMessage, hexToBytes, isAddressEqual, recoverAddress } from "viem";
import type { Domain } from "../marker.js";
import { type Signer, addressOf, localAccount } from "../signer.js";
import { type BytesLike, EncodingError, bytesOf, numberOf } from "../bytes.js";
import { ORDER } from "./curve.js";
import { type Envelope, encodeEnvelope, envelopeId } from "./envelope.js";
import { FalseClaimError } from "./seal.js";

const SIGNATURE_BYTES = 65;

/** An envelope with its payer's signature: `r || s || parity`, low s. */
export interface SignedEnvelope {
  id: Hex;
  envelope: Hex;
  signature: Hex;
}

/** Signs an envelope as its payer: an account with its key here, or a wallet, which shows 32 bytes as a message. */
export async function signEnvelope(domain: Domain, envelope: Envelope, signer: Signer): Promise<SignedEnvelope> {
  const [{ payer }, address] = [envelope.carriage, addressOf(signer)];
  if (!isAddressEqual(address, payer)) throw new FalseClaimError(`the payer is ${payer}, not ${address}`);
  const id = envelopeId(domain, envelope);
  const signed = hexToBytes(await signature(id, signer));
  // Ethereum's tools write the parity as 27 or 28.
  if (signed[64]! >= 27) signed[64]! -= 27;
  return { id, envelope: encodeEnvelope(envelope), signature: bytesToHex(signed) };
}

/** Checks the payer's signature in its one accepted form; throws when it is another's. */
export async function verifyPayer(domain: Domain, envelope: Envelope, signature: BytesLike): Promise<void> {
  const bytes = bytesOf(signature);
  const wellFormed = bytes.length === SIGNATURE_BYTES && bytes[64]! <= 1 && numberOf(bytes.slice(32, 64)) <= ORDER / 2n;
  if (!wellFormed) throw new EncodingError("not a signature in its one accepted form");
  const [{ payer }, id] = [envelope.carriage, envelopeId(domain, envelope)];
  for (const hash of [id, hashMessage({ raw: id })]) {
    if (await isSigner(payer, hash, bytes)) return;
  }
  throw new FalseClaimError(`the signature is not that of ${payer}`);
}

async function signature(id: Hash, signer: Signer): Promise<Hex> {
  const local = localAccount(signer);
  if (local?.sign) return local.sign({ hash: id });
  const message = { raw: id };
  if (local) return local.signMessage({ message });
  if (!("transport" in signer) || !signer.account) throw new FalseClaimError(`${addressOf(signer)} does not sign`);
  return signer.signMessage({ account: signer.account, message });
}

/** Tells whether a signature of 65 bytes over a hash is that of a key. */
export async function isSigner(payer: Hex, hash: Hash, signature: Uint8Array): Promise<boolean> {
  try {
    return isAddressEqual(await recoverAddress({ hash, signature }), payer);
  } catch {
    // Nobody can have signed this.
    return false;
  }
}
