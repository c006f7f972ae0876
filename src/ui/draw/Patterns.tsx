import { PATTERNS } from "./patterns.ts";

/** The fills of interval kinds, defined once for every drawing of the page. Zero size, not `display: none`: a hidden pattern does not paint. */
export function Patterns() {
  return (
    <svg width="0" height="0" style={{ position: "absolute" }} aria-hidden="true">
      <defs>
        {Object.entries(PATTERNS).map(([id, { size, rotate, token, d, width, dots }]) => (
          <pattern
            key={id}
            id={`pattern-${id}`}
            width={size}
            height={size}
            patternUnits="userSpaceOnUse"
            patternTransform={rotate === 0 ? undefined : `rotate(${rotate})`}
          >
            {d !== undefined && <path d={d} style={{ stroke: `var(--${token})` }} strokeWidth={width} />}
            {dots?.map(([x, y]) => (
              <circle key={`${x} ${y}`} cx={x} cy={y} r=".95" style={{ fill: `var(--${token})` }} />
            ))}
          </pattern>
        ))}
      </defs>
    </svg>
  );
}
