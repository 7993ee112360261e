/** What ignition says, as the HTTP interface tells it. */
import type { SpIgnition } from '@lodestone/contract-sp'
import type { IgnitionState, LinkEvents, TransceiverEvents } from '../protocol/response.ts'

const POWER = {
  Off: 'off',
  On: 'on',
  Aborted: 'aborted',
  PoweringOff: 'powering_off',
  PoweringOn: 'powering_on',
} as const

export function ignitionView({ target }: IgnitionState, events: LinkEvents): SpIgnition {
  const link_events = {
    controller: names(events.controller),
    link0: names(events.targetLink0),
    link1: names(events.targetLink1),
  }
  if (target === undefined) return { present: false, link_events }
  const { systemType } = target
  return {
    present: true,
    system_type: systemType.kind === 'Unknown' ? `unknown ${systemType.id}` : systemType.kind.toLowerCase(),
    power: POWER[target.powerState],
    power_reset_in_progress: target.powerResetInProgress,
    ctrl_detect_0: target.controller0Present,
    ctrl_detect_1: target.controller1Present,
    flt_a3: target.faults.powerA3,
    flt_a2: target.faults.powerA2,
    flt_sp: target.faults.sp,
    flt_rot: target.faults.rot,
    link_events,
  }
}

function names(events: TransceiverEvents): string[] {
  return Object.entries(events)
    .filter(([, happened]) => happened)
    .map(([name]) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))
}
