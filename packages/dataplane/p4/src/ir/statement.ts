/**
 * Statements of the intermediate representation. P4 has no recursion, so every variable, parameter and temporary of every
 * instance is a slot of its own: procedures take no arguments and return nothing. The front end writes copy-in and
 * copy-out (P4-16 §6.8) as assignments around the call.
 */
import type { Expression, SlotId } from './expression.ts'

/** Where in the source: index into `Program.files`, 1-based line and column. */
export interface SourceRef {
  readonly file: number
  readonly line: number
  readonly column: number
}

/** Indices into the arrays of `Program`. */
export type HeaderId = number
export type ProcedureId = number
export type TableId = number
export type ExternId = number

export type HashAlgorithm =
  | 'crc8'
  | 'crc16'
  | 'crc32'
  | 'csum16'
  | 'xor16'
  | 'identity'
  | 'mix'
  | 'crc16_custom'
  | 'crc32_custom'

export type Statement = { readonly at?: SourceRef } & (
  | { readonly kind: 'assign'; readonly slot: SlotId; readonly value: Expression }
  /** Writes bits `low` … `low + value.width - 1` of the slot and leaves the others. */
  | { readonly kind: 'assignSlice'; readonly slot: SlotId; readonly low: number; readonly value: Expression }
  | {
      readonly kind: 'if'
      readonly condition: Expression
      readonly then: readonly Statement[]
      readonly else: readonly Statement[]
    }
  /** Runs the first case one of whose values equals the selector, else `default`. No fall through. */
  | {
      readonly kind: 'switch'
      readonly selector: Expression
      readonly cases: readonly { readonly values: readonly bigint[]; readonly body: readonly Statement[] }[]
      readonly default: readonly Statement[]
    }
  /** Runs until `break`; `continue` starts the body anew. */
  | { readonly kind: 'loop'; readonly body: readonly Statement[] }
  | { readonly kind: 'break' }
  | { readonly kind: 'continue' }
  | { readonly kind: 'call'; readonly procedure: ProcedureId }
  /** Ends the enclosing procedure or action. */
  | { readonly kind: 'return' }
  /** Ends the whole block (parser, ingress, egress …), with copy-out already written where it is due. */
  | { readonly kind: 'exit' }
  /** Looks up, sets the table's `hitSlot` and `actionSlot`, runs the action. */
  | { readonly kind: 'apply'; readonly table: TableId }

  // Parser (only in parser states and what they call)
  /**
   * Reads the header's fields from the packet and sets it valid. Too short: error PacketTooShort.
   * `varbitBits` gives the length of its varbit field (P4-16 §12.8.2); more than its maximum: error HeaderTooShort.
   */
  | { readonly kind: 'extract'; readonly header: HeaderId; readonly varbitBits?: Expression }
  /** Moves on without reading. Too short: error PacketTooShort. */
  | { readonly kind: 'advance'; readonly bits: Expression }
  /** Reads the slot's width of bits without moving on. Too short: error PacketTooShort. */
  | { readonly kind: 'lookahead'; readonly slot: SlotId }
  /** When the condition is false: sets the parser error to the code in `error` and rejects. */
  | { readonly kind: 'verify'; readonly condition: Expression; readonly error: Expression }

  // Deparser
  /** Appends the header's bytes to the packet if it is valid. */
  | { readonly kind: 'emit'; readonly header: HeaderId }
  /** Copies value and current length of a varbit slot. */
  | { readonly kind: 'assignVarbit'; readonly slot: SlotId; readonly from: SlotId }
  /** slot (32 bits) = current length of the varbit `from` in bytes. `isCleared`: then all its bits become zero. */
  | { readonly kind: 'measureVarbit'; readonly slot: SlotId; readonly from: SlotId; readonly isCleared: boolean }

  // Externs
  /** `index` absent: the direct counter of the table being applied. Counts packets and bytes. */
  | { readonly kind: 'count'; readonly counter: ExternId; readonly index?: Expression }
  | { readonly kind: 'registerRead'; readonly register: ExternId; readonly index: Expression; readonly slot: SlotId }
  | {
      readonly kind: 'registerWrite'
      readonly register: ExternId
      readonly index: Expression
      readonly value: Expression
    }
  /**
   * Colour 0 green, 1 yellow, 2 red. `index` absent: direct meter. `colour`: what the packet is marked with already
   * (RFC 2698, colour-aware); absent: green.
   */
  | {
      readonly kind: 'meter'
      readonly meter: ExternId
      readonly index?: Expression
      readonly colour?: Expression
      readonly slot: SlotId
    }
  /**
   * slot = algorithm(inputs, concatenated from left to right in network order); with `base` and `max`: base + h mod max.
   * `payload`: the bytes after the parsed headers are appended to the inputs. csum16 is the RFC 1071 sum, complemented;
   * identity the first eight bytes. `skip`: so many whole bytes of the inputs, which are whole bytes, are left out in front.
   */
  | {
      readonly kind: 'hash'
      readonly algorithm: HashAlgorithm
      readonly inputs: readonly Expression[]
      readonly payload: boolean
      readonly slot: SlotId
      readonly base?: Expression
      readonly max?: Expression
      readonly skip?: Expression
      /** crc only, 32 bits: the hash of what went before; absent: nothing. */
      readonly from?: Expression
    }
  /** Uniform in [low, high], of which the low 64 bits count. */
  | { readonly kind: 'random'; readonly slot: SlotId; readonly low: Expression; readonly high: Expression }
  | { readonly kind: 'digest'; readonly digest: ExternId; readonly values: readonly Expression[] }
  | { readonly kind: 'log'; readonly message: string; readonly values: readonly Expression[] }
  /** v1model assert/assume: counted, and traced with its source text, when false. */
  | { readonly kind: 'assert'; readonly condition: Expression; readonly text: string }
  /**
   * A user's extern: the host's function gets the inputs and gives the outputs; an output that it does not give keeps
   * what the slot holds. The host knows it by `instance` (of an extern object, with the method) or else by `name`.
   * `outputNames`: `return`, or the parameter's.
   */
  | {
      readonly kind: 'target'
      readonly name: string
      readonly instance?: string
      /** Of an extern object: its type, its name, and what it was constructed with. */
      readonly constructed?: {
        readonly type: string
        readonly name: string
        readonly arguments: readonly bigint[]
      }
      readonly inputs: readonly Expression[]
      readonly outputs: readonly SlotId[]
      readonly outputNames?: readonly string[]
    }
  /** slot = whether the keys are in the parser value set: for a set beside other keys in one case of a select. */
  | {
      readonly kind: 'valueSetMatch'
      readonly valueSet: number
      readonly keys: readonly Expression[]
      readonly slot: SlotId
    }
)
