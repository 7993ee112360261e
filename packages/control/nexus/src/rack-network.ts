/**
 * The network of a new rack: what its operator says once, at its set-up, in the words of the API. It becomes rows like those that
 * the API makes, and from then on is changed by the API only.
 */
import type { SwitchPortSettingsCreate, SwitchSlot } from '@lodestone/contract-nexus'
import { type AddressLotCreate, createLoopback, createLot, type LoopbackAddressCreate } from './api/address-lot.ts'
import {
  type BfdSessionEnable,
  type BgpAnnounceSetCreate,
  type BgpConfigCreate,
  createBgpConfig,
  enableBfd,
  writeAnnounceSet,
} from './api/bgp.ts'
import { applyPortSettings, writePortSettings } from './api/switch-port.ts'
import { nowOf, type Service } from './service.ts'
import { fleetSetting, setFleetSetting } from './store/fleet-setting.ts'
import { ensureSwitchPort } from './store/switch-port.ts'

/** In the order in which they refer to each other. */
export interface RackNetwork {
  readonly addressLots: readonly AddressLotCreate[]
  readonly announceSets: readonly BgpAnnounceSetCreate[]
  readonly bgpConfigs: readonly BgpConfigCreate[]
  readonly portSettings: readonly SwitchPortSettingsCreate[]
  /** Which port has which settings, by their names. */
  readonly ports: readonly { readonly slot: SwitchSlot; readonly port: string; readonly settings: string }[]
  readonly loopbacks: readonly LoopbackAddressCreate[]
  readonly bfdSessions: readonly BfdSessionEnable[]
}

export const NO_NETWORK: RackNetwork = {
  addressLots: [],
  announceSets: [],
  bgpConfigs: [],
  portSettings: [],
  ports: [],
  loopbacks: [],
  bfdSessions: [],
}

/** Makes rows for the ports that the switches have, and on a new rack those of its network, all or nothing. */
export async function ensureRackNetwork(service: Service, network: RackNetwork): Promise<void> {
  const { store, inventory, random } = service
  await store.transaction(async (tx) => {
    for (const { slot, ports } of inventory.switches) {
      for (const name of ports) {
        await ensureSwitchPort(tx, { id: random.uuid(), switch_slot: slot, name, port_settings_id: null, lldp: null })
      }
    }
    if ((await fleetSetting(tx, 'rack-network')) !== undefined) return
    for (const body of network.addressLots) await createLot(tx, service, body)
    for (const body of network.announceSets) await writeAnnounceSet(tx, service, body)
    for (const body of network.bgpConfigs) await createBgpConfig(tx, service, body)
    for (const body of network.portSettings) await writePortSettings(tx, service, body)
    for (const { slot, port, settings } of network.ports) await applyPortSettings(tx, slot, port, settings)
    for (const body of network.loopbacks) await createLoopback(tx, service, body)
    for (const body of network.bfdSessions) await enableBfd(tx, service, body)
    await setFleetSetting(tx, 'rack-network', { initialized: true }, nowOf(service))
  })
}
