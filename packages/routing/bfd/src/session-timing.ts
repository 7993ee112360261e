/** Jitter (RFC 5880 §6.8.7) and the alignment that lets many timers share a wake-up. */

/**
 * An interval shortened by 0 to 25 %; by 10 to 25 % when the peer may not miss a single packet, so that the next one
 * always arrives before its patience ends.
 * @param fraction uniform in [0, 1); 0 gives the shortest.
 */
export function jitteredMs(intervalUs: number, detectMult: number, fraction: number): number {
  const span = detectMult === 1 ? 0.15 : 0.25
  return (intervalUs / 1000) * (0.75 + span * fraction)
}

/** The multiple of `gridMs` at or before `atMs`. */
export function alignEarlier(atMs: number, gridMs: number): number {
  return gridMs === 0 ? atMs : Math.floor(atMs / gridMs) * gridMs
}

/** The multiple of `gridMs` at or after `atMs`. */
export function alignLater(atMs: number, gridMs: number): number {
  return gridMs === 0 ? atMs : Math.ceil(atMs / gridMs) * gridMs
}
