/** Hexadecimal or decimal: one switch for every value that is shown; what is copied into a link or a scenario stays as it is. */
export type Radix = "hex" | "dec";

const NAME = "iommufd-lab-radix";

let current: Radix = "hex";

/** Without the types of a page: the command line draws with this file too. */
function storage(): { getItem(name: string): string | null; setItem(name: string, value: string): void } | undefined {
  return (globalThis as { localStorage?: ReturnType<typeof storage> }).localStorage;
}

/** As it was chosen for this browser. */
export function readRadix(): Radix {
  try {
    current = storage()?.getItem(NAME) === "dec" ? "dec" : "hex";
  } catch {
    // Without storage the choice holds for this visit.
  }
  return current;
}

export function writeRadix(radix: Radix): void {
  current = radix;
  try {
    storage()?.setItem(NAME, radix);
  } catch {
    // As above.
  }
}

export function radix(): Radix {
  return current;
}

/** Numbers that are written as `0x...`, in the radix that was chosen. */
export function inRadix(text: string): string {
  if (current === "hex") return text;
  return text.replaceAll(/(?<!\w)0x[0-9a-f]{1,16}(?!\w)/gi, (n) => BigInt(n).toString());
}
