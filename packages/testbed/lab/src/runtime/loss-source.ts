/**
 * Which frames are lost where a document says it in words: those that match a capture filter, or those that a function of the program
 * picks. A link takes functions; this makes them, and remembers what they were made from, so that a snapshot can say it.
 */
import type { Impairments, LossModel } from '@lodestone/link'
import { parseCaptureFilter } from '../control/capture-filter.ts'
import type { ImpairmentsDocument } from '../document/document.ts'

export type LossDocument = NonNullable<ImpairmentsDocument['lossModel']>

/** @param number of the frame since the model was set, from 1. The bytes may be read during the call only. */
export type LossPredicate = Extract<LossModel, { kind: 'predicate' }>['isLost']

const sources = new WeakMap<LossModel, LossDocument>()

/** As a link takes them. Throws with a sentence. @param predicates functions of the program by their names. */
export function impairmentsOf(
  { lossModel, ...rest }: ImpairmentsDocument,
  predicates: ReadonlyMap<string, LossPredicate>,
): Partial<Impairments> {
  const known = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  return lossModel === undefined ? known : { ...known, lossModel: modelOf(lossModel, predicates) }
}

/** What a model was made from; a model that says everything itself is its own source. */
export function lossSource(model: LossModel): LossDocument | LossModel {
  return sources.get(model) ?? model
}

function modelOf(document: LossDocument, predicates: ReadonlyMap<string, LossPredicate>): LossModel {
  switch (document.kind) {
    case 'filter': {
      const model = { kind: 'predicate', isLost: matching(document.filter, document.frames) } as const
      sources.set(model, document)
      return model
    }
    case 'function': {
      const isLost = predicates.get(document.name)
      if (isLost === undefined) {
        throw new Error(`the loss function ${document.name} is part of a program, and not of the one that runs`)
      }
      const model = { kind: 'predicate', isLost } as const
      sources.set(model, document)
      return model
    }
    case 'gilbert-elliott': {
      const { goodLoss, badLoss, ...rest } = document
      return {
        ...rest,
        ...(goodLoss === undefined ? {} : { goodLoss }),
        ...(badLoss === undefined ? {} : { badLoss }),
      }
    }
    default:
      return document
  }
}

function matching(filter: string, frames: readonly number[] | undefined): LossPredicate {
  const parsed = parseCaptureFilter(filter)
  if (!parsed.ok) throw new Error(`filter of a loss model: ${parsed.message}`)
  const { matches = () => true } = parsed
  if (frames === undefined) return matches
  const numbers = new Set(frames)
  let seen = 0
  return (frame) => matches(frame) && numbers.has(++seen)
}
