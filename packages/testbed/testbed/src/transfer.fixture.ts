/** For tests: many bytes over one TCP connection, checked one by one, and how long the receiver ever had to wait. */
import type { TcpSocket } from '@lodestone/host'
import type { Netstack } from '@lodestone/netstack'
import type { RackLab } from './rack-lab.fixture.ts'

export interface TransferOptions {
  readonly lab: RackLab
  /** Who opens the connection, and who listens. */
  readonly opener: Netstack
  readonly listener: Netstack
  readonly address: string
  readonly port: number
  readonly bytes: number
  /** Which of the two sends. */
  readonly sender: 'opener' | 'listener'
  /** What to do when the receiver has so many bytes; the transfer goes on meanwhile. */
  readonly when?: { readonly bytes: number; readonly act: () => void }
  readonly withinMs?: number
}

export interface TransferResult {
  readonly durationMs: number
  /** The longest time without a byte for the receiver, between the first and the last. */
  readonly longestGapMs: number
}

/** Resolves when every byte has arrived in its place. Rejects when one is wrong, or the connection breaks. */
export async function transfer(options: TransferOptions): Promise<TransferResult> {
  const { lab, opener, listener, address, port, sender, bytes } = options
  const { clock } = lab
  let accept: (socket: TcpSocket) => void = () => {}
  const accepted = new Promise<TcpSocket>((resolve) => {
    accept = resolve
  })
  const listening = await lab.run(listener.listenTcp({ port }, accept))
  const opened = await lab.run(opener.connectTcp({ address, port }))
  const source = sender === 'opener' ? opened : await lab.run(accepted)
  const sink = sender === 'opener' ? await lab.run(accepted) : opened

  const startMs = clock.nowMs()
  let received = 0
  let lastMs = startMs
  let longestGapMs = 0
  let pending = options.when
  const done = new Promise<void>((resolve, reject) => {
    for (const socket of [source, sink]) socket.on('error', reject)
    sink.on('data', (chunk: Buffer) => {
      const nowMs = clock.nowMs()
      longestGapMs = Math.max(longestGapMs, nowMs - lastMs)
      lastMs = nowMs
      for (let i = 0; i < chunk.length; i++) {
        if (chunk[i] !== byteAt(received + i)) return reject(new Error(`byte ${received + i} is not what was sent`))
      }
      received += chunk.length
      if (pending !== undefined && received >= pending.bytes) {
        const { act } = pending
        pending = undefined
        clock.after(0, () => {
          try {
            act()
          } catch (error) {
            reject(error as Error)
          }
        })
      }
    })
    sink.on('end', () =>
      received === bytes ? resolve() : reject(new Error(`${received} of ${bytes} bytes arrived before the end`)),
    )
  })
  const payload = new Uint8Array(bytes)
  for (let i = 0; i < bytes; i++) payload[i] = byteAt(i)
  source.end(payload)
  try {
    await lab.run(done, options.withinMs ?? 60_000)
    sink.end()
  } catch (error) {
    for (const socket of [source, sink]) socket.destroy()
    throw new Error(`${received} of ${bytes} bytes arrived, the last at ${lastMs} ms`, { cause: error })
  } finally {
    listening.close()
  }
  return { durationMs: lastMs - startMs, longestGapMs }
}

/** Not periodic in any power of two, so that a byte in the wrong place is noticed. */
function byteAt(offset: number): number {
  return ((Math.imul(offset, 0x9e3779b1) >>> 24) ^ (offset % 251)) & 0xff
}
