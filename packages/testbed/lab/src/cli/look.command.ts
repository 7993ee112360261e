/** Commands that look at a running laboratory: info, table, reach, graph, export. */
import { buildCommand } from '@stricli/core'
import { verdictOf } from '../control/fidelity.ts'
import type { LabInfo } from '../control/lab-api.ts'
import { ExitStatus, type LabContext } from '../os-context.ts'
import { connect, type LabFlags, labFlags, parseText, textTable, valueOrReport } from './connection.ts'

export const infoCommand = buildCommand({
  docs: { brief: 'Nodes, links, counters, and whether time was kept', customUsage: ['', '--json'] },
  parameters: { flags: labFlags },
  async func(this: LabContext, flags: LabFlags) {
    const result = valueOrReport(this, await (await connect(this, flags)).info())
    if (result === undefined) return
    if (flags.json) return this.printJson(result.value)
    this.print(infoText(result.value))
  },
})

function infoText({ name, time, uptime_ms, nodes, links, fidelity, problems }: LabInfo): string {
  const nodeRows = nodes.map((node) => [node.name, node.kind, node.state, node.addresses.join(' '), node.detail])
  const linkRows = links.map((link) => {
    const { a_to_b: forth, b_to_a: back } = link
    const drops = [forth, back].flatMap((side) => Object.values(side.drops)).reduce((sum, count) => sum + count, 0)
    return [
      link.name,
      `${link.a} ↔ ${link.b}`,
      link.up ? 'up' : 'down',
      link.profile ?? '',
      forth.delay_ms === back.delay_ms ? String(forth.delay_ms) : `${forth.delay_ms}/${back.delay_ms}`,
      rateText(forth.rate_bps),
      `${forth.frames}/${back.frames}`,
      String(drops),
      Math.max(forth.late_p99_ms, back.late_p99_ms).toFixed(3),
    ]
  })
  return [
    `${name}, ${time} time, up ${(uptime_ms / 1000).toFixed(1)} s`,
    '',
    textTable(['node', 'kind', 'state', 'addresses', 'detail'], nodeRows),
    '',
    textTable(['link', 'ends', 'state', 'profile', 'delay ms', 'rate', 'frames', 'drops', 'late ms'], linkRows),
    '',
    `fidelity  ${verdictOf(fidelity)}`,
    ...problems.map((problem) => `problem   ${problem}`),
  ].join('\n')
}

function rateText(bps: number): string {
  if (bps === 0) return ''
  const units: readonly (readonly [number, string])[] = [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ]
  const unit = units.find(([size]) => bps >= size)
  return unit === undefined ? String(bps) : `${bps / unit[0]}${unit[1]}`
}

export const tableCommand = buildCommand({
  docs: {
    brief: 'The tables of a node, or what is in one of them',
    customUsage: [
      { input: 'left', brief: 'Which tables there are' },
      { input: 'left routes', brief: 'One of them' },
    ],
  },
  parameters: {
    flags: labFlags,
    positional: {
      kind: 'array',
      minimum: 1,
      parameter: { parse: parseText, brief: 'Node, then table', placeholder: 'NAME' },
    },
  },
  async func(this: LabContext, flags: LabFlags, ...[node = '', table]: string[]) {
    const client = await connect(this, flags)
    if (table === undefined) {
      const result = valueOrReport(this, await client.table_list({ params: { node } }))
      if (result === undefined) return
      if (flags.json) return this.printJson(result.value)
      return this.print(
        textTable(
          ['table', 'entries'],
          result.value.map(({ name, size }) => [name, String(size)]),
        ),
      )
    }
    const result = valueOrReport(this, await client.table_view({ params: { node, table } }))
    if (result === undefined) return
    if (flags.json) this.printJson(result.value)
    else this.print(textTable(result.value.columns, result.value.rows))
  },
})

export const reachCommand = buildCommand({
  docs: {
    brief: 'Who reaches whom: a matrix of pings; exit status 1 when one is not answered',
    customUsage: ['', { input: 'left right', brief: 'Only these' }],
  },
  parameters: {
    flags: labFlags,
    positional: { kind: 'array', parameter: { parse: parseText, brief: 'Nodes; none means all', placeholder: 'NODE' } },
  },
  async func(this: LabContext, flags: LabFlags, ...nodes: string[]) {
    const result = valueOrReport(
      this,
      await (await connect(this, flags)).reachability({ body: nodes.length === 0 ? {} : { nodes } }),
    )
    if (result === undefined) return
    const pairs = result.value
    if (flags.json) this.printJson(pairs)
    else {
      const names = [...new Set(pairs.flatMap(({ from, to }) => [from, to]))]
      const cell = (from: string, to: string): string => {
        const pair = pairs.find((each) => each.from === from && each.to === to)
        return pair === undefined ? '' : pair.reached ? `${(pair.round_trip_ms ?? 0).toFixed(1)} ms` : 'no'
      }
      this.print(
        textTable(
          ['from \\ to', ...names],
          names.map((from) => [from, ...names.map((to) => cell(from, to))]),
        ),
      )
    }
    if (pairs.some(({ reached }) => !reached)) this.exit(ExitStatus.failed)
  },
})

interface GraphFlags extends LabFlags {
  readonly write?: string
  readonly live: boolean
  readonly port: number
}

export const graphCommand = buildCommand({
  docs: {
    brief: 'The topology as a drawing (SVG), or as a page that shows what happens',
    customUsage: [
      { input: '> lab.svg', brief: 'As it runs; as the program says when it does not' },
      { input: '--live', brief: 'A page on this machine with rates, drops and the state of links' },
    ],
  },
  parameters: {
    flags: {
      ...labFlags,
      write: { kind: 'parsed', parse: parseText, optional: true, brief: 'File to write', placeholder: 'FILE' },
      live: { kind: 'boolean', default: false, brief: 'Serve a page until Ctrl-C' },
      port: { kind: 'parsed', parse: Number, default: '0', brief: 'Of the page; 0 picks one', placeholder: 'PORT' },
    },
    aliases: { w: 'write' },
  },
  async func(this: LabContext, flags: GraphFlags) {
    const { graphOf, graphSvg } = await import('./graph-svg.ts')
    const client = await connect(this, flags)
    if (flags.live) {
      const { serveLiveGraph } = await import('./live-graph.ts')
      const url = await serveLiveGraph(this, client, flags.port)
      this.print(`${url}   (Ctrl-C ends it)`)
      return
    }
    const info = await client.info()
    const graph = graphOf(this.document, info.ok ? info.value : undefined)
    const output = flags.json ? JSON.stringify(graph, undefined, 2) : graphSvg(graph)
    if (flags.write === undefined) return this.print(output)
    const { writeText } = await import('../os-text-file.ts')
    writeText(flags.write, output)
  },
})

export const exportCommand = buildCommand({
  docs: {
    brief: 'The topology as YAML (or JSON): what runs, or what the program says',
    customUsage: ['', { input: '--program', brief: 'What the program says, whatever runs' }],
  },
  parameters: { flags: { ...labFlags, program: { kind: 'boolean', default: false, brief: 'Not what runs' } } },
  async func(this: LabContext, flags: LabFlags & { readonly program: boolean }) {
    const { toYaml } = await import('../document/yaml.ts')
    const running = flags.program ? undefined : await (await connect(this, flags)).document()
    const document = running?.ok === true ? running.value : this.document
    if (flags.json) this.printJson(document)
    else this.process.stdout.write(toYaml(document))
  },
})
