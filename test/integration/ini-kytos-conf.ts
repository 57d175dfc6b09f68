/**
 * A kytos.conf as operators keep it: every option that kytos-ng documents, JSON over several lines,
 * references, doubled percent signs, and our sections.
 */
export const KYTOS_CONF = `# The core of Kytos reads this file; a comment is a line of its own.
[DEFAULT]
prefix = /var/lib/kytos

[daemon]
; The process
debug = False
daemon = True
foreground = False
workdir = %(prefix)s
pidfile = /var/run/kytos/kytosd.pid
logging = /etc/kytos/logging.ini
logger_decorators = ["kytos.core.logger_decorators.queue_decorator",
    "kytos.core.logger_decorators.apm_decorator"]
log_format = %%(asctime)s - %%(levelname)s [%%(name)s] %%(message)s ; 100%% # of it

# Southbound
listen = 0.0.0.0
port = 6653
protocol_name: openflow
connection_timeout = 130
enable_entities_by_default = False
vlan_pool = {"00:00:00:00:00:00:00:01": {"1": [[1, 100], [200, 300]], "4": [[1, 4095]]},
             # a comment inside a value vanishes
             "00:00:00:00:00:00:00:02": {}}

# REST
api_port = 8181
api_traceback_on_500 = True
api_concurrency_limit = 160
authenticate_urls = ["/api/kytos/mef_eline", "/api/kytos/pathfinder",
                     "/api/kytos/settings"]
jwt_secret = 4a;b#c'"=:5
token_expiration_minutes = 180

# NApps
napps = %(prefix)s/napps
installed_napps = %(NAPPS)s/.installed
napps_repositories = [
    "https://napps.kytos.io/repo/"

    ]
napps_pre_installed = ["kytos/of_core",
\t"kytos/of_lldp",

\t"kytos/settings"]

# Threads and buffers
thread_pool_max_workers = {"sb": 256, "db": 256, "app": 512}
event_buffer_conf =
    {
        "msg_out": {"queue": {"type": "priority", "maxsize": "threadpool_sb", "maxsize_multiplier": 10}},
        "msg_in": {"queue": {"type": "priority", "maxsize": "threadpool_sb", "maxsize_multiplier": 10}},
        "raw": {"queue": {"type": "queue", "maxsize": "threadpool_sb", "maxsize_multiplier": 10}},
        "app": {"queue": {"type": "queue", "maxsize": "threadpool_app", "maxsize_multiplier": 20}}
    }
event_buffer_monitors = [{"min_hits": 5, "delta_secs": 5, "min_queue_full_percent": 90, "log_at_most_n": 0,
    "buffers": ["msg_in", "msg_out", "raw", "app"]}]
thread_pool_queue_monitors = [{"min_hits": 5, "delta_secs": 5, "min_queue_full_percent": 90, "log_at_most_n": 0,
    "queues": ["sb", "app", "db"]}]

# Backends
database =
apm = es

[settings]
backend = etcd
controller = controller-1
port = 8182

[settings.etcd]
endpoints = ["http://10.0.0.1:2379",
    "http://10.0.0.2:2379"]
`
