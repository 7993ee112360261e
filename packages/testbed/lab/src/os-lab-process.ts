/**
 * The background process of a launched laboratory, seen from outside: started, asked to end, and what it left behind removed.
 *
 * What belongs to a laboratory is found without its help, so that nothing stays when it was killed: every process that it started has
 * `LODE_LAB` in its environment with the laboratory's own directory as the value, and its namespaces have its name.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { isProcessAlive } from '@lodestone/host'

export const TAG = 'LODE_LAB'
export const CONTROL_SOCKET = 'control.sock'
export const LOG_FILE = 'manager.log'
const FAILURE_FILE = 'launch-failure'
const FAILURE_DRAFT = `${FAILURE_FILE}.draft`
/** What may be in a state directory: nothing else is ever removed. */
const OWN_FILES = [CONTROL_SOCKET, LOG_FILE, FAILURE_FILE, FAILURE_DRAFT, 'lock', 'nodes']
/** A process that does not end when told to is ended. */
const PATIENCE_MS = 5000
/** What that may take on a busy machine: one that has been ended has to run for it. */
const END_LIMIT_MS = 60_000

/** Names of namespaces: of this laboratory of this user and of nobody else's. */
export function namespacePrefix(lab: string): string {
  return `lode.${lab}.`
}

/** Folder of the files of its namespaces: where programs that give up root can read them, whatever the state directory's parents allow. */
export function runFolder(lab: string): string {
  return join('/run/lode', lab)
}

/** The state directory of whoever has the namespaces of a name. */
function ownerFile(lab: string): string {
  return `${runFolder(lab)}.owner`
}

/**
 * Namespaces have the laboratory's name and not its state directory's: takes the name for a state directory.
 * Throws where another one has it that is in use.
 */
export function claimNamespaces(directory: string, lab: string): void {
  const other = otherOwner(directory, lab)
  if (other !== undefined) {
    throw new Error(
      `a laboratory called ${lab} runs already, with its state in ${other}, and namespaces have the laboratory's name: ` +
        'end that one, or give this one another name',
    )
  }
  mkdirSync(dirname(ownerFile(lab)), { recursive: true, mode: 0o755 })
  writeFileSync(ownerFile(lab), directory, { mode: 0o644 })
}

/** Another state directory that has the name, and whose manager lives. */
function otherOwner(directory: string, lab: string): string | undefined {
  const owner = textOf(ownerFile(lab))
  if (owner === undefined || owner === directory) return undefined
  return managerOf(owner) === undefined ? undefined : owner
}

/** The process that holds a state directory, where it lives. */
export function managerOf(directory: string): number | undefined {
  const pid = Number(textOf(join(directory, 'lock')))
  return pid > 0 && isProcessAlive(pid) ? pid : undefined
}

function textOf(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined
}

/** Starts the manager in the background. @returns its process. */
export function spawnManager(directory: string, command: readonly string[]): ChildProcess {
  mkdirSync(directory, { recursive: true, mode: 0o711 })
  rmSync(join(directory, FAILURE_FILE), { force: true })
  const log = openSync(join(directory, LOG_FILE), 'a', 0o600)
  const [program, ...args] = command
  const child = spawn(program!, args, {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, NODE_COMPILE_CACHE: compiledFolder(), [TAG]: directory },
  })
  closeSync(log)
  child.unref()
  return child
}

/** Where compiled code is kept between runs, as the command `lode` does it: most of a launch is compiling. */
export function compiledFolder(): string {
  const { NODE_COMPILE_CACHE, XDG_CACHE_HOME } = process.env
  return NODE_COMPILE_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'lodestone', 'compiled')
}

/** Leaves word why the manager cannot start: whole or not at all, because whoever waits for it reads it as soon as it is there. */
export function leaveFailure(directory: string, reason: string): void {
  const draft = join(directory, FAILURE_DRAFT)
  writeFileSync(draft, reason, { mode: 0o600 })
  renameSync(draft, join(directory, FAILURE_FILE))
}

/** Why the manager could not start, as it left word. */
export function launchFailure(directory: string): string | undefined {
  const path = join(directory, FAILURE_FILE)
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined
}

export interface Leftovers {
  readonly processes: readonly number[]
  readonly namespaces: readonly string[]
  readonly files: readonly string[]
}

/** What there is of a laboratory on this machine. */
export function findLeftovers(directory: string, lab: string): Leftovers {
  return {
    processes: taggedProcesses(directory),
    namespaces: otherOwner(directory, lab) === undefined ? ownNamespaces(lab) : [],
    files: OWN_FILES.filter((name) => existsSync(join(directory, name))),
  }
}

/**
 * Ends and removes all of it, whatever state it is in. Idempotent.
 * @param keepDirectory for the manager that sweeps before it starts. @returns what was there.
 */
export async function sweep(
  directory: string,
  lab: string,
  options: { readonly keepDirectory?: boolean } = {},
): Promise<Leftovers> {
  const found = findLeftovers(directory, lab)
  await endAll(() => taggedProcesses(directory))
  for (const name of found.namespaces) {
    await endAll(() => processesIn(name))
    spawnSync('ip', ['netns', 'delete', name])
  }
  if (otherOwner(directory, lab) === undefined) {
    rmSync(runFolder(lab), { recursive: true, force: true })
    rmSync(ownerFile(lab), { force: true })
  }
  if (options.keepDirectory === true) {
    rmSync(join(directory, 'nodes'), { recursive: true, force: true })
    return found
  }
  for (const name of OWN_FILES) rmSync(join(directory, name), { recursive: true, force: true })
  try {
    rmdirSync(directory)
  } catch {
    return found // somebody keeps something else in it, or it was never there
  }
  return found
}

async function endAll(find: () => readonly number[]): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS
  let signal: NodeJS.Signals = 'SIGTERM'
  for (let pids = find(); pids.length > 0; pids = find()) {
    for (const pid of pids) end(pid, signal)
    if (performance.now() > endMs) signal = 'SIGKILL'
    if (performance.now() > endMs + END_LIMIT_MS) throw new Error(`processes ${pids.join(', ')} do not end`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function end(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
    // One that was stopped does not hear.
    if (signal === 'SIGTERM') process.kill(pid, 'SIGCONT')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Processes with the tag, but for this one and those that called it. */
function taggedProcesses(directory: string): readonly number[] {
  if (process.platform !== 'linux') return []
  const wanted = `${TAG}=${directory}`
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name)
    if (!Number.isInteger(pid) || pid === process.pid || pid === process.ppid) return []
    try {
      // A process that has ended and waits for its parent has no environment any more.
      return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(wanted) ? [pid] : []
    } catch {
      return [] // somebody else's, or gone meanwhile
    }
  })
}

function ownNamespaces(lab: string): readonly string[] {
  const folder = '/run/netns'
  if (!existsSync(folder)) return []
  return readdirSync(folder).filter((name) => name.startsWith(namespacePrefix(lab)))
}

function processesIn(namespace: string): readonly number[] {
  const { stdout, status } = spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' })
  return status === 0
    ? stdout
        .split('\n')
        .filter((line) => line !== '')
        .map(Number)
    : []
}
