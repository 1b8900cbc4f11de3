import { isValidElement, type ReactNode } from "react";
import { expect, test, vi } from "vitest";

import { linkify } from "../src/lib/linkify.js";

/** The addresses of the links that a text becomes. */
function addressesOf(text: string): unknown[] {
  const nobody = new Set<string>();
  const nodes: ReactNode[] = linkify(text, nobody, nobody);
  return nodes.flatMap((node) =>
    isValidElement<{ href?: string }>(node) ? [node.props.href] : [],
  );
}

test("an address ends before what ends its sentence, and keeps the brackets that it opens", () => {
  expect(
    addressesOf("(see https://a.test/b_(c)). Then https://a.test/?!, http://a.test/x(y"),
  ).toEqual(["https://a.test/b_(c)", "https://a.test/", "http://a.test/x(y"]);
});

test("only http leads anywhere, and nobody's name stands before the host", () => {
  expect(addressesOf("javascript:alert(1) data:text/html,x https://bank.test@evil.test/")).toEqual(
    [],
  );
});

test("an address of brackets without end is looked through once, not once for each of them", () => {
  const split = vi.spyOn(String.prototype, "split");
  const found = addressesOf(`https://a.test/${")".repeat(1980)} `.repeat(5));
  const times = split.mock.calls.length;
  split.mockRestore();
  expect(found).toEqual(Array(5).fill("https://a.test/"));
  expect(times).toBeLessThan(20);
});
