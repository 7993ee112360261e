export { afiOf, FAMILIES, type Family, familyOf } from './address-family.ts'
export { type AsPath, type AsPathSegment, formatAsPath } from './as-path.ts'
export {
  type AttributeFields,
  AttributeSet,
  Community,
  DEFAULT_LOCAL_PREF,
  formatCommunity,
  Origin,
  type UnknownAttribute,
} from './attribute-set.ts'
export { type BgpError, CeaseReason, describeNotification, ErrorCode, type Treatment } from './bgp-error.ts'
export { type Capability, describeCapability } from './capability.ts'
export {
  type FsmAction,
  type FsmConfig,
  type FsmEvent,
  type FsmState,
  type FsmStateName,
  initialFsm,
  step,
} from './fsm.ts'
export {
  checkHeader,
  decodeMessage,
  encodeMessage,
  HEADER_BYTES,
  MAX_MESSAGE_BYTES,
  type Message,
  MessageType,
  type NotificationMessage,
  type RawMessage,
  type ReceivedMessage,
} from './message.ts'
export { MessageStream } from './message-stream.ts'
export { type NegotiatedSession, negotiate, openFor, type SpeakerIdentity } from './negotiation.ts'
export type { OpenMessage } from './open-message.ts'
export { Peer } from './peer.ts'
export { BGP_PORT, type PeerConfig } from './peer-config.ts'
export { type FsmTransition, type NotificationRecord, type PeerCounter, type PeerStatus } from './peer-status.ts'
export { type Policy, type PolicyResult, type PrefixRule, prefixRuleMatches, type RoutePolicy } from './policy.ts'
export type { ExportedRoute, ExportResult } from './route-export.ts'
export { Speaker, type SpeakerOptions } from './speaker.ts'
export { endOfRib, packAnnouncements, packWithdrawals } from './update-packing.ts'
export type { ReceivedUpdate, UpdateMessage } from './update-message.ts'
