import fc from "fast-check";
import { expect, test } from "vitest";

import { inParts } from "../src/parts.js";

/** What is written to a record, by key: null takes the key away, and "copy" goes on with a copy. */
const writes = fc.array(
  fc.oneof(
    fc.constant("copy" as const),
    fc.record({
      key: fc.string({ maxLength: 2, unit: fc.constantFrom("a", "b", "é", "0") }),
      value: fc.option(fc.nat(9)),
    }),
  ),
);

test("A record in parts is what any other record would be, and a copy's changes are its own.", () => {
  fc.assert(
    fc.property(writes, (taken) => {
      const copies = [{ parts: inParts<number>({ first: 1 }), plain: { first: 1 } }];
      let now: { parts: Record<string, number>; plain: Record<string, number> } = copies[0]!;
      for (const write of taken) {
        if (write === "copy") {
          now = { parts: inParts(now.parts), plain: { ...now.plain } };
          copies.push(now as (typeof copies)[0]);
        } else {
          for (const record of [now.parts, now.plain]) {
            if (write.value === null) delete record[write.key];
            else record[write.key] = write.value;
          }
        }
      }
      for (const { parts, plain } of copies) {
        expect({ ...parts }).toEqual(plain);
        expect(Object.keys(parts).sort()).toEqual(Object.keys(plain).sort());
        for (const key of ["first", "a", "ab", "none"]) {
          expect([parts[key as "first"], key in parts]).toEqual([
            plain[key as "first"],
            key in plain,
          ]);
        }
      }
    }),
  );
});
