import { get } from "../../hw/base/fields.ts";
import { EXT } from "../../hw/pci/regs.ts";
import { PRI } from "../../hw/smmuv3/priq.ts";
import { cmd_pri_resp } from "../kernel/drivers/arm_smmu_v3/cmd.ts";
import { arm_smmu_cmdq_issue_cmd } from "../kernel/drivers/arm_smmu_v3/cmdq.ts";
import { type ArmSmmuMaster, dev_master } from "../kernel/drivers/arm_smmu_v3/device.ts";
import {
  IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE as LAST_PAGE,
  IOMMU_FAULT_PAGE_REQUEST_PASID_VALID as PASID_VALID,
  IOMMU_PAGE_RESP_INVALID,
  IOMMU_PAGE_RESP_SUCCESS,
} from "../kernel/iommu/fault.ts";
import type { Device, IommuDomain } from "../kernel/iommu/types.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { defineKernel } from "../kernel/profile.ts";

const RESP = Object.freeze({ failure: 0, invalid: 1, success: 2 });

/** Offset of the PRI capability, 0 = none. */
const pri_of = (m: ArmSmmuMaster): number => m.pdev?.hw.config.findExtended(EXT.PRI) ?? 0;

/** A domain that takes faults is attached: page requests go on, as they do for a device that stalls. */
function enable(dev: Device, domain: IommuDomain, rc: number): number {
  const master = dev_master(dev);
  const at = pri_of(master);
  if (rc < 0 || at === 0 || domain.iopf_handler === null) return rc;
  master.pdev?.hw.config.write(at + 4, 2, 1);
  dev.iopf_users = Math.max(dev.iopf_users, 1);
  return rc;
}

export default defineKernel({
  id: "smmu-pri-2020-02",
  title: "SMMUv3 PRI",
  subtitle: "page requests reach the queue",
  base: "linux-7.2",
  date: "2020-02-24",
  ref: "20200224182401.353359-27-jean-philippe@linaro.org",
  changes: "The SMMUv3 driver gives PCI page requests to the fault core and sends its answers, where 7.2 denies each.",
  scenario: "fault-partial-group",
  expects: [
    "page requests of a device on a page table with a fault queue wait there, as stalls do",
    "requests without LAST are collected per device and group number: two PASIDs with one number become one group",
  ],
  objections: [
    {
      who: "Jean-Philippe Brucker, 7 Apr 2021",
      what: "A fault and its answer need the device: PASID and group number alone alias.",
      ref: "YG39ZtnTuyn5uBOa@myrica",
    },
  ],
  unknown: [
    "The posted patch predates iommufd: its PRI part is put on 7.2. Page requests stay on after a detach; ATS is not asked for.",
  ],
  overrides: (base) => ({
    arm_smmu_attach_dev: (k, domain, dev, old) => enable(dev, domain, base.arm_smmu_attach_dev(k, domain, dev, old)),
    arm_smmu_attach_dev_nested: (k, domain, dev, old) =>
      enable(dev, domain, base.arm_smmu_attach_dev_nested(k, domain, dev, old)),
    arm_smmu_s1_set_dev_pasid: (k, domain, dev, ...rest) =>
      enable(dev, domain, base.arm_smmu_s1_set_dev_pasid(k, domain, dev, ...rest)),
    arm_smmu_handle_ppr(k: Kernel, smmu, words): void {
      const f = PRI.f;
      const master = smmu.streams.get(get(f.StreamID, words));
      if (master === undefined) return base.arm_smmu_handle_ppr(k, smmu, words);
      const on = (field: (typeof f)["Read"], bit: number): number => (get(field, words) === 1 ? bit : 0);
      k.ops.iommu_report_device_fault(k, master.dev, {
        flags: on(f.Last, LAST_PAGE) | on(f.SSV, PASID_VALID),
        pasid: get(f.SSV, words) === 1 ? get(f.SubstreamID, words) : 0,
        grpid: get(f.PRGIndex, words),
        perm: on(f.Read, 1) | on(f.Write, 2) | on(f.Exec, 4) | on(f.Priv, 8),
        addr: (BigInt(words[3] ?? 0) << 32n) | BigInt(((words[2] ?? 0) & 0xffff_f000) >>> 0),
      });
    },
    arm_smmu_page_response(k: Kernel, dev, fault, code): void {
      const master = dev_master(dev);
      if (master.stall_enabled || pri_of(master) === 0) return base.arm_smmu_page_response(k, dev, fault, code);
      if ((fault.flags & LAST_PAGE) === 0) return;
      const pasid = (fault.flags & PASID_VALID) !== 0;
      const resp =
        code === IOMMU_PAGE_RESP_SUCCESS
          ? RESP.success
          : code === IOMMU_PAGE_RESP_INVALID
            ? RESP.invalid
            : RESP.failure;
      const [sid = 0] = master.streams;
      arm_smmu_cmdq_issue_cmd(k, master.smmu, cmd_pri_resp(sid, fault.pasid, pasid, fault.grpid, resp));
    },
  }),
});
