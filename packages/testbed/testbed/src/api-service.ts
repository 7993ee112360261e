/**
 * The API on its external address: HTTPS with the certificate of the silo whose name is asked for. Plain HTTP answers with where that is,
 * so that no session crosses the internet in the clear. Both go with the power of the sled that carries them.
 */
import { type HttpHandler, serveHttp } from '@lodestone/api'
import type { Network, TlsIdentityOf } from '@lodestone/host'

export const HTTP_PORT = 80
export const HTTPS_PORT = 443

export async function serveApi(network: Network, api: HttpHandler, tls: TlsIdentityOf): Promise<void> {
  await serveHttp(network, { port: HTTPS_PORT, tls }, api)
  await serveHttp(network, { port: HTTP_PORT }, redirectToHttps)
}

/** RFC 9110 §15.4.9: method and body stay. */
function redirectToHttps(request: Request): Promise<Response> {
  const url = new URL(request.url)
  url.protocol = 'https:'
  url.port = ''
  return Promise.resolve(new Response(null, { status: 308, headers: { location: url.href } }))
}
