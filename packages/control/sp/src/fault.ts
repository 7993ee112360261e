/** What can be broken on a board or in its service processor, as data: for timelines of faults and for people who try things. */
import type { SensorFault } from './device/sensor-device.ts'
import type { TaskName } from './firmware/task-context.ts'

export type SpFault =
  /** The service processor's own processor stops: nothing runs, nothing answers. */
  | { readonly kind: 'unresponsive' }
  /** Every datagram is answered this much later. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** Datagrams wait until they are let in, one at a time (`step`). */
  | { readonly kind: 'gate' }
  /** Fractions of datagrams, each way. */
  | { readonly kind: 'network'; readonly loss: number; readonly duplicate: number }
  /** The task faults once, or again this long after each start. */
  | { readonly kind: 'task-crash'; readonly task: TaskName; readonly everyMs?: number }
  | { readonly kind: 'sensor'; readonly sensor: number; readonly fault: SensorFault }
  | { readonly kind: 'fan'; readonly fan: number; readonly health: 'dead' | 'missing' }
  /** The supply's millivolts. */
  | { readonly kind: 'brown-out'; readonly millivolts: number }
  | { readonly kind: 'thermal-trip' }
  | { readonly kind: 'host-reset' }
  /** It never comes up, at the next try and later. */
  | { readonly kind: 'rail-stuck'; readonly rail: number }
  /** It falls now. */
  | { readonly kind: 'rail-lost'; readonly rail: number }
  /** The sequencer's bus is held. */
  | { readonly kind: 'sequencer-bus' }
  | { readonly kind: 'processor'; readonly found: 'absent' | 'unknown' }
  /** The image that does not run is damaged, or made for another board. */
  | { readonly kind: 'bad-caboose' | 'wrong-board' }
  /** Power fails when this many bytes of the next update have arrived. */
  | { readonly kind: 'update-interrupted'; readonly afterBytes: number }
  /** The board's wires to both ignition controllers, or one, break. */
  | { readonly kind: 'ignition-link'; readonly controller?: 0 | 1 }
  /** The root of trust's image is not what it was signed as. */
  | { readonly kind: 'rot-mismatch' }
  /** The host prints this many bytes that mean nothing. */
  | { readonly kind: 'console-garbage'; readonly bytes: number }
  /** The identity memory says the address of another board. */
  | { readonly kind: 'mac-collision'; readonly mac: Uint8Array }
  /** One of its two ports is configured for another VLAN. */
  | { readonly kind: 'vlan'; readonly port: 0 | 1; readonly vlan: number }
  /** Of the air that comes in, degrees Celsius. */
  | { readonly kind: 'air'; readonly celsius: number }

/** Faults that pass by themselves and cannot be taken back. */
export function isMomentary(fault: SpFault): boolean {
  switch (fault.kind) {
    case 'thermal-trip':
    case 'host-reset':
    case 'rail-lost':
    case 'console-garbage':
    case 'bad-caboose':
    case 'wrong-board':
      return true
    case 'task-crash':
      return fault.everyMs === undefined
    default:
      return false
  }
}
