import type { BackendContext } from '../../backend.ts'
import type { Walk } from './scan.ts'

/** Reports foreign files and unreadable folders that walks found, once for each. */
export class WalkReports {
  readonly #report: BackendContext['report']
  readonly #reported = new Set<string>()
  #suspects: readonly string[] = []

  constructor(report: BackendContext['report']) {
    this.#report = report
  }

  /** Reports folders that cannot be read, and names of no document that two walks in a row found. */
  walked({ foreign, unreadable }: Walk): void {
    for (const path of foreign) {
      if (!this.#suspects.includes(path)) continue
      this.#once(
        'KEY_FOREIGN',
        path,
        'no document has a file of this name; it is ignored. A name is percent-encoded where it is not plain',
      )
    }
    this.#suspects = foreign
    for (const [folder, reason] of unreadable) this.failed(folder, `${reason}; their documents are kept`)
  }

  /** Reports a folder whose files cannot be walked over. */
  failed(folder: string, reason: string): void {
    this.#once('FILE_UNWRITABLE', folder, `its readable files cannot be looked over: ${reason}`)
  }

  #once(code: 'KEY_FOREIGN' | 'FILE_UNWRITABLE', source: string, what: string): void {
    if (this.#reported.has(source)) return
    this.#reported.add(source)
    this.#report({ code, source, message: `${source}: ${what}.` })
  }
}
