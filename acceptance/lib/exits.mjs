// Exit trees and claims as AggLayer has them: two trees of depth 32, proofs of 32 siblings.
import { concat, encodePacked, keccak256, parseEventLogs, zeroHash } from "viem";
import { Bridge, L1Bridge } from "./code.mjs";

const DEPTH = 32;
const node = (left, right) => keccak256(concat([left, right]));

/** Returns the siblings of leaf `index` in the tree of `leaves`, and its root. */
export function path(leaves, index) {
  let [level, zero, place] = [leaves, zeroHash, index];
  const siblings = [];
  for (let height = 0; height < DEPTH; height += 1) {
    siblings.push(level[place ^ 1] ?? zero);
    const parents = Math.max(1, Math.ceil(level.length / 2));
    level = Array.from({ length: parents }, (_, at) => node(level[2 * at] ?? zero, level[2 * at + 1] ?? zero));
    [zero, place] = [node(zero, zero), place >> 1];
  }
  return { siblings, root: level[0] };
}

/** Returns the exit that a receipt of a rollup logs. */
export function exitOf({ logs }) {
  const [event] = parseEventLogs({ abi: Bridge.abi, eventName: "BridgeEvent", logs });
  return event.args;
}

/** Returns the hash of an exit in its tree. */
export function leafOf(exit) {
  return keccak256(
    encodePacked(
      ["uint8", "uint32", "address", "uint32", "address", "uint256", "bytes32"],
      [
        exit.leafType,
        exit.originNetwork,
        exit.originAddress,
        exit.destinationNetwork,
        exit.destinationAddress,
        exit.amount,
        keccak256(exit.metadata),
      ],
    ),
  );
}

/** Returns the arguments of `claimAsset` for an exit of rollup `id`, once L1 has settled it: `exits` are all of that rollup. */
export async function claimOf(l1, bridge, id, rollups, exits, exit) {
  const local = path(exits.map(leafOf), exit.depositCount);
  const roots = [];
  for (let rollup = 1; rollup <= rollups; rollup += 1) {
    roots.push(await l1.read(bridge, L1Bridge, "exitRootOf", rollup));
  }
  const common = path(roots, id - 1);
  const updates = await l1.client.getContractEvents({
    address: bridge,
    abi: L1Bridge.abi,
    eventName: "GlobalExitRootUpdated",
    fromBlock: 0n,
  });
  const { mainnetExitRoot, rollupExitRoot } = updates.at(-1).args;
  if (rollupExitRoot !== common.root) throw new Error(`rollup exit root ${rollupExitRoot}, computed ${common.root}`);
  return [
    local.siblings,
    common.siblings,
    (BigInt(id - 1) << 32n) | BigInt(exit.depositCount),
    mainnetExitRoot,
    rollupExitRoot,
    exit.originNetwork,
    exit.originAddress,
    exit.destinationNetwork,
    exit.destinationAddress,
    exit.amount,
    exit.metadata,
  ];
}
