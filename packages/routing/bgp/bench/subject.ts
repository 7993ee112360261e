/** The speaker under measurement, alone in its process. Told what to do over IPC by `full-table.ts`. */
import v8 from 'node:v8'
import { OsNetwork, RealClock, SeededRandom } from '@lodestone/host'
import { Ip } from '@lodestone/net'
import { Rib } from '@lodestone/rib'
import { Speaker } from '../src/index.ts'

// Loading a table fills the young generation with what lives on; letting it grow costs 80 MB and saves nothing.
v8.setFlagsFromString('--semi-space-growth-factor=1')
const port = Number(process.argv[2])
const senders = Number(process.argv[3])
const clock = new RealClock()
const rib = new Rib({ nowMs: () => clock.nowMs() })
const speaker = new Speaker({
  clock,
  random: new SeededRandom(1),
  network: new OsNetwork(),
  rib,
  asn: 65_000,
  routerId: Ip.of('10.99.0.1'),
  port,
  listenAddress: '127.0.0.1',
})
for (let n = 0; n <= senders; n++) {
  speaker.addPeer({
    name: `p${n}`,
    remoteAddress: Ip.of(`127.0.0.${10 + n}`),
    remoteAsn: 65_010 + n,
    isPassive: true,
    nextHop4: Ip.of('192.0.2.254'),
    families: [4],
  })
}
await speaker.listen()

let lateMs = 0
let lastMs = performance.now()
setInterval(() => {
  const now = performance.now()
  lateMs = Math.max(lateMs, now - lastMs - 5)
  lastMs = now
}, 5).unref()

process.on('message', (message) => {
  if (message !== 'usage') process.exit(0)
  const { user, system } = process.cpuUsage()
  process.send?.({
    cpuS: (user + system) / 1e6,
    rssMb: process.memoryUsage.rss() / 1e6,
    peakMb: process.resourceUsage().maxRSS / 1e3,
    heapMb: process.memoryUsage().heapUsed / 1e6,
    selected: rib.selectedCount,
    paths: rib.pathCount,
    groups: speaker.updateGroupCount,
    lateMs,
  })
  lateMs = 0
})
process.send?.('ready')
