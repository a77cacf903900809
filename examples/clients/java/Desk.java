import chancery.desk.v1.DeskServiceGrpc;
import chancery.desk.v1.DeskServiceGrpc.DeskServiceBlockingStub;
import chancery.desk.v1.DeskServiceGrpc.DeskServiceStub;
import chancery.desk.v1.DocumentInfo;
import chancery.desk.v1.DownloadDocumentRequest;
import chancery.desk.v1.DownloadDocumentResponse;
import chancery.desk.v1.ExportEvidenceRequest;
import chancery.desk.v1.ExportEvidenceResponse;
import chancery.desk.v1.GetUploadRequest;
import chancery.desk.v1.Upload;
import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.Iterator;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;

/**
 * One desk, as a system of its ministry calls it: deadlines, retries, refusals that can be acted on, documents that go
 * on where they were cut, and a certificate that may be replaced meanwhile. Copy this file with Refused and Watch.
 */
final class Desk implements AutoCloseable {
    private static final int ANSWER_BYTES_MAX = 64 * 1024 * 1024;
    private static final Duration CALL_DEADLINE = Duration.ofSeconds(30);
    private static final Duration TRANSFER_DEADLINE = Duration.ofMinutes(10);
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final Duration UNPROVEN_PAUSE = Duration.ofSeconds(2);

    private final String host;
    private final int port;
    private final String serverName;
    private final Path identity;
    private Path connectedAs;
    private ManagedChannel channel;

    /** `identity` is the folder that `chancery desk enrol` wrote, or a symbolic link to it. */
    Desk(String host, int port, String serverName, Path identity) {
        this.host = host;
        this.port = port;
        this.serverName = serverName;
        this.identity = identity;
    }

    /** Something that is asked of the desk. */
    interface Attempt<A> {
        A make() throws IOException, InterruptedException;
    }

    /** A call that is answered at once. */
    interface Call<A> {
        A of(DeskServiceBlockingStub desk);
    }

    /** Calls, and calls again with the very same request for as long as the desk or the line asks for it. */
    <A> A call(Call<A> call) throws Refused, IOException, InterruptedException {
        return again(() -> call.of(blocking(CALL_DEADLINE)));
    }

    /** Uploads a document, from where an earlier attempt ended; its SHA-256 is how a draft names it. */
    ByteString upload(Path document) throws Refused, IOException, InterruptedException {
        ByteString digest = sha256(document);
        again(() -> {
            GetUploadRequest which = GetUploadRequest.newBuilder().setDigest(digest).build();
            Upload held = blocking(CALL_DEADLINE).getUpload(which);
            return held.getComplete() ? held : uploadFrom(held.getHeld(), document, digest);
        });
        return digest;
    }

    private Upload uploadFrom(long offset, Path document, ByteString digest) throws IOException, InterruptedException {
        try (Pieces pieces = new Pieces(document, digest, offset)) {
            async(TRANSFER_DEADLINE).uploadDocument(pieces);
            return pieces.answer().get();
        } catch (ExecutionException failed) {
            if (failed.getCause() instanceof StatusRuntimeException refused) {
                throw refused;
            }
            throw new IOException("the upload of " + document + " ended", failed.getCause());
        }
    }

    /** Downloads a document, from where an earlier attempt ended, and keeps it only if its digest is right. */
    void download(String message, String documentId, Path target) throws Refused, IOException, InterruptedException {
        Path unfinished = target.resolveSibling(target.getFileName() + ".part");
        DocumentInfo document = again(() -> {
            long offset = Files.exists(unfinished) ? Files.size(unfinished) : 0;
            Iterator<DownloadDocumentResponse> answers = blocking(TRANSFER_DEADLINE).downloadDocument(
                    DownloadDocumentRequest.newBuilder()
                            .setMessage(message).setDocumentId(documentId).setOffset(offset).build());
            DocumentInfo told = answers.next().getDocument();
            try (OutputStream file = Files.newOutputStream(
                    unfinished, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
                while (answers.hasNext()) {
                    answers.next().getContent().writeTo(file);
                }
            }
            return told;
        });
        if (!sha256(unfinished).equals(document.getDigest())) {
            Files.delete(unfinished);
            throw new IOException(documentId + " of " + message + " is another document than its sender signed");
        }
        Files.move(unfinished, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Writes the evidence of a message or consultation, once both sides prove all of it. */
    void export(String name, Path target) throws Refused, IOException, InterruptedException {
        ExportEvidenceRequest request = ExportEvidenceRequest.newBuilder().setName(name).build();
        Instant until = Instant.now().plus(PATIENCE);
        while (true) {
            ExportEvidenceResponse first = again(() -> exportOnce(request, target));
            if (!sha256(target).equals(first.getDigest())) {
                throw new IOException("the evidence of " + name + " did not arrive whole");
            }
            if (first.getLeftOut() == 0) {
                return;
            }
            if (Instant.now().isAfter(until)) {
                throw new IOException(first.getLeftOut() + " messages of " + name + " are not proven by both sides");
            }
            Thread.sleep(UNPROVEN_PAUSE.toMillis());
        }
    }

    private ExportEvidenceResponse exportOnce(ExportEvidenceRequest request, Path target) throws IOException {
        Iterator<ExportEvidenceResponse> answers = blocking(TRANSFER_DEADLINE).exportEvidence(request);
        ExportEvidenceResponse first = answers.next();
        try (OutputStream file = Files.newOutputStream(target)) {
            while (answers.hasNext()) {
                answers.next().getContent().writeTo(file);
            }
        }
        return first;
    }

    DeskServiceBlockingStub blocking(Duration deadline) throws IOException {
        return DeskServiceGrpc.newBlockingStub(channel()).withDeadlineAfter(deadline.toMillis(), TimeUnit.MILLISECONDS);
    }

    DeskServiceStub async(Duration deadline) throws IOException {
        return DeskServiceGrpc.newStub(channel()).withDeadlineAfter(deadline.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** The connection: another one as soon as the link to the identity leads elsewhere. Calls under way end on the old. */
    private synchronized ManagedChannel channel() throws IOException {
        Path now = identity.toRealPath();
        if (!now.equals(connectedAs)) {
            ManagedChannel fresh = connect(now);
            close();
            channel = fresh;
            connectedAs = now;
        }
        return channel;
    }

    /** Mutual TLS that believes one root, and asks for one name, wherever the desk is reached. */
    private ManagedChannel connect(Path own) throws IOException {
        return NettyChannelBuilder.forAddress(host, port)
                .overrideAuthority(serverName)
                .sslContext(GrpcSslContexts.forClient()
                        .keyManager(own.resolve("client.pem").toFile(), own.resolve("client.key").toFile())
                        .trustManager(own.resolve("root.pem").toFile())
                        .protocols("TLSv1.3").build())
                .keepAliveTime(60, TimeUnit.SECONDS)
                .keepAliveTimeout(20, TimeUnit.SECONDS)
                .maxInboundMessageSize(ANSWER_BYTES_MAX)
                .build();
    }

    /** Takes no new calls; those under way go on to their end. */
    @Override
    public synchronized void close() {
        if (channel != null) {
            channel.shutdown();
        }
        channel = null;
        connectedAs = null;
    }

    /** Attempts something until it is done, is refused for good, or patience ends. */
    private static <A> A again(Attempt<A> attempt) throws Refused, IOException, InterruptedException {
        Instant until = Instant.now().plus(PATIENCE);
        while (true) {
            try {
                return attempt.make();
            } catch (StatusRuntimeException error) {
                Refused refused = Refused.of(error);
                Duration pause = refused.pause().orElseThrow(() -> refused);
                if (Instant.now().plus(pause).isAfter(until)) {
                    throw refused;
                }
                Thread.sleep(pause.toMillis());
            }
        }
    }

    static ByteString sha256(Path path) throws IOException {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            try (InputStream file = new DigestInputStream(Files.newInputStream(path), digest)) {
                file.transferTo(OutputStream.nullOutputStream());
            }
            return ByteString.copyFrom(digest.digest());
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
