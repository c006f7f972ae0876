/** Page size of the machines modelled here, bytes. */
export const PAGE_SIZE = 4096;
export const PAGE_SHIFT = 12;
export const PAGE_SIZE_N = 4096n;
export const PAGE_MASK_N = 4095n;
/** 2^64 - 1, the kernel's ULONG_MAX. */
export const ULONG_MAX = 0xffff_ffff_ffff_ffffn;

export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const PROT_EXEC = 4;
