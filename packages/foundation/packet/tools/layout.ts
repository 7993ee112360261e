/**
 * Where fields lie and what generated things are called: shared by the parts of the generator.
 */
import type { FieldDefinition, HeaderDefinition, OverlayDefinition } from '../src/headers/definition.ts'

export interface PlacedField extends FieldDefinition {
  /** Bit offset from the start of the header. */
  readonly bit: number
  readonly isOverlay: boolean
}

/** The parameters of every generated function that looks at bytes. */
export const PARAMETERS = 'bytes: Uint8Array, offset: number'

export function fileName(header: HeaderDefinition): string {
  return `${kebab(header.name)}.ts`
}

/** Fields with their bit offsets, overlays last. */
export function placeFields(header: HeaderDefinition): readonly PlacedField[] {
  const placed: PlacedField[] = []
  let bit = 0
  for (const field of header.fields) {
    placed.push({ ...field, bit, isOverlay: false })
    bit += field.bits
  }
  if (bit % 8 !== 0) throw new Error(`${header.name}: fields take ${bit} bits, not whole bytes`)
  for (const overlay of header.overlays ?? []) placed.push(placeOverlay(overlay))
  return placed
}

/** Length of the fixed part in bytes. */
export function fixedLength(header: HeaderDefinition): number {
  return header.fields.reduce((bits, field) => bits + field.bits, 0) / 8
}

/** Smallest length in bytes that a valid header has. */
export function minimumLength(header: HeaderDefinition): number {
  return header.tail?.minimum ?? fixedLength(header)
}

function placeOverlay(overlay: OverlayDefinition): PlacedField {
  return { ...overlay, bit: overlay.at * 8, isOverlay: true }
}

/** Whether the field is handed over as bytes instead of a number. */
export function isBytes(field: FieldDefinition): boolean {
  return field.bits > 32
}

/** Source for an absolute offset. */
export function at(byte: number): string {
  return byte === 0 ? 'offset' : `offset + ${byte}`
}

export function hex(value: number): string {
  return `0x${value.toString(16)}`
}

export function pascal(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1)
}

export function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

export function upper(name: string): string {
  return kebab(name).replaceAll('-', '_').toUpperCase()
}
