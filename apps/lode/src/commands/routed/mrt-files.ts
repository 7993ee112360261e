/** MRT files on the disk. A file that is being written ends in `.part`, so that nobody reads half of one. */
import type { MrtFile, MrtStore } from '@lodestone/routed'
import { mkdir, open, rename } from 'node:fs/promises'
import { join, resolve } from 'node:path'

/** @param root what relative directories are relative to. */
export function mrtFiles(root: string): MrtStore {
  return {
    async create(directory, name): Promise<MrtFile> {
      const path = join(resolve(root, directory), name)
      await mkdir(resolve(root, directory), { recursive: true })
      const file = await open(`${path}.part`, 'w')
      return {
        write: async (bytes) => void (await file.writeFile(bytes)),
        close: async () => {
          await file.close()
          await rename(`${path}.part`, path)
        },
      }
    },
  }
}
