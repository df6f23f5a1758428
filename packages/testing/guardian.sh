#!/bin/sh
# Kills and cleans up for a process that may die without notice. It reads from stdin, whose other end that process holds:
#
#   watch PID    kill it (SIGKILL) at the end
#   forget PID   it has ended by itself
#   remove PATH  remove the file or directory at the end
#
# The end is the end of input, which comes however the process goes: a crash and SIGKILL close the pipe too.
# A shell script, because it starts in a millisecond and works before anything is installed or built.
pids=' '
while IFS=' ' read -r action value; do
  case "$action" in
    watch) pids="$pids$value " ;;
    forget) pids=$(printf '%s' "$pids" | sed "s/ $value / /") ;;
    remove) set -- "$@" "$value" ;;
  esac
done
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
for path in "$@"; do rm -rf "$path"; done
