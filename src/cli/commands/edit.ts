import type { Command } from 'commander'
import type { CommandContent } from '../../../events/map.ts'
import type { Description, Settings } from '../../../events/nouns.ts'
import { isSettingsError, SettingsError, toSettingsError } from '../../../model/errors.ts'
import { expectedRevisionOf } from '../../../model/expected-revision.ts'
import { printJson } from '../../../model/json.ts'
import { equalJson, type JsonObject } from '../../../model/value.ts'
import { addConfirmOption, type ConfirmOptions, confirmField } from '../edit/confirm-within.ts'
import { bodyOf, describeConflict, describeProblems, parseBody, printPage } from '../edit/edit-text.ts'
import { createEditedFile, type EditedFile } from '../edit/edited-file.ts'
import { runEditor } from '../edit/editor.ts'
import { readSettings } from '../edit/overrides-edit.ts'
import { printChanged } from '../edit/print-changed.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, type Service, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { printMessage } from '../terminal/print-error.ts'
import { awaitConfirmation } from '../undo/countdown.ts'

interface EditOptions extends AddressOptions, ConfirmOptions {
  readonly json?: boolean
  readonly scope: string
  readonly comment?: string
  readonly new?: boolean
}

const EXAMPLES = `
Examples:
  kytos-settings edit kytos/link_discovery
  EDITOR='code --wait' kytos-settings edit kytos/link_discovery --comment 'calmer links'

The editor is $VISUAL, $EDITOR, vi or nano. Invalid overrides open again in the editor,
with the errors above them.
If another client changed the same overrides meanwhile, the editor shows both versions.
A text that cannot be stored is kept in a file.`

/** Adds `edit`, which opens all overrides of a NApp in an editor and stores the result. */
export function addEditCommand(program: Command, context: CliContext): void {
  addConfirmOption(addServiceOptions(program.command('edit')))
    .description('edit the overrides of a NApp in your editor')
    .argument('<napp>', 'username/name')
    .option(
      '-s, --scope <scope>',
      'scope of the overrides: cluster, controller (the one of the service) or controller:ID',
      'cluster',
    )
    .option('-m, --comment <text>', 'reason of the change, for the history')
    .option('--new', 'accept a NApp that is not known yet')
    .addHelpText('after', EXAMPLES)
    .action((namespace: string, _options, command: Command) => {
      const options = command.optsWithGlobals<EditOptions>()
      return withService(options, context, service => edit(service, namespace, options, context))
    })
}

async function edit(
  service: Service,
  namespace: string,
  options: EditOptions,
  context: CliContext,
): Promise<void> {
  const { scope, comment, confirmWithin, json = false } = options
  const before = await readSettings(service, { namespace, scope, isNew: options.new })
  const description = await readDescription(service, namespace)
  const editedFile = await createEditedFile(namespace)
  try {
    const after = await editUntilStored({
      ...{ service, editedFile, before, description, scope, comment, confirmWithin, context },
    })
    await editedFile.remove()
    if (after) await printChanged(service, { before, after }, { json, scope }, context)
    else printMessage(context.stderr, 'No change: nothing was stored.')
    if (after) await awaitConfirmation(service, after, { json, scope }, context)
  } catch (error) {
    const { code, message, details } = toSettingsError(error)
    if (!(await isWorthKeeping(editedFile, before.overrides))) {
      await editedFile.remove()
      throw error
    }
    throw new SettingsError(code, `${message} Your text is kept in ${editedFile.file}`, {
      cause: error,
      details,
    })
  }
}

interface Editing {
  readonly service: Service
  readonly editedFile: EditedFile
  readonly before: Settings
  readonly description: Description | undefined
  readonly scope: string
  readonly comment: string | undefined
  readonly confirmWithin: number | undefined
  readonly context: CliContext
}

/**
 * Returns the stored settings; undefined without a change.
 * @throws SettingsError the last error when the edit is cancelled.
 */
async function editUntilStored({
  service,
  editedFile,
  before,
  description,
  scope,
  comment,
  confirmWithin,
  context,
}: Editing): Promise<Settings | undefined> {
  const { namespace } = before
  let known = before
  let body = printJson(before.overrides, 2)
  let problems: readonly string[] = []
  let failure: SettingsError | undefined
  for (;;) {
    const page = printPage({ namespace, scope, description, problems, body })
    await editedFile.write(page)
    // Other processes may need the store while the editor is open.
    await service.release()
    await runEditor(editedFile.file, context)
    const text = await editedFile.read()
    const typed = text === undefined ? '' : bodyOf(text)
    if (text === page || typed === '') {
      if (!failure) return undefined
      await editedFile.write(page)
      throw failure
    }
    body = typed
    try {
      const data = parseBody(body)
      if (equalJson(data, known.overrides)) return undefined
      const change = {
        namespace,
        scope,
        data,
        method: 'PUT' as const,
        ...(comment !== undefined && { comment }),
        ...confirmField(confirmWithin),
      }
      const stored = await putUnlessChanged(service, change, known)
      if ('after' in stored) return stored.after
      failure = stored.mismatch
      problems = describeConflict(known, stored.theirs, await lastComment(service, stored.theirs, scope))
      known = stored.theirs
    } catch (error) {
      failure = toSettingsError(error)
      if (isSettingsError(failure, ...FIXABLE)) problems = describeProblems(failure, body)
      else throw failure
    }
  }
}

/** Maximum number of attempts while other clients change what is no conflict. */
const MAX_ATTEMPTS = 10

type Put = CommandContent<'kytos.settings.update'> & { readonly scope: string }

/**
 * Stores overrides unless another client changed them; a new schema or a change in another scope is no
 * conflict.
 */
async function putUnlessChanged(
  service: Service,
  change: Put,
  known: Settings,
): Promise<{ readonly after: Settings } | { readonly mismatch: SettingsError; readonly theirs: Settings }> {
  const { namespace, scope } = change
  for (let at = known, left = MAX_ATTEMPTS; ; left--) {
    try {
      return {
        after: await service.ask('kytos.settings.update', { ...change, revision: expectedRevisionOf(at) }),
      }
    } catch (mismatch) {
      if (!isSettingsError(mismatch, 'REVISION_MISMATCH') || left <= 1) throw mismatch
      const theirs = await readSettings(service, { namespace, scope, isNew: true })
      if (!equalJson(theirs.overrides, known.overrides)) return { mismatch, theirs }
      at = theirs
    }
  }
}

/** Errors that a change of the text can fix. */
const FIXABLE = [
  'JSON_MALFORMED',
  'CONTENT_MALFORMED',
  'SETTINGS_INVALID',
  'CHANGE_VETOED',
  'DOCUMENT_TOO_LARGE',
] as const

async function readDescription(service: Service, namespace: string): Promise<Description | undefined> {
  try {
    return await service.ask('kytos.settings.describe', { namespace })
  } catch (error) {
    if (isSettingsError(error, 'NAMESPACE_NOT_FOUND')) return undefined
    throw error
  }
}

async function lastComment(service: Service, { namespace }: Settings, scope: string): Promise<string | null> {
  const [record] = await service.ask('kytos.settings.history', { namespace, scope, limit: 1 })
  return record?.comment ?? null
}

/** False for an edited file that equals the stored overrides. */
async function isWorthKeeping(editedFile: EditedFile, stored: JsonObject): Promise<boolean> {
  const text = await editedFile.read()
  if (text === undefined) return false
  try {
    return !equalJson(parseBody(bodyOf(text)), stored)
  } catch {
    return true // A text that is not JSON differs from them.
  }
}
