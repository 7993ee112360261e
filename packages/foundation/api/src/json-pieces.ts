/**
 * Long JSON bodies read and checked in pieces, with a pause after each, so that whoever shares the thread (a sled's packets) does not
 * wait for a thousand rules. Objects and arrays are taken apart where the schema says what is inside; short values together, by
 * `JSON.parse`.
 *
 * Invariant: what is read is what `JSON.parse` and the schema give for the whole text. What they would refuse, or what cannot be taken
 * apart, is not read at all, and the caller reads it in one go: that finds out what is wrong with it.
 */
import { z } from 'zod'

/** Lets others go on, where it is time for that; it is asked after each piece. */
export type Pause = () => Promise<void>

/** A piece takes some tens of microseconds. */
const PIECE_CHARS = 2048
/** Bodies that are shorter are read in one go. */
export const LONG_CHARS = 16_384

const REFUSED = Symbol('refused')
const ANYTHING = z.unknown()

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const BACKSLASH = 0x5c
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** @returns the value, as the schema gives it; undefined when the text has to be read in one go. */
export async function readInPieces(
  schema: z.core.$ZodType,
  text: string,
  pause: Pause,
): Promise<{ readonly value: unknown } | undefined> {
  const reader = new PieceReader(text, pause)
  const value = await reader.document(schema)
  return value === REFUSED ? undefined : { value }
}

class PieceReader {
  readonly #text: string
  readonly #pause: Pause
  #at = 0
  /** Since the last pause. */
  #readFrom = 0

  constructor(text: string, pause: Pause) {
    this.#text = text
    this.#pause = pause
  }

  async document(schema: z.core.$ZodType): Promise<unknown> {
    this.#skipSpace()
    const value = await this.#value(schema)
    this.#skipSpace()
    return this.#at === this.#text.length ? value : REFUSED
  }

  /** A long value at `#at`; afterwards that is behind it. */
  async #value(schema: z.core.$ZodType): Promise<unknown> {
    const inner = present(schema)
    const first = this.#text.charCodeAt(this.#at)
    if (first === OPEN_BRACE && inner instanceof z.ZodObject) return this.#object(inner)
    if (first === OPEN_BRACKET && inner instanceof z.ZodArray) return this.#array(inner)
    const end = endOfValue(this.#text, this.#at, Infinity)
    if (end < 0) return REFUSED
    const json = parse(this.#text.slice(this.#at, end))
    this.#at = end
    return json === REFUSED ? REFUSED : checked(schema, json)
  }

  async #object(schema: z.ZodObject): Promise<unknown> {
    const members: Record<string, unknown> = {}
    const read: string[] = []
    this.#at++
    for (;;) {
      this.#skipSpace()
      const key = this.#key()
      // `JSON.parse` makes a property of it, an assignment a prototype. Of members of one name the last counts, whose value may not be checked here.
      if (key === undefined || key === '__proto__' || Object.hasOwn(members, key)) return REFUSED
      const field: z.core.$ZodType | undefined = schema.shape[key]
      const isLong = field !== undefined && endOfValue(this.#text, this.#at, PIECE_CHARS) < 0
      if (isLong) read.push(key)
      const value = await this.#value(isLong ? field : ANYTHING)
      if (value === REFUSED) return REFUSED
      members[key] = value
      await this.#breathe()
      this.#skipSpace()
      const next = this.#text.charCodeAt(this.#at++)
      if (next === CLOSE_BRACE) return checked(withoutMembers(schema, read), members)
      if (next !== COMMA) return REFUSED
    }
  }

  /** @returns undefined for what is none. Afterwards `#at` is at the member's value. */
  #key(): string | undefined {
    const end = endOfString(this.#text, this.#at)
    if (end < 0) return undefined
    const key = parse(this.#text.slice(this.#at, end))
    this.#at = end
    this.#skipSpace()
    if (typeof key !== 'string' || this.#text.charCodeAt(this.#at++) !== COLON) return undefined
    this.#skipSpace()
    return key
  }

  async #array(schema: z.ZodArray): Promise<unknown> {
    const { element } = schema
    const items: unknown[] = []
    this.#at++
    this.#skipSpace()
    for (let isEnd = false; !isEnd;) {
      const from = this.#at
      const end = endOfItems(this.#text, from)
      if (end > from) {
        // Several short ones, or none of them is an array.
        const group = parse(`[${this.#text.slice(from, end)}]`)
        if (!Array.isArray(group)) return REFUSED
        for (const json of group) {
          const item = checked(element, json)
          if (item === REFUSED) return REFUSED
          items.push(item)
        }
        this.#at = end
      } else {
        const item = await this.#value(element)
        if (item === REFUSED) return REFUSED
        items.push(item)
      }
      await this.#breathe()
      this.#skipSpace()
      const next = this.#text.charCodeAt(this.#at++)
      isEnd = next === CLOSE_BRACKET
      if (!isEnd && next !== COMMA) return REFUSED
      this.#skipSpace()
      if (!isEnd && this.#text.charCodeAt(this.#at) === CLOSE_BRACKET) return REFUSED
    }
    await this.#pause()
    return checked(withoutElement(schema), items)
  }

  async #breathe(): Promise<void> {
    if (this.#at - this.#readFrom < PIECE_CHARS / 4) return
    await this.#pause()
    this.#readFrom = this.#at
  }

  #skipSpace(): void {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at++
  }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
}

/** What the schema asks of a value that is there and not null. */
function present(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodNullable || inner instanceof z.ZodDefault) {
    inner = inner.unwrap()
  }
  return inner
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return REFUSED
    throw error
  }
}

function checked(schema: z.core.$ZodType, json: unknown): unknown {
  const result = z.safeParse(schema, json)
  return result.success ? result.data : REFUSED
}

// Zod compiles a schema when it is first used, so that derived ones are kept.
const withoutElements = new WeakMap<z.ZodArray, z.ZodArray>()
const withoutMembersOf = new WeakMap<z.ZodObject, Map<string, z.ZodObject>>()

/** The checks of the array itself. */
function withoutElement(schema: z.ZodArray): z.ZodArray {
  let derived = withoutElements.get(schema)
  if (derived === undefined) {
    derived = schema.clone({ ...schema.def, element: ANYTHING })
    withoutElements.set(schema, derived)
  }
  return derived
}

/** The object's schema, but for what members `keys` have to be. */
function withoutMembers(schema: z.ZodObject, keys: readonly string[]): z.ZodObject {
  if (keys.length === 0) return schema
  const known = withoutMembersOf.get(schema) ?? new Map<string, z.ZodObject>()
  withoutMembersOf.set(schema, known)
  const name = keys.toSorted().join('\n')
  let derived = known.get(name)
  if (derived === undefined) {
    const any = Object.fromEntries(keys.map((key) => [key, ANYTHING]))
    derived = schema.clone({ ...schema.def, shape: { ...schema.shape, ...any } })
    known.set(name, derived)
  }
  return derived
}

/** Where the string ends that begins at `from`; -1 when none does, or it does not end. */
function endOfString(text: string, from: number): number {
  if (text.charCodeAt(from) !== QUOTE) return -1
  for (let at = from; ;) {
    at = text.indexOf('"', at + 1)
    if (at < 0) return -1
    let escape = at - 1
    while (text.charCodeAt(escape) === BACKSLASH) escape--
    if (((at - escape) & 1) === 1) return at + 1
  }
}

/** Where the value ends that begins at `from`, by its brackets and quotes alone; -1 when that is not within `limit` characters. */
function endOfValue(text: string, from: number, limit: number): number {
  const stop = Math.min(text.length, from + limit)
  let depth = 0
  for (let at = from; at < stop;) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      at = endOfString(text, at)
      if (at < 0 || depth === 0) return at
      continue
    }
    if (code === OPEN_BRACKET || code === OPEN_BRACE) {
      depth++
    } else if (code === CLOSE_BRACKET || code === CLOSE_BRACE) {
      if (depth === 0) return at
      if (--depth === 0) return at + 1
    } else if (code === COMMA && depth === 0) {
      return at
    }
    at++
  }
  return stop === text.length && limit === Infinity && depth === 0 ? stop : -1
}

/** Where the last of the items ends that begin at `from` and are a piece together; `from` when the first one alone is more. */
function endOfItems(text: string, from: number): number {
  const stop = from + PIECE_CHARS
  let end = from
  for (let at = from; at < stop;) {
    const last = endOfValue(text, at, stop - at)
    if (last < 0) return end
    end = last
    at = last
    while (isSpace(text.charCodeAt(at))) at++
    if (text.charCodeAt(at) !== COMMA) return end
    at++
    while (isSpace(text.charCodeAt(at))) at++
  }
  return end
}
