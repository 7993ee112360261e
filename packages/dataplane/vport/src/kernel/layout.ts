/**
 * What lies where in the flow memory: the WebAssembly memory that the kernel (`kernel.ts`) shares with the slow path. All
 * offsets are in bytes; numbers are little-endian except where they are copies of a packet's bytes.
 *
 *     0        the kernel's parameters
 *     128      slots of a batch, then its results, then what the first pass found out about each frame
 *     8192     versions, index, blocks, in regions that `FlowMemory` hands out
 *
 * A block is one connection: a cache line that only the slow path reads, then a row for each direction.
 *
 *     connection 64 | out 192 | in 192
 *
 * A row is three cache lines in both families: with large tables the lines are what a packet costs.
 */

// Parameters

/** Hash and row of each index entry begin here; entries are two words, a row of 0 is none. */
export const PARAM_INDEX = 64
/** Entries of the index minus one. */
export const PARAM_INDEX_MASK = 68
export const PARAM_VERSIONS = 72
/** Bytes of the frames that the last call finished. */
export const PARAM_BYTES = 76
/** The sled's underlay address as on the wire. */
export const PARAM_UNDERLAY = 80
/** Set where the tables are too large for the caches: rows are then touched ahead. */
export const PARAM_TOUCH = 96
/** Where the arena's slots begin, and their size. */
export const PARAM_DATA = 100
export const PARAM_SLOT_BYTES = 104
/** Keeps what is loaded only to have it near. */
export const PARAM_SINK = 108
/** The secret of the hash: words of 64 bits, of which the last three are odd. */
export const PARAM_HASH_KEY = 16
export const HASH_WORDS = 5

// Batches

export const BATCH_FRAMES = 64
export const BATCH_SLOTS = 128
export const BATCH_RESULTS: number = BATCH_SLOTS + 4 * BATCH_FRAMES
/** Per frame: row (0 where the kernel has no business), start of its IP header, of its transport header, its end. */
export const BATCH_FOUND: number = BATCH_RESULTS + 4 * BATCH_FRAMES
export const FOUND_BYTES = 88
export const FOUND_ROW = 0
export const FOUND_L3 = 4
export const FOUND_L4 = 8
export const FOUND_END = 12
/** What the transport is: one of KIND_. */
export const FOUND_KIND = 16
/** Whether it is IPv6. */
export const FOUND_IS_V6 = 20
/** Inbound: the outer IPv6 header, and whether the frame is marked as from outside. */
export const FOUND_OUTER = 24
export const FOUND_EXTERNAL = 28
export const FOUND_KEY = 32
/** The hash, and which entry of the index the row was taken from. */
export const FOUND_HASH = 80
export const FOUND_ENTRY = 84
export const KEY_SCRATCH: number = BATCH_FOUND + FOUND_BYTES * BATCH_FRAMES
export const REGIONS = 8192

export const KIND_TCP = 0
export const KIND_UDP = 1
export const KIND_ICMP = 2
/** Without ports: only addresses can change. */
export const KIND_OTHER = 3

// Rows

/** Sum of the versions of the port and of what else the row depends on, when it was made. Both only ever grow. */
export const ROW_EXPECTED = 0
export const ROW_DEPENDENCY = 4
/** The port's number, which is also that of its version. */
export const ROW_PORT = 8
/** Largest IP packet that may pass. */
export const ROW_MAX_BYTES = 12
export const ROW_FLAGS = 14
/** Bytes that go in front of the inner Ethernet header. */
export const ROW_ENCAP_BYTES = 15
/** What to add to the complement of a checksum as it lies in memory (RFC 1624; RFC 1071 §2(B): byte order is no matter). */
export const ROW_IP_DELTA = 16
export const ROW_L4_DELTA = 18
/** Milliseconds since the memory was made, modulo 2^32. */
export const ROW_LAST_HIT = 20
export const ROW_PACKETS = 24
export const ROW_BYTES = 32
export const ROW_KEY = 40

/** The key: addresses, ports, protocol and VNI, MAC and direction. */
export const KEY_BYTES_4 = 24
export const KEY_BYTES_6 = 48

/**
 * After the key, which differs in length: new addresses as in the packet, new ports, the block, the template. Of IPv6 only the
 * address that can change is there: outbound the source, inbound the destination.
 */
export const ROW_ADDRESSES_4: number = ROW_KEY + KEY_BYTES_4
export const ROW_PORTS_4: number = ROW_ADDRESSES_4 + 8
export const ROW_BLOCK_4: number = ROW_PORTS_4 + 4
export const ROW_TEMPLATE_4: number = ROW_BLOCK_4 + 4
export const ROW_ADDRESS_6: number = ROW_KEY + KEY_BYTES_6
export const ROW_PORTS_6: number = ROW_ADDRESS_6 + 16
export const ROW_BLOCK_6: number = ROW_PORTS_6 + 4
export const ROW_TEMPLATE_6: number = ROW_BLOCK_6 + 4

/**
 * Everything in front of the IP header, so that it ends where that begins: outer Ethernet (14, zero: the next hop is
 * found later), IPv6, UDP and Geneve with options, inner Ethernet; of the zeros in front only what falls into these 80
 * bytes. Inbound only the inner Ethernet header is there, and in the first 16 bytes stands the outer source address that
 * the flow came from.
 */
export const TEMPLATE_BYTES = 80
export const TEMPLATE_SOURCE = 0
/** What the kernel writes in front of the IP header: zeros, then the template. */
export const FRONT_BYTES: number = 16 + TEMPLATE_BYTES

export const ROW_SIZE = 192
export const CONNECTION_BYTES = 64
export const BLOCK_BYTES: number = CONNECTION_BYTES + 2 * ROW_SIZE

/** There is something to repeat. */
export const FLAG_VALID = 1
/** A segment with ACK and without SYN, FIN and RST leaves the connection's state as it is. */
export const FLAG_SETTLED = 2
/** The encapsulated frame is for this same sled. */
export const FLAG_LOCAL = 4

// Keys

/** In the last two bytes of a key. */
export const KEY_OUT = 1
export const KEY_EXTERNAL = 2

// Results: how a frame went on.

export const RESULT_UNDERLAY = 1
export const RESULT_LOCAL = 2
/** To the guest of the port whose number stands above the lowest 4 bits. */
export const RESULT_GUEST = 3

// Parameters of the two functions.

export const FROM = 0
export const COUNT = 1
/** Outbound the VNI, inbound the bytes in front of the outer IP header. */
export const THIRD = 2
export const NOW = 3

/** 2 GiB, four million connections: addresses stay positive as signed words. */
export const FLOW_PAGES_MAX = 32_768
