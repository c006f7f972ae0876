/** What the peer's page offers to the benchmark, as `window.peer`. */
export interface Peer {
  /** Shows `[from, to)`, places of intervals. */
  show(from: number, to: number): void;
}

export type PeerWindow = Window & { peer?: Peer };
