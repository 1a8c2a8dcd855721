#!/bin/sh
# Generates the Go code for proto/ into the folder named (clients/go/gen without one); needs go and the buf of this package.
set -e
root=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:-"$root/clients/go/gen"}
bin=${ALYS_GO_BIN:-"$(dirname "$out")/bin"}
mkdir -p "$out" "$bin"
[ -x "$bin/protoc-gen-go" ] || GOBIN="$bin" go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.11
[ -x "$bin/protoc-gen-go-grpc" ] || GOBIN="$bin" go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.5.1
module=github.com/alys-network/alys-network/clients/go/gen
cat > "$bin/buf.gen.yaml" <<EOF
version: v2
plugins:
  - local: $bin/protoc-gen-go
    out: $out
    opt: [module=$module]
  - local: $bin/protoc-gen-go-grpc
    out: $out
    opt: [module=$module]
EOF
cd "$root"
node_modules/.bin/buf generate --template "$bin/buf.gen.yaml" \
  --path proto/alys/integration --path proto/alys/chain --path proto/alys/actor
