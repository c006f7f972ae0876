/** Memory management state of one kernel. */
import { FrameAllocator, PinCounts } from "./frames.ts";

/** linux `struct user_struct`: locked memory is counted here for the default accounting of iommufd. */
export class UserStruct {
  readonly uid: number;
  /** Pages. */
  locked_vm = 0;

  constructor(uid: number) {
    this.uid = uid;
  }
}

export class MmState {
  readonly frames: FrameAllocator;
  readonly pins = new PinCounts();
  /** Frames that are pinned but no longer behind any page. */
  readonly orphans = new Set<number>();
  readonly users = new Map<number, UserStruct>();

  constructor(frames: readonly { pfn: number; n: number }[]) {
    this.frames = new FrameAllocator(frames);
  }

  user(uid: number): UserStruct {
    let user = this.users.get(uid);
    if (user === undefined) {
      user = new UserStruct(uid);
      this.users.set(uid, user);
    }
    return user;
  }
}
