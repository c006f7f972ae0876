import { runs } from "../draw/format.ts";

/** Text whose long hex numbers stand in groups of four. The gaps are margins: copying gives the plain digits. */
export function Hex({ children, bits = false }: { children: string; bits?: boolean }) {
  const parts = runs(children, bits);
  if (parts.length <= 1) return parts[0]?.text ?? children;
  return (
    <>
      {parts.map((r) => (
        <span key={r.at} className={r.group ? "digits" : undefined}>
          {r.text}
        </span>
      ))}
    </>
  );
}
