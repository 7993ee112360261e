/**
 * Runs as a process of its own in a network namespace of its own (`unshare --net`) and prints what it saw as one line of
 * JSON: the kernel's view by `ip`, ours by `LowerHalf.status`. It waits for events; what has not come after a minute is shown as it is.
 */
import { execFileSync } from 'node:child_process'
import process from 'node:process'
import { OsKernelNetwork, RealClock, sleep } from '@lodestone/host'
import { Ip, Prefix } from '@lodestone/net'
import { Rib } from '@lodestone/rib'
import { LowerHalf } from './lower-half.ts'
import { NetlinkTarget } from './netlink-target.ts'

const clock = new RealClock()
const OWNER = { table: 100, protocol: 177, priority: 20 }
const MANY = 20_000
const PATIENCE_MS = 60_000

function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8' })
}

function routes(): string[] {
  const lines = [
    ...ip('-N', '-4', 'route', 'show', 'table', '100').split('\n'),
    ...ip('-N', '-6', 'route', 'show', 'table', '100').split('\n'),
  ]
  return lines.map((line) => line.replaceAll(/\s+/g, ' ').trim()).filter((line) => line !== '')
}

function count(): number {
  return Number(execFileSync('sh', ['-c', 'ip -4 route show table 100 | wc -l'], { encoding: 'utf8' }))
}

async function until(isDone: () => boolean): Promise<boolean> {
  const endMs = clock.nowMs() + PATIENCE_MS
  while (!isDone() && clock.nowMs() < endMs) await sleep(clock, 10)
  return isDone()
}

function settled(lower: LowerHalf): Promise<boolean> {
  return until(() => lower.isSettled)
}

for (const [name, address] of [
  ['left', '192.0.2.1/24'],
  ['right', '198.51.100.1/24'],
] as const) {
  ip('link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}-far`)
  ip('link', 'set', `${name}-far`, 'up')
  ip('link', 'set', name, 'up')
  ip('addr', 'add', address, 'dev', name)
  ip('addr', 'add', name === 'left' ? '2001:db8::1/64' : '2001:db8:1::1/64', 'dev', name, 'nodad')
}
// What an earlier life left, and what others have in the same table.
ip('route', 'add', '10.9.0.0/16', 'via', '192.0.2.9', 'table', '100', 'proto', '177', 'metric', '20')
ip('route', 'add', '10.8.0.0/16', 'via', '192.0.2.9', 'table', '100', 'proto', 'static', 'metric', '20')

const network = new OsKernelNetwork()
const rib = new Rib({ nowMs: () => clock.nowMs() })
const target = new NetlinkTarget({ network, clock, owner: OWNER })
const lower = new LowerHalf({ rib, clock, target, retryMs: 50 })
const adjacency = rib.adjacency({ protocol: 'static', peer: '' })
const via = (text: string): { nextHop: Ip } => ({ nextHop: Ip.of(text) })
adjacency.announce(Prefix.of('10.1.0.0/16'), via('192.0.2.2'))
adjacency.announce(Prefix.of('2001:db8:f::/48'), via('2001:db8::2'))
adjacency.announce(Prefix.of('10.2.0.0/16'), { nextHop: Ip.of('fe80::2'), nextHopInterface: 'right' })
const second = rib.adjacency({ protocol: 'static', peer: 'second' })
adjacency.announce(Prefix.of('10.3.0.0/16'), via('192.0.2.3'))
second.announce(Prefix.of('10.3.0.0/16'), via('198.51.100.3'))
adjacency.announce(Prefix.of('10.4.0.0/16'), via('203.0.113.1'))
await until(() => {
  const { programmed: done, failing: not } = lower.status()
  const isTriedAgain = not.length === 1 && not[0]!.attempts > 1
  return done === 4 && isTriedAgain && !routes().some((line) => line.startsWith('10.9.'))
})
const programmed = routes()
const failing = lower
  .status()
  .failing.map(({ prefix, reason, attempts }) => ({ prefix: `${prefix}`, reason, isRetried: attempts > 1 }))

// The failing one succeeds as soon as its next hop can be reached.
ip('addr', 'add', '203.0.113.2/24', 'dev', 'left')
const isRepaired = await settled(lower)
const afterAddress = routes().filter((line) => line.startsWith('10.4.0.0'))
const ours = (lines: readonly string[]): string =>
  lines
    .filter((line) => line.includes('proto 177') || line.startsWith('nexthop'))
    .toSorted()
    .join('\n')
const all = ours([...programmed, ...afterAddress])
const restored = (): boolean => ours(routes()) === all

// Others remove, replace, and take a link down and up again.
async function vandals(): Promise<{ readonly foreignChanges: number; readonly audits: number }> {
  const before = lower.status().counters
  ip('route', 'del', '10.1.0.0/16', 'table', '100')
  ip('route', 'replace', '10.3.0.0/16', 'via', '192.0.2.66', 'table', '100', 'proto', 'static', 'metric', '20')
  await until(restored)
  const after = lower.status().counters
  return {
    foreignChanges: after['foreign-changes'] - before['foreign-changes'],
    audits: after.audits - before.audits,
  }
}
let noticed = await vandals()
// Where this process was held up, a comparison that an interface had called for may have come first, and says nothing of notifications.
for (let round = 0; round < 10 && noticed.audits > 0; round++) noticed = await vandals()
const { foreignChanges } = noticed
const afterVandals = routes()
ip('link', 'set', 'left', 'down')
await until(() => lower.status().failing.length >= 3)
const whileDown = lower.status().failing.length
ip('link', 'set', 'left', 'up')
ip('addr', 'replace', '2001:db8::1/64', 'dev', 'left', 'nodad')
await until(() => lower.isSettled && restored())
const afterLink = routes()

const many = Array.from({ length: MANY }, (_, i) => new Prefix(Ip.v4(0x64000000 + i * 256), 24))
rib.batch(() => many.forEach((prefix) => adjacency.announce(prefix, via('192.0.2.2'))))
await settled(lower)
const manyCount = count()
const listed = (await target.list())?.length
rib.batch(() => many.forEach((prefix) => adjacency.withdraw(prefix)))
await settled(lower)
const fewCount = count()
lower.close()
target.close()
network.close()
const seen = {
  programmed,
  failing,
  isRepaired,
  afterAddress,
  afterVandals,
  foreignChanges,
  whileDown,
  afterLink,
  manyCount,
  listed,
  fewCount,
}
process.stdout.write(`${JSON.stringify(seen)}\n`, () => process.exit(0))
