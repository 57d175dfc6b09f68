import assert from 'node:assert/strict'
import { isSettingsError, type SettingsError } from '../../../model/errors.ts'
import { parseJson } from '../../../model/json.ts'

/** The error of a text that must be refused. */
export function refusal(text: string, parse = parseJson): SettingsError {
  try {
    parse(text)
  } catch (error) {
    assert.ok(isSettingsError(error, 'JSON_MALFORMED'), String(error))
    return error
  }
  return assert.fail(`${text.slice(0, 60)} was parsed`)
}
