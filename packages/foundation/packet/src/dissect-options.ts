/** The options inside and after headers, as fields for `dissect`. Slow path: allocates. */
import { DhcpOptionCode, nameOf, NdpOptionType, TcpOptionKind } from './constants.ts'
import { ddmElementId, ddmElementTimestamp } from './generated/ddm-element.ts'
import { DDM_MIN, ddmElementsLength } from './generated/ddm.ts'
import {
  checkGeneveOption,
  GENEVE_OPTION_MIN,
  geneveOptionOptionClass,
  geneveOptionType,
} from './generated/geneve-option.ts'
import { GENEVE_MIN, geneveHeaderLength } from './generated/geneve.ts'
import { checkNdpOption, ndpOptionType } from './generated/ndp-option.ts'
import { TCP_MIN, tcpHeaderLength } from './generated/tcp.ts'
import { formatBytes, formatHex } from './format.ts'
import type { FieldValue } from './header-row.ts'

/** What the tail of the checked header at `at` holds, one field per option; bits count from the header's start. */
export function tailFields(bytes: Uint8Array, at: number, name: string): FieldValue[] {
  if (name === 'ddm') return ddmElements(bytes, at)
  if (name === 'geneve') return geneveOptions(bytes, at)
  if (name === 'tcp') return tcpOptions(bytes, at)
  return []
}

/** The options after a neighbor discovery message or a DHCP header, or nothing when the header has none. */
export function trailingOptions(bytes: Uint8Array, at: number, end: number, name: string): FieldValue[] {
  if (name.startsWith('ndp')) return ndpOptions(bytes, at, end)
  if (name === 'dhcp') return dhcpOptions(bytes, at, end)
  return []
}

function ddmElements(bytes: Uint8Array, at: number): FieldValue[] {
  const fields: FieldValue[] = []
  const end = DDM_MIN + ddmElementsLength(bytes, at)
  for (let from = DDM_MIN; from < end; from += 4) {
    const id = ddmElementId(bytes, at + from)
    const value = `${ddmElementTimestamp(bytes, at + from)} us`
    fields.push({ name: `element ${id}`, value, bit: from * 8, bits: 32 })
  }
  return fields
}

function geneveOptions(bytes: Uint8Array, at: number): FieldValue[] {
  const fields: FieldValue[] = []
  const end = at + geneveHeaderLength(bytes, at)
  for (let from = at + GENEVE_MIN; from < end;) {
    const length = checkGeneveOption(bytes, from, end)
    if (length < 0) break
    const name = `option ${formatHex(geneveOptionOptionClass(bytes, from), 4)}/${geneveOptionType(bytes, from)}`
    const value = formatBytes(bytes, from + GENEVE_OPTION_MIN, length - GENEVE_OPTION_MIN)
    fields.push({ name, value, bit: (from - at) * 8, bits: length * 8 })
    from += length
  }
  return fields
}

function tcpOptions(bytes: Uint8Array, at: number): FieldValue[] {
  const fields: FieldValue[] = []
  const end = at + tcpHeaderLength(bytes, at)
  for (let from = at + TCP_MIN; from < end;) {
    const kind = bytes[from]!
    if (kind === TcpOptionKind.end) break
    const length = kind === TcpOptionKind.nop ? 1 : (bytes[from + 1] ?? 0)
    if (length === 0 || from + length > end || (length < 2 && kind !== TcpOptionKind.nop)) break
    if (kind !== TcpOptionKind.nop) {
      const value = length === 2 ? 'yes' : showNumberOrBytes(bytes, from + 2, length - 2)
      fields.push({ name: nameOf(TcpOptionKind, kind), value, bit: (from - at) * 8, bits: length * 8 })
    }
    from += length
  }
  return fields
}

function ndpOptions(bytes: Uint8Array, at: number, end: number): FieldValue[] {
  const fields: FieldValue[] = []
  for (let from = at; from < end;) {
    const length = checkNdpOption(bytes, from, end)
    if (length < 0) break
    const name = nameOf(NdpOptionType, ndpOptionType(bytes, from))
    const value = formatBytes(bytes, from + 2, length - 2)
    fields.push({ name, value, bit: (from - at) * 8, bits: length * 8 })
    from += length
  }
  return fields
}

function dhcpOptions(bytes: Uint8Array, at: number, end: number): FieldValue[] {
  const fields: FieldValue[] = []
  for (let from = at; from < end;) {
    const code = bytes[from]!
    if (code === DhcpOptionCode.end) break
    const length = code === DhcpOptionCode.pad ? 1 : from + 1 < end ? bytes[from + 1]! + 2 : end
    if (from + length > end) break
    if (code !== DhcpOptionCode.pad) {
      const value = showNumberOrBytes(bytes, from + 2, length - 2)
      fields.push({ name: nameOf(DhcpOptionCode, code), value, bit: (from - at) * 8, bits: length * 8 })
    }
    from += length
  }
  return fields
}

/** One or two bytes in decimal, more in hexadecimal. */
function showNumberOrBytes(bytes: Uint8Array, at: number, length: number): string {
  if (length === 1) return String(bytes[at]!)
  if (length === 2) return String((bytes[at]! << 8) | bytes[at + 1]!)
  return formatBytes(bytes, at, length)
}
