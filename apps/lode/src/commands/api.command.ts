import { buildCommand } from '@stricli/core'
import { readFile } from 'node:fs/promises'
import { ExitStatus, type LodeContext } from '../context.ts'
import { rackClient, readToken, reportFailure } from '../rack-client.ts'
import { parseText, type RackFlags, rackFlags } from '../state-flag.ts'

const METHODS: readonly string[] = ['GET', 'POST', 'PUT', 'DELETE']

interface ApiFlags extends RackFlags {
  readonly body?: string
}

export const apiCommand = buildCommand({
  docs: {
    brief: 'Call the public API as the recovery user',
    fullDescription:
      'Prints the response body. Exit status 1 when the API answers with an error. ' +
      '--body takes JSON, @FILE, or - for standard input.',
    customUsage: [
      { input: 'GET /v1/projects', brief: 'List projects' },
      {
        input: `POST /v1/projects --body '{"name":"shop","description":""}'`,
        brief: 'Create one',
      },
      { input: 'GET "/v1/instances?project=shop"', brief: 'List its instances' },
    ],
  },
  parameters: {
    flags: {
      ...rackFlags,
      body: { kind: 'parsed', parse: parseText, optional: true, brief: 'Request body', placeholder: 'JSON' },
    },
    positional: {
      kind: 'tuple',
      parameters: [
        {
          parse: methodOf,
          proposeCompletions: () => METHODS,
          brief: 'GET, POST, PUT or DELETE',
          placeholder: 'METHOD',
        },
        { parse: parseText, brief: 'Path, with query', placeholder: 'PATH' },
      ],
    },
  },
  async func(this: LodeContext, flags: ApiFlags, method: string, path: string) {
    if (!path.startsWith('/')) {
      this.note(`PATH begins with a slash, as in /v1/projects; got ${path}`)
      return this.exit(ExitStatus.usage)
    }
    const directory = this.stateDirectory(flags.state)
    const info = await (await rackClient(this, directory)).info()
    if (!info.ok) return reportFailure(this, directory, info)
    const token = await readToken(directory)
    const body = await readBody(this, flags.body)
    const request = new Request(new URL(path, info.value.api.url), {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body }),
    })
    const { httpFetch } = await import('@lodestone/api')
    const response = await httpFetch(this.network)(request)
    const text = await response.text()
    if (text !== '') this.print(pretty(text))
    if (!response.ok) {
      this.note(`HTTP ${response.status}`)
      this.exit(ExitStatus.failed)
    }
  },
})

function methodOf(text: string): string {
  const method = text.toUpperCase()
  if (!METHODS.includes(method)) throw new Error(`expected ${METHODS.join(', ')}`)
  return method
}

async function readBody(context: LodeContext, flag: string | undefined): Promise<string | undefined> {
  if (flag === undefined) return undefined
  if (flag.startsWith('@')) return readFile(flag.slice(1), 'utf8')
  if (flag !== '-') return flag
  let text = ''
  for await (const chunk of context.process.stdin) text += String(chunk)
  return text
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2)
  } catch {
    return text // not JSON: print as it came
  }
}
