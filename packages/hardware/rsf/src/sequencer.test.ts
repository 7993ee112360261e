/** The example's generated client against its generated simulation. */
import assert from 'node:assert/strict'
import test from 'node:test'
import {
  LogEntry,
  UnitsModel,
  Power,
  PowerState,
  sequencerAsyncClient,
  sequencerClient,
  sequencerSimulation,
  UnitsRailState,
} from '../examples/generated/sequencer.ts'
import {
  bits,
  ObservedPlatform,
  type AsyncMemories,
  type Bits,
  type RegisterAccess,
  type WideAsyncPlatform,
} from './index.ts'

test('a driver brings up a rail that the device plays', () => {
  const { platform, device } = sequencerSimulation()
  for (let index = 0; index < device.railsCount; index++) {
    const { control, status } = device.rails(index)
    control.onWrite(({ after }) => {
      status.update((next) => {
        next.state = after.enable ? UnitsRailState.Good : UnitsRailState.Off
        next.millivolts = bits(13, after.enable ? after.voltage * 10 : 0)
      })
    })
  }
  const client = sequencerClient(platform)
  client.rails(2).control.set({ enable: true, voltage: bits(9, 330) })
  const status = client.rails(2).status.read()
  assert.equal(status.state, UnitsRailState.Good)
  assert.equal(status.millivolts, 3300)
  assert.equal(client.rails(1).status.read().state, 'UnitsRailState.Off')
  assert.equal(String(status), 'RailStatus(0xce42) state=UnitsRailState.Good millivolts=3300 milliamperes=0')
})

test('reserved bits are written back as they were read', () => {
  const { platform, device } = sequencerSimulation()
  const { control } = device.rails(0)
  const client = sequencerClient(platform)
  client.rails(0).control.update({ enable: true })
  assert.equal(control.state.raw, 0x000a0001)
  client.rails(0).control.set({ voltage: bits(9, 511) })
  assert.equal(control.state.raw, 0x000a1ff0)
  assert.equal(control.counters.reservedWrites, 0)
  platform.write(0x100, 0, 32)
  assert.equal(control.counters.reservedWrites, 1)
  assert.equal(control.state.raw, 0x000a0000)
})

test('a record of fields changes those and leaves the others', () => {
  const { platform, device } = sequencerSimulation()
  const client = sequencerClient(platform)
  const { control } = device.rails(0)
  client.rails(0).control.update({ voltage: bits(9, 300) })
  client.rails(0).control.update({ enable: true })
  assert.equal(control.state.raw, 0x000a0000 | (300 << 4) | 1)
  assert.equal(control.counters.reservedWrites, 0)
  client.rails(0).control.set({ enable: true })
  assert.equal(control.state.raw, 0x000a0001, 'the rest is as after a reset')
  device.events.update((next) => {
    next.timeout = true
    next.overTemperature = true
  })
  client.events.update({ timeout: true })
  assert.deepEqual([device.events.state.timeout, device.events.state.overTemperature], [false, true])
  assert.throws(() => client.rails(0).control.update({ voltage: 512 as Bits<9> }), RangeError)
})

test('events are cleared only where the driver says so, and reading clears what it clears', () => {
  const { platform, device } = sequencerSimulation()
  device.events.update((next) => {
    next.timeout = true
    next.overTemperature = true
    next.faulted = bits(6, 0b101000)
    next.lost = 7
  })
  const client = sequencerClient(platform)
  const { lost, faulted } = client.events.read()
  assert.deepEqual([lost, faulted], [7, 0b101000])
  client.events.update({ overTemperature: true, faulted: 0b001000 })
  const after = client.events.read()
  assert.deepEqual([after.timeout, after.overTemperature, after.faulted, after.lost], [true, false, 0b100000, 0])
})

test('a pulse reaches the device once and is not stored', () => {
  const { platform, device } = sequencerSimulation()
  const starts: string[] = []
  device.power.onWrite(({ written, after }) => {
    if (written.start) starts.push(`${after.target} with key ${after.key}`)
  })
  const client = sequencerClient(platform)
  client.power.update({ target: PowerState.A0, key: 9, start: true })
  client.power.update({ timeoutMs: bits(12, 250) })
  assert.deepEqual(starts, ['PowerState.A0 with key 9'])
  assert.equal(client.power.read().target, PowerState.A0)
})

test('undeclared bits are undefined, with the bits at hand', () => {
  const power = new Power(3)
  assert.equal(power.target, undefined)
  assert.equal(power.targetRaw, 3)
  const client = sequencerClient(sequencerSimulation().platform)
  // Because a caller may come from JavaScript.
  assert.throws(() => client.power.set({ target: 'PowerState.A3' as PowerState }), RangeError)
})

test('values that only run time knows are checked', () => {
  const { power } = sequencerClient(sequencerSimulation().platform)
  for (const value of [4096, -1, 1.5, Number.NaN, 2 ** 32]) {
    assert.throws(() => bits(12, value), RangeError)
    // Because a caller may come from JavaScript.
    assert.throws(() => power.update({ timeoutMs: value as Bits<12> }), /Power\.timeoutMs: .* does not fit in 12 bits/)
  }
  assert.equal(power.read().raw, 0)
  assert.throws(() => bits(40, 1n << BigInt(40)), RangeError)
  // Because a caller may come from JavaScript.
  assert.throws(() => bits(8, 1n as never), RangeError)
  assert.throws(() => bits(40, 1 as never), RangeError)
  assert.throws(() => bits(32, 2 ** 32 + Number('0')), RangeError)
  assert.equal(bits(32, 2 ** 32 - Number('1')), 0xffffffff)
})

test('an array has indices from 0 to length - 1', () => {
  const { platform, device } = sequencerSimulation()
  const client = sequencerClient(platform)
  assert.equal(client.rails(5).control.address, 0x150)
  assert.equal(client.rails(5), client.rails(5))
  for (const index of [-1, 6, 1.5, Number.NaN]) {
    assert.throws(() => client.rails(index), RangeError)
    assert.throws(() => device.rails(index), RangeError)
  }
})

test('reset values are there from the start and come back', () => {
  const { platform, device } = sequencerSimulation()
  const client = sequencerClient(platform)
  assert.deepEqual([client.identity.model.read().maker, client.identity.model.read().model], [0x1de5, 1])
  const serial = client.identity.serial.read()
  assert.equal(serial.number, 1337n)
  assert.equal(serial.site, 7)
  device.identity.serial.update((next) => (next.number = bits(40, 2n)))
  assert.equal(client.identity.serial.read().number, 2n)
  platform.reset()
  assert.equal(client.identity.serial.read().number, 1337n)
  assert.equal(new UnitsModel().raw, 0x1de50001)
})

test('an asynchronous platform works the same way', async () => {
  const { platform, device } = sequencerSimulation()
  const slow: WideAsyncPlatform & AsyncMemories = {
    memory: (address, selector) => platform.memory(address, selector),
    read: async (address, width) => platform.read(address, width),
    write: async (address, value, width) => platform.write(address, value, width),
    readWide: async (address, width) => platform.readWide(address, width),
    writeWide: async (address, value, width) => platform.writeWide(address, value, width),
  }
  for (const each of [slow, platform]) {
    const client = sequencerAsyncClient(each, 0)
    await client.sensors.fan(3).update({ duty: 200 })
    assert.equal((await client.sensors.fan(3).read()).duty, 200)
    assert.equal(device.sensors.fan(3).state.duty, 200)
    assert.equal((await client.identity.serial.read()).number, 1337n)
    assert.equal((await client.log.entries(3).read()).rail, 0)
  }
})

test('an access that hits no register reads as ones and is counted', () => {
  const { platform } = sequencerSimulation()
  assert.equal(platform.read(0x50, 32), 0xffffffff)
  assert.equal(platform.read(0x10, 16), 0xffff)
  assert.equal(platform.readWide(0x50, 64), (1n << 64n) - 1n)
  platform.write(0x51, 0, 8)
  assert.deepEqual(platform.counters, { reads: 0, writes: 0, unmappedReads: 3, unmappedWrites: 1 })
})

test('an observer sees every access', () => {
  const seen: RegisterAccess[] = []
  const client = sequencerClient(new ObservedPlatform(sequencerSimulation().platform, (access) => seen.push(access)))
  client.sensors.fan(1).update({ duty: 1 })
  client.identity.serial.read()
  assert.deepEqual(
    seen.map(({ kind, address, widthBits, value }) => `${kind} ${address.toString(16)} ${widthBits} ${value}`),
    ['read 224 16 64', 'write 224 16 1', `read 8 64 ${0x0700000000000539n}`],
  )
})

test('sram entries are reached through their selector, in order and within bounds', () => {
  const { platform, device } = sequencerSimulation()
  const seen: RegisterAccess[] = []
  const { log } = sequencerClient(new ObservedPlatform(platform, (access) => seen.push(access)))
  device.log.entries(31).update((entry) => {
    entry.atMs = bits(48, 10_000n)
    entry.state = PowerState.A0
    entry.rail = 5
  })
  const entry = log.entries(31).read()
  assert.ok(entry instanceof LogEntry)
  assert.deepEqual([entry.atMs, entry.state, entry.rail], [10_000n, PowerState.A0, 5])
  assert.equal(log.entries(30).read().raw, 0n)
  assert.throws(() => log.entries(32), RangeError)
  assert.deepEqual(
    seen.map(({ memory, address, widthBits }) => [memory, address, widthBits]),
    [31, 30].map((index) => [{ address: log.address, selector: 0 }, index * 8, 64]),
  )
  platform.reset()
  assert.equal(log.entries(31).read().raw, 0n)
})

test('a memory that the device has not reads as ones and is counted there', () => {
  const { platform } = sequencerSimulation()
  const absent = platform.memory(0x7000, 3)
  assert.equal(absent.readWide(0, 64), (1n << 64n) - 1n)
  assert.equal(absent.counters.unmappedReads, 1)
  const { readWide, writeWide, read, write } = platform
  const bare = new ObservedPlatform({ read, write, readWide, writeWide }, () => {})
  assert.throws(() => bare.memory(0, 0), RangeError)
})
