import type { ReceivedRoute } from '@lodestone/contract-routed'
import { buildCommand, numberParser } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { textTable } from '../../text-table.ts'
import { durationText } from '../routed/duration-text.ts'
import { type RouterFlags, routerFlags, reportRoutedFailure, routedClient } from '../routed/routed-client.ts'
import { peerArgument } from './peer-argument.ts'

interface ReceivedFlags extends RouterFlags {
  readonly prefix?: string
  readonly limit: number
}

export const receivedCommand = buildCommand({
  docs: {
    brief: 'List what a peer told us, as it came, and what import made of it',
    customUsage: [
      { input: 'upstream0', brief: 'What it told us' },
      { input: 'upstream0 --prefix 198.51.100.0/22', brief: 'Of this prefix and those inside it' },
    ],
  },
  parameters: {
    flags: {
      ...routerFlags,
      prefix: {
        kind: 'parsed',
        parse: parseText,
        optional: true,
        brief: 'Only this and those inside it',
        placeholder: 'PREFIX',
      },
      limit: {
        kind: 'parsed',
        parse: numberParser,
        default: '1000',
        brief: 'At most so many; 0: all',
        placeholder: 'N',
      },
    },
    positional: peerArgument,
  },
  async func(this: LodeContext, flags: ReceivedFlags, peer: string) {
    const client = await routedClient(this, flags)
    const most = flags.limit === 0 ? Infinity : flags.limit
    const routes: ReceivedRoute[] = []
    let token: string | undefined
    do {
      const page = await client.bgp_received({
        params: { peer },
        query: { prefix: flags.prefix, limit: Math.min(10_000, most), page_token: token },
      })
      if (!page.ok) return reportRoutedFailure(this, flags, page)
      routes.push(...page.value.items)
      token = page.value.next_page ?? undefined
    } while (token !== undefined && routes.length < most)
    const shown = routes.slice(0, most)
    if (flags.json) return this.printJson(shown)
    this.print(
      textTable(
        ['prefix', 'next hop', 'as path', 'origin', 'med', 'age', 'verdict'],
        shown.map((route) => [
          route.prefix,
          route.next_hop,
          route.as_path,
          route.origin,
          route.med === undefined ? '' : String(route.med),
          durationText(route.age_ms),
          route.refused === undefined ? (route.used ? 'used' : 'usable') : `refused: ${route.refused.sentence}`,
        ]),
      ),
    )
    if (token !== undefined || routes.length > shown.length) this.note(`only ${shown.length}; --limit 0 lists all`)
  },
})
