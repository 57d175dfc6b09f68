/*
 * A process for one scene: `node --expose-gc --import tsx run-scene.ts FILE NAME OPTIONS`. It prints what the
 * scene gives as one line of JSON and has to end by itself: nothing here ends it.
 */

const [file = '', name = '', options = '{}'] = process.argv.slice(2)
const scenes: Readonly<Record<string, unknown>> = await import(`./scenes/${file}.ts`)
const scene = scenes[name]
if (typeof scene !== 'function') throw new Error(`There is no scene ${name} in ${file}.`)
process.stdout.write(`${JSON.stringify({ result: await scene(JSON.parse(options)) })}\n`)
