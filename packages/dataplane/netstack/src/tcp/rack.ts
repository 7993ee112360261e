/**
 * Loss detection by time (RACK, RFC 8985 §6) for connections with SACK. A segment is lost when one that was sent after it has arrived,
 * and the time of a round trip and a reordering window has passed since it left. Sent is sent: a retransmission that is lost is found
 * the same way, without a timeout.
 *
 * Until reordering has been seen, three reported segments make the window 0, as three duplicate acknowledgments would. Each round trip
 * with a D-SACK (RFC 2883), which tells of a segment sent again for nothing, makes the window longer by a quarter of the least round trip.
 */
import { LOST, REPEATED, SACKED } from './flight.ts'
import { type InSegment, MAX_SACK_BLOCKS } from './segment.ts'
import type { Tcb } from './tcb.ts'
import { timestampAt } from './timestamp-clock.ts'

const DUPLICATE_THRESHOLD = 3
/** §6.2 step 4: recoveries for which a longer window stays. */
const WINDOW_PERSISTS = 16
/** The least round trip is that of this long; paths change. */
const MIN_RTT_LIFE_MS = 300_000
/** Sums of times round; a tenth of a microsecond is no time. */
const EPSILON_MS = 1e-4

/** Everything below `ack` is acknowledged. */
export function takeAcknowledged(tcb: Tcb, ack: number, segment: InSegment, nowMs: number): void {
  const { flight } = tcb
  while (flight.count > 0 && flight.end(0) <= ack) {
    if (!flight.is(0, SACKED)) noteArrived(tcb, 0, segment, nowMs)
    flight.shift()
  }
  flight.trim(ack)
}

/**
 * Notes the SACK blocks.
 * @param ack what the segment acknowledges, which an acknowledgment that was overtaken has below `sndUna`
 * @returns whether one of them was a D-SACK block.
 */
export function takeReports(tcb: Tcb, segment: InSegment, ack: number, nowMs: number): boolean {
  const { flight } = tcb
  let isDuplicate = false
  tcb.duplicateEnd = -1
  for (let i = 0; i < segment.sackCount && i < MAX_SACK_BLOCKS; i++) {
    const start = positionOf(tcb, segment.sackStarts[i]!)
    const end = positionOf(tcb, segment.sackEnds[i]!)
    if (end <= start || end > tcb.sndMax) continue
    if (i === 0 && isDuplicateBlock(tcb, segment, ack, start, end)) {
      isDuplicate = true
      tcb.duplicateEnd = end
      continue
    }
    if (start < tcb.sndUna) continue
    for (let at = firstWithin(tcb, start); at < flight.count && flight.end(at) <= end; at++) {
      if (flight.is(at, SACKED)) continue
      flight.noteSacked(at)
      noteArrived(tcb, at, segment, nowMs)
    }
  }
  return isDuplicate
}

/** RFC 2883 §4: the first block is below what the same segment acknowledges, or inside of its second one. */
function isDuplicateBlock(tcb: Tcb, segment: InSegment, ack: number, start: number, end: number): boolean {
  if (end <= ack) return start > 0
  if (segment.sackCount < 2) return false
  return start >= positionOf(tcb, segment.sackStarts[1]!) && end <= positionOf(tcb, segment.sackEnds[1]!)
}

/** Index of the first segment that begins at or after `position`. */
function firstWithin(tcb: Tcb, position: number): number {
  const { flight } = tcb
  const index = flight.indexAbove(position)
  return index < flight.count && flight.start(index) < position ? index + 1 : index
}

function positionOf(tcb: Tcb, sequence: number): number {
  return tcb.sndUna + ((sequence - (tcb.iss + tcb.sndUna)) | 0)
}

/** §6.2 steps 1 to 3, for a segment that was not known to have arrived. */
function noteArrived(tcb: Tcb, index: number, segment: InSegment, nowMs: number): void {
  const { flight } = tcb
  const sentMs = flight.sentMs(index)
  if (sentMs === -Infinity) return // cut anew since it was sent
  const end = flight.end(index)
  const rttMs = Math.max(0, nowMs - sentMs)
  if (flight.is(index, REPEATED)) {
    // Which of the two it was, the echo tells, or a time that is too short for the second.
    if (rttMs < tcb.minRttMs) return
    if (tcb.hasTimestamps && ((segment.tsEcho - timestampAt(tcb, sentMs)) | 0) < 0) return
  } else {
    if (rttMs <= tcb.minRttMs || nowMs - tcb.minRttAtMs > MIN_RTT_LIFE_MS) {
      tcb.minRttMs = rttMs
      tcb.minRttAtMs = nowMs
    }
    if (end < tcb.rackHighest) tcb.isReorderingSeen = true
  }
  if (end > tcb.rackHighest) tcb.rackHighest = end
  tcb.rackRttMs = rttMs
  if (sentMs > tcb.rackSentMs || (sentMs === tcb.rackSentMs && end > tcb.rackEnd)) {
    tcb.rackSentMs = sentMs
    tcb.rackEnd = end
  }
}

/** §6.2 step 4. */
export function adaptWindow(tcb: Tcb, isDuplicate: boolean): void {
  if (tcb.windowRoundEnd >= 0 && tcb.sndUna >= tcb.windowRoundEnd) tcb.windowRoundEnd = -1
  if (!isDuplicate || tcb.windowRoundEnd >= 0) return
  tcb.windowRoundEnd = tcb.sndNxt
  tcb.windowFactor++
  tcb.windowPersist = WINDOW_PERSISTS
}

/** §6.2 step 4, when a recovery is over. */
export function ageWindow(tcb: Tcb): void {
  if (--tcb.windowPersist <= 0) tcb.windowFactor = 1
}

function reorderingWindowMs(tcb: Tcb): number {
  if (!tcb.isReorderingSeen) {
    if (tcb.sndUna < tcb.recover || tcb.flight.sackedCount >= DUPLICATE_THRESHOLD) return 0
  }
  return Math.min((tcb.windowFactor * tcb.minRttMs) / 4, Math.max(0, tcb.srttMs))
}

/** §6.2 step 5: marks what is lost and says when to look again. @returns whether anything is newly lost. */
export function detectLosses(tcb: Tcb, nowMs: number): boolean {
  const { flight } = tcb
  tcb.reorderAtMs = Infinity
  // Nothing was sent out of the order of the stream, and nothing arrived out of it.
  if (flight.sackedCount === 0 && flight.repeatedCount === 0) return false
  const deadlineMs = tcb.rackRttMs + reorderingWindowMs(tcb) - nowMs
  let isLost = false
  let waitMs = 0
  for (let i = 0; i < flight.count; i++) {
    if (flight.is(i, SACKED | LOST)) continue
    const sentMs = flight.sentMs(i)
    if (sentMs > tcb.rackSentMs || (sentMs === tcb.rackSentMs && flight.end(i) >= tcb.rackEnd)) continue
    const remainingMs = sentMs + deadlineMs
    if (remainingMs <= EPSILON_MS) {
      flight.noteLost(i)
      isLost = true
    } else if (remainingMs > waitMs) {
      waitMs = remainingMs
    }
  }
  if (waitMs > 0) tcb.reorderAtMs = nowMs + waitMs
  return isLost
}

/** §6.3: the first segment, and what was sent so long ago that its answer should have come. */
export function markLossesOnTimeout(tcb: Tcb, nowMs: number): void {
  const { flight } = tcb
  // RFC 2018 §8: a peer that waits for what it has reported does not have it any more.
  if (flight.count > 0 && flight.is(0, SACKED)) flight.forgetReports()
  const deadlineMs = tcb.rackRttMs + reorderingWindowMs(tcb) - nowMs
  for (let i = 0; i < flight.count; i++) {
    if (flight.is(i, SACKED | LOST)) continue
    if (i === 0 || flight.sentMs(i) + deadlineMs <= EPSILON_MS) flight.noteLost(i)
  }
}
