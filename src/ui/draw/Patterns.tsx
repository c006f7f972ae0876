/** The fills of interval kinds, defined once for every drawing of the page. Zero size, not `display: none`: a hidden pattern does not paint. */
export function Patterns() {
  return (
    <svg width="0" height="0" style={{ position: "absolute" }} aria-hidden="true">
      <defs>
        <pattern id="pattern-reserved" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <line y2="5" style={{ stroke: "var(--rsv)" }} strokeWidth="1.7" />
        </pattern>
        <pattern
          id="pattern-aperture"
          width="7"
          height="7"
          patternUnits="userSpaceOnUse"
          patternTransform="rotate(-45)"
        >
          <line y2="7" style={{ stroke: "var(--rsv)" }} strokeWidth="1" />
        </pattern>
        <pattern id="pattern-sw" width="4" height="4" patternUnits="userSpaceOnUse">
          <circle cx="1" cy="1" r=".95" style={{ fill: "var(--sw)" }} />
          <circle cx="3" cy="3" r=".95" style={{ fill: "var(--sw)" }} />
        </pattern>
        <pattern id="pattern-hw" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">
          <line y2="5" style={{ stroke: "var(--sw)" }} strokeWidth="1.7" />
        </pattern>
        <pattern id="pattern-direct" width="4" height="4" patternUnits="userSpaceOnUse">
          <path d="M0 1H4M1 0V4" style={{ stroke: "var(--dir)" }} strokeWidth="1" />
        </pattern>
        <pattern id="pattern-mmio" width="3" height="3" patternUnits="userSpaceOnUse">
          <line y2="3" style={{ stroke: "var(--phys)" }} strokeWidth="1" />
        </pattern>
        <pattern id="pattern-hole" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <line y2="4" style={{ stroke: "var(--fault)" }} strokeWidth="1.2" />
        </pattern>
      </defs>
    </svg>
  );
}
