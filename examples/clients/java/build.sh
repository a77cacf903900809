#!/bin/sh
# Builds these programs without Maven, by what Debian 12 packages: default-jdk-headless, protobuf-compiler,
# protobuf-compiler-grpc-java-plugin, libgrpc-java, libprotobuf-java, libguava-java, libperfmark-java, libnetty-java,
# libnetty-tcnative-java, libnetty-tcnative-jni and libgeronimo-annotation-1.3-spec-java.
# Everything goes into a folder, ./target unless another is named; then: java @target/arguments MinistrySystem ...
# PYTHON names an interpreter with googleapis-common-protos, whose google/rpc is not among the packages of Debian.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${1:-$here/target}
mkdir -p "$target/generated" "$target/classes" "$target/native"
target=$(cd "$target" && pwd)
google=$("${PYTHON:-python3}" -c \
  'import pathlib, google.rpc.error_details_pb2 as found; print(pathlib.Path(found.__file__).parents[2])')

cd "$here/../../../proto"
find chancery/desk chancery/consultation chancery/message -name '*.proto' -exec \
  protoc -I . -I "$google" --java_out="$target/generated" \
  --plugin=protoc-gen-grpc-java="$(command -v grpc_java_plugin)" --grpc-java_out="$target/generated" \
  google/rpc/status.proto google/rpc/error_details.proto {} +

jars=
for name in geronimo-annotation-1.3-spec grpc-api grpc-context grpc-core grpc-netty grpc-protobuf grpc-protobuf-lite \
  grpc-stub guava netty-buffer netty-codec netty-codec-http netty-codec-http2 netty-common netty-handler netty-resolver \
  netty-tcnative netty-transport perfmark-api protobuf; do
  jars=$jars:/usr/share/java/$name.jar
done
javac -J-XX:TieredStopAtLevel=1 -nowarn -proc:none -encoding UTF-8 -d "$target/classes" \
  -cp "${jars#:}" -sourcepath "$target/generated" "$here"/*.java

# Debian's netty knows no ALPN by Java's own TLS, and looks for that of OpenSSL under another name than Debian gives it.
cp /usr/lib/*/jni/libnetty-tcnative.so "$target/native/libnetty_tcnative.so"
printf -- '-Djava.library.path=%s\n-cp\n%s\n' "$target/native" "$target/classes$jars" > "$target/arguments"
