/**
 * The web console's files on the origin of the API: a built copy of the official console, or anything that is an
 * `index.html` with an `assets` folder beside it. Its pages are one document that needs a session; whoever has none is
 * sent to the login page of their silo and from there back to where they were going.
 */
import type { Files } from '@lodestone/host'
import { authenticate } from './auth/authenticate.ts'
import { nowOf, type Service } from './service.ts'
import { ownPath } from './redirect-path.ts'
import { siloOfHostname } from './silo-name.ts'
import { firstProvider } from './store/identity-provider.ts'
import { siloByLabel } from './store/silo.ts'

export interface ConsoleOptions {
  /** `index.html`, `assets/…`. */
  readonly files: Files
  /** Whose login page somebody gets who comes by an address that names no silo. */
  readonly defaultSilo: string
}

/** The pages of the console that are no login: the document is the same, what it shows is decided in the browser. */
const PAGES =
  /^\/($|projects($|\/)|projects-new$|settings($|\/)|system($|\/)|lookup\/|images($|\/)|utilization$|access$|device\/(verify|success)$)/
const LOGIN_PAGE = /^\/login\/[^/]+\/(local|saml\/[^/]+)$/

const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'self'; style-src 'unsafe-inline' 'self'; frame-src 'none'; object-src 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

const TYPES: Readonly<Record<string, string>> = {
  css: 'text/css',
  html: 'text/html; charset=utf-8',
  ico: 'image/x-icon',
  jpg: 'image/jpeg',
  js: 'text/javascript',
  json: 'application/json',
  map: 'application/json',
  png: 'image/png',
  svg: 'image/svg+xml',
  txt: 'text/plain; charset=utf-8',
  webp: 'image/webp',
  woff: 'font/woff',
  woff2: 'font/woff2',
}

/** Answers requests for the console; undefined where the path is none of its. */
export function consoleHandler(
  service: Service,
  options: ConsoleOptions,
): (request: Request) => Promise<Response | undefined> {
  const { files, defaultSilo } = options

  const document = async (): Promise<Response> => {
    const index = await files.read('index.html')
    if (index === undefined) return text(404, 'the console has no index.html')
    return new Response(Buffer.from(index), {
      headers: { ...SECURITY_HEADERS, 'content-type': TYPES['html']!, 'cache-control': 'no-store' },
    })
  }

  const asset = async (path: string, acceptsGzip: boolean): Promise<Response> => {
    const extension = /\.([a-z0-9]+)$/.exec(path)?.[1] ?? ''
    const type = Object.hasOwn(TYPES, extension) ? TYPES[extension] : undefined
    if (type === undefined || path.includes('..')) return text(404, 'no such file')
    const packed = acceptsGzip ? await files.read(`${path}.gz`) : undefined
    const content = packed ?? (await files.read(path))
    if (content === undefined) return text(404, 'no such file')
    return new Response(Buffer.from(content), {
      headers: {
        ...SECURITY_HEADERS,
        'content-type': type,
        'cache-control': 'max-age=31536000, immutable', // names of assets contain a hash of their content
        ...(packed === undefined ? {} : { 'content-encoding': 'gzip' }),
      },
    })
  }

  return async (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return undefined
    const { pathname, search, searchParams, hostname } = new URL(request.url)
    if (pathname.startsWith('/assets/')) {
      const acceptsGzip = /\bgzip\b/.test(request.headers.get('accept-encoding') ?? '')
      return asset(decodeURIComponent(pathname.slice(1)), acceptsGzip)
    }
    if (LOGIN_PAGE.test(pathname)) return document()
    if (pathname === '/login') {
      const label = siloOfHostname(hostname, service.inventory.dnsZone) ?? defaultSilo
      return redirect(await loginPage(service, label), searchParams.get('redirect_uri'))
    }
    if (!PAGES.test(pathname)) return undefined
    const actor = await authenticate(service.store.db, request.headers, nowOf(service))
    return actor === undefined ? redirect('/login', `${pathname}${search}`) : document()
  }
}

/** Where people of a silo log in: at its first identity provider, where it has one. */
async function loginPage({ store }: Service, label: string): Promise<string> {
  const silo = await siloByLabel(store.db, label)
  const provider =
    silo === undefined || silo.identity_mode === 'local_only' ? undefined : await firstProvider(store.db, silo.id)
  const name = silo?.name ?? label
  return provider === undefined ? `/login/${name}/local` : `/login/${name}/saml/${provider.name}`
}

/** @param back where to go after the login; only a path of this origin is taken along. */
function redirect(to: string, back: string | null): Response {
  const path = back === null ? undefined : ownPath(back)
  const location = path === undefined ? to : `${to}?redirect_uri=${encodeURIComponent(path)}`
  return new Response(null, { status: 302, headers: { location, 'cache-control': 'no-store' } })
}

function text(status: number, message: string): Response {
  return new Response(message, { status, headers: { 'content-type': TYPES['txt']! } })
}
