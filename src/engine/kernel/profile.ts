/** What a kernel is: a release or a variant, as `base => overrides`. */
import type { KernelOps } from "./ops.ts";

/** Differences between releases that are a choice inside a function rather than another function. */
export interface Features {
  /** The iommufd ioctls up to this release exist: `releaseNumber("6.12")`. */
  uapi_release: number;
  /** GET_HW_INFO takes the wanted type from the caller (6.17 on). */
  hw_info_input_type: boolean;
  /** GET_HW_INFO reports devices without ATS (7.0 on). */
  hw_info_ats: boolean;
  /** HWPT_ALLOC takes FAULT_ID for a paging hwpt (6.15 on); before, the flag reached the driver, which refused it. */
  paging_fault_queue: boolean;
  /** HWPT_ALLOC knows the flag PASID (6.15 on). */
  hwpt_pasid: boolean;
  /** MSI doorbells: a cookie on the domain (up to 6.14) or iommufd's own list (6.15 on). */
  sw_msi: "cookie" | "native";
  /** Attaching to a nested hwpt sets up reserved regions and MSI on the parent's IOAS (6.12 on). */
  nested_reserves_on_parent: boolean;
  /** A paging domain is in its IOAS from its allocation on (6.4 on), or from its hwpt's first device to the last. */
  hwpt_linkage: "allocation" | "attach";
  /** The driver knows a paging domain's aperture when it allocates it, or only at the first attach. */
  domain_finalise: "allocation" | "attach";
  /** SMMUv3: which virtual STEs a device may attach to only with a vDEVICE (none, any, those that translate: 6.19 on). */
  vste_needs_vdevice: "none" | "any" | "translate";
  /** Arm stage-2 tables: start levels are concatenated only where that is mandatory (6.13 on) or wherever possible. */
  s2_concat: "mandatory" | "opportunistic";
  /** What /dev/vfio/vfio is unless the boot says so: iommufd, or VFIO's own container (all there was before 6.2). */
  vfio_container: "iommufd" | "type1";
  /** VFIO type1 keeps a list of valid IOVAs, tells it and refuses what lies outside (5.4 on). */
  type1_iova_list: boolean;
  /** Devices have files of their own, /dev/vfio/devices/vfioN (6.6 on); before, only their group's file leads to them. */
  vfio_cdev: boolean;
  /** A device whose firmware requires a 1:1 mapping cannot be owned by a user (6.6 on). */
  require_direct: boolean;
  /** VFIO's UNMAP_DMA of a range without mapping: success (6.18 on), or ENOENT. */
  compat_unmap_empty: "ok" | "ENOENT";
  /** GET_DIRTY_BITMAP: a hole in the range ends the walk silently, in every release, or is an error. */
  dirty_errors: "swallowed" | "strict";
}

export interface KernelProfile {
  /** `linux-7.2`, `sw-msi-at-alloc-2024-07`. */
  id: string;
  /** Other names under which it may be asked for: `sw-msi-at-alloc`. */
  aliases?: readonly string[];
  /** `6.11`, `Jul-2024 patch`: the tab. */
  title: string;
  /** `paging attach only`: one short line under it. */
  subtitle?: string;
  /** Id of the profile that this one changes; absent only in the newest release. */
  base?: string;
  /** ISO date of the release or the mail. */
  date: string;
  /** Message-ID or commit. */
  ref?: string;
  /** One sentence: what it does differently from its base. */
  changes: string;
  /** Scenario that shows it, and what that must give, one line each. */
  scenario?: string;
  expects?: string[];
  /** Objections raised in public, in our own words. */
  objections?: { who: string; what: string; ref?: string }[];
  /** Facts about this kernel that are not known; shown beside it. */
  unknown?: string[];
  features?: Partial<Features>;
  /**
   * What scenarios add on top of `features` so that a discussion can be played at all (nesting on a release that lacked
   * it); replays of recordings do without. Say in `unknown` what it is.
   */
  played?: Partial<Features>;
  overrides?: (base: KernelOps) => Partial<KernelOps>;
}

/** A profile with its chain of bases folded into one record. */
export interface ResolvedProfile {
  profile: KernelProfile;
  features: Features;
  ops: KernelOps;
}

/** Releases as numbers that compare: 612 for `6.12`, 702 for `7.2`. */
export function releaseNumber(release: string): number {
  const [major = "0", minor = "0"] = release.split(".");
  return Number(major) * 100 + Number(minor);
}

/** Identity with a type: what a file in `releases/` or `variants/` exports as default. */
export function defineKernel(profile: KernelProfile): KernelProfile {
  return Object.freeze(profile);
}
