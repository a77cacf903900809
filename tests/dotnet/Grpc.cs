// gRPC by HttpClient under the names of Grpc.Net.Client and Grpc.StatusProto, as far as examples/clients/csharp uses them:
// no registry that the suite may ask has those. One request, one answer or many, deadlines, refusals with their details.
using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using Google.Protobuf;

namespace Grpc.Core
{
    public enum StatusCode
    {
        OK, Cancelled, Unknown, InvalidArgument, DeadlineExceeded, NotFound, AlreadyExists, PermissionDenied,
        ResourceExhausted, FailedPrecondition, Aborted, OutOfRange, Unimplemented, Internal, Unavailable, DataLoss,
        Unauthenticated,
    }

    public readonly struct Status
    {
        public Status(StatusCode code, string detail) => (StatusCode, Detail) = (code, detail);

        public StatusCode StatusCode { get; }

        public string Detail { get; }
    }

    public sealed class RpcException : Exception
    {
        internal RpcException(StatusCode code, string detail, byte[] details = null, Exception cause = null)
            : base(code + ": " + detail, cause)
        {
            Status = new Status(code, detail);
            Details = details;
        }

        public Status Status { get; }

        public StatusCode StatusCode => Status.StatusCode;

        internal byte[] Details { get; }
    }

    public static class RpcExceptionExtensions
    {
        public static Google.Rpc.Status GetRpcStatus(this RpcException refused) =>
            refused.Details is null ? null : Google.Rpc.Status.Parser.ParseFrom(refused.Details);
    }

    public sealed class AsyncUnaryCall<T>
    {
        internal AsyncUnaryCall(Task<T> answer) => ResponseAsync = answer;

        public Task<T> ResponseAsync { get; }

        public TaskAwaiter<T> GetAwaiter() => ResponseAsync.GetAwaiter();
    }

    public interface IAsyncStreamReader<out T>
    {
        T Current { get; }

        Task<bool> MoveNext(CancellationToken stop);
    }

    public static class AsyncStreamReaderExtensions
    {
        public static Task<bool> MoveNext<T>(this IAsyncStreamReader<T> answers) => answers.MoveNext(default);

        public static async IAsyncEnumerable<T> ReadAllAsync<T>(this IAsyncStreamReader<T> answers)
        {
            while (await answers.MoveNext(default))
            {
                yield return answers.Current;
            }
        }
    }

    public sealed class AsyncServerStreamingCall<T> : IDisposable
    {
        private readonly IDisposable line;

        internal AsyncServerStreamingCall(IAsyncStreamReader<T> answers, IDisposable line) =>
            (ResponseStream, this.line) = (answers, line);

        public IAsyncStreamReader<T> ResponseStream { get; }

        public void Dispose() => line.Dispose();
    }
}

namespace Google.Rpc
{
    public static class StatusExtensions
    {
        public static T GetDetail<T>(this Status status)
            where T : class, IMessage<T>, new() =>
            status.Details.Select(any => any.TryUnpack(out T detail) ? detail : null).FirstOrDefault(one => one != null);
    }
}

namespace Grpc.Net.Client
{
    using Grpc.Core;

    public sealed class GrpcChannelOptions
    {
        public HttpMessageHandler HttpHandler { get; set; }
    }

    public sealed class GrpcChannel
    {
        private readonly HttpClient client;

        private GrpcChannel(HttpClient client) => this.client = client;

        public static GrpcChannel ForAddress(string address, GrpcChannelOptions options) =>
            new GrpcChannel(new HttpClient(options.HttpHandler)
            {
                BaseAddress = new Uri(address),
                Timeout = Timeout.InfiniteTimeSpan,
            });

        internal AsyncUnaryCall<T> Unary<T>(string path, IMessage request, MessageParser<T> parser, DateTime? deadline)
            where T : IMessage<T> => new AsyncUnaryCall<T>(One(path, request, parser, deadline));

        internal AsyncServerStreamingCall<T> Streaming<T>(
            string path, IMessage request, MessageParser<T> parser, DateTime? deadline)
            where T : IMessage<T>
        {
            var line = new Line<T>(client, path, request, parser, deadline);
            return new AsyncServerStreamingCall<T>(line, line);
        }

        private async Task<T> One<T>(string path, IMessage request, MessageParser<T> parser, DateTime? deadline)
            where T : IMessage<T>
        {
            using var line = new Line<T>(client, path, request, parser, deadline);
            if (!await line.MoveNext(default))
            {
                throw new RpcException(StatusCode.Internal, "the call ended without an answer");
            }
            var answer = line.Current;
            return await line.MoveNext(default)
                ? throw new RpcException(StatusCode.Internal, "the call had more than one answer")
                : answer;
        }
    }

    /// <summary>One call: five bytes of frame and a message there, the same back, and the status in the trailer.</summary>
    internal sealed class Line<T> : IAsyncStreamReader<T>, IDisposable
        where T : IMessage<T>
    {
        private const int FrameBytes = 5;
        private readonly MessageParser<T> parser;
        private readonly CancellationTokenSource deadline = new CancellationTokenSource();
        private readonly Task<HttpResponseMessage> response;
        private Stream body;

        public Line(HttpClient client, string path, IMessage request, MessageParser<T> parser, DateTime? until)
        {
            this.parser = parser;
            var framed = new byte[FrameBytes + request.CalculateSize()];
            BinaryPrimitives.WriteInt32BigEndian(framed.AsSpan(1), framed.Length - FrameBytes);
            request.ToByteArray().CopyTo(framed, FrameBytes);
            var call = new HttpRequestMessage(HttpMethod.Post, path)
            {
                Version = new Version(2, 0),
                Content = new ByteArrayContent(framed),
            };
            call.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
            call.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
            if (until is { } end)
            {
                var left = (int)Math.Max(1, (end - DateTime.UtcNow).TotalMilliseconds);
                call.Headers.Add("grpc-timeout", left + "m");
                deadline.CancelAfter(left);
            }
            response = client.SendAsync(call, HttpCompletionOption.ResponseHeadersRead, deadline.Token);
        }

        public T Current { get; private set; }

        public async Task<bool> MoveNext(CancellationToken stop)
        {
            try
            {
                body ??= await (await response).Content.ReadAsStreamAsync();
                var frame = await Read(FrameBytes);
                if (frame.Length == 0)
                {
                    Judge(await response);
                    return false;
                }
                Current = parser.ParseFrom(await Read(BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(1))));
                return true;
            }
            catch (OperationCanceledException passed)
            {
                throw new RpcException(StatusCode.DeadlineExceeded, "the deadline has passed", null, passed);
            }
            catch (Exception broken) when (broken is HttpRequestException || broken is IOException)
            {
                throw new RpcException(StatusCode.Unavailable, broken.ToString(), null, broken);
            }
        }

        public void Dispose()
        {
            deadline.Cancel();
            deadline.Dispose();
        }

        private async Task<byte[]> Read(int wanted)
        {
            var bytes = new byte[wanted];
            var there = 0;
            while (there < wanted)
            {
                var more = await body.ReadAsync(bytes, there, wanted - there, deadline.Token);
                if (more == 0)
                {
                    return there == 0 ? Array.Empty<byte>() : throw new IOException("the answer was cut off");
                }
                there += more;
            }
            return bytes;
        }

        /// <summary>The status is in the trailer, or where nothing was answered in the header.</summary>
        private static void Judge(HttpResponseMessage response)
        {
            string Told(string name) =>
                response.TrailingHeaders.TryGetValues(name, out var values) || response.Headers.TryGetValues(name, out values)
                    ? values.First() : null;
            var code = Told("grpc-status") is { } number ? (StatusCode)int.Parse(number) : StatusCode.Unknown;
            if (code == StatusCode.OK)
            {
                return;
            }
            var details = Told("grpc-status-details-bin");
            details = details?.PadRight((details.Length + 3) / 4 * 4, '=');
            throw new RpcException(
                code, Uri.UnescapeDataString(Told("grpc-message") ?? string.Empty),
                details is null ? null : Convert.FromBase64String(details));
        }
    }
}
