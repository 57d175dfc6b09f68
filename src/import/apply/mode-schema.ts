import { isObject, type JsonObject, setMember } from '../../../model/value.ts'
import { propertyOf, withReadMode } from '../inferred-schema.ts'
import type { SettingsSource } from '../source.ts'
import type { SettingMode } from './apply-modes.ts'

/** What a settings.py says, with the apply mode of each setting in the schema that is inferred from it. */
export function withModes(source: SettingsSource, modes: readonly SettingMode[]): SettingsSource {
  if (!source.schema) return source
  const properties: JsonObject = { ...(isObject(source.schema.properties) ? source.schema.properties : {}) }
  for (const { namespace, name, apply, way, decides } of modes) {
    const property = namespace === source.namespace ? propertyOf(source.schema, name) : undefined
    if (property) setMember(properties, name, withReadMode(property, apply, decides ?? `way "${way}"`))
  }
  return { ...source, schema: { ...source.schema, properties } }
}
