// Sealing from the command line, as `weft seal` and `weft sealed` do it, against a node that takes sealed items.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { parseAbi, parseEther, parseTransaction, zeroHash } from "viem";
import { A, binary, rpc, until } from "./devnet.mjs";

const execute = promisify(execFile);
// What a list or an envelope is refused for when its epoch ends while it is made.
const TOO_LATE = /no key|OtherEpoch|OtherList|TooLate|NoKey/;
// Three processes have to be quicker than an epoch, which a busy machine seldom lets them.
const PATIENCE_MS = 120_000;

async function weft(...args) {
  return (await execute(binary(), args)).stdout;
}

/** Somebody who pays for envelopes, from a deposit of one ether on A. */
export class Payer {
  #dir = mkdtempSync(join(tmpdir(), "weft-sealed-"));
  #url;

  /** Makes a payer's key, for whom `rich` pays in. */
  static async create(chain, node, rich) {
    const payer = new Payer();
    payer.#url = node.urls[A];
    writeFileSync(payer.#file("pass"), "open sesame\n");
    const address = (await weft("keys", "new", payer.#file("payer"), ...payer.#passphrase())).trim();
    const { feeVault } = await rpc(payer.#url, "weft_getEpoch");
    const hash = await chain[A].wallet(rich).writeContract({
      address: feeVault,
      abi: parseAbi(["function deposit(address payer) payable"]),
      functionName: "deposit",
      args: [address],
      value: parseEther("1"),
    });
    await chain[A].done(hash);
    return payer;
  }

  /** Seals to the open epoch and sends; tries again when the epoch ends in between. Returns the signed promise. */
  async send(content) {
    const [list, envelope] = [this.#file("list"), this.#file("envelope")];
    writeFileSync(this.#file("content"), content);
    const terms = ["--deposit", String(A), "--valid-until", "1000000", "--max-fee", "100000gwei"];
    const key = ["--key", this.#file("payer"), ...this.#passphrase()];
    return until("the envelope is taken", async () => {
      try {
        writeFileSync(list, await weft("sealed", "key", "--rpc", this.#url));
        writeFileSync(envelope, await weft("seal", "--to", list, ...terms, ...key, this.#file("content")));
        return JSON.parse(await weft("sealed", "send", envelope, "--rpc", this.#url));
      } catch (error) {
        if (TOO_LATE.test(error.stderr)) return null;
        throw error;
      }
    }, PATIENCE_MS);
  }

  #file(name) {
    return join(this.#dir, name);
  }

  #passphrase() {
    return ["--passphrase", this.#file("pass")];
  }
}

/** Waits until it is known what became of a sealed item. */
export function decided(chain, item) {
  return until(`outcome of ${item}`, async () => {
    const told = await chain.rpc("weft_getOutcome", item);
    return told === null || told.outcome === "sealed" ? null : told;
  });
}

/** Returns a protected bundle as `weft seal` takes it. */
export function bundleFile(account, { id, legs }) {
  const files = legs.map(({ chainId, raw, mayRevert }) => {
    const { to, value = 0n, data } = parseTransaction(raw);
    return { chainId: Number(chainId), from: account.address, to, value: `0x${value.toString(16)}`, data, mayRevert, raw };
  });
  return JSON.stringify({ id, protected: true, salt: zeroHash, level: "reputation", legs: files });
}

/** Writes the batches of a node that was stopped and derives every block from them, twice; returns `chain number hash` of each. */
export async function derivedTwice(directory) {
  const archive = join(mkdtempSync(join(tmpdir(), "weft-batches-")), "archive");
  await weft("export", "--data-dir", directory, "--batches", archive);
  const derive = async (name) => {
    const hashes = join(archive, "..", name);
    await weft("verify", "--archive", archive, "--hashes", hashes);
    return readFileSync(hashes, "utf8").trim().split("\n");
  };
  return [await derive("first"), await derive("second")];
}
