/** Ids and references of an iommufd file. Source: linux 7.2 drivers/iommu/iommufd/main.c. */
import { errno } from "../../uapi/errno.ts";
import type { Kernel } from "../kernel.ts";
import type { IommufdCtx, IommufdObject, ObjectKind, ObjectOf } from "./objects.ts";

/** Gives the lowest free id to an object that nobody can look up yet. 0 or -ENOMEM. */
export function iommufd_object_alloc(k: Kernel, obj: IommufdObject): number {
  if (k.fails()) return -errno.ENOMEM;
  const { ictx } = obj;
  let id = 1;
  while (ictx.objects.has(id) || ictx.reserved.has(id) || ictx.tombstones.has(id)) id++;
  ictx.reserved.add(id);
  obj.id = id;
  return 0;
}

/** From now on the object can be looked up. */
export function iommufd_object_finalize(obj: IommufdObject): void {
  obj.ictx.reserved.delete(obj.id);
  obj.ictx.objects.set(obj.id, obj);
}

/** Gives the id back, published or not. The object's content is the caller's to undo. */
export function iommufd_object_abort(obj: IommufdObject): void {
  obj.ictx.reserved.delete(obj.id);
  if (obj.ictx.objects.get(obj.id) === obj) obj.ictx.objects.delete(obj.id);
}

/** The object, whatever its kind; null: -ENOENT. */
export function iommufd_get_any(k: Kernel, ictx: IommufdCtx, id: number): IommufdObject | null {
  const obj = k.fails() ? undefined : ictx.objects.get(id);
  k.check(obj !== undefined, `object ${id} exists`, () => ({ objects: [id] }));
  return obj ?? null;
}

/** The object if it is of this kind; null: -ENOENT, also for an id of another kind. */
export function iommufd_get_object<K extends ObjectKind>(
  k: Kernel,
  ictx: IommufdCtx,
  id: number,
  kind: K,
): ObjectOf<K> | null {
  const obj = k.fails() ? undefined : ictx.objects.get(id);
  const detail = () => ({ objects: [id], left: obj?.kind ?? "nothing", right: kind });
  if (!k.check(obj?.kind === kind, `id ${id} is ${kind}`, detail)) return null;
  return isKind(obj, kind) ? obj : null;
}

function isKind<K extends ObjectKind>(obj: IommufdObject | undefined, kind: K): obj is ObjectOf<K> {
  return obj?.kind === kind;
}

/** Live, half-made and tombstoned ids all count. */
export function iommufd_ctx_is_empty(ictx: IommufdCtx): boolean {
  return ictx.objects.size + ictx.reserved.size + ictx.tombstones.size === 0;
}
