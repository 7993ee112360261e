export type { AuthenticationKind, AuthenticationSection } from './authentication-section.ts'
export type { Authentication, AuthenticationKey } from './authenticator.ts'
export {
  type ControlPacket,
  decodeControlPacket,
  type DecodeError,
  type DecodeErrorKind,
  type DecodeResult,
  ECHO_PORT,
  encodeControlPacket,
  MULTIHOP_PORT,
  SESSION_STATES,
  type SessionState,
  SINGLE_HOP_PORT,
} from './control-packet.ts'
export { describeDiagnostic, Diagnostic } from './diagnostic.ts'
export type { HistoryEntry } from './history.ts'
export { Peer } from './peer.ts'
export { checkPeerConfig, type PeerConfig, type PeerMode } from './peer-config.ts'
export type { PeerCounter, PeerStatus } from './peer-status.ts'
export {
  type BfdAction,
  type BfdEvent,
  type BfdSession,
  createSession,
  detectionTimeUs,
  type PacketRefusal,
  sessionDeadlineMs,
  step,
  type Transition,
  transmitIntervalUs,
} from './session.ts'
export type { SessionConfig } from './session-config.ts'
export {
  BfdSpeaker,
  type BfdSpeakerOptions,
  type SpeakerCounter,
  type SpeakerStatus,
  type StateChange,
} from './speaker.ts'
export { BfdWorker, type BfdWorkerOptions } from './worker/bfd-worker.ts'
