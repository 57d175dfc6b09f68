import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { Layout } from '../../../../../backends/filesystem/format/layout.ts'
import { hashOf } from '../../../../../backends/filesystem/format/readable.ts'
import { State } from '../../../../../backends/filesystem/journal/state.ts'
import { FileReconciler } from '../../../../../backends/filesystem/reconcile/file-reconciler.ts'
import type { ReconcilerContext } from '../../../../../backends/filesystem/reconcile/reconciler-context.ts'
import { TrackedFile } from '../../../../../backends/filesystem/reconcile/tracked-file.ts'
import { makeKey } from '../../../../../model/key.ts'

it('An edit is no content of ours for the journal before the commit that takes it in, and is one from then on', async () => {
  const path = await mkdtemp(join(tmpdir(), 'kytos-reconciler-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  const layout = new Layout(path)
  const key = makeKey('settings', 'kytos', 'a')
  await mkdir(dirname(layout.file(key)), { recursive: true })
  await writeFile(layout.file(key), '{"a":9}')
  const tracked = new TrackedFile()
  const edit = hashOf('{"a":9}')
  const seen: boolean[] = []
  const isOurs = () => seen.push(tracked.possible().some(({ hash }) => hash === edit))
  const context: ReconcilerContext = {
    state: new State(),
    layout,
    entryBytes: 1_000,
    report: () => {},
    remember: () => {},
    isRemoval: () => true,
    missing: () => {},
    // A note of another file, or a snapshot, may ask at both moments what this file may hold.
    async commit(_, marks = []) {
      isOurs()
      for (const [, versions] of marks) versions()
      isOurs()
      return { committed: true, revision: 1n }
    },
  }
  const reconciler = new FileReconciler(context)
  while (seen.length === 0) await reconciler.reconcile(key, tracked)
  expect(seen).toEqual([false, true])
})
