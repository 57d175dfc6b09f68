import { execFileSync } from 'node:child_process'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const KYTOS_CONF = `[daemon]
# The working directory of kytosd.
workdir = /var/lib/kytos
daemon = True
debug = no
logging = /etc/kytos/logging.ini
listen = 0.0.0.0
port = 6653
api_port = 8181
api_traceback_on_500 = False
napps = %(workdir)s/napps
napps_repositories = [
    "https://napps.kytos.io/repo/"
    ]
jwt_secret = 3f4c%%b1d2e6a84d0f9d6b0c17e58a2f61
thread_pool_max_workers = {"sb": 128, "db": 256, "app": 512}
database = mongodb
vlan_pool = 100-200

[mongodb]
host = mongo1
`

const OF_LLDP = (pollingTime: number): string => `"""Settings of kytos/of_lldp."""
FLOW_PRIORITY = 50000
# Seconds between two rounds of LLDP packets
POLLING_TIME = ${pollingTime}
LLDP_LOOP_ACTIONS = ["log"]  # "log", "disable"
LLDP_IGNORED_LOOPS = {}
LOOP_LOG_EVERY = int(max(900 / max(POLLING_TIME, 1), 1))
`

/** Each settings.py of the tree, by its NApp. */
const SETTINGS: Readonly<Record<string, string>> = {
  'acme/exporter': `# Where flows are exported to
COLLECTOR = "10.0.0.9"
COLLECTOR_PASSWORD = "correct horse"
DB = {"uri": "mongodb://kytos:battery@mongo1/napps", "replicas": 3}
`,
  'acme/legacy': `"""Settings of acme/legacy."""
print "legacy"
DEBUG = True
`,
  'amlight/noviflow': `"""Settings of amlight/noviflow."""
import os
TABLE_IDS = [0, 1]
if os.path.exists("/etc/kytos/noviflow"):
    BASE_TABLE = 2
DPIDS = [line.strip() for line in open("/etc/kytos/dpids")]
`,
  'kytos/flow_manager': `"""Settings of kytos/flow_manager."""
import os
from threading import Lock

#: Seconds between two requests for statistics
FLOW_STATS_INTERVAL = 30
CONSISTENCY_COOKIE_IGNORED_RANGE = [(0xDD00000000000000, 0xDD00000000000000 + 2**16 - 1)]
CONSISTENCY_MIN_VERDICT_INTERVAL = FLOW_STATS_INTERVAL * 2
CONN_ERR_MAX_RETRIES = int(os.environ.get("CONN_ERR_MAX_RETRIES", 3))
STORE_LOCK = Lock()
`,
  'kytos/mef_eline': `"""Settings of kytos/mef_eline."""
# Seconds between two checks of the circuits
DEPLOY_EVCS_INTERVAL = 60
COOKIE_PREFIX = 0xAA
TABLE_GROUP_ALLOWED = {'evpl', 'epl'}
QUEUE_ID = None
SPF_ATTRIBUTE = "hop"
`,
  'kytos/of_lldp': OF_LLDP(1),
  'kytos/storehouse': '',
}

/**
 * Creates the files of an existing Kytos: a virtual environment with its kytos.conf, installed and enabled
 * NApps, one unchanged NApp, and boxes.
 */
export async function layOutOldKytos(root: string): Promise<void> {
  const put = async (path: string, content: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), content)
  }
  await put('etc/kytos/kytos.conf', KYTOS_CONF)
  const napps = 'var/lib/kytos/napps'
  for (const [napp, text] of Object.entries(SETTINGS)) {
    const [username = '', name = ''] = napp.split('/')
    await put(`${napps}/.installed/${napp}/settings.py`, text)
    await put(`${napps}/.installed/${napp}/kytos.json`, JSON.stringify({ username, name }))
    await mkdir(join(root, napps, username), { recursive: true })
    await symlink(`../.installed/${napp}`, join(root, napps, napp))
  }
  await put('shipped/kytos/of_lldp/settings.py', OF_LLDP(3))
  execFileSync('python3', [
    fileURLToPath(new URL('old-kytos.py', import.meta.url)),
    join(root, 'var/tmp/kytos/storehouse'),
  ])
}
