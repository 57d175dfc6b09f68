// Marks the build as complete, and its entry as executable.
import { chmodSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

chmodSync(join(root, 'dist', 'src', 'main.js'), 0o755)
writeFileSync(join(root, 'dist', '.complete'), '')
