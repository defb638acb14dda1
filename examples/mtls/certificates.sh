#!/bin/sh
# Makes an authority and certificates that last a day, in ./certs. Needs openssl.
set -eu
mkdir -p certs
cd certs

authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -sha256 \
        -subj "/CN=$1" -addext basicConstraints=critical,CA:TRUE -keyout "$1.key" -out "$1.pem"
}

# NAME AUTHORITY: a certificate for NAME.internal.
certificate() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
        -keyout "$1.key" -out "$1.csr"
    printf 'subjectAltName=DNS:%s.internal\n' "$1" >"$1.ext"
    openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 1 -sha256 \
        -extfile "$1.ext" -out "$1.pem"
}

authority ca
authority other
for name in payment shop edge intern; do
    certificate "$name" ca
done
certificate stranger other
