/** What deparsing changed: the headers as they were extracted against the headers as they were emitted. */
import type { HeaderId, Program, SlotId } from '@lodestone/p4'
import { formatValue } from '../value-format.ts'
import type { HeaderChange } from './explanation.ts'
import type { Recount, Run } from './recount.ts'
import { positionOf } from './position.ts'

/** Undefined when the run wrote no headers back. */
export function headerDiff(recount: Recount, run: Run): readonly HeaderChange[] | undefined {
  if (run.emitted === undefined) return undefined
  const { program } = recount
  const before = extracted(recount, run)
  const order = [...run.emitted, ...[...before.keys()].filter((id) => !run.emitted!.includes(id))]
  return [...new Set(order)].map((id) => {
    const { name, fields } = program.headers[id]!
    const old = before.get(id)
    const isEmitted = run.emitted!.includes(id)
    const changes = fields.flatMap((slot, k) => {
      const { width, format } = program.slots[slot]!
      const from = old?.[k]
      const to = isEmitted ? run.slots[slot]! : undefined
      if (from === to) return []
      const text = (value: bigint): string => formatValue(value, width, format)
      const by = isEmitted ? setBy(recount, run, slot) : undefined
      return [
        {
          name: fieldName(program, id, slot),
          ...(from === undefined ? {} : { from: text(from) }),
          ...(to === undefined ? {} : { to: text(to) }),
          ...(by === undefined ? {} : { by }),
        },
      ]
    })
    const change = old === undefined ? 'added' : !isEmitted ? 'removed' : changes.length === 0 ? 'kept' : 'changed'
    return { header: name, change, fields: changes }
  })
}

/** `ttl` of `hdr.ipv4.ttl`. */
export function fieldName(program: Program, header: HeaderId, slot: SlotId): string {
  const { name } = program.slots[slot]!
  const prefix = `${program.headers[header]!.name}.`
  return name.startsWith(prefix) ? name.slice(prefix.length) : name
}

/** Header → values of its fields, as this run or the ones that it came from extracted them, the latest first. */
function extracted(recount: Recount, run: Run): ReadonlyMap<HeaderId, readonly bigint[]> {
  const found = new Map<HeaderId, readonly bigint[]>()
  for (let one: Run | undefined = run; one !== undefined; one = recount.runs[one.parent]) {
    const own = new Map<HeaderId, readonly bigint[]>()
    for (let id = one.firstEvent; id < one.lastEvent; id++) {
      const event = recount.events[id]!
      if (event.kind === 'extract') own.set(event.header, fieldValues(recount.program, one, event))
    }
    // A run that parses the packet anew starts over.
    if (own.size === 0) continue
    for (const [header, values] of own) found.set(header, values)
    break
  }
  return found
}

/** The fields of a header at its place in the frame. */
export function fieldValues(
  program: Program,
  run: Run,
  event: { readonly header: HeaderId; readonly offset: number; readonly length: number },
): readonly bigint[] {
  const { fields } = program.headers[event.header]!
  const fixed = fields.reduce((sum, slot) => sum + (isVarbit(program, slot) ? 0 : program.slots[slot]!.width), 0)
  let bit = 8 * event.offset
  return fields.map((slot) => {
    const width = isVarbit(program, slot) ? 8 * event.length - fixed : program.slots[slot]!.width
    let value = 0n
    for (let k = bit; k < bit + width; k++) {
      value = (value << 1n) | BigInt((run.frame[k >> 3]! >> (7 - (k & 7))) & 1)
    }
    bit += width
    return value
  })
}

function isVarbit(program: Program, slot: SlotId): boolean {
  return program.slots[slot]!.kind === 'varbit'
}

function setBy(recount: Recount, run: Run, slot: SlotId): ReturnType<typeof positionOf> {
  const writer = recount.events[run.writers[slot]!]
  return writer === undefined || writer.kind === 'extract' ? undefined : positionOf(recount.program, writer.at)
}
