/**
 * A flow's row: the key (`flow-key.ts`), then what to do with its packets, as plain words. The slow path works it out
 * once (`compile-flow.ts`) and the fast path replays it (`replay.ts`); nothing in it is an object or a closure, so that
 * a P4 program can hold the same words as action parameters.
 */

/** Field offsets, counted from the end of the key. */
export const FLOW_FLAGS = 0
/** The port's epoch that the row was made in; 0 where there is nothing to replay yet. */
export const FLOW_EPOCH = 1
/** Which of the engine's versions the row depends on, and its value then (`versions.ts`). */
export const FLOW_DEPENDENCY = 2
export const FLOW_VERSION = 3
/** The connection that the flow is one direction of. */
export const FLOW_CONNECTION = 4
/** Largest IP packet that may pass, in bytes. */
export const FLOW_MAX_BYTES = 5
/** What to add to the complement of a checksum (RFC 1624): constant for a flow, because the old values are its key. */
export const FLOW_IP_DELTA = 6
export const FLOW_L4_DELTA = 7
export const FLOW_ETHER_DST_HIGH = 8
export const FLOW_ETHER_DST_LOW = 9
export const FLOW_ETHER_SRC_HIGH = 10
export const FLOW_ETHER_SRC_LOW = 11
/** New addresses, four words each. */
export const FLOW_SRC = 12
export const FLOW_DST = 16
/** New ports as in the key; for ICMP the identifier in the upper half. */
export const FLOW_PORTS = 20
/** Length of the encapsulation in bytes; 0 for none. */
export const FLOW_ENCAP_BYTES = 21
/** Outer IPv6, UDP and Geneve with options as big-endian words; the two lengths are patched per packet. */
export const FLOW_ENCAP = 22
export const FLOW_ENCAP_WORDS = 16

/** Words of a row with its key: three cache lines, for both families. */
export const FLOW_ROW_WORDS = 48

/** Bits of FLOW_FLAGS. */
export const FLOW_SET_ETHER_DST = 1
export const FLOW_SET_ETHER_SRC = 2
export const FLOW_SET_SRC = 4
export const FLOW_SET_DST = 8
export const FLOW_SET_SRC_PORT = 16
export const FLOW_SET_DST_PORT = 32
export const FLOW_SET_ICMP_ID = 64
/** The encapsulated frame is for this same sled. */
export const FLOW_IS_LOCAL = 128
