import { deflateRawSync, inflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromBase64url, toBase64url } from "./base64url.ts";
import { type Compressor, decodeLink, encodeLink } from "./link.ts";

const compressor: Compressor = {
  deflate: async (b) => new Uint8Array(deflateRawSync(b)),
  inflate: async (b, limit) => new Uint8Array(inflateRawSync(b, { maxOutputLength: limit })),
};
const bad = async (fragment: string) => {
  const answer = await decodeLink(fragment, compressor);
  return answer.ok ? "" : answer.problem.message;
};

describe("base64url", () => {
  it("is what Node writes, and reads it back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
        expect(toBase64url(bytes)).toBe(Buffer.from(bytes).toString("base64url"));
        expect(fromBase64url(toBase64url(bytes))).toEqual(bytes);
      }),
    );
  });
  it("refuses what is not base64url", () => {
    for (const t of ["a", "a=", "a b4", "ab/+", "B"]) expect(fromBase64url(t)).toBeNull();
  });
});

describe("links", () => {
  it("hold branches", async () => {
    const state = {
      scenario: { text: "title: a" },
      branch: "b1",
      branches: [
        { id: "main", name: "main", text: "title: a, b & c" },
        { id: "b1", name: "\u{1f600} other", text: "title: a" },
      ],
      kernel: "linux-7.2",
      step: 3,
      view: {},
    };
    const link = await encodeLink(state, compressor);
    expect(await decodeLink(link, compressor)).toEqual({ ok: true, value: state });
    const packed = /b=([^&]*)/.exec(link)?.[1] ?? "";
    expect(await bad(link.replace(packed, packed.slice(3)))).toMatch(/branches in the link cannot be unpacked/);
    const junk = toBase64url(new Uint8Array(deflateRawSync(Buffer.from('{"open":1}'))));
    expect(await bad(link.replace(packed, junk))).toMatch(/branches in the link/);
  });
  it("come back as they went", async () => {
    const name = fc.string({ minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.record({ id: name }), fc.record({ text: fc.string({ unit: "binary", maxLength: 300 }) })),
        name,
        fc.nat(9999),
        fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.string({ unit: "grapheme" })),
        async (scenario, kernel, step, view) => {
          const link = await encodeLink({ scenario, kernel, step, view: { ...view } }, compressor);
          expect(await decodeLink(`#${link}`, compressor)).toEqual({
            ok: true,
            value: { scenario, kernel, step, view: { ...view } },
          });
        },
      ),
    );
  });

  it("are short for a library scenario", async () => {
    const link = await encodeLink(
      { scenario: { id: "sw-msi-nested" }, kernel: "linux-7.2", step: 9, view: {} },
      compressor,
    );
    expect(link).toBe("v=1&s=sw-msi-nested&k=linux-7.2&n=9");
  });

  it("that are broken are refused in one sentence", async () => {
    expect(await bad("")).toContain("no version");
    expect(await bad("v=2&s=a&k=b")).toContain("newer");
    expect(await bad("v=x&s=a&k=b")).toContain("no version");
    expect(await bad("v=1&s=a")).toContain("no kernel");
    expect(await bad("v=1&s=a&k=b&n=-1")).toContain('"-1"');
    expect(await bad("v=1&k=b")).toContain("no scenario");
    expect(await bad("v=1&k=b&t=a*")).toContain("base64url");
    expect(await bad("v=1&k=b&t=abcd")).toContain("unpacked");
    expect(await bad("v=1&k=%&t=abcd")).toContain("escape");
    const bomb = toBase64url(await compressor.deflate(new Uint8Array(8 << 20)));
    expect(await bad(`v=1&k=b&t=${bomb}`)).toContain("unpacked");
  });
});
