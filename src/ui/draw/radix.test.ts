import { afterEach, expect, test } from "vitest";
import { address, bare, runs } from "./format.ts";
import { lettersOf } from "./letters.ts";
import { writeRadix } from "./radix.ts";

afterEach(() => writeRadix("hex"));

const written = (text: string, bits = false): string =>
  runs(text, bits)
    .map((r) => `${r.group ? "_" : ""}${r.text}`)
    .join("");

test("in decimal every 0x number is converted, the short ones too; what stands in memory stays as it is", () => {
  writeRadix("dec");
  expect(written("SID 0x18")).toBe("SID 24");
  expect(written("0x8090040")).toBe("134_807_616");
  expect(written("40044009", true)).toBe("4004_4009");
  expect(written("0x4004400b", true)).toBe("0x4004_400b");
  expect(bare(0x80fffffn)).toBe("135266303");
  expect(address(0x8000000n)).toBe("134217728");
  expect(lettersOf({ text: "SID 0x18", font: "sans" })).toEqual([{ text: "SID 24" }]);
});

test("in hexadecimal nothing is converted", () => {
  expect(written("SID 0x18")).toBe("SID 0x18");
  expect(bare(0x80fffffn)).toBe("80fffff");
  expect(lettersOf({ text: "SID 0x18", font: "sans" })).toEqual([{ text: "SID 0x18" }]);
});
