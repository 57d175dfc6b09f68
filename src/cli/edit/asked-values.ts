import type { JsonObject } from '../../../model/value.ts'
import { askSecrets } from '../keys/ask-secret.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import type { AssignmentGroup } from './assignment.ts'

/** The assignments to one NApp, with its schema. */
export interface PlacedGroup extends AssignmentGroup {
  readonly schema: JsonObject | undefined
}

/** The assignments with the values of secrets that a user has typed. @throws the errors of `askSecrets`. */
export async function askValues(
  groups: readonly PlacedGroup[],
  context: CliContext,
): Promise<readonly PlacedGroup[]> {
  const asked = groups.flatMap(({ namespace, schema, assignments }) =>
    assignments.flatMap(({ path, isAsked }) => (isAsked ? [{ namespace, path, schema }] : [])),
  )
  const values = [...(await askSecrets(asked, context))]
  return groups.map(group => ({
    ...group,
    assignments: group.assignments.map(one =>
      one.isAsked ? { ...one, typed: values.shift() ?? '', isHidden: true } : one,
    ),
  }))
}
