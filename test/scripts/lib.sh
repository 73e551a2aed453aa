# shellcheck shell=bash
#
# What the scripts behind `make check`, `make demo` and `make bench` share:
# where things are, who runs PostgreSQL, and a private cluster in a folder.
# Sourced, never run.
#
# PostgreSQL refuses to run as root.  So whoever is root becomes the user
# "postgres", whom the Debian packages have created, for everything but apt;
# whoever is not root stays himself.  All files live below one folder in /tmp
# (a socket's path must be short), owned by that user, and are removed at the
# end.  Nothing of the system is changed.

set -u
shopt -s nullglob

CS_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CS_SCRIPTS=$CS_ROOT/test/scripts

# Numbers and messages are parsed below; the user's language must not matter.
# /usr/sbin: a plain user's PATH may lack it, and runuser and apt want it.
export LC_ALL=C.UTF-8
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# A server elsewhere that the user has configured is none of our business.
unset PGHOST PGPORT PGUSER PGDATABASE PGPASSWORD PGSERVICE PGDATA PGOPTIONS

cs_say()
{
	printf '%s\n' "$*" >&2
}

cs_fail()
{
	cs_say "$(basename "$0"): $*"
	exit 1
}

# Print the pg_config to use: $PG_CONFIG, or that of the newest PostgreSQL
# whose server and headers are both installed.
cs_pg_config()
{
	local dir best=

	if [ -n "${PG_CONFIG:-}" ]; then
		command -v "$PG_CONFIG" || cs_fail "PG_CONFIG=$PG_CONFIG is not a program"
		return
	fi
	for dir in $(printf '%s\n' /usr/lib/postgresql/*/ | sort -V); do
		if [ -x "$dir/bin/postgres" ] && [ -x "$dir/bin/pg_config" ] &&
			[ -f "$dir/lib/pgxs/src/makefiles/pgxs.mk" ]; then
			best=${dir}bin/pg_config
		fi
	done
	[ -n "$best" ] || cs_fail "no PostgreSQL with server headers found" \
		"below /usr/lib/postgresql; set PG_CONFIG"
	printf '%s\n' "$best"
}

# The user that runs PostgreSQL here.
cs_user()
{
	if [ "$(id -u)" != 0 ]; then
		id -un
	else
		printf 'postgres\n'
	fi
}

# Run a command as that user, in the environment as it is.
cs_as_user()
{
	if [ "$(id -u)" != 0 ]; then
		"$@"
	else
		setpriv --reuid=postgres --regid=postgres --init-groups \
			env HOME="${CS_DIR:-/tmp}" USER=postgres LOGNAME=postgres "$@"
	fi
}

# Make the folder of this run, $CS_DIR, belonging to that user.
cs_make_dir()
{
	CS_DIR=$(mktemp -d "/tmp/chainstream-$1.XXXXXX") || exit 1
	[ "$(id -u)" != 0 ] || chown postgres: "$CS_DIR"
}

# Copy the tree to $1, without what building it has left behind.
cs_copy_tree()
{
	mkdir -p "$1" &&
		tar -C "$CS_ROOT" -cf - --exclude=./.git --exclude=./build \
			--exclude=./log --exclude=./tmp_check --exclude=./results \
			--exclude=node_modules --exclude='*.o' --exclude='*.so' \
			--exclude='*.bc' . | tar -C "$1" -xf - --no-same-owner || return 1
	[ "$(id -u)" != 0 ] || chown -R postgres: "$1"
}

# ---------- private clusters ----------
#
# These want $CS_PG_BIN, which private-postgres prints.

# Run one of its programs from the cluster's folder, since that user may not
# be allowed to be where we are.
cs_run_pg()
{
	(cd "$1" && shift && cs_as_user "$@")
}

# Create and start a cluster in $1, which listens on a socket in $1 only.
# The remaining arguments are lines of postgresql.conf.
cs_start_cluster()
{
	local dir=$1

	shift
	cs_run_pg "$dir" "$CS_PG_BIN/initdb" -D "$dir/data" -A trust -N -E UTF8 \
		--locale=C.UTF-8 -U postgres >"$dir/initdb.log" 2>&1 || {
		cat "$dir/initdb.log" >&2
		return 1
	}
	{
		printf '%s\n' "listen_addresses = ''" \
			"unix_socket_directories = '$dir'" \
			"port = $CS_PORT" \
			"shared_preload_libraries = 'chainstream'"
		[ $# = 0 ] || printf '%s\n' "$@"
	} >>"$dir/data/postgresql.conf"
	cs_run_pg "$dir" "$CS_PG_BIN/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w \
		start >/dev/null || {
		tail -n 20 "$dir/server.log" >&2
		return 1
	}
	export PGHOST=$dir PGPORT=$CS_PORT PGUSER=postgres PGDATABASE=postgres
}

# Stop it, if it runs.
cs_stop_cluster()
{
	if [ -f "$1/data/postmaster.pid" ]; then
		cs_run_pg "$1" "$CS_PG_BIN/pg_ctl" -D "$1/data" -m fast -w -t 20 stop \
			>/dev/null 2>&1 ||
			cs_run_pg "$1" "$CS_PG_BIN/pg_ctl" -D "$1/data" -m immediate stop \
				>/dev/null 2>&1
	fi
	return 0
}

# The port only names the socket, whose folder is private: it is always free.
CS_PORT=5432

# psql without the user's own settings, stopping at the first error.
cs_psql()
{
	"$CS_PG_BIN/psql" -X -q -v ON_ERROR_STOP=1 "$@"
}

# ---------- the simulator ----------

# Start the simulator with these arguments and wait until it is ready.  Sets
# CS_SIMULATOR_PID, CS_SIMULATOR_LOG and, from what it printed, CS_URL_nano,
# CS_URL_... and CS_CONTROL (host:port).
cs_start_simulator()
{
	local word what where _

	CS_SIMULATOR_LOG=$(mktemp "$CS_DIR/simulator.XXXXXX")
	chmod a+r "$CS_SIMULATOR_LOG"
	cs_as_user "$CS_SIMULATOR" "$@" >"$CS_SIMULATOR_LOG" 2>&1 &
	CS_SIMULATOR_PID=$!
	for _ in $(seq 200); do
		grep -q '^ready' "$CS_SIMULATOR_LOG" && break
		kill -0 "$CS_SIMULATOR_PID" 2>/dev/null || break
		sleep 0.05
	done
	if ! grep -q '^ready' "$CS_SIMULATOR_LOG"; then
		cat "$CS_SIMULATOR_LOG" >&2
		return 1
	fi
	while read -r word what where; do
		[ "$word" = listening ] || continue
		if [ "$what" = control ]; then
			CS_CONTROL=$where
		else
			printf -v "CS_URL_$what" '%s' "$where"
		fi
	done <"$CS_SIMULATOR_LOG"
}

# Send one command to the simulator's control port, print what it answers.
cs_control()
{
	local line

	exec 9<>"/dev/tcp/${CS_CONTROL%:*}/${CS_CONTROL##*:}" || return 1
	printf '%s\n' "$*" >&9
	IFS= read -r -t 5 line <&9
	exec 9>&-
	printf '%s\n' "$line"
}

cs_stop_simulator()
{
	if [ -n "${CS_SIMULATOR_PID:-}" ]; then
		kill "$CS_SIMULATOR_PID" 2>/dev/null
		wait "$CS_SIMULATOR_PID" 2>/dev/null
		CS_SIMULATOR_PID=
	fi
	return 0
}
