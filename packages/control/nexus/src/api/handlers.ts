/** All handlers of the public API, and the function that serves it. */
import {
  api,
  ApiFailure,
  endpoint,
  errorResponse,
  type Handlers,
  type HttpHandler,
  implement,
  type RequestFailure,
} from '@lodestone/api'
import {
  NEXUS_API_VERSION,
  type NexusApi,
  nexusApi,
  type NexusOperation,
  UNSERVED_OPERATIONS,
} from '@lodestone/contract-nexus'
import { z } from 'zod'
import { authenticate } from '../auth/authenticate.ts'
import { authorize, REQUIREMENTS } from '../auth/authorize.ts'
import { consoleHandler, type ConsoleOptions } from '../console.ts'
import { METRICS_CONTENT_TYPE, reconcilerMetrics } from '../reconcile/metrics.ts'
import { nowOf, type RequestContext, type Service } from '../service.ts'
import { affinityHandlers } from './affinity.ts'
import { addressLotHandlers } from './address-lot.ts'
import { audit, auditLogHandlers } from './audit-log.ts'
import { bgpHandlers } from './bgp.ts'
import { certificateHandlers } from './certificate.ts'
import { diskHandlers } from './disk.ts'
import { identityProviderHandlers } from './identity-provider.ts'
import { imageHandlers } from './image.ts'
import { snapshotHandlers } from './snapshot.ts'
import { firewallHandlers } from './firewall.ts'
import { floatingIpHandlers } from './floating-ip.ts'
import { hardwareHandlers } from './hardware.ts'
import { instanceDetailHandlers } from './instance-detail.ts'
import { instanceHandlers } from './instance.ts'
import { internetGatewayHandlers } from './internet-gateway.ts'
import { ipPoolHandlers } from './ip-pool.ts'
import { metricHandlers } from './metrics.ts'
import { networkInterfaceHandlers } from './network-interface.ts'
import { networkingSettingsHandlers, SourceGate } from './networking-settings.ts'
import { policyHandlers } from './policy.ts'
import { projectHandlers } from './project.ts'
import { rackMembershipHandlers } from './rack-membership.ts'
import { routerRouteHandlers } from './router-route.ts'
import { routingStatusHandlers } from './routing-status.ts'
import { samlLoginHandlers, samlRedirect } from './saml-login.ts'
import { scimTokenHandlers } from './scim-token.ts'
import { sessionHandlers } from './session.ts'
import { siloHandlers } from './silo.ts'
import { switchPortHandlers } from './switch-port.ts'
import { userHandlers } from './user.ts'
import { checkVersion, conversionFor } from './version.ts'
import { vpcRouterHandlers } from './vpc-router.ts'
import { vpcSubnetHandlers } from './vpc-subnet.ts'
import { vpcHandlers } from './vpc.ts'

export interface ServeOptions {
  readonly onError?: (failure: RequestFailure) => void
  readonly checkResponses?: boolean
  readonly console?: ConsoleOptions
}

export function nexusHandler(service: Service, options: ServeOptions = {}): HttpHandler {
  const handlers: Handlers<NexusApi, RequestContext> = {
    ...sessionHandlers(service),
    ...userHandlers(service),
    ...siloHandlers(service),
    ...certificateHandlers(service),
    ...identityProviderHandlers(service),
    ...samlLoginHandlers(service),
    ...scimTokenHandlers(service),
    ...policyHandlers(service),
    ...projectHandlers(service),
    ...vpcHandlers(service),
    ...vpcSubnetHandlers(service),
    ...vpcRouterHandlers(service),
    ...routerRouteHandlers(service),
    ...internetGatewayHandlers(service),
    ...firewallHandlers(service),
    ...instanceHandlers(service),
    ...instanceDetailHandlers(service),
    ...networkInterfaceHandlers(service),
    ...floatingIpHandlers(service),
    ...diskHandlers(service),
    ...snapshotHandlers(service),
    ...imageHandlers(service),
    ...ipPoolHandlers(service),
    ...hardwareHandlers(service),
    ...rackMembershipHandlers(service),
    ...auditLogHandlers(service),
    ...affinityHandlers(service),
    ...metricHandlers(service),
    ...addressLotHandlers(service),
    ...bgpHandlers(service),
    ...networkingSettingsHandlers(service),
    ...routingStatusHandlers(service),
    ...switchPortHandlers(service),
  }
  const { request: served } = service.store
  // because every request is served inside `served.run`
  const newRequestId = (): string => served.id!
  const pages = options.console === undefined ? undefined : consoleHandler(service, options.console)
  const started = new WeakMap<Request, Date>()
  const gate = new SourceGate(service)
  const unserved = unservedHandler(service, newRequestId)
  const handler = implement<NexusApi, RequestContext>(nexusApi, handlers, {
    ...options,
    newRequestId,
    async before({ request, endpoint: { operationId, path } }) {
      started.set(request, nowOf(service))
      await gate.check(request)
      // because every endpoint of nexusApi has an operation id of this union
      const operation = operationId as NexusOperation
      checkVersion(request.headers.get('api-version'), operation)
      const requirement = REQUIREMENTS[operation]
      const actor =
        requirement.scope === 'public'
          ? undefined
          : await authenticate(service.store.db, request.headers, nowOf(service))
      const refusal = authorize(requirement, actor, objectOf(path, request.url))
      if (refusal !== undefined) throw new ApiFailure(refusal)
      const needs = requirement.scope === 'project' ? requirement.role : undefined
      return { actor: actor === undefined ? undefined : { ...actor, needs } }
    },
    convert: ({ request, endpoint: { operationId } }) =>
      // because every endpoint of nexusApi has an operation id of this union
      conversionFor(request.headers.get('api-version'), operationId as NexusOperation),
    after: (call) => audit(service, started.get(call.request) ?? nowOf(service), call),
    async fallback(request, requestId) {
      await gate.check(request)
      const { pathname } = new URL(request.url)
      if (pathname === METRICS_PATH) return metrics(service, request, newRequestId())
      const page =
        (await samlRedirect(service, request)) ??
        (pathname.startsWith(SCIM_PATH) ? await scim(service, request, requestId) : undefined) ??
        (await pages?.(request))
      if (page !== undefined) return page
      const response = await unserved(request)
      return response.status === 404 ? undefined : response
    },
  })
  return (...call) => served.run(service.random.uuid(), () => handler(...call))
}

/** Beside the interface: what Prometheus asks for, with the token of a user who may look at the fleet. */
const METRICS_PATH = '/metrics'
/** Where identity providers bring users and groups. */
const SCIM_PATH = '/scim/'

async function metrics(service: Service, request: Request, requestId: string): Promise<Response> {
  const actor = await authenticate(service.store.db, request.headers, nowOf(service))
  const refusal = authorize({ scope: 'fleet', role: 'viewer' }, actor, undefined)
  if (refusal !== undefined) return errorResponse(refusal, requestId)
  return new Response(reconcilerMetrics(service.reconcilers()), { headers: { 'content-type': METRICS_CONTENT_TYPE } })
}

/** What the path names, when it names something: `/v1/projects/{project}` names a project. */
function objectOf(template: string, url: string): { type: string; name: string } | undefined {
  const segments = template.split('/')
  const at = segments.findIndex((segment) => segment.startsWith('{'))
  if (at < 0) return undefined
  const name = decodeURIComponent(new URL(url).pathname.split('/')[at] ?? '')
  return { type: segments[at]!.slice(1, -1).replaceAll('_', '-'), name }
}

/** Operations of the reference interface that are not there yet: known callers get 501, others 401. */
function unservedHandler(service: Service, newRequestId: () => string): HttpHandler {
  const endpoints = UNSERVED_OPERATIONS.map((line) => {
    const [method, path, operationId] = line.split(' ')
    const names = [...path!.matchAll(/\{([^}]+)\}/g)].map((match) => match[1]!)
    return endpoint({
      operationId: operationId!,
      // because the data file holds methods of this union only
      method: method as 'GET' | 'POST' | 'PUT' | 'DELETE',
      path: path!,
      summary: 'not served',
      params: z.object(Object.fromEntries(names.map((name) => [name, z.string()]))),
      response: { status: 204 },
    })
  })
  const refuse = (operationId: string) => (): never => {
    throw new ApiFailure({ kind: 'not-implemented', message: `operation ${operationId} is not implemented` })
  }
  const handlers = Object.fromEntries(endpoints.map(({ operationId }) => [operationId, refuse(operationId)]))
  return implement(api({ title: 'unserved', version: NEXUS_API_VERSION, endpoints }), handlers, {
    newRequestId,
    async before({ request }): Promise<undefined> {
      checkVersion(request.headers.get('api-version'), undefined)
      const actor = await authenticate(service.store.db, request.headers, nowOf(service))
      const refusal = authorize({ scope: 'user' }, actor, undefined)
      if (refusal !== undefined) throw new ApiFailure(refusal)
    },
  })
}

/** Loaded when it is asked for the first time: few racks have silos whose users are provisioned. */
async function scim(service: Service, request: Request, requestId: string): Promise<Response | undefined> {
  const { scimHandler } = await import('../scim/scim-handler.ts')
  return scimHandler(service, request, requestId)
}
