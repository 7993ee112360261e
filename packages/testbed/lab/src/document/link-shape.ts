/** What a link's document says its directions do: profile, then both, then each. */
import { LINK_PROFILES } from '@lodestone/link'
import type { ImpairmentsDocument, LabDocument, LinkDocument } from './document.ts'

export interface LinkDirections {
  readonly aToB: ImpairmentsDocument
  readonly bToA: ImpairmentsDocument
}

/** The impairments of a profile, the document's own before those that come along. */
export function profileNamed(document: LabDocument, name: string): ImpairmentsDocument | undefined {
  if (Object.hasOwn(document.profiles, name)) return defined(document.profiles[name]!.impairments)
  if (!Object.hasOwn(LINK_PROFILES, name)) return undefined
  // because it has it, and profiles that come along have no functions
  return LINK_PROFILES[name as keyof typeof LINK_PROFILES].impairments as ImpairmentsDocument
}

export function directionsOf(document: LabDocument, link: LinkDocument): LinkDirections {
  const base = { ...(link.profile === undefined ? {} : profileNamed(document, link.profile)), ...defined(link.both) }
  return { aToB: { ...base, ...defined(link.aToB) }, bToA: { ...base, ...defined(link.bToA) } }
}

/** Without fields that are there and undefined. */
function defined(values: ImpairmentsDocument | undefined): ImpairmentsDocument {
  return Object.fromEntries(Object.entries(values ?? {}).filter(([, value]) => value !== undefined))
}
