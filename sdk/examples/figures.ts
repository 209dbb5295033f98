// Prints what sealing costs here: processor time of this process, best of several runs.
//
// `npm run build && npx tsc -p tsconfig.json && node build/examples/figures.js VECTORS/sealing/envelopes.json`
import { readFileSync } from "node:fs";
import { EpochSealer, KeyList, PuzzleSealer, Setup } from "@weft/sdk/sealing";

const RUNS = 15;
const domain = { version: 1, l1ChainId: 0, settlement: `0x${"00".repeat(20)}`, realm: 0 } as const;
const given = JSON.parse(readFileSync(process.argv[2]!, "utf8"));

function figure(what: string, work: () => unknown): void {
  const runs = Array.from({ length: RUNS }, () => {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  console.log(`${what.padEnd(52)} ${Math.min(...runs).toFixed(1).padStart(8)} ms`);
}

const setup = Setup.decode(given.setup);
const list = KeyList.decode(setup, domain, given.keyList);
const [epochs, puzzles] = [new EpochSealer(list), new PuzzleSealer(domain, setup)];
const payer = `0x${"aa".repeat(20)}` as const;
const carriage = { payer, deposit: 0, epoch: list.epoch, validUntil: 9n, gas: 3, maxFeeWei: 1n };
const plaintext = new Uint8Array(250).fill(7);
const solution = setup.group.encode(setup.group.squared(list.puzzle, setup.delaySquarings));
const secret = list.recover(solution);
const [one, two] = [epochs.seal(carriage, plaintext), puzzles.seal(carriage, plaintext)];
const solved = puzzles.solve(two);

figure("setup read and checked", () => Setup.decode(given.setup));
figure(`key list of ${list.shares.size} shares read and checked`, () => KeyList.decode(setup, domain, given.keyList));
figure("the same by its known name", () => KeyList.decode(setup, domain, given.keyList, { id: list.id }));
figure("envelope of 256 B sealed to an epoch key", () => epochs.seal(carriage, plaintext));
figure("the same opened and checked", () => epochs.open(one, secret));
figure("envelope of 128 KiB sealed to an epoch key", () => epochs.seal(carriage, new Uint8Array(131_068)));
figure("envelope of 256 B sealed to its own puzzle", () => puzzles.seal(carriage, plaintext));
figure("the same opened and checked, when solved", () => puzzles.open(two, solved));
