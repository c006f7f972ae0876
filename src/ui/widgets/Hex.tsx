import { runs } from "../draw/format.ts";

/** Text whose long hex numbers stand in groups of four. The gaps are margins: copying gives the plain digits. */
export function Hex({ children }: { children: string }) {
  const parts = runs(children);
  if (parts.length <= 1) return children;
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
