import { describe, expect, it } from "vitest";
import { main } from "./main.ts";

async function lab(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const code = await main(argv, { out: (t) => void (out += t), err: (t) => void (err += t) });
  return { code, out, err };
}

describe("names of kernels on the command line", () => {
  it("a release between two profiles means the older one, and stderr says so", async () => {
    const r = await lab("run", "sw-msi-q2", "--kernel", "linux-6.16", "--json");
    expect(r).toMatchObject({
      code: 0,
      err: expect.stringMatching(/^linux-6\.16 .*linux-6\.15, is meant\n$/) as string,
    });
    expect(JSON.parse(r.out)).toMatchObject({ kernel: "linux-6.15" });
  });
  it("a short name works, an unknown one is refused", async () => {
    const r = await lab("run", "sw-msi-q2", "--kernel", "sw-msi-at-alloc", "--json");
    expect(JSON.parse(r.out)).toMatchObject({ kernel: "sw-msi-at-alloc-2024-07" });
    expect(r.err).toBe("");
    expect(await lab("run", "sw-msi-q2", "--kernel", "linux-6.1")).toMatchObject({ code: 2, out: "" });
  });
  it("lists say which profile has an ioctl first, and what is not known", async () => {
    expect((await lab("list", "ioctls")).out).toMatch(
      /^IOMMU_HWPT_INVALIDATE\t0x3b8d, since 6\.8, in linux-6\.11 and newer/m,
    );
    expect((await lab("list", "kernels")).out).toMatch(/^linux-6\.2\t6\.2: .*\(not known: /m);
  }, 30_000);
});
