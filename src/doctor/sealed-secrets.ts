import type { Entry } from '../../model/document.ts'
import { toSettingsError } from '../../model/errors.ts'
import { shellWord } from '../../model/quote.ts'
import { isSealed } from '../../model/value.ts'
import type { Config } from '../boot/config.ts'
import { readHeader } from '../secrets/compact-jwe.ts'
import { currentKey, type KeySet } from '../secrets/key-set.ts'
import { keySource } from '../secrets/key-source.ts'
import { SealedTexts } from '../secrets/sealed-texts.ts'
import { mapSecrets, UNDECLARED } from '../secrets/sensitive-places.ts'
import { mapSettings, mayBeSealed, namespaceOfKey } from '../secrets/stored-text.ts'
import { isInvalidMark } from '../secrets/tag.ts'
import { kytosSettings } from './commands.ts'
import { broken, type Examination, type Finding, hint, warning } from './finding.ts'

/** Examines the keys of secrets, and whether they open the sealed values of the store. */
export async function examineSealed(
  config: Config,
  entries: readonly Entry[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<Examination> {
  const part = 'sealed secrets'
  const source = keySource(config.settings.keys, env)
  try {
    const keys = await source.load()
    return { part, findings: examineValues(config, entries, keys, source.place) }
  } catch (error) {
    const { message, details } = toSettingsError(error)
    const restore = `install -m 600 BACKUP ${shellWord(config.settings.keys)}   # BACKUP: from "key export"`
    const repair = typeof details.repair === 'string' ? details.repair : restore
    return { part, findings: [broken('secret.keys', source.place, message, repair)] }
  }
}

function examineValues(
  config: Config,
  entries: readonly Entry[],
  keys: KeySet | undefined,
  place: string,
): Finding[] {
  const texts = new SealedTexts()
  texts.keys = keys
  const missing = new Map<string, number>()
  const damaged = new Set<string>()
  let older = 0
  for (const { key, text } of entries) {
    const namespace = mayBeSealed(text) ? namespaceOfKey(key) : undefined
    if (namespace === undefined) continue
    const look = (sealed: string, pointer: string): void => {
      const kid = readHeader(sealed)?.kid
      if (isInvalidMark(texts.shownAs(sealed, { namespace, place: pointer })))
        damaged.add(`${key} ${pointer}`)
      else if (kid !== undefined && !texts.canOpen(sealed)) missing.set(kid, (missing.get(kid) ?? 0) + 1)
      else if (keys && kid !== currentKey(keys).kid) older++
    }
    mapSettings(key, text, data =>
      mapSecrets(data, UNDECLARED, (value, pointer) => {
        if (isSealed(value)) look(value.$sealed, pointer)
        return undefined
      }),
    )
  }
  return [
    ...[...missing].map(([kid, count]) =>
      broken(
        'secret.key_missing',
        place,
        `The key ${kid} of ${count} sealed values is missing: they are left out on this controller.`,
        `install -m 600 BACKUP ${shellWord(config.settings.keys)}   # BACKUP: from "key export" where the key is`,
      ),
    ),
    ...[...damaged].map(where =>
      warning(
        'secret.damaged',
        where,
        'A sealed value was damaged, or copied from another place; it does not count.',
        `${kytosSettings(config, 'set', 'NAPP', 'KEY=@FILE')}   # the value again`,
      ),
    ),
    ...(older > 0
      ? [
          hint(
            'secret.outdated',
            place,
            `Of the sealed values, ${older} have an older key.`,
            kytosSettings(config, 'reseal'),
          ),
        ]
      : []),
  ]
}
