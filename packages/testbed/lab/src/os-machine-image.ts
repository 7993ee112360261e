/**
 * The kernel and the file system that machines boot: a folder with `vmlinuz` and `initramfs.gz`, made once by `tools/make-image.sh` from
 * packages of Debian. Beside them: templates of booted machines, and whether KVM is of use here.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

export interface MachineImage {
  readonly folder: string
  readonly kernel: string
  readonly initramfs: string
  /** Whether a command in it can be interrupted: images that were made long ago cannot. */
  readonly isInterruptible: boolean
}

/** `$LODE_IMAGE`, or `~/.lode/image`. */
export function imageFolder(): string {
  return process.env['LODE_IMAGE'] ?? join(homedir(), '.lode', 'image')
}

/** Why there can be no machines here; undefined when there can. */
export function machineRefusal(): string | undefined {
  if (spawnSync('qemu-system-x86_64', ['--version'], { stdio: 'ignore' }).status !== 0) {
    return 'qemu-system-x86_64 is not installed (Debian: qemu-system-x86)'
  }
  const folder = imageFolder()
  const missing = ['vmlinuz', 'initramfs.gz'].filter((name) => !existsSync(join(folder, name)))
  return missing.length === 0
    ? undefined
    : `${missing.join(' and ')} missing in ${folder}: packages/testbed/lab/tools/make-image.sh makes them`
}

export function machineImage(): MachineImage {
  const folder = imageFolder()
  return {
    folder,
    kernel: join(folder, 'vmlinuz'),
    initramfs: join(folder, 'initramfs.gz'),
    isInterruptible: existsSync(join(folder, 'interruptible')),
  }
}

/** What a probe found out about this machine; undefined before one. */
export function knownAccelerator(folder: string): 'kvm' | 'tcg' | undefined {
  const path = join(folder, 'accelerator')
  if (!existsSync('/dev/kvm')) return 'tcg'
  const text = existsSync(path) ? readFileSync(path, 'utf8').trim() : ''
  return text === 'kvm' || text === 'tcg' ? text : undefined
}

export function rememberAccelerator(folder: string, accelerator: 'kvm' | 'tcg'): void {
  writeFileSync(join(folder, 'accelerator'), accelerator)
}
