// Recomputes what a block header commits to, from the JSON that stock clients see.
import { createMPT } from "@ethereumjs/mpt";
import { bytesToHex, concat, hexToBytes, keccak256, numberToHex, serializeTransaction, toHex, toRlp } from "viem";

const EMPTY_LIST_HASH = keccak256(toRlp([]));
const TYPES = ["legacy", "eip2930", "eip1559", "eip4844", "eip7702"];

/** Returns the bytes of a transaction as viem decoded it; system transactions have r = s = 0 (P29). */
export function encodeTransaction(transaction) {
  const { type, input: data, r, s, v, yParity, authorizationList } = transaction;
  const fields = { ...transaction, data };
  // viem takes the presence of a field for a hint about the type.
  if (type === "legacy" || type === "eip2930") {
    delete fields.maxFeePerGas;
    delete fields.maxPriorityFeePerGas;
  } else delete fields.gasPrice;
  if (!authorizationList) delete fields.authorizationList;
  return serializeTransaction(fields, type === "legacy" ? { r, s, v } : { r, s, yParity });
}

/** Returns the transactions root of transactions as viem decoded them. */
export function transactionsRoot(transactions) {
  return root(transactions.map(encodeTransaction));
}

/** Returns the receipts root of receipts as viem decoded them. */
export function receiptsRoot(receipts) {
  return root(receipts.map(encodeReceipt));
}

/** Returns the hash of a block's header as the node answers it. */
export function blockHash(block) {
  const fields = [
    block.parentHash,
    block.sha3Uncles,
    block.miner,
    block.stateRoot,
    block.transactionsRoot,
    block.receiptsRoot,
    block.logsBloom,
    quantity(block.difficulty),
    quantity(block.number),
    quantity(block.gasLimit),
    quantity(block.gasUsed),
    quantity(block.timestamp),
    block.extraData,
    block.mixHash,
    block.nonce,
    quantity(block.baseFeePerGas),
    block.withdrawalsRoot,
    quantity(block.blobGasUsed),
    quantity(block.excessBlobGas),
    block.parentBeaconBlockRoot,
    block.requestsHash,
  ];
  return keccak256(toRlp(fields));
}

/** Returns the bloom over the logs of receipts. */
export function bloomOf(receipts) {
  const bits = new Uint8Array(256);
  const add = (item) => {
    const hash = hexToBytes(keccak256(item));
    for (const at of [0, 2, 4]) {
      const bit = ((hash[at] << 8) | hash[at + 1]) & 0x7ff;
      bits[255 - (bit >> 3)] |= 1 << (bit & 7);
    }
  };
  for (const { address, topics } of receipts.flatMap(({ logs }) => logs)) [address, ...topics].forEach(add);
  return bytesToHex(bits);
}

export { EMPTY_LIST_HASH };

function encodeReceipt({ type, status, cumulativeGasUsed, logsBloom, logs }) {
  const body = toRlp([
    status === "success" ? "0x01" : "0x",
    quantity(cumulativeGasUsed),
    logsBloom,
    logs.map(({ address, topics, data }) => [address, topics, data]),
  ]);
  const kind = TYPES.indexOf(type);
  return kind === 0 ? body : concat([numberToHex(kind, { size: 1 }), body]);
}

async function root(values) {
  const trie = await createMPT({ useKeyHashing: false });
  for (const [index, value] of values.entries()) await trie.put(hexToBytes(toRlp(quantity(index))), hexToBytes(value));
  return bytesToHex(trie.root());
}

function quantity(value) {
  const number = BigInt(value);
  return number === 0n ? "0x" : toHex(number);
}
