#!/bin/sh
# Writes secrets/ beside this file, once: the key that tokens are signed with, and the passwords of Redis. Run it again
# after deleting the folder to have new ones.
set -eu
cd "$(dirname "$0")"
if [ -e secrets ]; then
  echo "$PWD/secrets is there already: delete it to have new ones"
  exit 0
fi

# 256 bits in hexadecimal, which needs no quoting in URLs; with what every system has.
random() { head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }

umask 077
mkdir secrets
edge=$(random)
producer=$(random)
publisher=$(random)
installer=$(random)

echo "secret=$(random)" > secrets/auth.env
# With the namespace in the name, so that the URLs hold for publishers in other namespaces too.
cat > secrets/redis.env <<END
edge-url=redis://edge:$edge@valkey.tickcast:6379
producers-url=redis://producer:$producer@valkey.tickcast:6379
publisher-url=redis://publisher:$publisher@valkey.tickcast:6379
END
echo "url=redis://installer:$installer@valkey.tickcast:6379" > secrets/redis-installer.env
sed -e "s/EDGE_PASSWORD/$edge/" -e "s/PRODUCER_PASSWORD/$producer/" \
  -e "s/PUBLISHER_PASSWORD/$publisher/" -e "s/INSTALLER_PASSWORD/$installer/" \
  ../../components/valkey/users.acl.template > secrets/users.acl
echo "wrote $PWD/secrets"
