/** The session that begins with a login, whichever way somebody has proved who they are, as the cookie that carries it. */
import { nowOf, type Service } from '../service.ts'
import { deleteSessionsUnusedSince, insertSession } from '../store/session.ts'
import type { Db } from '../store/store.ts'
import { SESSION_ABSOLUTE_MS, SESSION_COOKIE, SESSION_IDLE_MS } from './authenticate.ts'
import { newSecret, secretDigest } from './secret.ts'

/** @returns a `set-cookie` header. */
export async function openSession(
  service: Pick<Service, 'random' | 'clock'>,
  db: Db,
  request: Request,
  userId: string,
): Promise<string> {
  const { random } = service
  const secret = newSecret(random)
  const now = nowOf(service)
  // Whoever logs in clears away what nobody can use any more, so the table does not grow for ever.
  await deleteSessionsUnusedSince(db, new Date(now.getTime() - SESSION_IDLE_MS))
  await insertSession(db, {
    id: random.uuid(),
    token_hash: secretDigest(secret),
    user_id: userId,
    time_created: now,
    time_last_used: now,
  })
  return cookie(request, secret, SESSION_ABSOLUTE_MS / 1000)
}

export function endedSessionCookie(request: Request): string {
  return cookie(request, '', 0)
}

/** A session that began over TLS never crosses a network in the clear. */
function cookie({ url }: Request, secret: string, maxAgeS: number): string {
  const secure = url.startsWith('https:') ? ' Secure;' : ''
  return `${SESSION_COOKIE}=${secret}; Path=/; HttpOnly; SameSite=Lax;${secure} Max-Age=${maxAgeS}`
}
