// A realm's contracts on an anvil of its own, from the committed artifacts: a sequencer and five attesters that sign.
import { randomBytes } from "node:crypto";
import {
  bytesToHex,
  concat,
  encodeAbiParameters,
  getContractAddress,
  keccak256,
  numberToHex,
  pad,
  parseEther,
  sha256,
  stringToHex,
  toHex,
  zeroAddress,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { Chain, accounts, encode } from "./chain.mjs";
import { AttestationPolicy, Escape, Hub, Inbox, L1Bridge, SequencerRegistry } from "./code.mjs";
import { run, until } from "./devnet.mjs";

const L1_CHAIN_ID = 31_337;
const REALM = 7n;
const SILENCE_WINDOW = 1n;
const PROGRAM = pad(stringToHex("program"), { dir: "right", size: 32 });
const THRESHOLD = 3n;

// The zero polynomial: its commitment and its proof are the point at infinity.
const INFINITY = concat(["0xc0", toHex(0, { size: 47 })]);
const EMPTY_BLOB = toHex(new Uint8Array(131_072));
const EMPTY_BLOB_HASH = concat(["0x01", sha256(INFINITY).replace(/^0x../, "0x")]);
const SIDECAR = { blob: EMPTY_BLOB, commitment: INFINITY, proof: INFINITY };

const key = (name) => privateKeyToAccount(keccak256(stringToHex(name)));
const sequencer = key("sequencer");
const attesters = [1, 2, 3, 4, 5].map((number) => key(`attester ${number}`)).sort(byAddress);

/** Starts anvil and deploys a realm with `rollups` rollups, 901 and so on, each with one ether. */
export async function realmOnAnvil(rollups) {
  const l1 = new Chain(L1_CHAIN_ID, await anvil());
  const owner = accounts[0];
  const first = BigInt(await l1.client.getTransactionCount({ address: owner.address }));
  const at = (place) => getContractAddress({ from: owner.address, nonce: first + BigInt(place) });
  const [inbox, hub, bridge, escape, registry] = [0, 1, 2, 3, 4].map(at);
  const config = {
    realm: REALM,
    inbox,
    bridge,
    sequencers: registry,
    escape,
    registrar: zeroAddress,
    forceWindow: 100_000n,
    silenceWindow: SILENCE_WINDOW,
    exitWindow: 100_000n,
  };
  const bond = parseEther("10");
  const registryArgs = [hub, zeroAddress, REALM, bond, 30n, owner.address, sequencer.address];
  await deployed(l1, owner, Inbox, [hub, bridge, escape, REALM]);
  await deployed(l1, owner, Hub, [config]);
  await deployed(l1, owner, L1Bridge, [hub, inbox, escape]);
  await deployed(l1, owner, Escape, [hub, bridge, inbox]);
  await deployed(l1, owner, SequencerRegistry, registryArgs, bond);
  const addresses = attesters.map(({ address }) => address);
  const policy = await deployed(l1, owner, AttestationPolicy, [PROGRAM, THRESHOLD, addresses]);
  const realm = new Realm({ l1, owner, inbox, hub, bridge, policy });
  for (let id = 1; id <= rollups; id += 1) await realm.register(id);
  return realm;
}

/** What a sequencer, a poster and attesters do on L1. Every method that sends returns the receipt. */
class Realm {
  constructor(parts) {
    Object.assign(this, parts);
  }

  register(id) {
    const args = [900n + BigInt(id), this.policy, word(), word(), "0x"];
    return this.send(this.hub, Hub, "register", args, { value: parseEther("1") });
  }

  /** Posts a batch of the rollups with these ids, with two blobs. */
  async post(ids) {
    const header = await this.#header(ids);
    const blobVersionedHashes = [EMPTY_BLOB_HASH, EMPTY_BLOB_HASH];
    const digest = await this.l1.read(this.hub, Hub, "batchDigest", header, blobVersionedHashes);
    return this.send(this.hub, Hub, "postBatch", [header, await signed(sequencer, digest)], {
      type: "eip4844",
      blobVersionedHashes,
      sidecars: [SIDECAR, SIDECAR],
      maxFeePerBlobGas: 10n ** 10n,
    });
  }

  /** Posts `count` batches of all rollups without blobs, as anybody can when the sequencer is silent, each for one entry. */
  async postForced(count) {
    await this.l1.rpc("anvil_mine", numberToHex(SILENCE_WINDOW + 1n));
    const entries = await this.l1.read(this.inbox, Inbox, "count");
    for (let place = 1n; place <= count; place += 1n) {
      await this.submit(this.inbox, Inbox, "forceTransaction", [901, "0x01"]);
      const last = this.submit(this.hub, Hub, "postForced", [entries + place]);
      if (place === BigInt(count)) return this.l1.done(last);
      await last;
    }
  }

  /** Settles all batches that wait, which name the rollups with these ids. Rollup 1 has this exit root, the others any. */
  async settle(ids, exitRoot = word()) {
    const [lastBatch, , , , batchHash] = await this.l1.read(this.hub, Hub, "posted");
    const [settled] = await this.l1.read(this.hub, Hub, "settled");
    const transitions = [];
    for (const id of ids) {
      const pre = await this.l1.read(this.hub, Hub, "commitmentOf", id);
      transitions.push(transition(id, pre, lastBatch, id === 1 ? exitRoot : word()));
    }
    const batches = { firstBatch: settled + 1n, lastBatch, batchHash };
    const statement = { ...batches, programId: PROGRAM, transitions, transfers: [] };
    const digest = await this.l1.read(this.hub, Hub, "statementDigest", statement);
    const approvals = [{ policy: this.policy, proof: await proofOf(digest) }];
    return this.send(this.hub, Hub, "settle", [statement, approvals]);
  }

  /** Sends a call and waits until it succeeded. */
  send(...call) {
    return this.l1.done(this.submit(...call));
  }

  /** Sends a call of a contract with a price of its own; returns its hash. */
  async submit(to, contract, name, args, transaction = {}) {
    const raw = await this.owner.signTransaction({
      type: "eip1559",
      chainId: L1_CHAIN_ID,
      nonce: await this.l1.takeNonce(this.owner),
      gas: 5_000_000n,
      maxFeePerGas: 10n ** 11n,
      maxPriorityFeePerGas: 10n ** 9n,
      to,
      data: encode(contract, name, args),
      ...transaction,
    });
    return this.l1.rpc("eth_sendRawTransaction", raw);
  }

  async #header(ids) {
    const [number, lastSlot, , , parent] = await this.l1.read(this.hub, Hub, "posted");
    const block = await this.l1.client.getBlock();
    return {
      number: number + 1n,
      parent,
      firstSlot: lastSlot + 1n,
      lastSlot: lastSlot + 60n,
      inboxCursor: await this.l1.read(this.inbox, Inbox, "count"),
      l1Number: block.number,
      l1Hash: block.hash,
      rollups: ids.reduce((bits, id) => bits | (1n << BigInt(id - 1)), 0n),
      laneRoot: word(),
      content: word(),
    };
  }
}

function transition(rollup, pre, blockNumber, exitRoot) {
  const post = {
    stateRoot: word(),
    blockHash: word(),
    blockNumber: 1_000_000n + blockNumber,
    exitRoot,
    accountingRoot: word(),
    headsRoot: word(),
  };
  return { rollup, pre, proposalRoot: word(), outcomeRoot: word(), post };
}

/** The first three attesters' approval, each behind its place. */
async function proofOf(digest) {
  const signatures = await Promise.all(attesters.slice(0, Number(THRESHOLD)).map((by) => signed(by, digest)));
  return concat(signatures.flatMap((signature, place) => [toHex(place, { size: 1 }), signature]));
}

/** Returns `r || s || parity`. */
async function signed(account, hash) {
  const signature = await account.sign({ hash });
  return concat([signature.slice(0, -2), toHex(parseInt(signature.slice(-2), 16) - 27, { size: 1 })]);
}

async function deployed(l1, owner, { abi, bytecode }, args, value = 0n) {
  const constructor = abi.find(({ type }) => type === "constructor");
  const data = concat([bytecode, encodeAbiParameters(constructor.inputs, args)]);
  const receipt = await l1.done(l1.send(owner, { gas: 12_000_000n, data, value }));
  return receipt.contractAddress;
}

async function anvil() {
  const node = run(process.env.WEFT_ANVIL, ["--port", "0", "--hardfork", "prague", "--chain-id", `${L1_CHAIN_ID}`]);
  const address = () => node.output().match(/Listening on (\S+)/)?.[1];
  return `http://${await until("anvil listens", address, 60_000)}`;
}

/** A word that no other word equals. */
export function word() {
  return bytesToHex(randomBytes(32));
}

function byAddress(left, right) {
  return left.address.toLowerCase() < right.address.toLowerCase() ? -1 : 1;
}
