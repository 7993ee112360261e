/** Where tests keep archives of empty databases: in the repository, and not under version control. */
import { join } from 'node:path'
import { OsFiles } from '@lodestone/host'

export const TEST_ARCHIVES: readonly OsFiles[] = [
  new OsFiles(join(import.meta.dirname, '../../../../node_modules/.cache/lodestone')),
]
