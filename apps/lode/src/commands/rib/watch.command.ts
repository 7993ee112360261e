import type { RoutedEvent } from '@lodestone/contract-routed'
import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { type RouterFlags, routerFlags, reportRoutedFailure, routedClient } from '../routed/routed-client.ts'

interface WatchFlags extends RouterFlags {
  readonly routes: boolean
  readonly replay: boolean
}

export const watchCommand = buildCommand({
  docs: {
    brief: 'Follow what happens until Ctrl-C: sessions, BFD, configuration, routes',
    customUsage: [
      { input: '', brief: 'Sessions, BFD and configuration' },
      { input: '--routes', brief: 'Changes of routes too' },
      { input: '--routes --replay', brief: 'First all routes that are in use now' },
    ],
  },
  parameters: {
    flags: {
      ...routerFlags,
      routes: { kind: 'boolean', default: false, brief: 'Changes of routes too' },
      replay: { kind: 'boolean', default: false, brief: 'With --routes: first all that are in use' },
    },
  },
  async func(this: LodeContext, flags: WatchFlags) {
    const { readNdjson } = await import('@lodestone/api')
    const { RoutedEvent } = await import('@lodestone/contract-routed')
    const aborter = new AbortController()
    this.process.once('SIGINT', () => aborter.abort())
    const result = await (
      await routedClient(this, flags)
    ).events({ query: { routes: flags.routes, replay: flags.replay }, signal: aborter.signal })
    if (!result.ok) return reportRoutedFailure(this, flags, result)
    try {
      for await (const event of readNdjson(result.value, RoutedEvent)) {
        if (flags.json) this.print(JSON.stringify(event))
        else for (const line of eventLines(event)) this.print(`${event.time} ${line}`)
      }
    } catch (error) {
      if (!aborter.signal.aborted) throw error
    }
  },
})

export function eventLines(event: RoutedEvent): readonly string[] {
  switch (event.kind) {
    case 'bgp-state':
      return [`bgp ${event.peer}: ${event.from} → ${event.to}: ${event.reason}`]
    case 'bgp-session-up':
      return [`bgp ${event.peer}: session with ${event.address}, AS ${event.asn}, is up`]
    case 'bgp-session-down':
      return [`bgp ${event.peer}: session is down: ${event.reason}${event.restarting ? '; its routes are kept' : ''}`]
    case 'bgp-end-of-rib':
      return [`bgp ${event.peer}: all ${event.family} routes have come`]
    case 'bgp-prefix-limit':
      return [`bgp ${event.peer}: ${event.count} ${event.family} prefixes, the limit is ${event.limit}`]
    case 'bgp-peer-added':
      return [`bgp ${event.peer}: ${event.dynamic ? 'a dynamic neighbour came' : 'added'}`]
    case 'bgp-peer-removed':
      return [`bgp ${event.peer}: removed`]
    case 'bfd-state':
      return [`bfd ${event.session}: ${event.from} → ${event.to}${event.failure ? ': the neighbour is gone' : ''}`]
    case 'routes':
      return event.routes.map(({ prefix, paths }) => {
        if (paths.length === 0) return `- ${prefix}`
        const hops = paths.map(
          (path) => `${path.next_hop} (${path.protocol}${path.peer === '' ? '' : ` ${path.peer}`})`,
        )
        return `+ ${prefix} via ${hops.join(', ')}`
      })
    case 'route-oscillation':
      return [
        `route ${event.prefix} oscillates, ${event.changes} changes so far, in turn: ${event.selections.join('; ')}`,
      ]
    case 'config':
      return event.changes.map(({ what, effect }) => `config: ${what}: ${effect}`)
    case 'lost':
      return [`${event.count} events are missing here`]
    default: {
      const never: never = event
      return [JSON.stringify(never)]
    }
  }
}
