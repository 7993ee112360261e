/** The control socket's interface over a running laboratory; in virtual time, the same interface by direct calls. */
import {
  type Channel,
  type Handlers,
  type HttpHandler,
  implement,
  invalidRequest,
  ndjsonWriter,
  objectNotFound,
} from '@lodestone/api'
import { parseStoryFilter, renderProgramProblem } from '@lodestone/probe'
import { captureStream, ProbeStreams, rackProbes, storyStream, tablesOf } from '@lodestone/testbed'
import { reachability } from '../check/reachability.ts'
import { runTraffic } from '../check/traffic.ts'
import { planText } from '../document/plan.ts'
import type { Applied, LabRuntime } from '../runtime/lab-runtime.ts'
import { parseCaptureFilter } from './capture-filter.ts'
import { type ExecLine, labApi } from './lab-api.ts'
import { labInfo } from './lab-info.ts'
import { restoreSnapshot, takeSnapshot } from './snapshot.ts'

export interface LabHandlerOptions {
  /** Ends the process, or whatever holds the laboratory. */
  readonly onShutdown: () => void
}

export function labHandler(lab: LabRuntime, options: LabHandlerOptions): HttpHandler {
  const { clock, tracer, arena } = lab.world
  let probes: { readonly of: object; readonly streams: ProbeStreams } | undefined
  /** A restored laboratory has another emulation. */
  const probeStreams = (): ProbeStreams => {
    const { emulation } = lab
    if (probes?.of !== emulation) probes = { of: emulation, streams: new ProbeStreams(clock, rackProbes(emulation)) }
    return probes.streams
  }
  const handlers: Handlers<typeof labApi> = {
    info: () => labInfo(lab),
    document: () => lab.document,
    plan: async ({ body }) => {
      const steps = await told(() => lab.plan(body))
      return { steps: steps.map((step) => ({ ...step })), text: planText(steps) }
    },
    apply: async ({ body }) => applied(await told(() => lab.apply(body))),
    fault: ({ body }) => told(() => lab.fault(body)),
    exec: ({ body }) => {
      const aborter = new AbortController()
      const writer = ndjsonWriter<ExecLine>(() => aborter.abort())
      lab
        .exec(body.node, body.command, { write: (stream, text) => void writer.write({ stream, text }) }, aborter.signal)
        .then((code) => writer.write({ exit_code: code }))
        .catch((error: Error) => writer.write({ error: error.message }))
        .finally(() => writer.end())
      return writer.stream
    },
    console: async ({ params }) => {
      await told(() => lab.checkConsole(params.node))
      return (channel: Channel) => {
        const session = lab.console(
          params.node,
          (bytes) => channel.send(bytes),
          () => channel.close(),
        )
        channel.onMessage((bytes) => session.input(bytes))
        channel.onClose(() => session.close())
      }
    },
    capture: ({ body }) => {
      const points = lab.capturePoints()
      const names =
        body.targets.length === 0
          ? [...points.keys()]
          : body.targets.flatMap((target) => (points.has(target) ? [target] : lab.linkNames(target)))
      const unknown = body.targets.find((target) => !points.has(target) && lab.linkNames(target).length === 0)
      if (unknown !== undefined) throw objectNotFound('link', { name: unknown })
      const filter = parseCaptureFilter(body.filter ?? '')
      if (!filter.ok) throw invalidRequest(`filter: ${filter.message}`)
      return captureStream({
        arena,
        clock,
        tracer,
        points: [...new Set(names)].map((name) => points.get(name)!),
        ...(filter.matches === undefined ? {} : { matches: filter.matches }),
        ...(body.verdicts === true ? { verdicts: true } : {}),
        ...(body.max_frames === undefined ? {} : { maxFrames: body.max_frames }),
        ...(body.duration_ms === undefined ? {} : { durationMs: body.duration_ms }),
      })
    },
    trace: ({ query }) => {
      const filter = parseStoryFilter(query.filter ?? '')
      if (!filter.ok) throw invalidRequest(`filter: ${filter.message}`)
      return storyStream(tracer, clock, filter.matches, query.packets)
    },
    probe: ({ body }) => {
      const started = probeStreams().start(body.program, body.duration_ms)
      if (started.ok) return started.stream
      if (started.reason === 'busy') throw invalidRequest(`${started.running} probe programs run already`)
      throw invalidRequest(started.problems.map((each) => renderProgramProblem(body.program, each)).join('\n\n'))
    },
    probe_stop: ({ params }) => {
      if (!probeStreams().stop(params.id)) throw objectNotFound('probe program', { id: String(params.id) })
      return undefined
    },
    probe_list: () =>
      rackProbes(lab.emulation).flatMap(({ points }) =>
        points.map((each) => ({ ...each, fields: { ...each.fields } })),
      ),
    table_list: async ({ params }) => {
      const tables = await tableRows(lab, params.node)
      return tables.map(({ name, rows }) => ({ name, size: rows.length }))
    },
    table_view: async ({ params }) => {
      const table = (await tableRows(lab, params.node)).find(({ name }) => name === params.table)
      if (table === undefined) throw objectNotFound('table', { name: params.table })
      return { name: table.name, columns: [...table.columns], rows: table.rows.map((row) => [...row]) }
    },
    reachability: ({ body }) =>
      reachability(lab, { nodes: body.nodes, family: body.family, timeoutMs: body.timeout_ms }),
    traffic: ({ body }) => told(() => runTraffic(lab, body)),
    snapshot: ({ query }) => told(() => takeSnapshot(lab, query.folder)),
    restore: async ({ body }) => applied(await told(() => restoreSnapshot(lab, body))),
    shutdown: () => {
      clock.after(0, options.onShutdown)
      return undefined
    },
  }
  return implement(labApi, handlers, { maxBodyBytes: 64 << 20 })
}

function applied({ steps, failures }: Applied) {
  return { steps: steps.map((step) => ({ ...step })), text: planText(steps), failures: [...failures] }
}

/** What the user got wrong is told to the user. */
async function told<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Error) throw invalidRequest(error.message)
    throw error
  }
}

interface Rows {
  readonly name: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

async function tableRows(lab: LabRuntime, name: string): Promise<readonly Rows[]> {
  const live = lab.live.get(name)
  if (live?.tables !== undefined) return live.tables()
  const node = lab.rackNode(name)
  if (node === undefined) throw objectNotFound('node', { name })
  return Promise.all((await tablesOf(node)).map((table) => table.read()))
}
