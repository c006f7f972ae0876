/** The errno tables of the designs, call by call. */
import { describe, expect, it } from "vitest";
import { play } from "../../testing/play.ts";
import { kernels } from "../../testing/scenarios.ts";
import { IOASID_OPS } from "../../sim/scenario/ops_ioasid.ts";

const SETS = "ioasid-sets-2021-02";
const OWNERS = "ioasid-vfio-2021-04";
const CONTAINERS = "ioasid-containers-2021-04";
const RFC1 = "ioasid-rfc1-2021-05";
const RFC2 = "dev-iommu-rfc2-2021-07";
const CODE = "dev-iommu-code-2021-09";
const ALL = [SETS, OWNERS, CONTAINERS, RFC1, RFC2, CODE];

/** Of lines with the errno that each must give, those that gave another. */
function wrong(kernel: string, rows: readonly (readonly [string, string])[]): string[] {
  const lines = rows.map(([line]) => line);
  const { errnos } = play(kernel, "plain", lines);
  return rows.flatMap(([line, errno], i) => (errnos[i] === errno ? [] : [`${line}: ${errnos[i]}, not ${errno}`]));
}

const MAP = "vmm IOASID_MAP_DMA va=RAM len=2M";
const UNMAP = "vmm IOASID_UNMAP_DMA len=2M";
const BIND = "vmm VFIO_BIND_IOASID_FD";
const ATTACH = "vmm VFIO_ATTACH_IOASID";
const DETACH = "vmm VFIO_DETACH_IOASID";
const ALLOC6 = "vmm IOASID_ALLOC type=KERNEL_TYPE1V2 flags=ENFORCE_SNOOP";

describe(`errno of ${SETS}`, () => {
  it("REQUEST_ALLOC and REQUEST_FREE", () => {
    expect(
      wrong(SETS, [
        ["vmm IOASID_GET_API_VERSION", "ok"],
        ["vmm IOASID_GET_INFO", "ok"],
        ["vmm IOASID_GET_INFO flags=1", "EINVAL"],
        ["vmm IOASID_REQUEST_ALLOC min=0xfffff max=0xfffff", "ok"],
        ["vmm IOASID_REQUEST_ALLOC min=0xfffff max=0xfffff", "EINVAL"],
        ["vmm IOASID_REQUEST_ALLOC min=0xfffff max=0x100000", "EINVAL"],
        ["vmm IOASID_REQUEST_ALLOC min=2 max=1", "EINVAL"],
        ["vmm IOASID_REQUEST_ALLOC flags=1 min=1 max=2", "EINVAL"],
        ["vmm IOASID_REQUEST_FREE ioasid=0x80000000", "EINVAL"],
        ["vmm IOASID_REQUEST_FREE ioasid=77", "ok"],
        ["vmm IOASID_REQUEST_FREE ioasid=0xfffff", "ok"],
        ["vmm IOASID_REQUEST_ALLOC min=0xfffff max=0xfffff", "ok"],
        ["vmm IOASID_ALLOC", "EINVAL"],
      ]),
    ).toEqual([]);
  });
  it("the quota of a set", () => {
    const lines = Array.from({ length: 1001 }, () => "vmm IOASID_REQUEST_ALLOC min=0 max=5000");
    const { errnos } = play(SETS, "plain", lines);
    expect(errnos.indexOf("EINVAL")).toBe(1000);
  });
  it("closing the file frees the set: the process may open again", () => {
    const p = play(SETS, "plain", [
      "vmm P = IOASID_REQUEST_ALLOC min=7 max=7",
      "vmm OPEN",
      "vmm CLOSE 3",
      "vmm F = OPEN",
      "vmm IOASID_REQUEST_ALLOC file=F min=7 max=7",
    ]);
    expect(p.errnos).toEqual(["ok", "EBUSY", "ok", "ok", "ok"]);
  });
  it("binds belong to the owner; one guest number for one host number", () => {
    expect(
      wrong(SETS, [
        ["vmm IOASID_BIND_GPASID D1 ioasid=1 gpasid=1", "EINVAL"],
        ["vmm IOASID_REQUEST_ALLOC min=1 max=2", "ok"],
        ["vmm IOASID_REQUEST_ALLOC min=1 max=2", "ok"],
        ["vmm IOASID_BIND_GPASID D1 ioasid=1 gpasid=5", "ok"],
        ["vmm IOASID_BIND_GPASID D2 ioasid=1 gpasid=5", "ok"],
        ["vmm IOASID_BIND_GPASID D1 ioasid=2 gpasid=5", "EINVAL"],
        ["vmm IOASID_BIND_GPASID D1 ioasid=1 gpasid=6", "EINVAL"],
        ["vmm IOASID_UNBIND_GPASID D1 ioasid=2", "EINVAL"],
        ["vmm IOASID_UNBIND_GPASID D1 ioasid=1", "ok"],
        ["vmm IOASID_REQUEST_FREE ioasid=1", "ok"],
        ["vmm IOASID_REQUEST_ALLOC min=1 max=1", "EINVAL"],
        ["vmm IOASID_UNBIND_GPASID D2 ioasid=1", "ok"],
        ["vmm IOASID_REQUEST_ALLOC min=1 max=1", "ok"],
      ]),
    ).toEqual([]);
  });
});

describe(`errno of ${RFC1}`, () => {
  it("no command before an attach", () => {
    expect(
      wrong(RFC1, [
        ["vmm IOASID_ALLOC", "ok"],
        ["vmm IOASID_ALLOC type=KERNEL_TYPE1V2", "EINVAL"],
        [`${MAP} iova=0x200000`, "EINVAL"],
        [`${UNMAP} iova=0x200000`, "EINVAL"],
        ["vmm IOASID_GET_INFO", "EINVAL"],
        ["vmm IOASID_CREATE_NESTING", "EINVAL"],
        [`${ATTACH} D1`, "EINVAL"],
        [BIND + " D1", "ok"],
        [BIND + " D1", "EINVAL"],
        [`${ATTACH} D1 ioasid=9`, "EINVAL"],
        [`${ATTACH} D1`, "ok"],
        [`${ATTACH} D1`, "EINVAL"],
        ["vmm IOASID_GET_INFO", "ok"],
        [`${MAP} iova=0x200000`, "ok"],
        [`${MAP} iova=0x200000`, "EEXIST"],
        [`${MAP} iova=0x200000 flags=0`, "EINVAL"],
        [`${MAP} iova=0x8000000`, "EINVAL"],
        ["vmm IOASID_MAP_DMA va=RAM len=1 iova=0x600000", "EINVAL"],
        ["vmm IOASID_MAP_DMA va=0x1000 len=4K iova=0x600000", "EFAULT"],
        ["vmm IOASID_MAP_DMA va=0x1000 len=8K iova=0xfffffffffffff000", "EOVERFLOW"],
        ["vmm IOASID_UNMAP_DMA iova=0x200000 len=4K", "EINVAL"],
        ["vmm IOASID_FREE ioasid=0", "EINVAL"],
        [`${UNMAP} iova=0x200000`, "ok"],
        [`${DETACH} D1`, "ok"],
        [`${DETACH} D1`, "EINVAL"],
        ["vmm VFIO_UNBIND_IOASID_FD D1", "ok"],
        ["vmm VFIO_UNBIND_IOASID_FD D1", "EINVAL"],
        ["vmm IOASID_FREE ioasid=0", "ok"],
        ["vmm IOASID_FREE ioasid=0", "EINVAL"],
      ]),
    ).toEqual([]);
  });
  it("guest tables", () => {
    expect(
      wrong(RFC1, [
        ["vmm IOASID_ALLOC", "ok"],
        [BIND + " D1", "ok"],
        [`${ATTACH} D1`, "ok"],
        [`${MAP} iova=0x80000000`, "ok"],
        ["vmm IOASID_CREATE_NESTING parent=7", "EINVAL"],
        ["vmm IOASID_CREATE_NESTING parent=0", "ok"],
        ["vmm IOASID_BIND_PASID_TABLE ioasid=1 table=0x80000000", "EINVAL"],
        [`${ATTACH} D1 ioasid=1`, "ok"],
        ["vmm IOASID_BIND_PASID_TABLE ioasid=0 table=0x80000000", "EINVAL"],
        ["vmm IOASID_BIND_PASID_TABLE ioasid=1 table=0x80000001", "EINVAL"],
        ["vmm IOASID_BIND_PGTABLE ioasid=1 table=0x80000000", "EINVAL"],
        ["vmm IOASID_INVALIDATE_CACHE ioasid=1 commands={0x10,0x0}", "EINVAL"],
        ["vmm IOASID_BIND_PASID_TABLE ioasid=1 table=0x80000000", "ok"],
        ["vmm IOASID_BIND_PASID_TABLE ioasid=1 table=0x80000000", "EINVAL"],
        ["vmm IOASID_INVALIDATE_CACHE ioasid=1 commands={0x10,0x0}", "ok"],
        ["vmm IOASID_INVALIDATE_CACHE ioasid=1 commands={0x46,0x0}", "EIO"],
        ["vmm IOASID_MAP_DMA ioasid=1 va=RAM len=4K iova=0x1000", "EINVAL"],
        [`${DETACH} D1 ioasid=0`, "EINVAL"],
        ["vmm IOASID_UNBIND_PASID_TABLE ioasid=1", "ok"],
        ["vmm IOASID_UNBIND_PASID_TABLE ioasid=1", "EINVAL"],
        ["vmm IOASID_FREE ioasid=0", "EINVAL"],
        [`${DETACH} D1 ioasid=1`, "ok"],
        ["vmm IOASID_FREE ioasid=1", "ok"],
      ]),
    ).toEqual([]);
  });
  it("memory is registered once, and its mappings are not counted again", () => {
    const p = play(RFC1, "plain", [
      "vmm IOASID_ALLOC",
      "vmm VFIO_BIND_IOASID_FD D1",
      "vmm VFIO_ATTACH_IOASID D1",
      "vmm IOASID_REGISTER_MEMORY va=RAM len=2M",
      "vmm IOASID_MAP_DMA va=RAM len=2M iova=0x200000",
      "vmm IOASID_UNREGISTER_MEMORY va=RAM len=4K",
      "vmm IOASID_UNMAP_DMA len=2M iova=0x200000",
      "vmm IOASID_UNREGISTER_MEMORY va=RAM len=2M",
    ]);
    expect(p.errnos).toEqual(["ok", "ok", "ok", "ok", "ok", "EINVAL", "ok", "ok"]);
    expect([4, 5, 8].map((n) => p.run.world(n).vmm.mm.locked_vm)).toEqual([512, 512, 0]);
  });
});

describe(`errno of ${OWNERS}`, () => {
  it("ALLOW_PASID before an attach, with a permitted configuration", () => {
    expect(
      wrong(OWNERS, [
        ["vmm IOASID_ALLOC", "ok"],
        [BIND + " D1", "ok"],
        [`${ATTACH} D1`, "EINVAL"],
        ["vmm VFIO_DEVICE_ALLOW_PASID D1 config=0", "EINVAL"],
        ["vmm VFIO_DEVICE_ALLOW_PASID D1 config=2", "EINVAL"],
        ["vmm VFIO_DEVICE_ALLOW_PASID D1 config=1", "ok"],
        ["vmm VFIO_DEVICE_MAP_DMA D1 va=RAM len=4K iova=0x1000", "EINVAL"],
        [`${ATTACH} D1`, "ok"],
        ["vmm VFIO_DEVICE_ALLOW_PASID D1 config=3", "EINVAL"],
        ["vmm IOASID_MAP_DMA va=RAM len=4K iova=0x1000", "EINVAL"],
        ["vmm VFIO_DEVICE_MAP_DMA D1 va=RAM len=4K iova=0x1000", "ok"],
        ["vmm VFIO_DEVICE_UNMAP_DMA D1 len=4K iova=0x1000", "ok"],
        ["vmm VFIO_DEVICE_GET_FAULT D1", "EAGAIN"],
      ]),
    ).toEqual([]);
  });
});

describe(`errno of ${CONTAINERS}`, () => {
  it("nothing before an attach, one device on one level", () => {
    expect(
      wrong(CONTAINERS, [
        ["vmm SPACE_ALLOC", "ok"],
        [`${MAP} iova=0x200000`, "EINVAL"],
        ["vmm IOASID_DERIVE device=D1", "EINVAL"],
        ["vmm IOASID_SET_PASID_TABLE table=0x80000000", "EINVAL"],
        ["vmm IOASID_ATTACH device=99", "EBADF"],
        ["vmm IOASID_ATTACH device=0", "EINVAL"],
        ["vmm IOASID_ATTACH device=D1", "ok"],
        ["vmm IOASID_ATTACH device=D1", "EINVAL"],
        ["vmm IOASID_ATTACH device=D2", "EINVAL"],
        ["vmm IOASID_ATTACH device=D2 flags=NESTING", "EINVAL"],
        [`${MAP} iova=0x200000`, "ok"],
        ["vmm IOASID_MAP_DMA ioasid=1 va=RAM len=4K iova=0x1000", "EINVAL"],
        ["vmm IOASID_DERIVE device=D2", "EINVAL"],
        ["vmm IOASID_DERIVE device=D1", "EINVAL"],
        ["vmm IOASID_DETACH device=D2", "EINVAL"],
        ["vmm IOASID_DETACH device=D1", "ok"],
        [`${UNMAP} iova=0x200000`, "EINVAL"],
      ]),
    ).toEqual([]);
  });
  it("SET_PASID_TABLE: on the container with one device, on children with several", () => {
    expect(
      wrong(CONTAINERS, [
        ["vmm IOASID_ATTACH device=D1 flags=NESTING", "ok"],
        [`${MAP} iova=0x80000000`, "ok"],
        ["vmm IOASID_ATTACH device=D2 flags=NESTING", "ok"],
        ["vmm IOASID_SET_PASID_TABLE table=0x80000000", "EINVAL"],
        ["vmm C = IOASID_DERIVE device=D1", "ok"],
        ["vmm IOASID_DERIVE device=D1", "EINVAL"],
        ["vmm IOASID_SET_PASID_TABLE file=C table=0x80000000", "ok"],
        ["vmm IOASID_SET_PASID_TABLE file=C table=0x80000000", "EINVAL"],
        ["vmm IOASID_ATTACH file=C device=D2", "EINVAL"],
        ["vmm IOASID_INVALIDATE_CACHE commands={0x10,0x0}", "EINVAL"],
        ["vmm IOASID_INVALIDATE_CACHE file=C commands={0x10,0x0}", "ok"],
      ]),
    ).toEqual([]);
    expect(
      wrong(CONTAINERS, [
        ["vmm IOASID_ATTACH device=D1 flags=NESTING", "ok"],
        ["vmm IOASID_SET_PASID_TABLE table=0x80000000", "ok"],
        ["vmm IOASID_SET_PASID_TABLE table=0x80000000", "EINVAL"],
        ["vmm IOASID_INVALIDATE_CACHE commands={0x10,0x0}", "ok"],
      ]),
    ).toEqual([]);
  });
  it("a table for a PASID that the program may use", () => {
    const p = play(CONTAINERS, "plain-pri", [
      "vmm VFIO_DEVICE_ALLOW_IOASID D2 pasid=3",
      "vmm IOASID_ATTACH device=D2",
      "vmm IOASID_DERIVE device=D2 pasid=3",
      "vmm VFIO_DEVICE_ALLOW_IOASID D2 pasid=3",
      "vmm C = IOASID_DERIVE device=D2 pasid=3",
      "vmm IOASID_MAP_DMA file=C va=RAM len=2M iova=0x200000",
      "device D2 DMA write iova=0x200000 pasid=3",
      "device D2 DMA write iova=0x200000",
    ]);
    expect(p.errnos.slice(0, 6)).toEqual(["EINVAL", "ok", "EINVAL", "ok", "ok", "ok"]);
    expect([p.seen(-2, "event"), p.seen(-1, "event")]).toEqual(["none", "F_TRANSLATION"]);
  });
});

describe(`errno of ${RFC2}`, () => {
  it("attributes at the allocation, cookies at the bind, mapping before an attach", () => {
    expect(
      wrong(RFC2, [
        ["vmm IOASID_ALLOC", "EINVAL"],
        ["vmm IOASID_ALLOC type=KERNEL_TYPE1V2 flags=2", "EINVAL"],
        ["vmm A = IOASID_ALLOC type=KERNEL_TYPE1V2", "ok"],
        ["vmm IOASID_ALLOC type=USER", "EINVAL"],
        ["vmm IOASID_ALLOC type=USER parent=9", "EINVAL"],
        ["vmm IOASID_ALLOC type=KERNEL_TYPE1V2 parent=A", "EINVAL"],
        ["vmm N = IOASID_ALLOC type=DUMMY", "ok"],
        ["vmm K = IOASID_ALLOC type=KERNEL_TYPE1V2 parent=N", "ok"],
        ["vmm U = IOASID_ALLOC type=USER parent=A table=0x80000000", "ok"],
        [`${MAP} ioasid=A iova=0x80000000`, "ok"],
        [`${MAP} ioasid=U iova=0x80000000`, "EINVAL"],
        [`${MAP} ioasid=N iova=0x80000000`, "EINVAL"],
        ["vmm IOASID_DEVICE_GET_INFO cookie=5", "EINVAL"],
        [BIND + " D1 cookie=5", "ok"],
        [BIND + " D2 cookie=5", "EINVAL"],
        [BIND + " D2 cookie=6", "ok"],
        [BIND + " D2 cookie=7", "EINVAL"],
        ["vmm IOASID_DEVICE_GET_INFO cookie=5", "ok"],
        [`${ATTACH} D1 ioasid=N`, "EINVAL"],
        [`${ATTACH} D1 ioasid=U`, "ok"],
        ["vmm IOASID_INVALIDATE_CACHE ioasid=U commands={0x10,0x0}", "ok"],
        [`${ATTACH} D2 ioasid=A`, "ok"],
        ["vmm IOASID_FREE ioasid=A", "EINVAL"],
        [`${DETACH} D1 ioasid=A`, "EINVAL"],
        [`${DETACH} D1 ioasid=U`, "ok"],
      ]),
    ).toEqual([]);
  });
  it("one device may be bound to several files", () => {
    const p = play(RFC2, "plain", [
      "vmm VFIO_BIND_IOASID_FD D1 cookie=1",
      "vmm F = OPEN",
      "vmm VFIO_BIND_IOASID_FD D1 fd=F cookie=1",
      "vmm VFIO_UNBIND_IOASID_FD D1 fd=F",
      "vmm VFIO_UNBIND_IOASID_FD D1 fd=F",
    ]);
    expect(p.errnos).toEqual(["ok", "ok", "ok", "ok", "EINVAL"]);
  });
  it.each([
    ["ENFORCE_SNOOP", "EINVAL"],
    ["0", "ok"],
  ])("an IOMMU that cannot enforce snooping, flags=%s: attach %s", (flags, errno) => {
    const p = play(RFC2, "acpi", [
      `vmm A = IOASID_ALLOC type=KERNEL_TYPE1V2 flags=${flags}`,
      "vmm VFIO_BIND_IOASID_FD D1 cookie=1",
      "vmm VFIO_ATTACH_IOASID D1 ioasid=A",
    ]);
    expect(p.errnos).toEqual(["ok", "ok", errno]);
  });
});

describe(`errno of ${CODE}`, () => {
  it("bind, attach, detach", () => {
    expect(
      wrong(CODE, [
        [`${ALLOC6} addr_width=49`, "ok"],
        [`${ALLOC6} addr_width=48`, "ok"],
        [`${ATTACH} D1 ioasid=1`, "EINVAL"],
        ["vmm VFIO_BIND_IOASID_FD D1 fd=99", "EBADF"],
        ["vmm VFIO_BIND_IOASID_FD D1 fd=0", "EINVAL"],
        ["vmm VFIO_BIND_IOASID_FD D1 flags=1", "EINVAL"],
        [BIND + " D1 cookie=1", "ok"],
        [BIND + " D1 cookie=2", "EBUSY"],
        [BIND + " D2 cookie=1", "EBUSY"],
        [BIND + " D2 cookie=2", "ok"],
        [`${ATTACH} D1 ioasid=0`, "EINVAL"],
        [`${ATTACH} D1 ioasid=2`, "EINVAL"],
        [`${ATTACH} D1 ioasid=1`, "ok"],
        [`${ATTACH} D1 ioasid=0`, "EBUSY"],
        [`${ATTACH} D2 ioasid=1`, "ok"],
        ["vmm IOASID_FREE ioasid=1", "EBUSY"],
        ["vmm IOASID_FREE ioasid=5", "EINVAL"],
        [`${DETACH} D1 ioasid=0`, "EINVAL"],
        [`${DETACH} D1 ioasid=1`, "ok"],
        [`${DETACH} D1 ioasid=1`, "EINVAL"],
        ["vmm IOASID_DEVICE_GET_INFO cookie=9", "EINVAL"],
        ["vmm IOASID_DEVICE_GET_INFO cookie=1", "ok"],
        ["vmm IOASID_INVALIDATE_CACHE ioasid=1 commands={0x10,0x0}", "EINVAL"],
      ]),
    ).toEqual([]);
  });
  it("a file of another open is not the one that the device is bound to", () => {
    const p = play(CODE, "plain", [
      "vmm F = OPEN",
      `${ALLOC6} addr_width=48 file=F`,
      "vmm VFIO_BIND_IOASID_FD D1 cookie=1",
      "vmm VFIO_ATTACH_IOASID D1 fd=F ioasid=0",
    ]);
    expect(p.errnos).toEqual(["ok", "ok", "ok", "EINVAL"]);
  });
  it("an IOMMU that cannot enforce snooping is refused", () => {
    const p = play(CODE, "acpi", [
      `${ALLOC6} addr_width=44`,
      "vmm VFIO_BIND_IOASID_FD D1 cookie=1",
      "vmm VFIO_ATTACH_IOASID D1 ioasid=0",
    ]);
    expect(p.errnos).toEqual(["ok", "ok", "EINVAL"]);
  });
});

describe("a PASID as routing information", () => {
  it.each([RFC1, RFC2])("%s: a space for a PASID of the device, faults of that PASID in its name", (kernel) => {
    const p = play(kernel, "plain-pri", [
      "vmm A = IOASID_ALLOC" + (kernel === RFC2 ? " type=KERNEL_TYPE1V2" : ""),
      "vmm VFIO_BIND_IOASID_FD D2",
      "vmm VFIO_ATTACH_IOASID D2 ioasid=A pasid=3",
      "vmm VFIO_ATTACH_IOASID D2 ioasid=A pasid=3",
      "vmm IOASID_MAP_DMA ioasid=A va=RAM len=2M iova=0x200000",
      "device D2 DMA write iova=0x200000 pasid=3",
      "device D2 DMA write iova=0x600000 len=4 pasid=3",
      "vmm SPACE_FAULTS space=A",
      "vmm VFIO_DETACH_IOASID D2 ioasid=A",
      "vmm VFIO_DETACH_IOASID D2 ioasid=A pasid=3",
    ]);
    expect(p.errnos.slice(0, 5)).toEqual(["ok", "ok", "ok", "EINVAL", "ok"]);
    expect([p.seen(5, "event"), p.seen(6, "event"), p.seen(7, "records")]).toEqual(["none", "F_TRANSLATION", "1"]);
    expect(p.errnos.slice(-2)).toEqual(["EINVAL", "ok"]);
  });
});

describe("faults across a detach", () => {
  it.each([RFC1, RFC2])("%s: what waits is ended, and its answer comes too late", (kernel) => {
    const p = play(kernel, "plain-stall", [
      "vmm S = SPACE_ALLOC",
      "vmm SPACE_ATTACH D1 space=S",
      "device D1 DMA write iova=0x9000 len=4",
      "vmm SPACE_FAULTS space=S",
      "vmm SPACE_DETACH D1 space=S",
      "vmm SPACE_RESPOND space=S",
    ]);
    expect(p.errnos.slice(3)).toEqual(["ok", "ok", "EINVAL"]);
    expect([p.run.world(4), p.run.world(5)].map((w) => w.machine.engine.held.size)).toEqual([1, 0]);
  });
  it("a full queue answers what comes then at once", () => {
    const p = play(RFC1, "plain-pri", [
      "vmm S = SPACE_ALLOC",
      "vmm SPACE_ATTACH D1 space=S",
      ...Array.from({ length: 65 }, (_, i) => `device D1 PAGE_REQUEST read iova=0x9000 grpid=${i}`),
    ]);
    expect([p.seen(2, "event"), p.seen(65, "event"), p.seen(66, "event")]).toEqual(["queued", "queued", "invalid"]);
  });
});

describe("on every kernel", () => {
  const args: Readonly<Record<string, string>> = {
    IOASID_CHECK_EXTENSION: "ext=1",
    IOASID_INVALIDATE_CACHE: "commands={0x10,0x0}",
    SPACE_MAP: "space=0 iova=0x1000 len=4K va=RAM",
    SPACE_UNMAP: "space=0 iova=0x1000 len=4K",
    SPACE_NEST: "space=0 cd=0x80000000",
    SPACE_ALLOC: "",
  };
  const lines = IOASID_OPS.map(({ name, params }) => {
    const device = params.some((p) => p.kind === "device") ? "D1 " : "";
    const space = name.startsWith("SPACE_") ? "space=0" : "";
    return `vmm ${name} ${device}${args[name] ?? space}`.trimEnd();
  });
  it.each(kernels.ids)("%s answers every call, known or not", (kernel) => {
    const { results } = play(kernel, "plain", lines);
    expect(results.map((r) => r.errno).filter((e) => e.startsWith("errno "))).toEqual([]);
    if (ALL.includes(kernel)) return;
    const calls = results.filter((_, i) => IOASID_OPS[i]?.def?.on === "iommufd");
    expect(new Set(calls.map((r) => r.errno))).toEqual(new Set(["ENOTTY"]));
  });
  it.each(ALL)("%s knows none of iommufd's", (kernel) => {
    const { errnos } = play(kernel, "plain", [
      "vmm IOMMU_IOAS_ALLOC",
      "vmm VFIO_DEVICE_BIND_IOMMUFD D1",
      "vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=1",
    ]);
    expect(errnos.every((e) => e === "ENOTTY" || e === "EINVAL" || e === "EBADF")).toBe(true);
  });
});
