/** What a component tells, as the gateway's interface has it. */
import type { ComponentDetails } from '@lodestone/contract-sp'
import type { PortStatus } from '../protocol/response.ts'
import { measurementOf, portStatusOf, postCodeOf, type Tlv } from '../protocol/tlv.ts'

/** @returns undefined for an item of a kind that is not known, or that cannot be read. */
export function detailsView(tlv: Tlv): ComponentDetails | undefined {
  const measured = measurementOf(tlv)
  if (measured !== undefined) {
    const { name, kind, value } = measured
    if (value.ok) return { type: 'measurement', name, kind, value: value.value }
    return { type: 'measurement', name, kind, value: null, error: value.error }
  }
  const port = portStatusOf(tlv)
  if (port?.ok === true) return portView(port.value)
  if (port?.ok === false) {
    const { code } = port.error
    return {
      type: 'port_status_error',
      port: port.error.port,
      code: code.kind === 'Other' ? `${code.code}` : code.kind,
    }
  }
  const code = postCodeOf(tlv)
  return code === undefined ? undefined : { type: 'post_code', code }
}

function portView({ port, config, link, phy, counters }: PortStatus): ComponentDetails {
  const { mode } = config
  return {
    type: 'port_status',
    port,
    mode: 'speed' in mode ? `${mode.kind} ${mode.speed.replace('Speed', '')}` : mode.kind,
    link: LINES[link],
    ...(phy === undefined ? {} : { phy: { type: phy.type, mac: LINES[phy.mac], media: LINES[phy.media] } }),
    rx: counters.rx,
    tx: counters.tx,
    link_was_down: counters.linkDownSticky,
    phy_was_down: counters.phyLinkDownSticky,
  }
}

const LINES = { Error: 'error', Down: 'down', Up: 'up' } as const
