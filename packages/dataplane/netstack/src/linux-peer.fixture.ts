/**
 * A process in a network namespace of its own, where the kernel and one netstack share a TAP wire: transfers between the
 * kernel's TCP and ours, in the direction and over the impairments asked for, told as one line of JSON.
 * Usage: unshare --net node linux-peer.fixture.ts '{"bytes":1e6,"loss":0.01,"reorderMs":1,"from":"kernel"}'
 */
import { createHash } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import process from 'node:process'
import { Arena } from '@lodestone/frame'
import { type Network, OsNetwork, RealClock, SeededRandom, sleep, type TcpSocket } from '@lodestone/host'
import { Link, TapPort } from '@lodestone/link'
import { Mac, Prefix } from '@lodestone/net'
import { Tracer } from '@lodestone/probe'
import { Netstack, type PingOptions, type TcpParameters } from './index.ts'

export interface LinuxPeerOptions {
  readonly bytes: number
  /** Probability per frame, each direction, injected on our side of the wire. */
  readonly loss: number
  /** Frames are late by up to this much and overtake each other. */
  readonly reorderMs: number
  readonly from: 'kernel' | 'netstack'
  readonly family: 4 | 6
  readonly tcp?: Partial<TcpParameters>
}

export interface LinuxPeerResult {
  readonly sent: string
  readonly received: string
  readonly bytes: number
  readonly seconds: number
  readonly lost: number
  /** Answers of the kernel to five pings, and to five in fragments, the first time that there are any. */
  readonly pings: number
  readonly largePings: number
  readonly counters: Readonly<Record<string, number>>
}

const OURS = { 4: '192.0.2.2', 6: '2001:db8::2' } as const
const KERNELS = { 4: '192.0.2.1', 6: '2001:db8::1' } as const
const CHUNK = 64 * 1024
const LARGE_BYTES = 1800

const options: LinuxPeerOptions = JSON.parse(process.argv[2] ?? '{}')
const run = (command: string, ...args: string[]): string => execFileSync(command, args, { encoding: 'utf8' })

const clock = new RealClock()
const random = new SeededRandom(7)
const arena = new Arena({ slots: 8192, slotBytes: 4096 })
const tracer = new Tracer(() => clock.nowMs())
const tap = new TapPort({ name: 'lns0', arena })
run('sysctl', '-qw', 'net.ipv6.conf.lns0.accept_dad=0')
run('ip', 'address', 'add', `${KERNELS[4]}/24`, 'dev', 'lns0')
run('ip', 'address', 'add', `${KERNELS[6]}/64`, 'dev', 'lns0')
run('ip', 'link', 'set', 'lns0', 'up')

const impairments = {
  loss: options.loss,
  jitterMs: options.reorderMs,
  delayMs: options.reorderMs,
  mayReorder: options.reorderMs > 0,
}
const link = new Link({ name: 'wire', a: 'ours', b: 'tap', clock, random, arena, tracer, impairments })
link.b.attach({ receive: (slots, count) => tap.send(slots, count) })
tap.attach({ receive: (slots, count) => link.b.send(slots, count) })
const stack = new Netstack({ name: 'ours', clock, random, arena, tracer, tcp: options.tcp ?? {} })
stack.addInterface({
  name: 'nic0',
  port: link.a,
  mac: Mac.of('02:00:00:00:00:02'),
  addresses: [Prefix.of(`${OURS[4]}/24`), Prefix.of(`${OURS[6]}/64`)],
})
await sleep(clock, 50)

const kernel = new OsNetwork()
const [sender, receiver]: [Network, Network] = options.from === 'kernel' ? [kernel, stack] : [stack, kernel]
const address = (options.from === 'kernel' ? OURS : KERNELS)[options.family]

const pings = await pinged({})
// In fragments both ways: what the kernel sends back, it has put together before.
const largePings = await pinged({ payloadBytes: LARGE_BYTES })
const result: LinuxPeerResult = { ...(await transfer()), pings, largePings }
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))

/** Five at a time until some of them are answered. On a machine that stands still they all come too late. */
async function pinged(size: Pick<PingOptions, 'payloadBytes'>): Promise<number> {
  for (let round = 0; round < 20; round++) {
    const results = await stack.ping(KERNELS[options.family], { ...size, count: 5, intervalMs: 20 })
    const answered = results.filter(({ outcome }) => outcome === 'reply').length
    if (answered > 0) return answered
  }
  return 0
}

async function transfer(): Promise<Omit<LinuxPeerResult, 'pings' | 'largePings'>> {
  const received = createHash('sha256')
  const sent = createHash('sha256')
  let count = 0
  let isDone: () => void = () => undefined
  const done = new Promise<void>((resolve) => (isDone = resolve))
  const listener = await receiver.listenTcp({ address, port: 0 }, (socket) => {
    socket.on('data', (chunk: Uint8Array) => {
      count += chunk.length
      received.update(chunk)
    })
    socket.on('end', () => {
      socket.end()
      isDone()
    })
    socket.on('error', (error) => {
      process.stderr.write(`receiver: ${error.message}\n`)
      process.exit(1)
    })
  })
  const startMs = clock.nowMs()
  const socket = await sender.connectTcp({ address, port: listener.port })
  socket.on('error', (error) => {
    process.stderr.write(`sender: ${error.message}\n`)
    process.exit(1)
  })
  await send(socket, sent)
  await done
  const lost = ['a-to-b', 'b-to-a'] as const
  return {
    sent: sent.digest('hex'),
    received: received.digest('hex'),
    bytes: count,
    seconds: (clock.nowMs() - startMs) / 1000,
    lost: lost.reduce((sum, way) => sum + (link.counters(way).drops['LINK_LOSS'] ?? 0), 0),
    counters: stack.counters(),
  }
}

/** Random bytes, different in every chunk, with back-pressure. */
async function send(socket: TcpSocket, hash: ReturnType<typeof createHash>): Promise<void> {
  const pool = Buffer.from(random.bytes(4 * CHUNK))
  for (let left = options.bytes; left > 0;) {
    const at = random.below(3 * CHUNK)
    const chunk = pool.subarray(at, at + Math.min(CHUNK, left))
    left -= chunk.length
    hash.update(chunk)
    if (!socket.write(chunk)) await new Promise<void>((resolve) => socket.once('drain', resolve))
  }
  socket.end()
}
