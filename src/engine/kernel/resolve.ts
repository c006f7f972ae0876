/** Folds a chain of `base => overrides` into one kernel. */
import { baseOps, type KernelOps } from "./ops.ts";
import { type Features, type KernelProfile, releaseNumber, type ResolvedProfile } from "./profile.ts";

/** The newest release; every chain of bases ends here. */
export const NEWEST_FEATURES: Features = Object.freeze({
  uapi_release: releaseNumber("7.2"),
  hw_info_input_type: true,
  hw_info_ats: true,
  paging_fault_queue: true,
  hwpt_pasid: true,
  sw_msi: "native",
  nested_reserves_on_parent: true,
  hwpt_linkage: "allocation",
  domain_finalise: "allocation",
  vste_needs_vdevice: "translate",
  s2_concat: "mandatory",
  vfio_container: "iommufd",
  type1_iova_list: true,
  vfio_cdev: true,
  require_direct: true,
  compat_unmap_empty: "ok",
  dirty_errors: "swallowed",
});

/** The profiles from `id` down to the newest release, `id` first. Throws with a sentence that names the fault. */
export function profileChain(id: string, all: readonly KernelProfile[]): KernelProfile[] {
  const chain: KernelProfile[] = [];
  let wanted: string | undefined = id;
  while (wanted !== undefined) {
    const found = all.filter((profile) => profile.id === wanted);
    const profile = found[0];
    const user = chain.at(-1);
    if (profile === undefined) {
      const known = all.map((one) => one.id).join(", ");
      throw new Error(
        user === undefined
          ? `no kernel "${wanted}"; known: ${known}`
          : `kernel "${user.id}" has base "${wanted}", which does not exist; known: ${known}`,
      );
    }
    if (found.length > 1) throw new Error(`two kernels are called "${wanted}"`);
    if (chain.includes(profile)) {
      throw new Error(`kernel bases go in a circle: ${[...chain, profile].map((one) => one.id).join(" -> ")}`);
    }
    chain.push(profile);
    wanted = profile.base;
  }
  return chain;
}

/** One kernel, ready to run. Throws with a sentence on an unknown id or base, and on a circle of bases. */
export function resolveProfile(id: string, all: readonly KernelProfile[]): ResolvedProfile {
  const chain = profileChain(id, all);
  let features: Features = NEWEST_FEATURES;
  let ops: KernelOps = baseOps;
  for (const profile of chain.toReversed()) {
    features = Object.assign({}, features, profile.features);
    const overrides = profile.overrides?.(ops);
    if (overrides !== undefined) ops = Object.assign({}, ops, overrides);
  }
  const [profile] = chain;
  if (profile === undefined) throw new Error(`no kernel "${id}"`);
  return { profile, features: Object.freeze(features), ops: Object.freeze(ops) };
}
