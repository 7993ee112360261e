/** The schema of the configuration file for editors and other tools: JSON Schema, draft 2020-12. */
import { z } from 'zod'
import { RoutedFile } from './schema.ts'

export function configSchemaText(): string {
  return `${JSON.stringify(z.toJSONSchema(RoutedFile, { io: 'input' }), undefined, 2)}\n`
}
