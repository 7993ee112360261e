/**
 * What must not compile. Each `@ts-expect-error` is a claim that the repository's type check proves: a line that did
 * compile would itself be an error there. The functions are never called.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import {
  encodePowerState,
  Power,
  PowerState,
  sequencerClient,
  UnitsRailState,
  type Fan,
  type MainAsyncBlock,
  type MainBlock,
  type RailStatus,
} from '../examples/generated/sequencer.ts'
import { bits, type AsyncPlatform, type Bits, type SyncPlatform, type WideSyncPlatform } from './index.ts'

export function valuesNeverChange(status: RailStatus, power: Power): void {
  // @ts-expect-error a field that is ro
  status.state = UnitsRailState.Good
  // @ts-expect-error a field that is rw: registers change, not what was read
  power.target = PowerState.A0
  // @ts-expect-error
  power.raw = 0
}

export function changesAreRecords(client: MainBlock): void {
  // @ts-expect-error a function could do anything, slowly
  client.power.update(() => ({ target: PowerState.A0 }))
}

export function readOnlyRegistersHaveNoWrite(client: MainBlock): void {
  client.rails(0).status.read()
  // @ts-expect-error nothing in it can be written
  client.rails(0).status.write(client.rails(0).status.read())
  // @ts-expect-error
  client.rails(0).status.update({})
  // @ts-expect-error
  client.rails(0).status.set({})
}

export function writeOnlyFieldsHaveNoGetter(client: MainBlock, power: Power): unknown {
  client.power.set({ key: 3 })
  // @ts-expect-error
  const key = power.key
  // @ts-expect-error
  return [key, power.start]
}

export function reservedFieldsDoNotExist(client: MainBlock): unknown {
  // @ts-expect-error
  client.rails(0).control.set({ trim: 3 })
  // @ts-expect-error
  return client.rails(0).control.read().trim
}

export function enumsHoldDeclaredValuesOnly({ power }: MainBlock, text: string): PowerState {
  power.update({ target: PowerState.A1 })
  // @ts-expect-error no such value
  power.update({ target: PowerState.A3 })
  // @ts-expect-error bits are not a value
  power.update({ target: 1 })
  // @ts-expect-error any text is not a value
  power.update({ target: text })
  // @ts-expect-error a value of another enum
  power.update({ target: UnitsRailState.Good })
  // @ts-expect-error what was read may be undeclared
  const state: PowerState = new Power(text.length).state
  // @ts-expect-error
  encodePowerState(UnitsRailState.Off)
  return state
}

export function recordsOfFieldsAreAsStrict(client: MainBlock, speed: number): void {
  client.power.update({ target: PowerState.A1, timeoutMs: bits(12, speed), key: 3, start: true })
  client.sensors.fan(0).set({ duty: 255 })
  // @ts-expect-error 8 bits
  client.sensors.fan(0).set({ duty: 256 })
  // @ts-expect-error a number that nobody checked
  client.sensors.fan(0).update({ duty: speed })
  // @ts-expect-error a field that is ro
  client.sensors.fan(0).update({ speed: 1 })
  // @ts-expect-error a reserved field
  client.rails(0).control.update({ trim: 1 })
  // @ts-expect-error no such field
  client.power.update({ targte: PowerState.A1 })
  // @ts-expect-error a value of another enum
  client.power.update({ target: UnitsRailState.Good })
}

export function switchesAreExhaustive(state: PowerState): number {
  switch (state) {
    case PowerState.A0:
      return 0
    case PowerState.A1:
      return 1
    default: {
      // @ts-expect-error A2 is left
      const none: never = state
      return none
    }
  }
}

export function literalsAreCheckedByWidth({ sensors, events }: MainBlock): void {
  const fan = sensors.fan(0)
  fan.set({ duty: 255 })
  // @ts-expect-error 8 bits
  fan.set({ duty: 256 })
  // @ts-expect-error
  fan.set({ duty: -1 })
  // @ts-expect-error
  fan.set({ duty: 0.5 })
  events.set({ faulted: 0b111111 })
  // @ts-expect-error 6 bits
  events.set({ faulted: 0b1000000 })
  bits(12, 0xfff)
  // @ts-expect-error
  bits(12, 0x1000)
  bits(32, 0xffffffff)
  // @ts-expect-error
  bits(32, 0x100000000)
  bits(40, 1099511627775n)
  // @ts-expect-error
  bits(40, 1099511627776n)
  // @ts-expect-error up to 32 bits are numbers
  bits(12, 1n)
  // @ts-expect-error more than 32 are bigints
  bits(40, 1)
  // @ts-expect-error
  bits(3, -1)
  // @ts-expect-error
  bits(3, 1.5)
}

export function valuesAreNotTruncated({ sensors, power }: MainBlock, speed: number, key: Bits<4>): void {
  const fan = sensors.fan(0)
  fan.set({ duty: bits(8, speed) })
  // @ts-expect-error a number that nobody checked
  fan.set({ duty: speed })
  // @ts-expect-error twelve bits into eight
  fan.set({ duty: power.read().timeoutMs })
  power.set({ key })
  // @ts-expect-error four bits into twelve
  power.set({ timeoutMs: key })
  // @ts-expect-error arithmetic forgets the width
  fan.set({ duty: fan.read().duty + 1 })
}

export function valuesOfOneRegisterDoNotGoIntoAnother(client: MainBlock, fan: Fan): void {
  client.sensors.fan(0).write(fan)
  // @ts-expect-error
  client.power.write(fan)
  // @ts-expect-error
  client.power.write(3)
  // @ts-expect-error an array is not its element
  client.sensors.fan.write(fan)
  // @ts-expect-error a single element takes no index
  client.power(0)
}

export function asynchronousValuesAreAwaited(client: MainAsyncBlock, sync: SyncPlatform, later: AsyncPlatform): void {
  // @ts-expect-error
  void client.power.read().target
  // @ts-expect-error a platform that answers later
  sequencerClient(later)
  // @ts-expect-error a platform without wide registers
  sequencerClient(sync)
}

export function sramNeedsMemories(wide: WideSyncPlatform, client: MainBlock): void {
  // @ts-expect-error a platform without memories
  sequencerClient(wide)
  // @ts-expect-error the log is ro
  client.log.entries(0).set({ rail: 1 })
}

test('the claims above stand in a file that the type check sees', () => {
  assert.equal(typeof literalsAreCheckedByWidth, 'function')
})
