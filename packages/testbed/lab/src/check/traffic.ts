/**
 * Flows between two emulated hosts, over their own TCP and UDP: how long each took, and what got through. A TCP flow is complete
 * when the receiver has said that it has every byte; a UDP flow when its last datagram has left and the path has had time to deliver.
 */
import { type Clock, sleep, type TcpSocket } from '@lodestone/host'
import type { Netstack } from '@lodestone/netstack'
import type { TrafficReport, TrafficRequest } from '../control/lab-api.ts'
import { LabError } from '../runtime/lab-error.ts'
import type { LabRuntime } from '../runtime/lab-runtime.ts'
import { addressOf } from './reachability.ts'

const CHUNK = new Uint8Array(64 * 1024)
/** How long datagrams may still be on their way when the last one was sent. */
const DRAIN_MS = 1000

interface Ends {
  readonly from: Netstack
  readonly to: Netstack
  readonly address: string
  readonly clock: Clock
}

export async function runTraffic(lab: LabRuntime, request: TrafficRequest): Promise<TrafficReport> {
  const [from, to] = [lab.stack(request.from), lab.stack(request.to)]
  if (from === undefined || to === undefined) {
    const missing = from === undefined ? request.from : request.to
    throw new LabError(`${missing} is no emulated host: traffic is made by the stacks of those`)
  }
  const address = request.address ?? addressOf(lab, request.to)
  if (address === undefined) throw new LabError(`${request.to} has no address`)
  const ends = { from, to, address, clock: lab.world.clock }
  return request.protocol === 'tcp' ? tcpFlows(ends, request) : udpFlows(ends, request)
}

async function tcpFlows(ends: Ends, request: TrafficRequest): Promise<TrafficReport> {
  const { clock } = ends
  const listener = await ends.to.listenTcp({ port: request.port }, (socket) => sink(socket))
  const times: number[] = []
  const errors: string[] = []
  const startMs = clock.nowMs()
  const one = async (): Promise<void> => {
    const beginMs = clock.nowMs()
    try {
      await tcpFlow(ends, request)
      times.push(clock.nowMs() - beginMs)
    } catch (error) {
      errors.push((error as Error).message)
    }
  }
  try {
    if (request.parallel) await Promise.all(Array.from({ length: request.flows }, one))
    else for (let i = 0; i < request.flows; i++) await one()
  } finally {
    listener.close()
  }
  const elapsedMs = clock.nowMs() - startMs
  const bytes = times.length * request.bytes
  return {
    protocol: 'tcp',
    flows: request.flows,
    completed: times.length,
    bytes,
    elapsed_ms: elapsedMs,
    throughput_bps: elapsedMs > 0 ? (bytes * 8000) / elapsedMs : 0,
    fct_ms: spread(times),
    lost: 0,
    reordered: 0,
    errors: [...new Set(errors)],
  }
}

/** Reads to the end, then answers by ending too: so the sender learns that all has come. */
function sink(socket: TcpSocket): void {
  socket.on('data', () => undefined)
  socket.on('end', () => socket.end())
  socket.on('error', () => socket.destroy())
}

async function tcpFlow({ from, address, clock }: Ends, request: TrafficRequest): Promise<void> {
  const socket = await from.connectTcp({ address, port: request.port, timeoutMs: request.timeout_ms })
  await new Promise<void>((resolve, reject) => {
    const timer = clock.after(request.timeout_ms, () => {
      socket.destroy()
      reject(new Error(`a flow did not complete in ${request.timeout_ms} ms`))
    })
    let rest = request.bytes
    const write = (): void => {
      while (rest > 0) {
        const part = rest < CHUNK.length ? CHUNK.subarray(0, rest) : CHUNK
        rest -= part.length
        if (!socket.write(part)) return void socket.once('drain', write)
      }
      socket.end()
    }
    socket.on('data', () => undefined)
    socket.on('end', () => {
      timer.cancel()
      resolve()
    })
    socket.on('error', (error) => {
      timer.cancel()
      reject(error)
    })
    write()
  })
}

async function udpFlows(ends: Ends, request: TrafficRequest): Promise<TrafficReport> {
  const { clock, address } = ends
  const perFlow = Math.ceil(request.bytes / request.payload_bytes)
  let received = 0
  let reordered = 0
  let last = 0
  const highest = new Float64Array(request.flows).fill(-1)
  const server = await ends.to.bindUdp(
    { port: request.port, ...(address.includes(':') ? { address: '::' } : {}) },
    ({ payload }) => {
      const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
      const flow = view.getUint32(0)
      const sequence = view.getUint32(4)
      received++
      last = clock.nowMs()
      if (flow >= highest.length) return
      if (sequence < highest[flow]!) reordered++
      else highest[flow] = sequence
    },
  )
  const client = await ends.from.bindUdp(
    { port: 0, ...(address.includes(':') ? { address: '::' } : {}) },
    () => undefined,
  )
  const gapMs = (request.payload_bytes * 8000) / request.rate_bps
  const startMs = clock.nowMs()
  const send = async (flow: number): Promise<void> => {
    const payload = new Uint8Array(request.payload_bytes)
    const view = new DataView(payload.buffer)
    view.setUint32(0, flow)
    for (let sequence = 0; sequence < perFlow; sequence++) {
      view.setUint32(4, sequence)
      client.send(payload, address, request.port)
      // On the beat, so that a timer that comes late does not slow the sender down.
      const waitMs = startMs + (sequence + 1) * gapMs - clock.nowMs()
      if (waitMs > 0) await sleep(clock, waitMs)
    }
  }
  if (request.parallel) await Promise.all(Array.from({ length: request.flows }, (_, flow) => send(flow)))
  else for (let flow = 0; flow < request.flows; flow++) await send(flow)
  await sleep(clock, DRAIN_MS)
  server.close()
  client.close()
  const sent = perFlow * request.flows
  const elapsedMs = Math.max(0, last - startMs)
  return {
    protocol: 'udp',
    flows: request.flows,
    completed: received === sent ? request.flows : 0,
    bytes: received * request.payload_bytes,
    elapsed_ms: elapsedMs,
    throughput_bps: elapsedMs > 0 ? (received * request.payload_bytes * 8000) / elapsedMs : 0,
    fct_ms: null,
    lost: Math.max(0, sent - received),
    reordered,
    errors: [],
  }
}

function spread(times: readonly number[]): TrafficReport['fct_ms'] {
  if (times.length === 0) return null
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!
  return { min: sorted[0]!, p50: at(0.5), p99: at(0.99), max: sorted.at(-1)! }
}
