/*
 * The router of l3.ts in C, written as one would by hand: same route and next-hop tables (open addressing, one hash over
 * all prefix lengths, lengths tried from the longest), same counters, same rewrite. Prints "routes/batch ns-per-packet".
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PACKETS 1000000
#define FLOWS 4096
#define HOPS 256
#define K 0x9e3779b97f4a7c15ull

static uint32_t seed;
static uint32_t next(void) {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed;
}

struct entry {
  uint64_t key;
  uint32_t length, hop;
  uint64_t packets, bytes;
};
struct bucket {
  uint32_t tag, entry;
};
static struct entry *entries;
static struct bucket *buckets;
static uint32_t mask;
static int used[33], lengths[33], count;
static uint64_t hits, misses;

static uint32_t tag_of(uint64_t key, uint32_t length) {
  uint64_t h = length ^ key;
  h = (h ^ (h >> 32)) * K;
  return (uint32_t)(h >> 32) | 1;
}

static uint32_t mask_of(int length) { return length == 0 ? 0 : ~0u << (32 - length); }

static struct entry *find(uint32_t key, uint32_t length, uint32_t tag, uint32_t *at) {
  uint32_t i = (tag >> 1) & mask;
  for (;; i = (i + 1) & mask) {
    if (buckets[i].tag == 0) break;
    if (buckets[i].tag != tag) continue;
    struct entry *e = &entries[buckets[i].entry];
    if (e->key == key && e->length == length) return e;
  }
  *at = i;
  return NULL;
}

struct hop {
  uint64_t src, dst, packets, bytes;
  uint32_t port;
};
static struct hop hops[HOPS];

static uint16_t load16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static void store16(uint8_t *p, uint16_t v) {
  p[0] = (uint8_t)(v >> 8);
  p[1] = (uint8_t)v;
}
static void store48(uint8_t *p, uint64_t v) {
  for (int i = 0; i < 6; i++) p[i] = (uint8_t)(v >> (40 - 8 * i));
}

static int process(uint8_t *frame, uint32_t size) {
  if (size < 14 || load16(frame + 12) != 0x0800 || size < 34 || frame[14] >> 4 != 4 || frame[22] <= 1) return -1;
  uint32_t dst;
  memcpy(&dst, frame + 30, 4);
  dst = __builtin_bswap32(dst);
  struct entry *route = NULL;
  for (int i = 0; i < count && route == NULL; i++) {
    uint32_t key = dst & mask_of(lengths[i]), at;
    route = find(key, (uint32_t)lengths[i], tag_of(key, (uint32_t)lengths[i]), &at);
  }
  if (route == NULL) {
    misses++;
    return -1;
  }
  hits++;
  route->packets++;
  route->bytes += size;
  struct hop *hop = &hops[route->hop];
  hop->packets++;
  hop->bytes += size;
  store48(frame, hop->dst);
  store48(frame + 6, hop->src);
  frame[22]--;
  store16(frame + 24, 0);
  uint32_t sum = 0;
  for (int i = 14; i < 34; i += 2) sum += load16(frame + i);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  store16(frame + 24, (uint16_t)~sum);
  return (int)hop->port;
}

static uint8_t frames[FLOWS][64], arena[512][2048];

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void measure(uint32_t routes, int batch) {
  uint32_t destinations[FLOWS], n = 0, have = 0;
  for (mask = 16; mask < 2 * routes; mask *= 2) {}
  buckets = calloc(mask, sizeof *buckets);
  entries = calloc(routes, sizeof *entries);
  mask--;
  memset(used, 0, sizeof used);
  seed = 1;
  for (uint32_t k = 0; k < routes; k++) {
    uint32_t r = next(), length = (r & 1) == 0 ? 24 : 8 + ((r >> 1) & 15), address = next(), hop = next() % HOPS, at;
    uint32_t key = address & mask_of((int)length), tag = tag_of(key, length);
    if (find(key, length, tag, &at) == NULL) {
      entries[n] = (struct entry){key, length, hop, 0, 0};
      buckets[at] = (struct bucket){tag, n++};
      used[length] = 1;
    }
    if (have < FLOWS) destinations[have++] = address;
  }
  for (uint32_t k = 0; have < FLOWS; k++) destinations[have++] = destinations[k];
  count = 0;
  for (int length = 32; length >= 0; length--)
    if (used[length]) lengths[count++] = length;
  for (uint32_t k = 0; k < HOPS; k++) hops[k] = (struct hop){0x020000000000ull | k, 0x020000010000ull | k, 0, 0, k & 15};
  for (int k = 0; k < FLOWS; k++) {
    uint8_t *f = frames[k];
    memset(f, 0, 64);
    store16(f + 12, 0x0800);
    store16(f + 14, 0x4500);
    store16(f + 16, 50);
    store16(f + 22, 0x4011);
    store16(f + 26, 0x0a00);
    store16(f + 28, 1);
    store16(f + 30, (uint16_t)(destinations[k] >> 16));
    store16(f + 32, (uint16_t)destinations[k]);
  }
  volatile int port;
  int batches = PACKETS / batch, at = 0;
  double *spent = calloc((size_t)batches, sizeof *spent);
  for (int k = 0; k < batches; k++) {
    for (int i = 0; i < batch; i++) {
      memcpy(arena[i] + 254, frames[at], 64);
      at = (at + 1) % FLOWS;
    }
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < batch; i++) port = process(arena[i] + 254, 64);
    clock_gettime(CLOCK_MONOTONIC, &b);
    spent[k] = (double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec);
  }
  (void)port;
  qsort(spent, (size_t)batches, sizeof *spent, ascending);
  printf("%u/%d %.2f %.2f\n", routes, batch, spent[batches / 10] / batch, spent[batches / 2] / batch);
  free(spent);
  free(buckets);
  free(entries);
}

int main(void) {
  for (uint32_t routes = 1000; routes <= 100000; routes *= 100) {
    measure(routes, 64);
    measure(routes, 256);
  }
}
