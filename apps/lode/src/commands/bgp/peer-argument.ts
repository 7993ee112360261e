/** The peer that most commands take. */
import { parseText } from '../../state-flag.ts'

export const peerArgument = {
  kind: 'tuple',
  parameters: [{ parse: parseText, brief: 'Name of the peer', placeholder: 'PEER' }],
} as const
