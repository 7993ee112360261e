/**
 * Node's HTTP. An import statement reads every export of a built-in module, and one of this one's loads a second client, for `WebSocket`,
 * which takes 45 ms of processor time. Processes that only have a client or a server of ours do not need it.
 */
import type Http from 'node:http'
import { createRequire } from 'node:module'

// because a built-in module is what its types say
export const http = createRequire(import.meta.url)('node:http') as typeof Http
