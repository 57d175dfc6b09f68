// Puts what tsc leaves behind, the JSON files of the example NApps, beside the built modules, and marks the build as complete.
import { chmodSync, cpSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const isAsset = path => statSync(path).isDirectory() || path.endsWith('.json')

cpSync(join(root, 'napps'), join(root, 'dist', 'napps'), { recursive: true, filter: isAsset })
chmodSync(join(root, 'dist', 'src', 'main.js'), 0o755)
writeFileSync(join(root, 'dist', '.complete'), '')
