/** Every generated function of every header, against a reader that knows bits only. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { placeFields, fixedLength } from '../tools/layout.ts'
import * as packet from './index.ts'
import type { HeaderDefinition } from './headers/definition.ts'
import { headerDefinitions } from './headers/index.ts'

type Owned = Record<string, number | Uint8Array>

/** An exported function by its computed name. */
function call(name: string, ...values: unknown[]): unknown {
  // Because the names come from the same table as the functions.
  const found = (packet as unknown as Record<string, ((...all: unknown[]) => unknown) | undefined>)[name]
  assert.ok(found !== undefined, `no export ${name}`)
  return found(...values)
}

function pascal(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1)
}

/** Unsigned big-endian value of the bits, one at a time. */
function bitsAt(bytes: Uint8Array, bit: number, count: number): number {
  let value = 0
  for (let i = bit; i < bit + count; i++) value = value * 2 + ((bytes[i >> 3]! >> (7 - (i & 7))) & 1)
  return value
}

function setBitsAt(bytes: Uint8Array, bit: number, count: number, value: number): void {
  for (let i = 0; i < count; i++) {
    const at = bit + count - 1 - i
    const isSet = Math.floor(value / 2 ** i) % 2 === 1
    const mask = 1 << (7 - (at & 7))
    bytes[at >> 3] = isSet ? bytes[at >> 3]! | mask : bytes[at >> 3]! & ~mask
  }
}

/** Headers with a consistent length and valid versions, as owned forms. */
function ownedHeader(header: HeaderDefinition): fc.Arbitrary<Owned> {
  const parts: Record<string, fc.Arbitrary<number | Uint8Array>> = {}
  const wellFormed = new Set((header.valid ?? []).flatMap((predicate) => predicate.require.match(/[a-zA-Z]\w*/g) ?? []))
  for (const field of header.fields) {
    if (field.name === header.tail?.lengthField) continue
    if (field.bits > 32) parts[field.name] = fc.uint8Array({ minLength: field.bits / 8, maxLength: field.bits / 8 })
    else if (wellFormed.has(field.name)) parts[field.name] = fc.constant(Number(field.default ?? 0))
    else parts[field.name] = fc.integer({ min: 0, max: 2 ** field.bits - 1 })
  }
  const tail = header.tail
  if (tail !== undefined) {
    const fixed = fixedLength(header)
    const most = Math.floor((Math.min(tail.maximum, 300) - fixed) / tail.multiple)
    const rest = ((tail.minimum ?? fixed) - fixed) % tail.multiple
    parts[tail.name] = fc
      .integer({ min: 0, max: rest === 0 ? most : most - 1 })
      .chain((units) =>
        fc.uint8Array({ minLength: rest + units * tail.multiple, maxLength: rest + units * tail.multiple }),
      )
  }
  return fc.record(parts)
}

/** Random bytes, and valid headers cut, lengthened or with a byte changed, which get further into a check. */
function damaged(header: HeaderDefinition): fc.Arbitrary<Uint8Array> {
  const written = fc
    .tuple(ownedHeader(header), fc.integer({ min: -4, max: 64 }), fc.nat(), fc.integer({ min: 0, max: 255 }))
    .map(([owned, more, at, value]) => {
      const length = Number(call(`${header.name}WireLength`, owned))
      const bytes = new Uint8Array(length)
      call(`write${pascal(header.name)}`, bytes, 0, owned)
      bytes[at % length] = value
      const out = new Uint8Array(Math.max(0, length + more))
      out.set(bytes.subarray(0, out.length))
      return out
    })
  return fc.oneof(fc.uint8Array({ maxLength: 300 }), written)
}

for (const header of headerDefinitions) {
  const Name = pascal(header.name)
  const fields = placeFields(header)
  const fixed = fixedLength(header)

  test(`${header.name}: accessors read, and setters write, their own bits and no others`, () => {
    const some = fc.uint8Array({ minLength: fixed + 7, maxLength: fixed + 7 })
    fc.assert(
      fc.property(some, fc.nat(7), fc.nat(0xffffffff), (bytes, offset, value) => {
        const part = bytes.subarray(offset)
        for (const field of fields) {
          const access = header.name + pascal(field.name)
          const expected = bytes.slice()
          if (field.bits <= 32) {
            assert.equal(call(access, bytes, offset), bitsAt(part, field.bit, field.bits), access)
            setBitsAt(expected.subarray(offset), field.bit, field.bits, value % 2 ** field.bits)
            call(`set${pascal(access)}`, bytes, offset, value)
            assert.deepEqual(bytes, expected, `set${pascal(access)}`)
          } else {
            const from = offset + field.bit / 8
            const length = field.bits / 8
            const copy = bytes.slice(from, from + length)
            assert.deepEqual(call(`read${pascal(access)}`, bytes, offset), copy)
            const out = new Uint8Array(length + 3)
            call(`copy${pascal(access)}`, bytes, offset, out, 2)
            assert.deepEqual(out.slice(2, 2 + length), copy)
            assert.deepEqual([out[0], out[1], out[length + 2]], [0, 0, 0])
            const fresh = Uint8Array.from({ length: length + 1 }, (_, i) => (value >>> (i & 7)) & 0xff)
            expected.set(fresh.subarray(1), from)
            call(`set${pascal(access)}`, bytes, offset, fresh, 1)
            assert.deepEqual(bytes, expected, `set${pascal(access)}`)
            if (length === 6) {
              const number = bitsAt(part, field.bit, 48)
              assert.equal(call(`${access}Number`, bytes, offset), number)
              call(`set${pascal(access)}Number`, bytes, offset, number)
              assert.deepEqual(bytes, expected)
            }
            for (let i = 0; length % 4 === 0 && i < length / 4; i++) {
              assert.equal(call(`${access}Word`, bytes, offset, i), bitsAt(part, field.bit + 32 * i, 32))
            }
          }
        }
      }),
      { numRuns: 30 },
    )
  })

  test(`${header.name}: what is written checks, and reads back equal`, () => {
    fc.assert(
      fc.property(ownedHeader(header), fc.nat(9), (owned, offset) => {
        const length = Number(call(`${header.name}WireLength`, owned))
        const bytes = new Uint8Array(offset + length + 5).fill(0xa5)
        assert.equal(call(`write${Name}`, bytes, offset, owned), length)
        assert.ok(bytes.subarray(0, offset).every((byte) => byte === 0xa5))
        assert.ok(bytes.subarray(offset + length).every((byte) => byte === 0xa5))
        // Bounds on the payload are another matter: a random total length need not fit.
        const check = header.bounds === undefined ? `check${Name}` : `check${Name}Quoted`
        assert.equal(call(check, bytes, offset, offset + length), length)
        assert.equal(call(`${header.name}HeaderLength`, bytes, offset), length)
        const read = call(`read${Name}`, bytes, offset) as Owned
        for (const [key, value] of Object.entries(owned)) assert.deepEqual(read[key], value, key)
        // Writing what was read is the identity.
        const again = new Uint8Array(bytes.length).fill(0xa5)
        call(`write${Name}`, again, offset, read)
        assert.deepEqual(again, bytes)
        for (let cut = 0; cut < length; cut++) {
          assert.ok(Number(call(check, bytes, offset, offset + cut)) < 0, `${cut} bytes of ${length}`)
        }
      }),
      { numRuns: 30 },
    )
  })

  test(`${header.name}: random bytes check without reading outside, and describe without throwing`, () => {
    fc.assert(
      fc.property(damaged(header), (bytes) => {
        const length = Number(call(`check${Name}`, bytes, 0, bytes.length))
        assert.ok(Number.isInteger(length) && length !== 0 && length <= bytes.length)
        if (length < 0) return
        assert.equal(typeof call(`describe${Name}`, bytes, 0), 'string')
        assert.ok(Array.isArray(call(`${header.name}FieldValues`, bytes, 0)))
        const read = call(`read${Name}`, bytes, 0) as Owned
        for (const value of Object.values(read)) {
          assert.ok(value instanceof Uint8Array || (Number.isInteger(value) && value >= 0))
        }
        const again = new Uint8Array(length)
        assert.equal(call(`write${Name}`, again, 0, read), length)
        assert.deepEqual(again, bytes.slice(0, length))
      }),
      { numRuns: 200 },
    )
  })

  test(`${header.name}: a header that does not fit throws`, () => {
    const length = Number(call(`${header.name}WireLength`, {}))
    assert.throws(() => call(`write${Name}`, new Uint8Array(length - 1), 0, {}), RangeError)
  })
}
