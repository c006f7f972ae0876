import { useEffect, useState } from "react";
import type { Problem } from "../../engine/protocol.ts";
import { useSession } from "../app/context.ts";

const SETTLE_MS = 110;

/** What can replace the characters `from` to `to` (exclusive). */
export interface Words {
  from: number;
  to: number;
  items: { text: string; doc: string }[];
}

interface Offer extends Words {
  problem: Problem | null;
  /** That text: an answer to an older one is not offered. */
  text: string;
  offset: number;
}

/** What can be written at `offset` of `text` and what is wrong with it, a moment after the last key. */
export function useCompletion(text: string, offset: number): { words: Words | null; problem: Problem | null } {
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
  return { words: live(offer, text, offset), problem: offer?.text === text ? offer.problem : null };
}

/** The words for the text as it is now: while the answer is on its way, those of the last one that still fit. */
function live(offer: Offer | null, text: string, offset: number): Words | null {
  if (offer === null) return null;
  const { from, to, items } = offer;
  if (offer.text === text && offer.offset === offset) return { from, to, items };
  const typed = text.slice(from, offset);
  if (offset < from || text.slice(0, from) !== offer.text.slice(0, from) || /[\s|,=:]/.test(typed)) return null;
  const rest = /^[^\s|,=]*/.exec(text.slice(offset))?.[0].length ?? 0;
  const fits = items.filter((i) => i.text.toUpperCase().includes(typed.toUpperCase()));
  return { from, to: offset + rest, items: fits };
}
