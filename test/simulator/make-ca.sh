#!/bin/sh
#
# make-ca.sh DIR: certificates for tests of TLS, made anew.
#
#	ca.pem						the authority to trust
#	server.pem, server.key		localhost, 127.0.0.1 and ::1
#	wrong-host.pem, .key		the same authority, another name
#	expired.pem, .key			localhost, but it ended in 2020
#	other-ca.pem				an authority that signed none of them
#
# Keys can be read by the owner alone.  Nothing is left in DIR besides.
set -eu

dir=${1:?usage: make-ca.sh DIR}
mkdir -p "$dir"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 077

# authority NAME: NAME.pem in the directory, its key among the work files
authority()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-sha256 -days 3650 -subj "/CN=chainstream test $1" \
		-addext 'basicConstraints=critical,CA:TRUE' \
		-addext 'keyUsage=critical,keyCertSign,cRLSign' \
		-keyout "$work/$1.key" -out "$dir/$1.pem" 2>"$work/log" ||
		{ cat "$work/log" >&2; exit 1; }
}

# certificate FILE NAMES START END: signed by the first authority
certificate()
{
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-subj "/CN=$1" -keyout "$dir/$1.key" -out "$work/request" \
		2>"$work/log" || { cat "$work/log" >&2; exit 1; }
	printf '%s\n' "subjectAltName=$2" 'basicConstraints=CA:FALSE' \
		'extendedKeyUsage=serverAuth' >"$work/extensions"
	openssl ca -batch -notext -config "$work/config" -in "$work/request" \
		-extfile "$work/extensions" -startdate "$3" -enddate "$4" \
		-out "$dir/$1.pem" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
}

authority ca
authority other-ca
: >"$work/index"
cat >"$work/config" <<EOF
[ca]
default_ca = test
[test]
database = $work/index
new_certs_dir = $work
rand_serial = yes
certificate = $dir/ca.pem
private_key = $work/ca.key
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
EOF
certificate server 'DNS:localhost,IP:127.0.0.1,IP:::1' \
	20200101000000Z 20491231235959Z
certificate wrong-host 'DNS:elsewhere.invalid' 20200101000000Z 20491231235959Z
certificate expired 'DNS:localhost,IP:127.0.0.1,IP:::1' \
	20190101000000Z 20200101000000Z
chmod a+r "$dir"/*.pem
