// Nested translations a second of CPU time of the RISC-V IOMMU reference model: Sv39 on Sv39x4, 4 KiB pages, random order.
// Usage: riscv-walk PAGES; prints millions a second. Built by riscv.ts with the sources of the model.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "iommu.h"
#include "tables_api.h"

#define MEMORY_BYTES (1ul << 30)
#define DEVICE 0x12
#define DATA_GPA 0x40000000ul
#define BATCH 100000

static uint8_t *ram;
static uint64_t next_page = 1, next_guest_page = 1;

// What the model asks of its surroundings.
uint8_t read_memory(uint64_t at, uint8_t n, char *to, uint32_t rcid, uint32_t mcid, uint32_t pma, int endian) {
    if (at + n > MEMORY_BYTES) return ACCESS_FAULT;
    memcpy(to, ram + at, n);
    return 0;
}
uint8_t read_memory_for_AMO(uint64_t at, uint8_t n, char *to, uint32_t r, uint32_t m, uint32_t p, int e) {
    return read_memory(at, n, to, r, m, p, e);
}
uint8_t write_memory(char *from, uint64_t at, uint32_t n, uint32_t rcid, uint32_t mcid, uint32_t pma, int endian) {
    if (at + n > MEMORY_BYTES) return ACCESS_FAULT;
    memcpy(ram + at, from, n);
    return 0;
}
uint8_t read_memory_test(uint64_t at, uint8_t n, char *to) { return read_memory(at, n, to, 0, 0, 0, 0); }
uint8_t write_memory_test(char *from, uint64_t at, uint32_t n) { return write_memory(from, at, n, 0, 0, 0, 0); }
uint64_t get_free_ppn(uint64_t n) {
    next_page = (next_page + n - 1) / n * n + n;
    return next_page - n;
}
uint64_t get_free_gppn(uint64_t n, iohgatp_t iohgatp) {
    next_guest_page = (next_guest_page + n - 1) / n * n + n;
    return next_guest_page - n;
}
void iommu_to_hb_do_global_observability_sync(uint8_t pr, uint8_t pw) {}
void send_msg_iommu_to_hb(ats_msg_t *msg) {}
void handle_virtual_interrupt_file_overlap(device_context_t *dc, uint64_t gpa, uint64_t *size) {}
void get_attribs_from_req(hb_to_iommu_req_t *req, uint8_t *read, uint8_t *write, uint8_t *exec, uint8_t *priv) {
    *read = req->tr.read_writeAMO == READ;
    *write = req->tr.read_writeAMO == WRITE;
    *exec = *priv = 0;
}

static gpte_t guest_leaf(uint64_t ppn) {
    gpte_t g = {.raw = 0};
    g.V = g.R = g.W = g.U = g.A = g.D = 1;
    g.PPN = ppn;
    return g;
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    uint64_t pages = argc > 1 ? strtoul(argv[1], NULL, 10) : 16384;
    static iommu_t iommu;
    capabilities_t cap = {0};
    fctl_t fctl = {0};
    ram = calloc(1, MEMORY_BYTES);
    if (ram == NULL) return fprintf(stderr, "no memory\n"), 1;
    cap.version = 0x10;
    cap.Sv39 = cap.Sv39x4 = cap.amo_hwad = 1;
    cap.pas = 50;
    if (reset_iommu(&iommu, 0, 40, 0xff, 3, Off, DDT_3LVL, 0xffffff, 0, 0, 0, cap, fctl, 1 << 30, 1 << 30, 1 << 30,
                    1 << 21, 1 << 30, 1 << 30, 1 << 30, 1 << 21) < 0)
        return fprintf(stderr, "reset failed\n"), 1;
    ddtp_t ddtp = {.raw = 0};
    ddtp.ppn = get_free_ppn(1);
    ddtp.iommu_mode = DDT_1LVL;
    write_register(&iommu, DDTP_OFFSET, 8, ddtp.raw);

    device_context_t dc;
    memset(&dc, 0, sizeof dc);
    dc.tc.V = dc.tc.GADE = dc.tc.SADE = 1;
    dc.iohgatp.MODE = IOHGATP_Sv39x4;
    dc.iohgatp.GSCID = 1;
    dc.iohgatp.PPN = get_free_ppn(4);
    dc.fsc.iosatp.MODE = IOSATP_Sv39;
    dc.fsc.iosatp.PPN = get_free_gppn(1, dc.iohgatp);
    add_g_stage_pte(&iommu, dc.iohgatp, dc.fsc.iosatp.PPN * PAGESIZE, guest_leaf(get_free_ppn(1)), 0);
    add_dev_context(&iommu, &dc, DEVICE);
    uint64_t first = get_free_ppn(pages);
    for (uint64_t i = 0; i < pages; i++) {
        pte_t leaf = {.raw = 0};
        leaf.V = leaf.R = leaf.W = leaf.U = leaf.A = leaf.D = 1;
        leaf.PPN = DATA_GPA / PAGESIZE + i;
        add_vs_stage_pte(&iommu, dc.fsc.iosatp, i * PAGESIZE, leaf, 0, dc.iohgatp, 0);
        add_g_stage_pte(&iommu, dc.iohgatp, DATA_GPA + i * PAGESIZE, guest_leaf(first + i), 0);
    }

    hb_to_iommu_req_t req;
    iommu_to_hb_rsp_t rsp;
    double best = 0;
    for (int round = 0; round < 4; round++) {
        uint32_t seed = 12345;
        uint64_t calls = 0;
        double start = seconds(), used = 0;
        while (used < 0.7) {
            for (int i = 0; i < BATCH; i++) {
                seed = seed * 1103515245u + 12345u;
                uint64_t page = (seed >> 8) % pages;
                memset(&req, 0, sizeof req);
                req.device_id = DEVICE;
                req.tr.at = ADDR_TYPE_UNTRANSLATED;
                req.tr.iova = page * PAGESIZE;
                req.tr.length = 8;
                req.tr.read_writeAMO = (seed >> 7) & 1 ? WRITE : READ;
                iommu_translate_iova(&iommu, &req, &rsp);
                if (rsp.status != SUCCESS || rsp.trsp.PPN != first + page)
                    return fprintf(stderr, "page %" PRIu64 ": status %d\n", page, rsp.status), 1;
            }
            calls += BATCH;
            used = seconds() - start;
        }
        if (round > 0 && (double)calls / used > best) best = (double)calls / used;
    }
    printf("%.3f\n", best / 1e6);
    return 0;
}
