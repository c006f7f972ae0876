/** Which struct a command number means on a kind of file. */
import { IOMMU_TEST_CMD, IOMMU_TEST_CMD_NR, IOMMU_TEST_OPS } from "./iommu_test.ts";
import { IOMMUFD_IOCTLS } from "./iommufd.ts";
import type { FileKind, IoctlDef } from "./layout.ts";
import { PROPOSED_IOCTLS } from "./proposals.ts";
import { VFIO_IOCTLS } from "./vfio.ts";

const byKey = new Map<string, IoctlDef>();
for (const def of [...IOMMUFD_IOCTLS, ...VFIO_IOCTLS, ...PROPOSED_IOCTLS]) byKey.set(`${def.on} ${def.cmd}`, def);
const testOps = new Map<number, IoctlDef>(IOMMU_TEST_OPS.map((def) => [def.nr, def]));

/**
 * The declaration for a command, or undefined for a number that this kind of file does not know. The iommufd fd also
 * answers container commands. `arg` (the struct's bytes) selects the operation of IOMMU_TEST_CMD.
 */
export function ioctlDef(on: FileKind, cmd: number, arg?: Uint8Array): IoctlDef | undefined {
  if (on === "iommufd" && cmd === IOMMU_TEST_CMD_NR) {
    const op = arg !== undefined && arg.length >= 8 ? new DataView(arg.buffer, arg.byteOffset).getUint32(4, true) : 0;
    return testOps.get(op) ?? IOMMU_TEST_CMD;
  }
  return byKey.get(`${on} ${cmd}`) ?? (on === "iommufd" ? byKey.get(`vfio-container ${cmd}`) : undefined);
}

/** Every declared ioctl, iommufd's first, then VFIO's, then the self-test operations. */
export const ALL_IOCTLS: readonly IoctlDef[] = Object.freeze([...IOMMUFD_IOCTLS, ...VFIO_IOCTLS, ...IOMMU_TEST_OPS]);
