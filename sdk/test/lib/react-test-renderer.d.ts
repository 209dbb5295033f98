// The part of React's renderer without a page that the tests use; the package has no types.
declare module "react-test-renderer" {
  import type { ReactElement } from "react";
  export function create(element: ReactElement): { unmount(): void };
}
