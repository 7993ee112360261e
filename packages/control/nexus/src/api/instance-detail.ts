/** What belongs to one instance: external addresses, console, keys; and the things it never has. */
import { ApiFailure, type CallFailure, invalidRequest } from '@lodestone/api'
import type { SledAgentClient } from '@lodestone/contract-sled-agent'
import { actorOf } from '../auth/authorize.ts'
import type { HandlersOf, Service } from '../service.ts'
import { deleteExternalIp, externalIpsOfInstance } from '../store/external-ip.ts'
import { pageOfRows, scanOf } from '../store/scan.ts'
import { listSshKeysOfInstance } from '../store/session.ts'
import { attachEphemeral, externalIpFromRow } from './external-ip.ts'
import { selectInstance } from './selector.ts'
import { attachConsole } from './serial-console.ts'
import { sshKeyFromRow } from './session.ts'

type Ids =
  | 'instance_external_ip_list'
  | 'instance_ephemeral_ip_attach'
  | 'instance_ephemeral_ip_detach'
  | 'instance_serial_console'
  | 'instance_serial_console_stream'
  | 'instance_ssh_public_key_list'
  | 'instance_external_subnet_list'

interface InstanceCall {
  readonly params: { readonly instance: string }
  readonly query: { readonly project?: string | undefined }
  readonly context: Parameters<typeof actorOf>[0]
}

export function instanceDetailHandlers(service: Service): HandlersOf<Ids> {
  const { store } = service
  const select = ({ params, query, context }: InstanceCall) =>
    selectInstance(store.db, actorOf(context), params.instance, query)
  const none = async (call: InstanceCall): Promise<{ items: never[]; next_page: null }> => {
    await select(call)
    return { items: [], next_page: null }
  }
  return {
    async instance_external_ip_list(call) {
      const { id } = await select(call)
      return { items: (await externalIpsOfInstance(store.db, id)).map(externalIpFromRow), next_page: null }
    },

    async instance_ephemeral_ip_attach({ params, query, body, context }) {
      const row = await store.transaction(async (tx) => {
        const actor = actorOf(context)
        const instance = await selectInstance(tx, actor, params.instance, query)
        return attachEphemeral(tx, service, actor, instance.id, body.pool_selector)
      })
      service.activate()
      return externalIpFromRow(row)
    },

    async instance_ephemeral_ip_detach({ params, query, context }) {
      await store.transaction(async (tx) => {
        const instance = await selectInstance(tx, actorOf(context), params.instance, query)
        const ephemeral = (await externalIpsOfInstance(tx, instance.id)).filter(
          (row) =>
            row.kind === 'ephemeral' &&
            (query.ip_version === undefined || query.ip_version === (row.ip.includes(':') ? 'v6' : 'v4')),
        )
        const [row] = ephemeral
        if (row === undefined) throw invalidRequest('instance does not have an ephemeral IP attached')
        if (ephemeral.length > 1) throw invalidRequest('ip_version: the instance has two ephemeral IPs; specify which')
        await deleteExternalIp(tx, row.id)
      })
      service.activate()
    },

    async instance_serial_console(call) {
      const { from_start, most_recent, max_bytes } = call.query
      if ((from_start === undefined) === (most_recent === undefined)) {
        throw invalidRequest('exactly one of from_start and most_recent must be specified')
      }
      const { id, agent } = await selectPlaced(service, call)
      const params = { instance_id: id }
      const answer = await agent.instance_serial_console({ params, query: { from_start, most_recent, max_bytes } })
      if (!answer.ok) throw sledFailure(answer)
      return answer.value
    },

    async instance_serial_console_stream(call) {
      const { id, agent } = await selectPlaced(service, call)
      return (channel) => void attachConsole(service.clock, agent, id, call.query.most_recent ?? 0, channel)
    },

    async instance_ssh_public_key_list(call) {
      const scan = scanOf(call.query)
      const { id } = await select(call)
      return pageOfRows(await listSshKeysOfInstance(store.db, id, scan), scan, sshKeyFromRow)
    },

    instance_external_subnet_list: none,
  }
}

/** An instance that is on a sled, with that sled's agent. */
async function selectPlaced(service: Service, call: InstanceCall): Promise<{ id: string; agent: SledAgentClient }> {
  const { params, query, context } = call
  const { id, sled_id, run_state } = await selectInstance(service.store.db, actorOf(context), params.instance, query)
  if (sled_id === null) throw invalidRequest(`cannot connect to serial console of instance in state "${run_state}"`)
  const agent = service.sledAgent(sled_id)
  if (agent === undefined)
    throw new ApiFailure({ kind: 'unavailable', message: 'the sled of the instance is new to this server' })
  return { id, agent }
}

function sledFailure(failure: CallFailure): ApiFailure {
  if (failure.kind === 'refused' && failure.status >= 400 && failure.status < 500) {
    return invalidRequest(failure.message)
  }
  return new ApiFailure({
    kind: 'unavailable',
    message: 'the sled of the instance does not answer',
    internal: failure.message,
  })
}
