/** The interface by which name servers are told their zones. Default port 5353; questions are asked on port 53. */
import { api, type Client } from '@lodestone/api'
import { configEndpoints } from './config.ts'

export { DnsConfig, DnsConfigParams, DnsZone } from './config.ts'
export { DnsRecord, DomainName } from './record.ts'

export const DNS_CONFIG_PORT = 5353
export const DNS_PORT = 53

export const dnsApi = api({ title: 'Lodestone DNS', version: '1.0.0', endpoints: [...configEndpoints] })

export type DnsApi = typeof dnsApi
export type DnsClient = Client<DnsApi>
