import type { Access, AddressSpaceView, Ribbon, Track, TrackInterval } from "../../engine/views/types.ts";
import { OLD } from "./steps.ts";

const K = 0x1000n;
const IN = 1n << 44n;
const frames = [
  0xadb, 0xaed, 0xadf, 0xaf1, 0xae3, 0xad5, 0xae7, 0xad9, 0xaeb, 0xadd, 0xaef, 0xae1, 0xad3, 0xae5, 0xad7, 0xae9,
].map((n) => 0x40000000n + BigInt(n) * K);

function interval(
  start: bigint,
  length: bigint,
  kind: TrackInterval["kind"],
  label: string,
  ref: string,
  detail = "",
): TrackInterval {
  return { start, last: start + length - 1n, kind, label, detail, ref };
}

function track(id: string, label: string, sub: string, group: string, intervals: TrackInterval[], delta = "="): Track {
  return { id, label, sub, intervals, delta, ref: group, group };
}

export function spaceOf(kernel: string, step: number): AddressSpaceView {
  const old = kernel === OLD;
  const early = kernel === "sw-msi-at-alloc-2024-07";
  const window = step >= (early ? 3 : 9) && !old;
  const bell = !old && step >= 10;
  const lost = step === 11 || (old && step === 13);
  const msi = step === 11 || step === 13;
  const s1: TrackInterval[] = [
    [0x1000n, K, 0x41000000n],
    [0x2000n, K, 0x41003000n],
    [0x3000n, K, 0x50000000n],
    [0x200000n, 0x200000n, 0x40000000n],
    [0x40000000n, 0x40000000n, 0x40000000n],
    [0xffff00000000n, K, 0x41005000n],
    ...(step >= 12 ? [[0x8000000n, 0x100000n, 0x8000000n] as const] : []),
  ].map(([start, length]) => ({
    ...interval(
      start ?? 0n,
      length ?? 0n,
      "map",
      length === 0x40000000n ? "1G block" : "",
      `s1:${(start ?? 0n).toString(16)}`,
    ),
    leaf: Number(length ?? 0n) === 0x100000 ? 4096 : Number(length ?? 0n),
    ...(step === 12 && start === 0x8000000n ? { change: "added" as const } : {}),
  }));
  const device = (name: string, bdf: string): Track =>
    track(
      `${name}:reserved`,
      `${name} reserved`,
      bdf,
      `dev:${name}`,
      [
        interval(
          0x8000000n,
          0x100000n,
          "sw_msi",
          "SW_MSI 1M",
          `resv:${name}:0x8000000`,
          `IOMMU_RESV_SW_MSI of ${name}`,
        ),
      ],
      msi && name === "D1" ? "+1 write" : "=",
    );
  const mapped: TrackInterval[] = [
    ...(step >= 4
      ? [
          {
            ...interval(0x40000000n, 0x200000n, "map", "", "area:2:0x40000000", "RAM of the VMM"),
            ...(step === 4 ? { change: "added" as const } : {}),
          },
        ]
      : []),
    ...(step >= 5
      ? [
          {
            ...interval(0x41000000n, 0x10000n, "map", "", "area:2:0x41000000", "BUF of the VMM"),
            ...(step === 5 ? { change: "added" as const } : {}),
          },
        ]
      : []),
    ...(step >= 16 && old
      ? [
          {
            ...interval(0x8000000n, 0x10000n, "map", "", "area:2:0x8000000", "MORE of the VMM"),
            ...(step === 16 ? { change: "added" as const } : {}),
          },
        ]
      : []),
  ];
  const top = step >= 3 ? IN : 1n << 64n;
  const ranges = window
    ? [interval(0n, 0x8000000n, "range", "", "range:0"), interval(0x8100000n, top - 0x8100000n, "range", "", "range:1")]
    : [interval(0n, top, "range", "", "range:0")];
  const reserved: TrackInterval[] = [
    ...(step >= 3
      ? [interval(IN, (1n << 64n) - IN, "aperture", "past 2^44, hwpt 3", "hwpt:3", "aperture of hwpt 3")]
      : []),
    ...(window
      ? [
          {
            ...interval(
              0x8000000n,
              0x100000n,
              "sw_msi",
              early ? "owner hwpt 3" : "owner D1",
              "resv:2:0x8000000",
              "owner D1",
            ),
            ...(step === (early ? 3 : 9) ? { change: "added" as const } : {}),
          },
        ]
      : []),
  ];
  const table: TrackInterval[] = [
    ...mapped.map((m) => ({
      ...m,
      ref: `pt:3:${m.start.toString(16)}`,
      label: m.start === 0x40000000n ? "2M" : "16 x 4K",
      leaf: m.start === 0x40000000n ? 0x200000 : 4096,
    })),
    ...(bell
      ? [
          {
            ...interval(0x8000000n, K, "doorbell", "doorbell 4K", "pt:3:doorbell", "ITS page 0x8090000"),
            leaf: 4096,
            ...(step === 10 ? { change: "added" as const } : {}),
          },
        ]
      : []),
  ];
  const ioas = step >= 2;
  const bands: AddressSpaceView["bands"] = [
    {
      id: "giova",
      title: "gIOVA",
      tracks: [
        device("D1", "03.0"),
        device("D2", "01:00.0"),
        track("guest:T", "Guest S1", "CD 0", "guest:T", s1, lost ? "+1 miss" : "="),
      ],
    },
    {
      id: "ipa",
      title: "IPA = IOAS iova",
      tracks: ioas
        ? [
            track(
              "ioas:2:reserved",
              "IOAS 2 reserved",
              "owner",
              "ioas:2",
              reserved,
              window && step === (early ? 3 : 9) ? "+1" : "=",
            ),
            track(
              "ioas:2:mapped",
              "IOAS 2 mapped",
              `${mapped.length} areas`,
              "ioas:2",
              mapped,
              step === 4 || step === 5 ? "+1" : "=",
            ),
            track(
              "ioas:2:ranges",
              "IOVA_RANGES",
              `${ranges.length} range${ranges.length > 1 ? "s" : ""}`,
              "ioas:2",
              ranges,
            ),
            ...(step >= 3
              ? [
                  track(
                    "hwpt:3:table",
                    "hwpt 3 table",
                    "S2 44-bit",
                    "hwpt:3",
                    table,
                    step === 4 || step === 5 ? "+1" : "=",
                  ),
                ]
              : []),
          ]
        : [],
    },
    {
      id: "pa",
      title: "Physical",
      tracks: [
        track("pa:ram", "Physical", "", "pa", [interval(0x40000000n, 0xc0000000n, "ram", "RAM 3G", "pa:ram")]),
        track(
          "pa:mmio",
          "",
          "MMIO",
          "pa",
          [
            interval(0x8000000n, 0x10000n, "mmio", "GICD", "pa:gicd"),
            interval(0x8080000n, 0x20000n, "mmio", "ITS", "pa:its"),
            interval(0x80a0000n, 0xf60000n, "mmio", "GICR", "pa:gicr"),
            interval(0x10000000n, 0x2eff0000n, "mmio", "PCIe window", "pa:pcie"),
          ],
          lost ? "-1 irq" : "=",
        ),
      ],
    },
  ];
  const ribbons: Ribbon[] = [
    ...s1.map((s, i): Ribbon => {
      const to = [0x41000000n, 0x41003000n, 0x50000000n, 0x40000000n, 0x40000000n, 0x41005000n, 0x8000000n][i] ?? 0n;
      return {
        from: { track: "guest:T", start: s.start, last: s.last },
        to: { track: "ioas:2:reserved", start: to, last: to + s.last - s.start },
        kind: "map",
        ref: s.ref,
      };
    }),
    ...(step >= 4
      ? [
          {
            from: { track: "hwpt:3:table", start: 0x40000000n, last: 0x401fffffn },
            to: { track: "pa:ram", start: 0x40000000n, last: 0x401fffffn },
            kind: "map" as const,
            ref: "pt:3:40000000",
          },
        ]
      : []),
    ...(step >= 5
      ? frames.map((f, i): Ribbon => ({
          from: { track: "hwpt:3:table", start: 0x41000000n + BigInt(i) * K, last: 0x41000fffn + BigInt(i) * K },
          to: { track: "pa:ram", start: f, last: f + 0xfffn },
          kind: "map",
          ref: "pt:3:41000000",
        }))
      : []),
    ...(bell
      ? [
          {
            from: { track: "hwpt:3:table", start: 0x8000000n, last: 0x8000fffn },
            to: { track: "pa:mmio", start: 0x8090000n, last: 0x8090fffn },
            kind: "doorbell" as const,
            ref: "pt:3:doorbell",
          },
        ]
      : []),
  ];
  const at = old ? 0x8090040n : 0x8000040n;
  const accesses: Access[] = [];
  if (msi)
    accesses.push({
      ref: "dev:D1",
      track: "D1:reserved",
      iova: at,
      write: true,
      label: `W 0x${at.toString(16)}`,
      path: [
        { band: "giova", track: "guest:T", address: at },
        ...(step === 13 ? [{ band: "ipa" as const, track: "hwpt:3:table", address: at }] : []),
        ...(step === 13 && !old ? [{ band: "pa" as const, track: "pa:mmio", address: 0x8090040n }] : []),
      ],
      ok: step === 13 && !old,
      end: step === 11 ? "F_TRANSLATION stage 1" : old ? "F_TRANSLATION stage 2" : "LPI 8192, eventfd 9",
    });
  if (step === 14)
    accesses.push({
      ref: "dev:D1",
      track: "D1:reserved",
      iova: 0x1000n,
      write: true,
      label: "W 0x1000",
      path: [
        { band: "giova", track: "guest:T", address: 0x1000n },
        { band: "ipa", track: "hwpt:3:table", address: 0x41000000n },
        { band: "pa", track: "pa:ram", address: frames[0] ?? 0n },
      ],
      ok: true,
      end: "64 bytes",
    });
  return {
    bands,
    ribbons: ioas ? ribbons : [],
    accesses,
    asked:
      step === 16
        ? [{ band: "ipa", track: "ioas:2:mapped", start: 0x8000000n, last: 0x800ffffn, label: "MAP 64K", ok: old }]
        : [],
  };
}
