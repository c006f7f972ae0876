import { useState } from "react";
import type { BranchInfo } from "../../../engine/protocol.ts";
import { useLab, useSession } from "../../app/context.ts";
import css from "./timeline.module.css";

/** The name of the open branch; without branches, that this is the kernel that is shown. */
export function OpenBranch() {
  const open = useLab((s) => s.branches.find((b) => b.id === s.branch));
  if (open === undefined) return <span>this kernel</span>;
  return <BranchWords branch={open} open />;
}

/** Another branch: a click on its name opens it. */
export function BranchName({ branch, top }: { branch: BranchInfo; top: string }) {
  return (
    <p style={{ top }} data-ref={`branch:${branch.id}`}>
      <BranchWords branch={branch} open={false} />
    </p>
  );
}

function BranchWords({ branch, open }: { branch: BranchInfo; open: boolean }) {
  const session = useSession();
  const [naming, setNaming] = useState(false);
  const { id, name, shared } = branch;
  if (naming)
    return (
      <input
        className={css["rename"]}
        aria-label={`New name of ${name}`}
        defaultValue={name}
        ref={(field) => field?.select()}
        onBlur={() => setNaming(false)}
        onKeyDown={(e) => {
          if (e.key === "Enter") void session.editing.rename(id, e.currentTarget.value);
          if (e.key === "Enter" || e.key === "Escape") setNaming(false);
          e.stopPropagation();
        }}
      />
    );
  return (
    <>
      {open ? (
        <span>on {name}</span>
      ) : (
        <button type="button" onClick={() => void session.editing.switchTo(id)} title={`Open ${name}`}>
          {name}
        </button>
      )}
      {!open && <span>from {shared}</span>}
      <span className={css["acts"]}>
        {!open && (
          <button type="button" aria-label={`Compare with ${name}`} onClick={() => session.editing.compare(id)}>
            compare
          </button>
        )}
        <button type="button" aria-label={`Rename ${name}`} onClick={() => setNaming(true)}>
          rename
        </button>
        <button type="button" aria-label={`Close ${name}`} onClick={() => void session.editing.close(id)}>
          close
        </button>
      </span>
    </>
  );
}
