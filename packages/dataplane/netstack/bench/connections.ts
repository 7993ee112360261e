/**
 * Many connections: opens them at once, sends one message each way over each, and closes them. Prints CPU time and memory
 * per connection. Run: `node --expose-gc packages/dataplane/netstack/bench/connections.ts [connections]`.
 */
import { SeededRandom, type TcpSocket, VirtualClock } from '@lodestone/host'
import { benchHosts, cpuSeconds } from './harness.ts'

const count = Number(process.argv[2] ?? 10_000)

function memoryBytes(): number {
  globalThis.gc?.()
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return heapUsed + external + arrayBuffers
}

const clock = new VirtualClock()
const { client, server } = benchHosts({
  clock,
  random: new SeededRandom(1),
  mtuBytes: 1500,
  slots: 32_768,
  impairments: { delayMs: 0.1 },
  tcp: { synBacklog: count },
})
await server.listenTcp({ port: 9 }, (socket) => {
  socket.on('data', (chunk: Uint8Array) => socket.write(chunk))
  socket.on('end', () => socket.end())
  socket.on('error', () => undefined)
})
const before = memoryBytes()
const sockets: TcpSocket[] = []
const row = (what: string, startS: number): void => {
  console.log(what.padEnd(28), (((cpuSeconds() - startS) * 1e6) / count).toFixed(1).padStart(8), 'CPU µs each')
}

let startS = cpuSeconds()
for (let i = 0; i < count; i++) {
  void client.connectTcp({ address: '10.0.0.2', port: 9, timeoutMs: 60_000 }).then((socket) => sockets.push(socket))
}
if (!(await clock.until(() => sockets.length === count, 60_000)))
  throw new Error(`${sockets.length} of ${count} opened`)
row(`open ${count}`, startS)
const each = globalThis.gc === undefined ? NaN : (memoryBytes() - before) / count / 2
console.log('memory of each end'.padEnd(28), each.toFixed(0).padStart(8), 'bytes')

startS = cpuSeconds()
let answered = 0
for (const socket of sockets) {
  socket.on('data', () => answered++)
  socket.write('hello')
}
if (!(await clock.until(() => answered === count, 60_000))) throw new Error(`${answered} of ${count} answered`)
row('a message and its echo', startS)

startS = cpuSeconds()
await clock.advance(10_000)
row('ten seconds of silence', startS)

startS = cpuSeconds()
for (const socket of sockets) socket.end()
await clock.advance(5000)
if (client.connections().length + server.connections().length > 0) throw new Error('connections are left')
row('close', startS)
