import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { SettingsError } from '../../../model/errors.ts'
import type { CliContext } from '../terminal/cli-context.ts'

const DEFAULT_EDITORS = ['vi', 'nano']

/**
 * Opens a file in $VISUAL, else $EDITOR (both may have arguments), else vi or nano. Resolves when the editor
 * exits.
 * @throws SettingsError EDITOR_FAILED without an editor, or when it exits with another code than 0.
 */
export async function runEditor(file: string, { cwd, env }: CliContext): Promise<void> {
  const editor = env.VISUAL?.trim() || env.EDITOR?.trim() || defaultEditor(env.PATH ?? '')
  if (editor === undefined)
    throw new SettingsError(
      'EDITOR_FAILED',
      'No editor was found: set $VISUAL or $EDITOR, or install vi or nano.',
    )
  // Run by a shell, as git does, because the variable is a command with arguments. Ctrl-C must not end the
  // shell before the editor.
  const child = spawn('/bin/sh', ['-c', `trap : INT QUIT; ${editor} "$@"`, editor, file], {
    cwd,
    env: { ...env },
    stdio: 'inherit',
  })
  // Ctrl-C belongs to the editor while it has the terminal, but the signal reaches every process there.
  const ignore = (): void => {}
  process.on('SIGINT', ignore).on('SIGQUIT', ignore)
  try {
    const end = await new Promise<number | string | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code, signal) => resolve(code ?? signal))
    })
    if (end !== 0)
      throw new SettingsError(
        'EDITOR_FAILED',
        `The editor "${editor}" exited with ${end}: nothing was stored.`,
      )
  } finally {
    process.off('SIGINT', ignore).off('SIGQUIT', ignore)
  }
}

function defaultEditor(path: string): string | undefined {
  const folders = path.split(delimiter).filter(folder => folder !== '')
  return DEFAULT_EDITORS.find(name => folders.some(folder => existsSync(join(folder, name))))
}
