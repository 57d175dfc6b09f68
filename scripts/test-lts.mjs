// `npm run test:lts`: the tests on the current LTS of Node from the npm registry; further arguments are
// passed to vitest. Requires a build and the tools that `npm test` installs.
import { join } from 'node:path'
import { print, root, runOrFail } from './prepare.mjs'

const LTS = '26.10.0'
const nodePackage = `node-${process.platform}-${process.arch}@${LTS}`

print(`Testing on Node ${LTS} (${nodePackage}) ...`)
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
runOrFail('npm', [
  'exec',
  '--yes',
  `--package=${nodePackage}`,
  '--',
  'node',
  vitest,
  'run',
  ...process.argv.slice(2),
])
