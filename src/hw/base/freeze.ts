/** Freezes plain data all the way down; a world shares what is frozen instead of copying it. */
export function freezeDeep<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) freezeDeep<unknown>(inner);
  }
  return value;
}
