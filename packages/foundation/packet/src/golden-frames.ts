/**
 * Frames of one connection through the rack, computed independently of this code: an inbound SYN (A to C), its answer
 * (D to F), and a SYN from one guest to another on a different sled (G to I). Test data; other packages' tests keep
 * their own copies.
 */

function hex(text: string): Uint8Array {
  const digits = text.replaceAll(/\s/g, '')
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16))
}

export const goldenFrames = {
  /** At the switch's uplink. */
  A: hex(`
    a8402505 00840200 5e000101 08004500 00281234 40003906 ef8ccb00 71090102
    0304c93a 00501122 33440000 00005002 faf066f1 0000`),
  /** On the underlay, switch to sled, with the external option. */
  B: hex(`
    a8402504 0270a840 25050064 86dd6000 0000004a 11fe0000 00000000 00000000
    00000000 0000fd00 11223344 01040000 00000000 000117c1 17c1004a 40b80100
    65581c51 21000129 0000a840 25f411d7 00000000 00000800 45000028 12344000
    3906ef8c cb007109 01020304 c93a0050 11223344 00000000 5002faf0 66f10000`),
  /** As the guest gets it. */
  C: hex(`
    a84025f4 11d7a840 25ff7777 08004500 00281234 40003906 476fcb00 7109ac1e
    0005c93a 00501122 33440000 00005002 faf0bed3 0000`),
  /** The guest's answer. */
  D: hex(`
    a84025ff 7777a840 25f411d7 08004500 00280000 40004006 52a3ac1e 0005cb00
    71090050 c93aa0b0 c0d01122 33455012 faf05d41 0000`),
  /** On the underlay, sled to switch; outer UDP checksum 0. */
  E: hex(`
    a8402505 0064a840 25040270 86dd6000 00000046 1180fd00 11223344 01040000
    00000000 0001fdb1 a8442ecd 00000000 00000000 00013b37 17c10046 00000000
    65580000 6300a840 25777777 a84025f4 11d70800 45000028 00004000 4006fac0
    01020304 cb007109 0050c93a a0b0c0d0 11223345 5012faf0 055f0000`),
  /** To the upstream router. */
  F: hex(`
    02005e00 0101a840 25050084 08004500 00280000 40003f06 fbc00102 0304cb00
    71090050 c93aa0b0 c0d01122 33455012 faf0055f 0000`),
  /** From guest A. */
  G: hex(`
    a84025ff 7777a840 25f411d7 08004500 00280000 40004006 e288ac1e 0005ac1e
    00069c40 00500102 03040000 00005002 faf0bc13 0000`),
  /** On the underlay, sled to sled, with the MSS option. */
  H: hex(`
    a8402505 0064a840 25040270 86dd6000 0000004e 1180fd00 11223344 01040000
    00000000 0001fd00 11223344 01010000 00000000 00016924 17c1004e 00000200
    65581c51 21000129 02010000 0000a840 25f2a4ea a84025f4 11d70800 45000028
    00004000 4006e288 ac1e0005 ac1e0006 9c400050 01020304 00000000 5002faf0
    bc130000`),
  /** As guest B gets it. */
  I: hex(`
    a84025f2 a4eaa840 25ff7777 08004500 00280000 40004006 e288ac1e 0005ac1e
    00069c40 00500102 03040000 00005002 faf0bc13 0000`),
} as const

export type GoldenName = keyof typeof goldenFrames
