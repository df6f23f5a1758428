#!/bin/sh
# What a compose deployment needs that can't come with it: a secret for tokens and a certificate, in the volume /secrets.
#
#   first-start.sh                        makes what is not there yet
#   first-start.sh show-certificate       prints the certificate, for clients to trust
#   first-start.sh install-certificate    puts one of your own in its place: PEM on stdin, the chain and the key
#
# TICKCAST_AUTH_SECRET is taken as the secret, else a random one is made. TICKCAST_TLS_NAMES is a comma list of names and
# addresses that the self-made certificate is for besides localhost.
#
# Run as 1000:99: the edges' user owns the files, and the balancer's group may read the certificate's key.
set -eu
umask 077
folder=${TICKCAST_SECRETS_FOLDER:-/secrets}

fail() {
  echo "first-start: $1" >&2
  exit 1
}

# put NAME MODE: keeps stdin under that name. A reader sees the old file or the new one, never a part.
put() {
  cat >"$folder/$1.new"
  chmod "$2" "$folder/$1.new"
  mv "$folder/$1.new" "$folder/$1"
}

names() {
  printf 'DNS:localhost,IP:127.0.0.1,IP:::1'
  for name in $(printf '%s' "${TICKCAST_TLS_NAMES:-}" | tr ',' ' '); do
    case $name in
      *:*) printf ',IP:%s' "$name" ;;
      *[!0-9.]*) printf ',DNS:%s' "$name" ;;
      *) printf ',IP:%s' "$name" ;;
    esac
  done
}

# One that was installed has no names beside it, and is its owner's to renew.
certificate_is_good() {
  [ -e "$folder/tls.pem" ] || return 1
  [ -e "$folder/tls.names" ] || return 0
  [ "$(cat "$folder/tls.names")" = "$(names)" ] || return 1
  openssl x509 -in "$folder/tls.pem" -noout -checkend $((30 * 86400)) >/dev/null
}

make_certificate() {
  # P-256: every client knows it, and its handshake costs a fraction of RSA's. 825 days is the most that Apple's systems take.
  pem=$(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 825 -keyout - \
    -subj '/O=Tickcast, self-signed/CN=localhost' -addext "subjectAltName=$(names)" \
    -addext 'extendedKeyUsage=serverAuth' 2>/dev/null) || fail "no certificate could be made for $(names): check TICKCAST_TLS_NAMES"
  names | put tls.names 644
  printf '%s\n' "$pem" | put tls.pem 640
  echo "made a self-signed certificate for $(names)"
  echo 'where a balancer runs already, let it read it: docker compose kill --signal USR2 balancer'
}

install_certificate() {
  pem=$(cat)
  certificate_key=$(printf '%s\n' "$pem" | openssl x509 -noout -pubkey 2>/dev/null) ||
    fail 'no certificate on stdin: give PEM, the certificate first, then its chain, then its key'
  private_key=$(printf '%s\n' "$pem" | openssl pkey -pubout -passin pass: 2>/dev/null) ||
    fail 'no key without a password on stdin: give PEM, the certificate, its chain and its key'
  [ "$certificate_key" = "$private_key" ] || fail 'the key on stdin is not that of the first certificate'
  printf '%s\n' "$pem" | put tls.pem 640
  rm -f "$folder/tls.names"
  echo 'installed; let the balancer read it: docker compose kill --signal USR2 balancer'
}

[ -w "$folder" ] || fail "$folder can't be written by user $(id -u): it is the volume that belongs to user 1000"
case ${1:-} in
  '')
    if [ -n "${TICKCAST_AUTH_SECRET:-}" ]; then
      [ "${#TICKCAST_AUTH_SECRET}" -ge 32 ] || fail 'TICKCAST_AUTH_SECRET must have at least 32 bytes'
      printf '%s\n' "$TICKCAST_AUTH_SECRET" | put auth-secret 400
    elif [ ! -e "$folder/auth-secret" ]; then
      openssl rand -base64 48 | put auth-secret 400
      echo 'made a secret for tokens'
    fi
    certificate_is_good || make_certificate
    ;;
  show-certificate) openssl x509 -in "$folder/tls.pem" ;;
  install-certificate) install_certificate ;;
  *) fail "there is no \"$1\": use show-certificate or install-certificate, or nothing for a first start" ;;
esac
