/**
 * The last pass of the kernel over a frame: is the row its own and still true, and if so, the row's transformation. Nothing of
 * the frame is written before the last check has passed.
 */
import { type Expression, FLOWS, FRAMES, type Writer } from './expression.ts'
import {
  BATCH_RESULTS,
  BATCH_SLOTS,
  FLAG_LOCAL,
  FLAG_SETTLED,
  FLAG_VALID,
  FOUND_END,
  FOUND_ENTRY,
  FOUND_EXTERNAL,
  FOUND_HASH,
  FOUND_IS_V6,
  FOUND_KEY,
  FOUND_KIND,
  FOUND_L3,
  FOUND_L4,
  FOUND_OUTER,
  FOUND_ROW,
  FRONT_BYTES,
  KIND_ICMP,
  KIND_TCP,
  KIND_UDP,
  NOW,
  PARAM_DATA,
  PARAM_INDEX,
  PARAM_INDEX_MASK,
  PARAM_SLOT_BYTES,
  PARAM_UNDERLAY,
  PARAM_VERSIONS,
  RESULT_GUEST,
  RESULT_LOCAL,
  RESULT_UNDERLAY,
  ROW_ADDRESSES_4,
  ROW_ADDRESS_6,
  ROW_BYTES,
  ROW_DEPENDENCY,
  ROW_ENCAP_BYTES,
  ROW_EXPECTED,
  ROW_FLAGS,
  ROW_IP_DELTA,
  ROW_KEY,
  ROW_L4_DELTA,
  ROW_LAST_HIT,
  ROW_MAX_BYTES,
  ROW_PACKETS,
  ROW_PORT,
  ROW_PORTS_4,
  ROW_PORTS_6,
  ROW_TEMPLATE_4,
  ROW_TEMPLATE_6,
  TEMPLATE_BYTES,
  TEMPLATE_SOURCE,
  THIRD,
} from './layout.ts'

/** The next entry with the hash of what was found. */
function writeLookFurther(w: Writer, found: number, row: number, leaveIf: (condition: Expression) => void): void {
  const { f } = w
  const at = w.let32('next', w.flow('i32.load', w.get(found), FOUND_ENTRY))
  const entry = f.local('i32', 'nextEntry')
  f.loop((again) => {
    w.set(at, w.binary('i32.and', w.add(w.get(at), 1), w.flow('i32.load', w.i32(0), PARAM_INDEX_MASK)))
    w.set(entry, w.add(w.flow('i32.load', w.i32(0), PARAM_INDEX), w.shl(w.get(at), 3)))
    w.set(row, w.flow('i32.load', w.get(entry), 4))
    leaveIf(w.unary('i32.eqz', w.get(row)))
    w.ne(w.flow('i32.load', w.get(entry)), w.flow('i32.load', w.get(found), FOUND_HASH))()
    f.brIf(again)
  })
  w.store('i32.store', FLOWS, w.get(found), FOUND_ENTRY, w.get(at))
}

export function writeApply(
  w: Writer,
  isOut: boolean,
  i: number,
  found: number,
  bytes: number,
  leave: () => void,
): void {
  const { f } = w
  const leaveIf = (condition: Expression): void => {
    condition()
    leave()
  }
  const row = w.let32('row', w.flow('i32.load', w.get(found), FOUND_ROW))
  const l3 = w.let32('l3', w.flow('i32.load', w.get(found), FOUND_L3))
  const l4 = w.let32('l4', w.flow('i32.load', w.get(found), FOUND_L4))
  const end = w.let32('end', w.flow('i32.load', w.get(found), FOUND_END))
  const kind = w.let32('kind', w.flow('i32.load', w.get(found), FOUND_KIND))
  const isV6 = w.let32('isV6', w.flow('i32.load', w.get(found), FOUND_IS_V6))
  const slot = w.let32('slot', w.flow('i32.load', w.shl(w.get(i), 2), BATCH_SLOTS))
  const template = f.local('i32', 'template')

  // Is it the key's own row, and does it still hold?
  const differs = (at: number): Expression =>
    w.binary(
      'i64.xor',
      w.flow('i64.load', w.get(found), FOUND_KEY + at * 8),
      w.flow('i64.load', w.get(row), ROW_KEY + at * 8),
    )
  const anyOf = (a: Expression, b: Expression): Expression => w.binary('i64.or', a, b)
  const isDifferent = (condition: Expression): Expression => w.unary('i32.eqz', w.unary('i64.eqz', condition))
  f.block(undefined, (own) => {
    f.loop((again) => {
      w.get(isV6)()
      f.if(
        undefined,
        () => {
          w.set(template, w.add(w.get(row), ROW_TEMPLATE_6))
          const lower = anyOf(anyOf(differs(0), differs(1)), anyOf(differs(2), differs(3)))
          w.unary('i64.eqz', anyOf(lower, anyOf(differs(4), differs(5))))()
          f.brIf(own)
        },
        () => {
          w.set(template, w.add(w.get(row), ROW_TEMPLATE_4))
          w.unary('i64.eqz', anyOf(anyOf(differs(0), differs(1)), differs(2)))()
          f.brIf(own)
        },
      )
      // Another key with the same hash: among a million there are a few.
      writeLookFurther(w, found, row, leaveIf)
      f.br(again)
    })
  })
  const flags = w.let32('flags', w.flow('i32.load8_u', w.get(row), ROW_FLAGS))
  const versions = w.let32('versions', w.flow('i32.load', w.i32(0), PARAM_VERSIONS))
  const versionOf = (field: number): Expression =>
    w.flow('i32.load', w.add(w.get(versions), w.shl(w.flow('i32.load', w.get(row), field), 2)))
  leaveIf(w.ne(w.add(versionOf(ROW_PORT), versionOf(ROW_DEPENDENCY)), w.flow('i32.load', w.get(row), ROW_EXPECTED)))
  leaveIf(w.unary('i32.eqz', w.and(w.get(flags), FLAG_VALID)))
  leaveIf(w.gt(w.sub(w.get(end), w.get(l3)), w.flow('i32.load16_u', w.get(row), ROW_MAX_BYTES)))
  // TCP: only where nothing can change.
  leaveIf(w.binary('i32.and', w.eq(w.get(kind), KIND_TCP), w.unary('i32.eqz', w.and(w.get(flags), FLAG_SETTLED))))
  if (isOut) {
    // There must be room in front for zeros and template.
    const first = w.add(
      w.flow('i32.load', w.i32(0), PARAM_DATA),
      w.binary('i32.mul', w.get(slot), w.flow('i32.load', w.i32(0), PARAM_SLOT_BYTES)),
    )
    leaveIf(w.lt(w.get(l3), w.add(first, FRONT_BYTES)))
  } else {
    // From another neighbour than before: the peers' list is asked.
    const outer = w.let32('outer', w.flow('i32.load', w.get(found), FOUND_OUTER))
    const isFromOther = (at: number): Expression =>
      w.binary(
        'i64.xor',
        w.frame('i64.load', w.get(outer), 8 + at),
        w.flow('i64.load', w.get(template), TEMPLATE_SOURCE + at),
      )
    leaveIf(isDifferent(anyOf(isFromOther(0), isFromOther(8))))
    // The sled's own address is right inside only: from the wire it is forged, unless the peers' list says otherwise.
    const isOwn = (at: number): Expression =>
      w.binary('i64.eq', w.frame('i64.load', w.get(outer), 8 + at), w.flow('i64.load', w.i32(0), PARAM_UNDERLAY + at))
    leaveIf(w.binary('i32.and', w.ne(w.get(THIRD), 0), w.binary('i32.and', isOwn(0), isOwn(8))))
    // The underlay's mark of congestion has to be carried over (RFC 6040 §4.2): the layers do that.
    const outerMark = w.let32('outerMark', w.and(w.frame('i32.load8_u', w.get(outer), 1), 0x30))
    leaveIf(w.binary('i32.and', w.ne(w.get(outerMark), 0), w.ne(w.get(outerMark), innerMark(w, l3, isV6))))
  }

  // Nothing keeps it any more.
  const frameBytes = w.let32('frameBytes', w.add(w.sub(w.get(end), w.get(l3)), 14))
  w.store('i32.store', FLOWS, w.get(row), ROW_LAST_HIT, w.get(NOW))
  const count = (field: number, by: Expression): void =>
    w.store('i64.store', FLOWS, w.get(row), field, w.binary('i64.add', w.flow('i64.load', w.get(row), field), by))
  count(ROW_PACKETS, w.i64(1n))
  count(ROW_BYTES, w.unary('i64.extend_i32_u', w.get(frameBytes)))
  w.set(bytes, w.add(w.get(bytes), w.get(frameBytes)))

  const ports = f.local('i32', 'ports')
  const copy = (from: number, to: number, count: number, local: number): void => {
    for (let at = 0; at < count; at += 8) {
      w.store('i64.store', FRAMES, w.get(local), to + at, w.flow('i64.load', w.get(row), from + at))
    }
  }
  w.get(isV6)()
  f.if(
    undefined,
    () => {
      copy(ROW_ADDRESS_6, isOut ? 8 : 24, 16, l3)
      w.set(ports, w.flow('i32.load', w.get(row), ROW_PORTS_6))
    },
    () => {
      copy(ROW_ADDRESSES_4, 12, 8, l3)
      w.set(ports, w.flow('i32.load', w.get(row), ROW_PORTS_4))
      adjust(w, l3, 10, w.flow('i32.load16_u', w.get(row), ROW_IP_DELTA))
    },
  )
  const delta = w.flow('i32.load16_u', w.get(row), ROW_L4_DELTA)
  w.get(kind)()
  f.if(
    undefined,
    () => {
      w.eq(w.get(kind), KIND_UDP)()
      f.if(
        undefined,
        () => {
          w.store('i32.store', FRAMES, w.get(l4), 0, w.get(ports))
          adjustUdp(w, l4, delta)
        },
        () => {
          w.eq(w.get(kind), KIND_ICMP)()
          f.if(undefined, () => {
            w.store('i32.store16', FRAMES, w.get(l4), 4, w.get(ports))
            adjust(w, l4, 2, delta)
          })
        },
      )
    },
    () => {
      w.store('i32.store', FRAMES, w.get(l4), 0, w.get(ports))
      adjust(w, l4, 16, delta)
    },
  )

  const frameStart = f.local('i32', 'frameStart')
  const descriptor = w.let32('descriptor', w.shl(w.get(slot), 4))
  if (isOut) {
    const front = w.let32('front', w.sub(w.get(l3), FRONT_BYTES))
    const zeros = FRONT_BYTES - TEMPLATE_BYTES
    for (let at = 0; at < zeros; at += 8) w.store('i64.store', FRAMES, w.get(front), at, w.i64(0n))
    for (let at = 0; at < TEMPLATE_BYTES; at += 8) {
      w.store('i64.store', FRAMES, w.get(front), zeros + at, w.flow('i64.load', w.get(template), at))
    }
    const encap = w.let32('encap', w.flow('i32.load8_u', w.get(row), ROW_ENCAP_BYTES))
    w.set(frameStart, w.sub(w.sub(w.get(l3), 14), w.get(encap)))
    // Behind the outer IPv6 header.
    const udpBytes = w.let32('udpBytes', w.sub(w.add(w.get(frameBytes), w.get(encap)), 40))
    w.set(udpBytes, w.swap16(udpBytes))
    // RFC 6040 §4.1: the outer header is marked as the packet is. The flow label and the rest of the traffic class are 0.
    w.store('i32.store8', FRAMES, w.get(frameStart), 1, innerMark(w, l3, isV6))
    w.store('i32.store16', FRAMES, w.get(frameStart), 4, w.get(udpBytes))
    w.store('i32.store16', FRAMES, w.get(frameStart), 44, w.get(udpBytes))
    w.set(frameBytes, w.add(w.get(frameBytes), w.get(encap)))
    w.store('i32.store', FLOWS, w.shl(w.get(i), 2), BATCH_RESULTS, () => {
      w.i32(RESULT_LOCAL)()
      w.i32(RESULT_UNDERLAY)()
      w.and(w.get(flags), FLAG_LOCAL)()
      f.op('select')
    })
  } else {
    w.set(frameStart, w.sub(w.get(l3), 14))
    // Fourteen bytes in two overlapping moves: what was around the frame stays as it is.
    for (const at of [TEMPLATE_BYTES - 14, TEMPLATE_BYTES - 8]) {
      const to = w.sub(w.get(l3), TEMPLATE_BYTES - at)
      w.store('i64.store', FRAMES, to, 0, w.flow('i64.load', w.get(template), at))
    }
    w.flow('i32.load', w.get(found), FOUND_EXTERNAL)()
    f.if(undefined, () => w.store('i32.store', FRAMES, w.get(descriptor), 12, w.i32(0)))
    w.store(
      'i32.store',
      FLOWS,
      w.shl(w.get(i), 2),
      BATCH_RESULTS,
      w.or(w.shl(w.flow('i32.load', w.get(row), ROW_PORT), 4), w.i32(RESULT_GUEST)),
    )
  }
  w.store('i32.store', FRAMES, w.get(descriptor), 0, w.get(frameStart))
  w.store('i32.store', FRAMES, w.get(descriptor), 4, w.get(frameBytes))
}

/** The packet's mark of congestion where IPv6 has it in its second byte; IPv4 has it four bits lower. */
function innerMark(w: Writer, l3: number, isV6: number): Expression {
  const shift = w.shl(w.xor(w.get(isV6), 1), 2)
  return w.and(w.binary('i32.shl', w.frame('i32.load8_u', w.get(l3), 1), shift), 0x30)
}

/** RFC 1624 equation 3, with the sum of all changes at once. */
function adjust(w: Writer, header: number, offset: number, delta: Expression): void {
  const sum = w.let32('sum', w.add(w.xor(w.frame('i32.load16_u', w.get(header), offset), 0xffff), delta))
  w.set(sum, w.add(w.and(w.get(sum), 0xffff), w.shr(w.get(sum), 16)))
  w.store('i32.store16', FRAMES, w.get(header), offset, w.xor(w.get(sum), 0xffff))
}

/** RFC 768: 0 means that there is no checksum and stays; one that comes out as 0 is sent as 0xffff. */
function adjustUdp(w: Writer, header: number, delta: Expression): void {
  const { f } = w
  const before = w.let32('before', w.frame('i32.load16_u', w.get(header), 6))
  w.get(before)()
  f.if(undefined, () => {
    const sum = w.let32('sum', w.add(w.xor(w.get(before), 0xffff), delta))
    w.set(sum, w.xor(w.add(w.and(w.get(sum), 0xffff), w.shr(w.get(sum), 16)), 0xffff))
    w.store('i32.store16', FRAMES, w.get(header), 6, () => {
      w.get(sum)()
      w.i32(0xffff)()
      w.get(sum)()
      f.op('select')
    })
  })
}
