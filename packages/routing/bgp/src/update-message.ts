/**
 * The UPDATE message (RFC 4271 §4.3, RFC 4760, error handling RFC 7606).
 *
 *   withdrawn length u16 | withdrawn prefixes | attributes length u16 | attributes | prefixes
 */
import type { Prefix } from '@lodestone/net'
import { afiOf, type Family, Safi } from './address-family.ts'
import { attribute, encodeAttributes, type EncodeContext, encodeMpNextHop } from './attribute-encoding.ts'
import { AttributeSet } from './attribute-set.ts'
import { type BgpError, ErrorCode, sessionReset, type Treatment, TREATMENTS, UpdateError } from './bgp-error.ts'
import { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import { decodeNlri, encodeNlri, type Nlri } from './nlri.ts'
import {
  AttributeFlag,
  AttributeType,
  decodeAttributes,
  type DecodeContext,
  hasPathIds,
  type MpReach,
  type MpUnreach,
} from './path-attribute.ts'

/** Prefixes that share a next hop. */
export type Reach = MpReach

export interface UpdateMessage {
  readonly kind: 'update'
  /** What the prefixes of `reach` have in common; absent when nothing is announced. */
  readonly attributes: AttributeSet | undefined
  /** The NLRI field: IPv4 prefixes with the NEXT_HOP attribute. */
  readonly ipv4: Reach | undefined
  /** MP_REACH_NLRI. */
  readonly mpReach: Reach | undefined
  /** The Withdrawn Routes field. */
  readonly withdrawnIpv4: readonly Prefix[]
  /** RFC 7911: path identifiers of `withdrawnIpv4`, one each; absent without add-path. */
  readonly withdrawnPathIds?: readonly number[] | undefined
  /** MP_UNREACH_NLRI. */
  readonly mpUnreach: MpUnreach | undefined
}

/** An UPDATE as received: the errors found on the way and what they demand. */
export interface ReceivedUpdate {
  readonly update: UpdateMessage
  /** Of all errors; `undefined` when there was none worse than a discarded attribute. */
  readonly treatment: Treatment | undefined
  readonly disabledFamilies: readonly Family[]
  readonly errors: readonly BgpError[]
}

/** RFC 4724 §2: an empty UPDATE, or one with only an empty MP_UNREACH_NLRI, ends the initial exchange of a family. */
export function endOfRibFamily(update: UpdateMessage): Family | undefined {
  const announcesNothing = update.ipv4 === undefined && update.mpReach === undefined
  if (!announcesNothing || update.attributes !== undefined || update.withdrawnIpv4.length > 0) return undefined
  if (update.mpUnreach === undefined) return 4
  return update.mpUnreach.prefixes.length === 0 ? update.mpUnreach.family : undefined
}

/**
 * Decodes the body of an UPDATE. `treat-as-withdraw` has been applied already: what was announced is in the
 * withdrawn fields instead. A `session-reset` comes as a failure.
 */
export function decodeUpdate(
  body: Uint8Array,
  context: DecodeContext,
): { ok: true; value: ReceivedUpdate } | { ok: false; error: BgpError } {
  const reader = new ByteReader(body)
  const withdrawnField = reader.nested(reader.u16())
  const attributesField = reader.nested(reader.u16())
  // RFC 7606 §4: when the lengths conflict with the message there is nothing to hold on to.
  if (reader.isShort) return reset(UpdateError.malformedAttributeList, 'the lengths of the UPDATE exceed the message')
  const hasIds = hasPathIds(context, 4)
  const withdrawn = decodeNlri(withdrawnField, 4, hasIds)
  if (withdrawn === undefined) return reset(UpdateError.invalidNetwork, 'the withdrawn routes do not parse')
  const nlri = decodeNlri(reader, 4, hasIds)
  if (nlri === undefined) return reset(UpdateError.invalidNetwork, 'the prefixes of the UPDATE do not parse')

  const decoded = decodeAttributes(body.subarray(attributesField.offset, attributesField.end), context)
  const errors = [...decoded.errors]
  const { fields, nextHop, mpReach } = decoded
  const announces = nlri.prefixes.length > 0 || mpReach !== undefined
  if (announces) {
    const missing = missingWellKnown(fields, nlri.prefixes.length > 0 && nextHop === undefined)
    // An attribute that came and was malformed has been reported as such.
    if (missing !== undefined && !errors.some((error) => error.treatment !== 'attribute-discard')) {
      errors.push({
        code: ErrorCode.update,
        subcode: UpdateError.missingWellKnown,
        data: new Uint8Array([missing]),
        treatment: 'treat-as-withdraw',
        sentence: `well-known attribute ${missing} is missing`,
      })
    }
  }
  const worst = worstOf(errors)
  if (worst?.treatment === 'session-reset') return { ok: false, error: worst }
  const isWithdrawn = errors.some((error) => error.treatment === 'treat-as-withdraw')
  const { origin, asPath } = fields
  const isComplete = !isWithdrawn && origin !== undefined && asPath !== undefined
  const attributes = announces && isComplete ? AttributeSet.of({ ...fields, origin, asPath }) : undefined
  const mpUnreach = isWithdrawn ? mergedUnreach(decoded.mpUnreach, mpReach) : decoded.mpUnreach
  return {
    ok: true,
    value: {
      update: {
        kind: 'update',
        attributes,
        ipv4:
          attributes !== undefined && nlri.prefixes.length > 0 && nextHop !== undefined
            ? { family: 4, nextHop, ...nlri }
            : undefined,
        mpReach: attributes === undefined ? undefined : mpReach,
        ...withdrawnIpv4(withdrawn, isWithdrawn ? [nlri, crossUnreach(decoded.mpUnreach, mpReach)] : [], hasIds),
        mpUnreach,
      },
      treatment: worst?.treatment,
      disabledFamilies: decoded.disabledFamilies,
      errors,
    },
  }
}

function reset(subcode: number, sentence: string): { ok: false; error: BgpError } {
  return { ok: false, error: sessionReset(ErrorCode.update, subcode, sentence) }
}

function missingWellKnown(
  fields: { readonly origin?: number; readonly asPath?: unknown },
  isNextHopMissing: boolean,
): number | undefined {
  if (fields.origin === undefined) return AttributeType.origin
  if (fields.asPath === undefined) return AttributeType.asPath
  return isNextHopMissing ? AttributeType.nextHop : undefined
}

/** RFC 7606 §2: when several errors are found, the strongest treatment is applied. */
function worstOf(errors: readonly BgpError[]): BgpError | undefined {
  let worst: BgpError | undefined
  for (const error of errors) {
    if (worst === undefined || TREATMENTS.indexOf(error.treatment) > TREATMENTS.indexOf(worst.treatment)) worst = error
  }
  return worst
}

function mergedUnreach(unreach: MpUnreach | undefined, reach: MpReach | undefined): MpUnreach | undefined {
  if (reach === undefined) return unreach
  if (unreach === undefined) return nlriOf(reach)
  if (unreach.family === reach.family) return { family: reach.family, ...joined([unreach, reach]) }
  // Two families and one MP_UNREACH: the IPv6 one keeps it, the IPv4 one goes to the withdrawn field.
  return unreach.family === 6 ? unreach : nlriOf(reach)
}

function crossUnreach(unreach: MpUnreach | undefined, reach: MpReach | undefined): Nlri {
  if (unreach === undefined || reach === undefined || unreach.family === reach.family) return { prefixes: [] }
  return unreach.family === 4 ? unreach : reach
}

function nlriOf({ family, prefixes, pathIds }: MpReach): MpUnreach {
  return { family, prefixes, ...(pathIds === undefined ? {} : { pathIds }) }
}

function joined(parts: readonly Nlri[]): Nlri {
  const prefixes = parts.flatMap((part) => part.prefixes)
  if (parts.every((part) => part.pathIds === undefined)) return { prefixes }
  return { prefixes, pathIds: parts.flatMap((part) => part.pathIds ?? part.prefixes.map(() => 0)) }
}

function withdrawnIpv4(
  field: Nlri,
  treated: readonly Nlri[],
  hasIds: boolean,
): Pick<UpdateMessage, 'withdrawnIpv4' | 'withdrawnPathIds'> {
  const { prefixes, pathIds } = treated.length === 0 ? field : joined([field, ...treated])
  return { withdrawnIpv4: prefixes, ...(hasIds ? { withdrawnPathIds: pathIds ?? [] } : {}) }
}

/** The marker that ends the initial exchange of a family (RFC 4724 §2). */
export function endOfRib(family: Family): UpdateMessage {
  return {
    kind: 'update',
    attributes: undefined,
    ipv4: undefined,
    mpReach: undefined,
    withdrawnIpv4: [],
    mpUnreach: family === 6 ? { family, prefixes: [] } : undefined,
  }
}

/** Writes the body. The caller keeps it within the message size. */
export function encodeUpdate(writer: ByteWriter, update: UpdateMessage, context: EncodeContext): void {
  const withdrawnAt = writer.length
  writer.u16(0)
  update.withdrawnIpv4.forEach((prefix, i) => encodeNlri(writer, prefix, update.withdrawnPathIds?.[i]))
  writer.patchU16(withdrawnAt, writer.length - withdrawnAt - 2)
  const attributesAt = writer.length
  writer.u16(0)
  const { mpReach, mpUnreach } = update
  if (mpUnreach !== undefined) {
    attribute(writer, AttributeFlag.optional, AttributeType.mpUnreach, (w) => {
      w.u16(afiOf(mpUnreach.family)).u8(Safi.unicast)
      mpUnreach.prefixes.forEach((prefix, i) => encodeNlri(w, prefix, mpUnreach.pathIds?.[i]))
    })
  }
  if (mpReach !== undefined) {
    attribute(writer, AttributeFlag.optional, AttributeType.mpReach, (w) => {
      w.u16(afiOf(mpReach.family)).u8(Safi.unicast)
      encodeMpNextHop(w, mpReach.nextHop, mpReach.linkLocalNextHop)
      w.u8(0)
      mpReach.prefixes.forEach((prefix, i) => encodeNlri(w, prefix, mpReach.pathIds?.[i]))
    })
  }
  if (update.attributes !== undefined) writer.bytes(encodeAttributes(update.attributes, update.ipv4?.nextHop, context))
  writer.patchU16(attributesAt, writer.length - attributesAt - 2)
  const { ipv4 } = update
  ipv4?.prefixes.forEach((prefix, i) => encodeNlri(writer, prefix, ipv4.pathIds?.[i]))
}
