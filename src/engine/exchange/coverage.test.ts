import { expect, test } from "vitest";
import { IOMMU_DESTROY, IOMMU_IOAS_ALLOC } from "../uapi/iommufd.ts";
import { ALL_IOCTLS } from "../uapi/table.ts";
import { VFIO_DEVICE_PCI_HOT_RESET, VFIO_IOMMU_MAP_DMA } from "../uapi/vfio.ts";
import { Coverage } from "./coverage.ts";

const x86 = (fdt: string, cmd: string, ret: number | string, errno: number, bytes = "08000000") =>
  `{"pid":1,"fd":3,"fdt":"${fdt}","op":"ioctl","cmd":"${cmd}","name":"A/B","in":"${bytes}","out":"=","ret":${ret},"errno":${errno}}`;

test("calls are counted by ioctl and result, success first", () => {
  const coverage = new Coverage();
  const lines = [
    x86("iommu", "0x3b80", -1, 2),
    x86("iommu", "0x3b80", -1, 16),
    x86("iommu", "0x3b80", -1, 16),
    x86("iommu", "0x3b80", 0, 0),
    '{"seq":3,"t":"ioctl","fd":"iommu","cmd":"IOMMU_DESTROY","nr":"0x3b80","in":"0800000001000000","ret":-1,"errno":2}',
    '{"op":"close","fd":3,"ret":0}',
    x86("fault", "0x3b80", -1, 25),
  ];
  for (const line of lines) coverage.add(line);
  expect([...coverage.of(IOMMU_DESTROY)]).toEqual([
    ["0", 1],
    ["EBUSY", 2],
    ["ENOENT", 2],
  ]);
  expect(coverage.of(IOMMU_IOAS_ALLOC).size).toBe(0);
});

test("a number that two ioctls share is told apart by the file, test operations by their number", () => {
  const coverage = new Coverage();
  coverage.add(x86("iommu", "0x3b71", 0, 0));
  coverage.add(x86("vfio-cdev", "0x3b71", -1, 22));
  coverage.add(x86("iommu", "0x3ba0", '"0"', 0, "4800000002000000"));
  expect([...coverage.of(VFIO_IOMMU_MAP_DMA)]).toEqual([["0", 1]]);
  expect([...coverage.of(VFIO_DEVICE_PCI_HOT_RESET)]).toEqual([["EINVAL", 1]]);
  const op = ALL_IOCTLS.find((def) => def.name === "IOMMU_TEST_CMD MOCK_DOMAIN");
  expect(op && [...coverage.of(op)]).toEqual([["0", 1]]);
});
