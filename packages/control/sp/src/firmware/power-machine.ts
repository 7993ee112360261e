/**
 * The power state of a host, as a pure machine over what the sequencer shows.
 *
 *           request A0              group A good             groups B, C good        hot plug
 *   A2 ─────────────────→ ToA1 ──────────────→ ToA0 ───────────────────→ A0 ──────────→ A0PlusHP
 *   ↑ ↖ A2PlusFans        │ time-out           │ time-out, rail lost    │ overheated → A0Thermtrip
 *   │                     │ A1Timeout          │ A0Timeout(GroupC)      │ reset      → A0Reset
 *   └─────────────────────┴────────────────────┴─────────── request A2 ─┘
 *
 * Invariant: a failed sequence ends in A2 with everything off and its fault kept; A0Thermtrip and A0Reset are left only by A2.
 */

export const A1_TIMEOUT_MS = 2000
export const A0_TIMEOUT_MS = 2000
export const GROUP_C_TIMEOUT_MS = 1000

export type PowerState = 'A2' | 'A2PlusFans' | 'ToA1' | 'ToA0' | 'A0' | 'A0PlusHP' | 'A0Thermtrip' | 'A0Reset'

export type PowerFault =
  | 'A1Timeout'
  | 'A0Timeout'
  | 'A0TimeoutGroupC'
  | 'I2cFault'
  | 'CPUNotPresent'
  | 'UnrecognizedCPU'
  | 'IllegalTransition'
  | 'RailLost'
  | 'BrownOut'

export type PowerReason = 'InitialPowerOn' | 'ControlPlane' | 'Overheat' | 'SequencingFailed' | 'Hardware'

/** What the sequencer's registers say. */
export interface Hardware {
  readonly answers: boolean
  readonly stage:
    | 'Idle'
    | 'RampA'
    | 'GoodA'
    | 'RampB'
    | 'RampC'
    | 'Up'
    | 'UpHotPlug'
    | 'ThermTrip'
    | 'HostReset'
    | 'Fault'
    | undefined
  readonly processor: 'Absent' | 'Known' | 'Unknown' | undefined
  readonly brownOut: boolean
}

export interface PowerStatus {
  readonly state: PowerState
  readonly reason: PowerReason
  /** Of the last sequence; undefined when it went well. */
  readonly fault: PowerFault | undefined
  /** When the present step is given up. */
  readonly deadlineMs: number
  readonly sinceMs: number
  /** Fans stay on in A2. */
  readonly wantsFans: boolean
}

export type PowerEvent =
  | {
      readonly kind: 'request'
      readonly target: 'A0' | 'A1' | 'A2'
      readonly reason: PowerReason
      readonly fans?: boolean
    }
  /** The interrupt line was raised, or a timer ran out: look at the sequencer. */
  | { readonly kind: 'look' }

export type PowerAction =
  /** Tells the sequencer. */
  | { readonly kind: 'target'; readonly target: 'A0' | 'A1' | 'A2'; readonly hotPlug: boolean; readonly fans: boolean }
  /** Look again at this time. */
  | { readonly kind: 'wake'; readonly atMs: number }
  | { readonly kind: 'changed'; readonly from: PowerState; readonly to: PowerState; readonly reason: PowerReason }
  /** What was requested is there, was there, or could not be had. */
  | { readonly kind: 'done'; readonly outcome: 'changed' | 'unchanged' | PowerFault }

export interface PowerStep {
  readonly status: PowerStatus
  readonly actions: readonly PowerAction[]
}

export function initialPower(nowMs: number): PowerStatus {
  return { state: 'A2', reason: 'InitialPowerOn', fault: undefined, deadlineMs: 0, sinceMs: nowMs, wantsFans: false }
}

/** For firmware that starts while the host runs. */
export function adoptPower(hardware: Hardware, nowMs: number): PowerStatus {
  const status = initialPower(nowMs)
  if (!hardware.answers) return status
  if (hardware.stage === 'Up') return { ...status, state: 'A0' }
  if (hardware.stage === 'UpHotPlug') return { ...status, state: 'A0PlusHP' }
  if (hardware.stage === 'ThermTrip') return { ...status, state: 'A0Thermtrip' }
  if (hardware.stage === 'HostReset') return { ...status, state: 'A0Reset' }
  return status
}

/** What the management protocol calls a state. */
export function reportedState(state: PowerState): 'A0' | 'A1' | 'A2' {
  switch (state) {
    case 'A2':
    case 'A2PlusFans':
      return 'A2'
    case 'ToA1':
    case 'ToA0':
      return 'A1'
    case 'A0':
    case 'A0PlusHP':
    case 'A0Thermtrip':
    case 'A0Reset':
      return 'A0'
  }
}

export function isSequencing(state: PowerState): boolean {
  return state === 'ToA1' || state === 'ToA0'
}

export function stepPower(status: PowerStatus, event: PowerEvent, hardware: Hardware, nowMs: number): PowerStep {
  if (event.kind === 'look') return look(status, hardware, nowMs)
  if (event.target === 'A2') return powerDown(status, event.reason, event.fans ?? false, nowMs)
  return powerUp(status, event, hardware, nowMs)
}

function powerDown(status: PowerStatus, reason: PowerReason, fans: boolean, nowMs: number): PowerStep {
  const to = fans ? 'A2PlusFans' : 'A2'
  if (status.state === to) return { status, actions: [{ kind: 'done', outcome: 'unchanged' }] }
  return {
    status: { state: to, reason, fault: undefined, deadlineMs: 0, sinceMs: nowMs, wantsFans: fans },
    actions: [
      { kind: 'target', target: 'A2', hotPlug: false, fans },
      { kind: 'changed', from: status.state, to, reason },
      { kind: 'done', outcome: 'changed' },
    ],
  }
}

function powerUp(
  status: PowerStatus,
  { target, reason }: Extract<PowerEvent, { kind: 'request' }>,
  hardware: Hardware,
  nowMs: number,
): PowerStep {
  const refuse = (fault: PowerFault): PowerStep => ({
    status: { ...status, fault },
    actions: [{ kind: 'done', outcome: fault }],
  })
  switch (status.state) {
    case 'A0':
    case 'A0PlusHP':
      if (target === 'A0') return { status, actions: [{ kind: 'done', outcome: 'unchanged' }] }
      return refuse('IllegalTransition')
    case 'A0Thermtrip':
    case 'A0Reset':
    case 'ToA1':
    case 'ToA0':
      return refuse('IllegalTransition')
    case 'A2':
    case 'A2PlusFans':
      break
  }
  // A1 is passed through, never stayed in.
  if (target === 'A1') return refuse('IllegalTransition')
  if (!hardware.answers) return refuse('I2cFault')
  if (hardware.processor === 'Absent') return refuse('CPUNotPresent')
  if (hardware.processor !== 'Known') return refuse('UnrecognizedCPU')
  const deadlineMs = nowMs + A1_TIMEOUT_MS
  return {
    status: { ...status, state: 'ToA1', reason, fault: undefined, deadlineMs, sinceMs: nowMs },
    actions: [
      { kind: 'target', target: 'A1', hotPlug: false, fans: status.wantsFans },
      { kind: 'changed', from: status.state, to: 'ToA1', reason },
      { kind: 'wake', atMs: deadlineMs },
    ],
  }
}

function look(status: PowerStatus, hardware: Hardware, nowMs: number): PowerStep {
  if (status.state === 'A2' || status.state === 'A2PlusFans') return { status, actions: [] }
  if (!hardware.answers) return isSequencing(status.state) ? fail(status, 'I2cFault', nowMs) : { status, actions: [] }
  switch (hardware.stage) {
    case 'Fault':
      return fail(status, hardware.brownOut ? 'BrownOut' : 'RailLost', nowMs)
    case 'ThermTrip':
      return status.state === 'A0Thermtrip' ? { status, actions: [] } : move(status, 'A0Thermtrip', nowMs, [])
    case 'HostReset':
      return status.state === 'A0Reset' ? { status, actions: [] } : move(status, 'A0Reset', nowMs, [])
    case 'GoodA':
      if (status.state !== 'ToA1') break
      return move({ ...status, deadlineMs: nowMs + A0_TIMEOUT_MS }, 'ToA0', nowMs, [
        { kind: 'target', target: 'A0', hotPlug: false, fans: status.wantsFans },
        { kind: 'wake', atMs: nowMs + A0_TIMEOUT_MS },
      ])
    case 'RampC':
      if (status.state === 'ToA0' && status.deadlineMs - status.sinceMs === A0_TIMEOUT_MS) {
        const deadlineMs = nowMs + GROUP_C_TIMEOUT_MS
        return { status: { ...status, deadlineMs }, actions: [{ kind: 'wake', atMs: deadlineMs }] }
      }
      break
    case 'Up':
      if (status.state !== 'ToA0') break
      return move(status, 'A0', nowMs, [
        { kind: 'target', target: 'A0', hotPlug: true, fans: status.wantsFans },
        { kind: 'done', outcome: 'changed' },
      ])
    case 'UpHotPlug':
      if (status.state === 'A0') return move(status, 'A0PlusHP', nowMs, [])
      break
    case 'Idle':
      // The sequencer lost what it was told: standby sagged, or somebody else wrote it.
      if (!isSequencing(status.state)) return fail(status, 'RailLost', nowMs)
      break
    default:
      break
  }
  if (!isSequencing(status.state)) return { status, actions: [] }
  if (nowMs < status.deadlineMs) return { status, actions: [{ kind: 'wake', atMs: status.deadlineMs }] }
  if (status.state === 'ToA1') return fail(status, 'A1Timeout', nowMs)
  return fail(status, hardware.stage === 'RampC' ? 'A0TimeoutGroupC' : 'A0Timeout', nowMs)
}

function move(status: PowerStatus, to: PowerState, nowMs: number, actions: readonly PowerAction[]): PowerStep {
  const reason = to === 'A0Thermtrip' || to === 'A0Reset' ? 'Hardware' : status.reason
  return {
    status: { ...status, state: to, reason, sinceMs: nowMs },
    actions: [...actions, { kind: 'changed', from: status.state, to, reason }],
  }
}

function fail(status: PowerStatus, fault: PowerFault, nowMs: number): PowerStep {
  const reason = 'SequencingFailed'
  return {
    status: { state: 'A2', reason, fault, deadlineMs: 0, sinceMs: nowMs, wantsFans: false },
    actions: [
      { kind: 'target', target: 'A2', hotPlug: false, fans: false },
      { kind: 'changed', from: status.state, to: 'A2', reason },
      { kind: 'done', outcome: fault },
    ],
  }
}
