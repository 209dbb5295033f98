// Epoch keys: which shares make a key, and how its secret comes to light (P10, P17).
import { type Hex, bytesToHex } from "viem";
import type { Domain } from "../marker.js";
import { type BytesLike, EncodingError, Reader, bytesOf, numberOf } from "../bytes.js";
import { type CurvePoint, ORDER, encodePoint, sum, times } from "./curve.js";
import { invert, power } from "./group.js";
import { PART, Transcript } from "./hash.js";
import { FalseClaimError } from "./seal.js";
import { SHARE_BYTES, type Share, announcementDigest, decodeShare, verifyShare } from "./share.js";
import type { Setup } from "./setup.js";

const MAX_MEMBERS = 256;

/** The secret of an epoch's key. `KeyList` makes it, so that it fits the key. */
export interface EpochSecret {
  /** Name of the key list that it opens. */
  readonly list: Hex;
  readonly secret: bigint;
}

/** A member's secret, after the epoch. */
export interface Release {
  member: number;
  secret: BytesLike;
}

/** The shares of an epoch, and the key that they make. */
export class KeyList {
  /** Name of this list, which envelopes carry: two lists for one epoch are two keys. */
  readonly id: Hex;
  /** What users seal to. */
  readonly key: CurvePoint;

  private constructor(
    readonly setup: Setup,
    readonly domain: Domain,
    readonly epoch: bigint,
    readonly shares: ReadonlyMap<number, Share>,
  ) {
    this.id = bytesToHex(this.#name());
    this.key = sum([...shares.values()].map(({ point }) => point));
    if (this.key.is0()) throw new EncodingError("sum of the shares is infinity");
  }

  /**
   * Reads a key list and checks every share, in some tens of milliseconds each. With `id`, the name of a list that
   * somebody whom you trust has checked, that name is checked in place of the proofs.
   */
  static decode(setup: Setup, domain: Domain, input: BytesLike, { id }: { id?: Hex } = {}): KeyList {
    const reader = new Reader(bytesOf(input));
    const epoch = reader.uint(8);
    const count = reader.counted(MAX_MEMBERS);
    const shares = new Map<number, Share>();
    for (let last = -1; shares.size < count; ) {
      const member = reader.u32();
      if (member <= last) throw new EncodingError("not canonical: members out of order");
      const share = decodeShare(setup, reader.raw(SHARE_BYTES));
      if (id === undefined) verifyShare(setup, { domain, epoch, member }, share);
      shares.set(member, share);
      last = member;
    }
    reader.finish();
    if (count === 0) throw new EncodingError("no share makes the key");
    const list = new KeyList(setup, domain, epoch, shares);
    if (id !== undefined && list.id !== id.toLowerCase()) {
      throw new EncodingError(`key list is ${list.id}, not the expected ${id}`);
    }
    return list;
  }

  /** The puzzle of all shares together: the product of theirs. */
  get puzzle(): bigint {
    const { group } = this.setup;
    return [...this.shares.values()].reduce((product, { puzzle }) => group.multiply(product, puzzle), 1n);
  }

  /** Returns what a member signs when it announces the share that this list has of it; throws for others. */
  announcementDigest(member: number): Hex {
    const share = this.shares.get(member);
    if (!share) throw new FalseClaimError(`member ${member} has no share in the key`);
    return announcementDigest(this.setup.id, { domain: this.domain, epoch: this.epoch, member }, share.encoding);
  }

  /** Returns what a member signs when it releases its secret: only for this closing head. */
  releaseDigest(member: number, closingHead: Hex): Hex {
    const start = Transcript.ofRealm(this.domain, PART.release).put(bytesOf(this.id)).number(member);
    return bytesToHex(start.put(bytesOf(closingHead)).finish());
  }

  /** Checks somebody's secret of the key; throws `FalseClaimError` when it does not fit. */
  secret(input: BytesLike): EpochSecret {
    const secret = numberOf(bytesOf(input));
    const fits = secret > 0n && secret < ORDER && times(secret).equals(this.key);
    if (!fits) throw new FalseClaimError("the secret is not that of the key");
    return { list: this.id, secret };
  }

  /** Makes the secret of those of all members; throws `FalseClaimError` with the members whose one is missing or wrong. */
  collect(releases: readonly Release[]): EpochSecret {
    const fitting = new Map<number, bigint>();
    for (const { member, secret } of releases) {
      const [number, share] = [numberOf(bytesOf(secret)), this.shares.get(member)];
      const inRange = number > 0n && number < ORDER;
      if (share && inRange && times(number).equals(share.point)) fitting.set(member, number);
    }
    const missing = [...this.shares.keys()].filter((member) => !fitting.has(member));
    if (missing.length > 0) throw new FalseClaimError(`no fitting secret of member ${missing.join(", ")}`);
    return this.#checked([...fitting.values()].reduce((total, number) => total + number, 0n));
  }

  /** Takes the secret out of the puzzle, given its solution; throws `FalseClaimError` for a wrong one. */
  recover(solution: BytesLike): EpochSecret {
    const { group, wide } = this.setup;
    const mask = power(group.decode(bytesOf(solution)), group.modulus, wide.modulus);
    const shares = [...this.shares.values()];
    const hidden = shares.reduce((product, share) => wide.multiply(product, share.hidden), 1n);
    const opened = (hidden * invert(mask, wide.modulus)) % wide.modulus;
    // What a solved puzzle hides is 1 + s N, or its opposite; s above N/2 stands for a number below zero.
    const whole = [opened, wide.modulus - opened].find((value) => value % group.modulus === 1n);
    if (whole === undefined) throw new FalseClaimError("the solution does not open the puzzle");
    const number = whole / group.modulus;
    return this.#checked(number > group.half ? number - group.modulus : number);
  }

  #checked(number: bigint): EpochSecret {
    const secret = ((number % ORDER) + ORDER) % ORDER;
    if (secret === 0n || !times(secret).equals(this.key)) {
      throw new FalseClaimError("the puzzle hides another number than the key's secret");
    }
    return { list: this.id, secret };
  }

  #name(): Uint8Array {
    const start = Transcript.ofRealm(this.domain, PART.keyList).put(bytesOf(this.setup.id)).number(this.epoch);
    const put = (hash: Transcript, [member, { encoding }]: [number, Share]) => hash.number(member).put(encoding);
    return [...this.shares].reduce(put, start).finish();
  }
}

/** Returns the bytes of a key's point, for a contract or a comparison. */
export function keyBytes({ key }: KeyList): Hex {
  return bytesToHex(encodePoint(key));
}
