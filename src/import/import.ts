import type { Ask } from './ask.ts'
import { importBoxes } from './boxes-import.ts'
import type { NamespaceState } from './namespace-state.ts'
import { createReport, type ImportReport, type ReportItem } from './report.ts'
import { type ImportOptions, importSettingsSource } from './settings-import.ts'
import type { Source } from './source.ts'

export interface ImportRun extends ImportOptions {
  /** Hears how many settings and boxes are done, and of how many. */
  readonly progress?: (done: number, total: number) => void
  readonly signal?: AbortSignal
}

/**
 * Brings everything that was read into a service: done again, it changes nothing, and after a stop it goes
 * on. Settings of one namespace are one transaction.
 * @throws SettingsError when the service cannot be asked any more; what was done until then stays done.
 */
export async function importSources(
  ask: Ask,
  sources: readonly Source[],
  { progress = () => {}, signal, ...options }: ImportRun,
): Promise<ImportReport> {
  const total = sources.reduce((sum, source) => sum + sizeOf(source), 0)
  // One list for each source: more items than a call takes arguments may come of one.
  const items: (readonly ReportItem[])[] = []
  const rehearsed = new Map<string, NamespaceState>()
  let done = 0
  const advance = (count: number): void => {
    done += count
    progress(done, total)
  }
  for (const source of sources) {
    signal?.throwIfAborted()
    if (source.kind === 'settings') {
      items.push(await importSettingsSource(ask, source, { ...options, rehearsed }))
      advance(sizeOf(source))
    } else if (source.kind === 'boxes')
      items.push(await importBoxes(ask, source, options, () => advance(1), signal))
    else
      items.push(
        source.problems.map(
          ({ line, message }): ReportItem => ({
            kind: source.box ? 'box' : 'file',
            action: 'skipped',
            file: source.file,
            ...source.box,
            reason: message,
            ...(line !== undefined && { line }),
          }),
        ),
      )
  }
  return createReport(items.flat(), options.dryRun)
}

function sizeOf(source: Source): number {
  if (source.kind === 'settings') return source.settings.length
  return source.kind === 'boxes' ? source.boxes.length : 0
}
