import { type Dispatch, type SetStateAction, useEffect, useState } from "react";
import { useSession } from "./context.ts";

/** The text of a dialog's field: it begins with what was typed while the dialog's program was on its way. */
export function useTyped(): [string, Dispatch<SetStateAction<string>>] {
  const { store } = useSession();
  const text = useState(store.getState().ahead);
  useEffect(() => store.setState({ ahead: "" }), [store]);
  return text;
}
