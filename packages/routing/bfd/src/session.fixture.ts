/** Events for tests of the pure session. */
import { type ControlPacket, encodeControlPacket, type SessionState } from './control-packet.ts'
import type { SessionConfig } from './session-config.ts'
import { type BfdAction, type BfdEvent, type BfdSession, createSession, step } from './session.ts'

export const LOCAL = 0x0a0b0c0d
export const REMOTE = 0x01020304

export function configOf(more: Partial<SessionConfig> = {}): SessionConfig {
  return {
    desiredMinTxUs: 300_000,
    requiredMinRxUs: 300_000,
    detectMult: 3,
    isPassive: false,
    isMultihop: false,
    requiredMinEchoRxUs: 0,
    alignmentMs: 0,
    jitter: () => 0.5,
    ...more,
  }
}

export function packetOf(state: SessionState, more: Partial<ControlPacket> = {}): ControlPacket {
  return {
    diagnostic: 0,
    state,
    isPoll: false,
    isFinal: false,
    isControlPlaneIndependent: false,
    isDemand: false,
    detectMult: 3,
    myDiscriminator: REMOTE,
    yourDiscriminator: LOCAL,
    desiredMinTxUs: 1_000_000,
    requiredMinRxUs: 300_000,
    requiredMinEchoRxUs: 0,
    ...more,
  }
}

export function hears(state: SessionState, more: Partial<ControlPacket> = {}): BfdEvent {
  const packet = packetOf(state, more)
  return { kind: 'packet', packet, bytes: encodeControlPacket(packet) }
}

/** A session brought to `state` at time 0; the poll that coming Up starts has been answered. */
export function sessionIn(state: SessionState, config: SessionConfig = configOf()): BfdSession {
  const session = createSession(config, LOCAL, 1, 0)
  if (state === 'AdminDown') step(session, { kind: 'disable' }, 0)
  if (state === 'Init' || state === 'Up') step(session, hears('Down', { yourDiscriminator: 0 }), 0)
  if (state === 'Up') {
    step(session, hears('Up'), 0)
    step(session, hears('Up', { isFinal: true, desiredMinTxUs: 300_000 }), 0)
  }
  return session
}

export function sends(actions: readonly BfdAction[]): readonly ControlPacket[] {
  return actions.flatMap((action) => (action.kind === 'send' ? [action.packet] : []))
}
