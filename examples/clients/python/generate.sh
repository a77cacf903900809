#!/bin/sh
# Generates the Python stubs of the desk service from proto/ into a folder, ./generated unless another is named.
# Nothing of it is committed: generate it wherever the system is built. PYTHON names an interpreter with grpcio-tools.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${1:-$here/generated}
mkdir -p "$target"
target=$(cd "$target" && pwd)
python=${PYTHON:-python3}
case $python in */*) python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python") ;; esac
cd "$here/../../../proto"
# desk/v1 is the service; its acts are those of consultation/v1, its terms those of message/v1.
find chancery/desk chancery/consultation chancery/message -name '*.proto' -exec \
  "$python" -m grpc_tools.protoc -I . --python_out="$target" --pyi_out="$target" --grpc_python_out="$target" {} +
