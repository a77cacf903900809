using System;
using System.IO;
using System.Net.Http;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Chancery.Desk.V1;
using Grpc.Net.Client;

/// <summary>The way to a desk: mutual TLS as one client, by .NET 8 or later.</summary>
internal static class Desk
{
    private const int AnswerBytesMax = 64 * 1024 * 1024;

    /// <summary>
    /// Connects as the client whose folder is named, as `chancery desk enrol` wrote it; the desk is asked for its own
    /// name, wherever it is reached. One of these is enough for a client and process: do not make one for each call.
    /// </summary>
    public static DeskService.DeskServiceClient Connect(string host, int port, string serverName, string folder)
    {
        var roots = new X509Certificate2Collection();
        roots.ImportFromPemFile(Path.Combine(folder, "root.pem"));
        var certificates = Path.Combine(folder, "client.pem");
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(certificates);                       // the authority after it must be sent too
        var own = X509Certificate2.CreateFromPemFile(certificates, Path.Combine(folder, "client.key"));
        if (OperatingSystem.IsWindows())                             // which takes no key that rests in memory alone
        {
            own = new X509Certificate2(own.Export(X509ContentType.Pkcs12));
        }
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            KeepAlivePingDelay = TimeSpan.FromSeconds(60),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(20),
            EnableMultipleHttp2Connections = true,
            SslOptions =
            {
                ClientCertificateContext = SslStreamCertificateContext.Create(own, chain, offline: true),
                CertificateChainPolicy = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust,
                    RevocationMode = X509RevocationMode.NoCheck,
                },
            },
            // .NET asks for the name that stands in the address, so here is where that name is to be found.
            ConnectCallback = async (_, stop) =>
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                try
                {
                    await socket.ConnectAsync(host, port, stop);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
        };
        handler.SslOptions.CertificateChainPolicy.CustomTrustStore.AddRange(roots);
        var options = new GrpcChannelOptions { HttpHandler = handler, MaxReceiveMessageSize = AnswerBytesMax };
        return new DeskService.DeskServiceClient(GrpcChannel.ForAddress($"https://{serverName}:{port}", options));
    }
}
