import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../model/value.ts'
import { applyModeAt, applyModes } from '../../../src/schema/apply-modes.ts'

describe('apply modes', () => {
  it('are inherited from the parent, restart at the root, and live where it says so', () => {
    const modes = applyModes({
      properties: {
        poll: { 'x-apply': 'live' },
        log: { 'x-apply': 'reload', properties: { level: {}, file: { 'x-apply': 'never' } } },
        'a/b~c': {},
        wrong: { 'x-apply': 'soon' },
      },
    })
    expect(modes).toEqual({
      '/poll': 'live',
      '/log': 'reload',
      '/log/level': 'reload',
      '/log/file': 'never',
      '/a~1b~0c': 'restart',
      '/wrong': 'restart',
    })
  })

  it('come through references and allOf; what the property says itself counts more', () => {
    const schema: JsonObject = {
      allOf: [{ properties: { far: { 'x-apply': 'live' }, both: { 'x-apply': 'never' } } }],
      properties: {
        port: { $ref: '#/$defs/port' },
        nearer: { $ref: '#/$defs/port', 'x-apply': 'live' },
        nest: { $ref: '#/$defs/nest', 'x-apply': 'live' },
        both: { 'x-apply': 'reload' },
        tree: { $ref: '#' },
      },
      $defs: {
        port: { 'x-apply': 'never' },
        nest: { 'x-apply': 'never', properties: { own: { 'x-apply': 'reload' }, plain: {} } },
      },
    }
    expect(applyModes(schema)).toEqual({
      '/far': 'live',
      '/both': 'reload',
      '/port': 'never',
      '/nearer': 'live',
      '/nest': 'live',
      '/nest/own': 'reload',
      '/nest/plain': 'live',
      '/tree': 'restart',
    })
  })

  it('of a place are those of its nearest ancestor, whatever the names', () => {
    const modes = applyModes({
      properties: { links: { 'x-apply': 'live' }, constructor: { 'x-apply': 'never' } },
    })
    expect(applyModeAt(modes, '/links/00:01/speed')).toBe('live')
    expect(applyModeAt(modes, '/constructor')).toBe('never')
    expect(applyModeAt(modes, '/toString')).toBe('restart')
    expect(applyModeAt(modes, '')).toBe('restart')
    expect(applyModeAt(modes, '/linksX')).toBe('restart')
  })
})
