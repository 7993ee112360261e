/** The thread that keeps the sessions: a speaker on the operating system's sockets and clock, told what to do by messages. */
import { OsNetwork, OsRandom, RealClock } from '@lodestone/host'
import { parentPort, workerData } from 'node:worker_threads'
import { BfdSpeaker } from '../speaker.ts'
import { type BfdThreadData, type FromBfdThread, plain, restored, type ToBfdThread } from './message.ts'

const port = parentPort! // because this file runs as a worker only
const data = workerData as BfdThreadData // because only `BfdWorker` starts it
/** What was said last leaves the sockets before the thread ends. */
const FAREWELL_MS = 150

const clock = new RealClock()
const speaker = new BfdSpeaker({ clock, random: new OsRandom(), network: new OsNetwork(), ...data })
const tell = (message: FromBfdThread): void => port.postMessage(message)

speaker.onState(({ peer, ...change }) => tell({ kind: 'change', peer: peer.name, change }))

port.on('message', (message: ToBfdThread) => {
  switch (message.kind) {
    case 'listen':
      return void listen(message.request)
    case 'peers':
      speaker.setPeers(message.peers.map(restored))
      return tellStatus(0)
    case 'interface-down':
      return speaker.interfaceDown(message.name)
    case 'status':
      return tellStatus(message.request)
    case 'close':
      speaker.close()
      clock.after(FAREWELL_MS, () => {
        tell({ kind: 'closed' })
        port.close()
      })
  }
})

async function listen(request: number): Promise<void> {
  try {
    await speaker.listen()
    tell({ kind: 'listening', request })
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const code = 'code' in error ? String(error.code) : 'EIO'
    tell({ kind: 'not-listening', request, code, reason: error.message })
  }
}

function tellStatus(request: number): void {
  const status = speaker.status()
  tell({ kind: 'status', request, status: { ...status, peers: status.peers.map(plain) } })
}
