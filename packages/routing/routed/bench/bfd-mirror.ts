/**
 * The far ends of many BFD sessions in one process: a speaker for each address, with one session to the router under measurement.
 * Answers every message of the process that started it with how many are up and how often one failed.
 *
 *     bfd-mirror.ts ROUTER ADDRESS…
 */
import { BfdSpeaker } from '@lodestone/bfd'
import { OsNetwork, OsRandom, RealClock } from '@lodestone/host'
import { Ip } from '@lodestone/net'

export interface MirrorAnswer {
  readonly up: number
  readonly failures: number
}

const [router = '', ...addresses] = process.argv.slice(2)
const surroundings = { clock: new RealClock(), random: new OsRandom(), network: new OsNetwork(), alignmentMs: 5 }
let up = 0
let failures = 0
for (const address of addresses) {
  const speaker = new BfdSpeaker({ ...surroundings, listenAddresses: [address] })
  speaker.onState(({ from, to, isFailure }) => {
    if (to === 'Up') up++
    if (from === 'Up') up--
    if (from === 'Up' && isFailure) failures++
  })
  await speaker.listen()
  speaker.setPeers([{ name: address, localAddress: Ip.of(address), remoteAddress: Ip.of(router) }])
}
process.on('message', () => process.send?.({ up, failures } satisfies MirrorAnswer))
process.on('disconnect', () => process.exit(0))
