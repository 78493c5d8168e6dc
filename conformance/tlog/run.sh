#!/bin/sh
# Has outside programs check the transparency log: the one in testdata, and the
# running house's when SARAI_URL and SARAI_LOG_VKEY are set (SARAI_RECEIPT too,
# for a receipt file). Ends with 0 only if every check that ran has passed.
set -eu
cd "$(dirname "$0")"
if [ -n "${SARAI_URL:-}" ] && [ -z "${SARAI_LOG_VKEY:-}" ]; then
	# Good enough for a demo; whoever checks for real gets the key another way.
	SARAI_LOG_VKEY=$(curl -fsS "${SARAI_URL%/}/log/" | sed -n '/^Verifier keys:/,$p' | tail -n +2)
	export SARAI_LOG_VKEY
fi
exec go test -count=1 -timeout 5m -v ./...
