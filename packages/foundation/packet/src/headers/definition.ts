/**
 * The vocabulary of the declarative header table. A header is its fields in wire order (all big-endian, bit widths
 * as in the RFC diagrams), plus what makes it valid and how long it is. `tools/generate.ts` turns a definition into
 * flat functions; `headers.prop.test.ts` reads the same table bit by bit as the reference.
 *
 * Expressions are strings in which a field's name stands for its value, `$length` for the header length in bytes and
 * `$available` for the bytes from the header's start to the end of what contains it.
 */

/** How a field is shown. A name that is not a format is the constant object whose keys name the values. */
export type FieldFormat = 'dec' | 'hex' | 'ip4' | 'ip6' | 'mac' | 'bytes' | 'text' | 'tcpFlags' | ConstantName

/** Constant objects of `constants.ts` that can name a field's value. */
export type ConstantName =
  | 'ArpOperation'
  | 'DhcpOperation'
  | 'EtherType'
  | 'GeneveOxideOption'
  | 'Icmpv6Type'
  | 'IcmpType'
  | 'IpProtocol'
  | 'SidecarCode'

export interface FieldDefinition {
  readonly name: string
  /** Width in bits: at most 32 for a number; a multiple of 8 above that for a byte field (48 is a MAC). */
  readonly bits: number
  readonly format?: FieldFormat
  /** Value when the owned form leaves it out; a number, or an expression over `$length`. Default 0. */
  readonly default?: number | string
  /** One clause for the doc comment: units, meaning. */
  readonly doc?: string
}

/** A second way to read bytes that belong to another field, such as the identifier inside ICMP's rest. */
export interface OverlayDefinition extends FieldDefinition {
  /** Byte offset in the header. */
  readonly at: number
}

/** The variable part after the fields. */
export interface TailDefinition {
  readonly name: string
  /** Header length in bytes as an expression over the fields. */
  readonly length: string
  /** The field that carries the length, and its value as an expression over `$length`. */
  readonly lengthField: string
  readonly fromLength: string
  /** The header length is a multiple of this many bytes (counted from `multipleFrom`). */
  readonly multiple: number
  /** Largest header length in bytes that the length field can say. */
  readonly maximum: number
  /** Smallest header length in bytes when it is more than the fixed part. */
  readonly minimum?: number
}

export interface Predicate {
  /** Must be true. */
  readonly require: string
  /** Key of `ParseError`. */
  readonly error: string
}

export interface HeaderDefinition {
  /** camelCase; becomes a prefix or suffix of everything generated. */
  readonly name: string
  /** As shown to people. */
  readonly title: string
  /** Where it is specified. */
  readonly reference: string
  readonly fields: readonly FieldDefinition[]
  readonly overlays?: readonly OverlayDefinition[]
  readonly tail?: TailDefinition
  /** Checked in order, before the length of the tail is looked at. */
  readonly valid?: readonly Predicate[]
  /** Checked last; about the payload. Their presence generates `check…Quoted`, which leaves them out. */
  readonly bounds?: readonly Predicate[]
  /** The field that names the next header, and the registry to look it up in. */
  readonly next?: { readonly field: string; readonly registry: Registry }
  /** Which values of which registry choose this header. */
  readonly chosenBy?: { readonly registry: Registry; readonly values: readonly number[] }
  /** One-line description: text with `{field}` placeholders. */
  readonly describe: string
}

export type Registry = 'etherType' | 'ipProtocol' | 'udpPort' | 'icmpv6Type'
