import { ask } from '../../events/ask.ts'
import type { JsonObject } from '../../model/value.ts'
import { readSeed } from './assets.ts'
import type { JsonSchema } from './json-schema.ts'
import type { NAppContext } from './napp.ts'

/** The required part of a NApp's context. */
type Registrant = Pick<NAppContext, 'id' | 'bus'> & Partial<Pick<NAppContext, 'folder' | 'manifest'>>

/** Registers the schema in the NApp's own name, as the host does for the schema file of a manifest. */
export async function registerSchema(
  { id, bus, folder, manifest }: Registrant,
  schema: JsonSchema,
): Promise<void> {
  const seed = folder === undefined ? undefined : await readSeed(folder)
  await ask(bus, 'kytos.settings.register', {
    namespace: id,
    // The service accepts only JSON and reports the place of any other value.
    schema: schema as JsonObject,
    ...(seed === undefined ? {} : { seed }),
    ...(manifest?.version === undefined ? {} : { napp_version: manifest.version }),
  })
}
