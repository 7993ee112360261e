/** What a link's document says its directions do: profile, then both, then each. */
import { type Impairments, LINK_PROFILES } from '@lodestone/link'
import type { LabDocument, LinkDocument } from './document.ts'

export interface LinkDirections {
  readonly aToB: Partial<Impairments>
  readonly bToA: Partial<Impairments>
}

/** The impairments of a profile, the document's own before those that come along. */
export function profileNamed(document: LabDocument, name: string): Partial<Impairments> | undefined {
  if (Object.hasOwn(document.profiles, name)) return defined(document.profiles[name]!.impairments)
  if (Object.hasOwn(LINK_PROFILES, name)) return LINK_PROFILES[name as keyof typeof LINK_PROFILES].impairments // because it has it
  return undefined
}

export function directionsOf(document: LabDocument, link: LinkDocument): LinkDirections {
  const base = { ...(link.profile === undefined ? {} : profileNamed(document, link.profile)), ...defined(link.both) }
  return { aToB: { ...base, ...defined(link.aToB) }, bToA: { ...base, ...defined(link.bToA) } }
}

/** Without fields that are there and undefined. */
export function defined(values: object | undefined): Partial<Impairments> {
  return Object.fromEntries(Object.entries(values ?? {}).filter(([, value]) => value !== undefined))
}
