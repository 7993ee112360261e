/**
 * What experiments cost: TCP flows through one emulated link of 1 Gb/s with a queue, in virtual time. Prints packets per CPU
 * second (every packet is built, checksummed, queued, delivered and acknowledged) and what the flows made of the link.
 * Run: `node packages/dataplane/netstack/bench/flows.ts [flows] [megabytes]`.
 */
import { SeededRandom, VirtualClock } from '@lodestone/host'
import type { CongestionControl } from '../src/index.ts'
import { benchHosts, cpuSeconds } from './harness.ts'

const flows = Number(process.argv[2] ?? 100)
const megabytes = Number(process.argv[3] ?? 100)

async function measure(congestionControl: CongestionControl): Promise<void> {
  const clock = new VirtualClock()
  const { client, server, link } = benchHosts({
    clock,
    random: new SeededRandom(1),
    mtuBytes: 1500,
    slots: 16_384,
    impairments: { rateBps: 1e9, delayMs: 0.02, queueBytes: 300_000 },
    tcp: { congestionControl, minRtoMs: 10, delayedAckMs: 1 },
  })
  const bytesEach = Math.floor((megabytes * 1e6) / flows)
  let finished = 0
  await server.listenTcp({ port: 9 }, (socket) => {
    socket.resume()
    socket.on('end', () => {
      finished++
      socket.end()
    })
  })
  const chunk = new Uint8Array(bytesEach)
  await clock.run(client.ping('10.0.0.2')) // more SYNs than may wait for ARP would be lost
  const startS = cpuSeconds()
  const startMs = clock.nowMs()
  for (let i = 0; i < flows; i++) {
    void client.connectTcp({ address: '10.0.0.2', port: 9 }).then((socket) => {
      socket.resume()
      socket.end(chunk)
    })
  }
  await clock.until(() => finished === flows, 3_600_000)
  const tookS = cpuSeconds() - startS
  const virtualMs = clock.nowMs() - startMs
  const packets = link.counters('a-to-b').framesOut + link.counters('b-to-a').framesOut
  const goodput = (flows * bytesEach * 8) / virtualMs / 1e6
  console.log(
    `${congestionControl.padEnd(8)} ${flows} flows: ${Math.round(packets / tookS)} packets per CPU second, ` +
      `${((tookS * 1e9) / packets).toFixed(0)} ns each, ${(clock.eventsRun / packets).toFixed(2)} events a packet; ` +
      `goodput ${goodput.toFixed(3)} Gb/s, ${link.counters('a-to-b').drops['LINK_QUEUE_FULL'] ?? 0} of ` +
      `${link.counters('a-to-b').framesIn} dropped by the queue`,
  )
  client.close()
  server.close()
}

for (const each of ['cubic', 'newreno', 'cubic', 'newreno'] as const) await measure(each)
