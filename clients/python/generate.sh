#!/bin/sh
# Generates the Python code for proto/ into the folder named; needs grpcio-tools.
set -e
root=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:-"$root/clients/python/gen"}
mkdir -p "$out"
cd "$root/proto"
"${PYTHON:-python3}" -m grpc_tools.protoc -I . --python_out="$out" --grpc_python_out="$out" \
  $(find alys google -name '*.proto')
