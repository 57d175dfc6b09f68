// `npm start`: from a fresh clone to the running service, with the settings of settings.example.json in an
// empty store. Uses kytos.ini if it exists, otherwise kytos.example.ini.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { build, checkNode, installPackages, print, root, runInPlace } from './prepare.mjs'

checkNode()
installPackages()
build()

const config = existsSync(join(root, 'kytos.ini')) ? 'kytos.ini' : 'kytos.example.ini'
const args = [
  'dist/src/main.js',
  'start',
  '-c',
  config,
  '--import',
  'settings.example.json',
  ...process.argv.slice(2),
]
runInPlace(process.execPath, args, message => {
  if (message?.ready) print(nextSteps(message.ready))
})

function nextSteps(url) {
  return `
The service is running, and kytos/link_discovery logs every poll. Change its interval from a second terminal:

  curl -X PATCH ${url}/api/kytos/settings/v1/kytos/link_discovery \\
    -H 'content-type: application/json' -d '{"polling_time": 1}'

kytos/change_log then logs the change here, and kytos/link_discovery polls every second, without a reload.
Ctrl-C stops the service; the next start uses the stored value.
`
}
