import { spawn } from 'node:child_process'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import { parseJson, printJson } from '../../model/json.ts'
import { isArray, isObject, type Json, type JsonObject } from '../../model/value.ts'
import { PYTHON } from '../../scripts/prepare.mjs'
import { packageRoot } from '../../src/host/package-root.ts'
import { API, openRealRig } from '../unit/http/harness.ts'

/*
 * Both kinds of PATCH over REST against implementations of others, in Python, whose integers have any size as
 * ours do.
 */

const DOCUMENTS = 1_000
const LINES = 16
const TYPES = { merge: 'application/merge-patch+json', json: 'application/json-patch+json' } as const

interface Task {
  readonly kind: keyof typeof TYPES
  readonly document: JsonObject
  readonly patch: Json
}

const key = fc.constantFrom('a', 'b', 'c', 'd/e', 'm~n', '', 'prototype', 'constructor', 'é', '0', '~1')
// 64 bits as datapath ids have them, and more.
const leaf: fc.Arbitrary<Json> = fc.oneof(
  fc
    .bigInt({ min: -(2n ** 70n), max: 2n ** 70n })
    .map(n => (n >= -(2n ** 53n) + 1n && n <= 2n ** 53n - 1n ? Number(n) : n)),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter(n => !Number.isInteger(n)),
  fc.string({ maxLength: 4 }),
  fc.boolean(),
  fc.constant(null),
)
const { value, object } = fc.letrec<{ value: Json; object: JsonObject }>(tie => ({
  value: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('value'), { maxLength: 3 }), tie('object')),
  object: fc
    .array(fc.tuple(key, tie('value')), { maxLength: 4 })
    .map(entries => parseJson(printObject(entries)) as JsonObject), // It prints one.
}))

/** Plain JavaScript would take `__proto__` for something else. */
function printObject(entries: readonly (readonly [string, Json])[]): string {
  return `{${[...new Map(entries)].map(([name, of]) => `${JSON.stringify(name)}:${printJson(of)}`).join(',')}}`
}

/** Every JSON Pointer into a value. */
function pointersOf(of: Json, at = ''): readonly string[] {
  const inside = isArray(of)
    ? of.map((item, i) => [String(i), item] as const)
    : isObject(of)
      ? Object.entries(of)
      : []
  return [
    at,
    ...inside.flatMap(([name, item]) =>
      pointersOf(item, `${at}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`),
    ),
  ]
}

/**
 * A patch whose places mostly are there. The whole document is replaced by objects only: jsonpatch fails on
 * other values there, and as a `from`.
 */
function patchesOf(document: JsonObject): fc.Arbitrary<Json> {
  const [, ...inside] = pointersOf(document)
  const known = fc.constantFrom(...inside, '/a')
  const place = fc.oneof(
    { weight: 4, arbitrary: known },
    fc.tuple(known, fc.constantFrom('/-', '/a', '/0', '/none')).map(parts => parts.join('')),
  )
  const step = fc.oneof(
    { weight: 2, arbitrary: fc.record({ op: fc.constantFrom('add', 'replace'), path: place, value }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constant('remove'), path: place }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constantFrom('move', 'copy'), from: place, path: place }) },
    fc.record({ op: fc.constant('add'), path: fc.constant(''), value: object }),
    // Python takes true for 1.
    fc.record({ op: fc.constant('test'), path: place, value: fc.constant('other') }),
    fc.record({ op: fc.constant('test'), path: fc.constant(''), value: fc.constant(document) }),
  )
  return fc.array(step, { minLength: 1, maxLength: 3 })
}

const tasks: fc.Arbitrary<readonly [Task, Task]> = object.chain(document =>
  fc.tuple(object, patchesOf(document)).map(([merge, json]) => [
    { kind: 'merge', document, patch: merge },
    { kind: 'json', document, patch: json },
  ]),
)

/** What the others make of a patch; undefined where it does not apply. */
function openOthers(): (task: Task) => Promise<Json | undefined> {
  const child = spawn(PYTHON, ['-B', join(packageRoot(), 'test/python/patches.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill())
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return async task => {
    child.stdin.write(`${printJson({ ...task })}\n`)
    // Responses arrive in the order of the requests.
    const { value: line, done } = await lines.next()
    if (done) throw new Error(`They failed on ${printJson({ ...task })}`)
    const answer = parseJson(line)
    return isObject(answer) ? answer.document : undefined
  }
}

it(`${DOCUMENTS} random documents are patched as by other implementations, integers of any size intact, or left unchanged`, async () => {
  const { http } = await openRealRig()
  const others = openOthers()
  const agent = new Agent({ keepAlive: true, maxSockets: LINES })
  onTestFinished(() => agent.destroy())
  const ask = (method: string, path: string, type: string, body?: Json) =>
    new Promise<{ readonly status: number; readonly body: Readonly<Record<string, Json>> }>(
      (resolve, reject) => {
        const sent = request(
          { host: '127.0.0.1', port: http.port, method, path, agent, headers: { 'content-type': type } },
          async response =>
            // Both answers are objects: settings, or a problem.
            resolve({
              status: response.statusCode ?? 0,
              body: parseJson(await text(response)) as JsonObject,
            }),
        )
        sent.on('error', reject)
        sent.end(body === undefined ? undefined : printJson(body))
      },
    )

  const todo = fc.sample(tasks, { numRuns: DOCUMENTS, seed: Number(process.env.FC_SEED ?? 5) }).flat()
  const counts = { applied: 0, refused: 0, exact: 0 }
  const work = async (path: string): Promise<void> => {
    for (let task = todo.pop(); task; task = todo.pop()) {
      const { kind, document, patch } = task
      const shown = printJson({ ...task })
      const put = await ask('PUT', path, 'application/json', document)
      expect([put.status, put.body.overrides]).toEqual([200, document])
      const [expected, got] = await Promise.all([others(task), ask('PATCH', path, TYPES[kind], patch)])
      if (isObject(expected ?? null)) {
        expect([shown, got.status, got.body.overrides]).toEqual([shown, 200, expected])
        counts.applied++
        if (/\d{17}/.test(printJson(expected ?? null))) counts.exact++
      } else {
        // Malformed, or not to be applied; a result that is no object cannot be overrides. Nothing of it
        // stays.
        expect([shown, [400, 409].includes(got.status)]).toEqual([shown, true])
        expect([shown, (await ask('GET', path, TYPES[kind])).body.overrides]).toEqual([shown, document])
        counts.refused++
      }
    }
  }
  await Promise.all(Array.from({ length: LINES }, (_, i) => work(`${API}/me/random_${i}`)))
  expect(counts.applied + counts.refused).toBe(2 * DOCUMENTS)
  for (const count of Object.values(counts)) expect(count).toBeGreaterThan(200)
}, 60_000)
