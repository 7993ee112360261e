/**
 * Throughput of one TCP connection between two stacks in this process, over a link without delay and on the real clock.
 * Run: `node packages/dataplane/netstack/bench/tcp.ts [megabytes]`. Prints Gbit/s and ns per packet for several MTUs.
 */
import { Arena } from '@lodestone/frame'
import { OsRandom, RealClock } from '@lodestone/host'
import { Link } from '@lodestone/link'
import { Mac, Prefix } from '@lodestone/net'
import { Tracer } from '@lodestone/probe'
import { Netstack } from '../src/index.ts'

const megabytes = Number(process.argv[2] ?? 400)

for (const mtuBytes of [1500, 9000]) {
  const clock = new RealClock()
  const random = new OsRandom()
  const arena = new Arena({ slots: 4096 })
  const tracer = new Tracer(() => clock.nowMs())
  const link = new Link({ name: 'wire', a: 'a', b: 'b', clock, random, arena, tracer, mtuBytes })
  const make = (name: string, end: 'a' | 'b', index: number): Netstack => {
    const stack = new Netstack({ name, clock, random, arena, tracer })
    const mac = Mac.fromNumber(0x020000000000 + index)
    stack.addInterface({ name: 'nic0', port: link[end], mac, mtuBytes, addresses: [Prefix.of(`10.0.0.${index}/24`)] })
    return stack
  }
  const client = make('client', 'a', 1)
  const server = make('server', 'b', 2)
  const total = megabytes * 1e6
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
  const socket = await client.connectTcp({ address: '10.0.0.2', port: 9 })
  const chunk = new Uint8Array(250_000)
  const startMs = clock.nowMs()
  let written = 0
  const write = (): void => {
    while (written < total) {
      written += chunk.length
      if (!socket.write(chunk)) return void socket.once('drain', write)
    }
  }
  write()
  await done
  const tookMs = clock.nowMs() - startMs
  const packets = link.counters('a-to-b').framesIn + link.counters('b-to-a').framesIn
  const gbps = (total * 8) / tookMs / 1e6
  const nsPerPacket = (tookMs * 1e6) / packets
  console.log(
    `MTU ${mtuBytes}: ${gbps.toFixed(2)} Gbit/s, ${nsPerPacket.toFixed(0)} ns per packet (${packets} packets in ${tookMs.toFixed(0)} ms)`,
  )
  client.close()
  server.close()
}
process.exit(0) // the closed connections' timers would keep the process for a second
