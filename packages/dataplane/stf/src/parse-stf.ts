/**
 * STF text → statements. One statement a line; `#` begins a comment; keywords in any case and only at the beginning of a
 * line. Every line is read, and every one that makes no sense has its own error.
 */
import { LineCursor, LineError } from './line-cursor.ts'
import type { StfError, StfMatch, StfPosition, StfStatement } from './statement.ts'

export interface StfFile {
  readonly statements: readonly StfStatement[]
  readonly errors: readonly StfError[]
}

export function parseStf(text: string): StfFile {
  const statements: StfStatement[] = []
  const errors: StfError[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const cursor = new LineCursor(withoutComment(line), index + 1)
    if (cursor.isEnd) continue
    try {
      statements.push(statement(cursor))
    } catch (error) {
      if (!(error instanceof LineError)) throw error
      errors.push({ at: error.at, message: error.message })
    }
  }
  return { statements, errors }
}

function withoutComment(line: string): string {
  const hash = line.indexOf('#')
  return hash < 0 ? line : line.slice(0, hash)
}

type Rule = (cursor: LineCursor, at: StfPosition) => StfStatement

const RULES: Readonly<Record<string, Rule>> = {
  add,
  setdefault: (c, at) => ({
    at,
    kind: 'setdefault',
    table: c.qualifiedName('the name of a table'),
    action: c.action(),
  }),
  remove: (c, at) => {
    if (c.word("'all'").toLowerCase() !== 'all') c.fail("only 'remove all' is known")
    return { at, kind: 'remove' }
  },
  packet,
  expect,
  no_packet: (_c, at) => ({ at, kind: 'noPacket' }),
  wait: (_c, at) => ({ at, kind: 'wait' }),
  check_counter: checkCounter,
  mirroring_add: (c, at) => ({ at, kind: 'mirroringAdd', session: session(c), port: port(c) }),
  mirroring_add_mc: (c, at) => ({ at, kind: 'mirroringAddMc', session: session(c), group: group(c) }),
  mirroring_delete: (c, at) => ({ at, kind: 'mirroringDelete', session: session(c) }),
  mirroring_get: (c, at) => ({ at, kind: 'mirroringGet', session: session(c) }),
  mc_mgrp_create: (c, at) => ({ at, kind: 'groupCreate', group: group(c) }),
  mc_node_create: (c, at) => ({ at, kind: 'nodeCreate', instance: c.whole('an instance'), ports: c.numbers('a port') }),
  mc_node_update: (c, at) => ({ at, kind: 'nodeUpdate', handle: handle(c), ports: c.numbers('a port') }),
  mc_node_associate: (c, at) => ({ at, kind: 'nodeAssociate', group: group(c), handle: handle(c) }),
  counter_read: (c, at) => ({ at, kind: 'counterRead', name: extern(c), index: c.whole('an index') }),
  counter_write: (c, at) => ({
    at,
    kind: 'counterWrite',
    name: extern(c),
    index: c.whole('an index'),
    packets: c.whole('a number of packets'),
    bytes: c.whole('a number of bytes'),
  }),
  register_read: registerRead,
  register_write: (c, at) => ({
    at,
    kind: 'registerWrite',
    name: extern(c),
    index: c.whole('an index'),
    value: c.wide('the value'),
  }),
  register_reset: (c, at) => ({ at, kind: 'registerReset', name: extern(c) }),
  meter_get_rates: (c, at) => ({ at, kind: 'meterGetRates', name: extern(c), index: c.whole('an index') }),
  meter_set_rates: (c, at) => ({
    at,
    kind: 'meterSetRates',
    name: extern(c),
    index: c.whole('an index'),
    rates: rates(c),
  }),
  meter_array_set_rates: (c, at) => ({ at, kind: 'meterSetRates', name: extern(c), index: undefined, rates: rates(c) }),
}

function statement(cursor: LineCursor): StfStatement {
  const at = cursor.position
  const word = cursor.word('a command')
  const name = word.toLowerCase()
  const rule = Object.hasOwn(RULES, name) ? RULES[name] : undefined
  if (rule === undefined) {
    throw new LineError(at, `'${word}' is no command; there are: ${Object.keys(RULES).join(', ')}`)
  }
  const result = rule(cursor, at)
  cursor.end()
  return result
}

const session = (c: LineCursor): number => c.whole('a session')
const port = (c: LineCursor): number => c.whole('a port')
const group = (c: LineCursor): number => c.whole('a multicast group')
const handle = (c: LineCursor): number => c.whole('the handle of a node')
const extern = (c: LineCursor): string => c.qualifiedName('the name of a counter, register or meter')

function add(cursor: LineCursor, at: StfPosition): StfStatement {
  const table = cursor.qualifiedName('the name of a table')
  const priority = cursor.isNumberNext ? cursor.whole('a priority') : undefined
  const matches: StfMatch[] = []
  for (;;) {
    const before = cursor.position
    const name = cursor.qualifiedName('a key (name:value) or an action (name(…))')
    if (cursor.is('(')) {
      if (matches.length === 0) throw new LineError(before, 'an entry needs at least one key before its action')
      const action = cursor.action(name)
      const id = cursor.accept('=') ? cursor.word('a name for the entry') : undefined
      return {
        at,
        kind: 'add',
        table,
        ...(priority === undefined ? {} : { priority }),
        matches,
        action,
        ...(id === undefined ? {} : { id }),
      }
    }
    cursor.need(':')
    const value = cursor.digits(`the value of '${name}'`)
    const prefixLength = cursor.accept('/') ? cursor.whole('a prefix length') : undefined
    matches.push({ key: name, value, ...(prefixLength === undefined ? {} : { prefixLength }) })
  }
}

function packet(cursor: LineCursor, at: StfPosition): StfStatement {
  const number = port(cursor)
  const start = cursor.position
  const hex = cursor.rest().replaceAll(/\s/g, '')
  const bad = /[^0-9a-fA-F]/.exec(hex)
  if (bad !== null) throw new LineError(start, `'${bad[0]}' is no hexadecimal digit`)
  if (hex.length % 2 !== 0) throw new LineError(start, `a packet is whole bytes, not ${hex.length} digits`)
  if (hex.length === 0) throw new LineError(start, 'the bytes of the packet are missing')
  const bytes = Uint8Array.from({ length: hex.length / 2 }, (_, k) => Number.parseInt(hex.slice(2 * k, 2 * k + 2), 16))
  return { at, kind: 'packet', port: number, bytes }
}

function expect(cursor: LineCursor, at: StfPosition): StfStatement {
  const number = port(cursor)
  const start = cursor.position
  const text = cursor.rest().replaceAll(/\s/g, '').toLowerCase()
  const isWhole = text.endsWith('$')
  const data = isWhole ? text.slice(0, -1) : text
  const bad = /[^0-9a-f*]/.exec(data)
  if (bad !== null) throw new LineError(start, `'${bad[0]}' is neither a hexadecimal digit nor *`)
  return { at, kind: 'expect', port: number, data: text === '' ? undefined : data, isWhole }
}

function checkCounter(cursor: LineCursor, at: StfPosition): StfStatement {
  const counter = cursor.qualifiedName('the name of a counter')
  cursor.need('(')
  const index = cursor.isNumberNext ? cursor.whole('an index') : cursor.word('an index or the name of an entry')
  cursor.need(')')
  if (cursor.isEnd) return { at, kind: 'checkCounter', counter, index }
  const unit = cursor.word("'bytes' or 'packets'").toLowerCase()
  if (unit !== 'bytes' && unit !== 'packets')
    throw new LineError(at, `a counter counts bytes or packets, not '${unit}'`)
  const check = { unit, comparison: cursor.comparison(), value: cursor.wide('a number') } as const
  return { at, kind: 'checkCounter', counter, index, check }
}

function registerRead(cursor: LineCursor, at: StfPosition): StfStatement {
  const name = extern(cursor)
  const index = cursor.whole('an index')
  if (cursor.isEnd) return { at, kind: 'registerRead', name, index }
  const expected = { comparison: cursor.comparison(), value: cursor.wide('a value') }
  return { at, kind: 'registerRead', name, index, expected }
}

function rates(cursor: LineCursor): { rate: number; burst: number }[] {
  const list: { rate: number; burst: number }[] = []
  do {
    const rate = cursor.decimal('a rate in units per microsecond')
    cursor.need(':')
    list.push({ rate, burst: cursor.whole('a burst') })
  } while (!cursor.isEnd)
  return list
}
