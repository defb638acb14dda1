#!/bin/sh
# Runs an empty MariaDB in a folder: mariadb.sh FOLDER ADDRESS PORT. Needs mariadb-install-db and
# mariadbd (Debian: mariadb-server-core). The user `dev` needs no password.
set -eu
folder=$1 address=$2 port=$3
PATH=$PATH:/usr/sbin
# Where MariaDB is, if it is not installed but unpacked somewhere.
base=$(dirname "$(dirname "$(command -v mariadb-install-db)")")

if [ ! -d "$folder/data" ]; then
    mariadb-install-db --no-defaults --basedir="$base" --datadir="$folder/data" --user="$(id -un)" \
        --auth-root-authentication-method=normal --skip-test-db >&2
    cat >"$folder/init.sql" <<'SQL'
CREATE USER 'dev'@'%';
GRANT ALL ON *.* TO 'dev'@'%';
CREATE DATABASE shop;
SQL
fi
exec mariadbd --no-defaults --basedir="$base" --datadir="$folder/data" --user="$(id -un)" \
    --socket="$folder/socket" --pid-file="$folder/pid" --init-file="$folder/init.sql" \
    --bind-address="$address" --port="$port" --skip-name-resolve
