/**
 * The first passes of the kernel over a frame: is it one of the plain kind, what is its key, where is its row. Every check that
 * fails leaves the frame to the slow path, which says what is wrong with it; so these checks must refuse at least what the
 * packet library's parser refuses, and may refuse more.
 */
import { type Expression, FLOWS, type Writer } from './expression.ts'
import { type HashKey, hashOf } from './hash.ts'
import {
  BATCH_SLOTS,
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
  KEY_EXTERNAL,
  KEY_OUT,
  KIND_ICMP,
  KIND_OTHER,
  KIND_TCP,
  KIND_UDP,
  PARAM_UNDERLAY,
  THIRD,
} from './layout.ts'

/** Parses frame `i` and notes its key and hash. `leave` branches away when the condition on the stack holds. */
export function writeFind(
  w: Writer,
  isOut: boolean,
  hashKey: HashKey,
  i: number,
  found: number,
  leave: () => void,
): void {
  const { f } = w
  const leaveIf = (condition: Expression): void => {
    condition()
    leave()
  }
  const l3 = f.local('i32', 'l3')
  const l4 = f.local('i32', 'l4')
  const end = f.local('i32', 'end')
  const room = f.local('i32', 'room')
  const total = f.local('i32', 'total')
  const protocol = f.local('i32', 'protocol')
  const kind = f.local('i32', 'kind')
  const flags = f.local('i64', 'keyFlags')
  const vni = f.local('i32', 'vni')

  const descriptor = w.let32('descriptor', w.shl(w.flow('i32.load', w.shl(w.get(i), 2), BATCH_SLOTS), 4))
  const start = w.let32('start', w.frame('i32.load', w.get(descriptor)))
  const length = w.let32('length', w.frame('i32.load', w.get(descriptor), 4))
  w.set(end, w.add(w.get(start), w.get(length)))
  if (isOut) {
    leaveIf(w.lt(w.get(length), 42))
    w.set(l3, w.add(w.get(start), 14))
    w.set(vni, w.get(THIRD))
    w.set(flags, w.i64(BigInt(KEY_OUT) << 48n))
  } else {
    writeOpenTunnel(w, { start, length, end, l3, vni, flags, found }, leaveIf)
  }
  w.set(room, w.sub(w.get(end), w.get(l3)))
  leaveIf(w.binary('i32.lt_s', w.get(room), w.i32(28)))
  // Outbound the guest's MAC is the source, and must be the port's: another one has no row.
  const mac = w.let64(
    'mac',
    w.binary(
      'i64.or',
      w.binary('i64.and', w.frame('i64.load', w.get(l3), isOut ? -8 : -14), w.i64(0xffffffffffffn)),
      w.get(flags),
    ),
  )
  const etherType = w.let32('etherType', w.frame('i32.load16_u', w.get(l3), -2))
  const isV6 = w.let32('isV6', w.eq(w.get(etherType), 0xdd86))
  const ports = f.local('i64', 'ports')
  const word0 = f.local('i64', 'word0')
  const word1 = f.local('i64', 'word1')
  const word2 = f.local('i64', 'word2')
  const word3 = f.local('i64', 'word3')
  const hash = f.local('i32', 'hash')

  const swapped = f.local('i32', 'swapped')
  const readTotal = (offset: number): void => {
    w.set(swapped, w.frame('i32.load16_u', w.get(l3), offset))
    w.set(total, w.swap16(swapped))
  }
  w.get(isV6)()
  f.if(
    undefined,
    () => {
      leaveIf(w.ne(w.and(w.frame('i32.load8_u', w.get(l3)), 0xf0), 0x60))
      readTotal(4)
      w.set(total, w.add(w.get(total), 40))
      w.set(protocol, w.frame('i32.load8_u', w.get(l3), 6))
      w.set(l4, w.add(w.get(l3), 40))
      leaveIf(w.binary('i32.gt_s', w.get(total), w.get(room)))
      w.set(room, w.sub(w.get(total), 40))
    },
    () => {
      leaveIf(w.ne(w.get(etherType), 0x0008))
      leaveIf(w.ne(w.frame('i32.load8_u', w.get(l3)), 0x45))
      leaveIf(w.and(w.frame('i32.load16_u', w.get(l3), 6), 0xff3f))
      readTotal(2)
      w.set(protocol, w.frame('i32.load8_u', w.get(l3), 9))
      w.set(l4, w.add(w.get(l3), 20))
      leaveIf(w.binary('i32.gt_s', w.get(total), w.get(room)))
      w.set(room, w.sub(w.get(total), 20))
    },
  )
  w.set(end, w.add(w.get(l3), w.get(total)))
  // From here on `room` is what the transport header and its data have.
  leaveIf(w.binary('i32.lt_s', w.get(room), w.i32(8)))
  writeTransport(w, { l4, room, protocol, kind, ports, isV6, swapped, total }, leaveIf)
  // Ports below, protocol and VNI above.
  w.set(
    ports,
    w.binary(
      'i64.or',
      w.get(ports),
      w.binary('i64.shl', w.unary('i64.extend_i32_u', w.or(w.get(vni), w.get(protocol))), w.i64(32n)),
    ),
  )
  const keep = (at: number, word: number): void =>
    w.store('i64.store', FLOWS, w.get(found), FOUND_KEY + at * 8, w.get(word))
  w.get(isV6)()
  f.if(
    undefined,
    () => {
      for (const [k, word] of [word0, word1, word2, word3].entries()) {
        w.set(word, w.frame('i64.load', w.get(l3), 8 + k * 8))
        keep(k, word)
      }
      keep(4, ports)
      keep(5, mac)
      w.set(hash, w.get(hashOf(w, hashKey, [word0, word1, word2, word3, ports, mac])))
    },
    () => {
      w.set(word0, w.frame('i64.load', w.get(l3), 12))
      keep(0, word0)
      keep(1, ports)
      keep(2, mac)
      w.set(hash, w.get(hashOf(w, hashKey, [word0, ports, mac])))
    },
  )
  const note = (offset: number, local: number): void => w.store('i32.store', FLOWS, w.get(found), offset, w.get(local))
  note(FOUND_L3, l3)
  note(FOUND_L4, l4)
  note(FOUND_END, end)
  note(FOUND_KIND, kind)
  note(FOUND_IS_V6, isV6)
  note(FOUND_HASH, hash)
}

interface TunnelLocals {
  readonly start: number
  readonly length: number
  readonly end: number
  readonly l3: number
  readonly vni: number
  readonly flags: number
  readonly found: number
}

/** IPv6 to this sled, UDP to the Geneve port, Geneve without options or with the one that this rack uses. */
function writeOpenTunnel(w: Writer, locals: TunnelLocals, leaveIf: (condition: Expression) => void): void {
  const { f } = w
  const outer = w.let32('outer', w.add(w.get(locals.start), w.get(THIRD)))
  leaveIf(w.lt(w.get(locals.length), w.add(w.get(THIRD), 98)))
  leaveIf(w.binary('i32.and', w.ne(w.get(THIRD), 0), w.ne(w.frame('i32.load16_u', w.get(outer), -2), 0xdd86)))
  leaveIf(w.ne(w.and(w.frame('i32.load8_u', w.get(outer)), 0xf0), 0x60))
  leaveIf(w.ne(w.frame('i32.load8_u', w.get(outer), 6), 17))
  leaveIf(w.ne(w.frame('i32.load16_u', w.get(outer), 42), 0xc117))
  const isOther = (at: number): Expression =>
    w.binary('i64.ne', w.frame('i64.load', w.get(outer), 24 + at), w.flow('i64.load', w.i32(0), PARAM_UNDERLAY + at))
  leaveIf(w.or(isOther(0), isOther(8)))
  // Both length fields must say the same.
  const payload = w.let32('payload', w.frame('i32.load16_u', w.get(outer), 4))
  leaveIf(w.ne(w.get(payload), w.frame('i32.load16_u', w.get(outer), 44)))
  w.set(payload, w.swap16(payload))
  const outerEnd = w.let32('outerEnd', w.add(w.add(w.get(outer), 40), w.get(payload)))
  leaveIf(w.gt(w.get(outerEnd), w.get(locals.end)))
  w.set(locals.end, w.get(outerEnd))

  leaveIf(w.ne(w.frame('i32.load16_u', w.get(outer), 50), 0x5865))
  // Version 0 and the length of the options in words share a byte.
  const options = w.let32('options', w.frame('i32.load8_u', w.get(outer), 48))
  const option = w.let32('option', w.and(w.frame('i32.load', w.get(outer), 56), 0x1f7fffff))
  const external = w.let32('external', w.i32(0))
  w.get(options)()
  f.if(undefined, () => {
    w.set(external, w.and(w.eq(w.get(options), 1), w.eq(w.get(option), 0x00002901)))
    leaveIf(w.unary('i32.eqz', w.or(w.get(external), w.and(w.eq(w.get(options), 2), w.eq(w.get(option), 0x01022901)))))
  })
  w.set(locals.vni, w.shl(w.frame('i32.load', w.get(outer), 52), 8))
  w.set(
    locals.flags,
    w.binary('i64.shl', w.unary('i64.extend_i32_u', w.get(external)), w.i64(48n + BigInt(Math.log2(KEY_EXTERNAL)))),
  )
  w.set(locals.l3, w.add(w.add(w.get(outer), 56 + 14), w.shl(w.get(options), 2)))
  w.store('i32.store', FLOWS, w.get(locals.found), FOUND_OUTER, w.get(outer))
  w.store('i32.store', FLOWS, w.get(locals.found), FOUND_EXTERNAL, w.get(external))
}

interface TransportLocals {
  readonly l4: number
  readonly room: number
  readonly protocol: number
  readonly kind: number
  readonly ports: number
  readonly isV6: number
  readonly swapped: number
  /** Free to use. */
  readonly total: number
}

function writeTransport(w: Writer, locals: TransportLocals, leaveIf: (condition: Expression) => void): void {
  const { f } = w
  const { l4, room, protocol, kind, ports, isV6, swapped, total } = locals
  w.eq(w.get(protocol), 6)()
  f.if(
    undefined,
    () => {
      w.set(kind, w.i32(KIND_TCP))
      leaveIf(w.binary('i32.lt_s', w.get(room), w.i32(20)))
      // Four bits of data offset, then the flags: ACK alone of those that can matter.
      w.set(swapped, w.frame('i32.load16_u', w.get(l4), 12))
      leaveIf(w.ne(w.and(w.get(swapped), 0x1700), 0x1000))
      w.set(swapped, w.shl(w.shr(w.and(w.get(swapped), 0xf0), 4), 2))
      leaveIf(w.lt(w.get(swapped), 20))
      leaveIf(w.gt(w.get(swapped), w.get(room)))
      w.set(ports, w.frame('i64.load32_u', w.get(l4)))
    },
    () => {
      w.eq(w.get(protocol), 17)()
      f.if(
        undefined,
        () => {
          w.set(kind, w.i32(KIND_UDP))
          w.set(swapped, w.frame('i32.load16_u', w.get(l4), 4))
          w.set(total, w.swap16(swapped))
          leaveIf(w.lt(w.get(total), 8))
          leaveIf(w.gt(w.get(total), w.get(room)))
          w.set(ports, w.frame('i64.load32_u', w.get(l4)))
        },
        () => {
          w.eq(w.get(protocol), w.add(w.binary('i32.mul', w.get(isV6), w.i32(57)), 1))()
          f.if(
            undefined,
            () => writeEcho(w, locals, leaveIf),
            () => {
              // An extension header or a fragment looks like this too, and has no row.
              w.set(kind, w.i32(KIND_OTHER))
              w.set(ports, w.i64(0n))
            },
          )
        },
      )
    },
  )
}

/** Finds the first entry with this hash. That it is the key's own is checked later, when its row has arrived. */
export function writeLookUp(w: Writer, base: number, mask: number, found: number, leave: () => void): void {
  const { f } = w
  const leaveIf = (condition: Expression): void => {
    condition()
    leave()
  }
  const hash = w.let32('hash', w.flow('i32.load', w.get(found), FOUND_HASH))
  const at = w.let32('at', w.binary('i32.and', w.get(hash), w.get(mask)))
  const entry = f.local('i64', 'entry')
  const row = f.local('i32', 'row')
  f.block(undefined, (hit) => {
    f.loop((again) => {
      w.set(entry, w.flow('i64.load', w.add(w.get(base), w.shl(w.get(at), 3))))
      w.set(row, w.unary('i32.wrap_i64', w.binary('i64.shr_u', w.get(entry), w.i64(32n))))
      w.eq(w.unary('i32.wrap_i64', w.get(entry)), w.get(hash))()
      f.brIf(hit)
      leaveIf(w.unary('i32.eqz', w.get(row)))
      w.set(at, w.binary('i32.and', w.add(w.get(at), 1), w.get(mask)))
      f.br(again)
    })
  })
  leaveIf(w.unary('i32.eqz', w.get(row)))
  w.store('i32.store', FLOWS, w.get(found), FOUND_ROW, w.get(row))
  w.store('i32.store', FLOWS, w.get(found), FOUND_ENTRY, w.get(at))
}

/** Echo only: type 8 or 0, for IPv6 128 or 129, and code 0. */
function writeEcho(w: Writer, locals: TransportLocals, leaveIf: (condition: Expression) => void): void {
  const { f } = w
  const { l4, kind, ports, isV6, swapped } = locals
  w.set(kind, w.i32(KIND_ICMP))
  w.set(swapped, w.frame('i32.load16_u', w.get(l4)))
  w.get(isV6)()
  f.if(
    undefined,
    () => leaveIf(w.ne(w.and(w.get(swapped), 0xfffe), 128)),
    () => leaveIf(w.and(w.get(swapped), 0xfff7)),
  )
  w.set(ports, w.unary('i64.extend_i32_u', w.or(w.frame('i32.load16_u', w.get(l4), 4), w.shl(w.get(swapped), 16))))
}
