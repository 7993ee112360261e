/**
 * The routing daemon with a configuration file: reads it, applies it, reads it again when told; and what is around the router:
 * the admin interface, metrics, the kernel's table, MRT files, BMP stations.
 *
 * A file that is wrong anywhere changes nothing: it is checked whole, with the place of every problem, before anything is
 * touched. A reload applies the difference.
 */
import type { HttpHandler } from '@lodestone/api'
import { BfdWorker } from '@lodestone/bfd'
import type { ConfigJudgement, PolicyDryRun } from '@lodestone/contract-routed'
import { type Host, sleep } from '@lodestone/host'
import { NetlinkTarget } from '@lodestone/lower'
import { AdminServers } from './admin-servers.ts'
import type { DaemonControl, DryRunRequest } from './api/config-handlers.ts'
import { BmpExporter } from './bmp/bmp-exporter.ts'
import { EMPTY_CONFIG } from './config.ts'
import { type ConfigDifference, configDifferences, listDifferences, partDifference } from './config-difference.ts'
import type { DaemonConfig } from './daemon-config.ts'
import { type ConfigProblem, describeProblem, pathText } from './file/config-problem.ts'
import { type PlaceOf, readConfig, type ReadResult } from './file/read-config.ts'
import { withoutSecrets } from './file/secret-book.ts'
import type { Metrics } from './metrics.ts'
import { MrtDumper, type MrtStore } from './mrt/mrt-dumper.ts'
import { dryRunPolicies } from './policy-dry-run.ts'
import type { TargetOptions } from './forwarding-planes.ts'
import { Routed, type RoutedOptions } from './routed.ts'

/** Where the configuration comes from. */
export interface ConfigSource {
  /** For messages. */
  readonly name: string
  /** Rejects when it cannot be read. */
  read(): Promise<string>
  /** A file that the configuration names, relative to it. */
  readFile(path: string): Promise<string>
}

export interface DaemonOptions extends RoutedOptions {
  readonly source: ConfigSource
  /** Name of the host's network that the admin interface is served on. */
  readonly adminNetwork: string
  /** Where it is served when the configuration does not say. That it cannot be opened is no failure then. */
  readonly defaultAdmin: readonly string[]
  /** BFD in a thread of its own, on the operating system's network, so that a busy daemon does not lose neighbours. */
  readonly hasBfdThread?: boolean
  /** Where MRT files go; absent: `mrt` cannot be configured. */
  readonly mrtStore?: MrtStore | undefined
}

export type ReloadResult =
  | { readonly ok: true; readonly changes: readonly ConfigDifference[] }
  /** `text` is for people: each problem with the line that it is in. */
  | { readonly ok: false; readonly problems: readonly ConfigProblem[]; readonly text: string }

const NO_CONFIG: DaemonConfig = {
  router: EMPTY_CONFIG,
  kernel: undefined,
  mrt: undefined,
  bmp: [],
  admin: undefined,
  metrics: [],
}
/** The key of the kernel among the forwarding planes. */
const KERNEL = 'kernel'
const DEFAULT_DRY_RUN_LIMIT = 20
const DEFAULT_DEFERRAL_S = 360
/** How long the kernel gets to take our routes out. */
const STOP_LIMIT_MS = 5000
const STOP_STEP_MS = 20

export class Daemon {
  readonly routed: Routed
  readonly #options: DaemonOptions
  readonly #host: Host
  readonly #handler: HttpHandler
  readonly #admin: AdminServers
  readonly #metricsServers: AdminServers
  readonly #startedAtMs: number
  #metrics: Metrics | undefined
  readonly #mrt: MrtDumper | undefined
  readonly #bmp: BmpExporter
  #config = NO_CONFIG
  #file: unknown = {}
  #loadedAtMs = 0
  #reloading: Promise<unknown> = Promise.resolve()

  constructor(host: Host, options: DaemonOptions) {
    this.#host = host
    this.#options = options
    this.routed = new Routed(host, {
      ...options,
      ...(options.hasBfdThread === true ? { bfd: () => new BfdWorker({ clock: host.clock }) } : {}),
    })
    this.#bmp = new BmpExporter(this.routed, host.network(options.network))
    this.#mrt = options.mrtStore === undefined ? undefined : new MrtDumper(this.routed, options.mrtStore)
    this.#startedAtMs = host.clock.nowMs()
    const network = host.network(options.adminNetwork)
    this.#handler = this.routed.handler(this.#control())
    this.#admin = new AdminServers(host.clock, network, this.#handler)
    this.#metricsServers = new AdminServers(host.clock, network, this.#metricsHandler())
  }

  get config(): DaemonConfig {
    return this.#config
  }

  /** Reads the file and applies what differs. Calls wait for each other, so that the last one wins. */
  reload(): Promise<ReloadResult> {
    const result = this.#reloading.then(() => this.#reload())
    this.#reloading = result
    return result
  }

  /** The admin interface, as a function. */
  handler(): HttpHandler {
    return this.#handler
  }

  /** Where the admin interface is served. */
  adminPlaces(): readonly string[] {
    return this.#admin.places()
  }

  /** Ends for good: says goodbye to the peers, and takes our routes out of the kernel unless they are to stay. */
  async stop(): Promise<void> {
    const { clock } = this.#host
    if (this.#config.kernel?.isKept === false) {
      this.routed.apply(EMPTY_CONFIG)
      const endMs = clock.nowMs() + STOP_LIMIT_MS
      while (!this.routed.isSettled && clock.nowMs() < endMs) await sleep(clock, STOP_STEP_MS)
    }
    this.close()
  }

  /** What is programmed stays programmed. */
  close(): void {
    this.#admin.close()
    this.#metricsServers.close()
    this.#bmp.close()
    this.#mrt?.close()
    this.routed.close()
  }

  // --- configuration ------------------------------------------------------------------------------------------

  async #reload(): Promise<ReloadResult> {
    let text: string
    try {
      text = await this.#options.source.read()
    } catch (error) {
      if (!(error instanceof Error)) throw error
      return this.#refuse([{ line: 1, column: 1, path: '', message: error.message }], '')
    }
    const read = await this.#read(text)
    if (!read.ok) return this.#refuse(read.problems, text)
    const { config } = read
    const placeProblems = await this.#serve(config, read.placeOf)
    if (placeProblems.length > 0) {
      await this.#serve(this.#config, read.placeOf)
      return this.#refuse(placeProblems, text)
    }
    const changes = differences(this.#config, config)
    this.#apply(config)
    this.#file = read.file
    this.#loadedAtMs = this.#host.clock.wallMs()
    return { ok: true, changes }
  }

  async #read(text: string): Promise<ReadResult> {
    const { source, network, mrtStore } = this.#options
    const read = await readConfig(text, {
      readFile: (path) => source.readFile(path),
      host: {
        features: this.#host.network(network).features,
        hasKernel: this.routed.kernelNetwork !== undefined,
        hasMrtFiles: mrtStore !== undefined,
      },
    })
    if (!read.ok) return read
    const problems = this.routed.check(read.config.router)
    if (problems.length === 0) return read
    return { ok: false, problems: problems.map((message) => ({ line: 1, column: 1, path: '', message })) }
  }

  /** Everything was checked: from here nothing fails. */
  #apply(config: DaemonConfig): void {
    const before = this.#config
    this.#config = config
    const result = this.routed.apply(config.router)
    if (!result.ok) throw new Error(`a configuration that was checked is refused: ${result.problems.join('; ')}`)
    const around = aroundDifferences(before, config)
    if (ownerOf(before) !== ownerOf(config)) {
      this.routed.retireTarget(KERNEL)
      this.routed.setTarget(KERNEL, this.#kernelTarget(config))
    }
    this.#mrt?.set(config.mrt)
    this.#bmp.set(config.bmp)
    this.routed.announceChanges(around)
  }

  #kernelTarget({ kernel, router }: DaemonConfig): TargetOptions | undefined {
    const network = this.routed.kernelNetwork
    if (kernel === undefined || network === undefined) return undefined
    const { clock } = this.#host
    const owner = { table: kernel.table, protocol: kernel.protocol, priority: kernel.metric }
    // What we left there before a restart carries the traffic until the peers have told us everything again.
    const isKept = router.bgp?.isRestarting === true
    return {
      target: new NetlinkTarget({ network, clock, owner }),
      // The kernel has those of its own addresses already.
      accepts: ({ source }) => source.protocol !== 'connected',
      ...(isKept ? { keepOldMs: (router.bgp?.selectionDeferralS ?? DEFAULT_DEFERRAL_S) * 1000 } : {}),
    }
  }

  /** Opens the places of `config` and closes others. @returns what cannot be opened. */
  async #serve(config: DaemonConfig, placeOf: PlaceOf): Promise<readonly ConfigProblem[]> {
    const problems: ConfigProblem[] = []
    const complain = (part: 'admin' | 'metrics', places: readonly string[], place: string, reason: string): void => {
      const path = [part, 'listen', places.indexOf(place)]
      problems.push({ ...placeOf(path), path: pathText(path), message: `${place} cannot be opened: ${reason}` })
    }
    for (const { place, reason } of await this.#admin.set(config.admin ?? this.#options.defaultAdmin)) {
      // A place that nobody asked for is not worth a daemon.
      if (config.admin === undefined) this.#host.log('warn', 'routed.admin-not-served', { place, reason })
      else complain('admin', config.admin, place, reason)
    }
    for (const { place, reason } of await this.#metricsServers.set(config.metrics)) {
      complain('metrics', config.metrics, place, reason)
    }
    return problems
  }

  #refuse(problems: readonly ConfigProblem[], text: string): ReloadResult {
    const { name } = this.#options.source
    this.#host.log('error', 'routed.config-refused', { problems: problems.length, first: problems[0]?.message })
    return { ok: false, problems, text: problems.map((problem) => describeProblem(problem, name, text)).join('\n') }
  }

  // --- interfaces ---------------------------------------------------------------------------------------------

  #control(): DaemonControl {
    return {
      file: () => ({
        name: this.#options.source.name,
        loaded_at: new Date(this.#loadedAtMs).toISOString(),
        content: withoutSecrets(this.#file),
      }),
      reload: async (): Promise<ConfigJudgement> => {
        const result = await this.reload()
        if (!result.ok) return { ok: false, problems: [...result.problems], changes: [] }
        return { ok: true, problems: [], changes: [...result.changes] }
      },
      check: async (text): Promise<ConfigJudgement> => {
        const read = await this.#read(text)
        if (!read.ok) return { ok: false, problems: [...read.problems], changes: [] }
        return { ok: true, problems: [], changes: [...differences(this.#config, read.config)] }
      },
      dryRun: (request) => this.#dryRun(request),
      metrics: async () => (await this.#readMetrics()).text(),
    }
  }

  async #dryRun(request: DryRunRequest): Promise<readonly PolicyDryRun[] | string> {
    const read = await this.#read(request.text)
    if (!read.ok) return read.problems.map(({ line, column, message }) => `${line}:${column}: ${message}`).join('; ')
    return dryRunPolicies(this.routed, read.config.router, {
      ...request,
      limit: request.limit ?? DEFAULT_DRY_RUN_LIMIT,
    })
  }

  /** Loaded when they are asked for: routers of racks have none of their own. */
  async #readMetrics(): Promise<Metrics> {
    const library = await import('./metrics.ts')
    this.#metrics ??= new library.Metrics(this.routed, this.#bmp, this.#mrt, this.#startedAtMs)
    return this.#metrics
  }

  #metricsHandler(): HttpHandler {
    return async (request) => {
      const { pathname } = new URL(request.url)
      if (request.method !== 'GET' || pathname !== '/metrics') return new Response(null, { status: 404 })
      const metrics = await this.#readMetrics()
      return new Response(await metrics.text(), { headers: { 'content-type': metrics.contentType } })
    }
  }
}

function differences(before: DaemonConfig, after: DaemonConfig): readonly ConfigDifference[] {
  return [...configDifferences(before.router, after.router), ...aroundDifferences(before, after)]
}

/** What our routes in the kernel are known by. */
function ownerOf({ kernel }: DaemonConfig): string | undefined {
  return kernel === undefined ? undefined : `${kernel.table} ${kernel.protocol} ${kernel.metric}`
}

/** What is configured around the router. */
function aroundDifferences(before: DaemonConfig, after: DaemonConfig): readonly ConfigDifference[] {
  return [
    ...partDifference(KERNEL, before.kernel, after.kernel),
    ...partDifference('MRT', before.mrt, after.mrt),
    ...listDifferences('BMP station', before.bmp, after.bmp, ({ name }) => name),
    ...partDifference('admin interface', before.admin, after.admin),
    ...partDifference('metrics interface', before.metrics, after.metrics),
  ]
}
