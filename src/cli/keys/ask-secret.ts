import { SettingsError } from '../../../model/errors.ts'
import type { JsonObject } from '../../../model/value.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { openHiddenInput } from '../terminal/hidden-input.ts'
import { type Path, printKey } from '../terminal/key-path.ts'
import { isSecretAt } from './typed-secret.ts'

/** A setting whose value is asked for. */
export interface AskedSetting {
  readonly namespace: string
  readonly path: Path
  readonly schema: JsonObject | undefined
}

/**
 * Asks for the values of secrets on a terminal, which does not show them. Each is typed twice, because its
 * user cannot see a wrong key. The values are in the order of the settings.
 * @throws SettingsError CONTENT_MALFORMED for a setting that is no secret, without a terminal, and for an
 * empty or a different second value. @throws InputInterrupted.
 */
export async function askSecrets(
  settings: readonly AskedSetting[],
  context: CliContext,
): Promise<readonly string[]> {
  if (settings.length === 0) return []
  for (const { namespace, path, schema } of settings) {
    const key = printKey(path)
    if (!isSecretAt(schema, path))
      throw malformed(
        key,
        `${key} of ${namespace} has no VALUE: use ${key}=VALUE. Only secrets are asked for.`,
      )
  }
  const input = openHiddenInput(context)
  const [first] = settings
  if (!input) {
    const key = first ? printKey(first.path) : ''
    throw malformed(
      key,
      `${key} is asked for on a terminal only. Use ${key}=@FILE, or ${key}=@- for standard input.`,
    )
  }
  const values: string[] = []
  try {
    for (const { namespace, path } of settings) {
      const key = printKey(path)
      const value = await input.ask(`${namespace} ${key} (not shown): `)
      if (value === '')
        throw malformed(
          key,
          `Nothing was typed for ${key}, and nothing was stored. "kytos-settings unset ${namespace} ${key}" removes the secret.`,
        )
      if ((await input.ask(`${namespace} ${key} again: `)) !== value)
        throw malformed(key, `The two values of ${key} differ, and nothing was stored. Repeat the command.`)
      values.push(value)
    }
  } finally {
    await input.close()
  }
  return values
}

function malformed(key: string, message: string): SettingsError {
  return new SettingsError('CONTENT_MALFORMED', message, { details: { pointer: key } })
}
