/** One message of a stream of Server-Sent Events; `data` is absent in a message that only has an id. */
export interface Message {
  readonly id: string | undefined
  readonly data: string | undefined
}

/**
 * Parses Server-Sent Events from pieces of text. Available parsers drop an id without data, and this service
 * sends such ids to give a reader its cursor.
 */
export function createEventParser(): (piece: string) => readonly Message[] {
  let rest = ''
  let id: string | undefined
  let data: string[] = []
  const take = (line: string): readonly Message[] => {
    if (line === '') {
      const message = { id, data: data.length > 0 ? data.join('\n') : undefined }
      id = undefined
      data = []
      return message.id === undefined && message.data === undefined ? [] : [message]
    }
    const [, field, value = ''] = /^([a-z]*)(?:: ?(.*))?$/.exec(line) ?? []
    if (field === 'id') id = value
    if (field === 'data') data.push(value)
    return []
  }
  return piece => {
    const lines = (rest + piece).split('\n')
    rest = lines.pop() ?? ''
    return lines.flatMap(line => take(line.replace(/\r$/, '')))
  }
}
