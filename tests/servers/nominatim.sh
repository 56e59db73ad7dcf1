#!/usr/bin/env bash
# A real Nominatim on loopback, made from nothing out of one OpenStreetMap extract:
#
#   tests/servers/nominatim.sh EXTRACT WORKDIR PORT   sets up, imports, serves; prints the base URL once /status says OK
#   tests/servers/nominatim.sh stop WORKDIR           stops both servers; WORKDIR stays and the next start takes seconds
#
# EXTRACT is what osm2pgsql reads: .osm.pbf, .osm.gz, .osm. WORKDIR holds everything: a PostgreSQL cluster of its own
# that listens on a unix socket only (the system's clusters are not touched), Nominatim's project folder, a virtual
# environment where PYTHON (python3 unless set) lacks Nominatim, and logs/. Debian packages that are missing are
# installed where apt-get is there and we are root. PostgreSQL refuses to run as root, so as root its server runs as the
# user postgres, who has to reach WORKDIR; as anybody else everything runs as that user.
#
# Besides the packages nothing is fetched: `nominatim import --offline`. The grid of countries comes with nominatim-db;
# there are no Wikipedia importances (results of one kind are ranked by text alone), no special phrases ("cafe in Vaduz"
# is looked for as a name), and the database's date is not known (/status without data_updated).
#
# Exit status 69: something that is needed is missing and cannot be installed here. A failure leaves nothing running.
set -euo pipefail
unset PYTHONPATH "${!PG@}" "${!NOMINATIM_@}" # settings of another cluster or Nominatim

say() { printf 'nominatim.sh: %s\n' "$*" >&2; }
die() { say "$1"; exit "${2:-1}"; }
usage() { die "usage: nominatim.sh EXTRACT WORKDIR PORT, or: nominatim.sh stop WORKDIR" 64; }

root() { [ "$(id -u)" = 0 ]; }
as_postgres() { # in a folder that this user may enter
  if root; then (cd "$pg" && runuser -u postgres -- "$@"); else "$@"; fi
}
logged() { # logged NAME COMMAND...: quiet, and its last lines only when it fails, which ends all with status $failed
  local log="$logs/$1.log"
  shift
  # 9 is the lock, which a server that stays must not keep.
  "$@" >>"$log" 2>&1 </dev/null 9>&- || { tail -n 20 "$log" >&2; die "'$*' failed; see $log" "${failed:-1}"; }
}

# --- what has to be installed

postgres_bin() { # the programs' folder of the newest PostgreSQL that has PostGIS
  local bin
  while read -r bin; do
    [ -x "$bin/initdb" ] && [ -e "$("$bin/pg_config" --sharedir)/extension/postgis_raster.control" ] || continue
    echo "$bin"
    return 0 # said, since in a trap a bare return gives the status that the trap came with
  done < <({ ls -d /usr/lib/postgresql/*/bin | sort -rV; pg_config --bindir; } 2>/dev/null)
  return 1
}
has_nominatim() { "$1" -c 'import falcon, nominatim_api, nominatim_db, psycopg, uvicorn' 2>/dev/null; }
needs() { # Debian packages that are missing
  postgres_bin >/dev/null || echo postgresql postgresql-postgis
  command -v osm2pgsql >/dev/null || echo osm2pgsql
  has_nominatim "$python" && return 0
  # PyICU comes as source.
  command -v g++ >/dev/null || echo g++
  { command -v pkg-config >/dev/null && pkg-config --exists icu-i18n; } || echo libicu-dev pkg-config
  "$python" -c 'import ensurepip' 2>/dev/null || echo python3-venv
  [ -e "$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] || echo python3-dev
}
install_packages() {
  local missing drop_in=/etc/postgresql-common/createcluster.d/whence-none.conf
  missing="$(needs | tr '\n' ' ')"
  [ -n "$missing" ] || return 0
  root && command -v apt-get >/dev/null || die "missing, and neither root nor apt-get to install it: $missing" 69
  say "installing $missing"
  # Without this the package makes and starts a cluster on port 5432.
  mkdir -p "$(dirname "$drop_in")"
  echo 'create_main_cluster = off' >"$drop_in"
  export DEBIAN_FRONTEND=noninteractive
  local apt=(timeout 900 apt-get -qq -o DPkg::Lock::Timeout=120) status=0
  # shellcheck disable=SC2086
  { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends $missing; } \
    >"$logs/apt.log" 2>&1 </dev/null 9>&- || status=$?
  rm -f "$drop_in"
  missing="$(needs | tr '\n' ' ')"
  [ -z "$missing" ] || { tail -n 5 "$logs/apt.log" >&2; die "apt-get ($status) did not install: $missing" 69; }
}
install_nominatim() { # leaves its interpreter in $python
  has_nominatim "$python" && return 0
  if ! has_nominatim "$work/venv/bin/python"; then
    say "installing Nominatim in $work/venv"
    rm -rf "$work/venv"
    local failed=69
    logged pip "$python" -m venv "$work/venv"
    logged pip "$work/venv/bin/python" -m pip install --disable-pip-version-check \
      'nominatim-db>=5.3,<5.4' 'nominatim-api>=5.3,<5.4' 'falcon>=4,<5' 'uvicorn>=0.30'
  fi
  python="$work/venv/bin/python"
}

# --- PostgreSQL

make_cluster() {
  [ "$(cat "$pg/made" 2>/dev/null)" = "$bin" ] && return 0 # as made by this PostgreSQL
  stop_postgres
  rm -rf "$pg/data" "$work/imported"
  logged initdb as_postgres "$bin/initdb" --pgdata="$pg/data" --username=nominatim --encoding=UTF8 --locale=C.UTF-8 \
    --auth=peer
  # Only this user (and the server's) gets in, as the owner of the database or as the reader that the web server is.
  echo 'local all all peer map=whence' >"$pg/data/pg_hba.conf"
  printf 'whence "%s" %s\n' "$(id -un)" nominatim "$(id -un)" nominatim_reader >"$pg/data/pg_ident.conf"
  # A lost database is made again in a minute or two, so it need not survive a power cut.
  cat >>"$pg/data/postgresql.conf" <<CONF
listen_addresses = ''
fsync = off
full_page_writes = off
synchronous_commit = off
max_wal_size = 1GB
shared_buffers = 256MB
maintenance_work_mem = 256MB
work_mem = 32MB
jit = off
CONF
  echo "$bin" >"$pg/made"
}
postgres_runs() { as_postgres "$bin/pg_ctl" status --pgdata="$pg/data" >/dev/null 2>&1; }
start_postgres() {
  postgres_runs && return 0
  logged pg_ctl as_postgres "$bin/pg_ctl" start --wait --timeout=60 --pgdata="$pg/data" \
    --log="$pg/postgresql.log" --options="-k $pg"
}
stop_postgres() {
  [ -e "$pg/data" ] && postgres_runs || return 0
  logged pg_ctl as_postgres "$bin/pg_ctl" stop --wait --mode=fast --pgdata="$pg/data"
}

# --- Nominatim

nominatim_main='from nominatim_db.cli import nominatim; raise SystemExit(nominatim())'
dsn() { echo "pgsql:dbname=nominatim;host=$pg;user=$1"; }
import_extract() {
  local key
  key="$(sha256sum <"$extract") $("$python" -c 'from nominatim_db.version import NOMINATIM_VERSION as v; print(v)')"
  [ "$(cat "$work/imported" 2>/dev/null)" = "$key" ] && return 0
  stop_web
  rm -rf "$work/imported" "$work/project" "$logs/import.log"
  mkdir "$work/project"
  printf '%s\n' "NOMINATIM_DATABASE_DSN='$(dsn nominatim_reader)'" NOMINATIM_DATABASE_WEBUSER=nominatim_reader \
    >"$work/project/.env"
  psql -h "$pg" -U nominatim -d postgres -qX -v ON_ERROR_STOP=1 >&2 <<'SQL'
SET client_min_messages = warning;
DROP DATABASE IF EXISTS nominatim WITH (FORCE);
SELECT 'CREATE ROLE nominatim_reader LOGIN' WHERE to_regrole('nominatim_reader') IS NULL \gexec
SQL
  say "importing $extract"
  NOMINATIM_DATABASE_DSN="$(dsn nominatim)" logged import "$python" -c "$nominatim_main" import \
    --offline --no-updates --project-dir "$work/project" --osm-file "$extract"
  echo "$key" >"$work/imported"
}
web_pid() { # of our web server, if it runs: a number of a past start may be another program's by now
  local pid
  pid="$(cat "$work/web.pid" 2>/dev/null)" || return 1
  grep -qzxF -- "$work/project" "/proc/$pid/cmdline" 2>/dev/null && echo "$pid"
}
stop_web() {
  local pid
  pid="$(web_pid)" || return 0
  kill "$pid" 2>/dev/null || true
  for _ in $(seq 100); do web_pid >/dev/null || return 0; sleep 0.1; done
  kill -KILL "$pid" 2>/dev/null || true
}
answers() {
  "$python" - "$url/status" 2>/dev/null <<'PY'
import sys
from urllib.request import ProxyHandler, build_opener

sys.exit(build_opener(ProxyHandler({})).open(sys.argv[1], timeout=10).read() != b"OK")
PY
}
serve() {
  if web_pid >/dev/null; then
    [ "$(cat "$work/web.url")" = "$url" ] && answers && return 0
    stop_web
  fi
  "$python" - "$port" 2>/dev/null <<'PY' || die "port $port of 127.0.0.1 is taken; choose another"
import socket
import sys

with socket.socket() as probe:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind(("127.0.0.1", int(sys.argv[1])))
PY
  # In a session of its own, so that neither Ctrl-C nor a closed terminal ends it.
  setsid "$python" -c "$nominatim_main" serve --project-dir "$work/project" --server "127.0.0.1:$port" \
    >>"$logs/web.log" 2>&1 </dev/null 9>&- &
  echo "$!" >"$work/web.pid"
  echo "$url" >"$work/web.url"
  for _ in $(seq 120); do
    sleep 0.5
    kill -0 "$!" 2>/dev/null || break
    answers && return 0
  done
  tail -n 20 "$logs/web.log" >&2
  die "no answer from $url/status; see $logs/web.log"
}

# --- the two commands

enter() { # enter WORKDIR: the names of what is in it, and the lock on it
  work="$(realpath -m "$1")" pg="$(realpath -m "$1")/pg" logs="$(realpath -m "$1")/logs"
  [[ "$work" =~ ^[A-Za-z0-9_./+-]+$ ]] || die "in a work folder's path there may be A-Z a-z 0-9 _ . / + - only: $work" 64
  [ "${#pg}" -le 80 ] || die "choose a shorter work folder, a socket's path has at most 107 bytes: $work" 64
  mkdir -p "$logs" "$pg"
  exec 9>"$work/lock"
  flock -n 9 || die "another nominatim.sh is at work in $work"
}
stop() {
  stop_web
  bin="$(postgres_bin)" || return 0 # then it was never made
  stop_postgres
}

[ "$#" -ge 2 ] || usage
if [ "$1" = stop ]; then
  [ "$#" = 2 ] && [ -d "$2" ] || usage
  enter "$2"
  stop
  exit
fi
[ "$#" = 3 ] && [[ "$3" =~ ^[0-9]{1,5}$ ]] || usage
[ -r "$1" ] || die "cannot read $1" 66
extract="$(realpath "$1")" port="$3" url="http://127.0.0.1:$3" python="${PYTHON:-python3}"
command -v "$python" >/dev/null || die "no $python here" 69
enter "$2"
served=
trap '[ -n "$served" ] || stop || true' EXIT
install_packages
bin="$(postgres_bin)"
export PATH="$bin:$PATH"
if root; then
  chown postgres: "$pg"
  as_postgres test -w "$pg" || die "the user postgres cannot reach $work: chmod o+x it and the folders above"
fi
install_nominatim
make_cluster
start_postgres
import_extract
serve
served=yes
echo "$url"
