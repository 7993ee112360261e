/**
 * The OPEN message (RFC 4271 §4.2, optional parameters §4.2 and RFC 9072, capabilities RFC 5492).
 *
 *   version u8 | my AS u16 | hold time u16 | BGP identifier u32 | parameters length u8 | parameters
 */
import { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import { type Capability, decodeCapabilities, encodeCapability } from './capability.ts'
import { type Decoded, ErrorCode, OpenError, sessionReset } from './bgp-error.ts'

export const BGP_VERSION = 4
/** RFC 6793 §9: stands for any AS number that does not fit 16 bits. */
export const AS_TRANS = 23456

export interface OpenMessage {
  readonly kind: 'open'
  readonly version: number
  /** The 16-bit field; `asnOf` gives the real one. */
  readonly myAs: number
  readonly holdTimeS: number
  /** Unsigned 32 bits. */
  readonly bgpIdentifier: number
  readonly capabilities: readonly Capability[]
}

const PARAMETER_CAPABILITIES = 2
/** RFC 9072 §2: as first parameter type and length it announces the extended format. */
const EXTENDED = 255

export function decodeOpen(body: Uint8Array): Decoded<OpenMessage> {
  const reader = new ByteReader(body)
  const version = reader.u8()
  if (version !== BGP_VERSION) {
    // RFC 4271 §6.2: the data is the largest version that we speak.
    return fail(OpenError.unsupportedVersion, `BGP version ${version} is not spoken here`, new Uint8Array([0, 4]))
  }
  const myAs = reader.u16()
  const holdTimeS = reader.u16()
  const bgpIdentifier = reader.u32()
  let parametersLength = reader.u8()
  let isExtended = false
  if (parametersLength === EXTENDED && body[reader.offset] === EXTENDED) {
    isExtended = true
    reader.u8()
    parametersLength = reader.u16()
  }
  if (reader.isShort || parametersLength !== reader.remaining) {
    return fail(OpenError.unspecific, 'the optional parameters do not fill the message')
  }
  const capabilities: Capability[] = []
  while (reader.remaining > 0) {
    const type = reader.u8()
    const length = isExtended ? reader.u16() : reader.u8()
    const parameter = reader.nested(length)
    if (reader.isShort) return fail(OpenError.unspecific, 'an optional parameter is cut off')
    if (type !== PARAMETER_CAPABILITIES) {
      return fail(OpenError.unsupportedParameter, `optional parameter ${type} is not known`)
    }
    const decoded = decodeCapabilities(parameter)
    if (decoded === undefined) return fail(OpenError.unspecific, 'a capability is cut off')
    capabilities.push(...decoded)
  }
  return { ok: true, value: { kind: 'open', version, myAs, holdTimeS, bgpIdentifier, capabilities } }
}

function fail(subcode: number, sentence: string, data?: Uint8Array): Decoded<OpenMessage> {
  return { ok: false, error: sessionReset(ErrorCode.open, subcode, sentence, data) }
}

/** Writes the body. All capabilities share one parameter; the extended format is used when they need it. */
export function encodeOpen(writer: ByteWriter, open: OpenMessage): void {
  writer.u8(open.version).u16(open.myAs).u16(open.holdTimeS).u32(open.bgpIdentifier)
  const lengthAt = writer.length
  writer.u8(0)
  if (open.capabilities.length === 0) return
  const parameterAt = writer.length
  writer.u8(PARAMETER_CAPABILITIES).u8(0)
  for (const capability of open.capabilities) encodeCapability(writer, capability)
  const length = writer.length - parameterAt - 2
  if (length > 253) throw new Error('NOT IMPLEMENTED: sending more than 253 bytes of capabilities (RFC 9072)')
  writer.patchU8(lengthAt, length + 2)
  writer.patchU8(parameterAt + 1, length)
}

/** The peer's AS number: from the four-octet capability when it has it (RFC 6793 §4.1). */
export function asnOf(open: OpenMessage): number {
  for (const capability of open.capabilities) if (capability.kind === 'four-octet-as') return capability.asn
  return open.myAs
}
