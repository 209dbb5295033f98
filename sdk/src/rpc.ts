// Requests to a node, and what it refuses.
import { type Client, MethodNotFoundRpcError, RpcRequestError } from "viem";

/** Names that a node gives to refused bundles, by code. */
export const REFUSALS = {
  [-38001]: "DuplicateBundle",
  [-38002]: "BundleTooLarge",
  [-38003]: "Contradictory",
  [-38004]: "Replayed",
  [-38005]: "UnknownRollup",
  [-38006]: "WrongChainId",
  [-38007]: "UnknownBundle",
  [-38008]: "NotALeg",
  [-38009]: "TooManyBundles",
  [-38010]: "LevelUnavailable",
  [-38011]: "EmptyBundle",
  [-38012]: "SameNetwork",
  [-38013]: "NonceTooHigh",
} as const;

/** Name of a refusal. */
export type RefusalName = (typeof REFUSALS)[keyof typeof REFUSALS];

/** The node refused a request; nothing was kept. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  /** Name of a refusal that only Weft knows; undefined for standard codes. */
  readonly refusal: RefusalName | undefined;

  constructor(
    readonly method: string,
    readonly code: number,
    reason: string,
    readonly data?: unknown,
  ) {
    super(`${method}: ${reason} (${code})`);
    this.refusal = REFUSALS[code as keyof typeof REFUSALS];
  }
}

/** The node does not have a method that this call needs. */
export class MethodMissingError extends Error {
  override readonly name = "MethodMissingError";

  constructor(readonly method: string) {
    super(`the node does not have ${method}: it is no Weft node, or one of another version`);
  }
}

/** Calls any method; throws `RefusedError` or `MethodMissingError`, and viem's own errors for transport trouble. */
export async function request<T>(client: Client, method: string, params: readonly unknown[]): Promise<T> {
  try {
    return (await client.request({ method, params } as never)) as T;
  } catch (error) {
    throw translated(method, error);
  }
}

function translated(method: string, error: unknown): unknown {
  const found = causes(error).find((cause) => cause instanceof RpcRequestError);
  if (!found) return error;
  if (found.code === MethodNotFoundRpcError.code) return new MethodMissingError(method);
  return new RefusedError(method, found.code, found.details, found.data);
}

function causes(error: unknown): unknown[] {
  const chain: unknown[] = [];
  for (let cause = error; cause instanceof Error && chain.length < 16; cause = cause.cause) chain.push(cause);
  return chain;
}
