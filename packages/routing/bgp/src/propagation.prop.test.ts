/**
 * Routers in random networks under loss of connections, restarts and changes of configuration: when everything is quiet again, everybody has
 * been told exactly what the sender thinks it has told, and that is the export of the sender's loc-RIB.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Prefix } from '@lodestone/net'
import { Lab, type LabRouter } from './lab.fixture.ts'
import type { PeerConfig } from './peer-config.ts'

const PREFIXES = ['10.0.0.0/8', '10.1.0.0/16', '192.0.2.0/24', '2001:db8::/32'].map((text) => Prefix.of(text))

const step = fc.oneof(
  fc.record({ kind: fc.constant('originate' as const), router: fc.nat(4), mask: fc.nat(15) }),
  fc.record({ kind: fc.constant('break' as const), link: fc.nat(9) }),
  fc.record({ kind: fc.constant('reset' as const), link: fc.nat(9) }),
  fc.record({ kind: fc.constant('cut' as const), link: fc.nat(9), ms: fc.nat(40_000) }),
  fc.record({ kind: fc.constant('policy' as const), link: fc.nat(9), med: fc.nat(3) }),
  fc.record({ kind: fc.constant('refresh' as const), link: fc.nat(9) }),
  fc.record({ kind: fc.constant('resend' as const), link: fc.nat(9) }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(3000) }),
)

const linkOptions = fc.record({
  gracefulRestart: fc.boolean(),
  addPath: fc.boolean(),
  isClient: fc.boolean(),
})

/** What a router has from a peer, as text. */
function received(router: LabRouter, peer: string): readonly string[] {
  return [...router.rib.routes()]
    .flatMap(({ prefix, paths }) =>
      paths
        .filter(({ source }) => source.peer === peer)
        .map((path) => `${prefix} ${path.pathId} ${path.received?.asPathText} ${path.received?.effectiveMed}`),
    )
    .toSorted()
}

function told(router: LabRouter, peer: string): readonly string[] {
  const isAddPath = router.peer(peer).status().addPathSend.length > 0
  return [...router.peer(peer).exported()]
    .map(
      ({ prefix, pathId, attributes }) =>
        `${prefix} ${isAddPath && prefix.family === 4 ? pathId : 0} ${attributes.asPathText} ${attributes.effectiveMed}`,
    )
    .toSorted()
}

test('after any operations everybody has what the others think they have told, and it is the export of the loc-RIB', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(64512, 64512, 64513, 64514), { minLength: 5, maxLength: 5 }),
      fc.uniqueArray(fc.tuple(fc.nat(4), fc.nat(4), linkOptions), {
        minLength: 4,
        maxLength: 7,
        selector: ([a, b]) => `${Math.min(a, b)} ${Math.max(a, b)}`,
      }),
      fc.array(step, { minLength: 3, maxLength: 14 }),
      async (asns, pairs, steps) => {
        const lab = new Lab()
        const routers: LabRouter[] = []
        for (const [i, asn] of asns.entries()) routers.push(await lab.router(`r${i}`, asn))
        const links = pairs.filter(([a, b]) => a !== b)
        if (links.length === 0) return
        for (const [a, b, { gracefulRestart, addPath, isClient }] of links) {
          const config: Partial<PeerConfig> = {
            holdTimeS: 9,
            ...(gracefulRestart ? { gracefulRestart: { restartTimeS: 20, stalePathsS: 30 } } : {}),
            ...(addPath ? { addPath: { send: [4], receive: [4] } } : {}),
          }
          lab.link(routers[a]!, routers[b]!, {
            nextHop6: true,
            config,
            configA: { isRouteReflectorClient: isClient && asns[a] === asns[b] },
          })
        }
        for (const change of steps) await perform(lab, routers, links, change)
        // Everything that waits for time to pass has its time: back-off, restart and stale timers.
        await lab.clock.advance(400_000)
        for (const [a, b] of links) {
          for (const [near, far] of [
            [routers[a]!, routers[b]!],
            [routers[b]!, routers[a]!],
          ] as const) {
            assert.equal(near.peer(far.name).status().state, 'Established')
            assert.deepEqual(received(far, near.name), told(near, far.name), `${near.name} to ${far.name}`)
            if (near.peer(far.name).status().addPathSend.length > 0) continue
            const expected = [...near.rib.routes()]
              .map(({ prefix }) => prefix)
              .concat(near.speaker.originated())
              .filter((prefix) => near.peer(far.name).explainExport(prefix)?.kind === 'export')
              .map(String)
            const actual = [...near.peer(far.name).exported()].map(({ prefix }) => prefix.toString())
            assert.deepEqual(actual.toSorted(), [...new Set(expected)].toSorted())
          }
        }
        // And nothing is left when nobody originates anything.
        for (const router of routers) router.speaker.originate([])
        await lab.clock.advance(2000)
        for (const router of routers) {
          assert.equal(router.rib.routeCount, 0, `${router.name} still has routes`)
          assert.equal(router.rib.store.v4.size + router.rib.store.v6.size, 0, 'and no index is held')
        }
      },
    ),
    { numRuns: 25 },
  )
})

async function perform(
  lab: Lab,
  routers: readonly LabRouter[],
  links: readonly (readonly [number, number, unknown])[],
  change: typeof step extends fc.Arbitrary<infer Step> ? Step : never,
): Promise<void> {
  if (change.kind === 'wait') return lab.clock.advance(change.ms)
  if (change.kind === 'originate') {
    routers[change.router]!.speaker.originate(PREFIXES.filter((_, i) => (change.mask & (1 << i)) !== 0))
    return
  }
  const [a, b] = links[change.link % links.length]!
  const [near, far] = [routers[a]!, routers[b]!]
  const peer = near.peer(far.name)
  switch (change.kind) {
    case 'break':
      if (peer.isEstablished) peer.breakConnection()
      return
    case 'reset':
      peer.reset()
      return
    case 'cut':
      lab.cut(near, far)
      await lab.clock.advance(change.ms)
      lab.mend(near, far)
      // The memory network loses bytes in the middle of a stream, which TCP never does: such a connection is no more.
      if (near.peer(far.name).isEstablished) near.peer(far.name).breakConnection()
      if (far.peer(near.name).isEstablished) far.peer(near.name).breakConnection()
      return
    case 'policy': {
      const statements = [
        { match: [{ kind: 'prefix' as const, any: [{ prefix: '10.0.0.0/8', le: 32 }] }], verdict: 'reject' as const },
        { set: [{ kind: 'med' as const, value: change.med }], verdict: 'accept' as const },
      ]
      peer.reconfigure({
        ...peer.config,
        export: change.med === 0 ? undefined : { statements: statements.slice(change.med === 1 ? 0 : 1) },
      })
      return
    }
    case 'refresh':
      peer.requestRefresh()
      return
    default:
      peer.resendOut()
  }
}
