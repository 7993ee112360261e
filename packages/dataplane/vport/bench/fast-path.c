/*
 * What the kernel of the packet engine does to an outbound TCP segment over IPv4 of a flow that it knows, in C, as one would
 * write it by hand for this one kind of packet: parse and check, key, index probe, row, versions, TCP flags, counters and
 * last use, source translation with incremental checksums, 70 bytes in front (outer Ethernet, IPv6, UDP, Geneve) and the
 * inner Ethernet header, lengths, descriptor. Index and rows have the kernel's form, and large tables are looked up in
 * two passes with prefetches, as there.
 *
 *     fast-path FLOWS PACKETS   prints the median of nanoseconds per packet
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH 256
#define CHUNK 64
#define SLOT_BYTES 2048
#define HEADROOM 254
#define FRAME_BYTES 118
#define TEMPLATE 80
#define FRONT 96

static uint32_t seed = 7;
static uint32_t next(void) {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed;
}

struct row {
  uint32_t expected, dependency, port;
  uint16_t max_bytes;
  uint8_t flags, encap;
  uint16_t ip_delta, l4_delta;
  uint32_t last_hit;
  uint64_t packets, bytes;
  uint64_t key[3];
  uint64_t addresses;
  uint32_t ports, block;
  uint8_t template[TEMPLATE];
} __attribute__((aligned(64)));
struct block {
  uint8_t connection[64];
  struct row out, in;
} __attribute__((aligned(64)));

static struct { uint32_t tag, row; } *entries;
static uint32_t mask, versions[64], flows_count;
static struct block *blocks;

static uint8_t *frames;
static struct { uint32_t start, length, packet, taint; } descriptors[BATCH];

static inline uint64_t load64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return v; }
static inline uint32_t load32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }
static inline uint32_t load16(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return v; }
static inline void store16(uint8_t *p, uint32_t v) { uint16_t w = (uint16_t)v; memcpy(p, &w, 2); }
static inline uint32_t swap16(uint32_t v) { return __builtin_bswap16((uint16_t)v); }

static inline uint32_t hash(uint64_t a, uint64_t b, uint64_t c) {
  uint64_t h = (a ^ 0x2c1b3c6d7ed558ccull) * 0x9e3779b97f4a7c15ull;
  h = (h ^ (h >> 32) ^ b) * 0xc2b2ae3d27d4eb4full;
  h = (h ^ (h >> 29) ^ c) * 0xd6e8feb86659fd93ull;
  return (uint32_t)(h ^ (h >> 32));
}
static inline void adjust(uint8_t *at, uint32_t delta) {
  uint32_t sum = (load16(at) ^ 0xffff) + delta;
  store16(at, ((sum & 0xffff) + (sum >> 16)) ^ 0xffff);
}
static uint32_t row_of(uint32_t flow) { return (uint32_t)((flow * sizeof(struct block) + 64) / 64); }
static struct row *at_row(uint32_t row) { return (struct row *)((uint8_t *)blocks + (uint64_t)row * 64); }

#define VNI_META (0x21511c00u)
#define MAC_OUT (0xd711f42540a8ull | (1ull << 48))

struct found { struct row *row; uint8_t *l3; uint32_t total, tag, at; uint64_t key[3]; };
static struct found found[CHUNK];

static uint32_t process(const uint32_t *slots, uint32_t count, uint32_t vni, uint32_t now) {
  uint32_t n = 0;
  for (; n < count; n++) {
    uint32_t slot = slots[n];
    uint8_t *l3 = frames + descriptors[slot].start + 14;
    int32_t room = (int32_t)descriptors[slot].length - 14;
    if (room < 28 || load16(l3 - 2) != 0x0008 || l3[0] != 0x45 || (load16(l3 + 6) & 0xff3f) != 0) break;
    int32_t total = (int32_t)swap16(load16(l3 + 2));
    if (total > room || total < 40 || l3[9] != 6) break;
    uint8_t *l4 = l3 + 20;
    uint32_t flags = load16(l4 + 12), offset = ((flags & 0xf0) >> 4) << 2;
    if ((flags & 0x1700) != 0x1000 || offset < 20 || offset > (uint32_t)total - 20) break;
    struct found *f = &found[n];
    f->key[0] = load64(l3 + 12);
    f->key[1] = load32(l4) | (uint64_t)(vni | 6) << 32;
    f->key[2] = (load64(l3 - 8) & 0xffffffffffffull) | 1ull << 48;
    uint32_t tag = hash(f->key[0], f->key[1], f->key[2]), at = tag & mask;
    while (entries[at].tag != tag && entries[at].row != 0) at = (at + 1) & mask;
    if (entries[at].row == 0) break;
    f->row = at_row(entries[at].row);
    f->tag = tag;
    f->at = at;
    f->l3 = l3;
    f->total = (uint32_t)total;
    if (mask > 8192) {
      __builtin_prefetch(f->row, 1);
      __builtin_prefetch((uint8_t *)f->row + 64);
      __builtin_prefetch((uint8_t *)f->row + 128);
    }
  }
  for (uint32_t i = 0; i < n; i++) {
    struct found *f = &found[i];
    struct row *row = f->row;
    uint8_t *l3 = f->l3, *l4 = l3 + 20;
    while (((f->key[0] ^ row->key[0]) | (f->key[1] ^ row->key[1]) | (f->key[2] ^ row->key[2])) != 0) {
      do f->at = (f->at + 1) & mask;
      while (entries[f->at].row != 0 && entries[f->at].tag != f->tag);
      if (entries[f->at].row == 0) return i;
      row = at_row(entries[f->at].row);
    }
    if (versions[row->port] + versions[row->dependency] != row->expected) return i;
    if ((row->flags & 3) != 3 || f->total > row->max_bytes) return i;
    if (l3 < frames + slots[i] * SLOT_BYTES + FRONT) return i;
    uint32_t bytes = f->total + 14;
    row->last_hit = now;
    row->packets++;
    row->bytes += bytes;
    memcpy(l3 + 12, &row->addresses, 8);
    adjust(l3 + 10, row->ip_delta);
    memcpy(l4, &row->ports, 4);
    adjust(l4 + 16, row->l4_delta);
    memset(l3 - FRONT, 0, FRONT - TEMPLATE);
    memcpy(l3 - TEMPLATE, row->template, TEMPLATE);
    uint8_t *start = l3 - 14 - row->encap;
    uint32_t udp = swap16(bytes + row->encap - 40);
    store16(start + 4, udp);
    store16(start + 44, udp);
    descriptors[slots[i]].start = (uint32_t)(start - frames);
    descriptors[slots[i]].length = bytes + row->encap;
  }
  return n;
}

static void write_frame(uint8_t *f, uint32_t flow) {
  memset(f, 0, FRAME_BYTES);
  memcpy(f, "\xa8\x40\x25\xff\x77\x77\xa8\x40\x25\xf4\x11\xd7\x08\x00", 14);
  uint8_t *l3 = f + 14, *l4 = l3 + 20;
  l3[0] = 0x45, l3[3] = FRAME_BYTES - 14, l3[8] = 64, l3[9] = 6;
  memcpy(l3 + 12, "\xac\x1e\x00\x05\xcb\x00", 6);
  l3[18] = (uint8_t)(flow >> 14), l3[19] = 9;
  store16(l4, swap16(1024 + (flow & 0x3fff)));
  store16(l4 + 2, swap16(443));
  l4[12] = 0x50, l4[13] = 0x10;
}

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}
static int order(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

int main(int count, char **arguments) {
  flows_count = count > 1 ? (uint32_t)atoi(arguments[1]) : 64;
  uint32_t packets = count > 2 ? (uint32_t)atoi(arguments[2]) : 500000, size = 1024;
  while (size < flows_count * 4) size *= 2;
  entries = calloc(size, sizeof *entries);
  mask = size - 1;
  blocks = aligned_alloc(64, (flows_count + 1) * sizeof *blocks);
  memset(blocks, 0, (flows_count + 1) * sizeof *blocks);
  frames = aligned_alloc(64, BATCH * SLOT_BYTES);
  uint8_t *image = malloc((size_t)flows_count * FRAME_BYTES);
  for (uint32_t flow = 0; flow < flows_count; flow++) {
    uint8_t *f = image + (size_t)flow * FRAME_BYTES;
    write_frame(f, flow);
    uint32_t number = row_of(flow);
    struct row *row = at_row(number);
    row->flags = 3, row->encap = 56, row->max_bytes = 1500, row->ip_delta = 0x1234, row->l4_delta = 0x1234;
    row->key[0] = load64(f + 26), row->key[1] = load32(f + 34) | (uint64_t)(VNI_META | 6) << 32, row->key[2] = MAC_OUT;
    row->addresses = row->key[0] + 1, row->ports = load32(f + 34);
    uint32_t tag = hash(row->key[0], row->key[1], row->key[2]), at = tag & mask;
    while (entries[at].row != 0) at = (at + 1) & mask;
    entries[at].tag = tag, entries[at].row = number;
    /* The rows of the other direction are in the index too. */
    for (at = next() & mask; entries[at].row != 0;) at = (at + 1) & mask;
    entries[at].tag = at * 2654435761u, entries[at].row = number + 3;
  }
  uint32_t batches = packets / BATCH, slots[BATCH];
  double *spent = malloc(batches * sizeof *spent);
  for (uint32_t batch = 0; batch < batches; batch++) {
    for (uint32_t i = 0; i < BATCH; i++) {
      slots[i] = i;
      descriptors[i].start = i * SLOT_BYTES + HEADROOM;
      descriptors[i].length = FRAME_BYTES;
      memcpy(frames + descriptors[i].start, image + (size_t)(next() % flows_count) * FRAME_BYTES, FRAME_BYTES);
    }
    double start = now_ns();
    for (uint32_t i = 0; i < BATCH; i += CHUNK) {
      for (uint32_t k = 0; k < CHUNK; k++) descriptors[slots[i + k]].taint = 1;
      if (process(slots + i, CHUNK, VNI_META, batch) != CHUNK) return fprintf(stderr, "a packet was not finished\n"), 1;
    }
    spent[batch] = (now_ns() - start) / BATCH;
  }
  qsort(spent + batches / 2, batches - batches / 2, sizeof *spent, order);
  printf("%.1f\n", spent[batches / 2 + (batches - batches / 2) / 2]);
  return 0;
}
