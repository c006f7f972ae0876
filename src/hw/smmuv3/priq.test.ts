import { describe, expect, test } from "vitest";
import { decode, encode } from "../base/fields.ts";
import { BDF, board, type Board, PRIQ, SID } from "../testing/board.ts";
import { CMD_PRI_RESP, CMD_SYNC, OP } from "./commands.ts";
import { PRI, type PageRequest } from "./priq.ts";
import { REG } from "./regs.ts";

const SYNC = encode(CMD_SYNC, { Op: OP.SYNC });

function request(b: Board, prgi: number, rest: Partial<PageRequest> = {}): string {
  return b.machine.pageRequest(BDF, {
    ssid: -1,
    hi: 1,
    lo: 0x2000,
    prgi,
    last: true,
    read: true,
    write: false,
    ...rest,
  });
}

function record(b: Board, i: number): Record<string, number> {
  return decode(
    PRI,
    Array.from({ length: 4 }, (_, w) => b.rig.mem.read32(PRIQ + 16 * i + 4 * w)),
  );
}

function respond(b: Board, prgi: number, code: number, ssid = -1): void {
  const pasid = ssid < 0 ? {} : { SSV: 1, SSID: ssid };
  b.rig.command(encode(CMD_PRI_RESP, { Op: OP.PRI_RESP, SID, PRGIndex: prgi, Resp: code, ...pasid }), SYNC);
}

describe("page requests", () => {
  test("are written with everything they carry, and raise the interrupt", () => {
    const b = board();
    expect(request(b, 0x155, { ssid: 3, write: true, exec: true, privileged: true })).toBe("queued");
    expect(record(b, 0)).toMatchObject({
      StreamID: SID,
      SubstreamID: 3,
      SSV: 1,
      Priv: 1,
      Exec: 1,
      Read: 1,
      Write: 1,
      Last: 1,
      PRGIndex: 0x155,
      "Addr[31:12]": 2,
      "Addr[63:32]": 1,
    });
    expect([b.smmu.priqIrq, b.smmu.readReg(REG.PRIQ_PROD)]).toEqual([true, 1]);
  });

  test("software's answers reach the function", () => {
    const b = board();
    [0, 1, 2].forEach((code) => respond(b, 7 + code, code, code === 1 ? 5 : -1));
    expect(b.f.pageResponses).toEqual([
      { ssid: -1, prgi: 7, code: "failure" },
      { ssid: 5, prgi: 8, code: "invalid" },
      { ssid: -1, prgi: 9, code: "success" },
    ]);
    respond(b, 1, 3);
    expect(b.smmu.commands.cons >>> 24).toBe(1);
  });

  test("overflow: the last of a group is answered, nothing is written until it is acknowledged", () => {
    const b = board();
    expect([request(b, 1), request(b, 2), request(b, 3), request(b, 4, { last: false })]).toEqual([
      "queued",
      "queued",
      "success",
      "dropped",
    ]);
    expect(b.f.pageResponses).toEqual([{ ssid: -1, prgi: 3, code: "success" }]);
    expect(b.smmu.readReg(REG.PRIQ_PROD)).toBe(0x8000_0002);
    b.smmu.writeReg(REG.PRIQ_CONS, 2);
    expect(request(b, 5)).toBe("success");
    b.smmu.writeReg(REG.PRIQ_CONS, 0x8000_0002);
    expect(request(b, 6)).toBe("queued");
    expect(record(b, 0)["PRGIndex"]).toBe(6);
  });

  test("the PASID of an overflow answer is that of the request where STE.PPAR says so", () => {
    const b = board();
    request(b, 1);
    request(b, 2);
    request(b, 3, { ssid: 4 });
    b.rig.ste(SID, { Config: 5, "S1ContextPtr[31:6]": b.cd >>> 6, S1DSS: 2, PPAR: 1 });
    request(b, 3, { ssid: 4 });
    expect(b.f.pageResponses.map((r) => r.ssid)).toEqual([-1, 4]);
  });

  test("queue off, nothing behind it, or PRI off in the function", () => {
    const b = board();
    b.smmu.writeReg(REG.CR0, 0xd);
    expect([request(b, 1), b.f.pageResponses[0]?.code]).toEqual(["failure", "failure"]);
    expect(request(b, 1, { read: false })).toBe("dropped");
    b.smmu.writeReg(REG.CR0, 0xf);
    b.smmu.writeReg64(REG.PRIQ_BASE, 0x7000_0001, 0);
    expect(request(b, 2)).toBe("failure");
    expect([b.smmu.gerror & 8, request(b, 3)]).toEqual([8, "failure"]);
    b.f.config.write(b.f.config.findExtended(0x13) + 4, 2, 0);
    expect(() => request(b, 1)).toThrow("PRI is not enabled");
  });
});
