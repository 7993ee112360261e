/**
 * A process in a network namespace: two workers with four sessions between them, and a main thread that blocks. Prints what happened
 * as JSON. It waits for events; what has not come after a minute is shown as it is.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { OsNetwork, RealClock, sleep } from '@lodestone/host'
import { Ip } from '@lodestone/net'
import { SINGLE_HOP_PORT } from '../control-packet.ts'
import type { PeerConfig } from '../peer-config.ts'
import type { SpeakerStatus } from '../speaker.ts'
import { BfdWorker } from './bfd-worker.ts'

const LEFT = ['127.0.0.1', '127.0.0.3', '127.0.0.5', '127.0.0.7']
const RIGHT = ['127.0.0.2', '127.0.0.4', '127.0.0.6', '127.0.0.8']
const INTERVAL_US = 100_000
const DETECT_MULT = 20
const DETECTION_MS = (INTERVAL_US / 1000) * DETECT_MULT
const BLOCKED_MS = 1.5 * DETECTION_MS
/** As many packets as both ends of every session may miss. */
const PACKETS = 2 * LEFT.length * DETECT_MULT
/** Each wait ends, also where sessions are in a thread that does not run. */
const GIVE_UP_MS = 60_000
/** A machine that stood still for this long says nothing about the sessions that fell meanwhile. */
const STANDSTILL_MS = DETECTION_MS / 4
const ROUNDS = 10

interface Round {
  readonly blockedMs: number
  /** Datagrams that were read while the main thread was blocked. */
  readonly packets: number
  /** The longest time for which the main thread did not get its turn. */
  readonly standstillMs: number
  /** Least of all sessions at both ends. */
  readonly upForMs: number
}

execFileSync('ip', ['link', 'set', 'lo', 'up'])
const clock = new RealClock()
const left = new BfdWorker({ clock, listenAddresses: LEFT })
const right = new BfdWorker({ clock, listenAddresses: RIGHT })
const clash = new BfdWorker({ clock, listenAddresses: LEFT })

function peers(own: readonly string[], others: readonly string[]): PeerConfig[] {
  return own.map((address, i) => ({
    name: `peer${i}`,
    localAddress: Ip.of(address),
    remoteAddress: Ip.of(others[i]!), // because both lists are of one length
    desiredMinTxUs: INTERVAL_US,
    requiredMinRxUs: INTERVAL_US,
    detectMult: DETECT_MULT,
  }))
}

async function until(isDone: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = clock.nowMs() + GIVE_UP_MS
  while (!(await isDone()) && clock.nowMs() < endMs) await sleep(clock, 20)
}

const statuses = (): Promise<SpeakerStatus[]> => Promise.all([left.refreshStatus(), right.refreshStatus()])

/** Every session is up at both ends, at the pace that was agreed. */
async function areUp(): Promise<boolean> {
  const all = (await statuses()).flatMap((status) => status.peers)
  return all.every(
    ({ state, timers }) => state === 'Up' && !timers.isPolling && timers.detectionTimeUs === DETECTION_MS * 1000,
  )
}

/** Datagrams of this namespace that programs have read: the kernel says so without a turn of the event loop. */
function packetsRead(): number {
  const [names, values] = readFileSync('/proc/net/snmp', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('Udp:'))
    .map((line) => line.split(' '))
  return Number(values?.[names?.indexOf('InDatagrams') ?? -1])
}

async function round(): Promise<Round> {
  let askedMs = 0
  await until(() => {
    askedMs = clock.nowMs()
    return areUp()
  })
  const before = packetsRead()
  const cell = new Int32Array(new SharedArrayBuffer(4))
  const startMs = clock.nowMs()
  let blockedMs = 0
  let standstillMs = startMs - askedMs
  while (blockedMs < BLOCKED_MS || (packetsRead() - before < PACKETS && blockedMs < GIVE_UP_MS)) {
    Atomics.wait(cell, 0, 0, 20)
    const elapsedMs = clock.nowMs() - startMs
    standstillMs = Math.max(standstillMs, elapsedMs - blockedMs)
    blockedMs = elapsedMs
  }
  const packets = packetsRead() - before
  const all = (await statuses()).flatMap((status) => status.peers)
  standstillMs = Math.max(standstillMs, clock.nowMs() - startMs - blockedMs)
  const upForMs = Math.min(...all.map(({ state, inStateMs }) => (state === 'Up' ? inStateMs : 0)))
  return { blockedMs, packets, standstillMs, upForMs }
}

const goodbyes = new Map<string, readonly [string, boolean]>()
await Promise.all([left.listen(), right.listen()])
const firstRefusal = await clash.listen().then(
  () => 'listening',
  (error: Error) => error.message,
)
clash.close()
left.setPeers(peers(LEFT, RIGHT))
right.setPeers(peers(RIGHT, LEFT))
let last = await round()
for (let i = 1; i < ROUNDS && last.upForMs < last.blockedMs && last.standstillMs > STANDSTILL_MS; i++)
  last = await round()

const stranger = await new OsNetwork().bindUdp({ address: '127.0.0.9', port: 0, hopLimit: 254 }, () => undefined)
for (let i = 0; i < 3; i++) stranger.send(new Uint8Array(24), '127.0.0.1', SINGLE_HOP_PORT)
const hopLimitsWrong = async (): Promise<number> => (await left.refreshStatus()).counters['hop-limit-wrong']
await until(async () => (await hopLimitsWrong()) >= 3)
await until(areUp)
const remoteAddress = left.status().peers[0]?.remoteAddress.toString()
left.onState(({ peer, from, to, isFailure }) => {
  if (from === 'Up') goodbyes.set(peer.name, [to, isFailure])
})
right.close()
await until(() => goodbyes.size === LEFT.length)
const seen = {
  firstRefusal,
  ...last,
  detectionMs: DETECTION_MS,
  isJudged: last.upForMs >= last.blockedMs || last.standstillMs <= STANDSTILL_MS,
  packetsWanted: PACKETS,
  wrongHopLimits: await hopLimitsWrong(),
  remoteAddress,
  goodbyes: [...goodbyes.values()],
}
process.stdout.write(`${JSON.stringify(seen)}\n`, () => process.exit(0))
