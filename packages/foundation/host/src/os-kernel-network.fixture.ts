/**
 * A process in a network namespace: what `OsKernelNetwork` sees of a cable and sends over it, as one line of JSON. It waits for
 * events; what has not come after a minute is shown as it is.
 */
import { execFileSync } from 'node:child_process'
import process from 'node:process'
import { OsKernelNetwork } from './os-kernel-network.ts'
import { RealClock } from './real-clock.ts'
import { sleep } from './clock.ts'

const PATIENCE_MS = 60_000
const clock = new RealClock()
const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8' })

const network = new OsKernelNetwork()
const names = (): string[] =>
  network
    .interfaces()
    .map(({ name }) => name)
    .toSorted()
let changes = 0
network.onInterfaceChange(() => changes++)
const before = names()
ip('link', 'add', 'left', 'type', 'veth', 'peer', 'name', 'right')
ip('address', 'add', '192.0.2.1/24', 'dev', 'left')
for (const name of ['left', 'right']) {
  execFileSync('sysctl', ['-qw', `net.ipv6.conf.${name}.accept_dad=0`])
  ip('link', 'set', name, 'up')
}
const until = async (isDone: () => boolean): Promise<void> => {
  const endMs = clock.nowMs() + PATIENCE_MS
  while (!isDone() && clock.nowMs() < endMs) await sleep(clock, 10)
}
const end = (of: string) => network.interfaces().find(({ name }) => name === of)
const isReady = (name: string): boolean => end(name)?.isUp === true && end(name)?.linkLocal !== undefined
await until(() => isReady('left') && isReady('right'))
const left = end('left')

// Neighbour discovery: type 133 is wanted, type 135 is not.
const heard: string[] = []
const receiver = network.openIcmp6({ interface: 'right', types: [133] }, (message, from) =>
  heard.push(`${message[0]} ${from}`),
)
const sender = network.openIcmp6({ interface: 'left', types: [] }, () => undefined)
for (const type of [135, 133]) sender.send(new Uint8Array([type, 0, 0, 0, 0, 0, 0, 0]), 'ff02::2')
// The cable keeps their order: what was not heard by then was not let in.
await until(() => heard.length > 0)

ip('link', 'set', 'left', 'down')
await until(() => end('left')?.isUp !== true)
const isUpAfterDown = end('left')?.isUp
ip('link', 'delete', 'left')
await until(() => names().length === before.length)
const seen = {
  before,
  after: names(),
  changes,
  left: left && { isUp: left.isUp, mtuBytes: left.mtuBytes, mac: left.macText, addresses: left.addresses.map(String) },
  heard,
  expectedSender: left?.linkLocal?.toString(),
  isUpAfterDown,
  unknownIndex: network.interfaceIndex('left') ?? 'none',
}
receiver.close()
sender.close()
network.close()
process.stdout.write(`${JSON.stringify(seen)}\n`, () => process.exit(0))
