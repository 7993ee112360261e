/**
 * Full tables through our own speaker over loopback: from one sender or ten to one collector. The speaker is a process of its own; printed
 * are its CPU seconds (all threads, since its start and since its sessions came up), wall time, and resident memory.
 *
 *     node packages/routing/bgp/bench/full-table.ts [rows]      rows: 100k,1m,ten  (default all)
 */
import { fork } from 'node:child_process'
import { tableStream, update } from './table-stream.ts'
import { WirePeer } from './wire-peer.ts'

interface Usage {
  readonly cpuS: number
  readonly rssMb: number
  readonly peakMb: number
  readonly heapMb: number
  readonly selected: number
  readonly paths: number
  readonly groups: number
  readonly lateMs: number
}

const rows = (process.argv[2] ?? '100k,1m,ten').split(',')
let nextPort = 17_900 + (process.pid % 1000)

async function subject(senders: number) {
  const port = nextPort++
  const child = fork(new URL('./subject.ts', import.meta.url), [String(port), String(senders)])
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve())
    child.once('exit', () => reject(new Error('the speaker did not start')))
  })
  child.removeAllListeners('exit')
  const usage = (): Promise<Usage> =>
    new Promise((resolve) => {
      child.once('message', (message) => resolve(message as Usage))
      child.send('usage')
    })
  const peers: WirePeer[] = []
  for (let n = 0; n <= senders; n++) {
    peers.push(await WirePeer.connect(port, `127.0.0.${10 + n}`, 65_010 + n, 0x0a630100 + n))
  }
  await sleep(200)
  return { peers, collector: peers[senders]!, usage, close: () => child.send('exit') }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function print(row: string, wallMs: number, before: Usage, after: Usage, extra = ''): void {
  const cells = [
    row.padEnd(26),
    `${(wallMs / 1000).toFixed(2)} s wall`,
    `${(after.cpuS - before.cpuS).toFixed(2)} s CPU`,
    `${after.cpuS.toFixed(2)} s CPU since start`,
    `${before.rssMb.toFixed(0)} to ${after.rssMb.toFixed(0)} MB (peak ${after.peakMb.toFixed(0)}, heap ${after.heapMb.toFixed(0)})`,
    `loop late ${after.lateMs.toFixed(0)} ms`,
    extra,
  ]
  console.log(cells.join('  '))
}

async function oneSender(name: string, prefixes: number, attributeSets: number, isFull: boolean): Promise<void> {
  const stream = tableStream({ prefixes, attributeSets, asn: 65_010, nextHop: 1 })
  const { peers, collector, usage, close } = await subject(1)
  const sender = peers[0]!
  const idle = await usage()
  const startMs = performance.now()
  await Promise.all([sender.send(stream.bytes), collector.until(() => collector.announced >= stream.prefixes)])
  const loaded = await usage()
  print(
    `${name} in and out`,
    collector.lastAtMs - startMs,
    idle,
    loaded,
    `${collector.updates} messages, ${stream.updates} in`,
  )
  if (collector.announced !== stream.prefixes || loaded.selected !== stream.prefixes)
    throw new Error('the table is not complete')
  if (isFull) await singleRoutes(sender, collector)
  const before = await usage()
  const downMs = performance.now()
  sender.socket.destroy()
  const gone = collector.withdrawn + stream.prefixes
  await collector.until(() => collector.withdrawn >= gone)
  const after = await usage()
  print(`${name} withdrawn`, collector.lastAtMs - downMs, before, after, `${after.selected} left`)
  close()
}

async function singleRoutes(sender: WirePeer, collector: WirePeer): Promise<void> {
  const attributes = (n: number): Uint8Array =>
    Uint8Array.from([
      0x40,
      1,
      1,
      0,
      0x40,
      2,
      10,
      2,
      2,
      0,
      0,
      0xfd,
      0xf2,
      0,
      1,
      n >>> 8,
      n & 0xff,
      0x40,
      3,
      4,
      192,
      0,
      2,
      1,
    ])
  const delays: number[] = []
  for (let n = 0; n < 1000; n++) {
    const before = collector.announced
    const prefix = [[0xc6336400 + (n & 0xff), 32]] as const
    const startMs = performance.now()
    sender.socket.write(update(prefix, attributes(n)))
    await collector.until(() => collector.announced > before)
    delays.push(performance.now() - startMs)
    const withdrawn = collector.withdrawn
    sender.socket.write(update(prefix, new Uint8Array(0)))
    await collector.until(() => collector.withdrawn > withdrawn)
  }
  delays.sort((a, b) => a - b)
  console.log(
    `one route through it        p50 ${delays[500]!.toFixed(3)} ms  p99 ${delays[990]!.toFixed(3)} ms  max ${delays[999]!.toFixed(3)} ms`,
  )
}

async function tenSenders(): Promise<void> {
  const streams = Array.from({ length: 10 }, (_, n) =>
    tableStream({ prefixes: 100_000, attributeSets: 19_000, asn: 65_010 + n, nextHop: n + 1 }),
  )
  const { peers, collector, usage, close } = await subject(10)
  const idle = await usage()
  const startMs = performance.now()
  await Promise.all(streams.map((stream, n) => peers[n]!.send(stream.bytes)))
  let loaded = await usage()
  while (loaded.paths < 1_000_000 || collector.announced < 100_000 || performance.now() - collector.lastAtMs < 300) {
    await sleep(50)
    loaded = await usage()
  }
  print(
    'ten senders, the same 100k',
    collector.lastAtMs - startMs,
    idle,
    loaded,
    `${loaded.groups} groups, ${collector.announced} told`,
  )
  const before = await usage()
  const downMs = performance.now()
  for (const peer of peers.slice(0, 10)) peer.socket.destroy()
  let left = await usage()
  while (left.paths > 0 || performance.now() - collector.lastAtMs < 300) {
    await sleep(50)
    left = await usage()
  }
  print('all ten gone', collector.lastAtMs - downMs, before, left, `${collector.withdrawn} withdrawn`)
  close()
}

for (const row of rows) {
  if (row === '100k') await oneSender('100k', 100_000, 19_000, false)
  else if (row === '1m') await oneSender('1M', 1_000_000, 191_210, true)
  else if (row === 'ten') await tenSenders()
  else throw new Error(`rows are 100k, 1m, ten; not ${row}`)
}
