/**
 * The state directory of a running rack, opened: locked for this process, with the certificate authority, the key of the database's
 * secrets, what the rack was set up with, and the boards that were put into it. Whatever cannot be read is a `RackStartError`.
 */
import { type Files, OsFiles } from '@lodestone/host'
import { CertificateAuthority, SecretBox } from '@lodestone/nexus'
import { isDatabaseUnfinished, lockStateDirectory } from './os-state-directory.ts'
import { type PlacedBoards, readBoards } from './rack-boards.ts'
import { parseRackConfig, type RackConfig } from './rack-config.ts'
import { type RackOptions, RackStartError } from './rack-options.ts'

/** The owner's, for the command line. */
export const TOKEN_FILE = 'token'
export const TLS_DIRECTORY = 'tls'
/** What a rack was set up with at its technician's port. */
const CONFIG_FILE = 'rack.toml'

export interface RackState {
  readonly authority: CertificateAuthority
  readonly secrets: SecretBox
  /** Undefined where the rack is that of the plan. */
  readonly config: RackConfig | undefined
  readonly boards: PlacedBoards
  /** Whether people use the rack already. */
  readonly wasSetUp: boolean
  /** Gives the lock back. */
  readonly release: () => Promise<void>
}

export async function openRackState(options: RackOptions): Promise<RackState> {
  const { stateDirectory } = options
  const release = await lock(options)
  try {
    const files = new OsFiles(stateDirectory)
    const authority = await openAuthority(options)
    const secrets = await openSecrets(options, files)
    const config = options.config ?? (await keptConfig(files))
    const boards = await readBoards(files)
    const wasSetUp = (await files.read(TOKEN_FILE)) !== undefined && !isDatabaseUnfinished(stateDirectory)
    return { authority, secrets, config, boards, wasSetUp, release }
  } catch (error) {
    await release()
    throw error
  }
}

/** What the rack is from its next start on. */
export function keepConfig({ stateDirectory }: RackOptions, toml: string): Promise<void> {
  return new OsFiles(stateDirectory).write(CONFIG_FILE, new TextEncoder().encode(toml))
}

async function lock({ stateDirectory, processId, isProcessAlive }: RackOptions): Promise<() => Promise<void>> {
  const result = await lockStateDirectory(stateDirectory, processId, isProcessAlive).catch((error: Error) => {
    throw new RackStartError(`${stateDirectory} cannot hold a rack's state: ${error.message}`, { cause: error })
  })
  if (result.ok) return result.release
  throw new RackStartError(
    `A rack is already running on ${stateDirectory} (process ${result.pid}). ` +
      'Stop it with Ctrl-C or `lode down`, or choose another directory with --state. ' +
      `If that process is another program, remove ${stateDirectory}/lock.`,
  )
}

function openAuthority({ stateDirectory, clock, random }: RackOptions): Promise<CertificateAuthority> {
  const directory = `${stateDirectory}/${TLS_DIRECTORY}`
  return CertificateAuthority.open(new OsFiles(directory), clock, random).catch((error: Error) => {
    const message = `The certificate authority in ${directory} cannot be used: ${error.message}`
    throw new RackStartError(message, { cause: error })
  })
}

function openSecrets({ stateDirectory, random }: RackOptions, files: Files): Promise<SecretBox> {
  return SecretBox.open(files, random).catch((error: Error) => {
    const message = `The key of the database's secrets in ${stateDirectory} cannot be used: ${error.message}`
    throw new RackStartError(message, { cause: error })
  })
}

async function keptConfig(files: Files): Promise<RackConfig | undefined> {
  const bytes = await files.read(CONFIG_FILE)
  if (bytes === undefined) return undefined
  const result = parseRackConfig(new TextDecoder().decode(bytes), CONFIG_FILE)
  if (result.ok) return result.config
  throw new RackStartError(
    `The configuration that the rack was set up with cannot be read: ${result.problems.join('; ')}`,
  )
}
