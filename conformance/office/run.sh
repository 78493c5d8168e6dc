#!/bin/sh
# Prints what outside tools say about our letters, shaping and signatures.
set -eu
cd "$(dirname "$0")/../.."
for tool in hb-shape qpdf pdftotext pdfsig certutil openssl; do
	command -v "$tool" >/dev/null || echo "absent: $tool (its checks are skipped)"
done
go test -count=1 -v ./rooms/office/pdf ./rooms/office/letter ./rooms/office/pades |
	grep -E '^(=== NAME|---|    ---|        ---|            |ok|FAIL|PASS)' | grep -v 'FuzzTypesetting/'
