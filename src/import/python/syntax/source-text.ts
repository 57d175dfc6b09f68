import { TextDecoder } from 'node:util'

/** The encoding that one of the first two lines declares (PEP 263), where the first is empty or a comment. */
const DECLARED = /^(?:[ \t\f]*(?:#.*)?\n)?[ \t\f]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)/
const UTF8 = /^utf-?8(?:-|$)/
const LATIN1 = /^(?:latin-?1|iso-?8859-?1|iso-latin-1)(?:-|$)/
/** Encodings that Python and the WHATWG decode alike, byte by byte. */
const ALIKE = /^(?:iso-?8859-?(?:2|3|4|5|7|10|13|14|15|16)|koi8-?[ru]|cp866|macintosh)$/

/** A file as text with `\n` as line ends, as Python decodes it, or why it is not decoded. */
export function decodeSource(bytes: Uint8Array): { readonly text: string } | { readonly reason: string } {
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  const head = Buffer.from(bytes.subarray(0, 1_024)).toString('latin1').replaceAll(/\r\n?/g, '\n')
  const declared = DECLARED.exec(marked ? head.slice(3) : head)?.[1] ?? 'utf-8'
  const encoding = declared.toLowerCase().replaceAll('_', '-')
  const text = decode(bytes, encoding)
  // Behind a byte order mark Python knows one spelling only.
  if (text !== undefined && !(marked && !/^utf-8(?:-|$)/.test(encoding)))
    return { text: text.replaceAll(/\r\n?/g, '\n') }
  return {
    reason:
      text === undefined && UTF8.test(encoding)
        ? 'the file is not UTF-8; save it as UTF-8'
        : `its encoding ${JSON.stringify(declared.slice(0, 40))} is not supported; save it as UTF-8`,
  }
}

function decode(bytes: Uint8Array, encoding: string): string | undefined {
  const isAscii = !bytes.some(byte => byte > 0x7f)
  if (isAscii && (ALIKE.test(encoding) || /^(?:us-?)?ascii$|^(?:cp|windows-?)125\d$/.test(encoding)))
    return Buffer.from(bytes).toString('latin1')
  if (LATIN1.test(encoding)) return Buffer.from(bytes).toString('latin1')
  if (!UTF8.test(encoding) && !ALIKE.test(encoding)) return undefined
  try {
    return new TextDecoder(UTF8.test(encoding) ? 'utf-8' : encoding, { fatal: true }).decode(bytes)
  } catch {
    return undefined // The caller reports it.
  }
}
