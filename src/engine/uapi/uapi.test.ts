import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode, diffFields, encode } from "./codec.ts";
import { IOMMU_TEST_OPS, TEST_ACCESS_RW, TEST_TRIGGER_IOPF } from "./iommu_test.ts";
import { IOMMU_HWPT_ALLOC, IOMMU_IOAS_MAP, IOMMU_IOAS_UNMAP, IOMMUFD_IOCTLS } from "./iommufd.ts";
import { type Field, type Layout, SIZES } from "./layout.ts";
import { printIoctl, printResult } from "./print.ts";
import * as records from "./records.ts";
import { ALL_IOCTLS, ioctlDef } from "./table.ts";
import { VFIO_IOCTLS } from "./vfio.ts";

const layouts: Layout[] = [...ALL_IOCTLS, ...Object.values(records).filter((one) => "struct" in one)];
const fieldsOf = (layout: Layout): Field[] => Object.values(layout.fields);
const whole: Layout[] = [...IOMMUFD_IOCTLS, ...VFIO_IOCTLS];

describe("declared structs", () => {
  it.each(layouts.map((layout) => [layout.struct, layout] as const))(
    "%s: fields lie inside and do not overlap",
    (_name, layout) => {
      const owner = new Map<number, Field>();
      for (const field of fieldsOf(layout)) {
        expect(field.offset % SIZES[field.type]).toBe(0);
        expect(field.offset + SIZES[field.type]).toBeLessThanOrEqual(layout.size);
        for (let i = 0; i < SIZES[field.type]; i++) {
          expect(owner.get(field.offset + i)).toBeUndefined();
          owner.set(field.offset + i, field);
        }
      }
    },
  );

  it.each(whole.map((layout) => [layout.struct, layout] as const))(
    "%s: every byte is some field's",
    (_name, layout) => {
      const bytes = fieldsOf(layout).reduce((sum, field) => sum + SIZES[field.type], 0);
      expect(bytes).toBe(layout.size);
    },
  );

  it("decode and encode are inverse on any bytes", () => {
    for (const layout of whole) {
      fc.assert(
        fc.property(fc.uint8Array({ minLength: layout.size, maxLength: layout.size }), (bytes) => {
          expect(encode(layout, decode(layout, bytes))).toEqual(bytes);
        }),
        { numRuns: 20 },
      );
    }
  });

  it("numbers go up by one, as in the kernel's table", () => {
    expect(IOMMUFD_IOCTLS.map((def) => def.cmd)).toEqual(IOMMUFD_IOCTLS.map((_def, i) => 0x3b80 + i));
    expect(IOMMU_TEST_OPS.map((def) => def.nr)).toEqual(IOMMU_TEST_OPS.map((_def, i) => i + 1));
  });

  it("the first accepted size ends at a field", () => {
    for (const def of [...IOMMUFD_IOCTLS, ...VFIO_IOCTLS]) {
      if (def.size === 0) continue;
      expect(fieldsOf(def).some((field) => field.offset + SIZES[field.type] === def.min)).toBe(true);
    }
  });

  it("sizes are filled in, shorter structs read as zero beyond their end", () => {
    const bytes = encode(IOMMU_IOAS_UNMAP, { ioas_id: 2, length: 0x1000n });
    expect(decode(IOMMU_IOAS_UNMAP, bytes)).toEqual({ size: 24, ioas_id: 2, iova: 0n, length: 0x1000n });
    expect(decode(IOMMU_IOAS_UNMAP, bytes.subarray(0, 12)).length).toBe(0n);
  });

  it("differences are named by field", () => {
    const ours = encode(IOMMU_IOAS_MAP, { iova: 0x1000n });
    expect(diffFields(IOMMU_IOAS_MAP, ours, encode(IOMMU_IOAS_MAP, { iova: 0x2000n }))).toEqual([
      { name: "iova", ours: 0x1000n, theirs: 0x2000n },
    ]);
  });
});

describe("printed calls", () => {
  it("say what matters", () => {
    const map = encode(IOMMU_IOAS_MAP, { ioas_id: 2, iova: 0x800_0000n, length: 0x1000n, flags: 6 });
    expect(printIoctl("iommufd", 0x3b85, map)).toBe("IOMMU_IOAS_MAP ioas=2 iova=0x8000000 len=0x1000 RW");
    const alloc = encode(IOMMU_HWPT_ALLOC, {
      dev_id: 1,
      pt_id: 2,
      flags: 3,
      data_type: 2,
      data_len: 16,
      out_hwpt_id: 5,
    });
    expect(printIoctl("iommufd", 0x3b89, alloc)).toBe(
      "IOMMU_HWPT_ALLOC dev=1 pt=2 data=ARM_SMMUV3 data_len=16 fault=0 NEST_PARENT DIRTY_TRACKING",
    );
    expect(printResult("iommufd", 0x3b89, alloc)).toBe("hwpt=5");
    expect(printIoctl("iommufd", 0x3b99, new Uint8Array(8))).toBe("ioctl 0x3b99");
  });

  it("name the operation of a self-test command and unknown flag bits", () => {
    const rw = encode(TEST_ACCESS_RW, { op: 8, id: 5, iova: 0x10n, length: 2n, flags: 0x23 });
    expect(printIoctl("iommufd", 0x3ba0, rw)).toBe(
      "IOMMU_TEST_CMD ACCESS_RW op=ACCESS_RW id=5 iova=0x10 len=0x2 WRITE flags=0x22",
    );
  });

  it("the same number means different structs on different files", () => {
    expect(ioctlDef("vfio-device", 0x3b71)?.name).toBe("VFIO_DEVICE_PCI_HOT_RESET");
    expect(ioctlDef("vfio-container", 0x3b71)?.name).toBe("VFIO_IOMMU_MAP_DMA");
    expect(ioctlDef("iommufd", 0x3b71)?.name).toBe("VFIO_IOMMU_MAP_DMA");
    expect(ioctlDef("iommufd", 0x3ba0, encode(TEST_TRIGGER_IOPF, { op: 15 }))).toBe(TEST_TRIGGER_IOPF);
  });
});
