/** The serial console of an instance on a WebSocket: what the guest prints, and what is typed. */
import { type Channel, readNdjson } from '@lodestone/api'
import { type SledAgentClient, SerialConsoleChunk } from '@lodestone/contract-sled-agent'
import { type Clock, sleep } from '@lodestone/host'

/** Reading the guest stops while the browser is this far behind; the sled then skips what does not fit. */
const MAX_BUFFERED_BYTES = 256 * 1024
const RETRY_MS = 20
/** RFC 6455 §7.4.1. */
const Close = { normal: 1000, internalError: 1011 } as const

export async function attachConsole(
  clock: Clock,
  agent: SledAgentClient,
  instanceId: string,
  mostRecent: number,
  channel: Channel,
): Promise<void> {
  const params = { instance_id: instanceId }
  const ended = new AbortController()
  channel.onClose(() => ended.abort())
  // One after the other: keys must arrive in the order they were hit.
  let typing: Promise<unknown> = Promise.resolve()
  channel.onMessage((message) => {
    typing = typing.then(() => agent.instance_serial_console_input({ params, body: { data: [...message] } }))
  })
  const query = { most_recent: mostRecent }
  const opened = await agent.instance_serial_console_stream({ params, query, signal: ended.signal })
  if (!opened.ok) return channel.close(Close.internalError, opened.message.slice(0, 120))
  try {
    for await (const { data } of readNdjson(opened.value, SerialConsoleChunk)) {
      if (ended.signal.aborted) return
      channel.send(Buffer.from(data, 'base64'))
      while (channel.bufferedBytes > MAX_BUFFERED_BYTES && !ended.signal.aborted) await sleep(clock, RETRY_MS)
    }
    channel.close(Close.normal)
  } catch {
    channel.close(Close.internalError, 'the sled does not answer any more')
  }
}
