import { useLab, useSession } from "../app/context.ts";
import { KernelPicker } from "./KernelPicker.tsx";

/** Any kernel of the catalogue for what is on screen. */
export default function KernelDialog({ onClose }: { onClose: () => void }) {
  const session = useSession();
  const kernels = useLab((s) => s.catalogue?.kernels);
  const own = useLab((s) => s.opened?.scenario.kernels);
  const kernel = useLab((s) => s.kernel);
  return (
    <KernelPicker
      kernels={kernels ?? []}
      own={own ?? []}
      chosen={[kernel]}
      onClose={onClose}
      mode={{ kind: "one", onPick: (id) => session.setKernel(id) }}
    />
  );
}
