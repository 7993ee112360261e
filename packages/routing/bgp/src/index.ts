export { afiOf, FAMILIES, type Family, familyOf } from './address-family.ts'
export { type AsPath, type AsPathSegment, formatAsPath } from './as-path.ts'
export { encodeAttributes, type EncodeContext } from './attribute-encoding.ts'
export {
  type AttributeFields,
  AttributeSet,
  DEFAULT_LOCAL_PREF,
  Origin,
  type UnknownAttribute,
} from './attribute-set.ts'
export { type BgpError, CeaseReason, describeNotification, ErrorCode, type Treatment } from './bgp-error.ts'
export { type Capability, describeCapability } from './capability.ts'
export {
  Community,
  formatCommunity,
  formatExtendedCommunities,
  formatLargeCommunities,
  parseCommunity,
  parseExtendedCommunity,
  parseLargeCommunity,
} from './community.ts'
export {
  type FsmAction,
  type FsmConfig,
  type FsmEvent,
  type FsmState,
  type FsmStateName,
  initialFsm,
} from './fsm-state.ts'
export { step } from './fsm.ts'
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
export {
  type AddPath,
  BGP_PORT,
  type DynamicNeighbours,
  type GracefulRestart,
  isSamePeer,
  type MaxPrefixes,
  needsNewSession,
  type PeerConfig,
  peerOfGroup,
  type PeerTemplate,
  type RemoteAsn,
} from './peer-config.ts'
export {
  type FsmTransition,
  type GracefulRestartStatus,
  type MessageRecord,
  type NotificationRecord,
  PEER_COUNTERS,
  type PeerCounter,
  type PeerStatus,
} from './peer-status.ts'
export {
  ACCEPT_ALL,
  type CommunityPattern,
  type DryRun,
  type ExtendedCommunityPattern,
  type LargeCommunityPattern,
  type Policy,
  type PolicyAction,
  type PolicyCondition,
  type PolicyDifference,
  type PolicyResult,
  type PolicyStatement,
  type PolicyVerdict,
  type PrefixPattern,
  type PrefixRule,
  prefixRuleMatches,
  REJECT_ALL,
  type RouteContext,
  type RoutePolicy,
  type SetOperation,
} from './policy.ts'
export { policyProblems } from './policy-program.ts'
export { type Role } from './role.ts'
export { type PeerIdentity, type SpeakerEvent, type SpeakerListener } from './speaker-events.ts'
export type { ExportedRoute, ExportResult } from './route-export.ts'
export { describeRoute } from './policy-dry-run.ts'
export { Speaker, type SpeakerOptions } from './speaker.ts'
export { decodeUpdate, endOfRib, type ReceivedUpdate, type UpdateMessage } from './update-message.ts'
