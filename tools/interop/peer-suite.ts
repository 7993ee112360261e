/**
 * What is checked with every router that is not ours: `lode routed` as users run it on one side, the other on the other, in
 * network namespaces. One line per check; what a router cannot do is skipped by name.
 */
import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { describe, test, type TestContext } from 'node:test'
import type { Daemon } from './daemon.ts'
import { Lab, OURS, reasonToSkip, THEIRS } from './lab.ts'
import type { Namespace } from './namespace.ts'
import { eventually, pause, watchStandstill } from './patience.ts'
import { ANNOUNCED, GRACEFUL_RESTART_S, type LearnedRoute, type PeerRouter, type PeerSession } from './peer-router.ts'
import type { ScriptPeer } from './script-peer.ts'

type Config = Readonly<Record<string, unknown>>

/** What we announce, and what our export policy adds. */
const MINE = {
  ipv4: '100.65.1.0/24',
  ipv6: '2001:db8:6501::/48',
  community: '65000:200',
  largeCommunity: '65000:3:4',
  med: 70,
} as const
const FAMILIES = ['ipv4', 'ipv6'] as const
const SECRET = 'correct-horse-battery'
const SCRIPT = fileURLToPath(new URL('script-peer.ts', import.meta.url))
/** Between two looks at routes that must not go away. */
const LOOK_MS = 200
const TEST_TIMEOUT_MS = 1_200_000
/** How long a session with BFD may outlive its peer; its hold time is 90 s. */
const SILENCE_MS = 1500
/** A third of what BFD waits: a machine that stood still for longer says nothing about that. */
const STANDSTILL_MS = 100
const SILENCE_ROUNDS = 5

/** @param label as in `reasonToSkip`. */
export function describePeer(label: 'FRR' | 'BIRD' | 'GoBGP' | 'OpenBGPD', make: () => PeerRouter): void {
  const { can } = make()
  const skip = reasonToSkip(label)
  const options = { skip, timeout: TEST_TIMEOUT_MS }
  const unless = (isAble: boolean, what: string): { skip: string | false; timeout: number } => ({
    skip: skip === false && !isAble ? `${label} has no ${what}` : skip,
    timeout: TEST_TIMEOUT_MS,
  })

  describe(`lode routed and ${label}`, { skip, concurrency: false }, () => {
    const check = (title: string, how: typeof options, rig: RigOptions, body: (rig: Rig) => Promise<void>): void =>
      void test(title, how, (t) => Rig.run(t, make(), rig, body))

    check(
      'IPv4 and IPv6 sessions: routes both ways with their attributes, and in our kernel',
      options,
      {},
      async (rig) => {
        await rig.checkTheirRoutes()
        await rig.checkOurRoutes()
        await rig.checkKernel('via')
        await rig.checkWithdrawal()
      },
    )

    const isProtected = { session: { md5: SECRET, gtsm: true }, ours: { md5: SECRET, gtsm: true } }
    check('MD5 and GTSM on both sessions', unless(can.md5 && can.gtsm, 'MD5 or GTSM'), isProtected, async (rig) => {
      await rig.checkTheirRoutes()
      await rig.checkOurRoutes()
    })

    const mismatch = { session: { md5: 'wrong' }, ours: { md5: SECRET }, sessions: 0 }
    check('a wrong MD5 password and no session', unless(can.md5, 'MD5'), mismatch, async (rig) => {
      await pause(3000)
      assert.equal(await rig.lab.lode.established(), 0)
    })

    const addPath = { add_path: { send: FAMILIES, receive: FAMILIES } }
    const manyPaths = { session: { addPath: true }, ours: addPath, hasScripts: true }
    check('add-path both ways', unless(can.addPath, 'add-path'), manyPaths, (rig) => rig.checkAddPath())

    check(
      'graceful restart: we are killed, the peer keeps our routes until we are back',
      options,
      gracefulRestart,
      (rig) => rig.checkOurRestart(),
    )
    check(
      'graceful restart: the peer is killed, we keep its routes until it is back',
      unless(can.gracefulRestart === 'both', 'restart of its own (it is a helper)'),
      gracefulRestart,
      (rig) => rig.checkTheirRestart(),
    )

    const unnumbered = { isUnnumbered: true }
    check(
      'unnumbered: found on the link, IPv4 over IPv6 next hops in the kernel',
      unless(can.unnumbered, 'unnumbered peers'),
      unnumbered,
      async (rig) => {
        await rig.checkTheirRoutes()
        await rig.checkOurRoutes()
        await rig.checkKernel('inet6 fe80:')
      },
    )

    const bfd = { session: { bfd: true }, ours: { bfd: 'fast' } }
    check('BFD: up on both sides; silence ends the session within a second', unless(can.bfd, 'BFD'), bfd, (rig) =>
      rig.checkBfd(),
    )
    const echo = { session: { bfd: true }, ours: { bfd: 'echo' }, hasBfdEcho: true, families: ['ipv6'] } as const
    check('BFD echo over IPv6: each side returns the other’s', unless(can.bfdEcho, 'BFD echo'), echo, (rig) =>
      rig.checkBfdEcho(),
    )
    const keyedBfd = { session: { bfd: true }, ours: { bfd: 'keyed' }, bfdKey: 'bfd-secret' }
    check('BFD with meticulous keyed SHA1', unless(label === 'BIRD', 'BFD authentication'), keyedBfd, (rig) =>
      rig.checkBfd(),
    )
  })
}

interface RigOptions {
  /** What the other side's sessions have beyond addresses. */
  readonly session?: Partial<PeerSession>
  /** What our peers have beyond addresses. */
  readonly ours?: Config
  readonly router?: Config
  readonly isUnnumbered?: boolean
  readonly hasScripts?: boolean
  readonly bfdKey?: string
  readonly hasBfdEcho?: boolean
  /** Of the sessions; default both. */
  readonly families?: ReadonlyArray<(typeof FAMILIES)[number]>
  /** Sessions expected to come up; default all. */
  readonly sessions?: number
}

const gracefulRestart: RigOptions = {
  session: { gracefulRestart: true },
  ours: { graceful_restart: { restart_time_s: GRACEFUL_RESTART_S } },
}

/** Both routers, running. */
class Rig {
  readonly lab: Lab
  readonly peer: PeerRouter
  readonly #options: RigOptions
  readonly #scripts: Daemon[] = []

  private constructor(lab: Lab, peer: PeerRouter, options: RigOptions) {
    this.lab = lab
    this.peer = peer
    this.#options = options
  }

  /** Starts both, waits for their sessions, checks, and removes everything. What went wrong comes with what both logged. */
  static async run(
    t: TestContext,
    peer: PeerRouter,
    options: RigOptions,
    check: (rig: Rig) => Promise<void>,
  ): Promise<void> {
    const lab = new Lab(peer.name)
    const rig = new Rig(lab, peer, options)
    try {
      await Promise.all([rig.#startPeer(), lab.lode.start(rig.#config())])
      if (options.hasScripts === true) rig.#startScripts()
      await rig.#untilEstablished()
      await check(rig)
    } catch (error) {
      const seen = await Promise.allSettled([
        lab.lode.neighbours(),
        lab.lode.received(),
        peer.routes(4),
        lab.lode.bfdSessions(),
      ])
      t.diagnostic(
        `our peers, what we received, what the peer has, our BFD sessions: ${JSON.stringify(seen, undefined, 1)}`,
      )
      t.diagnostic(`${peer.name}:\n${peer.logs()}\nlode:\n${lab.lode.logs()}`)
      throw error
    } finally {
      peer.thaw?.()
      for (const script of rig.#scripts) await script.kill()
      await lab.lode.stop()
      await peer.stop()
      lab.remove()
    }
  }

  async checkTheirRoutes(): Promise<void> {
    for (const family of FAMILIES) {
      const prefix = ANNOUNCED[family]
      const path = await eventually(`${prefix} is selected here`, async () => {
        const route = (await this.lab.lode.routes()).find((candidate) => candidate.prefix === prefix)
        return route?.paths[0]
      })
      assert.equal(path.bgp?.as_path, `${THEIRS.asn}`, prefix)
      assert.equal(path.bgp?.med, ANNOUNCED.med, prefix)
      const communities = path.bgp?.communities ?? []
      assert.ok(communities.includes(ANNOUNCED.community), `${prefix} has ${communities}`)
      assert.ok(
        communities.some((text) => text.includes(ANNOUNCED.largeCommunity)),
        `${prefix} has ${communities}`,
      )
      if (this.#options.isUnnumbered !== true) assert.equal(path.next_hop, THEIRS[family])
    }
  }

  async checkOurRoutes(): Promise<void> {
    for (const family of FAMILIES) {
      const route = await eventually(`${MINE[family]} is at the peer`, () => this.#atPeer(MINE[family]))
      assert.equal(route.asPath, `${OURS.asn}`)
      assert.equal(route.med, MINE.med)
      assert.deepEqual([...route.communities], [MINE.community])
      assert.deepEqual([...route.largeCommunities], [MINE.largeCommunity])
      if (this.#options.isUnnumbered !== true) assert.ok(route.nextHop.startsWith(OURS[family]), route.nextHop)
    }
  }

  /** @param text that the line of ip(8) has to have. */
  async checkKernel(text: string): Promise<void> {
    for (const family of FAMILIES) {
      await eventually(`${ANNOUNCED[family]} is in our kernel with ${text}`, async () => {
        const lines = await this.#kernelRoutes(family)
        return lines.some((line) => line.startsWith(ANNOUNCED[family]) && (family === 'ipv6' || line.includes(text)))
      })
    }
  }

  async checkWithdrawal(): Promise<void> {
    await this.peer.stop()
    await eventually('its routes have left our kernel', async () => {
      const lines = [...(await this.#kernelRoutes('ipv4')), ...(await this.#kernelRoutes('ipv6'))]
      return lines.every((line) => !line.startsWith(ANNOUNCED.ipv4) && !line.startsWith(ANNOUNCED.ipv6))
    })
  }

  async checkAddPath(): Promise<void> {
    await eventually('both paths of the peer are here', async () => {
      const route = (await this.lab.lode.received()).find(({ prefix }) => prefix === SCRIPTED.theirs)
      return new Set(route?.paths.filter(({ peer }) => peer === 'peer-ipv4').map(({ bgp }) => bgp?.as_path)).size === 2
    })
    await eventually('both of our paths are at the peer', async () => {
      const paths = (await this.peer.routes(4)).filter(({ prefix }) => prefix === SCRIPTED.ours)
      return new Set(paths.map(({ asPath }) => asPath)).size === 2
    })
  }

  async checkOurRestart(): Promise<void> {
    await this.checkOurRoutes()
    await this.checkKernel('via')
    await this.lab.lode.kill()
    await eventually('the peer marks our routes as stale', async () => {
      const route = await this.#mustHave(MINE.ipv4)
      return route.isStale || (await this.peer.established()) === 0
    })
    await pause(1000)
    await this.#mustHave(MINE.ipv4)
    assert.ok(
      (await this.#kernelRoutes('ipv4')).some((line) => line.startsWith(ANNOUNCED.ipv4)),
      'our kernel forwards on',
    )
    const restarted = this.lab.lode.start(this.#config({ restarting: true }))
    const isDone = restarted.then(() => this.#untilEstablished())
    await this.#whileItHas(MINE.ipv4, isDone)
    await eventually('nothing is stale any more', async () => !(await this.#mustHave(MINE.ipv4)).isStale)
    await this.checkOurRoutes()
    await this.checkTheirRoutes()
    await this.checkKernel('via')
  }

  async checkTheirRestart(): Promise<void> {
    await this.checkTheirRoutes()
    await this.peer.kill()
    await eventually('we mark its routes as stale', async () => (await this.#ours(ANNOUNCED.ipv4))?.stale === true)
    await pause(1000)
    assert.ok((await this.#ours(ANNOUNCED.ipv4)) !== undefined, 'its route is kept')
    await this.#startPeer()
    await this.#untilEstablished()
    await eventually('nothing is stale any more', async () => {
      const path = await this.#ours(ANNOUNCED.ipv4)
      assert.ok(path !== undefined, 'its route was lost')
      return path.stale !== true
    })
    await this.checkTheirRoutes()
  }

  async checkBfd(): Promise<void> {
    await eventually('BFD is up here', async () => (await this.lab.lode.bfdUp()) === 2)
    await eventually('BFD is up at the peer', async () => (await this.peer.bfdUp?.()) === 2)
    await this.checkTheirRoutes()
    await this.checkKernel('via')
    await pause(2000)
    const judgedMs: number[] = []
    for (let round = 1; round <= SILENCE_ROUNDS; round++) {
      const { tookMs, isJudged } = await this.#silenceEndsTheSession()
      if (tookMs < SILENCE_MS) return
      if (isJudged) judgedMs.push(tookMs)
    }
    assert.deepEqual(
      judgedMs,
      [],
      `ms that it took in ${SILENCE_ROUNDS} rounds, where the machine ran; the hold time is 90 s`,
    )
  }

  /** @returns how long it took, and whether this process had a processor all the time: the daemons may have had none. */
  async #silenceEndsTheSession(): Promise<{ readonly tookMs: number; readonly isJudged: boolean }> {
    const watch = watchStandstill()
    const fromMs = performance.now()
    this.peer.freeze?.()
    await eventually(
      'the routes are gone long before the hold time is over',
      async () => !(await this.#kernelRoutes('ipv4')).some((line) => line.startsWith(ANNOUNCED.ipv4)),
      45_000,
    )
    const tookMs = performance.now() - fromMs
    const isJudged = watch.stop() < STANDSTILL_MS
    this.peer.thaw?.()
    await eventually('BFD is up again', async () => (await this.lab.lode.bfdUp()) === 2)
    await this.#untilEstablished()
    await this.checkTheirRoutes()
    await this.checkKernel('via')
    return { tookMs, isJudged }
  }

  /** FRR's IPv4 echoes are for the other side's kernel to forward, and it returns none that are addressed to it. */
  async checkBfdEcho(): Promise<void> {
    await eventually('echoes come back, and are returned', async () => {
      const session = (await this.lab.lode.bfdSessions()).find(({ name }) => name === THEIRS.ipv6)
      const count = (name: string): number => session?.counters[name] ?? 0
      return session?.echo_active === true && count('echoes-returned') > 10 && count('echoes-reflected') > 10
    })
  }

  // --- inside -------------------------------------------------------------------------------------------------

  #startPeer(): Promise<void> {
    const { session, bfdKey, hasBfdEcho = false, isUnnumbered, hasScripts, families = FAMILIES } = this.#options
    const numbered = families.map((family): PeerSession => ({
      address: OURS[family],
      localAddress: THEIRS[family],
      interface: THEIRS.interface,
      ...session,
    }))
    const scripted = SCRIPTED.atPeer.map(({ localAddress, asn }): PeerSession => ({
      address: localAddress,
      localAddress: THEIRS.ipv4,
      interface: THEIRS.interface,
      remoteAsn: asn,
    }))
    const sessions = isUnnumbered === true ? [{ interface: THEIRS.interface, ...session }] : numbered
    return this.peer.start(this.lab.theirs, {
      asn: THEIRS.asn,
      routerId: THEIRS.ipv4,
      remoteAsn: OURS.asn,
      hasBfdEcho,
      sessions: hasScripts === true ? [...sessions, ...scripted] : sessions,
      ...(bfdKey === undefined ? {} : { bfdKey }),
    })
  }

  #startScripts(): void {
    const at = (namespace: Namespace, link: string, scripts: readonly ScriptPeer[]): void => {
      for (const script of scripts) {
        namespace.run('ip', 'address', 'add', `${script.localAddress}/32`, 'dev', link)
        const args = ['--disable-warning=ExperimentalWarning', SCRIPT, JSON.stringify(script)]
        this.#scripts.push(namespace.start(`script-${script.asn}`, process.execPath, args))
      }
    }
    // Each on the far side of the cable: a router takes its own addresses neither for neighbours nor for next hops.
    at(this.lab.theirs, THEIRS.interface, SCRIPTED.atUs)
    at(this.lab.ours, OURS.interface, SCRIPTED.atPeer)
  }

  async #untilEstablished(): Promise<void> {
    const { sessions, isUnnumbered, hasScripts, families = FAMILIES } = this.#options
    const expected = sessions ?? (isUnnumbered === true ? 1 : families.length) + (hasScripts === true ? 2 : 0)
    await eventually(
      `${expected} sessions are established`,
      async () => (await this.lab.lode.established()) === expected,
    )
  }

  #config(router: Config = {}): Config {
    const { ours, isUnnumbered, hasScripts, bfdKey, families = FAMILIES } = this.#options
    const common = { asn: THEIRS.asn, hold_time_s: 90, connect_retry_s: 1, import: 'accept', export: 'mark', ...ours }
    const numbered = families.map((family) => ({
      name: `peer-${family}`,
      address: THEIRS[family],
      local_address: OURS[family],
      families: [family],
      ...common,
    }))
    const scripted = SCRIPTED.atUs.map(({ localAddress, asn }) => ({
      address: localAddress,
      asn,
      passive: true,
      families: ['ipv4'],
      import: 'accept',
      export: 'reject',
    }))
    const fast = { min_tx_ms: 100, min_rx_ms: 100, multiplier: 3 }
    return {
      router: {
        asn: OURS.asn,
        id: OURS.ipv4,
        listen: [`${OURS.ipv4}:179`, `[${OURS.ipv6}]:179`, ...(isUnnumbered === true ? ['[::]:1179'] : [])],
        originate: [MINE.ipv4, MINE.ipv6],
        ...router,
      },
      policies: {
        mark: [
          {
            match: { prefix: [MINE.ipv4, MINE.ipv6] },
            set: {
              med: MINE.med,
              community: { add: [MINE.community] },
              large_community: { add: [MINE.largeCommunity] },
            },
          },
          { verdict: 'accept' },
        ],
      },
      bfd: {
        profiles: {
          fast,
          echo: { ...fast, echo_ms: 100, echo_receive_ms: 50 },
          ...(bfdKey === undefined
            ? {}
            : { keyed: { ...fast, auth: { type: 'meticulous-keyed-sha1', key_id: 7, key: bfdKey } } }),
        },
      },
      peers: [
        ...(isUnnumbered === true ? [{ interface: OURS.interface, ...common }] : numbered),
        ...(hasScripts === true ? scripted : []),
      ],
      kernel: {},
    }
  }

  async #ours(prefix: string): Promise<{ readonly stale?: boolean } | undefined> {
    return (await this.lab.lode.routes()).find((route) => route.prefix === prefix)?.paths[0]
  }

  async #atPeer(prefix: string): Promise<LearnedRoute | undefined> {
    const routes = await this.peer.routes(prefix.includes(':') ? 6 : 4)
    return routes.find((route) => route.prefix === prefix)
  }

  async #mustHave(prefix: string): Promise<LearnedRoute> {
    const route = await this.#atPeer(prefix)
    assert.ok(route !== undefined, `${prefix} was lost at the peer`)
    return route
  }

  /** Looks again and again until `done`. */
  async #whileItHas(prefix: string, done: Promise<void>): Promise<void> {
    let isDone = false
    const finished = done.then(() => (isDone = true))
    while (!isDone) {
      await this.#mustHave(prefix)
      await Promise.race([pause(LOOK_MS), finished])
    }
  }

  async #kernelRoutes(family: (typeof FAMILIES)[number]): Promise<readonly string[]> {
    const text = await this.lab.ours.ask('ip', family === 'ipv4' ? '-4' : '-6', 'route', 'show', 'proto', '177')
    return text.split('\n')
  }
}

/** Speakers that give both routers two paths to one prefix. */
const SCRIPTED = {
  ours: '100.67.1.0/24',
  theirs: '100.66.1.0/24',
  atUs: scripts('100.67.1.0/24', OURS.ipv4, '10.99.0.', 2, 65021),
  atPeer: scripts('100.66.1.0/24', THEIRS.ipv4, '10.99.0.', 12, 65031),
} as const

function scripts(prefix: string, connect: string, network: string, first: number, asn: number): readonly ScriptPeer[] {
  return [0, 1].map((i) => ({
    connect,
    localAddress: `${network}${first + i}`,
    asn: asn + i,
    routerId: `${network}${first + i}`,
    routes: [{ prefix, asPath: [asn + i, 65040 + i], nextHop: `${network}${first + i}` }],
  }))
}
