/*
 * What p4/switch.p4 does to a packet from an uplink that hits the NAT table, in C, written as one would by hand for this
 * one kind of packet and its neighbours: checks, address filter, NAT entry by address and port range, Geneve over IPv6,
 * longest prefix, path by a hash, neighbour, MAC, and every counter that the program keeps. The tables are of the same
 * kind as the generated code's: open addressing, one hash over all prefix lengths, a guide over the first 16 bits.
 *
 *     nat FLOWS PACKETS   prints the median of nanoseconds per packet
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ENTRIES 100000
#define ROUTES 100000
#define SLEDS 4096
#define BATCH 256
#define UPLINK 1
#define K 0x9e3779b97f4a7c15ull

typedef unsigned __int128 u128;

static uint32_t seed = 1;
static uint32_t next(void) {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed;
}

static inline uint64_t mix(uint64_t h, uint64_t word) {
  h ^= word;
  return (h ^ (h >> 32)) * K;
}

/* ---- one hash table for all: two key words and a class ---- */
struct entry {
  uint64_t key[2];
  uint64_t packets, bytes;
  uint32_t next, class;
  uint16_t low, high;
  uint32_t value[2];
  u128 address;
  uint64_t mac;
} __attribute__((aligned(16)));
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
  t->entries = aligned_alloc(64, ((size + 1) * sizeof *t->entries + 63) / 64 * 64);
  memset(t->entries, 0, (size + 1) * sizeof *t->entries);
  t->mask = buckets - 1;
  t->count = 1;
}
static inline uint32_t tag_of(uint64_t a, uint64_t b, uint32_t class) {
  return (uint32_t)(mix(mix(class, a), b) >> 32) | 1;
}
static inline struct entry *find(const struct table *t, uint64_t a, uint64_t b, uint32_t class) {
  uint32_t tag = tag_of(a, b, class);
  for (uint32_t i = (tag >> 1) & t->mask;; i = (i + 1) & t->mask) {
    if (t->buckets[i].tag == tag) {
      struct entry *e = &t->entries[t->buckets[i].entry];
      if (e->key[0] == a && e->key[1] == b && e->class == class) return e;
    }
    if (t->buckets[i].tag == 0) return NULL;
  }
}
static struct entry *add(struct table *t, uint64_t a, uint64_t b, uint32_t class) {
  uint32_t tag = tag_of(a, b, class), i = (tag >> 1) & t->mask;
  struct entry *e = &t->entries[t->count];
  *e = (struct entry){.key = {a, b}, .class = class};
  struct entry *known = find(t, a, b, class);
  if (known != NULL) {
    while (known->next != 0) known = &t->entries[known->next];
    known->next = t->count++;
    return e;
  }
  while (t->buckets[i].tag != 0) i = (i + 1) & t->mask;
  t->buckets[i] = (struct bucket){tag, t->count++};
  return e;
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

static struct table uplinks, addresses, nat, routes, paths, neighbours, macs;
static uint64_t guide[65536];
static u128 tunnel_source;
static uint64_t ingress_ports[1024][2], egress_ports[1024][2];

static u128 mask_of(uint32_t length) { return length == 0 ? 0 : ~(u128)0 << (128 - length); }

static inline struct entry *route(u128 address) {
  uint64_t lengths = guide[(uint16_t)(address >> 112)];
  while (lengths != 0) {
    uint32_t length = 64 - (uint32_t)__builtin_ctzll(lengths);
    u128 key = address & mask_of(length);
    struct entry *e = find(&routes, (uint64_t)(key >> 64), (uint64_t)key, length);
    if (e != NULL) return e;
    lengths &= lengths - 1;
  }
  return NULL;
}

/* The hash that softnpu.p4 calls MIX, of 21 bytes as three words with the first byte lowest. */
static inline uint32_t mix21(const uint8_t *p) {
  uint64_t w[3] = {0, 0, 0};
  memcpy(w, p, 21);
  uint64_t sum = 21, power = K;
  for (int k = 0; k < 3; k++, power *= K) sum += (w[k] ^ (w[k] >> 32)) * power;
  sum = (sum ^ (sum >> 32)) * K;
  return (uint32_t)(sum >> 32);
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
static inline void put64(uint8_t *p, uint64_t v) {
  v = __builtin_bswap64(v);
  memcpy(p, &v, 8);
}
static inline void put48(uint8_t *p, uint64_t v) {
  put16(p, (uint16_t)(v >> 32));
  put32(p + 2, (uint32_t)v);
}

struct descriptor {
  uint8_t *start;
  uint32_t length;
};

/* The egress port, or minus the reason of a drop. */
static __attribute__((noinline)) int process(struct descriptor *d, uint32_t port) {
  uint8_t *f = d->start;
  uint32_t length = d->length;
  ingress_ports[port][0]++;
  ingress_ports[port][1] += length;
  if (length < 34 || get16(f + 12) != 0x0800) return -1;
  uint8_t *ip = f + 14;
  if (ip[0] != 0x45) return -2;
  uint32_t total = get16(ip + 2);
  if (total > length - 14 || total < 20) return -2;
  uint32_t sum = 0;
  for (int k = 0; k < 20; k += 2) sum += get16(ip + k);
  sum = (sum & 0xffff) + (sum >> 16);
  if ((sum & 0xffff) + (sum >> 16) != 0xffff) return -3;
  if (ip[8] == 0) return -4;
  uint8_t protocol = ip[9];
  if (protocol == 132) return -5;
  uint16_t src_port = 0, dst_port = 0;
  if ((get16(ip + 6) & 0x1fff) == 0 && (protocol == 6 || protocol == 17)) {
    if (length < 42) return -6;
    src_port = get16(ip + 20);
    dst_port = get16(ip + 22);
  }
  uint32_t dst = get32(ip + 16);
  if (dst >> 28 == 0xe || dst == 0xffffffff) return -7;
  int is_uplink = count(&uplinks, find(&uplinks, port, 0, 0), length) != NULL;
  if (count(&addresses, find(&addresses, dst, 0, 0), length) != NULL) return -8;
  struct entry *n = find(&nat, dst, 0, 0);
  while (n != NULL && (dst_port < n->low || dst_port > n->high)) n = n->next == 0 ? NULL : &nat.entries[n->next];
  if (count(&nat, n, length) == NULL) return is_uplink ? -9 : -10;
  struct entry *r = count(&routes, route(n->address), length);
  if (r == NULL) return -11;
  uint8_t flow[21];
  put64(flow, (uint64_t)(tunnel_source >> 64) ^ (uint64_t)tunnel_source);
  put64(flow + 8, (uint64_t)(n->address >> 64) ^ (uint64_t)n->address);
  put16(flow + 16, src_port);
  put16(flow + 18, dst_port);
  flow[20] = 17;
  uint32_t path = r->value[0] + ((mix21(flow) >> 16) * r->value[1] >> 16);
  struct entry *p = count(&paths, find(&paths, path, 0, 0), length);
  if (p == NULL) return -12;
  uint32_t out = p->value[0];
  struct entry *b = count(&neighbours, find(&neighbours, (uint64_t)p->address, (uint64_t)(p->address >> 64) ^ out, 0), length);
  if (b == NULL) return -13;
  struct entry *m = count(&macs, find(&macs, out, 0, 0), length);
  if (m == NULL) return -14;

  /* Ethernet 14, IPv6 40, UDP 8, Geneve 8 and its option 4, inner Ethernet 14, in front of the IPv4 header. */
  uint8_t *o = ip - 88;
  put48(o, b->mac);
  put48(o + 6, m->mac);
  put16(o + 12, 0x86dd);
  put32(o + 14, 0x60000000);
  put16(o + 18, (uint16_t)(total + 34));
  put16(o + 20, 17 << 8 | 254);
  put64(o + 22, (uint64_t)(tunnel_source >> 64));
  put64(o + 30, (uint64_t)tunnel_source);
  put64(o + 38, (uint64_t)(n->address >> 64));
  put64(o + 46, (uint64_t)n->address);
  put32(o + 54, 6081u << 16 | 6081u);
  put32(o + 58, (total + 34) << 16);
  put32(o + 62, 0x01006558);
  put32(o + 66, n->value[0] << 8);
  put32(o + 70, 0x01290000);
  put48(o + 74, n->mac);
  memset(o + 80, 0, 6);
  put16(o + 86, 0x0800);
  d->start = o;
  d->length = length + 74;
  egress_ports[out][0]++;
  egress_ports[out][1] += length;
  return (int)out;
}

static uint32_t length_of(uint32_t random) {
  uint32_t kind = random & 15;
  if (kind < 7) return 48;
  if (kind < 9) return 32;
  if (kind < 11) return 44;
  if (kind < 12) return 40;
  if (kind < 13) return 36;
  return 29 + (random >> 4) % 19;
}
static u128 sled_address(uint32_t sled) { return ((u128)(0xfd00112233440000ull + sled) << 64) | 1; }

static uint32_t route_count;
static void add_route(u128 prefix, uint32_t length, uint32_t path) {
  uint64_t high = (uint64_t)(prefix >> 64), low = (uint64_t)prefix;
  if (find(&routes, high, low, length) != NULL) return;
  struct entry *e = add(&routes, high, low, length);
  e->value[0] = path;
  e->value[1] = 2;
  guide[(uint16_t)(prefix >> 112)] |= 1ull << (64 - length);
  route_count++;
}

static struct {
  uint32_t address;
  uint16_t port;
} flows[ENTRIES];
static uint8_t image[ENTRIES][64], arena[BATCH][2048];

static void build(void) {
  make(&uplinks, 256);
  make(&addresses, 512);
  make(&nat, ENTRIES);
  make(&routes, ROUTES + 8);
  make(&paths, 256);
  make(&neighbours, 512);
  make(&macs, 256);
  add(&uplinks, UPLINK, 0, 0);
  add(&addresses, 0xc0000201, 0, 0);
  tunnel_source = (u128)0xfd00000000000000ull << 64 | 1;
  uint32_t n = 0;
  for (uint32_t address = 0xcb000000; n < ENTRIES; address++) {
    uint32_t shares = address % 2 == 0 ? 1 : 4;
    for (uint32_t share = 0; share < shares && n < ENTRIES; share++) {
      uint32_t low = share * 16384, high = shares == 1 ? 65535 : low + 16383, sled = next() % SLEDS;
      struct entry *e = add(&nat, address, 0, 0);
      e->low = (uint16_t)low;
      e->high = (uint16_t)high;
      e->address = sled_address(sled);
      e->mac = 0xa84025000000ull | n;
      e->value[0] = n;
      flows[n].address = address;
      flows[n++].port = (uint16_t)(low + next() % (high - low));
    }
  }
  for (uint32_t sled = 0; sled < SLEDS; sled++) add_route(sled_address(sled) & mask_of(64), 64, sled % 64);
  while (route_count < ROUTES) {
    uint32_t length = length_of(next()), high = next() & 0x1fffffff, low = next();
    u128 prefix = ((u128)(0x20000000u | high) << 96 | (u128)low << 64) & mask_of(length);
    add_route(prefix, length, next() % 64);
  }
  for (uint32_t path = 0; path < 65; path++) {
    struct entry *e = add(&paths, path, 0, 0);
    uint32_t out = 2 + path % 32;
    e->value[0] = out;
    e->address = ((u128)0xfe80000000000000ull << 64) + path;
    add(&neighbours, (uint64_t)e->address, (uint64_t)(e->address >> 64) ^ out, 0)->mac = 0xa84025010000ull + path;
  }
  for (uint32_t port = 0; port < 40; port++) add(&macs, port, 0, 0)->mac = 0xa84025020000ull + port;
  for (uint32_t k = 0; k < ENTRIES; k++) {
    uint8_t *f = image[k];
    uint32_t source = 0x08080000 + (k & 0xffff), sum = 0;
    put16(f, 0xa840);
    put32(f + 2, 0x25020001);
    put16(f + 6, 0x0200);
    put32(f + 8, 2);
    put16(f + 12, 0x0800);
    put16(f + 14, 0x4500);
    put16(f + 16, 50);
    put16(f + 22, 0x4011);
    put32(f + 26, source);
    put32(f + 30, flows[k].address);
    for (int i = 14; i < 34; i += 2) sum += get16(f + i);
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    put16(f + 24, (uint16_t)~sum);
    put16(f + 34, 4000);
    put16(f + 36, flows[k].port);
    put16(f + 38, 30);
  }
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  uint32_t count_of_flows = argc > 1 ? (uint32_t)atoi(argv[1]) : 4096;
  int batches = (argc > 2 ? atoi(argv[2]) : 3000000) / BATCH;
  build();
  seed = 7;
  double *spent = calloc((size_t)batches, sizeof *spent);
  static struct descriptor slots[BATCH];
  static int ports[BATCH];
  for (int k = 0; k < batches; k++) {
    for (int i = 0; i < BATCH; i++) {
      slots[i] = (struct descriptor){arena[i] + 254, 64};
      memcpy(slots[i].start, image[next() % count_of_flows], 64);
    }
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < BATCH; i++) ports[i] = process(&slots[i], UPLINK);
    clock_gettime(CLOCK_MONOTONIC, &b);
    spent[k] = (double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec);
    for (int i = 0; i < BATCH; i++)
      if (ports[i] < 0) {
        fprintf(stderr, "drop %d\n", ports[i]);
        return 1;
      }
  }
  int half = batches / 2;
  qsort(spent + half, (size_t)(batches - half), sizeof *spent, ascending);
  printf("%.2f\n", spent[half + (batches - half) / 2] / BATCH);
}
