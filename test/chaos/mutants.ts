import { cp, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A well-known way to lose data, put into our own code: the chaos run has to find it. */
export interface Mutant {
  readonly name: string
  readonly backend: 'etcd' | 'filesystem'
  /** The kind of stage and the faults that bring it to light, with commas between. */
  readonly kind: string
  readonly faults: string
  /** How long the faults of a round strike, in seconds; 8 when absent. */
  readonly seconds?: number
  /** What the run says of it. */
  readonly says: RegExp
  /** What is written instead; `from` stands in the file exactly once. */
  readonly edits: readonly { readonly file: string; readonly from: string; readonly to: string }[]
}

const FOLLOWER = 'src/watcher/follower.ts'

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'resume-from-header-revision',
    backend: 'etcd',
    kind: 'lines',
    faults: 'cut after created,cut within an answer,cut',
    says: /was not told|did not hear|lost/i,
    edits: [
      {
        file: 'backends/etcd/watch.ts',
        from: 'if (at <= since) {',
        to: 'if (at > since) yield { revision: at, changes: [] }\n      if (at <= since) {',
      },
      {
        file: FOLLOWER,
        from: 'await this.#watchFrom(since, check, {',
        to: 'await this.#watchFrom(this.#header ?? since, new ResumeCheck(undefined), {',
      },
      {
        file: FOLLOWER,
        from: '#trail: Trail | undefined\n',
        to: '#trail: Trail | undefined\n  #header: bigint | undefined\n',
      },
      {
        file: FOLLOWER,
        from: '        onAlive()\n',
        to: '        onAlive()\n        this.#header = batch.revision\n',
      },
    ],
  },
  {
    name: 'retry-without-write-id',
    backend: 'etcd',
    kind: 'lines',
    faults: 'answers swallowed,cut within an answer',
    says: /twice|doubled/i,
    edits: [
      {
        file: 'backends/etcd/commit-outcomes.ts',
        from: 'if (outcome.committed || !(repeated || mayBeDone)) return pending.resolve(outcome)',
        to: 'if (outcome || repeated || mayBeDone) return pending.resolve(outcome)',
      },
    ],
  },
  {
    name: 'ignore-compaction',
    backend: 'etcd',
    kind: 'forgets',
    faults: 'compaction',
    says: /WRONG/,
    edits: [
      {
        file: FOLLOWER,
        from: '#trail: Trail | undefined\n',
        to: '#trail: Trail | undefined\n  #oldest: bigint | undefined\n',
      },
      {
        file: FOLLOWER,
        from: "else if (error.code === 'HISTORY_LOST') {\n",
        to: "else if (error.code === 'HISTORY_LOST' && error.details.reason === 'compacted') {\n      this.#oldest = BigInt(String(error.details.compact_revision))\n    } else if (error.code === 'HISTORY_LOST') {\n",
      },
      {
        file: FOLLOWER,
        from: 'await this.#watchFrom(since, check, {',
        to: 'await this.#watchFrom(this.#oldest ? this.#oldest - 1n : since, this.#oldest ? new ResumeCheck(undefined) : check, {',
      },
      {
        file: FOLLOWER,
        from: '        onAlive()\n',
        to: '        onAlive()\n        this.#oldest = undefined\n',
      },
    ],
  },
  {
    name: 'trust-cluster-id',
    backend: 'etcd',
    kind: 'forgets',
    faults: 'restore',
    says: /WRONG/,
    edits: [
      {
        file: 'src/watcher/trail.ts',
        from: 'this.#trail = trail\n',
        to: 'this.#trail = trail && undefined\n',
      },
      {
        file: FOLLOWER,
        from: 'if (!hasBegun) await refuseOtherStore(backend, [cache.meta, witness])',
        to: 'if (!hasBegun) await Promise.resolve([refuseOtherStore, cache.meta, witness])',
      },
    ],
  },
  {
    name: 'keeper-ignores-confirmation',
    backend: 'etcd',
    kind: 'lines',
    faults: 'cut',
    seconds: 2,
    says: /expired although it did not wait/,
    edits: [
      {
        file: 'src/pending/keeper.ts',
        from: 'if (!one.ended && !waiting.has(one.writeId))',
        to: "if ((!one.ended || one.ended === 'confirmed') && !waiting.has(one.writeId))",
      },
      {
        file: 'src/pending/pending-group.ts',
        from: 'if (!first || first.ended) return undefined',
        to: "if (!first || (first.ended && first.ended !== 'confirmed')) return undefined",
      },
      {
        file: 'src/pending/pending-group.ts',
        from: '=== writeId && !one.pending.ended)',
        to: "=== writeId && (!one.pending.ended || one.pending.ended === 'confirmed'))",
      },
    ],
  },
  {
    name: 'ack-before-fsync',
    backend: 'filesystem',
    kind: 'power',
    faults: 'power loss,power loss at a step',
    says: /WRONG|damaged|has to be/,
    edits: [
      {
        file: 'backends/filesystem/journal/journal.ts',
        from: 'await this.#file.sync()',
        to: 'await Promise.resolve()',
      },
    ],
  },
  {
    name: 'rename-without-journal',
    backend: 'filesystem',
    kind: 'kills',
    faults: 'kill -9',
    says: /revision \d+ where \d+ has to be|READY at revision \d+, the store at/,
    edits: [
      {
        file: 'backends/filesystem/journal/committer.ts',
        from: "if (group.frames === '') return",
        to: "if (waiting.some(({ operations }) => operations.some(({ key }) => key.startsWith('settings/')))) return",
      },
    ],
  },
]

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SOURCES = [
  'model',
  'events',
  'backends',
  'src',
  'napps',
  'scripts',
  'test',
  'package.json',
  'tsconfig.json',
  'napp.json',
]

/**
 * A copy of the project with the mutant in it, in a fresh folder that the caller removes.
 * @throws Error when the code it changes has changed.
 */
export async function plant({ name, edits }: Pick<Mutant, 'name' | 'edits'>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `kytos-mutant-${name}-`))
  for (const source of SOURCES) await cp(join(ROOT, source), join(folder, source), { recursive: true })
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  for (const { file, from, to } of edits) {
    const text = await readFile(join(folder, file), 'utf8')
    if (text.split(from).length !== 2)
      throw new Error(
        `The mutant ${name} changes "${from}" in ${file}, which does not stand there once any more.`,
      )
    await writeFile(
      join(folder, file),
      text.replace(from, () => to),
    )
  }
  return folder
}
