/** A process in a network namespace: two workers with four sessions between them; prints what happened as JSON. */
import { execFileSync } from 'node:child_process'
import process from 'node:process'
import { OsNetwork, RealClock, sleep } from '@lodestone/host'
import { Ip } from '@lodestone/net'
import { SINGLE_HOP_PORT } from '../control-packet.ts'
import type { PeerConfig } from '../peer-config.ts'
import { BfdWorker } from './bfd-worker.ts'

execFileSync('ip', ['link', 'set', 'lo', 'up'])
const clock = new RealClock()
const LEFT = ['127.0.0.1', '127.0.0.3', '127.0.0.5', '127.0.0.7']
const RIGHT = ['127.0.0.2', '127.0.0.4', '127.0.0.6', '127.0.0.8']
const left = new BfdWorker({ clock, listenAddresses: LEFT })
const right = new BfdWorker({ clock, listenAddresses: RIGHT })
const clash = new BfdWorker({ clock, listenAddresses: LEFT })

function peers(own: readonly string[], others: readonly string[]): PeerConfig[] {
  return own.map((address, i) => ({
    name: `peer${i}`,
    localAddress: Ip.of(address),
    remoteAddress: Ip.of(others[i]!), // because both lists are of one length
    desiredMinTxUs: 100_000,
    requiredMinRxUs: 100_000,
  }))
}

const changes: Array<readonly [string, boolean]> = []
const ups: string[] = []
let downs = 0
left.onState(({ peer, from, to, isFailure }) => {
  if (to === 'Up') ups.push(peer.name)
  if (from === 'Up') {
    downs++
    changes.push([to, isFailure])
  }
})
await Promise.all([left.listen(), right.listen()])
const firstRefusal = await clash.listen().then(
  () => 'listening',
  (error: Error) => error.message,
)
clash.close()
left.setPeers(peers(LEFT, RIGHT))
right.setPeers(peers(RIGHT, LEFT))
for (let i = 0; i < 400 && ups.length < 4; i++) await sleep(clock, 10)

const from = clock.nowMs()
while (clock.nowMs() - from < 1500) Math.sqrt(2)
const busyMs = clock.nowMs() - from
await sleep(clock, 50)
const downsWhileBusy = downs

const stranger = await new OsNetwork().bindUdp({ address: '127.0.0.9', port: 0, hopLimit: 254 }, () => undefined)
for (let i = 0; i < 3; i++) stranger.send(new Uint8Array(24), '127.0.0.1', SINGLE_HOP_PORT)
await sleep(clock, 50)
const status = await left.refreshStatus()
right.close()
await sleep(clock, 500)
const seen = {
  firstRefusal,
  ups,
  busyMs,
  downsWhileBusy,
  wrongHopLimits: status.counters['hop-limit-wrong'],
  states: status.peers.map(({ state }) => state),
  remoteAddress: status.peers[0]?.remoteAddress.toString(),
  afterGoodbye: changes,
}
process.stdout.write(`${JSON.stringify(seen)}\n`, () => process.exit(0))
