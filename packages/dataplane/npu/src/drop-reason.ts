/** What drop reason numbers mean. */
import { type Program, RESERVED_DROP } from '@lodestone/p4'
import type { DropReason } from '@lodestone/probe'

const RESERVED: ReadonlyMap<number, DropReason> = new Map([
  [RESERVED_DROP.parserReject, { code: 'P4_PARSER_REJECT', sentence: 'The parser rejected the packet.' }],
  [
    RESERVED_DROP.noHeadRoom,
    { code: 'P4_NO_HEAD_ROOM', sentence: 'The emitted headers do not fit in front of the payload.' },
  ],
  [
    RESERVED_DROP.unknownPort,
    {
      code: 'P4_UNKNOWN_PORT',
      sentence: 'The program sent the packet to a port that does not exist.',
      hint: 'A program that never sets an egress port sends to port 0.',
    },
  ],
  [RESERVED_DROP.emptyGroup, { code: 'P4_EMPTY_GROUP', sentence: 'No port is left to replicate the packet to.' }],
  [RESERVED_DROP.noFrame, { code: 'P4_NO_FRAME', sentence: 'There was no free frame for a copy.' }],
])

/** The pipeline's own reasons, then the names that the program gives to values of its reason slot. */
export function dropReasonOf(program: Program, reason: number): DropReason {
  const reserved = RESERVED.get(reason)
  if (reserved !== undefined) return reserved
  const slot = program.intrinsics['egress.dropReason']
  const name = slot === undefined ? undefined : program.valueNames.get(slot)?.get(BigInt(reason))
  if (name !== undefined) return { code: `P4_${name}`, sentence: `The program dropped it: ${name}.` }
  return reason === 0
    ? { code: 'P4_DROP', sentence: 'The program dropped it without giving a reason.' }
    : { code: `P4_DROP_${reason}`, sentence: `The program dropped it with reason ${reason}.` }
}
