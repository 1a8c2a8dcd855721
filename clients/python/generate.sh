#!/bin/sh
# Makes alys/ of all services; PYTHON (python3 without it) has what the extra `generate` names.
set -e
cd "$(dirname "$0")"
python=${PYTHON:-python3}
out=$(pwd)
rm -rf alys
mkdir alys
bin=$("$python" -c 'import sysconfig; print(sysconfig.get_path("scripts"))')
cd ../../proto
PATH="$bin:$PATH" "$python" -m grpc_tools.protoc -I . \
  --python_out="$out" --pyi_out="$out" --grpc_python_out="$out" --mypy_grpc_out=quiet:"$out" $(find alys -name '*.proto' | sort)
cd "$out"
# Ordinary packages, so that every tool finds them and their types.
for folder in $(find alys -type d); do : > "$folder/__init__.py"; done
: > alys/py.typed
