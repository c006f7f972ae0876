/** A process for tests: typed calls on /dev/iommu, memory to point to. */
import { decode, encode } from "../uapi/codec.ts";
import type { IoctlDef, Layout, Values } from "../uapi/layout.ts";
import { SELFTEST } from "../kernel/drivers/mock/selftest.ts";
import { iommufd_init } from "../kernel/iommufd/main.ts";
import { Kernel, type KernelConfig } from "../kernel/kernel.ts";
import { Mm } from "../kernel/mm/mm.ts";
import { copy_from_mm, copy_to_mm } from "../kernel/mm/uaccess.ts";
import type { KernelProfile } from "../kernel/profile.ts";
import { resolveProfile } from "../kernel/resolve.ts";
import * as sys from "../kernel/syscall.ts";
import { ALL_CAPS, Task } from "../kernel/task.ts";
import linux_6_12 from "../releases/linux_6_12.ts";
import linux_6_13 from "../releases/linux_6_13.ts";
import linux_6_14 from "../releases/linux_6_14.ts";
import linux_6_15 from "../releases/linux_6_15.ts";
import linux_6_17 from "../releases/linux_6_17.ts";
import linux_6_19 from "../releases/linux_6_19.ts";
import linux_7_2 from "../releases/linux_7_2.ts";
import { PhysMem } from "../../hw/memory.ts";

const ALL: readonly KernelProfile[] = [
  linux_7_2,
  linux_6_19,
  linux_6_17,
  linux_6_15,
  linux_6_14,
  linux_6_13,
  linux_6_12,
];

export function testKernel(id = "linux-7.2", config: Partial<KernelConfig> = {}): Kernel {
  const k = new Kernel(resolveProfile(id, ALL), new PhysMem(), { selftest: SELFTEST, ...config });
  iommufd_init(k);
  return k;
}

/** Where structs and small buffers stand. */
export const ARGS = 0x1000_0000n;
/** 256 KiB for data behind pointers. */
export const DATA = 0x2000_0000n;

export class Program {
  readonly k: Kernel;
  readonly task: Task;

  constructor(k: Kernel, pid = 100) {
    this.k = k;
    this.task = new Task(pid, new Mm(), k.mm.user(1000), ALL_CAPS, { memlock: 64n << 20n, nofile: 1024 });
    this.map(ARGS, 0x1000n);
    this.map(DATA, 0x4_0000n);
  }

  /** Private memory at an address, with frames at once. */
  map(addr: bigint, len: bigint, flags = sys.MAP_PRIVATE): bigint {
    const at = sys.sys_mmap(this.k, this.task, {
      addr,
      len,
      prot: 3,
      flags: flags | sys.MAP_ANONYMOUS | sys.MAP_FIXED,
      fd: -1,
      offset: 0n,
    });
    this.poke(at, new Uint8Array(Number(len)).fill(1));
    return at;
  }

  open(path = "/dev/iommu"): number {
    return sys.sys_open(this.k, this.task, path);
  }

  close(fd: number): number {
    return sys.sys_close(this.k, this.task, fd);
  }

  /** Result of the call and the struct afterwards. */
  ioctl<L extends IoctlDef>(fd: number, def: L, values: Partial<Values<L>>): { ret: number; out: Values<L> } {
    this.poke(ARGS, encode(def, values));
    const ret = sys.sys_ioctl(this.k, this.task, fd, def.cmd, ARGS);
    return { ret, out: decode(def, this.peek(ARGS, def.size)) };
  }

  poke(addr: bigint, bytes: Uint8Array): void {
    if (copy_to_mm(this.k, this.task.mm, addr, bytes) !== bytes.length)
      throw new Error(`no memory at 0x${addr.toString(16)}`);
  }

  peek(addr: bigint, length: number): Uint8Array {
    const out = new Uint8Array(length);
    copy_from_mm(this.k, this.task.mm, addr, out);
    return out;
  }

  /** Puts structs into the data area and gives its address. */
  data<L extends Layout>(layout: L, ...values: Partial<Values<L>>[]): bigint {
    values.forEach((one, i) => this.poke(DATA + BigInt(i * layout.size), encode(layout, one)));
    return DATA;
  }
}
