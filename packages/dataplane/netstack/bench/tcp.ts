/**
 * Throughput of one TCP connection between two stacks in this process, checksums on, over a link without delay and on the
 * real clock; beside it the kernel's TCP over loopback with segments of the same size.
 * Run: `node packages/dataplane/netstack/bench/tcp.ts [megabytes] [runs]`. Prints Gbit per CPU second, medians of the runs.
 */
import { OsRandom, RealClock } from '@lodestone/host'
import { benchHosts, cpuSeconds, kernelGbits, median } from './harness.ts'

const megabytes = Number(process.argv[2] ?? 400)
const runs = Number(process.argv[3] ?? 3)
const total = megabytes * 1e6

interface Case {
  readonly name: string
  readonly mtuBytes: number
  readonly address: string
}

const CASES: readonly Case[] = [
  { name: 'IPv4, 1460-byte segments', mtuBytes: 1500, address: '10.0.0.2' },
  { name: 'IPv6, 1440-byte segments', mtuBytes: 1500, address: 'fd00::2' },
  { name: 'IPv4, 8960-byte segments', mtuBytes: 9000, address: '10.0.0.2' },
]

async function measure({ mtuBytes, address }: Case): Promise<{ gbits: number; nsPerPacket: number }> {
  const { client, server, link } = benchHosts({
    clock: new RealClock(),
    random: new OsRandom(),
    mtuBytes,
    // 1460 bytes are those without the option.
    tcp: { timestamps: false },
  })
  const done = new Promise<void>((resolve, reject) => {
    let received = 0
    void server.listenTcp({ port: 9 }, (socket) => {
      socket.on('data', (chunk: Uint8Array) => {
        received += chunk.length
        if (received === total) resolve()
      })
      socket.on('error', reject)
    })
  })
  const socket = await client.connectTcp({ address, port: 9 })
  const chunk = new Uint8Array(250_000)
  const startS = cpuSeconds()
  let written = 0
  const write = (): void => {
    while (written < total) {
      written += chunk.length
      if (!socket.write(chunk)) return void socket.once('drain', write)
    }
  }
  write()
  await done
  const tookS = cpuSeconds() - startS
  const packets = link.counters('a-to-b').framesIn + link.counters('b-to-a').framesIn
  client.close()
  server.close()
  return { gbits: (total * 8) / tookS / 1e9, nsPerPacket: (tookS * 1e9) / packets }
}

const kernel = kernelGbits(total, runs)
// In turns, and the first turn does not count: it is spent on compiling.
const results: { gbits: number; nsPerPacket: number }[][] = CASES.map(() => [])
for (let turn = 0; turn <= runs; turn++) {
  for (const [i, each] of CASES.entries()) {
    const result = await measure(each)
    if (turn > 0) results[i]!.push(result)
  }
}
console.log('one connection, both ends'.padEnd(28), 'Gbit/CPU s'.padStart(11), 'ns/packet'.padStart(10))
for (const [i, each] of CASES.entries()) {
  const gbits = median(results[i]!.map((result) => result.gbits))
  const ns = median(results[i]!.map((result) => result.nsPerPacket))
  const ratio = kernel === undefined || each.mtuBytes !== 1500 ? '' : `  ${(gbits / kernel).toFixed(2)} of the kernel's`
  console.log(each.name.padEnd(28), gbits.toFixed(2).padStart(11), ns.toFixed(0).padStart(10) + ratio)
}
if (kernel === undefined) console.log('kernel: skipped, needs a C compiler and root on Linux')
else console.log("the kernel's, 1460 bytes".padEnd(28), kernel.toFixed(2).padStart(11))
process.exit(0) // the closed connections' timers would keep the process for a second
