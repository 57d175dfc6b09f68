/**
 * One thing that a readable file holds or held: the hash of its bytes (null: no file; undefined: not computed
 * yet), and the document that stands for.
 */
export interface FileVersion {
  readonly hash: string | null | undefined
  /** The text of the document; undefined when there is none. */
  readonly text: string | undefined
}

/** No file, no document. */
export const NO_FILE: FileVersion = { hash: null, text: undefined }
