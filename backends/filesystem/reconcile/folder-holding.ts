import { dirname } from 'node:path'
import { type FolderIdentity, identifyFolder } from './folder-identity.ts'
import { signatureNow } from './look.ts'

/**
 * The folder that has a file now; undefined when there is no file. The folder is looked at before the file.
 */
export function folderHolding(file: string): FolderIdentity | undefined {
  const folder = identifyFolder(dirname(file))
  return signatureNow(file) === 'no file' ? undefined : folder
}
