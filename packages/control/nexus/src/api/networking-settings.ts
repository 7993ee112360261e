/** A few settings of the whole network, and from where the API may be reached. */
import { ApiFailure, invalidRequest, peerAddress } from '@lodestone/api'
import type { AllowedSourceIps } from '@lodestone/contract-nexus'
import { Ip, Prefix } from '@lodestone/net'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import { fleetSetting, setFleetSetting } from '../store/fleet-setting.ts'
import type { Db } from '../store/store.ts'

type Ids =
  | 'networking_allow_list_view'
  | 'networking_allow_list_update'
  | 'networking_inbound_icmp_view'
  | 'networking_inbound_icmp_update'
  | 'system_networking_settings_view'
  | 'system_networking_settings_update'

const ANY: AllowedSourceIps = { allow: 'any' }

export function networkingSettingsHandlers(service: Service): HandlersOf<Ids> {
  const { store } = service
  const started = nowOf(service)
  return {
    async networking_allow_list_view() {
      const row = await fleetSetting(store.db, 'allow-list')
      return {
        time_created: (row?.time_created ?? started).toISOString(),
        time_modified: (row?.time_modified ?? started).toISOString(),
        allowed_ips: await allowedSources(store.db),
      }
    },
    async networking_allow_list_update({ body, request }) {
      const { allowed_ips } = body
      if (allowed_ips.allow === 'list' && allowed_ips.ips.length === 0) {
        throw invalidRequest('allowed_ips: a list without entries would shut everybody out')
      }
      const from = peerAddress(request)
      if (!isAllowed(allowed_ips, from)) {
        throw invalidRequest('The source IP allow list would prevent access from the current client')
      }
      const row = await setFleetSetting(store.db, 'allow-list', allowed_ips, nowOf(service))
      service.activate()
      return {
        time_created: row.time_created.toISOString(),
        time_modified: row.time_modified.toISOString(),
        allowed_ips,
      }
    },
    async networking_inbound_icmp_view() {
      const row = await fleetSetting(store.db, 'inbound-icmp')
      // because only such values are ever written under this name
      return (row?.value ?? { enabled: true }) as { enabled: boolean }
    },
    async networking_inbound_icmp_update({ body }) {
      await setFleetSetting(store.db, 'inbound-icmp', body, nowOf(service))
    },
    async system_networking_settings_view() {
      const row = await fleetSetting(store.db, 'networking')
      return (row?.value ?? { external_jumbo_frames_opt_in_enabled: false }) as {
        external_jumbo_frames_opt_in_enabled: boolean
      }
    },
    async system_networking_settings_update({ body }) {
      await setFleetSetting(store.db, 'networking', body, nowOf(service))
      return body
    },
  }
}

async function allowedSources(db: Db): Promise<AllowedSourceIps> {
  const row = await fleetSetting(db, 'allow-list')
  return row === undefined ? ANY : (row.value as AllowedSourceIps)
}

/** Callers in this process have no address and are always allowed. */
function isAllowed(allowed: AllowedSourceIps, from: string | undefined): boolean {
  if (allowed.allow === 'any' || from === undefined) return true
  const ip = Ip.parse(from.replace(/^::ffff:(?=\d+\.)/, ''))
  return ip !== undefined && allowed.ips.some((text) => Prefix.of(text).contains(ip))
}

/**
 * Refuses requests from elsewhere. The list is read anew once a second: what another control plane of the rack has changed
 * counts within that time here.
 */
export class SourceGate {
  readonly #service: Service
  #allowed: AllowedSourceIps = ANY
  #readMs = -Infinity

  constructor(service: Service) {
    this.#service = service
  }

  async check(request: Request): Promise<void> {
    const from = peerAddress(request)
    if (from === undefined) return
    const nowMs = this.#service.clock.nowMs()
    if (nowMs - this.#readMs >= REREAD_MS) {
      this.#readMs = nowMs
      this.#allowed = await allowedSources(this.#service.store.db)
    }
    if (isAllowed(this.#allowed, from)) return
    throw new ApiFailure({ kind: 'forbidden', internal: `${from} is not on the allow list` })
  }
}

const REREAD_MS = 1000
