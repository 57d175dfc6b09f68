import { parseEditedOverrides } from '../../backends/edited-text.ts'
import { toSettingsError } from '../../model/errors.ts'
import type { JsonObject } from '../../model/value.ts'

/** The overrides in a stored text; undefined for a text that is rejected, see {@link faultOf}. */
export function parseOverrides(text: string): JsonObject | undefined {
  try {
    return parseEditedOverrides(text)
  } catch {
    return undefined // another program wrote it: it is reported as rejected, with the document's name
  }
}

/** The reason why a stored text is rejected; undefined for overrides. */
export function faultOf(text: string): string | undefined {
  try {
    parseEditedOverrides(text)
    return undefined
  } catch (error) {
    return toSettingsError(error).message
  }
}
