/** The interface of a sled's agent behind the control socket: `/sled-agent/NODE/…` is what the agent itself serves as `/…`. */
import { errorResponse, objectNotFound } from '@lodestone/api'
import type { SledAgent } from '@lodestone/sled-agent'

export async function sledRequest(
  request: Request,
  agentOf: (node: string) => SledAgent | undefined,
): Promise<Response> {
  const url = new URL(request.url)
  const [, , node = '', ...rest] = url.pathname.split('/')
  const agent = agentOf(decodeURIComponent(node))
  if (agent === undefined) return errorResponse(objectNotFound('sled', { name: node }).error, '')
  return agent.handler(new Request(`${url.origin}/${rest.join('/')}${url.search}`, request))
}
