/**
 * The interface of a node's routing daemon behind the control socket: `/routed/NODE/…` is what the daemon itself serves as `/…`.
 * Emulated daemons have no socket of the operating system.
 */
import { errorResponse, type HttpHandler, objectNotFound } from '@lodestone/api'
import type { Routed } from '@lodestone/routed'

/** By daemon: one that was switched off and on again is another one. */
const handlers = new WeakMap<Routed, HttpHandler>()

export async function routerRequest(
  request: Request,
  routerOf: (node: string) => Routed | undefined,
): Promise<Response> {
  const url = new URL(request.url)
  const [, , node = '', ...rest] = url.pathname.split('/')
  const routed = routerOf(decodeURIComponent(node))
  if (routed === undefined) return errorResponse(objectNotFound('router', { name: node }).error, '')
  let handler = handlers.get(routed)
  if (handler === undefined) handlers.set(routed, (handler = routed.handler()))
  return handler(new Request(`${url.origin}/${rest.join('/')}${url.search}`, request))
}
