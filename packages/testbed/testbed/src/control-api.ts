/** The control socket's interface over a running rack. */
import {
  ApiFailure,
  type Handlers,
  httpFetch,
  implement,
  type HttpHandler,
  invalidRequest,
  objectNotFound,
} from '@lodestone/api'
import { type FetchResult, testbedApi } from '@lodestone/contract-testbed'
import type { Link } from '@lodestone/link'
import { type Netstack, shellCommand } from '@lodestone/netstack'
import { parseStoryFilter, renderProgramProblem } from '@lodestone/probe'
import { gatewayHandler, labHandler } from '@lodestone/sp'
import { type CapturePoint, captureStream } from './capture.ts'
import { causeOf } from './cause/entry-cause.ts'
import { answerQuestion, instanceDrops } from './explain/explain-api.ts'
import { type RackNode, tablesOf } from './node-table.ts'
import type { Rack } from './rack.ts'
import { linkInfo } from './rack-info.ts'
import { reconcilerReport } from './reconciler-report.ts'
import { ProbeStreams } from './probe-stream.ts'
import { routerRequest } from './router-request.ts'
import { sledRequest } from './sled-request.ts'
import { storyStream } from './story-stream.ts'

const FETCH_TIMEOUT_MS = 10_000
const BODY_LIMIT = 64 * 1024

export function controlHandler(rack: Rack): HttpHandler {
  const node = (name: string): RackNode => {
    const found = rack.emulation.nodes.get(name)
    if (found === undefined) throw objectNotFound('node', { name })
    return found
  }
  const link = (name: string): Link => {
    const found = rack.emulation.links().get(name)
    if (found === undefined) throw objectNotFound('link', { name })
    return found
  }
  // One socket for everything that looks behind the rack: what is not the testbed's own is a daemon's or the laboratory's.
  const { serviceProcessors } = rack.emulation
  const lab = labHandler(() => serviceProcessors.members)
  const gateway = gatewayHandler(() => serviceProcessors.gateway)
  const fallback = (request: Request): Promise<Response> | undefined => {
    const { pathname } = new URL(request.url)
    if (pathname.startsWith('/lab/')) return lab(request)
    if (pathname.startsWith('/sled-agent/')) {
      return sledRequest(request, (name) => rack.emulation.sleds().find((each) => each.name === name)?.agent)
    }
    if (pathname.startsWith('/routed/')) return routerRequest(request, (name) => rack.emulation.nodes.get(name)?.routed)
    return /^\/(sp|ignition|local|recovery)(\/|$)/.test(pathname) ? gateway(request) : undefined
  }
  const probes = new ProbeStreams(rack.world.clock, rack.probes)
  const handlers: Handlers<typeof testbedApi> = {
    info: () => rack.info(),
    graph: () => ({
      nodes: rack.info().nodes.map((each) => ({ name: each.name, kind: each.kind, label: each.name })),
      edges: [...rack.emulation.links().values()].map((each) => ({
        from: each.a.name.split('/')[0]!,
        to: each.b.name.split('/')[0]!,
        label: each.name,
        up: each.isUp,
      })),
    }),
    link_set: ({ params, body }) => {
      const each = link(params.name)
      each.configure({
        ...(body.delay_ms === undefined ? {} : { delayMs: body.delay_ms }),
        ...(body.rate_bps === undefined ? {} : { rateBps: body.rate_bps === 0 ? Infinity : body.rate_bps }),
        ...(body.loss === undefined ? {} : { loss: body.loss }),
      })
      if (body.up !== undefined) each.setUp(body.up)
      return linkInfo(each)
    },
    node_power: async ({ params, body }) => {
      const { name } = params
      if (!(await rack.emulation.setPower(name, body.on))) throw objectNotFound('node', { name })
      const fault = body.on ? rack.emulation.powerFault(name) : undefined
      if (fault !== undefined) throw new ApiFailure({ kind: 'conflict', message: `${name} did not come up: ${fault}` })
      return undefined
    },
    sled_put: async ({ params, body }) => {
      const result = await rack.putSled(params.place, body.serial)
      if (typeof result === 'string') throw new ApiFailure({ kind: 'conflict', message: result })
      return result
    },
    reconcilers: () => reconcilerReport(rack.nexus.reconcilers()),
    shutdown: () => {
      rack.world.clock.after(0, () => void rack.close())
      return undefined
    },
    trace: ({ query }) => {
      const filter = parseStoryFilter(query.filter ?? '')
      if (!filter.ok) throw invalidRequest(`filter: ${filter.message}`)
      return storyStream(rack.world.tracer, rack.world.clock, filter.matches, query.packets)
    },
    probe: ({ body }) => {
      const started = probes.start(body.program, body.duration_ms)
      if (started.ok) return started.stream
      if (started.reason === 'busy') {
        throw new ApiFailure({ kind: 'unavailable', message: `${started.running} probe programs run already` })
      }
      throw invalidRequest(started.problems.map((each) => renderProgramProblem(body.program, each)).join('\n\n'))
    },
    probe_stop: ({ params }) => {
      if (!probes.stop(params.id)) throw objectNotFound('probe program', { id: String(params.id) })
      return undefined
    },
    probe_list: () =>
      rack.probes.flatMap(({ points }) => points.map((each) => ({ ...each, fields: { ...each.fields } }))),
    explain: ({ body }) => answerQuestion(rack.emulation, rack.nexus, body),
    instance_drops: ({ params }) => {
      const groups = instanceDrops(rack.emulation, params.instance)
      if (groups === undefined) throw objectNotFound('instance', { name: params.instance })
      return groups
    },
    cause: async ({ body }) => {
      const result = await causeOf(rack.emulation, rack.nexus, body)
      if (!result.ok) throw invalidRequest(result.message)
      return result.answer
    },
    exec: async ({ body }) => {
      const instance = rack.emulation
        .sleds()
        .flatMap((sled) => [...sled.agent.instances.values()])
        .find((each) => each.desired.hostname === body.node)
      if (instance !== undefined) {
        const exec = instance.guest?.exec
        if (exec === undefined) throw new ApiFailure({ kind: 'conflict', message: `${body.node} is not running` })
        const { output, exitCode } = await exec(body.command)
        return { output, exit_code: exitCode }
      }
      const { stack } = node(body.node)
      const { clock } = rack.world
      const command = { network: stack, clock, hostName: body.node, command: body.command }
      const { output, exitCode } = await shellCommand(command)
      return { output, exit_code: exitCode }
    },
    fetch: ({ body }) => {
      const from = node(body.from)
      const source = from.kind === 'host' ? from.spec.loopbacks[0]?.toString() : undefined
      return fetchFrom(rack, from.stack, source, body.url, body.timeout_ms ?? FETCH_TIMEOUT_MS)
    },
    table_list: async ({ params }) => {
      const tables = await tablesOf(node(params.node))
      return Promise.all(
        tables.map(async ({ name, detail, read }) => ({ name, size: (await read()).rows.length, detail })),
      )
    },
    table_view: async ({ params }) => {
      const tables = await tablesOf(node(params.node))
      const table = tables.find((each) => each.name === params.table)
      if (table === undefined) throw objectNotFound('table', { name: params.table })
      return table.read()
    },
    capture: ({ body }) => {
      const points = capturePoints(rack)
      const chosen = body.links.length === 0 ? [...points.values()] : body.links.map((name) => point(points, name))
      return captureStream({
        arena: rack.world.arena,
        clock: rack.world.clock,
        tracer: rack.world.tracer,
        points: chosen,
        ...(body.verdicts === true ? { verdicts: true } : {}),
        ...(body.max_frames === undefined ? {} : { maxFrames: body.max_frames }),
        ...(body.duration_ms === undefined ? {} : { durationMs: body.duration_ms }),
      })
    },
  }
  return implement(testbedApi, handlers, { fallback })
}

/** Every link by its name, and the CPU port of each switch that is on as `switch0-cpu`: only there sidecar headers are seen. */
function capturePoints(rack: Rack): ReadonlyMap<string, CapturePoint> {
  const points = new Map<string, CapturePoint>()
  for (const each of rack.emulation.links().values()) {
    points.set(each.name, {
      name: each.name,
      tap: (fn) => each.tap((slot, _direction, atMs) => fn(slot, atMs)),
    })
  }
  for (const each of rack.emulation.switches()) {
    const name = `${each.name}-cpu`
    points.set(name, { name, tap: (fn) => each.node.tapCpu(fn) })
  }
  return points
}

function point(points: ReadonlyMap<string, CapturePoint>, name: string): CapturePoint {
  const found = points.get(name)
  if (found === undefined) throw objectNotFound('link', { name })
  return found
}

async function fetchFrom(
  rack: Rack,
  stack: Netstack,
  localAddress: string | undefined,
  url: string,
  timeoutMs: number,
): Promise<FetchResult> {
  const { clock } = rack.world
  const startMs = clock.nowMs()
  try {
    const get = httpFetch(stack, { clock, timeoutMs, ...(localAddress === undefined ? {} : { localAddress }) })
    const response = await get(new Request(url))
    const body = await response.text()
    return {
      status_line: `HTTP/1.1 ${response.status} ${response.statusText}`,
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: body.slice(0, BODY_LIMIT),
      elapsed_ms: clock.nowMs() - startMs,
    }
  } catch (error) {
    const { message } = error as Error
    return { status_line: '', status: 0, headers: {}, body: '', elapsed_ms: clock.nowMs() - startMs, error: message }
  }
}
