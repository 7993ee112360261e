/** Why a session last changed its state, as told to the peer (RFC 5880 §4.1, RFC 6428 for 9). Five bits on the wire. */
export const Diagnostic = {
  none: 0,
  controlDetectionTimeExpired: 1,
  echoFunctionFailed: 2,
  neighborSignaledSessionDown: 3,
  forwardingPlaneReset: 4,
  pathDown: 5,
  concatenatedPathDown: 6,
  administrativelyDown: 7,
  reverseConcatenatedPathDown: 8,
  misconnectivityDefect: 9,
} as const

const TEXTS = [
  'no diagnostic',
  'control detection time expired',
  'echo function failed',
  'neighbor signaled session down',
  'forwarding plane reset',
  'path down',
  'concatenated path down',
  'administratively down',
  'reverse concatenated path down',
  'mis-connectivity defect',
]

/** For people; unknown codes show their number. */
export function describeDiagnostic(code: number): string {
  return TEXTS[code] ?? `diagnostic ${code}`
}
