/** What a service processor tells and takes: identity, inventory, sensors, console, dumps, reports, and a network that fails. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { acceptOf, type Channel, client, serveHttp } from '@lodestone/api'
import { type ComponentDetails, readTaskMemory, spLabApi } from '@lodestone/contract-sp'
import { OsNetwork } from '@lodestone/host'
import { HOST_PORT } from './device/management-switch.ts'
import { gatewayHandler } from './gateway/gateway-api.ts'
import { labHandler } from './lab-api.ts'
import { decodeDatagram, encodeDatagram, SP_GROUP, SP_PORT } from './protocol/message.ts'
import type { SpResponse } from './protocol/response.ts'
import { Rig, value } from './rig.fixture.ts'

const SLED0 = { type: 'sled', slot: 0 } as const
const SWITCH0 = { type: 'switch', slot: 0 } as const
const CONSOLE = { ...SLED0, component: 'sp3-host-cpu' } as const

const measured = (details: readonly ComponentDetails[]) => details.filter((each) => each.type === 'measurement')

function echoUart() {
  const typed: string[] = []
  const listeners = new Set<(bytes: Uint8Array) => void>()
  const print = (text: string): void => {
    for (const fn of listeners) fn(new TextEncoder().encode(text))
  }
  return {
    typed,
    print,
    uart: {
      write: (bytes: Uint8Array) => void typed.push(new TextDecoder().decode(bytes)),
      listen: (fn: (bytes: Uint8Array) => void) => {
        listeners.add(fn)
        return () => void listeners.delete(fn)
      },
    },
  }
}

test('state, inventory and measurements are the board’s', async () => {
  const rig = await Rig.start()
  await rig.clock.advance(3000)
  const state = value(await rig.run(rig.api.sp_get({ params: SLED0 })))
  assert.deepEqual(
    [state.serial_number, state.model, state.revision, state.base_mac_address, state.power_state],
    ['BRM00000000', '913-0000019', 6, 'a8:40:25:04:00:00', 'A0'],
  )
  const components = value(await rig.run(rig.api.sp_component_list({ params: SLED0 })))
  const names = components.map((each) => each.component)
  for (const name of ['sp', 'rot', 'fan-ctrl', 'sp3-host-cpu', 'host-boot-flash', 'cpu', 'air-front']) {
    assert.ok(names.includes(name), name)
  }
  const cpu = measured(value(await rig.run(rig.api.sp_component_get({ params: { ...SLED0, component: 'cpu' } }))))
  assert.equal(cpu[0]?.kind, 'CpuTctl')
  assert.ok(cpu[0].value !== null && cpu[0].value > 24 && cpu[0].value < 80, `${cpu[0].value} °C`)
  const fans = measured(value(await rig.run(rig.api.sp_component_get({ params: { ...SLED0, component: 'fan-ctrl' } }))))
  assert.equal(fans.length, 6)
  const sensor = value(await rig.run(rig.api.sp_sensor_read_value({ params: { ...SLED0, sensor_id: 0 } })))
  assert.equal(sensor.value, cpu[0].value)
  const none = await rig.run(rig.api.sp_component_get({ params: { ...SLED0, component: 'dev-99' } }))
  assert.ok(!none.ok && none.kind === 'refused' && none.status === 400)
  value(await rig.run(rig.api.sp_power_state_set({ params: SLED0, body: 'A2' })))
  await rig.clock.advance(2000)
  const off = value(await rig.run(rig.api.sp_sensor_read_value({ params: { ...SLED0, sensor_id: 0 } })))
  assert.deepEqual([off.value, off.error], [null, 'DeviceOff'])
  rig.close()
})

test('the console carries what is typed and printed once, whatever the network does', async () => {
  const { typed, print, uart } = echoUart()
  const rig = await Rig.start({ uart, retry: { perAttemptTimeoutMs: 50, maxAttempts: 30, maxAttemptsReset: 30 } })
  const { sp } = rig.sleds[0]!
  const missing = await rig.run(rig.api.sp_component_serial_console_read({ params: CONSOLE }))
  assert.ok(!missing.ok, 'nobody attached')
  value(await rig.run(rig.api.sp_component_serial_console_attach({ params: CONSOLE })))
  sp.inject({ kind: 'network', loss: 0.3, duplicate: 0.3 })
  const text = 'echo '.repeat(600)
  const base64_data = Buffer.from(text).toString('base64')
  value(await rig.run(rig.api.sp_component_serial_console_write({ params: CONSOLE, body: { base64_data } })))
  assert.equal(typed.join(''), text)
  sp.clear()
  print('login: ')
  await rig.clock.advance(10)
  const read = value(await rig.run(rig.api.sp_component_serial_console_read({ params: CONSOLE })))
  assert.equal(Buffer.from(read.base64_data, 'base64').toString(), 'login: ')
  sp.inject({ kind: 'console-garbage', bytes: 100 })
  await rig.clock.advance(10)
  const more = value(
    await rig.run(
      rig.api.sp_component_serial_console_read({ params: CONSOLE, query: { from_offset: read.next_offset } }),
    ),
  )
  assert.equal(Buffer.from(more.base64_data, 'base64').length, 100)
  value(await rig.run(rig.api.sp_component_serial_console_detach({ params: CONSOLE })))
  assert.ok(!(await rig.run(rig.api.sp_component_serial_console_read({ params: CONSOLE }))).ok)
  rig.close()
})

/** The server's end of a WebSocket, with the other end at hand. */
function channelPair() {
  const sent: string[] = []
  const events: { message?: (bytes: Uint8Array) => void; close?: (code: number, reason: string) => void } = {}
  const closed: number[] = []
  const channel: Channel = {
    send: (bytes) => void sent.push(new TextDecoder().decode(bytes)),
    bufferedBytes: 0,
    onMessage: (listener) => (events.message = listener),
    onClose: (listener) => (events.close = listener),
    close: (code = 1000) => {
      closed.push(code)
      events.close?.(code, '')
    },
  }
  const type = (text: string): void => events.message?.(new TextEncoder().encode(text))
  return { channel, sent, closed, type, hangUp: () => events.close?.(1000, '') }
}

test('on a WebSocket the console prints as it comes, types in order, and is detached with it', async () => {
  const { typed, print, uart } = echoUart()
  const rig = await Rig.start({ uart })
  const handler = gatewayHandler(() => rig.gateway)
  const attach = async (): Promise<ReturnType<typeof channelPair>> => {
    const url = 'http://gateway/sp/sled/0/component/sp3-host-cpu/serial-console/attach'
    const response = await rig.run(Promise.resolve(handler(new Request(url))))
    const accept = acceptOf(response)
    assert.ok(accept !== undefined, `status ${response.status}`)
    const pair = channelPair()
    accept(pair.channel)
    return pair
  }
  const first = await attach()
  for (const key of 'hello') first.type(key)
  print('login: ')
  await rig.clock.advance(100)
  assert.equal(typed.join(''), 'hello')
  assert.equal(first.sent.join(''), 'login: ')
  await rig.clock.advance(120_000)
  print('still here')
  await rig.clock.advance(100)
  assert.equal(first.sent.join(''), 'login: still here', 'silence does not detach')

  const second = await attach()
  assert.deepEqual(first.closed, [1000], 'attaching again begins anew')
  await rig.clock.advance(100)
  print('again')
  await rig.clock.advance(100)
  assert.equal(second.sent.join(''), 'again', 'and what was detached does not detach it')

  second.hangUp()
  await rig.clock.advance(100)
  const other = await stranger(rig)
  const free = await other.ask({ kind: 'SerialConsoleAttach', component: 'sp3-host-cpu' })
  assert.equal(free.kind, 'SerialConsoleAttachAck')
  const refused = await rig.run(
    Promise.resolve(handler(new Request('http://gateway/sp/sled/0/component/sp3-host-cpu/serial-console/attach'))),
  )
  assert.deepEqual([refused.status, acceptOf(refused)], [409, undefined])
  rig.close()
})

test('a WebSocket client of a served gateway is at the console', async () => {
  const { typed, print, uart } = echoUart()
  const rig = await Rig.start({ uart })
  // The gateway's datagrams cross the rig in virtual time; the client's connection is a real one.
  const server = await serveHttp(
    new OsNetwork(),
    { address: '127.0.0.1', port: 0 },
    gatewayHandler(() => rig.gateway),
  )
  let isOver = false
  const time = (async () => {
    while (!isOver) await rig.clock.advance(1)
  })()
  const path = '/sp/sled/0/component/sp3-host-cpu/serial-console/attach'
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`)
  socket.binaryType = 'arraybuffer'
  await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }))
  const printed = new Promise<string>((resolve) => {
    socket.addEventListener('message', ({ data }) => resolve(new TextDecoder().decode(data)), { once: true })
  })
  print('login: ')
  assert.equal(await printed, 'login: ')
  socket.send('root')
  // However long the connection takes: what passes here is virtual time.
  while (typed.join('') !== 'root') await rig.clock.advance(1)
  const closed = new Promise<number>((resolve) => {
    socket.addEventListener('close', ({ code }) => resolve(code), { once: true })
  })
  await rig.api.sp_component_serial_console_detach({ params: CONSOLE })
  assert.equal(await closed, 1000, 'whoever detaches it closes the connection')
  isOver = true
  await time
  server.close()
  rig.close()
})

test('one client has the console; it is left to others 20 s after the last sign of life', async () => {
  const { uart } = echoUart()
  const rig = await Rig.start({ uart })
  const other = await stranger(rig)
  const attach = { kind: 'SerialConsoleAttach', component: 'sp3-host-cpu' } as const
  assert.equal((await other.ask(attach)).kind, 'SerialConsoleAttachAck')
  const taken = await rig.run(rig.api.sp_component_serial_console_attach({ params: CONSOLE }))
  assert.ok(!taken.ok && /already attached/.test(taken.message))
  await rig.clock.advance(21_000)
  value(await rig.run(rig.api.sp_component_serial_console_attach({ params: CONSOLE })))
  await rig.clock.advance(50_000)
  assert.deepEqual(await other.ask(attach), { kind: 'Error', error: { kind: 'SerialConsoleAlreadyAttached' } })
  rig.close()
})

test('discovery by multicast is answered by every service processor, with the port that it came by', async () => {
  const rig = await Rig.start({ sleds: 3 })
  const other = await stranger(rig)
  const { bytes } = encodeDatagram(5, { kind: 'MgsRequest', message: { kind: 'Discover' } })
  other.send(bytes, SP_GROUP)
  await rig.clock.advance(10)
  assert.equal(other.received.length, 4)
  assert.ok(other.received.every((each) => each.kind === 'Discover' && each.port === 'One'))
  rig.close()
})

test('a crashed task is dumped, restarted and reported; in a crash loop the rest goes on', async () => {
  const rig = await Rig.start()
  const { sp } = rig.sleds[0]!
  await rig.clock.advance(2000)
  sp.inject({ kind: 'task-crash', task: 'thermal' })
  await rig.clock.advance(100)
  assert.equal(sp.firmware?.supervisor.task('thermal')?.generation, 1)
  assert.equal(value(await rig.run(rig.api.sp_task_dump_count({ params: SLED0 }))), 1)
  const dump = value(await rig.run(rig.api.sp_task_dump_get({ params: { ...SLED0, task_dump_index: 0 } })))
  const read = readTaskMemory(Buffer.from(dump.base64_memory, 'base64'))
  assert.ok(read.ok)
  const { memory } = read
  assert.equal(memory.task, 'thermal')
  assert.equal(memory.tasks.find((each) => each.name === 'thermal')?.lastFault, 'injected')
  assert.ok(memory.entries.some((each) => each.text.startsWith('Off to Boot')))
  assert.ok((memory.counters['ticks'] ?? 0) >= 1)
  sp.inject({ kind: 'task-crash', task: 'control_plane_agent', everyMs: 60 })
  await rig.clock.advance(5000)
  const task = sp.firmware?.supervisor.task('control_plane_agent')
  assert.ok(task !== undefined && task.faults > 20, `${task?.faults} faults`)
  assert.ok(rig.sleds[0]!.board.isHostOn)
  sp.clear()
  await rig.clock.advance(200)
  const reports = value(await rig.run(rig.api.sp_ereports({ params: SLED0 })))
  assert.ok(reports.items.some((each) => each.data['k'] === 'task.faulted' && each.data['task'] === 'thermal'))
  rig.close()
})

test('reports are told until they are committed, and from the start to whoever does not know this life', async () => {
  const rig = await Rig.start()
  const { sp } = rig.sleds[0]!
  sp.inject({ kind: 'rot-mismatch' })
  sp.inject({ kind: 'fan', fan: 2, health: 'dead' })
  await rig.clock.advance(10_000)
  const first = value(await rig.run(rig.api.sp_ereports({ params: SLED0 })))
  assert.deepEqual(
    first.items.map((each) => [each.ena, each.data['k']]),
    [
      ['1', 'rot.mismatch'],
      ['2', 'fan.stalled'],
    ],
  )
  assert.equal(first.metadata['serial_number'], 'BRM00000000')
  const { restart_id } = first
  const rest = value(
    await rig.run(rig.api.sp_ereports({ params: SLED0, query: { restart_id, start_ena: 2, committed_ena: 1 } })),
  )
  assert.deepEqual([rest.items.map((each) => each.ena), Object.keys(rest.metadata)], [['2'], []])
  assert.equal(sp.firmware?.ereports.count, 1)
  sp.inject({ kind: 'unresponsive' })
  sp.clear()
  await rig.clock.advance(1000)
  const next = value(await rig.run(rig.api.sp_ereports({ params: SLED0, query: { restart_id, start_ena: 3 } })))
  assert.notEqual(next.restart_id, restart_id)
  rig.close()
})

test('a request is sent again under its number until it is answered; a slow or gated processor answers late', async () => {
  const rig = await Rig.start()
  const { sp } = rig.sleds[0]!
  const connection = rig.gateway.connection(rig.gateway.find(SLED0)!)
  sp.inject({ kind: 'slow', delayMs: 5000 })
  const state = rig.run(rig.api.sp_power_state_get({ params: SLED0 }))
  assert.equal(value(await state), 'A0')
  assert.equal(connection.counters.get('attempts'), 3)
  await rig.clock.advance(10_000)
  assert.equal(connection.counters.get('late-answers'), 2)
  sp.clear()
  sp.inject({ kind: 'gate' })
  const gated = rig.api.sp_power_state_get({ params: SLED0 })
  await rig.clock.advance(100)
  assert.equal(sp.step(), true)
  assert.equal(sp.step(), false)
  assert.equal(value(await rig.run(gated)), 'A0')
  sp.clear()
  sp.inject({ kind: 'unresponsive' })
  const beganMs = rig.clock.nowMs()
  const failed = await rig.run(rig.api.sp_power_state_get({ params: SLED0 }))
  assert.ok(!failed.ok && failed.kind === 'refused' && failed.status === 503)
  assert.equal(Math.round(rig.clock.nowMs() - beganMs), 5 * 2000)
  rig.close()
})

test('host flash has a hash and pages, and images of the root of trust can be chosen', async () => {
  const rig = await Rig.start()
  const flash = { ...SLED0, component: 'host-boot-flash', firmware_slot: 0 }
  assert.ok(!(await rig.run(rig.api.sp_component_hash_firmware_get({ params: flash }))).ok, 'nobody began it')
  value(await rig.run(rig.api.sp_component_hash_firmware_start({ params: flash })))
  assert.ok(!(await rig.run(rig.api.sp_component_hash_firmware_get({ params: flash }))).ok, 'it takes its time')
  await rig.clock.advance(600)
  assert.match(value(await rig.run(rig.api.sp_component_hash_firmware_get({ params: flash }))).sha256, /^[0-9a-f]{64}$/)
  const rot = { ...SLED0, component: 'rot' }
  assert.equal(value(await rig.run(rig.api.sp_rot_boot_info({ params: rot }))).active, 'a')
  value(await rig.run(rig.api.sp_component_active_slot_set({ params: rot, body: { slot: 1 } })))
  value(await rig.run(rig.api.sp_component_reset({ params: rot, body: {} })))
  assert.equal(value(await rig.run(rig.api.sp_rot_boot_info({ params: rot }))).active, 'b')
  const ignition = await rig.run(rig.api.sp_get({ params: SWITCH0 }))
  assert.equal(value(ignition).model, '913-0000006')
  rig.close()
})

test('the laboratory shows tasks, ring buffers and counters, and breaks what it is told to', async () => {
  const rig = await Rig.start()
  await rig.clock.advance(2000)
  const members = () => rig.sleds.map(({ sp }, slot) => ({ id: { type: 'sled', slot } as const, sp }))
  const lab = client(spLabApi, labHandler(members), 'http://lab')
  const view = value(await rig.run(lab.lab_sp_view({ params: SLED0 })))
  assert.deepEqual([view.power, view.thermal, view.host, view.running], ['A0PlusHP', 'Running', true, true])
  const ring = value(await rig.run(lab.lab_ringbuf({ params: SLED0, query: { task: 'thermal' } })))
  assert.deepEqual(
    ring.map((each) => each.text),
    ['Off to Boot, worst u2-n0', 'Boot to Running, worst u2-n0'],
  )
  const unknown = await rig.run(lab.lab_fault_inject({ params: SLED0, body: { kind: 'fan', fan: 9 } }))
  assert.ok(!unknown.ok && /there are 6 fans/.test(unknown.message))
  value(await rig.run(lab.lab_fault_inject({ params: SLED0, body: { kind: 'fan', fan: 1 } })))
  value(await rig.run(lab.lab_fault_inject({ params: SLED0, body: { kind: 'sensor', sensor: 'nic', fault: 'ramp' } })))
  assert.equal(value(await rig.run(lab.lab_fault_clear({ params: SLED0 }))).cleared, 2)
  const counters = value(await rig.run(lab.lab_counters({ params: SLED0 })))
  assert.equal(counters['firmware.ticks'], 2)
  rig.close()
})

interface Stranger {
  readonly received: SpResponse[]
  send(bytes: Uint8Array, address: string): void
  ask(
    message: Parameters<typeof encodeDatagram>[1]['message'] & { readonly kind: 'SerialConsoleAttach' },
  ): Promise<SpResponse>
}

/** Somebody else on the management network. */
async function stranger(rig: Rig): Promise<Stranger> {
  const host = rig.host('stranger', 'fd00::2000', HOST_PORT)
  const received: SpResponse[] = []
  const socket = await host.network('management').bindUdp({ address: 'fd00::2000', port: 5555 }, ({ payload }) => {
    const decoded = decodeDatagram(payload)
    if (decoded.ok && decoded.datagram.body.kind === 'SpResponse') received.push(decoded.datagram.body.message)
  })
  return {
    received,
    send: (bytes, address) => socket.send(bytes, address, SP_PORT),
    ask: async (message) => {
      socket.send(encodeDatagram(7, { kind: 'MgsRequest', message }).bytes, 'fd00::16', SP_PORT)
      const count = received.length
      assert.ok(await rig.clock.until(() => received.length > count, 1000))
      return received.at(-1)!
    },
  }
}
