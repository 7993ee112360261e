/** What drop reason numbers mean. Every dropped packet is counted under one, whether anybody watches or not. */
import { type Program, RESERVED_DROP } from '@lodestone/p4'
import type { DropReason } from '@lodestone/probe'

/**
 * Who dropped the packet: the program, its parser, replication (no group, no session), the port it was sent to, a queue, or
 * a limit of the pipeline (head room, frames, rounds).
 */
export type DropCategory = 'program' | 'parser' | 'replication' | 'port' | 'queue' | 'limit'

interface ReservedReason extends DropReason {
  readonly category: DropCategory
}

const RESERVED: ReadonlyMap<number, ReservedReason> = new Map<number, ReservedReason>([
  [
    RESERVED_DROP.parserReject,
    { category: 'parser', code: 'P4_PARSER_REJECT', sentence: 'The parser rejected the packet.' },
  ],
  [
    RESERVED_DROP.noHeadRoom,
    {
      category: 'limit',
      code: 'P4_NO_HEAD_ROOM',
      sentence: 'The emitted headers do not fit in front of the payload.',
    },
  ],
  [
    RESERVED_DROP.unknownPort,
    {
      category: 'port',
      code: 'P4_UNKNOWN_PORT',
      sentence: 'The program sent the packet to a port that does not exist.',
      hint: 'A program that never sets an egress port sends to port 0.',
    },
  ],
  [
    RESERVED_DROP.emptyGroup,
    { category: 'replication', code: 'P4_EMPTY_GROUP', sentence: 'No port is left to replicate the packet to.' },
  ],
  [RESERVED_DROP.noFrame, { category: 'limit', code: 'P4_NO_FRAME', sentence: 'There was no free frame for a copy.' }],
  [
    RESERVED_DROP.noSession,
    {
      category: 'replication',
      code: 'P4_NO_SESSION',
      sentence: 'The program asked for a clone by a session that does not exist.',
    },
  ],
  [RESERVED_DROP.queueFull, { category: 'queue', code: 'P4_QUEUE_FULL', sentence: 'The egress queue was full.' }],
  [
    RESERVED_DROP.badPriority,
    { category: 'queue', code: 'P4_BAD_PRIORITY', sentence: "There is no queue for the packet's priority." },
  ],
  [
    RESERVED_DROP.loopLimit,
    {
      category: 'limit',
      code: 'P4_LOOP_LIMIT',
      sentence: 'The packet was resubmitted, recirculated or cloned too often.',
    },
  ],
  [
    RESERVED_DROP.endlessLoop,
    { category: 'limit', code: 'P4_ENDLESS_LOOP', sentence: "The program's loops went round too often." },
  ],
])

export function dropCategoryOf(reason: number): DropCategory {
  return RESERVED.get(reason)?.category ?? 'program'
}

/** The pipeline's own reasons, then the names that the program gives to values of its reason slot. */
export function dropReasonOf(program: Program, reason: number): DropReason {
  const reserved = RESERVED.get(reason)
  if (reserved !== undefined) {
    const { category: _, ...rest } = reserved
    return rest
  }
  const slot = program.intrinsics['egress.dropReason']
  const name = slot === undefined ? undefined : program.valueNames.get(slot)?.get(BigInt(reason))
  if (name !== undefined) return { code: `P4_${name}`, sentence: `The program dropped it: ${name}.` }
  // Only softnpu lets programs give a reason.
  if (reason === 0 && program.architecture !== 'softnpu')
    return { code: 'P4_DROP', sentence: 'The program dropped it.' }
  return reason === 0
    ? { code: 'P4_DROP', sentence: 'The program dropped it without giving a reason.' }
    : { code: `P4_DROP_${reason}`, sentence: `The program dropped it with reason ${reason}.` }
}
