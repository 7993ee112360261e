/**
 * What is provisioned, as a figure over time. Nothing is recorded: a series has one point, which is now.
 * NOT IMPLEMENTED: history, and time series of instances and links.
 */
import { invalidRequest, type Page, pageInMemory } from '@lodestone/api'
import type { Measurement, SystemMetricName } from '@lodestone/contract-nexus'
import { actorOf } from '../auth/authorize.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import { provisioned, type ProvisionedScope } from '../store/provisioned.ts'
import { selectProject } from './selector.ts'
import { selectSilo } from './silo.ts'

/** `get NAME`, with whatever table operations follow. */
const QUERY = /^\s*get\s+([a-z][a-z0-9_]*(?::[a-z][a-z0-9_]*)+)(?=\s*(?:\||$))/

interface SeriesQuery {
  readonly start_time?: string | undefined
  readonly end_time?: string | undefined
  readonly limit?: number | undefined
  readonly page_token?: string | undefined
}

export function metricHandlers(service: Service): HandlersOf<'silo_metric' | 'system_metric' | 'timeseries_query'> {
  const { store } = service
  const series = async (
    metric: SystemMetricName,
    query: SeriesQuery,
    scope: ProvisionedScope,
  ): Promise<Page<Measurement>> => {
    const now = nowOf(service)
    const isOutside = [query.start_time, query.end_time].map((text) => (text === undefined ? now : new Date(text)))
    if (isOutside[0]! > now || isOutside[1]! < now) return pageInMemory([], query, String)
    const { cpus, memoryBytes, storageBytes } = await provisioned(store.db, scope)
    const figures: Record<SystemMetricName, number> = {
      cpus_provisioned: cpus,
      ram_provisioned: memoryBytes,
      virtual_disk_space_provisioned: storageBytes,
    }
    const point: Measurement = { timestamp: now.toISOString(), datum: { type: 'i64', datum: figures[metric] } }
    return pageInMemory([point], query, ({ timestamp }) => timestamp)
  }
  return {
    async silo_metric({ params, query, context }) {
      const actor = actorOf(context)
      const project =
        query.project === undefined
          ? undefined
          : await selectProject(store.db, { ...actor, needs: 'viewer' }, query.project)
      const scope = project === undefined ? { siloId: actor.siloId } : { projectId: project.id }
      return series(params.metric_name, query, scope)
    },
    async system_metric({ params, query }) {
      const scope = query.silo === undefined ? {} : { siloId: (await selectSilo(store.db, query.silo)).id }
      return series(params.metric_name, query, scope)
    },
    async timeseries_query({ query, body, context }) {
      await selectProject(store.db, actorOf(context), query.project)
      const name = QUERY.exec(body.query)?.[1]
      if (name === undefined) throw invalidRequest('query: expected `get target:metric`, and operations after `|`')
      return { tables: [{ name, timeseries: [] }] }
    },
  }
}
