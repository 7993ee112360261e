/** Collects the parts of an IR program while it is lowered. */
import type {
  Action,
  Expression,
  Extern,
  ExternId,
  HeaderId,
  HeaderInstance,
  Parser,
  Procedure,
  ProcedureId,
  Slot,
  SlotId,
  SourceRef,
  Table,
  ValueSet,
} from '../ir/index.ts'
import type { Range } from '../source/range.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export class ProgramBuilder {
  readonly slots: Slot[] = []
  readonly headers: HeaderInstance[] = []
  readonly parsers: Parser[] = []
  readonly procedures: Mutable<Procedure>[] = []
  readonly actions: Mutable<Action>[] = []
  readonly tables: Table[] = []
  readonly externs: Extern[] = []
  readonly valueSets: ValueSet[] = []
  readonly files: string[] = []
  readonly valueNames = new Map<SlotId, ReadonlyMap<bigint, string>>()
  readonly #fileIndex = new Map<string, number>()
  #temporaries = 0

  slot(name: string, kind: Slot['kind'], width: number): SlotId {
    const format = formatOf(name, kind, width)
    this.slots.push({ name, kind, width, ...(format === undefined ? {} : { format }) })
    return this.slots.length - 1
  }

  temporary(path: string, width: number, kind: Slot['kind'] = 'bit'): SlotId {
    this.#temporaries += 1
    return this.slot(`${path === '' ? '' : `${path}.`}$${this.#temporaries}`, kind, width)
  }

  load(slot: SlotId): Expression {
    return { op: 'load', width: this.slots[slot]?.width ?? 1, slot }
  }

  header(name: string, valid: SlotId, fields: readonly SlotId[]): HeaderId {
    this.headers.push({ name, valid, fields })
    return this.headers.length - 1
  }

  procedure(procedure: Procedure): ProcedureId {
    this.procedures.push(procedure)
    return this.procedures.length - 1
  }

  extern(extern: Extern): ExternId {
    this.externs.push(extern)
    return this.externs.length - 1
  }

  at(range: Range): SourceRef {
    let file = this.#fileIndex.get(range.file)
    if (file === undefined) {
      file = this.files.length
      this.files.push(range.file)
      this.#fileIndex.set(range.file, file)
    }
    return { file, line: range.line, column: range.column }
  }
}

/** How people expect to read a field, by its width and name. */
function formatOf(name: string, kind: Slot['kind'], width: number): Slot['format'] {
  if (kind !== 'bit') return undefined
  const last = name.slice(name.lastIndexOf('.') + 1).toLowerCase()
  if (width === 48 && !/time|stamp/.test(last)) return 'mac'
  const isAddress = /addr|ip|src|dst|next_?hop|target|source|dest|nh/.test(last)
  // Nothing else in networks is 128 bits wide and a number.
  if (width === 128 && !/payload|data|hash|key/.test(last)) return 'ipv6'
  if (width === 32 && isAddress) return 'ipv4'
  return /type|proto|flag|class|checksum|csum/.test(last) && width >= 8 ? 'hex' : undefined
}
