import type { Actor } from '../../model/actor.ts'
import type { Namespace } from '../../model/namespace.ts'
import type { SchemaDocument } from '../schema/schema-document.ts'
import { guessesIn } from '../secrets/guessed-values.ts'
import type { SecretsOfStore } from '../secrets/secrets-of-store.ts'
import { joinPlaces, sensitivePlaces, UNDECLARED } from '../secrets/sensitive-places.ts'

/**
 * Counts the registration of a schema by a caller that may not read secrets: its defaults and its seed are
 * shown as tags, like the secrets that they hide.
 * @throws SettingsError RATE_LIMITED.
 */
export function countSchemaGuesses(
  namespace: Namespace,
  { schema, defaults, seed }: SchemaDocument,
  actor: Actor,
  secrets: SecretsOfStore,
): void {
  const places = joinPlaces([secrets.placesOf(namespace), sensitivePlaces(schema) ?? UNDECLARED])
  const guesses = guessesIn([defaults, seed].map(data => ({ namespace, data, places })))
  if (guesses > 0) secrets.guesses.count(actor, guesses)
}
