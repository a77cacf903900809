// Takes the place of examples/clients/csharp/Desk.cs on .NET Core 3.1, which knows neither PEM files nor roots of one's
// own nor another address than that of the name.
using System;
using System.IO;
using System.Linq;
using System.Net.Http;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading;
using System.Threading.Tasks;
using Chancery.Desk.V1;
using Grpc.Net.Client;

internal static class Desk
{
    public static DeskService.DeskServiceClient Connect(string host, int port, string serverName, string folder)
    {
        var root = Pem(folder, "root.pem").Select(der => new X509Certificate2(der)).Single();
        var chain = Pem(folder, "client.pem").Select(der => new X509Certificate2(der)).ToArray();
        using var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(Pem(folder, "client.key").Single(), out _);
        Offer(chain[1]);
        var handler = new SocketsHttpHandler { UseProxy = false };
        handler.SslOptions.ClientCertificates = new X509CertificateCollection { chain[0].CopyWithPrivateKey(key) };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, path, errors) =>
            (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) == 0 && EndsAt(root, path, shown);
        var options = new GrpcChannelOptions { HttpHandler = new Elsewhere(handler, host) };
        return new DeskService.DeskServiceClient(GrpcChannel.ForAddress($"https://{serverName}:{port}", options));
    }

    /// <summary>Whether a chain holds and ends at this root and no other.</summary>
    private static bool EndsAt(X509Certificate2 root, X509Chain path, X509Certificate shown)
    {
        path.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        path.ChainPolicy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority;
        path.ChainPolicy.ExtraStore.Add(root);
        return path.Build(new X509Certificate2(shown))
            && path.ChainElements[path.ChainElements.Count - 1].Certificate.RawData.SequenceEqual(root.RawData);
    }

    /// <summary>The authority above the own certificate is sent with it if it stands in the user's store.</summary>
    private static void Offer(X509Certificate2 authority)
    {
        using var store = new X509Store(StoreName.CertificateAuthority, StoreLocation.CurrentUser);
        store.Open(OpenFlags.ReadWrite);
        store.Add(authority);
    }

    private static byte[][] Pem(string folder, string name) =>
        File.ReadAllText(Path.Combine(folder, name))
            .Split("-----").Where((_, place) => place % 4 == 2).Select(Convert.FromBase64String).ToArray();

    /// <summary>Dials another host than the address names; what is verified is the name in the line "host".</summary>
    private sealed class Elsewhere : DelegatingHandler
    {
        private readonly string host;

        public Elsewhere(HttpMessageHandler inner, string host)
            : base(inner) => this.host = host;

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken stop)
        {
            request.Headers.Host = request.RequestUri.Authority;
            request.RequestUri = new UriBuilder(request.RequestUri) { Host = host }.Uri;
            return base.SendAsync(request, stop);
        }
    }
}
