/** Who reaches whom: every node with a shell pings an address of every other one. */
import { Prefix } from '@lodestone/net'
import type { Reach } from '../control/lab-api.ts'
import type { LabRuntime } from '../runtime/lab-runtime.ts'

interface Member {
  readonly name: string
  readonly address: string | undefined
}

export async function reachability(
  lab: LabRuntime,
  options: {
    readonly nodes?: readonly string[] | undefined
    readonly family?: 4 | 6 | undefined
    readonly timeoutMs: number
  },
): Promise<Reach[]> {
  const members = Object.keys(lab.document.nodes)
    .filter((name) => options.nodes === undefined || options.nodes.includes(name))
    .map((name): Member => ({ name, address: addressOf(lab, name, options.family) }))
    .filter(({ address }) => address !== undefined)
  const pairs = members.flatMap((from) => members.filter((to) => to !== from).map((to) => ({ from, to })))
  return Promise.all(
    pairs.map(async ({ from, to }) => {
      const address = to.address!
      const roundTripMs = await pingOnce(lab, from.name, address, options.timeoutMs)
      return { from: from.name, to: to.name, address, reached: roundTripMs !== null, round_trip_ms: roundTripMs }
    }),
  )
}

/** The address by which others reach a node: a loopback, a floating address, or that of its first interface. */
export function addressOf(lab: LabRuntime, name: string, family?: 4 | 6): string | undefined {
  const node = lab.document.nodes[name]
  if (node === undefined) return undefined
  const all =
    node.kind === 'guest'
      ? [node.floating ?? node.address]
      : 'interfaces' in node
        ? [
            ...('loopbacks' in node ? node.loopbacks : []),
            ...Object.values(node.interfaces).flatMap(({ addresses }) =>
              addresses.map((text) => Prefix.of(text).address.toString()),
            ),
          ]
        : []
  return all.find((address) => family === undefined || address.includes(':') === (family === 6))
}

/** @returns the round trip in milliseconds, or null when nothing came back. */
export async function pingOnce(
  lab: LabRuntime,
  from: string,
  address: string,
  timeoutMs: number,
): Promise<number | null> {
  const stack = lab.stack(from)
  if (stack !== undefined) {
    const [result] = await stack.ping(address, { timeoutMs })
    return result?.outcome === 'reply' ? (result.roundTripMs ?? 0) : null
  }
  const startMs = lab.world.clock.nowMs()
  const quiet = { write: () => undefined }
  const wait = Math.max(1, Math.ceil(timeoutMs / 1000))
  const isGuest = lab.document.nodes[from]?.kind === 'guest'
  const command = isGuest ? `ping -c 1 ${address}` : `ping -c 1 -W ${wait} ${address}`
  const code = await lab.exec(from, command, quiet, new AbortController().signal).catch(() => 1)
  return code === 0 ? lab.world.clock.nowMs() - startMs : null
}
