/**
 * A version of a readable file: the hash of its bytes (null: no file; undefined: not computed yet), and the
 * document that it stands for.
 */
export interface FileVersion {
  readonly hash: string | null | undefined
  /** The text of the document; undefined when there is none. */
  readonly text: string | undefined
}

/** The version without a file and without a document. */
export const NO_FILE: FileVersion = { hash: null, text: undefined }
