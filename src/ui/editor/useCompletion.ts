import { useEffect, useState } from "react";
import type { Problem } from "../../engine/protocol.ts";
import { useSession } from "../app/context.ts";

const SETTLE_MS = 110;

export interface Offer {
  /** Of the text that was asked about. */
  from: number;
  to: number;
  items: { text: string; doc: string }[];
  problem: Problem | null;
  /** That text: an answer to an older one is not offered. */
  text: string;
  offset: number;
}

/** What can be written at `offset` of `text`, a moment after the last key; null before the first answer. */
export function useCompletion(text: string, offset: number): Offer | null {
  const session = useSession();
  const [offer, setOffer] = useState<Offer | null>(null);
  useEffect(() => {
    let wanted = true;
    const timer = setTimeout(() => {
      void session
        .ask((api) => api.complete(text, offset))
        .then((answer) => {
          if (wanted && answer?.ok === true) setOffer({ ...answer.value, text, offset });
        });
    }, SETTLE_MS);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [session, text, offset]);
  return offer;
}
