// Bundles: their identity as the protocol defines it (P18), markers, and what became of them.
import {
  concat,
  keccak256,
  numberToHex,
  parseTransaction,
  recoverTransactionAddress,
  size,
  slice,
  stringToHex,
  zeroHash,
} from "viem";
import { until } from "./devnet.mjs";

const MARKER_MAGIC = "0xef776566740001ef";
const MARKER_BYTES = 40;
const BUNDLE_TAG = 2;

/** Domain of a development realm (P1). */
export const DEV_DOMAIN = { version: 1, l1ChainId: 0, settlement: `0x${"00".repeat(20)}`, realm: 0 };

/**
 * Returns keccak("weft" || tag || domain || salt || level || legs).
 * A leg is `{ chainId, sender, to, value, data, mayRevert }`, its data without marker.
 */
export function bundleId(legs, { salt = zeroHash, level = 0, domain = DEV_DOMAIN } = {}) {
  const { version, l1ChainId, settlement, realm } = domain;
  const realmBytes = [uint(version, 2), uint(BigInt(l1ChainId), 8), settlement, uint(BigInt(realm), 8)];
  const head = [stringToHex("weft"), uint(BUNDLE_TAG, 1), ...realmBytes];
  return keccak256(concat([...head, salt, uint(level, 1), number(legs.length), ...legs.map(encodeLeg)]));
}

/** Returns `data` with the marker of bundle `id`. */
export function marked(data, id) {
  return concat([data, MARKER_MAGIC, id]);
}

/** Builds the legs of a protected bundle: every one signed with the marker. */
export async function markedLegs(drafts, options) {
  const shapes = drafts.map(({ chain, account, to, value, data = "0x", mayRevert }) => ({
    chainId: chain.id,
    sender: account.address,
    to,
    value,
    data,
    mayRevert,
  }));
  const id = bundleId(shapes, options);
  const legs = await Promise.all(drafts.map((draft) => sign(draft, marked(draft.data ?? "0x", id))));
  return { id, legs };
}

/** Builds the legs of an unprotected bundle: ordinary transactions. */
export function plainLegs(drafts) {
  return Promise.all(drafts.map((draft) => sign(draft, draft.data)));
}

/** Returns the shape of a signed leg, as its bundle's identity sees it. */
export async function shapeOf({ chainId, raw, mayRevert }) {
  const { to, value, data = "0x" } = parseTransaction(raw);
  const tail = size(data) >= MARKER_BYTES ? slice(data, -MARKER_BYTES) : "0x";
  const body = tail.startsWith(MARKER_MAGIC) ? slice(`${data}00`, 0, size(data) - MARKER_BYTES) : data;
  const sender = await recoverTransactionAddress({ serializedTransaction: raw });
  return { chainId, sender, to, value, data: body, mayRevert };
}

/** Sends a bundle through one of its chains. */
export function sendBundle(chain, legs, options = {}) {
  return chain.rpc("weft_sendBundle", { legs, ...options });
}

/** Waits until it is known what became of a transaction or bundle. */
export function outcome(chain, id) {
  return until(`outcome of ${id}`, () => chain.rpc("weft_getOutcome", id));
}

async function sign({ chain, account, mayRevert = false, ...transaction }, data) {
  const raw = await chain.sign(account, { ...transaction, data });
  return { chainId: chain.id, raw, mayRevert };
}

function encodeLeg({ chainId, sender, to, value = 0n, data = "0x", mayRevert = false }) {
  const receiver = to ? [uint(1, 1), to] : [uint(0, 1)];
  return concat([
    number(Number(chainId)),
    sender,
    ...receiver,
    uint(value, 32),
    number(size(data)),
    data,
    uint(Number(mayRevert), 1),
  ]);
}

function uint(value, bytes) {
  return numberToHex(value, { size: bytes });
}

/** Returns a number without leading zeros, behind its length. */
function number(value) {
  if (value === 0) return "0x00";
  const digits = numberToHex(value, { size: Math.ceil(value.toString(16).length / 2) });
  return concat([uint(size(digits), 1), digits]);
}
