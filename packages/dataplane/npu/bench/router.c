/*
 * The router of p4/examples/router.p4 in C, written as one would by hand: longest prefix (one hash over all lengths, a
 * guide over the first 16 bits), next hop and source address by hash, checksum verified and computed anew, counters kept.
 *
 *     router ROUTES FLOWS PACKETS   prints the median of nanoseconds per packet
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH 256
#define HOPS 256
#define K 0x9e3779b97f4a7c15ull

static uint32_t seed = 1;
static uint32_t next(void) {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed;
}

struct entry {
  uint64_t key, packets, bytes;
  uint32_t class, value;
  uint64_t mac;
  uint32_t port;
} __attribute__((aligned(64)));
struct table {
  struct bucket {
    uint32_t tag, entry;
  } *buckets;
  struct entry *entries;
  uint32_t mask, count;
  uint64_t hits, misses;
};

static void make(struct table *t, uint32_t size) {
  uint32_t buckets = 16;
  while (buckets < size + size / 2) buckets *= 2;
  t->buckets = calloc(buckets, sizeof *t->buckets);
  t->entries = aligned_alloc(64, (size + 1) * sizeof *t->entries);
  memset(t->entries, 0, (size + 1) * sizeof *t->entries);
  t->mask = buckets - 1;
  t->count = 1;
}
static inline uint32_t tag_of(uint64_t key, uint32_t class) {
  uint64_t h = class ^ key;
  h = (h ^ (h >> 32)) * K;
  return (uint32_t)(h >> 32) | 1;
}
static inline struct entry *find(const struct table *t, uint64_t key, uint32_t class) {
  uint32_t tag = tag_of(key, class);
  for (uint32_t i = (tag >> 1) & t->mask;; i = (i + 1) & t->mask) {
    if (t->buckets[i].tag == tag) {
      struct entry *e = &t->entries[t->buckets[i].entry];
      if (e->key == key && e->class == class) return e;
    }
    if (t->buckets[i].tag == 0) return NULL;
  }
}
static struct entry *add(struct table *t, uint64_t key, uint32_t class) {
  uint32_t tag = tag_of(key, class), i = (tag >> 1) & t->mask;
  while (t->buckets[i].tag != 0) i = (i + 1) & t->mask;
  t->buckets[i] = (struct bucket){tag, t->count};
  t->entries[t->count] = (struct entry){.key = key, .class = class};
  return &t->entries[t->count++];
}
static inline struct entry *count(struct table *t, struct entry *e, uint32_t length) {
  if (e == NULL) {
    t->misses++;
    return NULL;
  }
  t->hits++;
  e->packets++;
  e->bytes += length;
  return e;
}

static struct table routes, hops, macs;
static uint64_t guide[65536];

static uint32_t mask_of(uint32_t length) { return length == 0 ? 0 : ~0u << (32 - length); }

static inline struct entry *route(uint32_t address) {
  uint64_t lengths = guide[address >> 16];
  while (lengths != 0) {
    uint32_t length = 32 - (uint32_t)__builtin_ctzll(lengths);
    struct entry *e = find(&routes, address & mask_of(length), length);
    if (e != NULL) return e;
    lengths &= lengths - 1;
  }
  return NULL;
}

static inline uint16_t get16(const uint8_t *p) {
  uint16_t v;
  memcpy(&v, p, 2);
  return __builtin_bswap16(v);
}
static inline uint32_t get32(const uint8_t *p) {
  uint32_t v;
  memcpy(&v, p, 4);
  return __builtin_bswap32(v);
}
static inline void put16(uint8_t *p, uint16_t v) {
  v = __builtin_bswap16(v);
  memcpy(p, &v, 2);
}
static inline void put32(uint8_t *p, uint32_t v) {
  v = __builtin_bswap32(v);
  memcpy(p, &v, 4);
}
static inline void put48(uint8_t *p, uint64_t v) {
  put16(p, (uint16_t)(v >> 32));
  put32(p + 2, (uint32_t)v);
}

static uint16_t checksum(const uint8_t *ip) {
  uint32_t sum = 0;
  for (int k = 0; k < 20; k += 2) sum += k == 10 ? 0 : get16(ip + k);
  sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~(sum + (sum >> 16));
}

/* The egress port, or minus the reason of a drop. */
static __attribute__((noinline)) int process(uint8_t *f, uint32_t length) {
  if (length < 34 || get16(f + 12) != 0x0800) return -1;
  uint8_t *ip = f + 14;
  if (checksum(ip) != get16(ip + 10) || ip[8] <= 1) return -2;
  struct entry *r = count(&routes, route(get32(ip + 16)), length);
  if (r == NULL) return -3;
  ip[8]--;
  struct entry *h = count(&hops, find(&hops, r->value, 0), length);
  if (h == NULL) return -4;
  put48(f, h->mac);
  struct entry *m = count(&macs, find(&macs, r->port, 0), length);
  if (m == NULL) return -5;
  put48(f + 6, m->mac);
  put16(ip + 10, checksum(ip));
  return (int)r->port;
}

static uint32_t destinations[1 << 20];
static uint8_t arena[BATCH][2048];

static void build(uint32_t size, uint32_t flows) {
  make(&routes, size);
  make(&hops, HOPS);
  make(&macs, 64);
  for (uint32_t hop = 0; hop < HOPS; hop++) add(&hops, 0x0a000000 + hop, 0)->mac = 0x020000010000ull | hop;
  for (uint32_t port = 0; port < 16; port++) add(&macs, port, 0)->mac = 0x020000000000ull | port;
  uint32_t have = 0;
  while (routes.count <= size) {
    uint32_t r = next(), length = (r & 1) == 0 ? 24 : 8 + ((r >> 1) & 15), address = next(), hop = next() % HOPS;
    uint32_t key = address & mask_of(length);
    if (find(&routes, key, length) != NULL) continue;
    struct entry *e = add(&routes, key, length);
    e->value = 0x0a000000 + hop;
    e->port = hop & 15;
    uint32_t covered = length < 16 ? 1u << (16 - length) : 1;
    for (uint32_t k = 0; k < covered; k++) guide[(key >> 16) + k] |= 1ull << (32 - length);
    if (have < flows) destinations[have++] = address;
  }
  for (uint32_t k = 0; have < flows; k++) destinations[have++] = destinations[k];
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  uint32_t flows = (uint32_t)atoi(argv[2]);
  int batches = atoi(argv[3]) / BATCH, half = batches / 2;
  if (flows > sizeof destinations / sizeof *destinations) return 2;
  build((uint32_t)atoi(argv[1]), flows);
  uint8_t(*image)[64] = calloc(flows, 64);
  for (uint32_t k = 0; k < flows; k++) {
    uint8_t *f = image[k];
    put16(f, 0xa840);
    put32(f + 2, 0x25020001);
    put16(f + 6, 0x0200);
    put32(f + 8, 2);
    put16(f + 12, 0x0800);
    put16(f + 14, 0x4500);
    put16(f + 16, 50);
    put16(f + 22, 0x4011);
    put32(f + 26, 0x0a000001 + k);
    put32(f + 30, destinations[k]);
    put16(f + 24, checksum(f + 14));
  }
  seed = 7;
  double *spent = calloc((size_t)batches, sizeof *spent);
  static int ports[BATCH];
  for (int k = 0; k < batches; k++) {
    for (int i = 0; i < BATCH; i++) memcpy(arena[i] + 254, image[next() % flows], 64);
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < BATCH; i++) ports[i] = process(arena[i] + 254, 64);
    clock_gettime(CLOCK_MONOTONIC, &b);
    spent[k] = (double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec);
    for (int i = 0; i < BATCH; i++)
      if (ports[i] < 0) {
        fprintf(stderr, "drop %d\n", -ports[i]);
        return 1;
      }
  }
  qsort(spent + half, (size_t)(batches - half), sizeof *spent, ascending);
  printf("%.2f\n", spent[half + (batches - half) / 2] / BATCH);
}
