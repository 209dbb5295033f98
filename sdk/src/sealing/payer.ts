// The payer's signature over an envelope.
import { type Address, type Hex, type LocalAccount, bytesToHex, hexToBytes, isAddressEqual, recoverAddress } from "viem";
import type { Domain } from "../marker.js";
import { type BytesLike, EncodingError, bytesOf, numberOf } from "./bytes.js";
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

/** Signs an envelope as its payer. The account must sign hashes as they are, which wallets of browsers do not. */
export async function signEnvelope(domain: Domain, envelope: Envelope, account: LocalAccount): Promise<SignedEnvelope> {
  const { payer } = envelope.carriage;
  if (!isAddressEqual(account.address, payer)) throw new FalseClaimError(`the payer is ${payer}, not ${account.address}`);
  if (!account.sign) throw new FalseClaimError(`${account.address} does not sign hashes`);
  const id = envelopeId(domain, envelope);
  const signed = hexToBytes(await account.sign({ hash: id }));
  // Ethereum's tools write the parity as 27 or 28.
  signed[64] = signed[64]! >= 27 ? signed[64]! - 27 : signed[64]!;
  return { id, envelope: encodeEnvelope(envelope), signature: bytesToHex(signed) };
}

/** Checks the payer's signature in its one accepted form; throws when it is another's. */
export async function verifyPayer(domain: Domain, envelope: Envelope, signature: BytesLike): Promise<void> {
  const bytes = bytesOf(signature);
  const wellFormed = bytes.length === SIGNATURE_BYTES && bytes[64]! <= 1 && numberOf(bytes.slice(32, 64)) <= ORDER / 2n;
  if (!wellFormed) throw new EncodingError("not a signature in its one accepted form");
  const signer = await signerOf(envelopeId(domain, envelope), bytes);
  const { payer } = envelope.carriage;
  if (!signer || !isAddressEqual(signer, payer)) throw new FalseClaimError(`the signature is not that of ${payer}`);
}

/** Returns who signed; nothing when nobody can have. */
async function signerOf(hash: Hex, signature: Uint8Array): Promise<Address | undefined> {
  try {
    return await recoverAddress({ hash, signature });
  } catch {
    return undefined;
  }
}
