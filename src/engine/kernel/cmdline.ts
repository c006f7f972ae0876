/** The kernel command line, as far as IOMMU and PCI ask it. */

/** Values of a parameter in order; a parameter without `=` has the value "". Dashes and underscores are the same. */
export function param_values(cmdline: string, name: string): string[] {
  const wanted = name.replaceAll("-", "_");
  const out: string[] = [];
  for (const word of cmdline.split(/\s+/)) {
    const eq = word.indexOf("=");
    const key = (eq < 0 ? word : word.slice(0, eq)).replaceAll("-", "_");
    if (key === wanted) out.push(eq < 0 ? "" : word.slice(eq + 1));
  }
  return out;
}

/** A boolean parameter, the last one counts; `absent` when it is not given or not understood. */
export function param_bool(cmdline: string, name: string, absent: boolean): boolean {
  let value = absent;
  for (const text of param_values(cmdline, name)) {
    if (/^(1|y|yes|t|true|on|)$/i.test(text)) value = true;
    else if (/^(0|n|no|f|false|off)$/i.test(text)) value = false;
  }
  return value;
}

/** Options of `pci=a,b=c`, in order. Inside `config_acs` and `disable_acs_redir` several devices are joined by `;`. */
export function pci_options(cmdline: string): string[] {
  return param_values(cmdline, "pci").flatMap((text) => text.split(","));
}
