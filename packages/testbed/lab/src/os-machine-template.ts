/**
 * Templates of booted machines: a folder with the memory and the state of one, which clones map and copy page by page as they write.
 *
 * Invariant: a template's folder gets its name when everything is in it, and nothing in it changes afterwards. Two processes that
 * make the same one at the same time use that of whoever was first.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isProcessAlive } from '@lodestone/host'
import { Qemu, type QemuOptions } from './os-qemu.ts'

const BOOT_LIMIT_MS = 180_000
/** What is in the memory file is not written to the state. */
const WITHOUT_MEMORY = { capabilities: [{ capability: 'x-ignore-shared', state: true }] }

export interface MachineTemplate {
  readonly memory: string
  readonly state: string
}

export interface TemplateSpec {
  readonly qemu: Omit<QemuOptions, 'folder' | 'nics' | 'memory' | 'isIncoming'>
  readonly nics: number
  /** For the sockets of the machine that boots. */
  readonly folder: string
}

/** Templates that are being made in this process, by their path. */
const inTheMaking = new Map<string, Promise<void>>()

export async function machineTemplate(spec: TemplateSpec): Promise<MachineTemplate> {
  const { image, accelerator, memoryMb } = spec.qemu
  const path = join(image.folder, `template-${accelerator}-${memoryMb}-${spec.nics}`)
  const template = { memory: join(path, 'memory'), state: join(path, 'state') }
  if (existsSync(template.state)) return template
  let making = inTheMaking.get(path)
  if (making === undefined) {
    making = make(path, spec).finally(() => inTheMaking.delete(path))
    inTheMaking.set(path, making)
  }
  await making
  return template
}

/** Makes a machine that was started for it take over a template's state, and run. */
export async function becomeClone(qemu: Qemu, { state }: MachineTemplate): Promise<void> {
  await qemu.monitor({ execute: 'migrate-set-capabilities', arguments: WITHOUT_MEMORY }, incoming(state))
  await qemu.migrated()
  await qemu.monitor({ execute: 'cont' })
}

/** The command that takes over a state. */
export function incoming(path: string): object {
  return { execute: 'migrate-incoming', arguments: { uri: `exec:cat ${quoted(path)}` } }
}

/** The command that writes a state, for its owner only. */
export function outgoing(path: string): object {
  return { execute: 'migrate', arguments: { uri: `exec:umask 077; cat > ${quoted(path)}` } }
}

async function make(path: string, { qemu: common, nics, folder }: TemplateSpec): Promise<void> {
  sweep(common.image.folder)
  const draft = `${path}.making-${process.pid}`
  const sockets = join(folder, 't')
  mkdirSync(draft, { recursive: true, mode: 0o700 })
  mkdirSync(sockets, { recursive: true })
  const qemu = new Qemu({
    ...common,
    folder: sockets,
    nics: Array.from({ length: nics }, (_, i) => ({ mac: `52:54:00:00:00:0${i}`, socket: undefined })),
    memory: { kind: 'file', path: join(draft, 'memory'), isShared: true },
  })
  try {
    if (!(await qemu.ready(BOOT_LIMIT_MS, true))) throw new Error(`the template did not boot: ${qemu.said.trim()}`)
    const capabilities = { execute: 'migrate-set-capabilities', arguments: WITHOUT_MEMORY }
    await qemu.monitor(capabilities, { execute: 'stop' }, outgoing(join(draft, 'state')))
    await qemu.migrated()
  } finally {
    await qemu.stop()
    rmSync(sockets, { recursive: true, force: true })
    publish(draft, path)
  }
}

/** A draft without a state is none. */
function publish(draft: string, path: string): void {
  try {
    if (existsSync(join(draft, 'state'))) renameSync(draft, path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error // otherwise somebody was first
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

/** Drafts of processes that are gone. */
function sweep(folder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = /^template-.*\.making-(\d+)$/.exec(name)?.[1]
    if (pid !== undefined && !isProcessAlive(Number(pid))) rmSync(join(folder, name), { recursive: true, force: true })
  }
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`
}
