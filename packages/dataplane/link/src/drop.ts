/** Why a link dropped a frame. Numbers index the counters; codes are stable and appear in packet stories. */
import type { DropReason } from '@lodestone/probe'

export const LINK_DROP = {
  DOWN: 0,
  RUNT: 1,
  OVERSIZE: 2,
  LOSS: 3,
  QUEUE_FULL: 4,
  FRAME_LIMIT: 5,
  NO_RECEIVER: 6,
  NO_SLOT: 7,
  OUTAGE: 8,
  FCS: 9,
  EARLY: 10,
} as const

export type LinkDrop = (typeof LINK_DROP)[keyof typeof LINK_DROP]

export const LINK_DROP_REASONS: readonly DropReason[] = [
  { code: 'LINK_DOWN', sentence: 'The link is down.', hint: 'Bring the link up, or send by another one.' },
  { code: 'LINK_RUNT', sentence: 'The frame is shorter than an Ethernet header.' },
  {
    code: 'LINK_OVERSIZE',
    sentence: 'The frame is larger than the MTU of the link.',
    hint: 'Lower the MTU of the sender.',
  },
  { code: 'LINK_LOSS', sentence: 'The link lost the frame, as its loss probability asks.' },
  { code: 'LINK_QUEUE_FULL', sentence: 'The queue in front of the rate-limited wire is full.' },
  { code: 'LINK_FRAME_LIMIT', sentence: 'The link already holds as many frames as it may.' },
  { code: 'LINK_NO_RECEIVER', sentence: 'Nothing is attached to the far end of the link.' },
  { code: 'LINK_NO_SLOT', sentence: 'The arena had no slot for the duplicate of a frame.' },
  { code: 'LINK_OUTAGE', sentence: 'The link was in one of its outages.' },
  { code: 'LINK_FCS', sentence: 'The frame arrived damaged and its check sequence did not hold.' },
  { code: 'LINK_EARLY', sentence: 'The queue discipline dropped the frame before the queue was full.' },
]
