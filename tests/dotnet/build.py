"""Builds the C# programs that the suite runs: build.py KIT FOLDER

KIT is what `install` made. Messages are protoc's; clients have the names that Grpc.Tools gives them, over Grpc.cs. Roslyn
compiles inside this process, by Python.NET. FOLDER then has FirstNote.dll and Guide.dll.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import clr_loader
import pythonnet
from google.protobuf import descriptor_pb2

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RUNTIME = {
    "runtimeOptions": {
        "framework": {"name": "Microsoft.NETCore.App", "version": "3.1.0"},
        "configProperties": {"System.Globalization.Invariant": True},
    }
}


def messages(folder: Path) -> list[Path]:
    """What protoc makes of the three packages a client needs, and the descriptors of them."""
    generated = folder / "generated"
    shutil.rmtree(generated, ignore_errors=True)
    generated.mkdir(parents=True)
    packages = ("desk", "consultation", "message")
    protos = sorted(file for name in packages for file in (ROOT / "proto/chancery" / name).rglob("*.proto"))
    command = ["protoc", "-I", ROOT / "proto", "-I", HERE, f"--csharp_out={generated}", "--csharp_opt=base_namespace="]
    command += [f"--descriptor_set_out={folder}/protos.set", *protos, HERE / "details.proto"]
    subprocess.run(command, check=True)
    return sorted(generated.rglob("*.cs"))


def clients(descriptors: bytes) -> str:
    """A client class for each service, its methods named and called as those of Grpc.Tools."""
    files = descriptor_pb2.FileDescriptorSet.FromString(descriptors).file

    def spelled(name: str) -> str:
        *package, message = name.lstrip(".").split(".")
        return "global::" + ".".join([*map(str.capitalize, package), message])

    source = []
    for file in files:
        for service in file.service:
            client = f"{service.name}Client"
            source.append(f"namespace {spelled(file.package + '.X')[8:-2]} {{ public static class {service.name} {{")
            source.append(f"public sealed class {client} {{ private readonly global::Grpc.Net.Client.GrpcChannel channel;")
            source.append(f"public {client}(global::Grpc.Net.Client.GrpcChannel channel) => this.channel = channel;")
            for method in (one for one in service.method if not one.client_streaming):
                asks, answers = spelled(method.input_type), spelled(method.output_type)
                call, how, name = ("AsyncUnaryCall", "Unary", f"{method.name}Async")
                if method.server_streaming:
                    call, how, name = ("AsyncServerStreamingCall", "Streaming", method.name)
                path = f"/{file.package}.{service.name}/{method.name}"
                source.append(
                    f"public global::Grpc.Core.{call}<{answers}> {name}({asks} request, global::System.DateTime? deadline) =>"
                    f' channel.{how}("{path}", request, {answers}.Parser, deadline);'
                )
            source.append("}}}")
    return "\n".join(source)


def guide() -> str:
    """The program around the note of the guide, with the note."""
    blocks = (ROOT / "docs/integrate.md").read_text(encoding="utf-8").split("```csharp\n")[1:]
    [lines] = [block.split("```")[0] for block in blocks if "ReleaseDraftAsync" in block]
    return (HERE / "Guide.cs").read_text(encoding="utf-8").replace("//LINES//", lines)


class Compiler:
    """Roslyn, on the runtime of the kit."""

    def __init__(self, kit: Path, folder: Path):
        runtime = folder / "runtimeconfig.json"
        runtime.write_text(json.dumps(RUNTIME))
        pythonnet.set_runtime(clr_loader.get_coreclr(runtime_config=str(runtime), dotnet_root=str(kit / "dotnet")))
        import clr

        sys.path.append(str(kit / "roslyn"))
        for name in ("System.Collections.Immutable", "System.Reflection.Metadata", "Microsoft.CodeAnalysis"):
            clr.AddReference(name)
        clr.AddReference("Microsoft.CodeAnalysis.CSharp")
        [shared] = (kit / "dotnet/shared/Microsoft.NETCore.App").iterdir()
        self.framework = [file for file in shared.glob("*.dll") if file.name.startswith(("System.", "netstandard"))]
        self.folder = folder

    def compile(self, name: str, sources: list[str], libraries: list[Path], program: bool) -> Path:
        """One assembly of these sources; what is wrong with them is said, and ends this."""
        from Microsoft.CodeAnalysis import DiagnosticSeverity, MetadataReference, OutputKind, SyntaxTree
        from Microsoft.CodeAnalysis.CSharp import (
            CSharpCompilation, CSharpCompilationOptions, CSharpParseOptions, CSharpSyntaxTree, LanguageVersion,
        )
        from System import Array, String
        from System.IO import File

        said = Array[String](["GOOGLE_PROTOBUF_REFSTRUCT_COMPATIBILITY_MODE"])
        language = CSharpParseOptions(LanguageVersion.CSharp9).WithPreprocessorSymbols(said)
        trees = Array[SyntaxTree]([CSharpSyntaxTree.ParseText(source, language) for source in sources])
        found = [MetadataReference.CreateFromFile(str(file)) for file in (*self.framework, *libraries)]
        kind = OutputKind.ConsoleApplication if program else OutputKind.DynamicallyLinkedLibrary
        made = CSharpCompilation.Create(name, trees, Array[MetadataReference](found), CSharpCompilationOptions(kind))
        assembly = self.folder / f"{name}.dll"
        stream = File.Create(str(assembly))
        try:
            result = made.Emit(stream)
        finally:
            stream.Dispose()
        if not result.Success:
            wrong = [str(one) for one in result.Diagnostics if one.Severity == DiagnosticSeverity.Error]
            sys.exit("\n".join([f"{name} does not compile", *wrong]))
        if program:
            (self.folder / f"{name}.runtimeconfig.json").write_text(json.dumps(RUNTIME))
        return assembly


def main(kit: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    read = lambda file: file.read_text(encoding="utf-8-sig")
    protobuf = Path(shutil.copy(kit / "Google.Protobuf.dll", folder))
    sources = [read(file) for file in messages(folder)]
    compiler = Compiler(kit, folder)
    sources += [clients((folder / "protos.set").read_bytes()), read(HERE / "Grpc.cs")]
    library = compiler.compile("Chancery", sources, [protobuf], program=False)
    note = read(ROOT / "examples/clients/csharp/FirstNote.cs")
    for name, source in (("FirstNote", note), ("Guide", guide())):
        compiler.compile(name, [source, read(HERE / "Desk.cs")], [protobuf, library], program=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
