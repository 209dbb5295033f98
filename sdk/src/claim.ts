// What is said and does not hold.

/** What is claimed, sealed or promised is not so. */
export class FalseClaimError extends Error {
  override readonly name = "FalseClaimError";
}
