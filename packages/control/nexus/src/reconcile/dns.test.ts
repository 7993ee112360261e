import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DnsConfigParams } from '@lodestone/contract-dns'
import type { Inventory, InventoryService } from '../inventory.ts'
import { desiredZones } from './dns.ts'

const PORT = { underlayAddress: 'fd00:1122:3344:101::1', mac: 'a8:40:25:ff:80:02', vni: 100 } as const
const CONFIG_URL = 'http://[fd00:1122:3344:101::1]:5353'

function nameServer(name: string, externalAddress: string): InventoryService {
  return { kind: 'dns', name, externalAddress, ...PORT, configUrl: CONFIG_URL }
}

function inventory(services: readonly InventoryService[]): Inventory {
  return { rackId: 'rack', sleds: [], switches: [], services, dnsZone: 'oxide.test' }
}

test('each silo has the addresses of the API, each name server has its own, and the contract takes the zone', () => {
  const services: InventoryService[] = [
    nameServer('dns0', '198.51.100.2'),
    nameServer('dns1', '2001:db8::3'),
    { kind: 'api', name: 'api0', externalAddress: '198.51.100.4', ...PORT },
    { kind: 'api', name: 'api1', externalAddress: '2001:db8::4', ...PORT },
  ]
  const zones = desiredZones({ silos: [{ id: '1', name: 'eng' }] }, inventory(services))
  assert.deepEqual(zones, [
    {
      zone_name: 'oxide.test',
      records: {
        '@': [
          { type: 'NS', data: 'ns1.oxide.test' },
          { type: 'NS', data: 'ns2.oxide.test' },
        ],
        ns1: [{ type: 'A', data: '198.51.100.2' }],
        ns2: [{ type: 'AAAA', data: '2001:db8::3' }],
        'eng.sys': [
          { type: 'A', data: '198.51.100.4' },
          { type: 'AAAA', data: '2001:db8::4' },
        ],
      },
    },
  ])
  const params = { generation: 1, serial: 1, time_created: '2026-01-01T00:00:00Z', zones }
  assert.deepEqual(DnsConfigParams.parse(params), params)
})

test('a rack to which no zone is delegated tells its name servers that there is none', () => {
  const { dnsZone: _, ...rest } = inventory([nameServer('dns0', '198.51.100.2')])
  assert.deepEqual(desiredZones({ silos: [{ id: '1', name: 'eng' }] }, rest), [])
})
