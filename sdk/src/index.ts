export { BRIDGE, MANAGER, RESERVED, STATUSES, decodeError, managerAbi } from "./abi.js";
export type { DecodedError, TryStatus } from "./abi.js";
export { Bundle, InvalidBundleError, SentBundle, SignedBundle, bundle } from "./bundle.js";
export type { BundleOptions, BundleSimulation, CallLeg, Leg, MarkerKind, SignedLeg } from "./bundle.js";
export { EncodingError } from "./bytes.js";
export type { BytesLike } from "./bytes.js";
export { FalseClaimError } from "./claim.js";
export { bundleId, legCommitment, markerList, partedBundleId, withSuffix } from "./marker.js";
export type { BundleHead, Domain, LegShape, PartedBundle } from "./marker.js";
export { NotIncludedError, UndecidedError, getOutcome, waitForOutcome } from "./outcome.js";
export type { Dropped, Included, LegOutcome, Outcome, RemovalCause, Removed, WaitOptions } from "./outcome.js";
export { SECTION, itemHash, logsHash, readExecutionPromise, readOrderPromise, readPromise } from "./promise.js";
export type {
  Checkpoint,
  ExecutionPromise,
  OrderPromise,
  Position,
  PromisedLeg,
  PromisedLog,
  PromisedRemoval,
  Statement,
} from "./promise.js";
export { getPromiseKey, getPromises } from "./promises.js";
export type { CheckedPromise, PromiseKey, Promises } from "./promises.js";
export { ProviderError, severalChains, weftProvider } from "./provider.js";
export type { ChainCall, ProviderOptions, WeftProvider } from "./provider.js";
export { decodeTryCall, ensureProxy, proxyAddress, remoteContract, simulateTryCall, tryCall, tryCallData } from "./proxy.js";
export type { Remote, TryCall, TryResult } from "./proxy.js";
export { UnknownChainError, realm } from "./realm.js";
export type { Realm, RealmOptions, Rollup, RollupClient } from "./realm.js";
export { MethodMissingError, REFUSALS, RefusedError } from "./rpc.js";
export type { RefusalName } from "./rpc.js";
export { SignerError } from "./signer.js";
export type { Signer } from "./signer.js";
export { simulate } from "./simulate.js";
export type { SimulatedCall, SimulatedResult, Simulation } from "./simulate.js";
