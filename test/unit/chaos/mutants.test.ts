import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { MUTANTS } from '../../chaos/mutants.ts'

describe('the mutants of the chaos run', () => {
  it.each(MUTANTS.flatMap(({ name, edits }) => edits.map(edit => ({ name, ...edit }))))(
    '$name changes one place of $file',
    async ({ file, from }) => {
      const text = await readFile(new URL(`../../../${file}`, import.meta.url), 'utf8')
      expect(text.split(from)).toHaveLength(2)
    },
  )
})
