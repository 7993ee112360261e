/**
 * The public API of the rack: wire-compatible with the published interface of Oxide racks for the operations declared
 * here. The others are known by name (`UNSERVED_OPERATIONS`) and answered with 501.
 */
import { api, type Client } from '@lodestone/api'
import { affinityEndpoints } from './affinity.ts'
import { auditLogEndpoints } from './audit-log.ts'
import { bgpEndpoints } from './bgp.ts'
import { certificateEndpoints } from './certificate.ts'
import { firewallEndpoints } from './firewall.ts'
import { floatingIpEndpoints } from './floating-ip.ts'
import { hardwareEndpoints } from './hardware.ts'
import { identityProviderEndpoints } from './identity-provider.ts'
import { instanceEndpoints } from './instance.ts'
import { internetGatewayEndpoints } from './internet-gateway.ts'
import { ipPoolEndpoints } from './ip-pool.ts'
import { metricsEndpoints } from './metrics.ts'
import { networkInterfaceEndpoints } from './network-interface.ts'
import { networkingEndpoints } from './networking.ts'
import { policyEndpoints } from './policy.ts'
import { projectEndpoints } from './project.ts'
import { scimTokenEndpoints } from './scim-token.ts'
import { sessionEndpoints } from './session.ts'
import { storageEndpoints } from './storage.ts'
import { siloEndpoints } from './silo.ts'
import { switchPortEndpoints } from './switch-port.ts'
import { userEndpoints } from './user.ts'
import { vpcRouterEndpoints } from './vpc-router.ts'
import { vpcEndpoints } from './vpc.ts'

export * from './affinity.ts'
export * from './audit-log.ts'
export * from './bgp.ts'
export * from './certificate.ts'
export * from './firewall.ts'
export * from './floating-ip.ts'
export * from './hardware.ts'
export * from './identity-provider.ts'
export * from './instance.ts'
export * from './internet-gateway.ts'
export * from './ip-pool.ts'
export * from './metrics.ts'
export * from './network-interface.ts'
export * from './networking.ts'
export * from './policy.ts'
export * from './project.ts'
export * from './scim-token.ts'
export * from './session.ts'
export * from './silo.ts'
export * from './storage.ts'
export * from './switch-port.ts'
export * from './user.ts'
export { UNSERVED_OPERATIONS } from './unserved-operations.ts'
export * from './vpc-router.ts'
export * from './vpc.ts'

/** The newest `api-version` that is understood. Schemas here are of this version; servers convert for older ones. */
export const NEXUS_API_VERSION = '2026081901.0.0'
export const NEXUS_PORT = 12220

export const nexusApi = api({
  title: 'Lodestone public API',
  version: NEXUS_API_VERSION,
  endpoints: [
    ...sessionEndpoints,
    ...userEndpoints,
    ...siloEndpoints,
    ...certificateEndpoints,
    ...identityProviderEndpoints,
    ...scimTokenEndpoints,
    ...policyEndpoints,
    ...projectEndpoints,
    ...vpcEndpoints,
    ...vpcRouterEndpoints,
    ...internetGatewayEndpoints,
    ...firewallEndpoints,
    ...instanceEndpoints,
    ...affinityEndpoints,
    ...networkInterfaceEndpoints,
    ...floatingIpEndpoints,
    ...storageEndpoints,
    ...ipPoolEndpoints,
    ...hardwareEndpoints,
    ...networkingEndpoints,
    ...switchPortEndpoints,
    ...bgpEndpoints,
    ...metricsEndpoints,
    ...auditLogEndpoints,
  ],
})

export type NexusApi = typeof nexusApi
export type NexusClient = Client<NexusApi>
export type NexusOperation = NexusApi['endpoints'][number]['operationId']
