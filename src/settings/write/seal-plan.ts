import type { Actor } from '../../../model/actor.ts'
import { guessesIn } from '../../secrets/guessed-values.ts'
import type { SecretsOfStore } from '../../secrets/secrets-of-store.ts'
import type { PlannedDocument } from './plan.ts'

/** The sender of a change. */
interface SecretWriter {
  readonly actor: Actor
  readonly mayReadSecrets: boolean
}

/**
 * Counts a change of secrets by a caller that may not read them.
 * @throws SettingsError RATE_LIMITED.
 */
export function countGuess(
  documents: readonly PlannedDocument[],
  { actor, mayReadSecrets }: SecretWriter,
  secrets: SecretsOfStore,
): void {
  if (mayReadSecrets || !setsSecret(documents, secrets)) return
  const sent = documents.flatMap(({ namespace, next }) =>
    next ? [{ namespace, data: next, places: secrets.placesOf(namespace) }] : [],
  )
  secrets.guesses.count(actor, guessesIn(sent))
}

/** The documents with their secrets sealed. @throws SettingsError KEY_MISSING. */
export async function sealPlan(
  documents: readonly PlannedDocument[],
  secrets: SecretsOfStore,
): Promise<readonly PlannedDocument[]> {
  if (!setsSecret(documents, secrets)) return documents
  await secrets.requireKeys()
  return documents.map(document => {
    const sealed = document.next && secrets.seal(document.namespace, document.next)
    return sealed ? { ...document, next: sealed.data, isSealed: sealed.isSealed } : document
  })
}

function setsSecret(documents: readonly PlannedDocument[], secrets: SecretsOfStore): boolean {
  return documents.some(({ namespace, next }) => next && secrets.hasPlain(namespace, next))
}
