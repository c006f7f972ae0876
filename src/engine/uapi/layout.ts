/**
 * How one ABI struct is declared: every byte is a named field. Codec, printing, the inspector and the C export read
 * the same table. Little-endian, no bit-fields.
 */

export type FieldType = "u8" | "u16" | "u32" | "s32" | "u64";

/** What a number means; decides how it is printed and which object an inspector links to. */
export type FieldKind =
  | "plain"
  | "size"
  | "flags"
  | "enum"
  | "id"
  | "fd"
  | "ptr"
  | "iova"
  | "length"
  | "reserved"
  /** Padding that the kernel neither checks nor writes. */
  | "pad";

/** Who reads and who writes the field: `in` = kernel reads, `out` = kernel writes. */
export type FieldDir = "in" | "out" | "inout";

export interface Field<T extends FieldType = FieldType> {
  readonly type: T;
  /** Byte offset in the struct. */
  readonly offset: number;
  readonly dir: FieldDir;
  readonly kind: FieldKind;
  /** Short name in the printed form; the field's own name when absent. */
  readonly label?: string;
  /** Names of flag bits or enum values. */
  readonly values?: Readonly<Record<string, number>>;
}

export type Fields = Readonly<Record<string, Field>>;

/** On which kind of file the command is understood. */
export type FileKind = "iommufd" | "vfio-container" | "vfio-group" | "vfio-device";

export interface Layout<F extends Fields = Fields> {
  /** `struct iommu_ioas_map`. */
  readonly struct: string;
  /** Bytes of the struct as of the newest release. */
  readonly size: number;
  readonly fields: F;
}

export interface IoctlDef<F extends Fields = Fields> extends Layout<F> {
  /** `IOMMU_IOAS_MAP`. */
  readonly name: string;
  /** Whole command number. */
  readonly cmd: number;
  /** Smallest user size accepted. */
  readonly min: number;
  /** Release that brought it: `6.2`. */
  readonly since: string;
  readonly on: FileKind;
}

/** Decoded struct: u64 as bigint, the rest as number. */
export type Values<L extends Layout> = {
  -readonly [K in keyof L["fields"]]: L["fields"][K] extends Field<"u64"> ? bigint : number;
};

export const SIZES: Readonly<Record<FieldType, number>> = Object.freeze({ u8: 1, u16: 2, u32: 4, s32: 4, u64: 8 });

interface FieldOptions {
  readonly dir?: FieldDir;
  readonly kind?: FieldKind;
  readonly label?: string;
  readonly values?: Readonly<Record<string, number>>;
}

function make<T extends FieldType>(type: T, offset: number, options: FieldOptions): Field<T> {
  return Object.freeze({ type, offset, dir: "in", kind: "plain", ...options });
}

export const u8 = (offset: number, options: FieldOptions = {}): Field<"u8"> => make("u8", offset, options);
export const u16 = (offset: number, options: FieldOptions = {}): Field<"u16"> => make("u16", offset, options);
export const u32 = (offset: number, options: FieldOptions = {}): Field<"u32"> => make("u32", offset, options);
export const s32 = (offset: number, options: FieldOptions = {}): Field<"s32"> => make("s32", offset, options);
export const u64 = (offset: number, options: FieldOptions = {}): Field<"u64"> => make("u64", offset, options);

/** The first u32 of every iommufd struct (and `argsz` of VFIO structs). */
export const size = (): Field<"u32"> => u32(0, { kind: "size" });
export const flags = (offset: number, values: Readonly<Record<string, number>> = {}): Field<"u32"> =>
  u32(offset, { kind: "flags", values });
export const id = (offset: number, label: string, dir: FieldDir = "in"): Field<"u32"> =>
  u32(offset, { kind: "id", label, dir });
export const rsvd = (offset: number): Field<"u32"> => u32(offset, { kind: "reserved" });
export const ptr = (offset: number, label = "ptr"): Field<"u64"> => u64(offset, { kind: "ptr", label });
export const iova = (offset: number, dir: FieldDir = "in", label = "iova"): Field<"u64"> =>
  u64(offset, { kind: "iova", dir, label });
export const length = (offset: number, dir: FieldDir = "in", label = "len"): Field<"u64"> =>
  u64(offset, { kind: "length", dir, label });

export function defineLayout<const F extends Fields>(struct: string, size: number, fields: F): Layout<F> {
  return Object.freeze({ struct, size, fields: Object.freeze(fields) });
}

export function defineIoctl<const F extends Fields>(
  head: Omit<IoctlDef, "fields" | "min"> & { min?: number },
  fields: F,
): IoctlDef<F> {
  return Object.freeze({ min: head.size, ...head, fields: Object.freeze(fields) });
}
