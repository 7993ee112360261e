/**
 * Frames of 64 bytes from one namespace to another through `p4/switch.p4` on one core: packet sockets with rings, pipeline, packet
 * sockets. Beside it, in the same run and on the same core, a C program that only forwards: with the same rings and system calls, and
 * the plain way (recvmmsg, sendmmsg). The sender has the other core. Needs root, gcc and ip(8):
 *
 *     node packages/testbed/lab/bench/af-packet.ts [SECONDS]
 *
 * Counted is what arrives in the second namespace, by the kernel's counter of its interface.
 */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Arena } from '@lodestone/frame'
import { RealClock } from '@lodestone/host'
import { AfPacketPort } from '@lodestone/link'
import { Tracer } from '@lodestone/probe'
import { labProgram } from '../src/os-p4-program.ts'
import { P4Switch } from '../src/runtime/p4-switch.ts'

const SECONDS = Number(process.argv[2] ?? 4)
const [FIRST, SECOND] = ['lode-bench-a', 'lode-bench-b']
const [IN, OUT] = ['lodeba', 'lodebb']
const FORWARDER_CORE = '0'
const SENDER_CORE = '1'
const folder = mkdtempSync(join(tmpdir(), 'lode-bench-'))
const packets = join(folder, 'packets')

function ip(...words: readonly string[]): string {
  return execFileSync('ip', words, { encoding: 'utf8' })
}

function arrived(): number {
  return Number(ip('netns', 'exec', SECOND, 'cat', '/sys/class/net/eth0/statistics/rx_packets'))
}

function send(seconds: number): Promise<void> {
  const words = ['-c', SENDER_CORE, 'ip', 'netns', 'exec', FIRST, packets, 'send', 'eth0', String(seconds)]
  return new Promise((resolve) => spawn('taskset', words, { stdio: 'inherit' }).on('close', () => resolve()))
}

interface Figures {
  readonly perSecond: number
  /** Of the forwarding process, for each frame; it spins, so that this is the cost of a frame only at full load. */
  readonly cpuNs: number
  readonly kernelNs: number
}

/** Arrivals per second in the middle of a run, and the CPU time of this process for each. */
async function measure(busy: () => void): Promise<Figures> {
  const done = send(SECONDS + 1.5)
  const until = (ms: number): void => {
    for (const endMs = performance.now() + ms; performance.now() < endMs;) busy()
  }
  until(1000)
  const [count, cpu, startMs] = [arrived(), process.cpuUsage(), performance.now()]
  until(SECONDS * 1000)
  const [seconds, used, frames] = [(performance.now() - startMs) / 1000, process.cpuUsage(cpu), arrived() - count]
  await done
  const cpuNs = ((used.user + used.system) * 1000) / frames
  return { perSecond: frames / seconds, cpuNs, kernelNs: (used.system * 1000) / frames }
}

/** The C program, which spins as we do; what it cost it says itself. */
async function measureNative(mode: 'rings' | 'forward'): Promise<Figures> {
  const native = spawn('taskset', ['-c', FORWARDER_CORE, packets, mode, IN, OUT, String(SECONDS + 3)])
  let told = ''
  native.stdout.on('data', (data: Buffer) => (told += data.toString()))
  const done = new Promise((resolve) => native.on('close', resolve))
  const cell = new Int32Array(new SharedArrayBuffer(4))
  const { perSecond } = await measure(() => void Atomics.wait(cell, 0, 0, 20))
  await done
  const [cpuNs, kernelNs] = told.trim().split(' ').map(Number)
  return { perSecond, cpuNs: cpuNs ?? NaN, kernelNs: kernelNs ?? NaN }
}

try {
  execFileSync('gcc', ['-O2', '-o', packets, join(import.meta.dirname, 'packets.c')])
  for (const [namespace, device] of [
    [FIRST, IN],
    [SECOND, OUT],
  ] as const) {
    ip('netns', 'add', namespace)
    ip('link', 'add', device, 'type', 'veth', 'peer', 'eth0', 'netns', namespace)
    ip('netns', 'exec', namespace, 'sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1')
    execFileSync('sysctl', ['-qw', `net.ipv6.conf.${device}.disable_ipv6=1`])
    ip('-n', namespace, 'link', 'set', 'eth0', 'up')
    ip('link', 'set', device, 'up')
  }
  execFileSync('taskset', ['-a', '-p', '-c', FORWARDER_CORE, String(process.pid)], { stdio: 'ignore' })

  const ringed = await measureNative('rings')
  const plain = await measureNative('forward')

  const arena = new Arena({ slots: 4096, slotBytes: 2560 })
  const ports = new Map(
    [IN, OUT].map((device, i) => [String(i + 1), new AfPacketPort({ device, arena, isWaiting: false })]),
  )
  const clock = new RealClock()
  const node = new P4Switch({
    name: 'switch',
    arena,
    clock,
    tracer: new Tracer(() => clock.nowMs()),
    program: labProgram('switch'),
    ports,
    seed: 1,
    document: {
      kind: 'switch',
      program: 'switch',
      ports: [1, 2],
      groups: [],
      defaults: {},
      multicast: {},
      entries: [
        { table: 'lookup_v6', keys: ['fd00::/64'], action: 'index', args: [0, 1] },
        { table: 'route_v6', keys: [0], action: 'forward_v6', args: [2, 'fe80::2'] },
        { table: 'ndp', keys: [2, 'fe80::2'], action: 'rewrite', args: ['02:00:00:00:00:02'] },
        { table: 'mac_rewrite', keys: [2], action: 'rewrite', args: ['a8:40:25:05:00:66'] },
      ],
    },
  })
  await node.start()
  const [input] = [...ports.values()]
  const show = spawn('ip', ['netns', 'exec', SECOND, packets, 'show', 'eth0'])
  let sample = ''
  show.stdout.on('data', (data: Buffer) => (sample += data.toString()))
  const ours = await measure(() => void input!.poll())
  const drops = [...node.pipeline.drops()].map(([reason, count]) => `${node.pipeline.dropReason(reason).code} ${count}`)
  for (const port of ports.values()) port.close()
  await new Promise((resolve) => setTimeout(resolve, 100))
  show.kill()
  const isForwarded = sample.startsWith('020000000002a84025050066') && sample.slice(42, 44) === '3f'
  const rate = (perSecond: number): string =>
    `${Math.round(perSecond / 1000).toLocaleString('en')} 000 packets a second`
  const row = (name: string, { perSecond, cpuNs, kernelNs }: Figures): void =>
    console.log(
      `${name.padEnd(32)} ${rate(perSecond)}, ${Math.round(cpuNs)} ns of CPU each, ${Math.round(kernelNs)} of them the kernel's`,
    )
  row('switch.p4 over AF_PACKET rings', ours)
  row('C, forwarding only, same rings', ringed)
  row('C, forwarding only, sendmmsg', plain)
  console.log(`ratio to C with the same rings   ${(ours.perSecond / ringed.perSecond).toFixed(2)}`)
  // On a machine that is busy with other things, wall time says little: what one core would do by itself.
  console.log(`of a whole core                  ${rate(1e9 / ours.cpuNs)}`)
  console.log(
    `goal 400 000                     ${ours.perSecond >= 400_000 ? 'reached' : 1e9 / ours.cpuNs >= 400_000 ? 'reached by CPU time only' : 'missed'}`,
  )
  console.log(
    `a frame that arrived             ${isForwarded ? 'MACs and hop limit as the switch sets them' : `WRONG: ${sample}`}`,
  )
  if (drops.length > 0) console.log(`drops                            ${drops.join(', ')}`)
  process.exitCode = isForwarded ? 0 : 1
} finally {
  for (const namespace of [FIRST, SECOND]) ip('netns', 'delete', namespace)
  rmSync(folder, { recursive: true, force: true })
}
process.exit()
