/** What is there before anything goes wrong: a pool of addresses, two projects, and instances that people use. */
import { client } from '@lodestone/api'
import { nexusApi } from '@lodestone/contract-nexus'
import type { Random } from '@lodestone/host'
import { DEFAULT_POOL_NAME, ensureDefaultPool, obtainToken } from '@lodestone/testbed'
import type { ApiOperation } from './fault/sim-event.ts'
import type { Acknowledged } from './workload/acknowledged.ts'
import type { ApiUser } from './workload/api-user.ts'

export const PROJECTS: readonly string[] = ['p0', 'p1']
export { DEFAULT_POOL_NAME }

const REQUESTS: readonly ApiOperation[] = [
  ...PROJECTS.flatMap((project): ApiOperation[] => [
    { call: 'floating-create', project, name: 'fip' },
    { call: 'instance-create', project, name: 'web', floating: 'fip' },
  ]),
  { call: 'instance-create', project: 'p0', name: 'db' },
]

/** Project and name of each instance that is there from the beginning. */
export const INSTANCES: readonly (readonly [string, string])[] = REQUESTS.flatMap(({ call, project, name }) =>
  call === 'instance-create' ? [[project, name] as const] : [],
)

/** Rejects when the rack, which is well, does not do it. */
export async function arrange(
  users: readonly ApiUser[],
  random: Random,
  model: Acknowledged,
  nowMs: () => number,
): Promise<string> {
  const [first] = users
  if (first === undefined) throw new Error('there are no users')
  const token = await obtainToken(first.fetch, random)
  for (const user of users) user.setToken(token)
  await ensureDefaultPool(first.fetch, token)
  const api = client(nexusApi, first.fetch, 'http://nexus')
  const headers = { authorization: `Bearer ${token}` }
  for (const name of PROJECTS) {
    const made = await api.project_create({ headers, body: { name, description: '' } })
    if (!made.ok) throw new Error(`project ${name}: ${made.message}`)
  }
  for (const operation of REQUESTS) {
    const startMs = nowMs()
    const outcome = await first.ask(operation)
    if (outcome !== 'acknowledged') throw new Error(`${Object.values(operation).join(' ')}: ${outcome}`)
    model.record(operation, startMs, nowMs(), outcome)
  }
  return token
}
