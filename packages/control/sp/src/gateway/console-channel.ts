/** An attached console on a WebSocket: what the host prints, and what is typed, in the order of the keys. */
import type { Channel } from '@lodestone/api'
import type { Clock, Timer } from '@lodestone/host'
import type { ConsoleEnd, ConsoleSession } from './console-session.ts'

/** Nothing is sent while the other end is this far behind; what the session keeps no longer is skipped then. */
const MAX_BUFFERED_BYTES = 256 * 1024
const RETRY_MS = 20
/** RFC 6455 §7.4.1 and the registry of codes: with "try again later" the console may be attached anew. */
const Close = { normal: 1000, internalError: 1011, tryAgainLater: 1013 } as const

const ENDS: Readonly<Record<ConsoleEnd, readonly [code: number, reason: string]>> = {
  detached: [Close.normal, 'detached'],
  taken: [Close.normal, 'somebody else attached'],
  lost: [Close.tryAgainLater, 'the service processor does not answer'],
}

/** @param detach is called when the channel closes while the session is still open. */
export function streamConsole(clock: Clock, session: ConsoleSession, channel: Channel, detach: () => void): void {
  let offset = 0
  let retry: Timer | undefined
  const pump = (): void => {
    if (channel.bufferedBytes > MAX_BUFFERED_BYTES) {
      retry?.cancel()
      retry = clock.after(RETRY_MS, pump)
      return
    }
    const { data, nextOffset } = session.read(offset)
    offset = nextOffset
    if (data.length > 0) channel.send(data)
  }
  let typing: Promise<unknown> = Promise.resolve()
  channel.onMessage((message) => {
    typing = typing.then(async () => {
      if (session.isOpen && !(await session.type(message))) {
        channel.close(Close.internalError, 'the service processor takes no more')
      }
    })
  })
  channel.onClose(() => {
    retry?.cancel()
    if (session.isOpen) detach()
  })
  session.follow({
    onPrinted: pump,
    onClose: (reason) => {
      retry?.cancel()
      channel.close(...ENDS[reason])
    },
  })
  // It may have ended, or printed, between the attachment and the upgrade.
  if (!session.isOpen) channel.close(Close.normal, 'detached')
  else pump()
}
