import { describe, expect, it } from "vitest";
import { Kernels } from "../sim/kernels.ts";
import { seenText } from "../sim/run.ts";
import { bootedKernel, DeviceProgram } from "../testing/device_program.ts";
import { DATA } from "../testing/program.ts";
import { kernels, scenario, start } from "../testing/scenarios.ts";
import { errno } from "../uapi/errno.ts";
import {
  HWPT_ALLOC_FLAGS,
  IOMMU_GET_HW_INFO,
  IOMMU_HWPT_ALLOC,
  IOMMU_IOAS_ALLOC,
  IOMMU_VIOMMU_ALLOC,
  IOMMUFD_IOCTLS,
} from "../uapi/iommufd.ts";
import type { IoctlDef } from "../uapi/layout.ts";
import {
  VFIO_DEVICE_ATTACH_IOMMUFD_PT,
  VFIO_DEVICE_BIND_IOMMUFD,
  VFIO_GROUP_GET_DEVICE_FD,
  VFIO_GROUP_SET_CONTAINER,
} from "../uapi/vfio.ts";
import { the_platform } from "../kernel/platform.ts";
import { releaseNumber } from "../kernel/profile.ts";
import { sys_ioctl } from "../kernel/syscall.ts";

/** Newest first. */
const RELEASES = ["7.2", "6.19", "6.17", "6.15", "6.14", "6.13", "6.12", "6.11", "6.7", "6.6", "6.4", "6.2"];
const EDU = "0000:00:03.0";

/** A process on the kernel as it was released: nothing is played. */
function program(release: string): DeviceProgram {
  return new DeviceProgram(bootedKernel(undefined, kernels.resolve(`linux-${release}`, false)));
}

/** The call with `size` bytes of struct, all of them 0 but the size and the last one. */
function long(p: DeviceProgram, def: IoctlDef, size: number): number {
  const whole = {
    ...def,
    size,
    fields: { size: def.fields["size"], last: { ...def.fields["size"], offset: size - 4 } },
  };
  return p.ioctl(p.iommufd, whole as IoctlDef, { size, last: 1 }).ret;
}

describe("releases", () => {
  it("are these, each against the next newer one, and say what is not known", () => {
    const profiles = kernels.profiles.filter((p) => p.id.startsWith("linux-"));
    expect(profiles.map((p) => p.id)).toEqual(RELEASES.map((r) => `linux-${r}`));
    profiles.forEach((p, i) => {
      expect(p.base).toBe(profiles[i - 1]?.id);
      if (p.base !== undefined) expect(p.unknown?.length ?? 0).toBeGreaterThan(0);
      const release = kernels.resolve(p.id, false)?.features.uapi_release;
      expect(release).toBe(releaseNumber(RELEASES[i] ?? ""));
    });
  });

  it.each(RELEASES)("%s has the ioctls that were there", (release) => {
    const p = program(release);
    const known = (def: IoctlDef) => p.ioctl(p.iommufd, { ...def, size: 4 }, {}).ret !== -errno.ENOTTY;
    for (const def of IOMMUFD_IOCTLS) {
      const since = releaseNumber(def.since);
      const there = !Number.isNaN(since) && since <= releaseNumber(release);
      expect(known(def), def.name).toBe(there);
    }
  });

  it("took longer structs as they grew: bytes beyond must be 0", () => {
    const table: [string, IoctlDef, number, boolean][] = [
      ["6.6", IOMMU_HWPT_ALLOC, 28, false],
      ["6.7", IOMMU_HWPT_ALLOC, 40, true],
      ["6.7", IOMMU_HWPT_ALLOC, 44, false],
      ["6.11", IOMMU_HWPT_ALLOC, 44, true],
      ["6.6", IOMMU_GET_HW_INFO, 36, false],
      ["6.7", IOMMU_GET_HW_INFO, 36, true],
      ["6.15", IOMMU_VIOMMU_ALLOC, 28, false],
      ["6.17", IOMMU_VIOMMU_ALLOC, 28, true],
    ];
    for (const [release, def, size, fits] of table)
      expect(long(program(release), def, size) !== -errno.E2BIG, `${release} ${def.name} ${size}`).toBe(fits);
  });

  it("had no files of devices before 6.6, and groups all along", () => {
    for (const [release, bind] of [
      ["6.2", -errno.ENOTTY],
      ["6.4", -errno.ENOTTY],
      ["6.6", -errno.EINVAL],
    ] as const) {
      const p = program(release);
      expect(p.open("/dev/vfio/devices/vfio0") >= 0).toBe(release === "6.6");
      const group = the_platform(p.k).pci.get(EDU)?.dev.iommu_group?.id ?? -1;
      const fd = p.open(`/dev/vfio/${group}`);
      p.poke(
        DATA,
        Uint8Array.from(`${EDU}\0`, (c) => c.charCodeAt(0)),
      );
      expect(p.ioctl(fd, VFIO_GROUP_SET_CONTAINER, { fd: p.iommufd }).ret).toBe(0);
      const device = sys_ioctl(p.k, p.task, fd, VFIO_GROUP_GET_DEVICE_FD.cmd, DATA);
      expect(device).toBeGreaterThan(0);
      const args = { argsz: VFIO_DEVICE_BIND_IOMMUFD.size, iommufd: p.iommufd };
      expect(p.ioctl(device, VFIO_DEVICE_BIND_IOMMUFD, args).ret).toBe(bind);
    }
  });

  it("knew more flags of HWPT_ALLOC as time went by", () => {
    const { NEST_PARENT, FAULT_ID_VALID, PASID } = HWPT_ALLOC_FLAGS;
    const allocates = (release: string, flags: number): number => {
      const p = program(release);
      const dev = p.bound(EDU);
      const ioas = p.ioctl(p.iommufd, IOMMU_IOAS_ALLOC, {}).out.out_ioas_id;
      return p.ioctl(p.iommufd, IOMMU_HWPT_ALLOC, { dev_id: dev.devid, pt_id: ioas, flags }).ret;
    };
    expect(allocates("6.6", 0)).toBe(0);
    expect(allocates("6.6", NEST_PARENT)).toBe(-errno.EOPNOTSUPP);
    expect(allocates("6.7", NEST_PARENT)).toBe(0);
    expect(allocates("6.14", PASID)).toBe(-errno.EOPNOTSUPP);
    expect(allocates("6.15", PASID)).toBe(0);
    expect(allocates("6.7", FAULT_ID_VALID)).toBe(-errno.EOPNOTSUPP);
    expect(allocates("6.15", FAULT_ID_VALID)).toBe(-errno.ENOENT);
  });

  it("attach PASIDs from 6.15 on", () => {
    const attach = (release: string): number => {
      const p = program(release);
      const dev = p.bound(EDU);
      const args = { argsz: VFIO_DEVICE_ATTACH_IOMMUFD_PT.size, flags: 1, pt_id: 99, pasid: 1 };
      return p.ioctl(dev.fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, args).ret;
    };
    expect(attach("6.14")).toBe(-errno.EINVAL);
    expect(attach("6.15")).toBe(-errno.ENOENT);
  });

  it("put a domain into its IOAS with the first attach in 6.2, with the page table from 6.4 on", () => {
    const linked = (release: string) => kernels.resolve(`linux-${release}`, false)?.features.hwpt_linkage;
    expect(["6.2", "6.4", "7.2"].map(linked)).toEqual(["attach", "allocation", "allocation"]);
    const ranges = (kernel: string) =>
      start(scenario("sw-msi-q9"), kernel).results.map((r) => seenText(r.seen["ranges"]));
    expect(ranges("linux-6.2")).toEqual(ranges("linux-6.4"));
  });
});

describe("names of kernels", () => {
  it("mean the older release between two", () => {
    const meant = {
      "linux-6.3": "linux-6.2",
      "linux-6.8": "linux-6.7",
      "linux-6.16": "linux-6.15",
      "linux-7.1": "linux-6.19",
    };
    for (const [id, older] of Object.entries(meant)) expect(kernels.older(id)).toBe(older);
    for (const id of ["linux-7.3", "linux-6.1", "linux-6.12", "linux-6", "linux-6.8-rc1", "6.8"])
      expect(kernels.older(id)).toBeUndefined();
  });
  it("are refused where nobody says what is meant", () => {
    expect(kernels.has("linux-6.8")).toBe(false);
    expect(kernels.resolve("linux-6.8", true)).toBeUndefined();
  });
  it("may be several for one", () => {
    expect(kernels.resolve("sw-msi-at-alloc", true)?.profile.id).toBe("sw-msi-at-alloc-2024-07");
    expect(kernels.info("sw-msi-at-alloc")?.id).toBe("sw-msi-at-alloc-2024-07");
    expect(kernels.ids).not.toContain("sw-msi-at-alloc");
    const one = { id: "a", title: "a", date: "2026-01", changes: "" };
    expect(() => new Kernels([one, { ...one, id: "b", base: "a", aliases: ["a"] }])).toThrow(
      'two kernels are called "a"',
    );
  });
});
