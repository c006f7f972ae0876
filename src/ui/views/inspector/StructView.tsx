import type { InspectorView } from "../../../engine/views/types.ts";
import { Hex } from "../../widgets/Hex.tsx";
import css from "./inspector.module.css";

/** The bytes of an ioctl struct, field by field, as they went in and came out. */
export function StructView({ struct }: { struct: InspectorView["structs"][number] }) {
  const bytes = (offset: number, size: number): string[] => {
    const hex = [...struct.bytes.slice(offset, offset + Math.min(size, 8))].map((b) => b.toString(16).padStart(2, "0"));
    return [hex.slice(0, 4).join(""), hex.slice(4).join("")].filter((x) => x !== "");
  };
  return (
    <table className={css["struct"]}>
      <caption>
        {struct.title} <span>{struct.bytes.length} bytes</span>
      </caption>
      <thead className="hidden">
        <tr>
          <th scope="col">Offset</th>
          <th scope="col">Field</th>
          <th scope="col">Bytes</th>
          <th scope="col">Value</th>
        </tr>
      </thead>
      <tbody>
        {struct.fields.map((f) => (
          <tr key={`${f.offset} ${f.name}`}>
            <td className={css["at"]}>{f.offset.toString(16).padStart(2, "0")}</td>
            <td>{f.name}</td>
            <td className={css["bytes"]}>
              {bytes(f.offset, f.size).map((part, i) => (
                <span key={part + String(i)} className={i > 0 ? "digits" : undefined}>
                  {part}
                </span>
              ))}
              {f.size > 8 && " …"}
            </td>
            <td className={css["value"]}>
              <Hex>{f.value}</Hex>
              {f.out && <span className={css["out"]}> out</span>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
