import { describe, expect, it } from 'vitest'
import { createEventParser } from '../../../../src/cli/service/event-lines.ts'

const STREAM =
  'retry: 1000\nid: 1.0.0\n\n: alive\n\nevent: a\nid: 1.1.0\ndata: {"é": 1}\ndata:two\n\nid: 1.2.0\r\n\r\ndata\n\nevent: cut off\ndata: x'
const MESSAGES = [
  { id: '1.0.0', data: undefined },
  { id: '1.1.0', data: '{"é": 1}\ntwo' },
  { id: '1.2.0', data: undefined },
  { id: undefined, data: '' },
]

describe('Server-Sent Events', () => {
  it('are the same however the text is cut, and what is cut off is none', () => {
    for (let size = 1; size <= STREAM.length; size++) {
      const parse = createEventParser()
      const found = []
      for (let at = 0; at < STREAM.length; at += size) found.push(...parse(STREAM.slice(at, at + size)))
      expect(found, `in pieces of ${size}`).toEqual(MESSAGES)
    }
  })
})
