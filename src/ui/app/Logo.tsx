/** Three rows of intervals, one of them current. */
export function Logo() {
  return (
    <svg style={{ width: "1.9rem", height: "1.38rem" }} viewBox="0 0 22 16" aria-hidden="true">
      <path d="M0 2.5h7M4 8h11M19 8h3M7 13.5h4M15 13.5h7" stroke="currentColor" strokeWidth="2.4" />
      <path d="M11 2.5h4" style={{ stroke: "var(--accent)" }} strokeWidth="2.4" />
    </svg>
  );
}
