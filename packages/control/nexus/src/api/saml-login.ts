/**
 * Logging in by a SAML identity provider. The browser is sent there with a request of ours, comes back with a signed answer, and gets a
 * session. A request is answered once, within half an hour, by the browser that began it, and remembers itself where the browser goes
 * afterwards.
 */
import { ApiFailure, invalidRequest } from '@lodestone/api'
import { userOfAssertion } from '../auth/just-in-time.ts'
import { newSecret, secretDigest } from '../auth/secret.ts'
import { openSession } from '../auth/open-session.ts'
import { ownPath } from '../redirect-path.ts'
import { AssertionRefused, ServiceProvider, type Subject } from '../saml/service-provider.ts'
import { parseIdpMetadata } from '../saml/metadata.ts'
import { placeOfProvider } from '../sealed-store.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import {
  deleteSamlRequestsBefore,
  insertSamlRequest,
  providerByRef,
  samlRequest,
  type SamlIdentityProviderRow,
  takeSamlRequest,
} from '../store/identity-provider.ts'
import { siloByRef, type SiloRow } from '../store/silo.ts'
import { isUniqueViolation } from '../store/store.ts'
import { pemOf } from '../tls/pem.ts'
import { notFound } from './selector.ts'

const REQUEST_LIFETIME_MS = 30 * 60_000
const BROWSER_COOKIE = 'saml_login'
const REDIRECT = /^\/login\/([^/]+)\/saml\/([^/]+)\/redirect$/

export function samlLoginHandlers(service: Service): HandlersOf<'login_saml'> {
  return {
    async login_saml({ params, body, request }) {
      const { silo, provider } = await selectLogin(service, params.silo_name, params.provider_name)
      const form = new URLSearchParams(new TextDecoder().decode(body))
      const SAMLResponse = form.get('SAMLResponse')
      if (SAMLResponse === null) throw invalidRequest('the form has no SAMLResponse')
      const answer = { SAMLResponse, RelayState: form.get('RelayState') ?? undefined }
      const { cookie, redirectUri } = await orRefused(service, silo, async () => {
        const subject = await serviceProvider(service, provider).validate(answer)
        return finishLogin(service, silo, provider, subject, request)
      })
      return new Response(null, { status: 303, headers: { location: redirectUri, 'set-cookie': cookie } })
    },
  }
}

/** Answers `GET /login/{silo}/saml/{provider}/redirect`, which is for browsers; undefined for other requests. */
export async function samlRedirect(service: Service, request: Request): Promise<Response | undefined> {
  const { pathname, searchParams } = new URL(request.url)
  const match = request.method === 'GET' ? REDIRECT.exec(pathname) : null
  if (match === null) return undefined
  const { provider } = await selectLogin(service, decode(match[1]!), decode(match[2]!))
  const asked = searchParams.get('redirect_uri')
  const redirectUri = ownPath(asked ?? '/')
  if (redirectUri === undefined) throw invalidRequest('redirect_uri: it must be a path of this origin, as in /projects')
  const browser = browserOf(service, request)
  const { id, url } = await serviceProvider(service, provider).requestUrl()
  const now = service.clock.wallMs()
  await deleteSamlRequestsBefore(service.store.db, new Date(now))
  await insertSamlRequest(service.store.db, {
    id,
    provider_id: provider.id,
    redirect_uri: redirectUri,
    browser_hash: browser === undefined ? null : secretDigest(browser),
    time_expires: new Date(now + REQUEST_LIFETIME_MS),
  })
  const headers = new Headers({ location: url, 'cache-control': 'no-store' })
  if (browser !== undefined) headers.set('set-cookie', browserCookie(browser))
  return new Response(null, { status: 302, headers })
}

/**
 * What a browser shows when it comes back, so that nobody can be logged in as somebody else by a page that posts an answer of the attacker's
 * own. The answer is posted by a page of the identity provider, so the cookie has to be one that other sites' posts bring along, which browsers
 * keep over TLS only. Over plain HTTP there is none.
 */
function browserOf(service: Service, request: Request): string | undefined {
  if (!request.url.startsWith('https:')) return undefined
  // Several logins of one browser have one.
  return browserSecret(request.headers) ?? newSecret(service.random)
}

function browserSecret(headers: Headers): string | undefined {
  return new RegExp(`(?:^|;\\s*)${BROWSER_COOKIE}=([0-9a-f]{40})(?:;|$)`).exec(headers.get('cookie') ?? '')?.[1]
}

function browserCookie(secret: string): string {
  return `${BROWSER_COOKIE}=${secret}; Path=/login; HttpOnly; SameSite=None; Secure; Max-Age=${REQUEST_LIFETIME_MS / 1000}`
}

async function selectLogin(
  { store }: Service,
  siloName: string,
  providerName: string,
): Promise<{ silo: SiloRow; provider: SamlIdentityProviderRow }> {
  const silo = await siloByRef(store.db, siloName)
  if (silo === undefined) throw notFound('silo', siloName)
  const provider = await providerByRef(store.db, silo.id, providerName)
  if (provider === undefined) throw notFound('saml-identity-provider', providerName)
  return { silo, provider }
}

function serviceProvider(service: Service, row: SamlIdentityProviderRow): ServiceProvider {
  const parsed = parseIdpMetadata(row.metadata_xml)
  if (!parsed.ok) throw new Error(`metadata of ${row.name} was taken once: ${parsed.message}`)
  const { store, random, secrets } = service
  const key = row.private_key === null ? undefined : secrets.open(row.private_key, placeOfProvider(row.id))
  return new ServiceProvider({
    idp: parsed.metadata,
    clientId: row.sp_client_id,
    acsUrl: row.acs_url,
    groupAttribute: row.group_attribute_name ?? undefined,
    privateKey: key === undefined ? undefined : pemOf('RSA PRIVATE KEY', Buffer.from(key, 'base64')),
    nowMs: () => service.clock.wallMs(),
    requests: {
      newId: () => `_${Buffer.from(random.bytes(20)).toString('hex')}`, // an XML ID begins with no digit
      isKnown: async (id) => (await samlRequest(store.db, id, row.id, nowOf(service))) !== undefined,
    },
  })
}

/** What is refused is told to the log, and not to whoever may have forged it. */
async function orRefused<T>(service: Service, silo: SiloRow, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof AssertionRefused)) throw error
    service.log('warn', 'login-refused', { silo: silo.name, reason: error.message })
    throw new ApiFailure({ kind: 'unauthenticated', internal: error.message }, { cause: error })
  }
}

/** Ends the request, makes or finds the user, opens the session: all or nothing. */
async function finishLogin(
  service: Service,
  silo: SiloRow,
  provider: SamlIdentityProviderRow,
  subject: Subject,
  request: Request,
): Promise<{ cookie: string; redirectUri: string }> {
  const attempt = () =>
    service.store.transaction(async (tx) => {
      const pending = await samlRequest(tx, subject.requestId, provider.id, nowOf(service))
      if (pending === undefined || !(await takeSamlRequest(tx, pending.id))) {
        throw new AssertionRefused('its request has been answered before')
      }
      const browser = browserSecret(request.headers)
      if (pending.browser_hash !== null && (browser === undefined || secretDigest(browser) !== pending.browser_hash)) {
        throw new AssertionRefused('another browser began the login')
      }
      const user = await userOfAssertion(service, tx, silo, { externalId: subject.nameId, groups: subject.groups })
      if (user === undefined) throw new AssertionRefused(`${subject.nameId} has no account`)
      return { cookie: await openSession(service, tx, request, user), redirectUri: pending.redirect_uri }
    })
  // Two first logins at once make the same user or group: the second one finds what the first has made.
  return attempt().catch((error: unknown) => {
    if (!isUniqueViolation(error)) throw error
    return attempt()
  })
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
