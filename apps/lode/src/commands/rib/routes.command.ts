import type { RibRoute } from '@lodestone/contract-routed'
import { buildCommand, numberParser } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { textTable } from '../../text-table.ts'
import { durationText } from '../routed/duration-text.ts'
import { type RouterFlags, routerFlags, reportRoutedFailure, routedClient } from '../routed/routed-client.ts'

interface RoutesFlags extends RouterFlags {
  readonly received: boolean
  readonly protocol?: 'connected' | 'static' | 'bgp' | 'ddm'
  readonly family?: 'ipv4' | 'ipv6'
  readonly peer?: string
  readonly limit: number
}

export const routesCommand = buildCommand({
  docs: {
    brief: 'List routes: those in use, or all that were received',
    customUsage: [
      { input: '', brief: 'The routes in use' },
      { input: '--received --peer upstream0', brief: 'What a peer sent, with the reason for what is not usable' },
      { input: '198.51.100.0/22', brief: 'This prefix and those inside it' },
      { input: '--limit 0 --json', brief: 'All of them, one JSON object per line' },
    ],
  },
  parameters: {
    flags: {
      ...routerFlags,
      received: { kind: 'boolean', default: false, brief: 'All that was received, not just what is used' },
      protocol: {
        kind: 'enum',
        values: ['connected', 'static', 'bgp', 'ddm'],
        optional: true,
        brief: 'Only of this protocol',
      },
      family: { kind: 'enum', values: ['ipv4', 'ipv6'], optional: true, brief: 'Only of this family' },
      peer: { kind: 'parsed', parse: parseText, optional: true, brief: 'Only from this peer', placeholder: 'PEER' },
      limit: {
        kind: 'parsed',
        parse: numberParser,
        default: '1000',
        brief: 'At most so many; 0: all',
        placeholder: 'N',
      },
    },
    positional: {
      kind: 'tuple',
      parameters: [
        { parse: parseText, optional: true, brief: 'Only this prefix and those inside it', placeholder: 'PREFIX' },
      ],
    },
  },
  async func(this: LodeContext, flags: RoutesFlags, prefix?: string) {
    const { readNdjson } = await import('@lodestone/api')
    const { RibRoute } = await import('@lodestone/contract-routed')
    const { protocol, family, peer, limit } = flags
    const result = await (
      await routedClient(this, flags)
    ).rib_dump({
      query: { table: flags.received ? 'received' : 'selected', protocol, family, peer, prefix },
    })
    if (!result.ok) return reportRoutedFailure(this, flags, result)
    const printer = new RoutePrinter(this, flags.json)
    let count = 0
    let isCut = false
    for await (const route of readNdjson(result.value, RibRoute)) {
      if (limit > 0 && count >= limit) {
        isCut = true
        break
      }
      count++
      printer.add(route)
    }
    printer.end()
    if (isCut) this.note(`only the first ${limit}; --limit 0 lists all`)
  },
})

/** Prints in blocks of rows, each aligned: a full table is not held in memory to find the widest cell. */
const BLOCK = 1000

class RoutePrinter {
  readonly #context: LodeContext
  readonly #isJson: boolean
  #rows: string[][] = []
  #blocks = 0

  constructor(context: LodeContext, isJson: boolean) {
    this.#context = context
    this.#isJson = isJson
  }

  add(route: RibRoute): void {
    if (this.#isJson) return this.#context.print(JSON.stringify(route))
    for (const [i, path] of route.paths.entries()) {
      const via = path.interface === undefined ? path.next_hop : `${path.next_hop}%${path.interface}`
      const note =
        path.unusable === undefined ? (path.stale === true ? 'stale' : '') : `unusable: ${path.unusable.sentence}`
      this.#rows.push([
        i === 0 ? route.prefix : '',
        via,
        path.protocol,
        path.peer,
        String(path.preference),
        path.bgp === undefined ? '' : path.bgp.as_path,
        durationText(path.age_ms),
        note,
      ])
    }
    if (this.#rows.length >= BLOCK) this.#flush()
  }

  end(): void {
    if (!this.#isJson && (this.#rows.length > 0 || this.#blocks === 0)) this.#flush()
  }

  #flush(): void {
    const columns = ['prefix', 'next hop', 'protocol', 'peer', 'pref', 'as path', 'age', 'note']
    this.#context.print(textTable(columns, this.#rows))
    this.#rows = []
    this.#blocks++
  }
}
