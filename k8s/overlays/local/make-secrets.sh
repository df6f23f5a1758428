#!/bin/sh
# Writes secrets/ beside this file, once: the key that tokens are signed with, and the passwords of Redis. Run it again after
# deleting the folder to have new ones.
set -eu
cd "$(dirname "$0")"
if [ -e secrets ]; then
  echo "$PWD/secrets is there already: delete it to have new ones"
  exit 0
fi
umask 077
mkdir secrets

# Hexadecimal, as the passwords stand in URLs.
edge=$(openssl rand -hex 24)
producer=$(openssl rand -hex 24)
publisher=$(openssl rand -hex 24)
installer=$(openssl rand -hex 24)

echo "secret=$(openssl rand -hex 32)" > secrets/auth.env
cat > secrets/redis.env <<END
edge-url=redis://edge:$edge@valkey:6379
producers-url=redis://producer:$producer@valkey:6379
publisher-url=redis://publisher:$publisher@valkey:6379
END
echo "url=redis://installer:$installer@valkey:6379" > secrets/redis-installer.env
sed -e "s/EDGE_PASSWORD/$edge/" -e "s/PRODUCER_PASSWORD/$producer/" \
  -e "s/PUBLISHER_PASSWORD/$publisher/" -e "s/INSTALLER_PASSWORD/$installer/" \
  ../../components/valkey/users.acl.template > secrets/users.acl
echo "wrote $PWD/secrets"
