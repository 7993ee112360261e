/**
 * Codecs for the wire format of the management protocol ("hubpack"): little-endian, no padding, no variable-length integers;
 * an enum is the u8 index of its variant in order of declaration, an option is u8 0 or 1 and the value, a result is u8 0 and
 * the value or 1 and the error. One codec value gives both directions and the TypeScript type.
 *
 * Malformed input is no exception: a reader keeps the first reason, gives zeros from then on, and is asked at the end.
 */

export interface Codec<T> {
  write(out: Writer, value: T): void
  read(input: Reader): T
}

export type ValueOf<C> = C extends Codec<infer T> ? T : never

export type ReadProblem = 'too-short' | 'bad-variant' | 'bad-bool'

/** Reads a datagram that it does not own; nothing of what it gives out shares its memory. */
export class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #offset = 0
  #problem: ReadProblem | undefined

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Why reading failed; what was read is worth nothing then. */
  get problem(): ReadProblem | undefined {
    return this.#problem
  }

  fail(problem: ReadProblem): void {
    this.#problem ??= problem
  }

  /** Moves on by `length` bytes. @returns the offset before, or -1 when there are not as many. */
  take(length: number): number {
    if (this.#problem !== undefined || this.#offset + length > this.#bytes.length) {
      this.fail('too-short')
      return -1
    }
    const at = this.#offset
    this.#offset += length
    return at
  }

  u8(): number {
    const at = this.take(1)
    return at < 0 ? 0 : this.#view.getUint8(at)
  }

  u16(): number {
    const at = this.take(2)
    return at < 0 ? 0 : this.#view.getUint16(at, true)
  }

  u32(): number {
    const at = this.take(4)
    return at < 0 ? 0 : this.#view.getUint32(at, true)
  }

  u64(): bigint {
    const at = this.take(8)
    return at < 0 ? 0n : this.#view.getBigUint64(at, true)
  }

  f32(): number {
    const at = this.take(4)
    return at < 0 ? 0 : this.#view.getFloat32(at, true)
  }

  bytes(length: number): Uint8Array {
    const at = this.take(length)
    return at < 0 ? new Uint8Array(length) : this.#bytes.slice(at, at + length)
  }

  /** Everything that is left. */
  rest(): Uint8Array {
    return this.bytes(this.#bytes.length - this.#offset)
  }
}

/** Writes into a datagram of a fixed size. What does not fit is a mistake of the programme. */
export class Writer {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #offset = 0

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  get length(): number {
    return this.#offset
  }

  get room(): number {
    return this.#bytes.length - this.#offset
  }

  /** What was written, a copy. */
  get written(): Uint8Array {
    return this.#bytes.slice(0, this.#offset)
  }

  u8(value: number): void {
    this.#view.setUint8(this.#advance(1), value)
  }

  u16(value: number): void {
    this.#view.setUint16(this.#advance(2), value, true)
  }

  u32(value: number): void {
    this.#view.setUint32(this.#advance(4), value, true)
  }

  u64(value: bigint): void {
    this.#view.setBigUint64(this.#advance(8), value, true)
  }

  f32(value: number): void {
    this.#view.setFloat32(this.#advance(4), value, true)
  }

  bytes(value: Uint8Array): void {
    this.#bytes.set(value, this.#advance(value.length))
  }

  #advance(length: number): number {
    const at = this.#offset
    if (at + length > this.#bytes.length) throw new RangeError(`${at + length} bytes in ${this.#bytes.length}`)
    this.#offset = at + length
    return at
  }
}

export const u8: Codec<number> = { write: (out, value) => out.u8(value), read: (input) => input.u8() }
export const u16: Codec<number> = { write: (out, value) => out.u16(value), read: (input) => input.u16() }
export const u32: Codec<number> = { write: (out, value) => out.u32(value), read: (input) => input.u32() }
export const u64: Codec<bigint> = { write: (out, value) => out.u64(value), read: (input) => input.u64() }
export const f32: Codec<number> = { write: (out, value) => out.f32(value), read: (input) => input.f32() }

export const bool: Codec<boolean> = {
  write: (out, value) => out.u8(value ? 1 : 0),
  read: (input) => {
    const value = input.u8()
    if (value > 1) input.fail('bad-bool')
    return value === 1
  },
}

/** An array of `length` bytes. A shorter one is padded with zeros; a longer one is a mistake of the programme. */
export function byteArray(length: number): Codec<Uint8Array> {
  return {
    write: (out, value) => {
      if (value.length > length) throw new RangeError(`${value.length} bytes in an array of ${length}`)
      out.bytes(value)
      for (let i = value.length; i < length; i++) out.u8(0)
    },
    read: (input) => input.bytes(length),
  }
}

const utf8 = new TextDecoder()

/** Text in an array of `length` bytes that zeros fill. */
export function paddedText(length: number): Codec<string> {
  const array = byteArray(length)
  return {
    write: (out, value) => array.write(out, new TextEncoder().encode(value)),
    read: (input) => {
      const bytes = array.read(input)
      const end = bytes.indexOf(0)
      return utf8.decode(end < 0 ? bytes : bytes.subarray(0, end))
    },
  }
}

/** `undefined` is none. */
export function option<T>(inner: Codec<T>): Codec<T | undefined> {
  return {
    write: (out, value) => {
      out.u8(value === undefined ? 0 : 1)
      if (value !== undefined) inner.write(out, value)
    },
    read: (input) => {
      const tag = input.u8()
      if (tag > 1) input.fail('bad-variant')
      return tag === 1 ? inner.read(input) : undefined
    },
  }
}

export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E }

export function result<T, E>(value: Codec<T>, error: Codec<E>): Codec<Result<T, E>> {
  return {
    write: (out, each) => {
      out.u8(each.ok ? 0 : 1)
      if (each.ok) value.write(out, each.value)
      else error.write(out, each.error)
    },
    read: (input) => {
      const tag = input.u8()
      if (tag > 1) input.fail('bad-variant')
      return tag === 0 ? { ok: true, value: value.read(input) } : { ok: false, error: error.read(input) }
    },
  }
}

type StructOf<F> = { readonly [Name in keyof F]: ValueOf<F[Name]> }

/** Fields in order of declaration. */
export function struct<const F extends { readonly [name: string]: AnyCodec }>(fields: F): Codec<StructOf<F>> {
  const entries = Object.entries(fields)
  return {
    write: (out, value) => {
      // because StructOf<F> has exactly the fields of F
      const record = value as Readonly<Record<string, unknown>>
      for (const [name, codec] of entries) codec.write(out, record[name] as never)
    },
    read: (input) => {
      const value: Record<string, unknown> = {}
      for (const [name, codec] of entries) value[name] = codec.read(input)
      // because every field of F was read just now
      return value as StructOf<F>
    },
  }
}

/** Variants without fields, as their names. `first` is the number of the first one. */
export function enumeration<const Name extends string>(names: readonly Name[], first = 0): Codec<Name> {
  return {
    write: (out, value) => out.u8(names.indexOf(value) + first),
    read: (input) => {
      const index = input.u8() - first
      const name = names[index]
      if (name === undefined) input.fail('bad-variant')
      return name ?? names[0]! // because an enumeration has a name
    },
  }
}

/** A codec of whatever type; a parameter of `never` accepts every codec. */
export interface AnyCodec {
  write(out: Writer, value: never): void
  read(input: Reader): unknown
}

type VariantsOf<V> = {
  readonly [Kind in keyof V]: { readonly kind: Kind } & StructOf<V[Kind]>
}[keyof V]

/** Variants with fields: `{ kind, …fields }`, numbered in order of declaration. */
export function variants<const V extends { readonly [kind: string]: Readonly<Record<string, AnyCodec>> }>(
  declaration: V,
): Codec<VariantsOf<V>> {
  const kinds = Object.keys(declaration)
  const codecs = kinds.map((kind) => struct(declaration[kind]!))
  return {
    write: (out, value) => {
      // because VariantsOf<V> has a kind of V
      const index = kinds.indexOf((value as { readonly kind: string }).kind)
      out.u8(index)
      codecs[index]!.write(out, value as never)
    },
    read: (input) => {
      const index = input.u8()
      const codec = codecs[index]
      if (codec === undefined) input.fail('bad-variant')
      // because kinds and codecs have the same length, and the fields are those of the kind; a failed reader's value is not used
      return { kind: kinds[index] ?? kinds[0], ...(codec?.read(input) as object | undefined) } as VariantsOf<V>
    },
  }
}

/** The bytes of one value. */
export function encode<T>(codec: Codec<T>, value: T, capacity = 1024): Uint8Array {
  const out = new Writer(capacity)
  codec.write(out, value)
  return out.written
}

export type Decoded<T> =
  | { readonly ok: true; readonly value: T; readonly rest: Uint8Array }
  | { readonly ok: false; readonly problem: ReadProblem }

/** One value from the start of `bytes`, and what follows it. */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array): Decoded<T> {
  const input = new Reader(bytes)
  const value = codec.read(input)
  if (input.problem !== undefined) return { ok: false, problem: input.problem }
  return { ok: true, value, rest: input.rest() }
}
