// `npm run test:lts`: the tests on the current LTS of Node, as the npm registry carries it; further arguments
// go to vitest. Needs a build and what `npm test` installs.
import { join } from 'node:path'
import { root, runOrFail, say } from './prepare.mjs'

const LTS = '26.10.0'
const flavour = `node-${process.platform}-${process.arch}@${LTS}`

say(`Testing on Node ${LTS} (${flavour}) ...`)
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
runOrFail('npm', [
  'exec',
  '--yes',
  `--package=${flavour}`,
  '--',
  'node',
  vitest,
  'run',
  ...process.argv.slice(2),
])
