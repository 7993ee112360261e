/** Figures over time. */
import { endpoint, pageFields, pageOf } from '@lodestone/api'
import { z } from 'zod'
import { NameOrId, Time } from './identity.ts'

export const SystemMetricName = z
  .enum(['virtual_disk_space_provisioned', 'cpus_provisioned', 'ram_provisioned'])
  .meta({ id: 'SystemMetricName' })
export type SystemMetricName = z.output<typeof SystemMetricName>

export const Measurement = z
  .object({ timestamp: Time, datum: z.object({ type: z.literal('i64'), datum: z.int() }) })
  .meta({ id: 'Measurement' })
export type Measurement = z.output<typeof Measurement>

const params = z.object({ metric_name: SystemMetricName })
const query = {
  ...pageFields,
  start_time: Time.optional(),
  end_time: Time.optional(),
  order: z.enum(['ascending', 'descending']).optional(),
}
const TimeseriesQuery = z.object({ query: z.string() }).meta({ id: 'TimeseriesQuery' })
/** No time series are kept: tables have a name and no rows. */
const OxqlQueryResult = z
  .object({ tables: z.array(z.object({ name: z.string(), timeseries: z.array(z.never()) })) })
  .meta({ id: 'OxqlQueryResult' })

export const metricsEndpoints = [
  endpoint({
    operationId: 'silo_metric',
    method: 'GET',
    path: '/v1/metrics/{metric_name}',
    tags: ['metrics'],
    summary: 'View what the silo or one of its projects has provisioned',
    params,
    query: z.object({ ...query, project: NameOrId.optional() }),
    response: { status: 200, schema: pageOf(Measurement) },
    paginated: true,
  }),
  endpoint({
    operationId: 'system_metric',
    method: 'GET',
    path: '/v1/system/metrics/{metric_name}',
    tags: ['system/metrics'],
    summary: 'View what the fleet or one of its silos has provisioned',
    params,
    query: z.object({ ...query, silo: NameOrId.optional() }),
    response: { status: 200, schema: pageOf(Measurement) },
    paginated: true,
  }),
  endpoint({
    operationId: 'timeseries_query',
    method: 'POST',
    path: '/v1/timeseries/query',
    tags: ['experimental'],
    summary: 'Ask for time series of a project; none are kept, so every table is empty',
    query: z.object({ project: NameOrId }),
    body: TimeseriesQuery,
    response: { status: 200, schema: OxqlQueryResult },
  }),
] as const
