#!/bin/sh
# As the official images of Redis and Valkey start: options alone are the server's, which does not stay root, and clients
# of other hosts are let in.
set -e
server=$(command -v redis-server || command -v valkey-server)
case $1 in -*) set -- "$server" "$@" ;; esac
case $1 in
  redis-server | valkey-server | "$server")
    if [ "$(id -u)" = 0 ]; then
      chown -R 999:999 .
      exec setpriv --reuid=999 --regid=999 --clear-groups "$0" "$@"
    fi
    set -- "$@" --protected-mode no
    ;;
esac
exec "$@"
